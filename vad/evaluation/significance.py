"""Which variants differ: intervals of paired differences, over the same draws of videos and over seeds.

Two variants are compared on the same test videos. A replicate draws videos (the same for both variants) and, for each
variant, seeds, with replacement; its value is the difference of the two means over the drawn seeds. The interval of
these replicates covers chance in the choice of videos and in the seeds. Of many pairs some differ by chance alone, so
Holm's correction over all pairs of a data set is given as well.

Where one of two variants has no score for its first frames (`infer.first_frames: drop`), both are compared on the
frames that both score.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Float

from vad.errors import ArtefactError
from vad.evaluation.bootstrap import interval, replicate_weights
from vad.evaluation.evaluate import FEWEST_VIDEOS, Measured
from vad.evaluation.judged_video import JudgedVideo, Level, check_same, checked
from vad.schema.evaluate import Bootstrap

FEWEST_BEYOND = 10
"""With fewer replicates on the other side of 0, p comes from a normal distribution; see `_p`."""
COMPARED = ("frame_auc", "frame_ap", "ano_auc", "frame_auc_macro", "video_auc", "video_ap")
"""The metrics that are compared, none of them at a threshold."""

Replicates = Float[np.ndarray, "seeds replicates"]
Contestants = Mapping[str, tuple[Level, Sequence[Sequence[JudgedVideo]]]]
"""By name: the level, and the scored test videos of each seed."""


def differences(
    contestants: Contestants, bootstrap: Bootstrap, metrics: Sequence[str] = COMPARED
) -> list[dict[str, Any]]:
    """One row for each pair of contestants and each metric that both have.

    Args:
        contestants: variants of one data set, and baselines (as one seed).
        bootstrap: draws, seed and coverage of the intervals.
        metrics: names of metrics, none of them at a threshold.

    Returns: rows with first, second, metric, difference (of the means over seeds), low, high (over videos and seeds),
        from_frame (the first frame of the videos that both score; the metric is over the frames from there on),
        p (two-sided), p_by (`replicates`, or `normal tail` where too few replicates lie beyond 0), `differs` (0 lies
        outside the interval), `differs_holm` (p is small enough after Holm's correction over the pairs of this
        metric), and `reason` where the pair cannot be compared (the other columns are then None).
    """
    measured = {name: _Contestant(level, runs, bootstrap, metrics) for name, (level, runs) in contestants.items()}
    pairs = [_Pair(measured[first], measured[second]) for first, second in combinations(contestants, 2)]
    rows = [
        {"first": first, "second": second, "metric": metric} | pair.compared(metric)
        for (first, second), pair in zip(combinations(contestants, 2), pairs, strict=True)
        for metric in metrics
        if metric in pair.first.all_frames and metric in pair.second.all_frames
    ]
    return corrected(rows, 1 - bootstrap.coverage)


def against(rows: Sequence[Mapping[str, Any]], baselines: Collection[str]) -> list[dict[str, Any]]:
    """How each contestant compares with each of some plain baselines.

    Args:
        rows: as `differences` gives them.
        baselines: names of contestants.

    Returns: one row for each pair of a contestant that is no baseline and a baseline, and each metric: contestant,
        baseline, metric, difference (contestant minus baseline) with low and high, and verdict: `beats it` (the
        interval is above 0), `is beaten` (below 0), `does not beat it` (0 lies inside), or None with the reason.
    """
    found = []
    for row in rows:
        if (row["first"] in baselines) == (row["second"] in baselines):
            continue
        turned = row["first"] in baselines
        contestant, baseline = (row["second"], row["first"]) if turned else (row["first"], row["second"])
        values = {name: row[name] for name in ("difference", "low", "high")}
        if turned and row["difference"] is not None:
            values = {"difference": -row["difference"], "low": -row["high"], "high": -row["low"]}
        head = {"contestant": contestant, "baseline": baseline, "metric": row["metric"]}
        found.append({**head, **values, "verdict": _verdict(values["low"], values["high"]), "reason": row["reason"]})
    return found


def _verdict(low: float | None, high: float | None) -> str | None:
    if low is None or high is None:
        return None
    return "beats it" if low > 0 else "is beaten" if high < 0 else "does not beat it"


class _Contestant:
    """The runs of one contestant, measured once for each choice of the frames that are compared."""

    def __init__(
        self, level: Level, runs: Sequence[Sequence[JudgedVideo]], bootstrap: Bootstrap, metrics: Sequence[str]
    ) -> None:
        self.runs = [checked(run, level) for run in runs]
        self.starts = {video.video_id: video.first_frame for video in self.runs[0]}
        self.bootstrap = bootstrap
        self._level: Level = level
        self._metrics = metrics
        self._measured: dict[tuple[tuple[str, int], ...], dict[str, Replicates]] = {}

    @property
    def all_frames(self) -> dict[str, Replicates]:
        """Value and replicates of each metric that is defined for every seed, over every frame with a score."""
        return self.measured(self.starts)

    def measured(self, starts: Mapping[str, int]) -> dict[str, Replicates]:
        """The same over the frames of each video from its start on."""
        key = tuple(sorted(starts.items()))
        if key not in self._measured:
            runs = [self.cut(run, starts) for run in self.runs]
            weights = replicate_weights([v.label for v in runs[0]], self.bootstrap)
            found = [Measured.of(run, weights, None, self._level, self._metrics) for run in runs]
            defined = [name for name in self._metrics if not any(name in one.reasons for one in found)]
            self._measured[key] = {name: np.stack([one.values[name] for one in found]) for name in defined}
        return self._measured[key]

    @staticmethod
    def cut(run: Sequence[JudgedVideo], starts: Mapping[str, int]) -> list[JudgedVideo]:
        """The frames of each video from its start on; a video without one stays whole."""
        return [video.cut(max(0, starts.get(video.video_id, 0) - video.first_frame)) for video in run]


class _Pair:
    """Two contestants; whether they scored the same frames is found out once for all metrics."""

    def __init__(self, first: _Contestant, second: _Contestant) -> None:
        self.first = first
        self.second = second

    @cached_property
    def common(self) -> tuple[dict[str, int], str]:
        """From which frame on both score each video, and why their frames cannot be compared (empty if they can)."""
        both = self.first.starts.keys() & self.second.starts.keys()
        starts = {name: max(self.first.starts[name], self.second.starts[name]) for name in both}
        try:
            check_same(*(one.cut(one.runs[0], starts) for one in (self.first, self.second)))
        except ArtefactError:
            return starts, "not the same videos and frames"
        return starts, ""

    def compared(self, metric: str) -> dict[str, Any]:
        """The columns of one metric. A metric over videos does not need equal frames."""
        if metric.startswith("video_"):
            starts, from_frame = (self.first.starts, self.second.starts), 0
            listed = [[(v.video_id, v.label) for v in one.runs[0]] for one in (self.first, self.second)]
            reason = "" if listed[0] == listed[1] else "not the same videos"
        else:
            common, reason = self.common
            starts, from_frame = (common, common), max(common.values(), default=0)
        if len(self.first.runs[0]) < FEWEST_VIDEOS:
            reason = reason or f"fewer than {FEWEST_VIDEOS} videos"
        if not reason:
            first, second = self.first.measured(starts[0]).get(metric), self.second.measured(starts[1]).get(metric)
            if first is not None and second is not None:
                return {"from_frame": from_frame, **paired_difference(first, second, self.first.bootstrap)}
            reason = "undefined on the frames that both score"
        return {"from_frame": from_frame, **unknown(reason)}


def unknown(reason: str) -> dict[str, Any]:
    """The columns of a pair that cannot be compared, with the reason."""
    return {"difference": None, "low": None, "high": None, "p": None, "p_by": None, "differs": None, "reason": reason}


def paired_difference(first: Replicates, second: Replicates, bootstrap: Bootstrap) -> dict[str, Any]:
    """The columns of a pair: the difference of two means over seeds, with its interval and its p.

    Args:
        first: of each seed the value, then one value for each draw of videos.
        second: likewise, over the same draws.
        bootstrap: seed of the draws of seeds, and coverage of the interval.
    """
    value = float(first[:, 0].mean() - second[:, 0].mean())
    generator = np.random.default_rng([bootstrap.seed, 1])
    drawn = _drawn(first[:, 1:], generator) - _drawn(second[:, 1:], generator)
    low, high, _ = interval(drawn, bootstrap.coverage)
    if low is None or high is None:
        return unknown("undefined in every draw")
    differs = bool(low > 0 or high < 0)
    p, by = _p(drawn[~np.isnan(drawn)], value)
    return {"difference": value, "low": low, "high": high, "p": p, "p_by": by, "differs": differs, "reason": ""}


def _p(replicates: Float[np.ndarray, "replicates"], value: float) -> tuple[float, str]:
    """Two-sided p of "the difference is 0", and how it was computed.

    It is the share of replicates on the other side of 0. Where fewer than ten lie there, that share is too coarse (of
    1,000 replicates none could pass Holm's correction over 100 pairs): p then is the tail of a normal distribution with
    the standard deviation of the replicates.
    """
    beyond = min(int((replicates <= 0).sum()), int((replicates >= 0).sum()))
    spread = float(replicates.std())
    if beyond >= FEWEST_BEYOND or spread == 0:
        return min(1.0, 2 * (beyond + 1) / (len(replicates) + 1)), "replicates"
    return math.erfc(abs(value) / spread / math.sqrt(2)), "normal tail"


def _drawn(values: Replicates, generator: np.random.Generator) -> Float[np.ndarray, "replicates"]:
    """Mean over the seeds, which are drawn with replacement in each replicate."""
    n_seeds, n_replicates = values.shape
    seeds = generator.integers(0, n_seeds, (n_seeds, n_replicates))
    return np.take_along_axis(values, seeds, 0).mean(0)


def corrected(rows: list[dict[str, Any]], alpha: float) -> list[dict[str, Any]]:
    """Add `differs_holm` to rows of `paired_difference`: Holm's step-down correction over the pairs of each metric.

    Args:
        rows: with a column `metric`; they are changed.
        alpha: share of false differences that is allowed in one metric.
    """
    for row in rows:
        row["differs_holm"] = None if row["p"] is None else False
    for metric in dict.fromkeys(row["metric"] for row in rows):
        mine = sorted((row for row in rows if row["metric"] == metric and row["p"] is not None), key=lambda r: r["p"])
        for rank, row in enumerate(mine):
            if row["p"] > alpha / (len(mine) - rank):
                break
            row["differs_holm"] = True
    return rows
