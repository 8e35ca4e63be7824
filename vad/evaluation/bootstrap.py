"""Intervals by bootstrap over videos, seeded and stratified; and the closed form for video level.

The unit of resampling is the video, because the frames of a video depend on each other. A replicate is a
vector of multiplicities, drawn with replacement inside each stratum, so that the numbers of anomalous and
normal videos stay what they are. Seeds of training are never merged into these intervals.
"""

from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from vad.schema.evaluate import Bootstrap


class Interval(NamedTuple):
    """A two-sided percentile interval; None where no replicate is defined."""

    low: float | None
    high: float | None
    undefined: int
    """Replicates in which the metric was undefined; they are left out of the percentiles."""


def multiplicities(strata: Sequence[str | int], settings: Bootstrap) -> Float64[np.ndarray, "resamples videos"]:
    """How often each video is drawn in each resample; each stratum keeps its number of videos.

    The draw depends on the seed and on the strata in their order, so two score sets of the same videos in
    the same order meet the same resamples: their differences are paired.
    """
    names = np.asarray(strata)
    generator = np.random.default_rng(settings.seed)
    weights = np.zeros((settings.resamples, len(names)))
    for stratum in np.unique(names):
        members = np.flatnonzero(names == stratum)
        even = np.full(len(members), 1 / len(members))
        weights[:, members] = generator.multinomial(len(members), even, settings.resamples)
    return weights


def interval(replicates: Float64[np.ndarray, "resamples"], level: float) -> Interval:
    """Percentile interval of the replicates that are defined (not NaN); `level` is its coverage in (0, 1)."""
    defined = replicates[~np.isnan(replicates)]
    if not len(defined):
        return Interval(None, None, len(replicates))
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), len(replicates) - len(defined))


class ClosedForm(NamedTuple):
    """Standard error and interval of an area under the ROC curve."""

    error: float
    low: float
    high: float


def hanley_mcneil(auc: float, n_anomalous: int, n_normal: int, level: float = 0.95) -> ClosedForm:
    """Interval of a `video_auc` in [0, 1] from the area and the two numbers of videos alone.

    Paper: Hanley and McNeil 1982, The meaning and use of the area under a ROC curve.
    """
    both_anomalous = auc / (2 - auc)
    both_normal = 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (n_anomalous - 1) * (both_anomalous - auc**2) + (n_normal - 1) * (both_normal - auc**2)
    error = (spread / (n_anomalous * n_normal)) ** 0.5
    reach = NormalDist().inv_cdf((1 + level) / 2) * error
    return ClosedForm(error, max(auc - reach, 0.0), min(auc + reach, 1.0))
