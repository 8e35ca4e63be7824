"""Points of the curves that are drawn and stored: ROC, precision-recall, and the distribution of the scores."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64

from vad.evaluation.judged_video import Frames, JudgedVideo, Level
from vad.evaluation.thresholds import ranks

BINS = 40
"""Of a distribution of scores."""
COLUMNS = ("curve", "x", "y")


def curves(videos: Sequence[JudgedVideo], level: Level, points: int) -> pd.DataFrame:
    """Curves of one run over its frames, or over its videos at level `video`.

    Args:
        videos: the test videos with labels and scores.
        level: `video` for a model that scores whole videos only.
        points: most points that are kept of a curve; they are points of the exact curve, evenly spaced along it.

    Returns: columns curve (roc | pr | scores_normal | scores_anomalous), x, y. For roc x = FPR, y = TPR; for pr
        x = recall, y = precision; for the two distributions x = score (centre of a bin), y = share of that class.
        Empty where frame labels are missing or one class is absent.
    """
    if level == "frame" and any(v.label == 1 and v.labels is None for v in videos):
        return pd.DataFrame([], columns=list(COLUMNS))
    scores, positive = _units(videos, level)
    if positive.all() or not positive.any():
        return pd.DataFrame([], columns=list(COLUMNS))
    found, false = _at_thresholds(scores, positive)
    tables = [_thin("roc", *roc_points(found, false), points), _thin("pr", *pr_points(found, false), points)]
    return pd.concat([*tables, *_distributions(scores, positive)], ignore_index=True)


Cumulated = Float64[np.ndarray, "thresholds"]


def _at_thresholds(
    scores: Float64[np.ndarray, "units"], positive: Bool[np.ndarray, "units"]
) -> tuple[Cumulated, Cumulated]:
    """Positives and negatives at or above each distinct score, highest score first."""
    rank, n_thresholds = ranks(scores)
    found, false = (np.cumsum(np.bincount(rank[chosen], minlength=n_thresholds)) for chosen in (positive, ~positive))
    return found.astype(float), false.astype(float)


def roc_points(
    found: Cumulated, false: Cumulated
) -> tuple[Float64[np.ndarray, "points"], Float64[np.ndarray, "points"]]:
    """False and true positive rates, from (0, 0) to (1, 1); points on a straight line between two others are left out.

    The same points as those of scikit-learn's `roc_curve`, whose import takes a second.
    """
    if len(found) > 2:
        corner = (np.diff(false, 2) != 0) | (np.diff(found, 2) != 0)
        kept = np.concatenate([[True], corner, [True]])
        found, false = found[kept], false[kept]
    return np.concatenate([[0.0], false / false[-1]]), np.concatenate([[0.0], found / found[-1]])


def pr_points(
    found: Cumulated, false: Cumulated
) -> tuple[Float64[np.ndarray, "points"], Float64[np.ndarray, "points"]]:
    """Recall and precision from (0, 1) on, with one point for each threshold; as scikit-learn, reversed."""
    return np.concatenate([[0.0], found / found[-1]]), np.concatenate([[1.0], found / (found + false)])


def on_grid(
    kind: str, x: Float64[np.ndarray, "points"], y: Float64[np.ndarray, "points"], grid: Float64[np.ndarray, "grid"]
) -> Float64[np.ndarray, "grid"]:
    """A curve at given places; where it jumps, its higher end; NaN for a curve without points.

    ROC points are joined by straight lines. Precision at a recall is that of the first threshold that reaches it.

    Args:
        kind: `roc` or `pr`.
        x: false positive rates, or recalls, in any order.
        y: true positive rates, or precisions.
        grid: the places, 0 to 1.
    """
    if not len(x):
        return np.full_like(grid, np.nan)
    order = np.lexsort((y, x))
    x, y = x[order], y[order]
    highest = np.append(np.diff(x) > 0, True)
    x, y = x[highest], y[highest]
    if kind == "roc":
        return np.interp(grid, x, y)
    reached = x > 0  # at recall 0 nothing is found: its precision is a convention
    return y[reached][np.searchsorted(x[reached], grid - 1e-9).clip(max=reached.sum() - 1)]


def _units(
    videos: Sequence[JudgedVideo], level: Level
) -> tuple[Float64[np.ndarray, "units"], Bool[np.ndarray, "units"]]:
    """Score and truth of each frame, or of each video at level `video`."""
    if level == "video":
        return np.array([v.video_score for v in videos]), np.array([v.label == 1 for v in videos])
    frames = Frames.of(videos)
    return frames.scores, frames.positive


def _thin(name: str, x: np.ndarray, y: np.ndarray, points: int) -> pd.DataFrame:
    """At most `points` points, evenly spaced along the curve, both ends kept."""
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    index = np.unique(np.searchsorted(length, np.linspace(0, length[-1], points)).clip(max=len(x) - 1))
    return pd.DataFrame({"curve": name, "x": x[index].round(6), "y": y[index].round(6)})


def _distributions(scores: np.ndarray, positive: np.ndarray) -> list[pd.DataFrame]:
    """Share of the frames (or videos) of each class in equal bins of the score."""
    edges = np.histogram_bin_edges(scores, BINS)
    centres = (edges[1:] + edges[:-1]) / 2
    tables = []
    for name, chosen in (("scores_normal", ~positive), ("scores_anomalous", positive)):
        share = np.histogram(scores[chosen], edges)[0] / chosen.sum()
        tables.append(pd.DataFrame({"curve": name, "x": centres.round(6), "y": share.round(6)}))
    return tables
