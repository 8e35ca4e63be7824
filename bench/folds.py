"""Cross-validation inside a train list: held-out `video_auc` of variants, and whether a refit helps them.

    python -m bench.folds --variants linear deepmil --folds 5

Each fold is scored by models that never saw it. They are trained on the rest of the list, of which the validation part,
drawn as in room split, chooses the epoch; then once more with `train.refit`. One seed; every difference is within the
same folds. The lists and features have to be made: `snakemake --cores all features_NAME`. The test list is not read.
"""

import argparse
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from tabulate import tabulate

from stages.plan import paths
from vad.artefacts.features import file_name
from vad.engine.batches import set_for
from vad.engine.build import load_weights, restored
from vad.engine.kept_epochs import held_out_file
from vad.engine.parts import part_of
from vad.engine.refit import TrainList
from vad.engine.score import video_scores
from vad.engine.train_run import VariantTraining
from vad.evaluation.thresholds import Thresholds, roc_area
from vad.models._base import VideoModel
from vad.params import load
from vad.schema.params import Variant
from vad.schema.train import Train
from vad.splits.carving import carve_validation
from vad.splits.tables import read_train
from vad.splits.video import Validation, Video

HEADS = ("variant", "held-out video_auc", "with refit", "refit minus without")


class Folds(NamedTuple):
    """Held-out `video_auc` of each fold, without and with a refit."""

    plain: Float[np.ndarray, " folds"]
    refit: Float[np.ndarray, " folds"]


def cross_validate(variant: Variant, table: pd.DataFrame, files: list[Path], validation: Validation, k: int) -> Folds:
    """Hold each fold of a train list out once.

    Args:
        variant: a weakly supervised one, or one trained on normal videos; the whole list has both labels.
        table: `train.csv`; its own parts are not used.
        files: the feature files, in the same order.
        validation: how the rest of a fold is divided.
        k: folds, >= 2.
    """
    plan = variant.train
    assert isinstance(plan, Train), "a variant that is trained"
    settings: Train = plan.model_copy(update={"refit": True, "keep_epochs": 0})
    section = {"model": variant.model, "model_args": variant.model_args, "train": settings.model_dump(mode="json")}
    areas = []
    for held in TrainList(table, files, lambda *_: None).folds(k):  # type: ignore[arg-type, return-value]
        rest = sorted(set(range(len(table))) - set(held))
        own = table.iloc[rest].reset_index(drop=True)
        videos = [Video(row["video_id"], "", "train", row["label"], row["class"]) for row in own.to_dict("records")]
        chosen = carve_validation(videos, validation.fraction, validation.seed)
        own["part"] = ["validation" if video in chosen else "fit" for video in own["video_id"]]
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder, "seed0")
            VariantTraining(section, settings, own, [files[row] for row in rest]).run(0, 1, run)
            model, _ = restored(run)
            labels = table["label"].iloc[held].tolist()
            refit = _area(model, [files[row] for row in held], labels)
            load_weights(model, held_out_file(run, 1))
            areas.append((_area(model, [files[row] for row in held], labels), refit))
    return Folds(*np.array(areas).T)


@torch.no_grad()
def _area(model: VideoModel, files: list[Path], labels: list[int]) -> float:
    """`video_auc` of the videos of a fold."""
    scores = video_scores(model.eval(), set_for(model, part_of(model, "validation", files, labels)))
    counts = Thresholds.of(scores, np.array(labels) == 1, np.zeros(len(scores), np.int64), 1, most=None)
    return float(roc_area(counts.positive, counts.negative)[0])


def _mean(values: Float[np.ndarray, " folds"], sign: str = "") -> str:
    """Mean and standard error over the folds."""
    return f"{values.mean():{sign}.3f} ± {values.std(ddof=1) / len(values) ** 0.5:.3f}"


def main() -> None:
    """Print one line for each variant."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--variants", nargs="+", required=True)
    flags.add_argument("--folds", type=int, default=5)
    args = flags.parse_args()
    params, lines = load(paths.PARAMS), []
    for name in args.variants:
        variant = params.variants[name]
        table = read_train(paths.tables(variant.dataset) / "train.csv")
        folder = paths.feature_folder(variant.features, variant.dataset)
        files = [folder / file_name(video_id) for video_id in table["video_id"]]
        validation = Validation.model_validate(params.datasets[variant.dataset].model_dump()["validation"])
        found = cross_validate(variant, table, files, validation, args.folds)
        lines.append([name, _mean(found.plain), _mean(found.refit), _mean(found.refit - found.plain, "+")])
        print(lines[-1], flush=True)
    print(tabulate(lines, headers=HEADS, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
