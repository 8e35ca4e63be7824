"""From annotated intervals to one label for each frame, under a ground-truth convention.

A convention is an interval rule, a length rule and a tail rule; one also spreads the scores of a bag anew. Published
code uses at least five, which differ by a few hundred frames on UCF-Crime: each has a name here, and none is applied
silently. The rule that a list itself follows is stated by its data set; the convention `canonical` keeps it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float64, Int8, Shaped

from vad.artefacts.bag_frames import sultani_m
from vad.errors import DatasetError, listing
from vad.schema.evaluate import GroundTruth

IntervalRule = Literal["one_based_inclusive", "zero_based_inclusive", "zero_based_half_open"]
LengthRule = Literal["true", "ceil16", "floor16"]
Number = float | int
SHIFT: dict[str, tuple[int, int]] = {
    "one_based_inclusive": (-1, 0),
    "zero_based_inclusive": (0, 1),
    "zero_based_half_open": (0, 0),
}
"""What is added to start and end as written, so that they become a 0-based half-open slice."""

SEGMENT_FRAMES = 16
"""Frames of a segment in published code."""
BAG_SEGMENTS = 32
"""Segments of a bag in published code."""


@dataclass(frozen=True)
class Convention:
    """How intervals are read, how long a video is, and how its tail is scored."""

    interval: IntervalRule | None = None
    """None = the rule that the list itself follows."""
    length: LengthRule = "true"
    """`true` = decoded frames; `ceil16` / `floor16` = whole 16-frame segments, rounded up / down."""
    zero_tail: bool = False
    """Whether the last n % 32 frames get score 0; their labels stay."""
    bag_frames: Literal["sultani_m"] | None = None
    """A published rule by which 32 equal parts of a video, each with its mean score, are spread over frames again."""

    def frames(self, n_frames: int) -> int:
        """Number of frames under this convention, of a video with `n_frames` decoded frames."""
        if self.length == "true":
            return n_frames
        up = SEGMENT_FRAMES - 1 if self.length == "ceil16" else 0
        return (n_frames + up) // SEGMENT_FRAMES * SEGMENT_FRAMES


PRESETS: dict[str, Convention] = {
    "canonical": Convention(),
    "sultani": Convention("one_based_inclusive"),
    "rtfm": Convention("zero_based_inclusive", "ceil16"),
    "vadclip": Convention("zero_based_half_open", "ceil16"),
    "ekosman": Convention("zero_based_half_open", zero_tail=True),
}


def convention(settings: GroundTruth) -> Convention:
    """The convention that the section `ground_truth` of params.yaml names.

    `vadclip` is in use with both segment lengths, so it takes `length: floor16` beside its default.
    """
    if settings.preset == "custom":
        return Convention(settings.interval, settings.length or "true")
    preset = PRESETS[settings.preset]
    if settings.preset == "vadclip" and settings.length in {"ceil16", "floor16"}:
        return Convention(preset.interval, settings.length)
    return preset


@dataclass(frozen=True, eq=False)
class Annotation:
    """The annotation of one video as its list gives it."""

    video_id: str
    n_frames: int
    """Number of decoded frames, taken from the scored video itself, not from a global table."""
    intervals: Sequence[tuple[Number, Number]] = ()
    """Start and end of each anomalous event as written, not clipped; (-1, -1) = no event."""
    rule: IntervalRule = "one_based_inclusive"
    """How the list counts frames."""
    unit: Literal["frame", "second"] = "frame"
    """Seconds become the slice floor(start * fps) : ceil(end * fps) under every interval rule."""
    fps: float | None = None
    """Frames per second as decoded; needed for seconds only."""
    frames: Shaped[np.ndarray, "frames"] | None = None
    """0 or 1 for each decoded frame, instead of intervals."""


class FrameLabels(NamedTuple):
    """Labels of one video, and how many of its intervals had to be clipped."""

    labels: Int8[np.ndarray, "frames"]
    clipped: int
    """Number of intervals whose end lies past the last frame."""
    outside: int
    """Number of intervals that begin past the last frame; they are counted in `clipped` as well."""


def frame_labels(annotations: Iterable[Annotation], rules: Convention) -> dict[str, FrameLabels]:
    """Make one label (0 or 1 = anomalous) for every frame of every video, by video id.

    Interval ends past the last frame are clipped and counted; with `ceil16` the last frame is that of the padded video.
    Labels that are given for each frame are fitted to the length of the convention in the same way as scores.

    Raises: DatasetError with all problems, each with its video: start after end, a start before the first frame, frame
        numbers that are not whole, seconds without fps, labels of another length.
    """
    labels: dict[str, FrameLabels] = {}
    problems: list[str] = []
    for one in annotations:
        found = _problems(one) + [f"{one.video_id}: listed twice"] * (one.video_id in labels)
        problems += found
        if not found:
            labels[one.video_id] = _label(one, rules)
    if problems:
        raise DatasetError(listing("annotations", problems, "Correct the annotation file of the data set."))
    return labels


def fit_scores(scores: Shaped[np.ndarray, "frames"], rules: Convention) -> Shaped[np.ndarray, "fitted"]:
    """Fit the scores of all decoded frames to the length rule and the tail rule of a convention.

    `ceil16` repeats the last score until the end of its segment; `floor16` cuts the frames of the last incomplete
    segment; `zero_tail` sets the last n % 32 frames to 0, whatever the range of the scores, because the published code
    does. `bag_frames` spreads the mean scores of 32 equal parts of the video anew.
    """
    n_frames = len(scores)
    if rules.bag_frames:
        scores = sultani_m(_parts(scores), n_frames)
    wanted = rules.frames(n_frames)
    fitted = np.concatenate([scores[:wanted], np.repeat(scores[-1:], max(wanted - n_frames, 0))])
    if rules.zero_tail:
        fitted[n_frames // BAG_SEGMENTS * BAG_SEGMENTS :] = 0
    return fitted


def _parts(scores: Shaped[np.ndarray, "frames"]) -> Float64[np.ndarray, "parts"]:
    """The mean score of each of 32 equal parts, in the order of time: those of a bag that was scored in such parts.

    Of a video with fewer frames, a part that has no frame takes the score of the frame that it begins in.
    """
    starts = np.arange(BAG_SEGMENTS) * len(scores) // BAG_SEGMENTS
    sums = np.add.reduceat(scores.astype(np.float64), starts)
    return sums / np.maximum(np.diff(np.append(starts, len(scores))), 1)


def _label(one: Annotation, rules: Convention) -> FrameLabels:
    if one.frames is not None:
        return FrameLabels(fit_scores(np.asarray(one.frames).astype(np.int8), Convention(length=rules.length)), 0, 0)
    labels = np.zeros(rules.frames(one.n_frames), np.int8)
    slices = [_slice(one, start, end, rules) for start, end in one.intervals if (start, end) != (-1, -1)]
    for start, stop in slices:
        labels[start:stop] = 1
    clipped = sum(stop > len(labels) for _, stop in slices)
    return FrameLabels(labels, clipped, sum(start >= len(labels) for start, _ in slices))


def _slice(one: Annotation, start: Number, end: Number, rules: Convention) -> tuple[int, int]:
    if one.unit == "second":
        fps = one.fps or math.nan
        return math.floor(start * fps), math.ceil(end * fps)
    before, after = SHIFT[rules.interval or one.rule]
    # A 0-based list read by a 1-based rule would start at -1, which a slice counts from the end.
    return max(int(start) + before, 0), int(end) + after


def _problems(one: Annotation) -> list[str]:
    found = [f"n_frames is {one.n_frames}; a video has at least 1"] * (one.n_frames < 1)
    if one.frames is not None:
        values = np.asarray(one.frames)
        if values.shape != (one.n_frames,):
            found.append(f"{values.size} frame labels, {one.n_frames} decoded frames")
        elif not np.isin(values, (0, 1)).all():
            found.append("frame labels other than 0 and 1")
    if one.unit == "second" and not (one.fps and math.isfinite(one.fps) and one.fps > 0):
        found.append(f"intervals in seconds, but fps is {one.fps}")
    for start, end in one.intervals:
        found += [f"interval {start:g} {end:g}: {why}" for why in _interval_problems(one, start, end)]
    return [f"{one.video_id}: {what}" for what in found]


def _interval_problems(one: Annotation, start: Number, end: Number) -> list[str]:
    if (start, end) == (-1, -1):
        return []
    if not (math.isfinite(start) and math.isfinite(end)):
        return ["not finite"]
    first = 1 if one.unit == "frame" and one.rule == "one_based_inclusive" else 0
    found = [f"starts before {first}, the first {one.unit} of this list"] * (start < first)
    found += ["start after end"] * (start > end)
    whole = one.unit == "second" or (start == int(start) and end == int(end))
    return found + ["frames must be whole numbers"] * (not whole)
