"""One entry: scored videos in, every metric with its interval out, ready for JSON.

Metric names carry their level. What is undefined is None with a reason; nothing that leaves is NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vad.evaluation import metrics
from vad.evaluation.bootstrap import interval, multiplicities
from vad.evaluation.frame_metrics import FrameMetrics, Measures, Weights, far_at_threshold
from vad.evaluation.metrics import FAR_LIMITS, RECALL_LIMITS
from vad.evaluation.scored_video import JudgedVideo, Level, checked
from vad.evaluation.thresholds import Levels, average_precision, roc_area
from vad.schema.evaluate import Bootstrap

CONFUSION = ("tp", "fp", "tn", "fn", "accuracy", "precision", "recall", "f1")
FRAME_AT_THRESHOLD = tuple(f"frame_{name}" for name in CONFUSION)
VIDEO_AT_THRESHOLD = tuple(f"video_{name}" for name in CONFUSION)
FRAME_RANKING = (
    *(
        "frame_auc",
        "frame_auc_macro",
        "frame_auc_macro_padded",
        "frame_auc_pvnorm",
        "frame_auc_balanced",
        "ano_auc",
    ),
    *("frame_ap", "pr_auc_trapezoid"),
    *FAR_LIMITS,
    *RECALL_LIMITS,
)
FRAME_LEVEL = (*FRAME_RANKING, "far_at_threshold", *FRAME_AT_THRESHOLD)
METRICS = (*FRAME_LEVEL, "video_auc", "video_ap", *VIDEO_AT_THRESHOLD)
"""Every metric of `evaluate` but the per-class ones, in printing order."""

FEWEST_VIDEOS = 5
"""Test videos below which blocks of frames are drawn instead of videos."""
BY_BLOCKS = ("frame_auc", "ano_auc", "frame_ap", "pr_auc_trapezoid", *FAR_LIMITS, *RECALL_LIMITS)
"""Metrics over joined frames, whose interval can be had by drawing blocks."""

FEWEST_OF_CLASS = 5
"""Videos of a class below which its interval would say nothing."""

NEEDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(FRAME_RANKING, ("positive frames", "negative frames")),
    **dict.fromkeys(FAR_LIMITS, ("positive frames", "normal videos")),
    **dict.fromkeys(("frame_ap", "pr_auc_trapezoid", "frame_recall"), ("positive frames",)),
    "frame_auc_macro": ("videos with both classes of frame",),
    "frame_auc_macro_padded": ("score range within [0, 1]",),
    "ano_auc": ("positive frames", "negative frames in anomalous videos"),
    "far_at_threshold": ("normal videos",),
    "frame_precision": ("frames at or above the threshold",),
    "frame_f1": ("frames that are positive or at the threshold",),
    "video_auc": ("anomalous videos", "normal videos"),
    **dict.fromkeys(("video_ap", "video_recall"), ("anomalous videos",)),
    "video_precision": ("videos at or above the threshold",),
    "video_f1": ("videos that are anomalous or at the threshold",),
}
"""What must exist for a metric to be defined, in the words of its reason."""


@dataclass(frozen=True, eq=False)
class Measured:
    """All metrics of one score set: the first value of each is the metric, the rest are replicates."""

    values: Measures
    reasons: dict[str, str]
    """Why a metric is undefined."""
    frames: FrameMetrics | None
    """None where frame metrics cannot be computed."""

    @classmethod
    def of(cls, videos: Sequence[JudgedVideo], weights: Weights, threshold: float | None, level: Level) -> "Measured":
        """Measure checked videos under weights whose first row is all ones."""
        absent = _why_no_frames(videos, level)
        frames = None if absent else FrameMetrics(videos)
        values = _video_measures(videos, weights, threshold)
        if frames:
            values |= frames.measure(weights)
            values |= {} if threshold is None else frames.at_threshold(weights, threshold)
        if level == "frame" and threshold is not None:
            values["far_at_threshold"] = far_at_threshold(videos, weights, threshold)
        lacking = dict.fromkeys(FRAME_LEVEL, absent) if absent else {}
        undefined = [name for name in METRICS if name not in values or np.isnan(values[name][0])]
        facts = _facts(videos, values, frames)
        return cls(values, {name: _reason(name, values, facts, lacking) for name in undefined}, frames)


def evaluate(
    videos: Sequence[JudgedVideo],
    threshold: float | None = None,
    bootstrap: Bootstrap | None = None,
    level: Level = "frame",
) -> dict[str, Any]:
    """Every metric of one score set, with bootstrap intervals over videos.

    Args:
        videos: in any order; they are checked first.
        threshold: operating point chosen on validation, flagged = score >= threshold; None leaves the
            metrics at a threshold undefined.
        bootstrap: None = no intervals.
        level: `video` for a model that scores whole videos only; its frame metrics are undefined.

    Returns: by metric name `{"value", "low", "high"}` (shares of 1, not percent), with `reason` where the
        value is None and `undefined_replicates` where some are; `counts`; and `classes`, by class name the
        two class areas with `n_videos`. Only numbers, None and text, so that it is JSON without NaN.

    Raises: ArtefactError that lists all problems of scores and labels by video.
    """
    ordered = checked(videos, level)
    found = Measured.of(ordered, _weights([v.label for v in ordered], bootstrap), threshold, level)
    entries = {name: _entry(found.values.get(name), found.reasons.get(name), bootstrap) for name in METRICS}
    if bootstrap and len(ordered) < FEWEST_VIDEOS:
        _interval_by_blocks(entries, ordered, found, bootstrap)
    if found.frames:
        entries["frame_auc_macro"] |= _used(found.frames, ordered)
        entries["frame_auc_pvnorm"] |= {
            "n_constant": found.frames.constant_videos(),
            "score_norm": found.frames.score_norm(),
        }
    counts = _counts(ordered, level, found.frames)
    counts["resamples"] = bootstrap.resamples if bootstrap else 0
    counts["undefined_replicates"] = max(entry.get("undefined_replicates", 0) for entry in entries.values())
    return {**entries, "counts": counts, "classes": _classes(ordered, found.frames, bootstrap)}


def _weights(strata: Sequence[str | int], bootstrap: Bootstrap | None) -> Weights:
    ones = np.ones((1, len(strata)))
    return np.concatenate([ones, multiplicities(strata, bootstrap)]) if bootstrap else ones


def _why_no_frames(videos: Sequence[JudgedVideo], level: Level) -> str:
    if level == "video":
        return "video-level model"
    missing = [v.video_id for v in videos if v.label == 1 and v.labels is None]
    return f"no frame labels: {', '.join(missing)}" if missing else ""


def _video_measures(videos: Sequence[JudgedVideo], weights: Weights, threshold: float | None) -> Measures:
    scores, anomalous = np.array([v.video_score for v in videos]), np.array([v.label == 1 for v in videos])
    levels = Levels.of(scores, anomalous, np.arange(len(videos)), len(videos), most=None)
    positive, negative = weights @ levels.positive, weights @ levels.negative
    values = {
        "video_auc": roc_area(positive, negative),
        "video_ap": average_precision(positive, negative),
    }
    if threshold is None:
        return values
    flagged = scores >= threshold
    parts = (anomalous & flagged, ~anomalous & flagged, ~anomalous & ~flagged, anomalous & ~flagged)
    return values | metrics.confusion("video", *(weights @ part for part in parts))


def _facts(videos: Sequence[JudgedVideo], values: Measures, frames: FrameMetrics | None) -> dict[str, bool]:
    """Whether that which a metric needs exists."""
    labels = {v.label for v in videos}
    facts = {"anomalous videos": 1 in labels, "normal videos": 0 in labels} | (frames.facts() if frames else {})
    for level, positive in (("frame", "positive"), ("video", "anomalous")):
        if f"{level}_tp" in values:
            tp, fp, fn = (float(values[f"{level}_{name}"][0]) for name in ("tp", "fp", "fn"))
            facts[f"{level}s at or above the threshold"] = tp + fp > 0
            facts[f"{level}s that are {positive} or at the threshold"] = tp + fp + fn > 0
    return facts


def _reason(name: str, values: Measures, facts: dict[str, bool], lacking: dict[str, str]) -> str:
    if name in values:
        return "no " + next(need for need in NEEDS[name] if not facts[need])
    if name == "far_at_threshold" and lacking.get(name, "").startswith("no frame labels"):
        return "no threshold"  # The frames of normal videos need no labels: only the threshold can be missing.
    return lacking.get(name, "no threshold")


def _entry(values: np.ndarray | None, reason: str | None, bootstrap: Bootstrap | None) -> dict[str, Any]:
    if values is None or reason:
        return {"value": None, "low": None, "high": None, "reason": reason}
    entry: dict[str, Any] = {"value": float(values[0]), "low": None, "high": None}
    if bootstrap:
        low, high, undefined = interval(values[1:], bootstrap.level)
        entry |= {"low": low, "high": high} | ({"undefined_replicates": undefined} if undefined else {})
    return entry


def _interval_by_blocks(
    entries: dict[str, dict[str, Any]], videos: Sequence[JudgedVideo], found: Measured, bootstrap: Bootstrap
) -> None:
    """Replace intervals over a handful of videos, which would say nothing, by intervals over blocks of frames.

    Neighbouring frames depend on each other, so the unit that is drawn is a run of `block_frames` frames. Only
    metrics over joined frames can be had that way; the others get no interval, and say why.
    """
    blocks = [block for video in videos for block in _blocks(video, bootstrap.block_frames)] if found.frames else []
    drawn = FrameMetrics(blocks).measure(_weights([b.label for b in blocks], bootstrap)) if blocks else {}
    for name, entry in entries.items():
        if entry["value"] is None:
            continue
        entry |= {"low": None, "high": None}
        if name in BY_BLOCKS and len(blocks) >= FEWEST_VIDEOS:
            entry |= _entry(drawn[name], None, bootstrap) | {"value": entry["value"]}
            entry["interval_unit"] = f"blocks of {bootstrap.block_frames} frames"
        else:
            entry["interval_reason"] = f"fewer than {FEWEST_VIDEOS} videos"


def _blocks(video: JudgedVideo, size: int) -> list[JudgedVideo]:
    """A video as runs of `size` frames, each a video of its own; the last run may be shorter."""
    pieces = []
    for start in range(0, video.n_frames, size):
        pieces.append(replace(video.cut(start, start + size), video_id=f"{video.video_id}@{start}"))
    return pieces


def _used(frames: FrameMetrics, videos: Sequence[JudgedVideo]) -> dict[str, Any]:
    used = frames.two_classes()
    left_out = [video.video_id for video, ok in zip(videos, used, strict=True) if not ok]
    return {"n_used": int(used.sum()), "n_total": len(used), "left_out": left_out}


def _counts(videos: Sequence[JudgedVideo], level: Level, frames: FrameMetrics | None) -> dict[str, int | None]:
    n_anomalous = sum(v.label for v in videos)
    return {
        "n_videos": len(videos),
        "n_anomalous": n_anomalous,
        "n_normal": len(videos) - n_anomalous,
        "n_frames": sum(v.n_frames for v in videos) if level == "frame" else None,
        "n_positive": int(frames.frames.positive.sum()) if frames else None,
    }


def _classes(
    videos: Sequence[JudgedVideo], frames: FrameMetrics | None, bootstrap: Bootstrap | None
) -> dict[str, dict[str, Any]]:
    """Per-class areas; resamples are drawn inside each class and inside the normal videos."""
    if frames is None:
        return {}
    weights = _weights([f"{v.label} {v.class_name if v.label else ''}" for v in videos], bootstrap)
    rows: dict[str, dict[str, Any]] = {}
    for name in sorted({v.class_name for v in videos if v.label}):
        n_videos = sum(v.label and v.class_name == name for v in videos)
        drawn, few = (None, {"interval_reason": "n too small"}) if n_videos < FEWEST_OF_CLASS else (bootstrap, {})
        rows[name] = {"n_videos": n_videos}
        for metric, values in frames.class_areas(weights, name).items():
            reason = "one class of frame only" if np.isnan(values[0]) else None
            rows[name][metric] = _entry(values, reason, drawn) | (few if bootstrap else {})
    return rows
