"""The rows of the efficiency table, from the parts that room report measured; a row needs a whole chain of records."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vad.artefacts.files import read_json
from vad.cost.table import reference_rows, variant_row
from vad.ledger.records import broken_links

if TYPE_CHECKING:
    from stages.report.inputs import ReportInputs


def cost_rows(shelf: "ReportInputs") -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows of the variants that ran, then image networks to compare with; and why a row is missing."""
    rows, missing = variant_costs(shelf)
    networks, lost = network_costs(shelf)
    return rows + networks, missing | lost


def variant_costs(shelf: "ReportInputs") -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows of the variants that ran; and why a row is missing."""
    rows: list[dict[str, Any]] = []
    missing: dict[str, str] = {}
    for variant, entry in shelf.variants.items():
        parts = variant_parts(shelf, variant)
        if links := [link for path in parts for link in broken_links(path)]:
            missing[variant] = links[0]
            continue
        columns = {"variant": variant, **{name: entry[name] for name in ("dataset", "model", "features")}}
        rows.append(variant_row(columns, *map(read_json, parts)))
    return rows, missing


def network_costs(shelf: "ReportInputs") -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows of the image networks; and why they are missing."""
    references = network_part(shelf)
    if links := broken_links(references):
        return [], {"image networks": links[0]}
    return reference_rows(read_json(references)), {}


def _part(shelf: "ReportInputs", name: str) -> Path:
    return shelf.args.costs / f"{name}.json"


def variant_parts(shelf: "ReportInputs", variant: str) -> list[Path]:
    """What the row of a variant is made of: its head, and its extractor unless features are imported."""
    entry, parts = shelf.variants[variant], [_part(shelf, f"head.{variant}")]
    return parts if entry["imported"] else [*parts, _part(shelf, f"extractor.{entry['features']}.{entry['dataset']}")]


def network_part(shelf: "ReportInputs") -> Path:
    """What the rows of the image networks are made of."""
    return _part(shelf, "references")


def cost_files(shelf: "ReportInputs") -> list[Path]:
    """Every file that decides the rows."""
    heads = [path for variant in shelf.variants for path in variant_parts(shelf, variant)]
    return sorted({*heads, network_part(shelf)})
