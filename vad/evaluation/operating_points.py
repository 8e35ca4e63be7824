"""Choosing the operating point on validation videos; no test video is ever given to this module.

Training videos have no frame labels, so every rule reads one score for each video. A video (or frame) is flagged when
its score is at least the threshold.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from vad.errors import DatasetError
from vad.evaluation.judged_video import JudgedVideo, checked
from vad.evaluation.metrics import rates
from vad.schema.evaluate import NEED_BOTH_LABELS, Threshold

VideoScores = Float64[np.ndarray, "videos"]


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
) -> ChosenThreshold:
    """Choose the threshold by a rule of `RULES` from the labels and scores of videos; frame scores are not read.

    Args:
        videos: the videos of the part that chooses.
        settings: the rule and its number.
        chosen_on: name of that part.
        normal_only: the rule to use instead where `settings` needs both labels and every video is normal.

    Raises: DatasetError when the part lacks videos of a label that the rule needs; ArtefactError for bad scores.
    """
    if normal_only and settings.rule in NEED_BOTH_LABELS and videos and not any(v.label for v in videos):
        return choose_threshold(videos, normal_only, f"{chosen_on} (normal videos only)")
    number = settings.value if settings.value is not None else 0.0
    if settings.rule == "fixed":
        return ChosenThreshold(
            number, "fixed", "params", sum(v.label for v in videos), sum(1 - v.label for v in videos)
        )
    ordered = checked(videos, "video") if videos else []
    scores = np.array([v.video_score for v in ordered])
    anomalous = np.array([v.label == 1 for v in ordered], bool)
    _check_labels(settings.rule, anomalous, chosen_on)
    value = RULES[settings.rule](scores, anomalous, number)
    rule = {"far": f"far<={number:g}", "quantile": f"quantile={number:g}"}.get(settings.rule, settings.rule)
    return ChosenThreshold(float(value), rule, chosen_on, int(anomalous.sum()), int((~anomalous).sum()))


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
}


def _operating_points(
    scores: VideoScores, anomalous: Bool[np.ndarray, "videos"]
) -> tuple[Float64[np.ndarray, "thresholds"], Float64[np.ndarray, "thresholds"], Float64[np.ndarray, "thresholds"]]:
    """Distinct scores, highest first, and the numbers of anomalous and of normal videos at or above each."""
    distinct, rank = np.unique(-scores, return_inverse=True)
    tp, fp = (np.cumsum(np.bincount(rank, chosen, len(distinct))) for chosen in (anomalous, ~anomalous))
    return -distinct, tp, fp
