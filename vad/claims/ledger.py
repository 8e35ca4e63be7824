"""The ledger file: one row a claim, its shape checked on reading.

A claim is a printed statement: where, about which data, at which level, chosen how. The words of the columns:

level      frame (a score a frame), video (a score a video), head (a network without its extractor), none
selection  how epoch, threshold or crop was chosen: test, validation, last (the last epoch), unstated, none
verdict    see `VERDICTS`
check      a computation of `arithmetic`, `sizes`, `speeds` or `where` that the verdict rests on; empty = it rests on
           reading
ours       the number of this pipeline that may stand beside it, as `variant.metric`; its level is the claim's
"""

import csv
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vad.claims.shapes import shape
from vad.errors import DatasetError, listing
from vad.evaluation.evaluate import METRICS

LEDGER = Path(__file__).parent / "ledger.csv"

VERDICTS = {
    "verified": "derived again from public files or counted exactly, and it means what the claim says",
    "arithmetic_only": "agrees with the other published numbers; the run behind it cannot be checked",
    "protocol_differs": "may be right, but at another level, split or scope than the rows it stands beside",
    "unsupported": "no source, or contradicted by its own table, code or files",
    "leakage": "test data were used in training",
    "not_checked": "quoted second hand; nobody derived it again",
    "check_failed": "the computation that the ledger's verdict rests on does not come out",
}
"""What a verdict means. `check_failed` is only ever computed."""

Verdict = Literal["verified", "arithmetic_only", "protocol_differs", "unsupported", "leakage", "not_checked"]
Data = Literal[
    *("ucf_test", "ucf_unstated", "ucf_lists", "efficient_vad_180", "xd_test"),
    *("ped2_test", "avenue_test", "ped2_avenue_test", "shanghai_one_class", "shanghai_weak", "none"),
]
OURS = r"^([a-z][a-z0-9_]*\.[a-z][a-z0-9_]*)?$"


class Claim(BaseModel):
    """One claim."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str = Field(pattern=r"^[A-Z]\d\d[a-d]?$")
    source: Literal[
        *("mstsm_readme", "mstsm_newer_readme", "memtsm_report", "sst_wsvadl_readme"),
        *("gated_mnad_readme", "efficient_vad_readme", "published"),
    ]
    system: str = Field(min_length=1)
    claim: str = Field(min_length=1)
    value: str
    unit: str
    level: Literal["frame", "video", "head", "none"]
    data: Data
    selection: Literal["test", "validation", "last", "unstated", "none"]
    verdict: Verdict
    reason: str = Field(min_length=1)
    check: str
    ours: str = Field(pattern=OURS)

    @property
    def number(self) -> float:
        """The value as a number; a share where the unit is percent.

        Raises: ValueError where the claim is no number.
        """
        return float(self.value) / (100 if self.unit == "%" else 1)

    @model_validator(mode="after")
    def _levels_agree(self) -> "Claim":
        metric = self.ours.rpartition(".")[2]
        if metric and metric not in METRICS:
            raise ValueError(f"ours: no metric called {metric!r}")
        if metric and metric.startswith("video_") != (self.level == "video"):
            raise ValueError(f"ours: {metric} does not stand beside a claim of level {self.level}")
        return self

    @model_validator(mode="after")
    def _can_be_computed_with(self) -> "Claim":
        wanted = shape(self.id, self.check, self.unit)
        if wanted and not wanted.fits(self.value):
            raise ValueError(f"value: {self.value!r} cannot be computed with; write it like {wanted.example!r}")
        return self


def read_ledger(path: Path = LEDGER) -> list[Claim]:
    """The claims of a ledger file, in its order.

    Raises: DatasetError with every problem and its line.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream)
        lines = [(rows.line_num, row) for row in rows]
    claims: list[Claim] = []
    problems: list[str] = []
    for line, row in lines:
        try:
            claims.append(Claim.model_validate(row))
        except ValidationError as error:
            where = f"{path.name}:{line}: {row.get('id')}"
            problems += [f"{where}: {_named(e['loc'], e['msg'])}" for e in error.errors()]
    ids = [claim.id for claim in claims]
    problems += [f"{name} is there twice" for name in dict.fromkeys(ids) if ids.count(name) > 1]
    if problems:
        raise DatasetError(listing(str(path), problems, "Correct the ledger."))
    return claims


def _named(column: tuple[int | str, ...], message: str) -> str:
    """A problem by its column; where the claim as a whole is wrong, the message names it."""
    return " ".join([*map(str, column), message.removeprefix("Value error, ")])
