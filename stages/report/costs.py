"""The rows of the efficiency table, from the parts that room report measured; a row needs a whole chain of records."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vad.artefacts import read_json
from vad.cost_table import reference_rows, variant_row
from vad.provenance import broken_links

if TYPE_CHECKING:
    from stages.report.run import Shelf


def cost_rows(shelf: "Shelf") -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows of the variants that ran, then image networks to compare with; and why a row is missing."""
    rows: list[dict[str, Any]] = []
    missing: dict[str, str] = {}
    for variant, entry in shelf.variants.items():
        head, extractor = _part(shelf, f"head.{variant}"), _extractor(shelf, entry)
        links = [link for path in (head, extractor) if path for link in broken_links(path)]
        if links:
            missing[variant] = links[0]
            continue
        columns = {"variant": variant, **{name: entry[name] for name in ("dataset", "model", "features")}}
        rows.append(variant_row(columns, read_json(head), read_json(extractor) if extractor else None))
    references = _part(shelf, "references")
    if links := broken_links(references):
        return rows, missing | {"image networks": links[0]}
    return rows + reference_rows(read_json(references)), missing


def _part(shelf: "Shelf", name: str) -> Path:
    return shelf.args.costs / f"{name}.json"


def _extractor(shelf: "Shelf", entry: dict[str, Any]) -> Path | None:
    """What the extractor of a variant costs; None for imported features, which nothing here extracts."""
    if entry["imported"]:
        return None
    return _part(shelf, f"extractor.{entry['features']}.{entry['dataset']}")


def cost_files(shelf: "Shelf") -> list[Path]:
    """Every file that decides the rows."""
    parts = [_part(shelf, f"head.{variant}") for variant in shelf.variants] + [_part(shelf, "references")]
    extractors = {path for entry in shelf.variants.values() if (path := _extractor(shelf, entry))}
    return [*parts, *sorted(extractors)]
