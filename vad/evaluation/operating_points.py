"""Operating points, chosen on the validation part alone; the test set never sees this module.

Training videos have no frame labels, so every rule works on one score per video. A video (or frame) is
flagged when score >= threshold.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from vad.errors import DatasetError
from vad.evaluation.metrics import rates
from vad.evaluation.scored_video import JudgedVideo, checked
from vad.schema.evaluate import NEED_BOTH_LABELS, Threshold

Scores = Float64[np.ndarray, "videos"]


@dataclass(frozen=True)
class ChosenThreshold:
    """A threshold with its origin; a video is flagged when its score is at least `value`."""

    value: float
    rule: str
    """The rule with its number, for example `far<=0.05`."""
    chosen_on: str
    """The part whose labels chose it, for example `validation`; `params` for a fixed value."""
    n_anomalous: int
    n_normal: int


def choose_threshold(
    videos: Sequence[JudgedVideo],
    settings: Threshold,
    chosen_on: str = "validation",
    normal_only: Threshold | None = None,
) -> ChosenThreshold:
    """Choose the threshold by a rule of `RULES` from labels and video scores (frame scores are not read).

    Args:
        videos: of the part that may choose.
        settings: rule and number.
        chosen_on: name of the part.
        normal_only: used instead, and named as such, where `settings` needs both labels and every video is normal.

    Raises: DatasetError when the part lacks a class of video that the rule needs; ArtefactError for bad scores.
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
    _check_classes(settings.rule, anomalous, chosen_on)
    value = RULES[settings.rule](scores, anomalous, number)
    rule = {"far": f"far<={number:g}", "quantile": f"quantile={number:g}"}.get(settings.rule, settings.rule)
    return ChosenThreshold(float(value), rule, chosen_on, int(anomalous.sum()), int((~anomalous).sum()))


def _check_classes(rule: str, anomalous: Bool[np.ndarray, "videos"], chosen_on: str) -> None:
    lacking = [] if (~anomalous).any() else ["normal"]
    if rule in NEED_BOTH_LABELS and not anomalous.any():
        lacking.append("anomalous")
    if lacking:
        hint = " Use rule far or quantile, which need normal videos only." if lacking == ["anomalous"] else ""
        raise DatasetError(
            f"{chosen_on}: no {' and no '.join(lacking)} video, but threshold rule {rule} needs them.{hint}"
        )


def youden(scores: Scores, anomalous: Bool[np.ndarray, "videos"], number: float = 0.0) -> float:
    """The score with the largest TPR - FPR; of equals the highest, which flags least."""
    levels, tp, fp = _operating_points(scores, anomalous)
    return levels[np.argmax(tp / anomalous.sum() - fp / (~anomalous).sum())]


def max_f1(scores: Scores, anomalous: Bool[np.ndarray, "videos"], number: float = 0.0) -> float:
    """The score with the largest F1; of equals the highest, which flags least."""
    levels, tp, fp = _operating_points(scores, anomalous)
    return levels[np.argmax(rates(tp, fp, (~anomalous).sum() - fp, anomalous.sum() - tp)["f1"])]


def far(scores: Scores, anomalous: Bool[np.ndarray, "videos"], number: float) -> float:
    """The lowest score that flags at most the share `number` of normal videos.

    When even the highest score flags more, the next number above it, which flags nothing.
    """
    levels, _, fp = _operating_points(scores, anomalous)
    allowed = levels[fp <= number * (~anomalous).sum() * (1 + 1e-12)]
    return allowed[-1] if len(allowed) else np.nextafter(levels[0], np.inf)


def quantile(scores: Scores, anomalous: Bool[np.ndarray, "videos"], number: float) -> float:
    """The quantile `number` of the normal videos' scores, linear between neighbours."""
    return float(np.quantile(scores[~anomalous], number))


RULES: dict[str, Callable[[Scores, Bool[np.ndarray, "videos"], float], float]] = {
    "youden": youden,
    "max_f1": max_f1,
    "far": far,
    "quantile": quantile,
}


def _operating_points(
    scores: Scores, anomalous: Bool[np.ndarray, "videos"]
) -> tuple[Float64[np.ndarray, "levels"], Float64[np.ndarray, "levels"], Float64[np.ndarray, "levels"]]:
    """Distinct scores from the highest down, with the anomalous and normal videos at or above each."""
    levels, index = np.unique(-scores, return_inverse=True)
    tp, fp = (np.cumsum(np.bincount(index, of, len(levels))) for of in (anomalous, ~anomalous))
    return -levels, tp, fp
