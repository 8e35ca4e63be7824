"""Room evaluate: every metric of one run with its interval, under one named protocol."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from stages.room import command_line, make, parser, settings, typed
from vad.annotations import read_labels, truth_of
from vad.artefacts import ScoreFile, read_scores, write_json, write_text
from vad.curves import curves
from vad.evaluation import evaluate
from vad.ground_truth import convention, fit_scores
from vad.provenance import Job
from vad.schema import Evaluate
from vad.splits import read_test, read_train
from vad.thresholds import choose_threshold
from vad.video_scores import VideoScores, VideoTruth, join


def main(argv: Sequence[str] | None) -> None:
    """Run one job of the room."""
    flags = parser(__doc__)
    flags.add_argument("--scores", type=Path, required=True, help="score file of the run")
    flags.add_argument("--train", type=Path, required=True, help="train.csv")
    flags.add_argument("--test", type=Path, required=True, help="test.csv")
    flags.add_argument("--labels", type=Path, required=True, help="folder of one label a frame; need not exist")
    args = flags.parse_args(argv)
    labels = sorted(args.labels.glob("*.npy"))
    job = Job("evaluate", args.out, args.section, args.code, [args.scores, args.train, args.test, *labels])
    make(job, lambda: _measure(args, typed(Evaluate, settings(args.section)), args.out))


def _measure(args: argparse.Namespace, config: Evaluate, out: Path) -> None:
    """Choose the threshold on the validation part, then measure on the test list."""
    file = read_scores(args.scores)
    validation = _validation(read_train(args.train), file)
    threshold = choose_threshold(validation, config.threshold, normal_only=config.threshold_normal_only)
    test = read_test(args.test)
    videos, notes = _test(test, read_labels(test, args.labels), file, config)
    result = evaluate(videos, threshold.value, config.bootstrap, file.level)
    protocol = {
        "ground_truth": config.ground_truth.model_dump(mode="json"),
        "threshold": vars(threshold),
        "bootstrap": config.bootstrap.model_dump(mode="json"),
        "level": file.level,
        "scores": file.protocol,
        "notes": notes,
    }
    write_json(out / "metrics.json", {"metrics": result, "protocol": protocol})
    write_text(
        out / "curves.csv", curves(videos, file.level, config.curve_points).to_csv(index=False, lineterminator="\n")
    )


def _validation(train: pd.DataFrame, file: ScoreFile) -> list[VideoScores]:
    """The validation videos: labels from the list, scores of this run."""
    rows = [row for row in train.to_dict("records") if row["part"] == "validation"]
    truth = [VideoTruth(video_id=r["video_id"], class_name=r["class"], label=r["label"], n_frames=1) for r in rows]
    return [video.scored(None, file.videos[video.video_id].video) for video in truth]


def _test(
    test: pd.DataFrame, labelled: Mapping[str, Any], file: ScoreFile, config: Evaluate
) -> tuple[list[VideoScores], list[str]]:
    """The test videos with truth and scores under the convention, and what had to be mended."""
    rules = convention(config.ground_truth)
    scored: dict[str, Any] = {k: v for k, v in file.videos.items() if v.part == "test"}
    lengths, fps = {k: v.n_frames for k, v in scored.items()}, {k: v.fps for k, v in scored.items()}
    truth = truth_of(test, lengths, fps, rules, labelled)
    frames = {k: fit_scores(v.frames, rules) for k, v in scored.items()} if file.level == "frame" else None
    own = {k: fit_scores(v.normalised, rules) for k, v in scored.items() if v.normalised is not None}
    videos = join(truth.videos, frames, {k: v.video for k, v in scored.items()}, own)
    return [video.cut(scored[video.video_id].dropped) for video in videos], truth.notes


if __name__ == "__main__":
    command_line(main)
