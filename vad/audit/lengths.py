"""The form of scores, found from their lengths: frames or segments, which rounding, how many crops.

A form is a rule from the true number of frames of a video to its number of scores. The form of a score file is the one
that fits most of its videos; the form of one vector is the one whose sum over the videos is its length.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vad.errors import ArtefactError, listing
from vad.evaluation.ground_truth import BAG_SEGMENTS, SEGMENT_FRAMES

DROPPED = range(3, 33)
"""Numbers of frames without a score in each video, by which prediction models are recognised."""
NEAR = 2
"""Frames by which two decoders may differ on one video."""
TOLERATED = 2 * SEGMENT_FRAMES
"""Frames by which a video may differ from the form and still be held or cut, instead of left out."""
MIXED = 0.1
"""Share of videos of a second form above which a file is refused; below, these videos are left out."""
KNOWN_TOTALS = {1_109_680: "UR-DMU's vector of UCF-Crime: floor16 without nine more segments"}
CROPS = (1, 10, 5)
"""Numbers of crops that are tried, in this order."""


@dataclass(frozen=True)
class Form:
    """How many scores a video of n frames has."""

    name: str
    words: str
    """Its description."""
    positions: Callable[[int], int]
    """Number of scores of a video with n frames."""
    frames_per_position: int = 1
    """16 for segments; 0 = the scores divide the video into equal parts."""
    missing_first: bool = False
    """Whether frames without a score come before the scored ones."""


def _ceil(n: int) -> int:
    return -(-n // SEGMENT_FRAMES)


FORMS = (
    Form("frames", "one score per frame", lambda n: n),
    Form("ceil16", "whole 16-frame segments rounded up, as frames (rtfm, vadclip)", lambda n: _ceil(n) * 16),
    Form("floor16", "whole 16-frame segments rounded down, as frames", lambda n: n // 16 * 16),
    Form("segments", "one score per 16-frame segment, rounded up", _ceil, SEGMENT_FRAMES),
    Form("segments_floor", "one score per whole 16-frame segment", lambda n: n // 16, SEGMENT_FRAMES),
    Form("bag32", "32 scores per video", lambda n: BAG_SEGMENTS, 0),
    Form("video", "one score per video", lambda n: 1, 0),
)
_DROPPED = tuple(
    Form(f"dropped_{k}", f"frames without the first {k} of each video", lambda n, k=k: n - k, missing_first=True)
    for k in DROPPED
)
_DROPPED_LAST = {
    first.name: Form(f"{first.name}_last", first.words.replace("first", "last"), first.positions) for first in _DROPPED
}


@dataclass(frozen=True, eq=False)
class Fit:
    """The form of a score file."""

    form: Form
    crops: int
    """Number of crops whose scores are concatenated."""
    misfits: Mapping[str, tuple[int, int]]
    """Numbers of scores found and expected, of each video that the form does not fit."""


def too_far_off(fit: Fit) -> dict[str, tuple[int, int]]:
    """The misfits that differ too much to be held or cut."""
    allowed = TOLERATED // fit.form.frames_per_position if fit.form.frames_per_position else np.inf
    return {v: pair for v, pair in fit.misfits.items() if abs(pair[0] - pair[1]) > allowed or pair[0] % fit.crops}


def form_of_length(length: int, n_frames: int) -> str | None:
    """The description of the form that one length fits; None = no form."""
    choices = ((form, crops) for crops in CROPS for form in FORMS)
    exact = (f.words + _times(c) for f, c in choices if c * f.positions(n_frames) == length)
    return FORMS[0].words if abs(length - n_frames) <= NEAR else next(exact, None)


def check_one_form(fit: Fit, lengths: Mapping[str, int], n_frames: Mapping[str, int]) -> None:
    """Check that no more than a few videos have another form than the rest.

    Raises: ArtefactError with each form, its number of videos and an example.
    """
    odd = too_far_off(fit) if fit.form.frames_per_position else fit.misfits
    groups: dict[str, list[str]] = {fit.form.words + _times(fit.crops): [v for v in lengths if v not in odd]}
    for video in odd:
        if (words := form_of_length(lengths[video], n_frames[video])) is not None:
            groups.setdefault(words, []).append(video)
    mixed = {words: videos for words, videos in groups.items() if len(videos) > MIXED * len(lengths)}
    if len(mixed) > 1:
        first = {words: videos[0] for words, videos in mixed.items()}
        shown = [
            f"  - {len(mixed[words])} videos: {words}; {v} has {lengths[v]:,} scores for {n_frames[v]:,} frames"
            for words, v in first.items()
        ]
        remedy = "Give all videos in one form, such as one score for each frame."
        raise ArtefactError("\n".join([f"lengths: scores of {len(mixed)} forms are mixed:", *shown, remedy]))


def fit_arrays(lengths: Mapping[str, int], n_frames: Mapping[str, int]) -> Fit:
    """Find the form that fits most videos; of equals the one with fewest crops, then the first of `FORMS`.

    Args:
        lengths: number of scores of each video.
        n_frames: true number of frames of each video.

    Raises: ArtefactError with examples when no form fits half of the videos, or when they have several forms.
    """
    choices = [(form, crops) for crops in CROPS for form in (*FORMS, *_DROPPED)]
    scores = [sum(c * f.positions(n_frames[v]) == length for v, length in lengths.items()) for f, c in choices]
    near = sum(abs(n_frames[v] - length) <= NEAR for v, length in lengths.items())
    best = int(np.argmax(scores))
    form, crops = choices[best]
    if near > scores[best]:
        form, crops = FORMS[0], 1
    expected = {v: crops * form.positions(n_frames[v]) for v in lengths}
    fit = Fit(form, crops, {v: (lengths[v], expected[v]) for v in lengths if lengths[v] != expected[v]})
    check_one_form(fit, lengths, n_frames)
    if near <= scores[best] and 2 * scores[best] < len(lengths):
        shown = [f"{v}: {length} scores, {n_frames[v]} frames" for v, length in list(lengths.items())[:5]]
        raise ArtefactError(listing("lengths", shown, "No known form has these lengths for half of the videos."))
    return fit


def fit_total(total: int, n_frames: Sequence[int]) -> Fit:
    """Find the form whose sum over the videos is the length of a vector.

    Args:
        total: length of the vector.
        n_frames: true number of frames of each video.

    Raises: ArtefactError with the nearest sums when there is none.
    """
    choices = [(form, crops) for crops in CROPS for form in (*FORMS, *_DROPPED)]
    totals = [crops * sum(map(form.positions, n_frames)) for form, crops in choices]
    if total in totals:
        form, crops = choices[totals.index(total)]
        return Fit(form, crops, {})
    near = sorted(zip(totals, choices, strict=True), key=lambda pair: abs(pair[0] - total))[:4]
    shown = [f"{n:,} ({total - n:+,}): {form.words}" + _times(crops) for n, (form, crops) in near]
    shown += [f"{total:,} is the length of {KNOWN_TOTALS[total]}"] if total in KNOWN_TOTALS else []
    videos = len(n_frames)
    if 0 < total - sum(n_frames) <= NEAR * videos:
        shown.append(f"{videos} videos may have a frame more each: give their counts with --frames")
    raise ArtefactError(
        listing(
            f"{total:,} scores of {videos} videos",
            shown,
            "These lengths are the nearest. Give the list of the scored videos with --videos, or one file per video.",
        )
    )


def _times(crops: int) -> str:
    """The words about crops behind a form; empty for one crop."""
    return f", {crops} crops" if crops > 1 else ""


def form_with_same_lengths(form: Form) -> Form | None:
    """The form with the same lengths whose frames are missing at the end, not at the start; None = there is none."""
    return _DROPPED_LAST.get(form.name)


def average_crops(values: Float[np.ndarray, "positions"], crops: int) -> Float[np.ndarray, "positions"]:
    """Average scores over crops, which are concatenated crop by crop or position by position."""
    if crops == 1:
        return values
    return average_most_alike(values.reshape(crops, -1), values.reshape(-1, crops).T)


def average_most_alike(*readings: Float[np.ndarray, "crops positions"]) -> Float[np.ndarray, "positions"]:
    """Average over the crops of one of several readings of the same scores: the one whose crops differ least."""
    return min(readings, key=lambda table: float(table.std(0).mean())).mean(0)


def spread_over_frames(
    values: Float[np.ndarray, "positions"], form: Form, n_frames: int
) -> Float[np.ndarray, "frames"]:
    """Give every true frame of a video a score.

    The score of a segment is repeated on its frames; a score of a bag covers the frames f with the same
    `f * positions // n_frames`; the last score is held to the end; frames missing at the start get the first score.
    """
    if form.frames_per_position == 0:
        return values[np.arange(n_frames) * len(values) // n_frames]
    if form.missing_first:
        values = np.concatenate([np.repeat(values[:1], n_frames - form.positions(n_frames)), values])
    spread = np.repeat(values, form.frames_per_position)[:n_frames]
    return np.concatenate([spread, np.repeat(spread[-1:], n_frames - len(spread))])
