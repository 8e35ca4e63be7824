"""The metrics of one run under every ground-truth convention, so that a reader sees how much the choice changes.

Conventions that give the same labels and the same scores are measured once. The others are measured in parallel
threads, because nearly all of the time is spent inside numpy, which releases the interpreter.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Shaped

from vad.artefacts.scores import ScoreFile, StoredScores
from vad.evaluation.annotations import truth_of
from vad.evaluation.evaluate import evaluate
from vad.evaluation.ground_truth import PRESETS, Convention, fit_scores
from vad.evaluation.judged_video import JudgedVideo, Level, VideoTruth, join
from vad.evaluation.metrics import METRICS
from vad.schema.evaluate import Bootstrap

NAMED: dict[str, Convention] = {
    **PRESETS,
    "vadclip_floor16": Convention("zero_based_half_open", "floor16"),
}
"""Every convention with a name: the presets, and `vadclip` with its other length."""
OF_BAGS: dict[str, Convention] = {"sultani_m": Convention("one_based_inclusive", bag_frames="sultani_m")}
"""Conventions for scores of bags only, `sultani` with the frame expansion of its MATLAB code."""
WORKERS = 2
"""Threads."""


def annotated_by_intervals(test: pd.DataFrame) -> bool:
    """Whether conventions can differ: every anomalous video of `test.csv` is annotated by intervals in frames."""
    anomalous = test[test["label"] == 1]
    in_frames = (anomalous["unit"] == "frame") & (anomalous["intervals"] != "") & (anomalous["frame_labels"] == "")
    return bool(len(anomalous) and in_frames.all() and test["frame_level"].all())


def named_for(expansion: str | None) -> dict[str, Convention]:
    """The conventions under which a run is measured, in the order of the tables.

    Args:
        expansion: of the run's scores to frames, as its score file names it.
    """
    return {**NAMED, **OF_BAGS} if expansion == "bag_over_segments" else NAMED


class Scored(NamedTuple):
    """The test videos of one run under a convention."""

    truth: list[VideoTruth]
    """Their labels alone."""
    videos: list[JudgedVideo]
    notes: list[str]
    """What differs from the lists, such as annotations that had to be clipped."""


def scored_under(
    test: pd.DataFrame, labelled: Mapping[str, Shaped[np.ndarray, "frames"]], file: ScoreFile, rules: Convention
) -> Scored:
    """Join labels and scores of the test videos of a run under one convention.

    Args:
        test: `test.csv` as `vad.splits.tables.read_test` returns it.
        labelled: labels of the videos that have one for each frame instead of intervals, by video id.
        file: the scores of the run; its validation videos are left out.
        rules: the convention.
    """
    scored = {name: stored for name, stored in file.videos.items() if stored.part == "test"}
    lengths = {name: stored.n_frames for name, stored in scored.items()}
    truth = truth_of(test, lengths, {name: stored.fps for name, stored in scored.items()}, rules, labelled)
    return Scored(truth.videos, join_scores(truth.videos, scored, file.level, rules), truth.notes)


def join_scores(
    truth: Sequence[VideoTruth], scored: Mapping[str, StoredScores], level: Level, rules: Convention
) -> list[JudgedVideo]:
    """Join labels with stored scores, which are fitted to a convention; frames without a score are cut off both.

    Args:
        truth: the labels of the videos under that convention.
        scored: the scores of the same videos, by video id.
        level: of the scores.
        rules: the convention.
    """
    frames = {name: fit_scores(stored.frames, rules) for name, stored in scored.items()} if level == "frame" else None
    own = {
        name: fit_scores(stored.normalised, rules) for name, stored in scored.items() if stored.normalised is not None
    }
    videos = join(truth, frames, {name: stored.video for name, stored in scored.items()}, own)
    return [video.cut(scored[video.video_id].dropped) for video in videos]


def under_all(
    runs: Mapping[str, Sequence[JudgedVideo]],
    threshold: float | None = None,
    bootstrap: Bootstrap | None = None,
    workers: int = WORKERS,
    known: Mapping[str, dict[str, Any]] | None = None,
) -> dict[str, dict[str, Any]]:
    """Compute every metric of one run under each convention.

    Args:
        runs: the scored videos by convention; those of equal content are measured once.
        threshold: the one operating point of the run; None = none.
        bootstrap: None = no intervals. The draws are the same under every convention.
        workers: threads.
        known: results that are computed already, by convention.

    Returns: by convention, what `vad.evaluation.evaluate.evaluate` returns, without its `classes`.
    """
    # A convention with a known result comes first, so that its equals take that result.
    known = {name: {k: v for k, v in result.items() if k != "classes"} for name, result in (known or {}).items()}
    ordered = [*known, *(name for name in runs if name not in known)]
    same = {name: next(other for other in ordered if _equal(runs[name], runs[other])) for name in runs}
    wanted = [name for name in dict.fromkeys(same.values()) if name not in known]
    with ThreadPoolExecutor(workers) as pool:
        results = pool.map(lambda name: evaluate(runs[name], threshold, bootstrap, per_class=False), wanted)
        found = known | dict(zip(wanted, results, strict=True))
    return {name: found[twin] for name, twin in same.items()}


def _equal(one: Sequence[JudgedVideo], two: Sequence[JudgedVideo]) -> bool:
    """Whether two score sets have the same videos, labels and frame scores."""
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
    """One row for each convention: frames, positive frames, and each metric with its interval."""
    table = []
    for name, result in measured.items():
        row = {"ground_truth": name, **{k: result["counts"][k] for k in ("n_frames", "n_positive")}}
        for metric in METRICS:
            entry = result[metric]
            row |= {metric: entry["value"], f"{metric}_low": entry["low"], f"{metric}_high": entry["high"]}
        table.append(row)
    return table
