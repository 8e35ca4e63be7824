"""Definitions of the metrics, as formulas over the counts of `vad.evaluation.thresholds`.

Tests hold the areas equal to scikit-learn, which states the same definitions but works on one vector of frames at a
time. NaN inside means undefined; nothing that leaves `vad.evaluation.evaluate` is NaN.
"""

import numpy as np
from jaxtyping import Float64

from vad.evaluation.pair_counts import PairCounts
from vad.evaluation.scored_video import Frames
from vad.evaluation.thresholds import Counts, Values, ratio

FAR_LIMITS = {"recall_at_far_1pct": 0.01, "recall_at_far_0_1pct": 0.001}
"""Largest share of flagged normal-video frames, by metric name."""
RECALL_LIMITS = {"fpr_at_recall_80pct": 0.80, "fpr_at_recall_95pct": 0.95}
"""Smallest share of found positive frames, by metric name."""


def recall_at_far(positive: Counts, normal: Counts, limit: float) -> Values:
    """Largest recall among thresholds that flag at most the share `limit` of the frames of normal videos.

    Recall is over all positives. Thresholds are the distinct scores (flagged = score >= threshold) and one
    above all of them, which flags nothing: recall is 0 when already the highest level flags too much.
    `normal` counts the frames of normal videos only. A point of the test ROC, not a deployable threshold.
    """
    allowed = limit * normal.sum(-1, keepdims=True) * (1 + 1e-12)
    steps = (np.cumsum(normal, -1) <= allowed).sum(-1)
    found = np.concatenate([np.zeros((len(positive), 1)), np.cumsum(positive, -1)], -1)
    recall = ratio(np.take_along_axis(found, steps[:, None], -1)[:, 0], positive.sum(-1))
    return np.where(normal.sum(-1) > 0, recall, np.nan)


def fpr_at_recall(positive: Counts, negative: Counts, limit: float) -> Values:
    """Smallest false positive rate over all negative frames among thresholds with recall >= `limit`."""
    n_positive = positive.sum(-1)
    wanted = limit * n_positive[:, None] * (1 - 1e-12)
    step = (np.cumsum(positive, -1) < wanted).sum(-1)
    false = np.take_along_axis(np.cumsum(negative, -1), step[:, None], -1)[:, 0]
    return np.where(n_positive > 0, ratio(false, negative.sum(-1)), np.nan)


def rates(tp: Values, fp: Values, tn: Values, fn: Values) -> dict[str, Values]:
    """Accuracy, precision TP/(TP+FP), recall TP/(TP+FN) and F1 2TP/(2TP+FP+FN); positive = anomalous.

    NaN where the divisor is 0.
    """
    return {
        "accuracy": ratio(tp + tn, tp + fp + tn + fn),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "f1": ratio(2 * tp, 2 * tp + fp + fn),
    }


def confusion(level: str, tp: Values, fp: Values, tn: Values, fn: Values) -> dict[str, Values]:
    """The four counts and their rates, by name, with the level (`frame` or `video`) in the name."""
    counts = {"tp": tp, "fp": fp, "tn": tn, "fn": fn}
    return {f"{level}_{name}": values for name, values in (counts | rates(**counts)).items()}


def padded_auc(frames: Frames, pairs: PairCounts) -> Float64[np.ndarray, "videos"]:
    """Each video's own ROC area after a frame (score 0, normal) and a frame (score 1, anomalous) are added.

    What some published code averages to make single-class videos count. A fully anomalous video with scores
    in [0, 1] gets about 1.0 for free, hence the name of its own: `frame_auc_macro_padded`.
    """
    above_zero = frames.count((np.sign(frames.scores) + 1) / 2 * frames.positive)
    below_one = frames.count((np.sign(1 - frames.scores) + 1) / 2 * ~frames.positive)
    right = np.diag(pairs.right) + above_zero + below_one + 1
    return right / ((pairs.positives + 1) * (pairs.negatives + 1))
