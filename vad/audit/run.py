"""One audit: scores of other people compared with an official list, from lengths to metrics under every convention."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from vad.audit.files import Submission
from vad.audit.findings import Case, Finding, findings
from vad.audit.given_labels import label_findings
from vad.audit.lengths import (
    Fit,
    average_crops,
    fit_arrays,
    fit_total,
    form_of_length,
    spread_over_frames,
    too_far_off,
)
from vad.audit.missing_frames import place_missing_frames
from vad.audit.official import OfficialList
from vad.audit.orders import OrderTried, aligned_share, best_aligned_share, clearest_order, cut_into_videos, try_orders
from vad.audit.problems import shorten
from vad.evaluation import conventions
from vad.evaluation.ground_truth import PRESETS, Convention, fit_scores
from vad.evaluation.judged_video import JudgedVideo
from vad.schema.evaluate import Bootstrap

GIVEN = "list given"
THRESHOLD = 0.5
"""The threshold of published false alarm rates; used only where all scores lie in [0, 1]."""
HIGHER = 0.002
"""Difference of two areas up to which another order is not mentioned."""


@dataclass(frozen=True)
class Audit:
    """The result of an audit."""

    dataset: str
    source: str
    findings: list[Finding]
    orders: list[OrderTried]
    """The orders in which a vector was read; empty for scores by video."""
    rows: list[dict[str, Any]]
    """Every metric under every convention, one row for each convention."""


@dataclass(frozen=True, eq=False)
class ScoresRead:
    """A submission as scores by video."""

    fit: Fit
    positions: Mapping[str, Float[np.ndarray, "positions"]]
    """Scores as they were given, averaged over crops."""
    averaged: int
    """Number of crops over which they were averaged; 1 = none."""
    order: tuple[str, ...] | None
    """Of a vector, the order in which it was cut into videos."""
    tried: list[OrderTried]
    notes: list[Finding]
    """Findings that were made while reading."""


def audit(
    submission: Submission,
    official: OfficialList,
    labels: Int[np.ndarray, "frames"] | None = None,
    bootstrap: Bootstrap | None = None,
) -> Audit:
    """Find the protocol that scores seem to follow, and compute every metric under each convention.

    Args:
        submission: the scores.
        official: the test list of the data set.
        labels: a vector of frame labels that came with the scores; None = none.
        bootstrap: None = no intervals.

    Raises: ArtefactError when the scores fit no known form, or the labels are not 0 and 1.
    """
    truth = {name: one.frame_truth() for name, one in official.truth(PRESETS["canonical"]).items()}
    read = _read(submission, official, truth)
    frames = {
        name: spread_over_frames(scores, read.fit.form, official.n_frames[name])
        for name, scores in read.positions.items()
    }
    case = Case(official, read.fit, frames, read.positions, truth, read.averaged)
    found = findings(case) + read.notes
    if labels is not None:
        found += label_findings(labels, case, read.order)
    rows = conventions.rows(conventions.under_all(_runs(case), _threshold(frames), bootstrap))
    return Audit(official.name, submission.source, found + _polarity(rows), read.tried, rows)


def _read(submission: Submission, official: OfficialList, truth: Mapping[str, np.ndarray]) -> ScoresRead:
    """Find the form of the scores and bring them into the form of scores by video."""
    if submission.vector is not None:
        return _read_vector(submission.vector, submission.order, official, truth)
    crops = max(len(a) if a.ndim == 2 else 1 for a in submission.arrays.values())
    flat = {name: a.mean(0) if a.ndim == 2 else a for name, a in submission.arrays.items()}
    fit = fit_arrays({name: len(a) for name, a in flat.items()}, official.n_frames)
    wrong = too_far_off(fit)
    positions = {name: average_crops(a, fit.crops) for name, a in flat.items() if name not in wrong}
    fit, where = place_missing_frames(
        fit,
        lambda form: aligned_share(
            {v: spread_over_frames(s, form, official.n_frames[v]) for v, s in positions.items()}
        ),
    )
    return ScoresRead(fit, positions, crops * fit.crops, None, [], where + _left_out(wrong, official.n_frames))


def _read_vector(
    vector: np.ndarray, given: tuple[str, ...] | None, official: OfficialList, truth: Mapping[str, np.ndarray]
) -> ScoresRead:
    """Cut a vector in the order that was given; without one, in the order that its changes show or that of the list."""
    crops, vector = (len(vector), vector.mean(0)) if vector.ndim == 2 else (1, vector)
    used = given or official.ids
    n_frames = official.n_frames
    fit = fit_total(len(vector), [n_frames[name] for name in used])
    known = {name: tuple(v for v in order if v in set(used)) for name, order in official.orders().items()}
    same = next((name for name, order in known.items() if order == used), None)
    orders = known if same else {GIVEN: used, **known}
    fit, where = place_missing_frames(
        fit, lambda form: best_aligned_share(vector, orders, replace(fit, form=form), n_frames)
    )
    tried = try_orders(vector, orders, fit, truth)
    clear = clearest_order(tried)
    name = same or GIVEN
    if given is None and clear is not None:
        used = orders[clear.name]
    notes = where + _order_findings(name, tried, given is not None)
    return ScoresRead(fit, cut_into_videos(vector, used, fit, n_frames), crops * fit.crops, used, tried, notes)


def _order_findings(used: str, tried: list[OrderTried], stated: bool) -> list[Finding]:
    """Whether the order that was used seems right; `stated` = it was given together with the scores."""
    by_name, clear = {t.name: t for t in tried}, clearest_order(tried)
    here, best = by_name[used], max(tried, key=lambda t: t.frame_auc)
    evidence = {"order": used, "frame_auc": here.frame_auc}
    if clear is not None and clear.name != used:
        text = (
            f"seems mis-ordered: the score changes fit the order '{clear.name}' ({_percent(clear.aligned)} on segment "
            f"bounds), not '{used}' ({_percent(here.aligned)}); frame_auc {clear.frame_auc:.4f} against "
            f"{here.frame_auc:.4f}"
        )
        text += "" if stated else f". Read in the order '{clear.name}' below"
        return [Finding("order", text, evidence | {"fits": clear.name, "frame_auc_there": clear.frame_auc})]
    if clear is None and best.frame_auc > here.frame_auc + HIGHER:
        text = (
            f"the order '{best.name}' would give frame_auc {best.frame_auc:.4f}, '{used}' gives {here.frame_auc:.4f}: "
            "consistent with a mis-ordered vector; only the list of its videos can decide it (--videos)"
        )
        return [Finding("order_in_doubt", text, evidence | {"fits": best.name, "frame_auc_there": best.frame_auc})]
    order = f"the list that was given ({used})" if stated else f"the order '{used}'" + ("" if clear else ", assumed")
    return [Finding("order_as_used", f"read in {order}: frame_auc {here.frame_auc:.4f}", evidence)]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _left_out(wrong: Mapping[str, tuple[int, int]], n_frames: Mapping[str, int]) -> list[Finding]:
    """The finding about videos whose length differs too much from the form; empty without any."""
    if not wrong:
        return []
    forms = {name: form_of_length(found, n_frames[name]) for name, (found, _) in wrong.items()}
    texts = [
        f"{name} {found} instead of {wanted}" + (f" ({forms[name]})" if forms[name] else "")
        for name, (found, wanted) in wrong.items()
    ]
    text = f"{len(wrong)} videos are left out, their lengths are not of this form: {shorten(texts)}"
    return [Finding("left_out", text, {"videos": len(wrong)})]


def _runs(case: Case) -> dict[str, list[JudgedVideo]]:
    """The scored videos under every convention; scores that have the length of a convention are used as they are."""
    named = conventions.NAMED if case.official.by_intervals else {"canonical": PRESETS["canonical"]}
    runs = {}
    for name, rules in named.items():
        truth = case.official.truth(rules)
        runs[name] = [truth[v].scored(_fitted(case, v, rules), scores.max()) for v, scores in case.frames.items()]
    return runs


def _fitted(case: Case, name: str, rules: Convention) -> Float[np.ndarray, "fitted"]:
    """The scores of one video with the length of a convention."""
    own, scores = case.positions[name], case.frames[name]
    padded = case.fit.form.name == rules.length and len(own) == rules.frames(len(scores))
    return own if padded else fit_scores(scores, rules)


def _threshold(frames: Mapping[str, np.ndarray]) -> float | None:
    """The operating point, where the scores can be probabilities."""
    inside = all(scores.min() >= 0 and scores.max() <= 1 for scores in frames.values())
    return THRESHOLD if inside else None


def _polarity(rows: list[dict[str, Any]]) -> list[Finding]:
    """The finding that higher scores seem to mean normal: the whole interval of `frame_auc` lies below one half."""
    value, high = rows[0]["frame_auc"], rows[0]["frame_auc_high"]
    if value is None or max(value, high or 0) >= 0.5:
        return []
    text = f"polarity seems reversed: frame_auc {value:.4f}, mirrored {1 - value:.4f}. Higher must mean more anomalous"
    return [Finding("polarity", text, {"frame_auc": value, "mirrored": 1 - value})]
