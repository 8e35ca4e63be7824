"""What the lengths of scores say: frames or segments, which rounding, how many crops.

A form is a rule from the true frames of a video to the number of scores that it has. The form of a score file is
the one that fits most of its videos; of one vector, the one whose sum is its length.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vad.errors import ArtefactError, listing
from vad.evaluation.ground_truth import BAG_SEGMENTS, SEGMENT_FRAMES

DROPPED = range(3, 33)
"""Frames of each video without a score, that prediction models are recognised by."""
NEAR = 2
"""Frames that decoders may differ by."""
TOLERATED = 2 * SEGMENT_FRAMES
"""Frames that a video may be off its form by and still be held or cut instead of left out."""
MIXED = 0.1
"""Share of videos above which those of a second form are no longer just left out."""
KNOWN_TOTALS = {1_109_680: "UR-DMU's vector of UCF-Crime: floor16 without nine more segments"}
CROPS = (1, 10, 5)


@dataclass(frozen=True)
class Form:
    """How many scores a video of n frames has."""

    name: str
    words: str
    steps: Callable[[int], int]
    frames_per_step: int = 1
    """16 for segments; 0 = the steps divide the video evenly."""
    missing_first: bool = False
    """Whether frames without a score come before the scored ones."""


def _ceil(n: int) -> int:
    return -(-n // SEGMENT_FRAMES)


FORMS = (
    Form("frames", "one score a frame", lambda n: n),
    Form("ceil16", "whole 16-frame segments rounded up, as frames (rtfm, vadclip)", lambda n: _ceil(n) * 16),
    Form("floor16", "whole 16-frame segments rounded down, as frames", lambda n: n // 16 * 16),
    Form("segments", "one score per 16-frame segment, rounded up", _ceil, SEGMENT_FRAMES),
    Form("segments_floor", "one score per whole 16-frame segment", lambda n: n // 16, SEGMENT_FRAMES),
    Form("bag32", "32 scores a video", lambda n: BAG_SEGMENTS, 0),
    Form("video", "one score a video", lambda n: 1, 0),
)
_DROPPED = tuple(
    Form(f"dropped_{k}", f"frames without the first {k} of each video", lambda n, k=k: n - k, missing_first=True)
    for k in DROPPED
)
_DROPPED_LAST = {
    first.name: Form(f"{first.name}_last", first.words.replace("first", "last"), first.steps) for first in _DROPPED
}


@dataclass(frozen=True, eq=False)
class Fit:
    """The form of a score file."""

    form: Form
    crops: int
    """Scores of how many crops stand one behind the other."""
    misfits: Mapping[str, tuple[int, int]]
    """Scores found and expected, of the videos that the form does not fit."""


def outside(fit: Fit) -> dict[str, tuple[int, int]]:
    """The misfits that are too far off to be held or cut."""
    reach = TOLERATED // fit.form.frames_per_step if fit.form.frames_per_step else np.inf
    return {v: pair for v, pair in fit.misfits.items() if abs(pair[0] - pair[1]) > reach or pair[0] % fit.crops}


def own_form(length: int, n_frames: int) -> str | None:
    """The form that one length fits, in words; None = no form."""
    choices = ((form, crops) for crops in CROPS for form in FORMS)
    exact = (f.words + _times(c) for f, c in choices if c * f.steps(n_frames) == length)
    return FORMS[0].words if abs(length - n_frames) <= NEAR else next(exact, None)


def refuse_mixed(fit: Fit, lengths: Mapping[str, int], n_frames: Mapping[str, int]) -> None:
    """Stop at scores of which many videos have another form than the rest.

    Raises: ArtefactError with each form, its videos and an example.
    """
    odd = outside(fit) if fit.form.frames_per_step else fit.misfits
    groups: dict[str, list[str]] = {fit.form.words + _times(fit.crops): [v for v in lengths if v not in odd]}
    for video in odd:
        if (words := own_form(lengths[video], n_frames[video])) is not None:
            groups.setdefault(words, []).append(video)
    mixed = {words: videos for words, videos in groups.items() if len(videos) > MIXED * len(lengths)}
    if len(mixed) > 1:
        first = {words: videos[0] for words, videos in mixed.items()}
        shown = [
            f"  - {len(mixed[words])} videos: {words}; {v} has {lengths[v]:,} scores for {n_frames[v]:,} frames"
            for words, v in first.items()
        ]
        mend = "Give all videos in one form, such as one score a frame."
        raise ArtefactError("\n".join([f"lengths: scores of {len(mixed)} forms are mixed:", *shown, mend]))


def fit_arrays(lengths: Mapping[str, int], n_frames: Mapping[str, int]) -> Fit:
    """The form that fits most videos; of equals the first of `FORMS`, with the fewest crops.

    Raises: ArtefactError with examples when no form fits half of them, or when they are of several forms.
    """
    choices = [(form, crops) for crops in CROPS for form in (*FORMS, *_DROPPED)]
    scores = [sum(c * f.steps(n_frames[v]) == length for v, length in lengths.items()) for f, c in choices]
    near = sum(abs(n_frames[v] - length) <= NEAR for v, length in lengths.items())
    best = int(np.argmax(scores))
    form, crops = choices[best]
    if near > scores[best]:
        form, crops = FORMS[0], 1
    expected = {v: crops * form.steps(n_frames[v]) for v in lengths}
    fit = Fit(form, crops, {v: (lengths[v], expected[v]) for v in lengths if lengths[v] != expected[v]})
    refuse_mixed(fit, lengths, n_frames)
    if near <= scores[best] and 2 * scores[best] < len(lengths):
        shown = [f"{v}: {length} scores, {n_frames[v]} frames" for v, length in list(lengths.items())[:5]]
        raise ArtefactError(listing("lengths", shown, "No known form has these lengths for half of the videos."))
    return fit


def fit_total(total: int, n_frames: Sequence[int]) -> Fit:
    """The form whose sum over the videos is the length of a vector.

    Raises: ArtefactError with the nearest sums when there is none.
    """
    choices = [(form, crops) for crops in CROPS for form in (*FORMS, *_DROPPED)]
    totals = [crops * sum(map(form.steps, n_frames)) for form, crops in choices]
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
            "These lengths are the nearest. Give the list of the scored videos with --videos, or one file a video.",
        )
    )


def _times(crops: int) -> str:
    return f", {crops} crops" if crops > 1 else ""


def same_lengths(form: Form) -> Form | None:
    """The form that lengths cannot tell from this one: frames missing at the end instead of the start."""
    return _DROPPED_LAST.get(form.name)


def steps_of(values: Float[np.ndarray, "steps"], crops: int) -> Float[np.ndarray, "steps"]:
    """Scores averaged over crops that stand one behind the other, by crop or by step, whichever agrees better."""
    if crops == 1:
        return values
    return averaged(values.reshape(crops, -1), values.reshape(-1, crops).T)


def averaged(*readings: Float[np.ndarray, "crops steps"]) -> Float[np.ndarray, "steps"]:
    """Scores averaged over crops, in the reading whose crops agree best."""
    return min(readings, key=lambda table: float(table.std(0).mean())).mean(0)


def to_frames(values: Float[np.ndarray, "steps"], form: Form, n_frames: int) -> Float[np.ndarray, "frames"]:
    """One score for each true frame.

    Segments are repeated, bags cover the frames that `frame * steps // n_frames` says, the last score is held to
    the end, and frames missing at the start get the first score.
    """
    if form.frames_per_step == 0:
        return values[np.arange(n_frames) * len(values) // n_frames]
    if form.missing_first:
        values = np.concatenate([np.repeat(values[:1], n_frames - form.steps(n_frames)), values])
    spread = np.repeat(values, form.frames_per_step)[:n_frames]
    return np.concatenate([spread, np.repeat(spread[-1:], n_frames - len(spread))])
