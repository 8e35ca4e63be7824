"""What can be computed about claims from the printed numbers only; no verdict is typed in here.

Each check takes the claims by id. For the ids that it is about it returns what it found, and if that is what the
verdict of the claim rests on.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from vad.claims.ledger import Claim, Verdict
from vad.evaluation.bootstrap import hanley_mcneil
from vad.evaluation.metrics import rates

TIMED = (500, 17.14)
"""Frames and seconds of Efficient-VAD's timing log."""
CHECKPOINT_STEPS = 1500
"""Update steps that MemTSM-Net's released checkpoint states."""
MOST_VIDEOS = 400
"""Videos of a class up to which confusion matrices are tried."""
OFFICIAL = (140, 150)
"""Anomalous and normal test videos of UCF-Crime."""
OFFICIAL_TRAIN = 1610
PED2_KEPT = (1620, 342)
AVENUE_KEPT = (3867, 11373)
"""Anomalous and normal test frames that are left when the first four of each video are dropped."""


class Computed(NamedTuple):
    """What a check found."""

    holds: bool
    """True if the result is the one that the ledger's verdict rests on."""
    text: str
    verdict: Verdict | None = None
    """The verdict that follows from the result; None = the ledger's."""


class Confusion(NamedTuple):
    """Videos (or frames) by truth and decision; positive = anomalous."""

    tp: int
    fp: int
    fn: int
    tn: int

    def rates(self) -> dict[str, float]:
        """Accuracy, precision, recall and F1."""
        counts = {name: np.array([float(n)]) for name, n in self._asdict().items()}
        return {name: float(value[0]) for name, value in rates(**counts).items()}

    def __str__(self) -> str:
        return f"TP {self.tp}, FP {self.fp}, FN {self.fn}, TN {self.tn}"


Claims = Mapping[str, Claim]


def confusions(precision: str, recall: str, accuracy: str, f1: str, most: int = MOST_VIDEOS) -> list[Confusion]:
    """Every confusion matrix with at most `most` of either class whose rates round to the printed ones.

    Args:
        precision: as printed; the digits behind the point are those that count. Likewise the others.
        recall: likewise.
        accuracy: likewise.
        f1: likewise.
        most: largest number of positives, and of negatives.
    """
    found = []
    for n_positive in range(1, most + 1):
        for tp in _near(recall, n_positive):
            for flagged in range(tp, tp + most + 1):
                fits = tp and prints(tp / flagged, precision) and prints(2 * tp / (n_positive + flagged), f1)
                found += _with_negatives(tp, flagged - tp, n_positive - tp, accuracy, most) if fits else []
    return found


def _with_negatives(tp: int, fp: int, fn: int, accuracy: str, most: int) -> list[Confusion]:
    whole = range(max(fp, 1), most + 1)
    return [Confusion(tp, fp, fn, n - fp) for n in whole if prints((tp + n - fp) / (tp + fn + n), accuracy)]


def _near(share: str, n: int) -> list[int]:
    middle = round(float(share) * n)
    return [k for k in (middle - 1, middle, middle + 1) if 0 <= k <= n and prints(k / n, share)]


def prints(value: float, printed: str) -> bool:
    """True if a number, rounded half up or half to even, is the printed one."""
    digits = len(printed.partition(".")[2])
    return abs(value - float(printed)) <= 0.5 * 10**-digits + 1e-12


def _solved(claims: Claims, ids: tuple[str, str, str, str]) -> list[Confusion]:
    precision, recall, accuracy, f1 = (claims[name].value for name in ids)
    return confusions(precision, recall, accuracy, f1)


