"""Training with all videos of the train list: the epoch is chosen first, on videos that are held out.

With `train.refit` one training on the fit part chooses the epoch by the validation part. With `train.select.folds`
several do, each by the fold that it did not see, and the mean of their criteria counts. A new model is then trained on
all videos for as many steps of the same schedule. Its scores of training videos would be too good to choose a threshold
by, so the weights of the first trainings are kept: they score the videos that each of them did not see. Constants that
a model takes from the validation part (`calibrate`) come from the same videos as without a refit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor

from vad.artefacts.features import stored_features
from vad.engine import checkpoints
from vad.engine.parts import Part
from vad.engine.train import Row, Trained, best_epoch, train
from vad.models._base import VideoModel
from vad.schema.train import Train
from vad.splits.folds import fold_of
from vad.splits.tables import in_part

CRITERIA = ("validation_loss", "video_auc", "video_ap")


@dataclass(frozen=True)
class HeldOut:
    """The chosen epoch of a training that did not see some videos of the train list."""

    state: dict[str, Tensor]
    videos: list[str]


@dataclass(frozen=True)
class TrainList:
    """The train list with its feature files, and the reader of a part of it.

    Attributes:
        videos: columns video_id, class, label and part; a row for each video.
        files: their feature files, in the same order.
        read: makes a part of a name (`fit` or `validation`) from the rows of some videos.
    """

    videos: pd.DataFrame
    files: Sequence[Path]
    read: Callable[[str, Sequence[int]], Part]

    def ids(self, rows: Sequence[int]) -> list[str]:
        """The ids of the videos of some rows."""
        return [str(self.videos["video_id"].iloc[row]) for row in rows]

    def folds(self, count: int) -> list[list[int]]:
        """The rows of each fold; videos with equal features are one video and stay together."""
        table = self.videos
        videos = list(zip(table["video_id"], table["label"].tolist(), table["class"], strict=True))
        same = [(stored.dtype.str, stored.shape, stored.crc) for stored in map(stored_features, self.files)]
        fold = np.array(fold_of(videos, same, count))
        return [np.flatnonzero(fold == number).tolist() for number in range(1, count + 1)]


@dataclass(frozen=True)
class Selected:
    """What training with a choice of the epoch gives.

    Attributes:
        trained: the model to be used.
        history: one row per epoch of the training, or the mean of the trainings, that chose the epoch.
        held_out: the trainings that chose, by number from 1; empty where the model itself did not see the validation
            part.
    """

    trained: Trained
    history: list[Row]
    held_out: dict[int, HeldOut]


def train_on_all(
    model: VideoModel,
    new_model: Callable[[], VideoModel],
    listed: TrainList,
    settings: Train,
    seed: int,
    threads: int,
    checkpoint: Path,
    made_by: str,
    after_epoch: Callable[[int], object],
) -> Selected:
    """Choose the epoch on videos that are held out, then train a model on the whole train list.

    Args:
        model: new; it is trained on all videos.
        new_model: makes the same one again, for the trainings that choose.
        listed: the train list.
        settings: with `refit` or `select.folds`.
        seed: of every training.
        threads: CPU threads, >= 1.
        checkpoint: of the training on all videos; those of the others lie beside it.
        made_by: what else decides the weights, as of `vad.engine.train.train`.
        after_epoch: called after each epoch of the training on all videos.

    Raises: as `vad.engine.train.train`; DatasetError for more folds than videos of a label.
    """
    validation = np.flatnonzero(in_part(listed.videos, "validation")).tolist()
    folds = listed.folds(settings.select.folds) if settings.select.folds else [validation]

    def hold_out(number: int, plan: Train, until: int | None = None) -> Trained:
        rows = folds[number - 1]
        rest = sorted(set(range(len(listed.videos))) - set(rows))
        parts = listed.read("fit", rest), listed.read("validation", rows)
        return train(new_model(), *parts, plan, seed, threads, _beside(checkpoint, number, until), made_by, until=until)

    runs = {number: hold_out(number, settings) for number in range(1, len(folds) + 1)}
    history = mean_history([run.history for run in runs.values()])
    epoch = best_epoch(history, settings.select_by)
    last = settings.model_copy(update={"select_by": "last", "patience": None})
    # A fold may have had its own best elsewhere. Trained again until the common epoch it takes the same steps.
    runs = {n: run if run.epoch == epoch else hold_out(n, last, epoch) for n, run in runs.items()}
    steps = max(max(run.steps for run in runs.values()), 1)
    plan = last.model_copy(update={"steps_per_epoch": steps})
    everything, part = listed.read("fit", range(len(listed.videos))), listed.read("validation", validation)
    trained = train(model, everything, part, plan, seed, threads, checkpoint, made_by, after_epoch, epoch)
    losses = {row["epoch"]: row["train_loss"] for row in trained.history}
    shown = [{**row, "refit_train_loss": losses.get(row["epoch"])} for row in history]
    return Selected(trained, shown, {n: HeldOut(run.state, listed.ids(folds[n - 1])) for n, run in runs.items()})


def mean_history(histories: Sequence[list[Row]]) -> list[Row]:
    """The mean of the trainings' histories, epoch by epoch.

    Returns: with two or more trainings also the standard error over them of each criterion, `<criterion>_se`; a
        value that is missing in one of them is None.
    """
    if len(histories) == 1:
        return histories[0]
    rows = []
    for same in zip(*histories, strict=True):
        row = {name: _mean([one[name] for one in same]) for name in same[0]}
        errors = {f"{name}_se": _standard_error([one[name] for one in same]) for name in CRITERIA}
        rows.append({**row, **errors, "epoch": same[0]["epoch"]})
    return rows


def _mean(values: Sequence[float | None]) -> float | None:
    """None where a value is missing."""
    found = [value for value in values if value is not None]
    return float(np.mean(found)) if len(found) == len(values) else None


def _standard_error(values: Sequence[float | None]) -> float | None:
    """Of the mean; None where a value is missing."""
    found = [value for value in values if value is not None]
    return float(np.std(found, ddof=1) / len(found) ** 0.5) if len(found) == len(values) else None


def _beside(checkpoint: Path, number: int, until: int | None) -> Path:
    """The checkpoint of a training that chooses, beside that of the training on all videos."""
    return checkpoint.with_name(f"{checkpoint.stem}.{number}{'' if until is None else 'again'}{checkpoint.suffix}")


def discard(checkpoint: Path) -> None:
    """Delete the checkpoints of all trainings of a run that is finished."""
    for path in checkpoint.parent.glob(f"{checkpoint.stem}.*{checkpoint.suffix}"):
        checkpoints.discard(path)
    checkpoints.discard(checkpoint)
