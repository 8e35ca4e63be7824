"""Localisation metrics: each a formula and one entry in `METRICS`, with intervals by bootstrap over videos.

NaN means undefined; `evaluate` turns it into a reason.
"""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float64

from vad.evaluation.bootstrap import interval, replicate_weights
from vad.evaluation.evaluate import FEWEST_VIDEOS
from vad.evaluation.score_set import ROWS_AT_ONCE, Weights
from vad.evaluation.thresholds import Values, average_precision, ratio, roc_area
from vad.localisation.detections import Detections, thresholds_of
from vad.localisation.judged_maps import JudgedMaps
from vad.localisation.pixel_counts import PixelCounts
from vad.schema.evaluate import Bootstrap

AUPRO_LIMIT = 0.3
"""Largest share of normal pixels that are flagged, in `aupro`."""
FALSE_REGIONS_LIMIT = 1.0
"""Largest number of false regions in a frame, in `rbdc` and `tbdc`."""

Curve = Float64[np.ndarray, "replicates points"]


class SpatialScores:
    """The judged maps of all test videos; what several metrics need is counted once, when the first reads it."""

    def __init__(self, videos: Sequence[JudgedMaps]) -> None:
        """Keep the videos."""
        self.videos = videos

    @cached_property
    def pixels(self) -> PixelCounts:
        """Pixels by score."""
        return PixelCounts.of(self.videos)

    @cached_property
    def detections(self) -> Detections:
        """Regions and tracks by threshold."""
        return Detections.of(self.videos, thresholds_of([v.scores.ravel() for v in self.videos]))

    @cached_property
    def hits(self) -> Float64[np.ndarray, "videos 2"]:
        """Frames whose highest cell lies in a region, and frames with a region, of each video."""
        return np.array([_hits(video) for video in self.videos], float).reshape(len(self.videos), 2)


def _hits(video: JudgedMaps) -> tuple[float, int]:
    """Of several highest cells in a frame each counts with an equal share."""
    shares = [float(inside[one == one.max()].mean()) for one, inside in video.annotated_maps()]
    return sum(shares), len(shares)


@dataclass(frozen=True)
class SpatialMetric:
    """One localisation metric."""

    name: str
    """Column of the tables."""
    function: Callable[[SpatialScores, Weights], Values]
    """One value for each row of the weights; its docstring is the definition."""
    reason: str
    """Why it is undefined, where it is."""

    @property
    def meaning(self) -> str:
        """The definition in words."""
        return inspect.getdoc(self.function) or ""


def pixel_auc(scores: SpatialScores, weights: Weights) -> Values:
    """ROC area over the pixels of all judged frames; ties count one half.

    Not the "pixel-level criterion" of Mahadevan et al. 2010, which counts frames of which 40 % of the anomalous pixels
    are flagged. Large things weigh more than small ones.
    """
    return roc_area(weights @ scores.pixels.positive, weights @ scores.pixels.negative)


def pixel_ap(scores: SpatialScores, weights: Weights) -> Values:
    """Average precision over the pixels of all judged frames; without skill it is the share of anomalous pixels."""
    return average_precision(weights @ scores.pixels.positive, weights @ scores.pixels.negative)


def aupro(scores: SpatialScores, weights: Weights) -> Values:
    """Area under the per-region overlap, up to 30 % of the normal pixels flagged, divided by 0.3.

    At each threshold: the mean over regions of the share of their pixels that is flagged, so that small regions weigh
    as much as large ones, over the share of normal pixels that is flagged. Without skill it is 0.15.

    Paper: Bergmann et al., "The MVTec Anomaly Detection Dataset", IJCV 2021.
    """
    counts = scores.pixels
    negative = np.cumsum(weights @ counts.negative, -1)
    overlap = np.cumsum(weights @ counts.overlap, -1)
    false, mean = (
        ratio(negative, _like(negative[:, -1], negative)),
        ratio(overlap, _like(weights @ counts.regions, overlap)),
    )
    return area_up_to(false, mean, AUPRO_LIMIT)


def rbdc(scores: SpatialScores, weights: Weights) -> Values:
    """Region-based detection: area under the share of regions detected, up to one false region in a frame.

    Detected regions are the connected cells at or above the threshold. A region is detected when one of them has an
    intersection over union of at least 0.1 with it; one that has less with every region of its frame is false. Where
    regions fill a tenth of the picture or more, a map without differences detects them: read it beside `uniform`.

    Paper: Ramachandra and Jones, "Street Scene", WACV 2020.
    Differs: a share of regions counts at every number of false regions that is at least the one it was reached with,
        because a lower threshold joins regions and may have fewer false ones; thresholds are at most 64.
    """
    found = scores.detections
    return _detection_area(weights, found.found, found.regions, found)


def tbdc(scores: SpatialScores, weights: Weights) -> Values:
    """Track-based detection: as `rbdc`, with the share of tracks of which at least 0.1 of the regions are detected.

    Paper: Ramachandra and Jones, "Street Scene", WACV 2020.
    Differs: as `rbdc`; regions in frames that are not judged do not count.
    """
    found = scores.detections
    return _detection_area(weights, found.tracks_found, found.tracks, found)


def box_hit(scores: SpatialScores, weights: Weights) -> Values:
    """Share of the annotated frames in which the centre of the highest cell lies in a box (or mask).

    Of several highest cells each counts with an equal share, so that a map without differences has the share of the
    cells that lie in boxes.
    """
    hits, frames = (weights @ scores.hits).T
    return ratio(hits, frames)


def _like(values: Values, shape: Curve) -> Curve:
    """One value for each replicate, repeated for each point."""
    return np.broadcast_to(values[:, None], shape.shape)


