"""Which rows of a table differ at all: paired differences over the same draws of videos and over seeds.

Two variants are compared on the same test videos. A replicate draws videos (the same for both) and, for each variant,
seeds with replacement; its value is the difference of the two means over the drawn seeds. The interval of these
replicates holds both what other videos and what other seeds could have given. With many pairs some would differ by
chance, so Holm's correction over all pairs of a data set is told as well.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Float

from vad.errors import ArtefactError
from vad.evaluation.bootstrap import interval, multiplicities
from vad.evaluation.evaluate import FEWEST_VIDEOS, Measured
from vad.evaluation.scored_video import JudgedVideo, Level, check_same, checked
from vad.schema.evaluate import Bootstrap

FEWEST_BEYOND = 10
COMPARED = ("frame_auc", "frame_ap", "ano_auc", "frame_auc_macro", "video_auc", "video_ap")
"""Metrics without a threshold, whose differences are told."""

Replicates = Float[np.ndarray, "seeds replicates"]
Contestants = Mapping[str, tuple[Level, Sequence[Sequence[JudgedVideo]]]]
"""By name: the level, and the scored test videos of each seed."""


def differences(
    contestants: Contestants, bootstrap: Bootstrap, metrics: Sequence[str] = COMPARED
) -> list[dict[str, Any]]:
    """One row for each pair of contestants and metric that both have.

    Args:
        contestants: variants (and rows without a pixel, as one seed) of one data set.
        bootstrap: draws, seed and coverage of the intervals.
        metrics: whose differences are told; none with a threshold.

    Returns: columns first, second, metric, difference (of the means over seeds), low, high (videos and
        seeds), p (two-sided), p_by (`replicates`, or their `normal tail` where these cannot tell), `differs`
        (the interval leaves 0 out) and `differs_holm` (p holds after Holm's correction over the pairs of this
        metric); `reason` where nothing can be told.
    """
    ordered = {name: [checked(run, level) for run in runs] for name, (level, runs) in contestants.items()}
    measured = {name: _measured(ordered[name], level, bootstrap, metrics) for name, (level, _) in contestants.items()}
    rows = []
    for first, second in combinations(contestants, 2):
        for metric in metrics:
            if metric in measured[first] and metric in measured[second]:
                reason = _incomparable(metric, ordered[first][0], ordered[second][0])
                head = {"first": first, "second": second, "metric": metric}
                values = measured[first][metric], measured[second][metric]
                rows.append(head | (_unknown(reason) if reason else _difference(*values, bootstrap)))
    return _corrected(rows, 1 - bootstrap.level)


def _measured(
    runs: Sequence[list[JudgedVideo]], level: Level, bootstrap: Bootstrap, metrics: Sequence[str]
) -> dict[str, Replicates]:
    """Each metric that is defined for every seed: its value first, then its replicates."""
    draws = multiplicities([v.label for v in runs[0]], bootstrap)
    weights = np.concatenate([np.ones((1, draws.shape[1])), draws])
    found = [Measured.of(run, weights, None, level) for run in runs]
    defined = [name for name in metrics if not any(name in one.reasons for one in found)]
    return {name: np.stack([one.values[name] for one in found]) for name in defined}


def _incomparable(metric: str, first: Sequence[JudgedVideo], second: Sequence[JudgedVideo]) -> str:
    """Why a pair cannot be compared; a metric over videos needs no equal frames."""
    few = f"fewer than {FEWEST_VIDEOS} videos" if len(first) < FEWEST_VIDEOS else ""
    if metric.startswith("video_"):
        same = [(v.video_id, v.label) for v in first] == [(v.video_id, v.label) for v in second]
        return few if same else "not the same videos"
    try:
        check_same(first, second)
    except ArtefactError:
        return "not the same videos and frames"
    return few


def _unknown(reason: str) -> dict[str, Any]:
    return {"difference": None, "low": None, "high": None, "p": None, "p_by": None, "differs": None, "reason": reason}


def _difference(first: Replicates, second: Replicates, bootstrap: Bootstrap) -> dict[str, Any]:
    value = float(first[:, 0].mean() - second[:, 0].mean())
    generator = np.random.default_rng([bootstrap.seed, 1])
    drawn = _drawn(first[:, 1:], generator) - _drawn(second[:, 1:], generator)
    low, high, _ = interval(drawn, bootstrap.level)
    if low is None or high is None:
        return _unknown("undefined in every draw")
    differs = bool(low > 0 or high < 0)
    p, by = _p(drawn[~np.isnan(drawn)], value)
    return {"difference": value, "low": low, "high": high, "p": p, "p_by": by, "differs": differs, "reason": ""}


def _p(replicates: Float[np.ndarray, "replicates"], value: float) -> tuple[float, str]:
    """Two-sided p that the difference is 0, and where it came from.

    Replicates beyond 0 are counted. Where fewer than ten lie there, their number says little and 1,000 of them could
    never pass Holm's correction over 100 pairs: then the tail of a normal distribution with their spread.
    """
    beyond = min(int((replicates <= 0).sum()), int((replicates >= 0).sum()))
    spread = float(replicates.std())
    if beyond >= FEWEST_BEYOND or spread == 0:
        return min(1.0, 2 * (beyond + 1) / (len(replicates) + 1)), "replicates"
    return math.erfc(abs(value) / spread / math.sqrt(2)), "normal tail"


def _drawn(values: Replicates, generator: np.random.Generator) -> Float[np.ndarray, "replicates"]:
    """Mean over seeds drawn with replacement, anew in each replicate."""
    n_seeds, n_replicates = values.shape
    seeds = generator.integers(0, n_seeds, (n_seeds, n_replicates))
    return np.take_along_axis(values, seeds, 0).mean(0)


def _corrected(rows: list[dict[str, Any]], alpha: float) -> list[dict[str, Any]]:
    """Holm's step-down correction over the pairs of each metric."""
    for row in rows:
        row["differs_holm"] = None if row["p"] is None else False
    for metric in dict.fromkeys(row["metric"] for row in rows):
        mine = sorted((row for row in rows if row["metric"] == metric and row["p"] is not None), key=lambda r: r["p"])
        for rank, row in enumerate(mine):
            if row["p"] > alpha / (len(mine) - rank):
                break
            row["differs_holm"] = True
    return rows
