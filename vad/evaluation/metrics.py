"""Every metric: its formula, and one entry in `METRICS` that says all that the rest of the project must know of it.

Values, intervals, reasons why a value is undefined, columns of the tables and docs/metrics.md follow from the entry.
docs/adding-a-metric.md shows how to add one. Tests compare the areas with scikit-learn, which has the same definitions
but computes one vector of frames at a time. NaN means undefined; `vad.evaluation.evaluate` turns it into a reason.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float64

from vad.evaluation.judged_video import Level
from vad.evaluation.score_set import Curve, ScoreSet, Weights
from vad.evaluation.thresholds import Values, average_precision, ratio, roc_area

CONFUSION = ("tp", "fp", "tn", "fn", "accuracy", "precision", "recall", "f1", "far")
"""What is computed at one threshold, over frames and over videos; each name follows the level."""


class Precondition(NamedTuple):
    """Something that must exist for a metric to be defined."""

    name: str
    """With "no " before it, the reason why the value is undefined."""
    holds: Callable[[ScoreSet], bool]


@dataclass(frozen=True)
class Metric:
    """One metric: how it is computed, and what readers of its value must know."""

    name: str
    """Column of the tables; it starts with the level, except for metrics of frames with a name of their own."""
    level: Level
    """What is counted: frames, or videos with one score each."""
    function: Callable[[Any], Values]
    """Computes one value for each row of the weights from a `ScoreSet`; its docstring is the definition in the docs."""
    by_curve: bool = False
    """Whether `function` takes a `Curve` (counts at all thresholds, for some rows of the weights) instead."""
    needs: tuple[Precondition, ...] = ()
    """Where the value is NaN, the first of these that does not hold is the reason."""
    needs_frame_labels: bool = True
    """Whether anomalous videos must have frame labels; no effect at level `video`."""
    needs_threshold: bool = False
    """Whether the value belongs to one operating point."""
    by_blocks: bool = False
    """Whether blocks of frames can be resampled instead of videos: true for metrics over the frames of all videos."""
    unit: Literal["share", "frames", "videos"] = "share"
    """`share` = a number from 0 to 1; the others count frames or videos."""
    better: Literal["higher", "lower"] = "higher"
    """Which values are good."""
    details: Callable[[ScoreSet], dict[str, Any]] | None = None
    """Further facts that are stored beside the value."""
    definition: str = ""
    """"" = the docstring of `function`."""

    @property
    def meaning(self) -> str:
        """The definition in words."""
        return self.definition or inspect.getdoc(self.function) or ""


# Preconditions ------------------------------------------------------------------------------------------------------

POSITIVE_FRAMES = Precondition("positive frames", lambda scores: bool(scores.pairs.positives.any()))
NEGATIVE_FRAMES = Precondition("negative frames", lambda scores: bool(scores.pairs.negatives.any()))
NEGATIVE_FRAMES_IN_ANOMALOUS = Precondition(
    "negative frames in anomalous videos", lambda scores: bool(scores.pairs.negatives[scores.anomalous].any())
)
TWO_CLASSES = Precondition("videos with both classes of frame", lambda scores: bool(scores.two_classes.any()))
UNIT_RANGE = Precondition("score range within [0, 1]", lambda scores: scores.within_unit_range)
ANOMALOUS_VIDEOS = Precondition("anomalous videos", lambda scores: bool(scores.anomalous.any()))
NORMAL_VIDEOS = Precondition("normal videos", lambda scores: bool((~scores.anomalous).any()))


def _flagged(level: Level) -> Precondition:
    """At least one frame (video) at or above the threshold."""

    def holds(scores: ScoreSet) -> bool:
        tp, fp, _, _ = _confusion(scores, level)
        return bool(tp[0] + fp[0] > 0)

    return Precondition(f"{level}s at or above the threshold", holds)


def _flagged_or_anomalous(level: Level) -> Precondition:
    """At least one frame (video) that is anomalous or at or above the threshold."""

    def holds(scores: ScoreSet) -> bool:
        tp, fp, _, fn = _confusion(scores, level)
        return bool(tp[0] + fp[0] + fn[0] > 0)

    word = {"frame": "positive", "video": "anomalous"}[level]
    return Precondition(f"{level}s that are {word} or at the threshold", holds)


# ROC areas over frames ----------------------------------------------------------------------------------------------


def frame_auc(scores: ScoreSet) -> Values:
    """ROC area over all frames of all test videos joined (micro).

    Probability that a positive frame has a higher score than a negative one; ties count one half.
    """
    return scores.pairs.auc(scores.weights)


def frame_auc_macro(scores: ScoreSet) -> Values:
    """Mean of the ROC areas of single videos, each computed over the frames of that video.

    Videos with one class of frame only are left out, because they have no area: `n_used` of `n_total` is stored.
    """
    own, used = np.nan_to_num(scores.pairs.own()), scores.two_classes.astype(float)
    return ratio(scores.weights @ own, scores.weights @ used)


def _macro_details(scores: ScoreSet) -> dict[str, Any]:
    used = scores.two_classes
    left_out = [video.video_id for video, ok in zip(scores.videos, used, strict=True) if not ok]
    return {"n_used": int(used.sum()), "n_total": len(used), "left_out": left_out}


def frame_auc_macro_padded(scores: ScoreSet) -> Values:
    """Mean of the ROC areas of all single videos, each with an added normal frame (score 0) and anomalous frame (1).

    Some published code does this so that videos with one class of frame have an area: a fully anomalous video with
    scores in [0, 1] gets about 1.0 for nothing. Only for scores in [0, 1].
    """
    if not scores.within_unit_range:
        return np.full(len(scores.weights), np.nan)
    return ratio(scores.weights @ _padded_areas(scores), scores.weights.sum(1))


def _padded_areas(scores: ScoreSet) -> Float64[np.ndarray, "videos"]:
    """The area of each video with the two added frames: they form pairs with its own frames and with each other."""
    frames, pairs = scores.frames, scores.pairs
    above_zero = frames.count((np.sign(frames.scores) + 1) / 2 * frames.positive)
    below_one = frames.count((np.sign(1 - frames.scores) + 1) / 2 * ~frames.positive)
    right = np.diag(pairs.right) + above_zero + below_one + 1
    return right / ((pairs.positives + 1) * (pairs.negatives + 1))


def frame_auc_pvnorm(scores: ScoreSet) -> Values:
    """ROC area over all frames joined, after each video's scores are scaled to [0, 1] by its own minimum and maximum.

    The scaling presumes that every video has a worst frame. Scores of models that mix components are scaled component
    by component before they are mixed, as published (`score_norm: per_video_components`).
    """
    return scores.normalised_pairs.auc(scores.weights)


def _pvnorm_details(scores: ScoreSet) -> dict[str, Any]:
    by_model = scores.frames.own_normalised is not None
    constant = int((scores.score_range == 0).sum())
    return {"n_constant": constant, "score_norm": "per_video_components" if by_model else "per_video"}


def frame_auc_balanced(scores: ScoreSet) -> Values:
    """ROC area over all frames joined, in which a frame of a video of n frames has the weight 1/n.

    Every video counts the same, whatever its length.
    """
    return scores.pairs.auc(scores.weights / scores.frames.sizes)


def ano_auc(scores: ScoreSet) -> Values:
    """ROC area over the frames of the anomalous test videos, joined.

    Normal videos are left out: the number says how well anomalies are localised, not how well videos are separated.
    """
    return scores.pairs.auc(scores.weights, scores.anomalous)


def class_areas(scores: ScoreSet, weights: Weights, name: str) -> dict[str, Values]:
    """ROC areas over the frames of the anomalous videos of one class, one for each row of `weights`.

    `class_auc_own` is over these videos alone, `class_auc_vs_normal` over these and all normal videos: two different
    numbers.
    """
    own = scores.anomalous & np.array([video.class_name == name for video in scores.videos], bool)
    return {
        "class_auc_own": scores.pairs.auc(weights, own),
        "class_auc_vs_normal": scores.pairs.auc(weights, own | ~scores.anomalous),
    }


# Curves over frames -------------------------------------------------------------------------------------------------


def frame_ap(curve: Curve) -> Values:
    """Average precision over all frames joined: sum over thresholds of (increase of recall) x precision."""
    return ratio(_precision_at_positives(curve), curve.positive.sum(-1))


def pr_auc_trapezoid(curve: Curve) -> Values:
    """Area of the trapezoids under the precision-recall points of all frames joined; they start at (0, 1).

    Generous under ties: a constant score gets 0.538 on UCF-Crime, where `frame_ap` is 0.076. Much published "AP" of
    weakly supervised detectors is this number.
    """
    before = curve.positive[:, 0] + np.einsum("rt,rt->r", curve.positive[:, 1:], curve.precision[:, :-1])
    return ratio((_precision_at_positives(curve) + before) / 2, curve.positive.sum(-1))


def _precision_at_positives(curve: Curve) -> Values:
    """Sum over the positive frames of the precision at their threshold."""
    return np.einsum("rt,rt->r", curve.positive, curve.precision)


def recall_at_far(curve: Curve, limit: float) -> Values:
    """Largest recall among thresholds that flag at most the share `limit` of the frames of normal videos.

    Recall is over all positive frames. Thresholds are the distinct scores and one above all of them, which flags
    nothing: recall is 0 where already the highest score flags too much.
    """
    n_normal = curve.normal.sum(-1)
    allowed = limit * n_normal[:, None] * (1 + 1e-12)  # rounding must not forbid exactly the allowed number
    usable = (curve.false_in_normal <= allowed).sum(-1)
    last = np.take_along_axis(curve.found, np.maximum(usable - 1, 0)[:, None], -1)[:, 0]
    recall = ratio(np.where(usable > 0, last, 0.0), curve.positive.sum(-1))
    return np.where(n_normal > 0, recall, np.nan)


def recall_at_far_1pct(curve: Curve) -> Values:
    """Largest recall over all positive frames at which at most 1 % of the frames of normal videos are flagged.

    A point of the test curve, not an operating point: its threshold is chosen on the test list.
    """
    return recall_at_far(curve, 0.01)


def recall_at_far_0_1pct(curve: Curve) -> Values:
    """Like `recall_at_far_1pct`, with at most 0.1 % of the frames of normal videos flagged."""
    return recall_at_far(curve, 0.001)


def fpr_at_recall(curve: Curve, limit: float) -> Values:
    """Smallest share of all negative frames that is flagged among thresholds with recall >= `limit`."""
    n_positive = curve.positive.sum(-1)
    wanted = limit * n_positive[:, None] * (1 - 1e-12)  # rounding must not demand one frame more
    first = (curve.found < wanted).sum(-1)
    false = np.take_along_axis(curve.false, first[:, None], -1)[:, 0]
    return np.where(n_positive > 0, ratio(false, curve.negative.sum(-1)), np.nan)


def fpr_at_recall_80pct(curve: Curve) -> Values:
    """Smallest false positive rate over all negative frames at which at least 80 % of the positive frames are found.

    A point of the test curve, not an operating point: its threshold is chosen on the test list.
    """
    return fpr_at_recall(curve, 0.80)


def fpr_at_recall_95pct(curve: Curve) -> Values:
    """Like `fpr_at_recall_80pct`, with at least 95 % of the positive frames found."""
    return fpr_at_recall(curve, 0.95)


# At one threshold ---------------------------------------------------------------------------------------------------


def far_at_threshold(scores: ScoreSet) -> Values:
    """False alarm rate: share of the frames of normal videos whose score is at least the threshold.

    Anomalous videos are left out, so no frame labels are needed.
    """
    normal = [0 if video.label else video.n_frames for video in scores.videos]
    false = [
        0 if video.label else np.count_nonzero(np.asarray(video.scores) >= point)
        for video, point in zip(scores.videos, scores.operating_points, strict=True)
    ]
    return ratio(scores.weights @ np.array(false, float), scores.weights @ np.array(normal, float))


def rates(tp: Values, fp: Values, tn: Values, fn: Values) -> dict[str, Values]:
    """Accuracy, precision, recall and F1 of the anomalous class, from the four counts; NaN where the divisor is 0."""
    return {
        "accuracy": ratio(tp + tn, tp + fp + tn + fn),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "f1": ratio(2 * tp, 2 * tp + fp + fn),
    }


def _confusion(scores: ScoreSet, level: Level) -> tuple[Values, Values, Values, Values]:
    return scores.frame_confusion if level == "frame" else scores.video_confusion


def _count_or_rate(scores: ScoreSet, level: Level, name: str) -> Values:
    """One of `CONFUSION` over frames or videos."""
    tp, fp, tn, fn = _confusion(scores, level)
    if name == "far":
        return ratio(fp, fp + tn)
    counts = {"tp": tp, "fp": fp, "tn": tn, "fn": fn}
    return counts[name] if name in counts else rates(**counts)[name]


def _confusion_metrics(level: Level) -> Iterator[Metric]:
    """The entries of `CONFUSION` for one level."""
    anomalous, normal = (POSITIVE_FRAMES, NEGATIVE_FRAMES) if level == "frame" else (ANOMALOUS_VIDEOS, NORMAL_VIDEOS)
    needs = {
        "precision": _flagged(level),
        "recall": anomalous,
        "f1": _flagged_or_anomalous(level),
        "far": normal,
    }
    definitions = {
        "tp": f"Anomalous {level}s at or above the threshold.",
        "fp": f"Normal {level}s at or above the threshold.",
        "tn": f"Normal {level}s below the threshold.",
        "fn": f"Anomalous {level}s below the threshold.",
        "accuracy": f"(tp + tn) / all {level}s, at the threshold. High without any skill where one class is rare.",
        "precision": "tp / (tp + fp) at the threshold.",
        "recall": "tp / (tp + fn) at the threshold.",
        "f1": "2 tp / (2 tp + fp + fn) at the threshold.",
        "far": f"False alarm rate: fp / (fp + tn) at the threshold, over all normal {level}s.",
    }
    for name in CONFUSION:
        yield Metric(
            f"{level}_{name}",
            level,
            partial(_count_or_rate, level=level, name=name),
            needs=(needs[name],) if name in needs else (),
            needs_threshold=True,
            unit="share" if name not in ("tp", "fp", "tn", "fn") else "frames" if level == "frame" else "videos",
            better="lower" if name in ("fp", "fn", "far") else "higher",
            definition=definitions[name],
        )


# Over videos --------------------------------------------------------------------------------------------------------


def video_auc(scores: ScoreSet) -> Values:
    """ROC area over videos, with one score and one label for each video; ties count one half.

    The label is that of the test list; `infer.video_score` says how the score is made.
    """
    return roc_area(*scores.video_counts)


def video_ap(scores: ScoreSet) -> Values:
    """Average precision over videos, with one score and one label for each video."""
    return average_precision(*scores.video_counts)


# The registry -------------------------------------------------------------------------------------------------------

BOTH = (POSITIVE_FRAMES, NEGATIVE_FRAMES)
FOR_FAR = (POSITIVE_FRAMES, NORMAL_VIDEOS)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("frame_auc", "frame", frame_auc, needs=BOTH, by_blocks=True),
        Metric("frame_auc_macro", "frame", frame_auc_macro, needs=(TWO_CLASSES,), details=_macro_details),
        Metric("frame_auc_macro_padded", "frame", frame_auc_macro_padded, needs=(UNIT_RANGE,)),
        Metric("frame_auc_pvnorm", "frame", frame_auc_pvnorm, needs=BOTH, details=_pvnorm_details),
        Metric("frame_auc_balanced", "frame", frame_auc_balanced, needs=BOTH),
        Metric("ano_auc", "frame", ano_auc, needs=(POSITIVE_FRAMES, NEGATIVE_FRAMES_IN_ANOMALOUS), by_blocks=True),
        Metric("frame_ap", "frame", frame_ap, by_curve=True, needs=(POSITIVE_FRAMES,), by_blocks=True),
        Metric("pr_auc_trapezoid", "frame", pr_auc_trapezoid, by_curve=True, needs=(POSITIVE_FRAMES,), by_blocks=True),
        Metric("recall_at_far_1pct", "frame", recall_at_far_1pct, by_curve=True, needs=FOR_FAR, by_blocks=True),
        Metric("recall_at_far_0_1pct", "frame", recall_at_far_0_1pct, by_curve=True, needs=FOR_FAR, by_blocks=True),
        Metric(
            *("fpr_at_recall_80pct", "frame", fpr_at_recall_80pct),
            by_curve=True,
            needs=BOTH,
            by_blocks=True,
            better="lower",
        ),
        Metric(
            *("fpr_at_recall_95pct", "frame", fpr_at_recall_95pct),
            by_curve=True,
            needs=BOTH,
            by_blocks=True,
            better="lower",
        ),
        Metric(
            "far_at_threshold",
            "frame",
            far_at_threshold,
            needs=(NORMAL_VIDEOS,),
            needs_frame_labels=False,
            needs_threshold=True,
            better="lower",
        ),
        *_confusion_metrics("frame"),
        Metric("video_auc", "video", video_auc, needs=(ANOMALOUS_VIDEOS, NORMAL_VIDEOS)),
        Metric("video_ap", "video", video_ap, needs=(ANOMALOUS_VIDEOS,)),
        *_confusion_metrics("video"),
    )
}
"""Every metric except the two areas per class, by name, in the order of the tables."""
