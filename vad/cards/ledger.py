"""Croissant metadata of the ledger of claims."""

import os
from collections.abc import Mapping
from pathlib import Path

from vad.artefacts.files import sha256, write_json
from vad.cards.croissant import Column, Table, metadata
from vad.claims.ledger import VERDICTS
from vad.schema.base import Section

ABOUT = {
    "dataCollection": "Read by hand from public documents; what can be computed is computed by the project's own code.",
    "dataLimitations": "Claims of other sources than those named are not covered; not_checked rows are second hand.",
    "dataUseCases": "To look up how far a printed number is supported before it is cited or compared with.",
    "personalSensitiveInformation": "None: the rows are about documents, no person is named.",
}
COLUMNS = (
    Column("id", "text", "a letter for the source and a number"),
    Column("source", "text", "the document that prints the claim"),
    Column("system", "text", "the detector that the claim is about"),
    Column("claim", "text", "what is claimed"),
    Column("value", "text", "the printed value"),
    Column("unit", "text", "unit of the value"),
    Column("level", "text", "frame, video, head or none: what the number is measured on"),
    Column("data", "text", "the data that the claim is about"),
    Column("selection", "text", "how epoch, threshold or crop was chosen: test, validation, last, unstated or none"),
    Column("verdict", "text", "; ".join(f"{name}: {text}" for name, text in VERDICTS.items())),
    Column("reason", "text", "why it has this verdict"),
    Column("check", "text", "the computation that the verdict rests on; empty: it rests on reading"),
    Column("ours", "text", "the number of this pipeline that may stand beside it, as variant.metric"),
)


class Settings(Section):
    """Nothing can be set."""


def write(_: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write the metadata.

    Args:
        paths: the file `claims`.
        out: the JSON file.
    """
    where = Path(os.path.relpath(paths["claims"], out.parent)).as_posix()
    table = Table("claims", where, sha256(paths["claims"]), "One row for each printed claim.", COLUMNS)
    text = "Claims that published systems for video anomaly detection print about themselves, with a verdict for each."
    write_json(out, metadata("VAD claims ledger", text, [table], ABOUT, {}))
