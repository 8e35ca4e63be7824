"""Intervals by bootstrap over videos, seeded and stratified; and a closed form for `video_auc`.

Videos are resampled, not frames, because the frames of a video depend on each other. A replicate says how often each
video is drawn, with replacement inside each stratum, so the numbers of anomalous and normal videos stay the same.
The spread over training seeds is never merged into these intervals.
"""

from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from vad.schema.evaluate import Bootstrap


class Interval(NamedTuple):
    """A two-sided percentile interval; both ends are None where no replicate is defined."""

    low: float | None
    high: float | None
    undefined: int
    """Number of replicates in which the metric is undefined; the percentiles leave them out."""


def replicate_weights(
    strata: Sequence[str | int], settings: Bootstrap | None
) -> Float64[np.ndarray, "replicates videos"]:
    """Weights of the videos for a metric and its replicates: a row of ones, then the resamples (None = none)."""
    ones = np.ones((1, len(strata)))
    return np.concatenate([ones, multiplicities(strata, settings)]) if settings else ones


def multiplicities(strata: Sequence[str | int], settings: Bootstrap) -> Float64[np.ndarray, "resamples videos"]:
    """How often each video is drawn in each resample; each stratum keeps its number of videos.

    The draw depends only on the seed and on the strata in their order, so two score sets of the same videos in the
    same order get the same resamples: their differences are paired.

    Args:
        strata: the stratum of each video.
        settings: seed and number of resamples.
    """
    return _drawn(tuple(strata), settings.seed, settings.resamples)


@lru_cache(maxsize=4)  # all runs and conventions of a data set draw the same videos
def _drawn(strata: tuple[str | int, ...], seed: int, resamples: int) -> Float64[np.ndarray, "resamples videos"]:
    names = np.asarray(strata)
    generator = np.random.default_rng(seed)
    weights = np.zeros((resamples, len(names)))
    for stratum in np.unique(names):
        members = np.flatnonzero(names == stratum)
        even = np.full(len(members), 1 / len(members))
        weights[:, members] = generator.multinomial(len(members), even, resamples)
    weights.flags.writeable = False  # callers share it
    return weights


def interval(replicates: Float64[np.ndarray, "resamples"], coverage: float) -> Interval:
    """Percentile interval that holds the share `coverage`, in (0, 1), of the replicates that are not NaN."""
    defined = replicates[~np.isnan(replicates)]
    if not len(defined):
        return Interval(None, None, len(replicates))
    low, high = np.quantile(defined, [(1 - coverage) / 2, (1 + coverage) / 2])
    return Interval(float(low), float(high), len(replicates) - len(defined))


class ClosedForm(NamedTuple):
    """Standard error and interval of an area under the ROC curve."""

    error: float
    low: float
    high: float


def hanley_mcneil(auc: float, n_anomalous: int, n_normal: int, coverage: float = 0.95) -> ClosedForm:
    """Standard error and interval of a published `video_auc`, from the area and the two numbers of videos alone.

    Args:
        auc: the area, in [0, 1].
        n_anomalous: number of anomalous videos, at least 1.
        n_normal: number of normal videos, at least 1.
        coverage: of the interval, in (0, 1).

    Returns: the standard error, and an interval that is clipped to [0, 1].

    Paper: Hanley and McNeil 1982, The meaning and use of the area under a ROC curve.
    """
    both_anomalous = auc / (2 - auc)
    both_normal = 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (n_anomalous - 1) * (both_anomalous - auc**2) + (n_normal - 1) * (both_normal - auc**2)
    error = (spread / (n_anomalous * n_normal)) ** 0.5
    half_width = NormalDist().inv_cdf((1 + coverage) / 2) * error
    return ClosedForm(error, max(auc - half_width, 0.0), min(auc + half_width, 1.0))