def memtsm_confusion(claims: Claims) -> dict[str, Computed]:
    """Precision, recall, accuracy and F1 of the MemTSM-Net report have one solution and its multiples."""
    found = _solved(claims, ("R04", "R05", "R03", "R06"))
    first = min(found, default=None)
    multiples = first is not None and all(tuple(one) == tuple(n * one.tp // first.tp for n in first) for one in found)
    official = first is not None and (first.tp + first.fn, first.fp + first.tn) == OFFICIAL
    if first is None:
        return dict.fromkeys(("R03", "R04", "R05", "R06"), Computed(False, "no confusion matrix has these rates"))
    text = (
        f"{first} on {first.tp + first.fn} anomalous and {first.fp + first.tn} normal videos; up to {MOST_VIDEOS} of "
        f"either only this and {len(found) - 1} multiple(s) of it. {100 * first.fp / (first.fp + first.tn):.0f} % of "
        "normal videos are false alarms"
    )
    return dict.fromkeys(("R03", "R04", "R05", "R06"), Computed(multiples and official, text))


def efficient_vad_confusion(claims: Claims) -> dict[str, Computed]:
    """The same four numbers of Efficient-VAD, on the 130 and 50 videos of its report."""
    ids = ("E04", "E05", "E03", "E06")
    found = _solved(claims, ids)
    stated = (_support(claims["E08"]), _support(claims["E07"]))
    mine = [one for one in found if (one.tp + one.fn, one.fp + one.tn) == stated]
    text = f"{len(found)} solution(s) up to {MOST_VIDEOS} of either class; on {stated[0]} and {stated[1]} videos: "
    text += " or ".join(map(str, mine)) or "none"
    return dict.fromkeys(ids, Computed(len(mine) == 1, text))


def efficient_vad_report(claims: Claims) -> dict[str, Computed]:
    """The classification report of Efficient-VAD follows from its confusion matrix."""
    stated = (_support(claims["E08"]), _support(claims["E07"]))
    found = [c for c in _solved(claims, ("E04", "E05", "E03", "E06")) if (c.tp + c.fn, c.fp + c.tn) == stated]
    if not found:
        return dict.fromkeys(("E07", "E08", "E09"), Computed(False, "no confusion matrix fits"))
    one = found[0]
    normal = Confusion(one.tn, one.fn, one.fp, one.tp).rates()
    rows = {
        "E07": [normal[k] for k in ("precision", "recall", "f1")],
        "E08": [one.rates()[k] for k in ("precision", "recall", "f1")],
        "E09": [one.rates()["accuracy"]],
    }
    return {name: _printed_row(claims[name], values) for name, values in rows.items()}


def _printed_row(claim: Claim, values: list[float]) -> Computed:
    printed = claim.value.partition(",")[0].split("/")
    holds = all(prints(v, p) for v, p in zip(values, printed, strict=True))
    return Computed(holds, "the confusion matrix of E03 gives " + "/".join(f"{v:.4f}" for v in values))


def _support(claim: Claim) -> int:
    return int(claim.value.rpartition(",")[2])


def interval(claims: Claims) -> dict[str, Computed]:
    """The closed-form interval of each published area over the official test videos."""
    found = {}
    for name in ("R01", "R07", "R08"):
        low, high = _bounds(claims[name])
        found[name] = Computed(True, f"95 % interval {low:.3f} to {high:.3f} over 140 and 150 videos (closed form)")
    return found


def _bounds(claim: Claim) -> tuple[float, float]:
    form = hanley_mcneil(claim.number, *OFFICIAL)
    return form.low, form.high


def memtsm_against_stead(claims: Claims) -> dict[str, Computed]:
    """Does MemTSM-Net's area lie above STEAD's, and outside its interval?"""
    own, other = claims["R01"], claims["R08"]
    (_, high), (low, _) = _bounds(own), _bounds(other)
    meet = "overlap" if low < high else "differ"
    text = f"{own.number:.4f} against {other.number:.4f} in its own table; intervals {meet}"
    return {"R16": Computed(not own.number > other.number, text)}


def improvement(claims: Claims) -> dict[str, Computed]:
    """What a printed improvement says of the number that it improves on."""
    found = {}
    for name, base in (("M03", "M01"), ("M04", "M02")):
        value, gain = claims[base].number, claims[name].number
        text = f"implies {value - gain:.3f} (absolute) or {value / (1 + gain):.3f} (relative) for the other system"
        found[name] = Computed(True, text)
    return found


def ratio(claims: Claims) -> dict[str, Computed]:
    """How far the report's numbers lie above what a newer text compares them with."""
    pairs = (("U01", "R01"), ("U02", "R02"))
    return {
        name: Computed(
            True, f"{claims[own].number:.4f} / {claims[name].number:g} = {claims[own].number / claims[name].number:.3f}"
        )
        for name, own in pairs
    }


def memtsm_steps(claims: Claims) -> dict[str, Computed]:
    """Are the update steps of the released checkpoint whole epochs of the official train list?"""
    steps, batch = CHECKPOINT_STEPS, int(claims["M15"].value)
    per_epoch = -(-OFFICIAL_TRAIN // batch)
    return {
        "R20": Computed(steps % per_epoch != 0, f"{steps} steps / {per_epoch} batches = {steps / per_epoch:.2f} epochs")
    }


def efficient_vad_fps(claims: Claims) -> dict[str, Computed]:
    """Frames a second from the frames and seconds of the timing log."""
    frames, seconds = TIMED
    value = frames / seconds
    return {"E14": Computed(prints(value, claims["E14"].value), f"{frames} frames / {seconds} s = {value:.2f}")}


def efficient_vad_skip(claims: Claims) -> dict[str, Computed]:
    """The "real-time" number is the raw one times the frames that are skipped."""
    value = 3 * float(claims["E14"].value)
    return {"E15": Computed(prints(value, claims["E15"].value), f"3 x {claims['E14'].value} = {value:.2f}")}


def efficient_vad_workloads(claims: Claims) -> dict[str, Computed]:
    """Seconds times frames a second: the rows of the efficiency table did not process the same frames."""
    frames = {}
    for name in ("E11", "E12", "E13"):
        seconds, fps, _ = claims[name].value.split("/")
        frames[name] = float(seconds) * float(fps)
    differ = len(set(frames.values())) > 1
    return {
        name: Computed(
            differ, f"{n:,.0f} frames; the table's rows have {', '.join(f'{m:,.0f}' for m in frames.values())}"
        )
        for name, n in frames.items()
    }


def swapped_classes(claims: Claims) -> dict[str, Computed]:
    """The confusion matrices of the gated MNAD have their rows exchanged."""
    found = {}
    for name, kept in (("G12", PED2_KEPT), ("G13", PED2_KEPT), ("G14", AVENUE_KEPT), ("G15", AVENUE_KEPT)):
        (a, b), (c, d) = ([int(n) for n in row.split()] for row in claims[name].value.split("/"))
        turned = Confusion(a, c, b, d)
        text = (
            f"its row 'Normal' has {a + b:,} frames, its row 'Anomaly' {c + d:,}; the test set has {kept[0]:,} "
            f"anomalous and {kept[1]:,} normal ones. Turned round: "
        )
        text += ", ".join(f"{rate} {value:.4f}" for rate, value in turned.rates().items())
        found[name] = Computed((a + b, c + d) == kept, text)
    return found


CHECKS: dict[str, Callable[[Claims], dict[str, Computed]]] = {
    check.__name__: check
    for check in (
        *(memtsm_confusion, efficient_vad_confusion, efficient_vad_report, interval, memtsm_against_stead),
        *(improvement, ratio, memtsm_steps, efficient_vad_fps, efficient_vad_skip, efficient_vad_workloads),
        swapped_classes,
    )
}
"""Every check by the name that the ledger has for it."""
