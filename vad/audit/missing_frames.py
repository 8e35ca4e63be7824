"""At which end of each video frames without a score are missing: the start or the end. Lengths do not show it.

Scores of 16-frame segments do: they change where segments begin, in one of the two readings only.
"""

from collections.abc import Callable
from dataclasses import replace

from vad.audit.findings import MOST_VIDEOS, Finding
from vad.audit.lengths import Fit, Form, form_with_same_lengths

APART = 0.5
"""By how much the share of aligned changes of one reading must exceed that of the other."""


def place_missing_frames(fit: Fit, share: Callable[[Form], float | None]) -> tuple[Fit, list[Finding]]:
    """Decide at which end frames are missing from where the scores change; at the start where that decides nothing.

    Args:
        fit: of any form; one without missing frames is returned as it is.
        share: computes the share of score changes on segment bounds when the scores are read in a form; None = the
            scores are not piecewise constant.

    Returns: the fit with the decided form, and the finding about it.
    """
    first, last = fit.form, form_with_same_lengths(fit.form)
    if last is None:
        return fit, []
    shares = {form.name: share(form) or 0.0 for form in (first, last)}
    ahead = shares[first.name] - shares[last.name]
    if max(shares.values()) < MOST_VIDEOS or abs(ahead) < APART:
        words = f"{first.words} (assumed) or {last.words}"
        text = (
            f"it cannot be decided where frames are missing: {words}. The two readings lie {_shift(first)} frames apart"
        )
        assumed = replace(first, words=words)
        return replace(fit, form=assumed), [Finding("missing_frames_in_doubt", text, shares)]
    right, wrong = (first, last) if ahead > 0 else (last, first)
    text = (
        f"score changes show where frames are missing: {_percent(shares[right.name])} lie on segment bounds read as "
        f"{right.words}, {_percent(shares[wrong.name])} as {wrong.words}"
    )
    return replace(fit, form=right), [Finding("missing_frames", text, shares)]


def _shift(form: Form) -> int:
    """Number of missing frames."""
    return -form.positions(0)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
