"""All metrics of a score set with their intervals, ready for JSON.

What is undefined is None with a reason; no value in the result is NaN.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vad.errors import VadError
from vad.evaluation.bootstrap import interval, replicate_weights
from vad.evaluation.judged_video import JudgedVideo, Level, checked
from vad.evaluation.metrics import METRICS, Metric, class_areas
from vad.evaluation.score_set import Curve, ScoreSet, Weights
from vad.evaluation.thresholds import Values
from vad.schema.evaluate import Bootstrap

FEWEST_VIDEOS = 5
"""With fewer test videos, blocks of frames are resampled instead of videos."""
FEWEST_OF_CLASS = 5
"""With fewer videos of a class, its interval would mean nothing and is not computed."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Metrics of one score set."""

    values: dict[str, Values]
    """By name; the first value of each is the metric, the others are its replicates."""
    reasons: dict[str, str]
    """By name, why a metric is undefined."""
    scores: ScoreSet

    @classmethod
    def of(
        cls,
        videos: Sequence[JudgedVideo],
        weights: Weights,
        threshold: float | None,
        level: Level,
        names: Collection[str] = METRICS.keys(),
    ) -> "Measured":
        """Compute metrics of checked videos.

        Args:
            videos: as `vad.evaluation.judged_video.checked` returns them.
            weights: how often each video counts in each replicate; the first row is all ones.
            threshold: a frame or video is flagged when its score is at least this; None = no operating point.
            level: of the scores.
            names: which metrics; what only others need is not computed.
        """
        scores = ScoreSet(videos, weights, threshold, level)
        wanted = [metric for name, metric in METRICS.items() if name in names]
        reasons = {metric.name: reason for metric in wanted if (reason := _cannot_be_computed(metric, scores))}
        values = _values([metric for metric in wanted if metric.name not in reasons], scores)
        for name, computed in values.items():
            if np.isnan(computed[0]):
                reasons[name] = _undefined(METRICS[name], scores)
        return cls(values, reasons, scores)


def _cannot_be_computed(metric: Metric, scores: ScoreSet) -> str:
    """Why the inputs of a metric are missing; empty if they are there."""
    if metric.level == "frame" and scores.level == "video":
        return "video-level model"
    if metric.level == "frame" and metric.needs_frame_labels and scores.unlabelled:
        return f"no frame labels: {', '.join(scores.unlabelled)}"
    return "no threshold" if metric.needs_threshold and scores.threshold is None else ""


def _undefined(metric: Metric, scores: ScoreSet) -> str:
    """Why the value of a metric is NaN: the first of its preconditions that does not hold."""
    return next((f"no {need.name}" for need in metric.needs if not need.holds(scores)), "undefined for these scores")


def _values(metrics: Sequence[Metric], scores: ScoreSet) -> dict[str, Values]:
    """One value for each row of the weights, by name."""
    rows = len(scores.weights)
    values = {metric.name: _computed(metric, scores, rows) for metric in metrics if not metric.by_curve}
    if by_curve := [metric for metric in metrics if metric.by_curve]:
        # Curves are large: every metric is computed on one block of replicates before the next block is made.
        blocks = [[_computed(metric, curve, len(curve.positive)) for metric in by_curve] for curve in scores.curves()]
        parts = zip(*blocks, strict=True)
        values |= {metric.name: np.concatenate(part) for metric, part in zip(by_curve, parts, strict=True)}
    return values


def _computed(metric: Metric, counts: ScoreSet | Curve, rows: int) -> Values:
    """The values of a metric: one for each of so many rows of the weights.

    Raises: VadError for another shape.
    """
    values = metric.function(counts)
    if np.shape(values) != (rows,):
        what = f"gave values of shape {np.shape(values)}, wanted ({rows},): one for each row of the weights"
        raise VadError(f"metric {metric.name}: {what}. Multiply by the weights. See docs/adding-a-metric.md.")
    return values


