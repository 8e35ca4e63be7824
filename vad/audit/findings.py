"""Findings: what scores seem to be and how they seem to have been processed, each with the numbers behind it.

A finding says what the scores are consistent with and never accuses, because a file alone proves nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from vad.audit.lengths import Fit
from vad.audit.official import OfficialList
from vad.audit.problems import shorten
from vad.evaluation.ground_truth import BAG_SEGMENTS, SEGMENT_FRAMES

MOST_VIDEOS = 0.9
"""Share of the videos that must have a property before it is stated of the file."""
CLOSE = 1e-6
"""Difference of two scores that counts as none; relative to the range of all scores where that is used."""
FEW = 2
"""Videos that may run from exactly 0 to exactly 1 by chance, where the whole test set is scaled."""


@dataclass(frozen=True)
class Finding:
    """One thing that the scores are consistent with."""

    code: str
    """Short name for programs."""
    text: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Case:
    """What every check reads."""

    official: OfficialList
    fit: Fit
    frames: Mapping[str, Float[np.ndarray, "frames"]]
    """One score for each true frame, by video id."""
    positions: Mapping[str, Float[np.ndarray, "positions"]]
    """Scores as they were given, averaged over crops, by video id."""
    truth: Mapping[str, Int[np.ndarray, "frames"]]
    """Labels of the true frames."""
    averaged: int
    """Number of crops over which the scores were averaged here; 1 = none."""


def findings(case: Case) -> list[Finding]:
    """The findings of all checks of the scores."""
    return [found for check in CHECKS for found in check(case)]


def _form(case: Case) -> Iterator[Finding]:
    """The form of the scores."""
    form, n_scores = case.fit.form, sum(map(len, case.positions.values()))
    given = len(case.positions.keys() | case.fit.misfits.keys())
    fitting = given - len(case.fit.misfits)
    evidence = {"scores": n_scores, "videos": given, "videos_of_this_form": fitting}
    text = f"lengths are consistent with {form.words}: {n_scores:,} scores, {fitting} of {given} videos"
    yield Finding(f"form_{form.name}", text, evidence)


def _missing(case: Case) -> Iterator[Finding]:
    """Test videos without scores."""
    absent = [name for name in case.official.ids if name not in case.frames]
    if absent:
        text = (
            f"{len(absent)} of {len(case.official.ids)} test videos are not scored: every number here is of a subset. "
            + shorten(absent)
        )
        yield Finding("subset", text, {"absent": len(absent), "listed": len(case.official.ids)})


def _misfits(case: Case) -> Iterator[Finding]:
    """Videos whose length is not of the form."""
    odd = {name: pair for name, pair in case.fit.misfits.items() if name in case.positions}
    if odd:
        shown = [f"{name} {found} instead of {wanted}" for name, (found, wanted) in odd.items()]
        missing = sum(max(wanted - found, 0) for found, wanted in odd.values())
        surplus = sum(max(found - wanted, 0) for found, wanted in odd.values())
        counts = [f"{n:,} scores {word}" for n, word in ((missing, "missing"), (surplus, "too many")) if n]
        text = f"{len(odd)} videos have another length, held or cut here ({', '.join(counts)}): {shorten(shown)}"
        yield Finding(
            "other_lengths", text, {"videos": len(odd), "scores_missing": missing, "scores_too_many": surplus}
        )


def _crops(case: Case) -> Iterator[Finding]:
    """Crops that were not averaged."""
    if case.averaged > 1:
        text = (
            f"crops seem not to be averaged: {case.averaged} scores where {case.fit.form.words} has one. Averaged here"
        )
        yield Finding("crops_not_averaged", text, {"crops": case.averaged})


def _video_level(case: Case) -> Iterator[Finding]:
    """Videos with one score on all frames."""
    noise = _noise(case)
    constant = sum(np.ptp(scores) <= noise for scores in case.frames.values())
    between = np.ptp([scores[0] for scores in case.frames.values()])
    if constant >= MOST_VIDEOS * len(case.frames) and between > noise:
        text = (
            f"seems video level: {constant} of {len(case.frames)} videos have one score. Frame metrics of such scores "
            "only say how well videos are separated; compare with the video oracle"
        )
        yield Finding("video_level", text, {"constant_videos": int(constant), "videos": len(case.frames)})


def _normalised(case: Case) -> Iterator[Finding]:
    """Scores that were scaled by the minimum and maximum of each video, or of the test set."""
    noise = _noise(case)
    moving = {name: s for name, s in case.positions.items() if np.ptp(s) > noise}
    if len(moving) < 2:
        return
    full = {name for name, s in moving.items() if abs(s.min()) < CLOSE and abs(s.max() - 1) < CLOSE}
    scaled = len(full)
    ends = min(s.min() for s in case.positions.values()), max(s.max() for s in case.positions.values())
    evidence = {"videos_from_0_to_1": scaled, "videos_that_vary": len(moving)}
    if scaled >= MOST_VIDEOS * len(moving):
        text = (
            f"consistent with min-max within each video: {scaled} of {len(moving)} videos run from exactly 0 to "
            "exactly 1. Such a number is frame_auc_pvnorm, not frame_auc"
        )
        yield Finding("per_video_min_max", text, evidence)
    elif scaled > FEW:
        yield _scaled_partly(case, full, moving.keys())
    elif abs(ends[0]) < CLOSE and abs(ends[1] - 1) < CLOSE:
        text = "consistent with min-max over the whole test set: the lowest score is exactly 0, the highest exactly 1"
        yield Finding("test_set_min_max", text, {"lowest": float(ends[0]), "highest": float(ends[1])})


def _scaled_partly(case: Case, full: Set[str], moving: Set[str]) -> Finding:
    """The finding that some videos run from 0 to 1: those of one label, or others."""
    sides = {"anomalous": 1, "normal": 0}
    of = {word: {v.video_id for v in case.official.videos if v.label == label} for word, label in sides.items()}
    counts = {word: len(full & ids) for word, ids in of.items()}
    evidence = {"videos_from_0_to_1": len(full), "videos_that_vary": len(moving), **counts}
    text = f"{len(full)} of {len(moving)} videos run from exactly 0 to exactly 1: {_counted(counts)}. Consistent with "
    only = [word for word, ids in of.items() if counts[word] >= MOST_VIDEOS * len(moving & ids) and full <= ids]
    if only:
        text += f"min-max within the {only[0]} videos only, which takes the labels of the test set"
        return Finding("min_max_by_label", text, evidence)
    return Finding(
        "min_max_in_some", text + "min-max within some of the videos only, or scores that reach both ends", evidence
    )


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {word}" for word, n in counts.items())


def _noise(case: Case) -> float:
    """Differences up to this count as none: a millionth of the range of all scores."""
    return CLOSE * float(max(s.max() for s in case.positions.values()) - min(s.min() for s in case.positions.values()))


def _resolution(case: Case) -> Iterator[Finding]:
    """Scores that change on the bounds of segments or of bag parts only."""
    if case.fit.form.frames_per_position != 1:
        return
    changes = at_segments = at_bags = 0
    for scores in case.frames.values():
        where = np.flatnonzero(np.diff(scores)) + 1
        changes += len(where)
        at_segments += int((where % SEGMENT_FRAMES == 0).sum())
        bounds = -(-np.arange(BAG_SEGMENTS + 1) * len(scores) // BAG_SEGMENTS)
        at_bags += int(np.isin(where, bounds).sum())
    n_frames = sum(map(len, case.frames.values()))
    for code, count, words in (
        ("segments_repeated", at_segments, "scores of 16-frame segments, repeated"),
        ("bags_repeated", at_bags, "32 equal parts of each video, repeated"),
    ):
        if changes and changes < n_frames / 8 and count >= MOST_VIDEOS * changes:
            text = f"consistent with {words}: {count:,} of {changes:,} changes of the score fall on their bounds"
            yield Finding(code, text, {"changes": changes, "on_bounds": count})
            return


def _dropped_tails(case: Case) -> Iterator[Finding]:
    """Last frames without a score."""
    form = case.fit.form
    unscored = {}
    for name, n in ((name, len(scores)) for name, scores in case.frames.items()):
        covered = len(case.positions[name]) * max(form.frames_per_position, 1) if form.frames_per_position else n
        if covered < n and not form.missing_first:
            unscored[name] = n - covered
    if unscored:
        lost = sum(unscored.values())
        positive = sum(int(case.truth[name][-n:].sum()) for name, n in unscored.items())
        text = (
            f"tails seem dropped: the last {lost:,} frames of {len(unscored)} videos have no score ({positive:,} of "
            "them positive). Here the last score is held over them"
        )
        yield Finding("dropped_tails", text, {"frames": lost, "videos": len(unscored), "positive": positive})


def _zero_tails(case: Case) -> Iterator[Finding]:
    """Last frames that all score 0."""
    if case.fit.form.frames_per_position != 1:
        return
    tails = {name: _trailing_zeros(scores) for name, scores in case.frames.items()}
    tails = {name: n for name, n in tails.items() if n < len(case.frames[name])}
    known = {
        "zero_tail_ekosman": ("the last n % 32 frames (ekosman)", lambda n: n % BAG_SEGMENTS),
        "zero_tail_sultani": (
            "the last whole segment and what follows it (Sultani's evaluation script)",
            lambda n: n % SEGMENT_FRAMES + SEGMENT_FRAMES,
        ),
    }
    for code, (words, rule) in reversed(known.items()):
        due = {name: rule(len(case.frames[name])) for name in tails if rule(len(case.frames[name]))}
        hit = {name: n for name, n in due.items() if tails[name] >= n}
        heads = sum(not case.frames[name][:n].any() for name, n in hit.items())
        if due and len(hit) >= MOST_VIDEOS * len(due) and 2 * heads < len(hit):  # else the scores are mostly 0 anyway
            positive = sum(int(case.truth[name][-n:].sum()) for name, n in hit.items())
            text = (
                f"tails seem scored 0: {words} in {len(hit)} of {len(due)} videos, {sum(hit.values()):,} frames, "
                f"{positive:,} of them positive"
            )
            evidence = {"frames": sum(hit.values()), "videos": len(hit), "positive": positive}
            yield Finding(code, text, evidence)
            return


def _trailing_zeros(scores: Float[np.ndarray, "frames"]) -> int:
    """Number of zeros at the end."""
    kept = np.flatnonzero(scores)
    return len(scores) - 1 - int(kept[-1]) if len(kept) else len(scores)


CHECKS: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    *(_form, _missing, _misfits, _crops, _video_level),
    *(_normalised, _resolution, _dropped_tails, _zero_tails),
)