def _detection_area(
    weights: Weights,
    found: Float64[np.ndarray, "videos thresholds"],
    total: Float64[np.ndarray, "videos"],
    counts: Detections,
) -> Values:
    """Area under the share that is found, over false regions in a frame."""
    if not found.shape[1]:  # no frame is judged, so there is no threshold
        return np.full(len(weights), np.nan)
    shares = weights @ found
    shares = ratio(shares, _like(weights @ total, shares))
    false = weights @ counts.false
    false = ratio(false, _like(weights @ counts.frames, false))
    order = np.argsort(false, -1, kind="stable")
    false, shares = np.take_along_axis(false, order, -1), np.take_along_axis(shares, order, -1)
    return area_up_to(false, np.maximum.accumulate(shares, -1), FALSE_REGIONS_LIMIT)


def area_up_to(x: Curve, y: Curve, limit: float) -> Values:
    """Area under a curve from 0 to `limit`, divided by `limit`; NaN where the curve has a NaN.

    The curve begins at 0, 0, runs straight from point to point, and stays level after its last point.

    Args:
        x: ascending, at least 0.
        y: as many points.
        limit: above 0.
    """
    start = np.zeros((len(x), 1))
    end = np.maximum(x[:, -1:], limit)
    x, y = np.concatenate([start, x, end], 1), np.concatenate([start, y, y[:, -1:]], 1)
    width = np.minimum(x[:, 1:], limit) - np.minimum(x[:, :-1], limit)
    slope = np.divide(np.diff(y), np.diff(x), out=np.zeros_like(width), where=np.diff(x) > 0)
    return (width * (y[:, :-1] + slope * width / 2)).sum(-1) / limit + 0 * y.sum(-1)


METRICS: dict[str, SpatialMetric] = {
    metric.name: metric
    for metric in (
        SpatialMetric("pixel_auc", pixel_auc, "no anomalous pixels, or no others"),
        SpatialMetric("pixel_ap", pixel_ap, "no anomalous pixels"),
        SpatialMetric("aupro", aupro, "no regions, or no other pixels"),
        SpatialMetric("rbdc", rbdc, "no regions"),
        SpatialMetric("tbdc", tbdc, "no tracks"),
        SpatialMetric("box_hit", box_hit, "no regions"),
    )
}
"""Every localisation metric, by name, in the order of the tables."""


def replicates(
    videos: Sequence[JudgedMaps] | SpatialScores, weights: Weights, names: Collection[str] = METRICS.keys()
) -> dict[str, Values]:
    """One value for each row of the weights, by name of the metric; NaN = undefined.

    Two models with maps of the same videos in the same order and the same weights can be compared draw by draw.

    Args:
        videos: the maps beside the ground truth, or what was counted in them; at least one.
        weights: how often each video counts in each replicate.
        names: which metrics; what only others need is not counted.
    """
    scores = videos if isinstance(videos, SpatialScores) else SpatialScores(videos)
    parts = [weights[start : start + ROWS_AT_ONCE] for start in range(0, len(weights), ROWS_AT_ONCE)]
    wanted = [metric for name, metric in METRICS.items() if name in names]
    return {metric.name: np.concatenate([metric.function(scores, part) for part in parts]) for metric in wanted}


def evaluate(
    videos: Sequence[JudgedMaps], bootstrap: Bootstrap | None = None, names: Collection[str] = METRICS.keys()
) -> dict[str, dict[str, Any]]:
    """The metrics of one model's maps, with bootstrap intervals over videos.

    Args:
        videos: the maps beside the ground truth; at least one.
        bootstrap: None = no intervals.
        names: which metrics.

    Returns: by metric name `{"value", "low", "high"}` (shares of 1), with `reason` where the value is None,
        `interval_reason` where there are too few videos, and `undefined_replicates` where some are.
    """
    return entries(draws(videos, bootstrap, names), len(videos), bootstrap)


def draws(
    videos: Sequence[JudgedMaps] | SpatialScores,
    bootstrap: Bootstrap | None,
    names: Collection[str] = METRICS.keys(),
) -> dict[str, Values]:
    """The value of each metric, then one value for each draw of videos; too few videos are not drawn from.

    Args:
        videos: the maps beside the ground truth, or what was counted in them; at least one.
        bootstrap: None = no draws.
        names: which metrics.
    """
    labels = [video.label for video in (videos.videos if isinstance(videos, SpatialScores) else videos)]
    return replicates(videos, replicate_weights(labels, None if len(labels) < FEWEST_VIDEOS else bootstrap), names)


def entries(drawn: Mapping[str, Values], n_videos: int, bootstrap: Bootstrap | None) -> dict[str, dict[str, Any]]:
    """The metrics as `evaluate` gives them.

    Args:
        drawn: as `draws` gives them.
        n_videos: behind them.
        bootstrap: coverage of the intervals; None = none.
    """
    few, found = n_videos < FEWEST_VIDEOS, {}
    for name, values in drawn.items():
        if np.isnan(values[0]):
            found[name] = {"value": None, "low": None, "high": None, "reason": METRICS[name].reason}
            continue
        entry: dict[str, Any] = {"value": float(values[0]), "low": None, "high": None}
        if bootstrap and few:
            entry["interval_reason"] = f"fewer than {FEWEST_VIDEOS} videos"
        elif bootstrap:
            low, high, undefined = interval(values[1:], bootstrap.coverage)
            entry |= {"low": low, "high": high} | ({"undefined_replicates": undefined} if undefined else {})
        found[name] = entry
    return found
