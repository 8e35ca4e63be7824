"""Room evaluate: every metric of each run with its interval, under one named protocol."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from stages.room import command_line, make, parser, settings, typed
from vad.artefacts.files import write_json, write_text
from vad.artefacts.scores import ScoreFile, read_scores
from vad.evaluation.annotations import read_labels
from vad.evaluation.conventions import NAMED, annotated_by_intervals, scored_under, under_all
from vad.evaluation.curves import curves
from vad.evaluation.evaluate import evaluate
from vad.evaluation.ground_truth import convention
from vad.evaluation.operating_points import choose_threshold
from vad.evaluation.scored_video import JudgedVideo, VideoTruth
from vad.evaluation.selection_gap import selection_gap
from vad.ledger.records import Job
from vad.schema.evaluate import Bootstrap, Evaluate
from vad.splits.tables import read_test, read_train


def main(argv: Sequence[str] | None) -> None:
    """Run one job of the room."""
    flags = parser(__doc__)
    flags.add_argument("--scores", type=Path, nargs="+", required=True, help="score files of the runs")
    flags.add_argument("--train", type=Path, required=True, help="train.csv")
    flags.add_argument("--test", type=Path, required=True, help="test.csv")
    flags.add_argument("--labels", type=Path, required=True, help="folder of one label a frame; need not exist")
    args = flags.parse_args(argv)
    labels = sorted(args.labels.glob("*.npy"))
    config = typed(Evaluate, settings(args.section))
    for scores in args.scores:
        out = args.out / scores.stem
        job = Job("evaluate", out, args.section, args.code, [scores, args.train, args.test, *labels])
        make(job, lambda scores=scores, out=out: _measure(args, config, scores, out))


def _measure(args: argparse.Namespace, config: Evaluate, scores: Path, out: Path) -> None:
    """Choose the threshold on the validation part, then measure on the test list."""
    file = read_scores(scores)
    validation = _validation(read_train(args.train), file)
    threshold = choose_threshold(validation, config.threshold, normal_only=config.threshold_normal_only)
    test = read_test(args.test)
    labelled = read_labels(test, args.labels)
    videos, notes = scored_under(test, labelled, file, convention(config.ground_truth))
    result = evaluate(videos, threshold.value, config.bootstrap, file.level)
    protocol = {
        "ground_truth": config.ground_truth.model_dump(mode="json"),
        "threshold": vars(threshold),
        "bootstrap": config.bootstrap.model_dump(mode="json"),
        "level": file.level,
        "scores": file.protocol,
        "notes": notes,
    }
    epochs = (
        (number, scored_under(test, labelled, replace(file, videos=kept), convention(config.ground_truth)).videos)
        for number, kept in file.epochs.items()
    )
    gap = selection_gap(result, epochs, file.level)
    others = _conventions(test, labelled, file, threshold.value, config.bootstrap)
    write_json(
        out / "metrics.json", {"metrics": result, "protocol": protocol, "conventions": others, "selection_gap": gap}
    )
    write_text(
        out / "curves.csv", curves(videos, file.level, config.curve_points).to_csv(index=False, lineterminator="\n")
    )


def _validation(train: pd.DataFrame, file: ScoreFile) -> list[JudgedVideo]:
    """The validation videos: labels from the list, scores of this run."""
    rows = [row for row in train.to_dict("records") if row["part"] == "validation"]
    truth = [VideoTruth(video_id=r["video_id"], class_name=r["class"], label=r["label"], n_frames=1) for r in rows]
    return [video.scored(None, file.videos[video.video_id].video) for video in truth]


def _conventions(
    test: pd.DataFrame, labelled: Mapping[str, Any], file: ScoreFile, threshold: float, bootstrap: Bootstrap
) -> dict[str, Any]:
    """The same under every named convention; empty where the annotation leaves them no difference."""
    if file.level == "video" or not annotated_by_intervals(test):
        return {}
    runs = {name: scored_under(test, labelled, file, rules).videos for name, rules in NAMED.items()}
    measured = under_all(runs, threshold, bootstrap, workers=1)
    return {name: {k: v for k, v in result.items() if k != "classes"} for name, result in measured.items()}


if __name__ == "__main__":
    command_line(main)