def evaluate(
    videos: Sequence[JudgedVideo],
    threshold: float | None = None,
    bootstrap: Bootstrap | None = None,
    level: Level = "frame",
    per_class: bool = True,
) -> dict[str, Any]:
    """Compute every metric of one score set, with bootstrap intervals over videos.

    Args:
        videos: in any order; they are checked first.
        threshold: operating point chosen on validation videos, flagged = score >= threshold; None leaves the
            metrics at a threshold undefined.
        bootstrap: None = no intervals.
        level: `video` for a model that scores whole videos only; its frame metrics are undefined.
        per_class: whether to compute the areas of each class as well.

    Returns: by metric name `{"value", "low", "high"}` (shares of 1, not percent), with `reason` where the value is
        None and `undefined_replicates` where some are; `counts`; and with `per_class` also `classes`: by class name
        `n_videos` and the two areas of the class. Only numbers, None and text, so that it is JSON without NaN.

    Raises: ArtefactError that lists all problems of scores and labels by video.
    """
    ordered = checked(videos, level)
    found = Measured.of(ordered, replicate_weights([v.label for v in ordered], bootstrap), threshold, level)
    entries = {name: _entry(found.values.get(name), found.reasons.get(name), bootstrap) for name in METRICS}
    if bootstrap and len(ordered) < FEWEST_VIDEOS:
        _set_intervals_by_blocks(entries, found.scores, bootstrap)
    for name, metric in METRICS.items():
        if metric.details and name in found.values:
            entries[name] |= metric.details(found.scores)
    counts = _counts(found.scores)
    counts["resamples"] = bootstrap.resamples if bootstrap else 0
    counts["undefined_replicates"] = max(entry.get("undefined_replicates", 0) for entry in entries.values())
    classes = {"classes": _classes(found.scores, bootstrap)} if per_class else {}
    return {**entries, "counts": counts, **classes}


def _entry(values: Values | None, reason: str | None, bootstrap: Bootstrap | None) -> dict[str, Any]:
    """A metric's value and interval, or the reason why it is undefined."""
    if values is None or reason:
        return {"value": None, "low": None, "high": None, "reason": reason}
    entry: dict[str, Any] = {"value": float(values[0]), "low": None, "high": None}
    if bootstrap:
        low, high, undefined = interval(values[1:], bootstrap.coverage)
        entry |= {"low": low, "high": high} | ({"undefined_replicates": undefined} if undefined else {})
    return entry


def _set_intervals_by_blocks(entries: dict[str, dict[str, Any]], scores: ScoreSet, bootstrap: Bootstrap) -> None:
    """Replace the intervals over a handful of videos, which would mean nothing, by intervals over blocks of frames.

    Neighbouring frames depend on each other, so what is drawn is a run of `block_frames` frames. Only metrics over
    the frames of all videos can be resampled like that; the others get no interval, and a reason.
    """
    size = bootstrap.block_frames
    blocks = [block for video in scores.videos for block in _blocks(video, size)] if scores.has_frame_labels else []
    names = [
        name
        for name, entry in entries.items()
        if METRICS[name].by_blocks and entry["value"] is not None and len(blocks) >= FEWEST_VIDEOS
    ]
    weights = replicate_weights([block.label for block in blocks], bootstrap)
    drawn = Measured.of(blocks, weights, None, "frame", names).values if names else {}
    for name, entry in entries.items():
        if entry["value"] is None:
            continue
        entry |= {"low": None, "high": None}
        if name in drawn:
            entry |= _entry(drawn[name], None, bootstrap) | {"value": entry["value"]}
            entry["interval_unit"] = f"blocks of {size} frames"
        else:
            entry["interval_reason"] = f"fewer than {FEWEST_VIDEOS} videos"


def _blocks(video: JudgedVideo, size: int) -> list[JudgedVideo]:
    """A video cut into runs of `size` frames, each a video of its own; the last run may be shorter."""
    return [
        replace(video.cut(start, start + size), video_id=f"{video.video_id}@{start}")
        for start in range(0, video.n_frames, size)
    ]


def _counts(scores: ScoreSet) -> dict[str, int | None]:
    """Numbers of videos and frames that the metrics were computed on."""
    n_videos, n_anomalous = len(scores.videos), sum(video.label for video in scores.videos)
    return {
        "n_videos": n_videos,
        "n_anomalous": n_anomalous,
        "n_normal": n_videos - n_anomalous,
        "n_frames": sum(video.n_frames for video in scores.videos) if scores.level == "frame" else None,
        "n_positive": int(scores.frames.positive.sum()) if scores.has_frame_labels else None,
    }


def _classes(scores: ScoreSet, bootstrap: Bootstrap | None) -> dict[str, dict[str, Any]]:
    """The two areas of each class; videos are drawn inside each class and inside the normal videos."""
    if not scores.has_frame_labels:
        return {}
    strata = [f"{v.label} {v.class_name if v.label else ''}" for v in scores.videos]
    weights = replicate_weights(strata, bootstrap)
    rows: dict[str, dict[str, Any]] = {}
    for name in sorted({video.class_name for video in scores.videos if video.label}):
        n_videos = sum(video.label == 1 and video.class_name == name for video in scores.videos)
        few = n_videos < FEWEST_OF_CLASS
        rows[name] = {"n_videos": n_videos}
        for metric, values in class_areas(scores, weights, name).items():
            reason = "one class of frame only" if np.isnan(values[0]) else None
            rows[name][metric] = _entry(values, reason, None if few else bootstrap)
            rows[name][metric] |= {"interval_reason": "n too small"} if few and bootstrap else {}
    return rows
