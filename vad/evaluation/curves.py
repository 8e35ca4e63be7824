"""The points of the curves that are drawn and versioned: ROC, precision-recall, and how scores are distributed."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64
from sklearn.metrics import precision_recall_curve, roc_curve

from vad.evaluation.scored_video import Frames, JudgedVideo, Level

BINS = 40
COLUMNS = ("curve", "x", "y")


def curves(videos: Sequence[JudgedVideo], level: Level, points: int) -> pd.DataFrame:
    """Curves of one run at its own level (frames, or whole videos).

    Args:
        videos: checked and scored.
        level: `frame`, or `video` for a model that scores whole videos only.
        points: most points kept of a curve; they are points of the exact curve, evenly spaced along it.

    Returns: columns curve (roc | pr | scores_normal | scores_anomalous), x, y. For roc x = FPR, y = TPR; for pr
        x = recall, y = precision; for the two distributions x = score (bin centre), y = share of that class.
        Empty when frame labels are missing or one class is absent.
    """
    if level == "frame" and any(v.label == 1 and v.labels is None for v in videos):
        return pd.DataFrame([], columns=list(COLUMNS))
    scores, positive = _units(videos, level)
    if positive.all() or not positive.any():
        return pd.DataFrame([], columns=list(COLUMNS))
    fpr, tpr, _ = roc_curve(positive, scores)
    precision, recall, _ = precision_recall_curve(positive, scores)
    tables = [_thin("roc", fpr, tpr, points), _thin("pr", recall[::-1], precision[::-1], points)]
    return pd.concat([*tables, *_distributions(scores, positive)], ignore_index=True)


def _units(
    videos: Sequence[JudgedVideo], level: Level
) -> tuple[Float64[np.ndarray, "units"], Bool[np.ndarray, "units"]]:
    if level == "video":
        return np.array([v.video_score for v in videos]), np.array([v.label == 1 for v in videos])
    frames = Frames.of(videos)
    return frames.scores, frames.positive


def _thin(name: str, x: np.ndarray, y: np.ndarray, points: int) -> pd.DataFrame:
    """At most `points` points, evenly spaced along the curve, both ends kept."""
    way = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    index = np.unique(np.searchsorted(way, np.linspace(0, way[-1], points)).clip(max=len(x) - 1))
    return pd.DataFrame({"curve": name, "x": x[index].round(6), "y": y[index].round(6)})


def _distributions(scores: np.ndarray, positive: np.ndarray) -> list[pd.DataFrame]:
    """Share of the units of each class in equal bins of score."""
    edges = np.histogram_bin_edges(scores, BINS)
    centres = (edges[1:] + edges[:-1]) / 2
    tables = []
    for name, chosen in (("scores_normal", ~positive), ("scores_anomalous", positive)):
        share = np.histogram(scores[chosen], edges)[0] / chosen.sum()
        tables.append(pd.DataFrame({"curve": name, "x": centres.round(6), "y": share.round(6)}))
    return tables
