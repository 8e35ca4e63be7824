"""How the value of a claim must be written for the computations that read it."""

import re
from typing import NamedTuple

_COUNT = r"[1-9]\d*"
_NUMBER = r"(?=[\d.]*[1-9])\d+(\.\d+)?"
_SHARE = r"(0\.\d+|1(\.0+)?)"


class Shape(NamedTuple):
    """What a value must look like."""

    pattern: str
    example: str

    def fits(self, value: str) -> bool:
        """True if a value has this form."""
        return re.fullmatch(self.pattern, value, re.ASCII) is not None


COUNT = Shape(_COUNT, "17441")
NUMBER = Shape(_NUMBER, "29.17")
SHARE = Shape(_SHARE, "0.8172")
PERCENT = Shape(r"(\d{1,2}(\.\d+)?|100(\.0+)?)", "88.87")
GAIN = Shape(rf"\+?{_NUMBER}", "+4.8")
TIMES = Shape(rf"{_NUMBER} / {_NUMBER} / {_NUMBER}", "12.5 / 80 / 512")
SIZES = Shape(rf"{_COUNT} / {_COUNT} / {_COUNT}", "960 / 50 / 64")
MATRIX = Shape(r"\d+ \d+ / \d+ \d+", "1455 165 / 77 265")
REPORT = Shape(rf"{_SHARE}/{_SHARE}/{_SHARE}, {_COUNT}", "0.96/0.90/0.93, 50")
TOTAL = Shape(rf"{_SHARE}, {_COUNT}", "0.96, 180")

OF_CHECK = {
    **dict.fromkeys(("memtsm_confusion", "efficient_vad_confusion", "interval", "ratio"), SHARE),
    **dict.fromkeys(("efficient_vad_fps", "efficient_vad_skip", "faster_than_3d_networks"), NUMBER),
    **dict.fromkeys(("memtsm_size", "stead_base_size"), NUMBER),
    **{"improvement": GAIN, "stead_fast_size": COUNT, "efficient_vad_size": SIZES, "swapped_classes": MATRIX},
    **{"efficient_vad_report": REPORT, "efficient_vad_workloads": TIMES},
}
"""By the check of a claim; the others read no value of the claims that name them."""
OF_CLAIM = {**dict.fromkeys(("M01", "M02", "R02"), SHARE), "M15": COUNT, "R12": NUMBER, "E09": TOTAL}
"""Claims whose own check does not say it: another claim's check reads them, or they are written in their own way."""


def shape(claim: str, check: str, unit: str) -> Shape | None:
    """How the value of a claim must be written; None = nothing is computed from it."""
    found = OF_CLAIM.get(claim, OF_CHECK.get(check))
    return PERCENT if found is SHARE and unit == "%" else found
