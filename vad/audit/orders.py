"""What the order of a vector says: which list it follows, and what another order would make of it.

A vector without names is right in one order only. Two kinds of evidence tell which: where scores change (segments
begin where videos begin, so in a wrong order the changes fall anywhere), and, weaker, the area itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from vad.audit.lengths import Fit, averaged, to_frames
from vad.audit.official import OfficialList
from vad.evaluation.ground_truth import SEGMENT_FRAMES, Convention
from vad.evaluation.thresholds import Thresholds, roc_area

STEPWISE = 0.25
"""Share of changes between neighbouring frames below which scores are stepwise."""
CLEAR = 0.02
"""Share of aligned changes that one order must have above all others."""
ABSENT = 0.02
"""Share of a class's positives below which the class counts as not annotated."""
INTERVALS = ("one_based_inclusive", "zero_based_inclusive", "zero_based_half_open")
LENGTHS = ("true", "ceil16", "floor16")


@dataclass(frozen=True)
class OrderTried:
    """A vector read in one order of the videos."""

    name: str
    frame_auc: float
    aligned: float | None
    """Share of score changes at multiples of 16 frames from the start of their video; None = not stepwise."""


@dataclass(frozen=True, eq=False)
class LabelsRead:
    """What a vector of labels seems to be."""

    order: str
    ids: tuple[str, ...]
    rules: Convention
    differ: int
    """Frames whose label is not that of the official files, in the classes that are annotated at all."""
    per_class: Mapping[str, tuple[int, int]]
    """Positives found and official, by anomalous class."""

    def absent(self) -> list[str]:
        """Classes that are not annotated."""
        return [name for name, (found, right) in self.per_class.items() if found < ABSENT * right]


def split(
    vector: Float[np.ndarray, "frames"], order: Sequence[str], lengths: Mapping[str, int]
) -> dict[str, Float[np.ndarray, "steps"]]:
    """A vector cut into videos."""
    ends = np.cumsum([lengths[name] for name in order])
    return dict(zip(order, np.split(vector, ends[:-1]), strict=True))


def area(scores: Float[np.ndarray, "frames"], positive: Bool[np.ndarray, "frames"]) -> float:
    """Micro ROC area; NaN without both classes."""
    counts = Thresholds.of(scores, positive, np.zeros(len(scores), np.int64), 1, most=None)
    return float(roc_area(counts.positive, counts.negative)[0])


def aligned(arrays: Mapping[str, Float[np.ndarray, "frames"]]) -> float | None:
    """Share of score changes at multiples of 16 frames from the start of their video; None unless stepwise."""
    changes = [np.flatnonzero(np.diff(scores)) + 1 for scores in arrays.values()]
    n_changes = sum(map(len, changes))
    if not n_changes or n_changes > STEPWISE * sum(map(len, arrays.values())):
        return None
    return float(sum((where % SEGMENT_FRAMES == 0).sum() for where in changes) / n_changes)


def steps_in(
    vector: Float[np.ndarray, "steps"], order: Sequence[str], fit: Fit, n_frames: Mapping[str, int]
) -> dict[str, Float[np.ndarray, "steps"]]:
    """A vector read in an order, by video; crops averaged, whether they lie by step, by video or one vector a crop."""
    lengths = {v: fit.form.steps(n_frames[v]) for v in order}
    if fit.crops > 1:
        parts = split(vector, order, {v: fit.crops * n for v, n in lengths.items()})
        by_video = np.concatenate([part.reshape(fit.crops, -1) for part in parts.values()], axis=1)
        vector = averaged(vector.reshape(-1, fit.crops).T, by_video, vector.reshape(fit.crops, -1))
    return split(vector, order, lengths)


def frames_in(
    vector: Float[np.ndarray, "steps"], order: Sequence[str], fit: Fit, n_frames: Mapping[str, int]
) -> dict[str, Float[np.ndarray, "frames"]]:
    """One score for each true frame, of a vector read in an order."""
    arrays = steps_in(vector, order, fit, n_frames)
    return {v: to_frames(steps, fit.form, n_frames[v]) for v, steps in arrays.items()}


def try_orders(
    vector: Float[np.ndarray, "steps"],
    orders: Mapping[str, Sequence[str]],
    fit: Fit,
    truth: Mapping[str, Int[np.ndarray, "frames"]],
) -> list[OrderTried]:
    """Area and alignment of a vector in each order.

    Args:
        vector: scores of all videos; crops may stand one behind the other.
        orders: video ids by name of the order, each of the same videos.
        fit: the form of the vector.
        truth: labels of the true frames, by video id.
    """
    tried = []
    for name, order in orders.items():
        frames = frames_in(vector, order, fit, {v: len(truth[v]) for v in order})
        labels = np.concatenate([truth[v] for v in order])
        steps = aligned(frames) if fit.form.frames_per_step == 1 else None
        tried.append(OrderTried(name, area(np.concatenate(list(frames.values())), labels == 1), steps))
    return tried


def best_aligned(
    vector: Float[np.ndarray, "steps"], orders: Mapping[str, Sequence[str]], fit: Fit, n_frames: Mapping[str, int]
) -> float | None:
    """The share of aligned changes in the order that has most of them; None unless stepwise."""
    shares = [aligned(frames_in(vector, order, fit, n_frames)) for order in orders.values()]
    return max((share for share in shares if share is not None), default=None)


def clearest(tried: Sequence[OrderTried]) -> OrderTried | None:
    """The order whose changes are aligned clearly better than in all others; None when nothing tells."""
    known = sorted((t for t in tried if t.aligned is not None), key=lambda t: -(t.aligned or 0))
    if not known or (len(known) > 1 and (known[0].aligned or 0) - (known[1].aligned or 0) < CLEAR):
        return None
    return known[0]


def read_labels(
    labels: Int[np.ndarray, "frames"], official: OfficialList, orders: Mapping[str, Sequence[str]]
) -> LabelsRead | None:
    """The order and the convention that a vector of labels follows best, of equals the first; None: no length fits.

    A few classes may lack their positives: then the others, and the normal videos, tell the order.
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
    """The order in which labels are nearest to the label of the video on every frame; None: no length fits."""
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
    """A vector of labels held against the official ones in one order."""
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
