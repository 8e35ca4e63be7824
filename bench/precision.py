"""What half precision changes in a result: `python -m bench.precision`.

The test videos of a data set are extracted with XFeat in float32, float16 and bfloat16; one trained run scores each,
and frame_auc is compared with its interval. Artefacts of the pipeline are read, nothing of it is changed. float16 is
computed by torch here, so that any CPU can: slowly (about 27 frames/s), with the roundings of float16. With `--int8`
the network that `vad export --precision int8` writes is compared with float32 alone.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from vad.artefacts.features import write_features
from vad.artefacts.scores import ScoreFile
from vad.engine.score_run import ListedVideo, score_run
from vad.evaluation.conventions import scored_under
from vad.evaluation.evaluate import evaluate
from vad.evaluation.ground_truth import convention
from vad.export import formats
from vad.export.calibration import spread
from vad.export.parts import EdgeExtractor
from vad.extractors._base import Source
from vad.extractors.xfeat import Config, Extractor
from vad.params import load
from vad.schema.evaluate import Evaluate
from vad.splits.tables import in_part, read_test, read_train

HALF = {"float32": None, "float16": torch.float16, "bfloat16": torch.bfloat16}


class AnyPrecision(Extractor):
    """XFeat in a precision that torch computes, whatever the CPU is fast at."""

    def __init__(self, name: str) -> None:
        super().__init__(Config(device="cpu"))
        self.half = HALF[name]

    def run(self, segments: torch.Tensor) -> torch.Tensor:
        """The rows of some segments."""
        with torch.autocast("cpu", self.half or torch.bfloat16, enabled=self.half is not None):
            return super().run(segments)


class Int8(Extractor):
    """XFeat as the file that `vad export --format openvino --precision int8` writes.

    Args:
        folder: for the file.
        train: videos that it is made for.
    """

    def __init__(self, folder: Path, train: Sequence[Path]) -> None:
        super().__init__(Config(device="cpu", batch_frames=1))
        edge, path = EdgeExtractor({"extractor": "xfeat"}), folder / "extractor.xml"
        ranges = edge.calibration(spread(train))
        formats.write(edge.network, ranges[0], "openvino", path, ranges)
        self.ready = formats.load(path)

    def run(self, segments: torch.Tensor) -> torch.Tensor:
        """The rows of one segment."""
        return self.ready(segments.contiguous())[0]


def frame_auc(scores: ScoreFile, test_table: Path) -> tuple[float, float, float]:
    """frame_auc with its interval, under the default ground truth."""
    config = Evaluate.model_validate({})
    judged = scored_under(read_test(test_table), {}, scores, convention(config.ground_truth)).videos
    found = evaluate(judged, 0.5, config.bootstrap, scores.level)["frame_auc"]
    return found["value"], found["low"], found["high"]


def main() -> int:
    """Print a row a precision; exit code 1 if one lies outside the interval of float32."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--data", type=Path, default=Path("data"), help="folder of the pipeline's artefacts")
    flags.add_argument("--variant", default="mstsm_segments", help="a trained variant that reads xfeat vectors")
    flags.add_argument("--dataset", default="mini_crime")
    flags.add_argument("--seed", type=int, default=0)
    flags.add_argument("--int8", action="store_true", help="compare the exported int8 network instead")
    options = flags.parse_args()
    run = options.data / "train" / options.variant / f"seed{options.seed}"
    split = options.data / "split" / options.dataset
    table = split / "tables" / "test.csv"
    videos = {path.stem: path for path in sorted((split / "raw").rglob("*.mp4"))}
    listed = [str(name) for name in read_test(table)["video_id"]]
    entry = load(Path("params.yaml")).variants[options.variant]
    infer = entry.infer
    rows, features = {}, {}
    train = read_train(split / "tables" / "train.csv")
    fit = [videos[str(name)] for name in train[in_part(train, "fit")]["video_id"]]
    for name in ("float32", "int8") if options.int8 else HALF:
        with tempfile.TemporaryDirectory() as folder:
            extractor = Int8(Path(folder), fit) if name == "int8" else AnyPrecision(name)
            files = {video: Path(folder, f"{video}.npz") for video in listed}
            made = [extractor.extract(Source(video, (videos[video],))) for video in listed]
            for file, path in zip(made, files.values(), strict=True):
                write_features(path, file)
            features[name] = np.concatenate([file.features for file in made])
            scored = score_run(run, [ListedVideo(video, "test", path) for video, path in files.items()], infer, 1)
        rows[name] = frame_auc(scored, table)
        away = np.linalg.norm(features[name] - features["float32"]) / np.linalg.norm(features["float32"])
        value, low, high = rows[name]
        print(f"{name:9} frame_auc {value:.4f} [{low:.4f}, {high:.4f}]  features differ by {away:.1e}", flush=True)
    _, low, high = rows["float32"]
    return 0 if all(low <= value <= high for value, _, _ in rows.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
