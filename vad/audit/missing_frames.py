"""Where frames without a score are missing: at the start or the end of each video, which lengths cannot tell.

Scores of 16-frame segments tell it, because they change where segments begin in one of the two readings only.
"""

from collections.abc import Callable
from dataclasses import replace

from vad.audit.findings import MOST, Finding
from vad.audit.lengths import Fit, Form, same_lengths

APART = 0.5
"""Share of aligned changes that one reading must have above the other."""


def place(fit: Fit, share: Callable[[Form], float | None]) -> tuple[Fit, list[Finding]]:
    """A fit with its missing frames where the changes of the scores say, at the start where they say nothing.

    Args:
        fit: of any form; only those with missing frames are looked at.
        share: of score changes on segment bounds, when read in a form; None = not stepwise.
    """
    first, last = fit.form, same_lengths(fit.form)
    if last is None:
        return fit, []
    shares = {form.name: share(form) or 0.0 for form in (first, last)}
    ahead = shares[first.name] - shares[last.name]
    if max(shares.values()) < MOST or abs(ahead) < APART:
        words = f"{first.words} (assumed) or {last.words}"
        text = f"nothing tells where frames are missing: {words}. The two readings lie {_shift(first)} frames apart"
        assumed = replace(first, words=words)
        return replace(fit, form=assumed), [Finding("missing_frames_in_doubt", text, shares)]
    right, wrong = (first, last) if ahead > 0 else (last, first)
    text = (
        f"score changes tell where frames are missing: {_percent(shares[right.name])} lie on segment bounds read as "
        f"{right.words}, {_percent(shares[wrong.name])} as {wrong.words}"
    )
    return replace(fit, form=right), [Finding("missing_frames", text, shares)]


def _shift(form: Form) -> int:
    return -form.steps(0)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
