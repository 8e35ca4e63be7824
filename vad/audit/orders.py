"""The order of the videos in a vector of scores or labels: which list it follows, and the areas in other orders.

A vector without names is right in one order only. Two kinds of evidence show which: where scores change (segments begin
where videos begin, so in a wrong order the changes fall anywhere) and, weaker, the area itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from vad.audit.lengths import Fit, average_most_alike, spread_over_frames
from vad.audit.official import OfficialList
from vad.evaluation.ground_truth import SEGMENT_FRAMES, Convention
from vad.evaluation.thresholds import area

STEPWISE = 0.25
"""Share of neighbouring frames with different scores up to which scores count as piecewise constant."""
CLEAR = 0.02
"""By how much the share of aligned changes of one order must exceed that of all others."""
ABSENT = 0.02
"""Share of its official positives below which a class counts as not annotated."""
INTERVALS = ("one_based_inclusive", "zero_based_inclusive", "zero_based_half_open")
LENGTHS = ("true", "ceil16", "floor16")


@dataclass(frozen=True)
class OrderTried:
    """A vector read in one order of the videos."""

    name: str
    frame_auc: float
    aligned: float | None
    """Share of score changes at multiples of 16 frames from the start of their video; None as in `aligned_share`."""


@dataclass(frozen=True, eq=False)
class LabelsRead:
    """A vector of labels, read in one order of the videos under one convention."""

    order: str
    ids: tuple[str, ...]
    rules: Convention
    differ: int
    """Number of frames whose label differs from the official files, in the classes that are annotated."""
    per_class: Mapping[str, tuple[int, int]]
    """Numbers of positive frames in the vector and in the official files, by anomalous class."""

    def absent(self) -> list[str]:
        """Classes that are not annotated."""
        return [name for name, (found, right) in self.per_class.items() if found < ABSENT * right]


def split(
    vector: Float[np.ndarray, "frames"], order: Sequence[str], lengths: Mapping[str, int]
) -> dict[str, Float[np.ndarray, "positions"]]:
    """Cut a vector into videos of the given lengths, in the given order."""
    ends = np.cumsum([lengths[name] for name in order])
    return dict(zip(order, np.split(vector, ends[:-1]), strict=True))


def aligned_share(arrays: Mapping[str, Float[np.ndarray, "frames"]]) -> float | None:
    """Share of score changes at multiples of 16 frames from the start of their video.

    None where scores never change or are not piecewise constant.
    """
    changes = [np.flatnonzero(np.diff(scores)) + 1 for scores in arrays.values()]
    n_changes = sum(map(len, changes))
    if not n_changes or n_changes > STEPWISE * sum(map(len, arrays.values())):
        return None
    return float(sum((where % SEGMENT_FRAMES == 0).sum() for where in changes) / n_changes)


def cut_into_videos(
    vector: Float[np.ndarray, "positions"], order: Sequence[str], fit: Fit, n_frames: Mapping[str, int]
) -> dict[str, Float[np.ndarray, "positions"]]:
    """Cut a vector into videos in one order, and average its crops.

    Crops may be concatenated position by position, video by video, or for the whole vector: the reading whose crops
    differ least is used.
    """
    lengths = {v: fit.form.positions(n_frames[v]) for v in order}
    if fit.crops > 1:
        parts = split(vector, order, {v: fit.crops * n for v, n in lengths.items()})
        by_video = np.concatenate([part.reshape(fit.crops, -1) for part in parts.values()], axis=1)
        vector = average_most_alike(vector.reshape(-1, fit.crops).T, by_video, vector.reshape(fit.crops, -1))
    return split(vector, order, lengths)


def frames_by_video(
    vector: Float[np.ndarray, "positions"], order: Sequence[str], fit: Fit, n_frames: Mapping[str, int]
) -> dict[str, Float[np.ndarray, "frames"]]:
    """One score for each true frame of each video, of a vector that is read in one order."""
    arrays = cut_into_videos(vector, order, fit, n_frames)
    return {v: spread_over_frames(scores, fit.form, n_frames[v]) for v, scores in arrays.items()}


def try_orders(
    vector: Float[np.ndarray, "positions"],
    orders: Mapping[str, Sequence[str]],
    fit: Fit,
    truth: Mapping[str, Int[np.ndarray, "frames"]],
) -> list[OrderTried]:
    """Compute `frame_auc` and the share of aligned changes of a vector in each order.

    Args:
        vector: scores of all videos; crops may be concatenated.
        orders: video ids by name of the order, each of the same videos.
        fit: the form of the vector.
        truth: labels of the true frames, by video id.
    """
    tried = []
    for name, order in orders.items():
        frames = frames_by_video(vector, order, fit, {v: len(truth[v]) for v in order})
        labels = np.concatenate([truth[v] for v in order])
        share = aligned_share(frames) if fit.form.frames_per_position == 1 else None
        tried.append(OrderTried(name, area(np.concatenate(list(frames.values())), labels == 1), share))
    return tried


def best_aligned_share(
    vector: Float[np.ndarray, "positions"], orders: Mapping[str, Sequence[str]], fit: Fit, n_frames: Mapping[str, int]
) -> float | None:
    """The highest share of aligned changes of all orders; None where no order has one."""
    shares = [aligned_share(frames_by_video(vector, order, fit, n_frames)) for order in orders.values()]
    return max((share for share in shares if share is not None), default=None)


def clearest_order(tried: Sequence[OrderTried]) -> OrderTried | None:
    """The order with clearly the highest share of aligned changes; None where there is none."""
    known = sorted((t for t in tried if t.aligned is not None), key=lambda t: -(t.aligned or 0))
    if not known or (len(known) > 1 and (known[0].aligned or 0) - (known[1].aligned or 0) < CLEAR):
        return None
    return known[0]


def read_labels(
    labels: Int[np.ndarray, "frames"], official: OfficialList, orders: Mapping[str, Sequence[str]]
) -> LabelsRead | None:
    """Find the order and the convention that a vector of labels follows best, of equals the first.

    Classes that are not annotated do not count: the others, and the normal videos, decide.

    Returns: None where the vector has the length of no convention.
    """
    read = []
    for rules in (Convention(interval, length) for length in LENGTHS for interval in INTERVALS):
        truth = {name: one.frame_truth() for name, one in official.truth(rules).items()}
        if sum(map(len, truth.values())) == len(labels):
            whole = {name: order for name, order in orders.items() if set(order) == set(truth)}
            read += [_read(labels, official, rules, name, order, truth) for name, order in whole.items()]
    return min(read, key=lambda one: one.differ, default=None)


def read_video_labels(
    labels: Int[np.ndarray, "frames"], official: OfficialList, orders: Mapping[str, Sequence[str]]
) -> LabelsRead | None:
    """Find the order in which most frames have the label of their video; None where no length fits."""
    read = []
    for rules in (Convention(length=length) for length in LENGTHS):
        n_frames = {name: rules.frames(n) for name, n in official.n_frames.items()}
        if sum(n_frames.values()) == len(labels):
            whole = {v.video_id: np.full(n_frames[v.video_id], v.label) for v in official.videos}
            for name, order in orders.items():
                if set(order) == set(whole):
                    differ = int((labels != np.concatenate([whole[v] for v in order])).sum())
                    read.append(LabelsRead(name, tuple(order), rules, differ, {}))
    return min(read, key=lambda one: one.differ, default=None)


def _read(
    labels: Int[np.ndarray, "frames"],
    official: OfficialList,
    rules: Convention,
    name: str,
    order: Sequence[str],
    truth: Mapping[str, Int[np.ndarray, "frames"]],
) -> LabelsRead:
    """Compare a vector of labels, read in one order, with the official labels."""
    given = split(labels, order, {video: len(one) for video, one in truth.items()})
    false = sum(int((given[video] > truth[video]).sum()) for video in order)
    counts: dict[str, tuple[int, int]] = {}
    missed: dict[str, int] = {}
    for video in (v for v in official.videos if v.label):
        own, right = given[video.video_id], truth[video.video_id]
        found, wanted = counts.get(video.class_name, (0, 0))
        counts[video.class_name] = found + int(own.sum()), wanted + int(right.sum())
        missed[video.class_name] = missed.get(video.class_name, 0) + int((own < right).sum())
    read = LabelsRead(name, tuple(order), rules, 0, counts)
    return replace(read, differ=false + sum(n for c, n in missed.items() if c not in read.absent()))
