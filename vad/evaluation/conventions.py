"""One run under every ground-truth convention at once, so that a reader sees what the choice moves.

Conventions that give a data set the same labels and the same scores are measured once. The others are measured side
by side in threads: nearly all of the time is spent inside numpy.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Shaped

from vad.artefacts.scores import ScoreFile
from vad.evaluation.annotations import truth_of
from vad.evaluation.evaluate import METRICS, evaluate
from vad.evaluation.ground_truth import PRESETS, Convention, fit_scores
from vad.evaluation.scored_video import JudgedVideo, join
from vad.schema.evaluate import Bootstrap

NAMED: dict[str, Convention] = {
    **PRESETS,
    "vadclip_floor16": Convention("zero_based_half_open", "floor16"),
}
"""Every convention that has a name: the presets, and vadclip's other length."""
WORKERS = 2


def annotated_by_intervals(test: pd.DataFrame) -> bool:
    """Whether conventions can differ: `test.csv` has intervals in frames, and each anomalous video has some."""
    anomalous = test[test["label"] == 1]
    in_frames = (anomalous["unit"] == "frame") & (anomalous["intervals"] != "") & (anomalous["frame_labels"] == "")
    return bool(len(anomalous) and in_frames.all() and test["frame_level"].all())


class Scored(NamedTuple):
    """The test videos of one run under a convention, and what had to be mended in the annotations."""

    videos: list[JudgedVideo]
    notes: list[str]


def scored_under(
    test: pd.DataFrame, labelled: Mapping[str, Shaped[np.ndarray, "frames"]], file: ScoreFile, rules: Convention
) -> Scored:
    """The test videos of a run with labels and scores under one convention.

    Args:
        test: `test.csv` as `vad.splits.tables.read_test` gives it.
        labelled: one label a frame instead of intervals, by video id.
        file: the scores of the run; its validation videos are left out.
        rules: the convention.
    """
    scored = {k: v for k, v in file.videos.items() if v.part == "test"}
    lengths, fps = {k: v.n_frames for k, v in scored.items()}, {k: v.fps for k, v in scored.items()}
    truth = truth_of(test, lengths, fps, rules, labelled)
    frames = {k: fit_scores(v.frames, rules) for k, v in scored.items()} if file.level == "frame" else None
    own = {k: fit_scores(v.normalised, rules) for k, v in scored.items() if v.normalised is not None}
    videos = join(truth.videos, frames, {k: v.video for k, v in scored.items()}, own)
    return Scored([video.cut(scored[video.video_id].dropped) for video in videos], truth.notes)


def under_all(
    runs: Mapping[str, Sequence[JudgedVideo]],
    threshold: float | None = None,
    bootstrap: Bootstrap | None = None,
    workers: int = WORKERS,
) -> dict[str, dict[str, Any]]:
    """Every metric of one run under each convention, as `vad.evaluation.evaluate.evaluate` gives it.

    Args:
        runs: the scored videos by convention; those of equal content are measured once.
        threshold: the one operating point of the run.
        bootstrap: None = no intervals. The same draws everywhere.
        workers: threads.
    """
    same = {name: next(other for other in runs if _equal(runs[name], runs[other])) for name in runs}
    wanted = list(dict.fromkeys(same.values()))
    with ThreadPoolExecutor(workers) as pool:
        found = dict(
            zip(wanted, pool.map(lambda name: evaluate(runs[name], threshold, bootstrap), wanted), strict=True)
        )
    return {name: found[twin] for name, twin in same.items()}


def _equal(one: Sequence[JudgedVideo], two: Sequence[JudgedVideo]) -> bool:
    """Whether two score sets are the same, label by label and score by score."""
    return one is two or (
        len(one) == len(two)
        and all(
            a.video_id == b.video_id
            and np.array_equal(a.frame_truth(), b.frame_truth())
            and np.array_equal(np.asarray(a.scores), np.asarray(b.scores))
            for a, b in zip(one, two, strict=True)
        )
    )


def rows(measured: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row per convention: frames, positives, and each metric with its interval."""
    table = []
    for name, result in measured.items():
        row = {"ground_truth": name, **{k: result["counts"][k] for k in ("n_frames", "n_positive")}}
        for metric in METRICS:
            entry = result[metric]
            row |= {metric: entry["value"], f"{metric}_low": entry["low"], f"{metric}_high": entry["high"]}
        table.append(row)
    return table
