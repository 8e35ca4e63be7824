"""Choosing the operating point on validation videos; the labels of a test video are never given to this module.

Training videos have no frame labels, so a rule reads one score for each video, or the frames of normal videos, which
are all normal. A video (or frame) is flagged when its score is at least the threshold. With calibration, scores count
in units of the spread of a video's first frames above their median, so that one threshold fits cameras and hours whose
scores lie at other levels.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64

from vad.errors import DatasetError, first_of
from vad.evaluation.judged_video import JudgedVideo, checked
from vad.evaluation.metrics import rates
from vad.evaluation.thresholds import area
from vad.schema.evaluate import NEED_BOTH_LABELS, Threshold

VideoScores = Float64[np.ndarray, "videos"]
BY_BLOCK = ("block_quantile", "alarms_per_hour")
"""Rules that read blocks of frames of normal videos."""
LEAST_SPREAD = 1e-6
"""Of first frames that calibrate, as a share of their highest absolute score; below it is rounding."""
SIGMA = 1.4826
"""Times the median absolute deviation: the standard deviation of normally distributed scores."""


@dataclass(frozen=True)
class ChosenThreshold:
    """A threshold and how it was chosen; a video is flagged when its score is at least `value`."""

    value: float
    rule: str
    """The rule with its number, for example `far<=0.05`."""
    chosen_on: str
    """The part of the data that chose it, for example `validation`; `params` for a fixed value."""
    n_anomalous: int
    n_normal: int


def choose_threshold(
    videos: Sequence[JudgedVideo],
    settings: Threshold,
    chosen_on: str = "validation",
    normal_only: Threshold | None = None,
    fps: Mapping[str, float | None] | None = None,
    assumed_fps: float | None = None,
) -> ChosenThreshold:
    """Choose the threshold by a rule of `RULES` from the labels and scores of videos.

    Args:
        videos: the videos of the part that chooses.
        settings: the rule and its number.
        chosen_on: name of that part.
        normal_only: the rule to use instead where `settings` needs both labels and every video is normal.
        fps: frames per second by video id, read by `alarms_per_hour`; a video may lack one.
        assumed_fps: frames per second of videos without one; None = that is an error.

    Raises: DatasetError when the part lacks videos of a label that the rule needs; ArtefactError for bad scores.
    """
    settings, chosen_on = rule_for(videos, settings, chosen_on, normal_only)
    number = settings.value if settings.value is not None else 0.0
    if settings.rule == "fixed":
        return ChosenThreshold(
            number, "fixed", "params", sum(v.label for v in videos), sum(1 - v.label for v in videos)
        )
    ordered = checked(videos, "video") if videos else []
    scores = np.array([(v.video_score - v.zero) / v.unit for v in ordered])
    anomalous = np.array([v.label == 1 for v in ordered], bool)
    _check_labels(settings.rule, anomalous, chosen_on)
    counts, assumed = (int(anomalous.sum()), int((~anomalous).sum())), ""
    if settings.rule in BY_BLOCK:
        scores = _block_maxima([v for v in ordered if not v.label], settings.block_frames)
        anomalous = np.zeros(len(scores), bool)
    if settings.rule == "alarms_per_hour":
        # As a share of the blocks: a block at the end of a video, or a whole short video, lasts less than the others.
        normal = [video for video in ordered if not video.label]
        known = {name: rate for name, rate in (fps or {}).items() if rate}
        if assumed_fps and any(video.video_id not in known for video in normal):
            known = {video.video_id: assumed_fps for video in normal} | known
            assumed = f" ({assumed_fps:g} frames/s where no rate is known)"
        number *= _hours(normal, known) / len(scores)
    value = RULES[settings.rule](scores, anomalous, number)
    return ChosenThreshold(float(value), rule_in_words(settings) + assumed, chosen_on, *counts)


def rule_for(
    videos: Sequence[JudgedVideo], settings: Threshold, chosen_on: str, normal_only: Threshold | None
) -> tuple[Threshold, str]:
    """The rule that these videos allow, and what it is chosen on; arguments as of `choose_threshold`."""
    if normal_only and settings.rule in NEED_BOTH_LABELS and videos and not any(v.label for v in videos):
        return normal_only, f"{chosen_on} (normal videos only)"
    return settings, chosen_on


def rule_in_words(settings: Threshold) -> str:
    """The rule with its numbers, for a row of results."""
    blocks = f"blocks of {settings.block_frames} frames"
    rule = {
        "far": f"far<={settings.value:g}" if settings.value is not None else "",
        "quantile": f"quantile={settings.value:g}" if settings.value is not None else "",
        "block_quantile": f"quantile={settings.value:g} of {blocks}" if settings.value is not None else "",
        "alarms_per_hour": f"alarms<={settings.value:g}/h in {blocks}" if settings.value is not None else "",
    }.get(settings.rule, settings.rule)
    calibrated = f", each video calibrated on its first {settings.calibrate_frames} frames"
    return rule + calibrated * (settings.calibrate_frames > 0)


def calibrated(videos: Sequence[JudgedVideo], frames: int) -> list[JudgedVideo]:
    """Videos whose scores are compared with a threshold in units of the spread of their first frames.

    Args:
        videos: with frame scores; one without is left as it is.
        frames: how many first frames are presumed normal; 0 = every video is left as it is.

    Raises: DatasetError naming videos with first frames that have no spread: nothing could be counted in units of it.
    """
    if not frames:
        return list(videos)
    found = [video if video.scores is None else _calibrated(video, frames) for video in videos]
    if flat := [video.video_id for video in found if not video.unit]:
        raise DatasetError(
            f"threshold.calibrate_frames: the scores of the first {frames} frames have no spread in {len(flat)}"
            f" video(s): {first_of(flat)}. Set more frames (scores may be equal for a whole segment), or 0."
        )
    return found


def _calibrated(video: JudgedVideo, frames: int) -> JudgedVideo:
    """A video in units of its first frames; unit 0 where these have no spread."""
    first = np.asarray(video.scores, np.float64)[:frames]
    zero = float(np.median(first))
    spread = SIGMA * float(np.median(np.abs(first - zero)))
    return replace(video, zero=zero, unit=spread if spread > LEAST_SPREAD * np.abs(first).max() else 0.0)


def _block_maxima(videos: Sequence[JudgedVideo], size: int) -> Float64[np.ndarray, "blocks"]:
    """The highest score of each block of frames of each video, in the units of its calibration."""
    maxima = []
    for video in videos:
        scores = (np.asarray(video.scores, np.float64) - video.zero) / video.unit
        maxima.append(np.maximum.reduceat(scores, np.arange(0, len(scores), size)))
    return np.concatenate(maxima)


def _hours(normal: Sequence[JudgedVideo], fps: Mapping[str, float]) -> float:
    """How long normal videos last together, in hours; they may have several frame rates.

    Raises: DatasetError naming videos without a known frame rate.
    """
    if missing := [video.video_id for video in normal if video.video_id not in fps]:
        raise DatasetError(
            f"threshold rule alarms_per_hour: no frame rate is known of {first_of(missing)}. Use rule block_quantile."
        )
    return sum(video.n_frames / fps[video.video_id] for video in normal) / 3600


def _check_labels(rule: str, anomalous: Bool[np.ndarray, "videos"], chosen_on: str) -> None:
    lacking = [] if (~anomalous).any() else ["normal"]
    if rule in NEED_BOTH_LABELS and not anomalous.any():
        lacking.append("anomalous")
    if lacking:
        hint = " Use rule far or quantile, which need normal videos only." if lacking == ["anomalous"] else ""
        raise DatasetError(
            f"{chosen_on}: no {' and no '.join(lacking)} video, but threshold rule {rule} needs them.{hint}"
        )


def youden(scores: VideoScores, anomalous: Bool[np.ndarray, "videos"], number: float = 0.0) -> float:
    """The score with the largest TPR - FPR; of equals the highest, which flags fewest videos."""
    thresholds, tp, fp = _operating_points(scores, anomalous)
    return thresholds[np.argmax(tp / anomalous.sum() - fp / (~anomalous).sum())]


def max_f1(scores: VideoScores, anomalous: Bool[np.ndarray, "videos"], number: float = 0.0) -> float:
    """The score with the largest F1; of equals the highest, which flags fewest videos."""
    thresholds, tp, fp = _operating_points(scores, anomalous)
    return thresholds[np.argmax(rates(tp, fp, (~anomalous).sum() - fp, anomalous.sum() - tp)["f1"])]


def far(scores: VideoScores, anomalous: Bool[np.ndarray, "videos"], number: float) -> float:
    """The lowest score that flags at most the share `number` of the normal videos.

    Where even the highest score flags more, the next floating-point number above it, which flags nothing.
    """
    thresholds, _, fp = _operating_points(scores, anomalous)
    allowed = thresholds[fp <= number * (~anomalous).sum() * (1 + 1e-12)]
    return allowed[-1] if len(allowed) else np.nextafter(thresholds[0], np.inf)


def quantile(scores: VideoScores, anomalous: Bool[np.ndarray, "videos"], number: float) -> float:
    """The quantile `number` of the scores of normal videos, linear between neighbouring scores."""
    return float(np.quantile(scores[~anomalous], number))


RULES: dict[str, Callable[[VideoScores, Bool[np.ndarray, "videos"], float], float]] = {
    "youden": youden,
    "max_f1": max_f1,
    "far": far,
    "quantile": quantile,
    "block_quantile": quantile,
    "alarms_per_hour": far,
}
"""By name; those of `BY_BLOCK` get the highest scores of blocks instead of the scores of videos."""


def validation_area(train: Path, scores: Mapping[str, float]) -> float | None:
    """ROC area over the held-back videos of a run, by which trained runs are ranked; None without both classes.

    Args:
        train: train.csv of the data set.
        scores: one score of each video, by its id; only those of held-back videos count.

    Raises: ArtefactError for a broken table.
    """
    from vad.splits.tables import read_train  # pandas takes a while to import

    table = read_train(train)
    held = table[(table["part"] == "validation") & table["video_id"].isin(list(scores))]  # `both` was trained on
    found = area(np.array([scores[name] for name in held["video_id"]], float), (held["label"] == 1).to_numpy())
    return None if np.isnan(found) else found


def _operating_points(
    scores: VideoScores, anomalous: Bool[np.ndarray, "videos"]
) -> tuple[Float64[np.ndarray, "thresholds"], Float64[np.ndarray, "thresholds"], Float64[np.ndarray, "thresholds"]]:
    """Distinct scores, highest first, and the numbers of anomalous and of normal videos at or above each."""
    distinct, rank = np.unique(-scores, return_inverse=True)
    tp, fp = (np.cumsum(np.bincount(rank, chosen, len(distinct))) for chosen in (anomalous, ~anomalous))
    return -distinct, tp, fp
