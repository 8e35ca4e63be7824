"""Latency of the networks of a data set at batch 1, in torch and in formats for edge devices."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vad.artefacts.files import read_json, write_text
from vad.cost.table import cost_files, machine
from vad.ledger.chain import broken_links
from vad.report import page
from vad.report.inputs import Entry
from vad.report.tables import csv
from vad.schema.base import Id, Section

FORMATS = {"onnx": "ONNX Runtime", "openvino": "OpenVINO", "openvino_int8": "OpenVINO, int8"}
COLUMNS = (
    *("part", "name", "input", "torch_ms"),
    *(f"{name}_{what}" for name in FORMATS for what in ("ms", "difference")),
    *("measured_on", "load", "cpu_share", "note"),
)
ABOUT = """Milliseconds for one call, one thread, batch 1: one segment of frames through an extractor, one bag or window
through a head. A device that watches a camera needs both, and a decoder ([efficiency](efficiency.md)). Median of calls.
In brackets how far the results are from torch's: the largest difference as a part of the largest value, at most 1e-4;
for int8 the length of the difference as a part of the length of all values, at most 3e-2, on segments that the network
was not made for. Heads have weights of a new network: `vad export` checks trained ones. `-` has its reason below."""


class Settings(Section):
    """The variants of a data set."""

    dataset: Id
    variants: list[Entry]


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write edge.csv and edge.md.

    Args:
        settings: the variants of a data set.
        paths: the folder `costs`, with what was measured.
        out: `edge` in the folder of the data set's report.
    """
    rows, missing = read_rows(paths["costs"], settings.variants)
    write_text(out.with_suffix(".csv"), csv(rows, COLUMNS))
    write_text(out.with_suffix(".md"), edge_page(settings.dataset, rows, missing))


def read_rows(folder: Path, variants: Sequence[Entry]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows of extractors, then of heads; and why a row is missing.

    Args:
        folder: with what was measured.
        variants: in the order of the table.
    """
    files = [folder / f"edge_{path.name}" for entry in variants for path in cost_files(folder, entry.model_dump())]
    rows, missing = [], {}
    for path in sorted(dict.fromkeys(files), key=lambda path: not path.name.startswith("edge_extractor")):
        part, name = path.name.removeprefix("edge_").split(".")[:2]
        if links := broken_links(path):
            missing[f"{part} {name}"] = links[0]
        else:
            rows.append({"part": part, "name": name, **_row(read_json(path))})
    return rows, missing


def _row(found: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of one network."""
    made = found["formats"]
    why = [found["why"]] if "why" in found else []
    by_reason: dict[str, list[str]] = {}
    for name, one in made.items():
        if "why" in one:
            by_reason.setdefault(one["why"], []).append(FORMATS[name])
    why += [f"{' and '.join(names)}: {reason}" for reason, names in by_reason.items()]
    there = {name: one for name, one in made.items() if "why" not in one}
    return {
        "input": " x ".join(map(str, found.get("input", []))),
        "torch_ms": found.get("latency_ms"),
        **{f"{name}_ms": one["latency_ms"] for name, one in there.items()},
        **{f"{name}_difference": f"{one['difference']:.1e}" for name, one in there.items()},
        "measured_on": machine(found["machine"]),
        "load": found["load"],
        "cpu_share": min([one["cpu_share"] for one in (found, *there.values()) if "cpu_share" in one], default=None),
        "note": "; ".join(why),
        "formats": list(made),
    }


def edge_page(dataset: str, rows: Sequence[Mapping[str, Any]], missing: Mapping[str, str]) -> str:
    """edge.md: extractors, heads, and what has no latency in a format.

    Args:
        dataset: its name.
        rows: as `read_rows` gives them.
        missing: networks that are not shown, each with the reason.
    """
    blocks = []
    for part, title in (("extractor", "Extractors, one segment"), ("head", "Heads, one bag or window")):
        if mine := [row for row in rows if row["part"] == part]:
            blocks += [page.heading(title, 2), _table(mine)]
    notes: dict[str, list[str]] = {}
    for row in rows:
        if row["note"]:
            notes.setdefault(row["note"], []).append(row["name"])
    return page.page(
        page.heading(f"Latency on edge devices: {dataset}"),
        ABOUT,
        *blocks,
        page.section("Measured", _measured(rows)),
        page.section("Notes", [f"{', '.join(names)}: {note.removesuffix('.')}." for note, names in notes.items()]),
        page.section("Not shown", [f"{name}: {why}" for name, why in missing.items()]),
    )


def _measured(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """On which machines, and how busy they were."""
    lines = []
    for where in dict.fromkeys(row["measured_on"] for row in rows):
        mine = [row for row in rows if row["measured_on"] == where]
        loads, shares = [row["load"] for row in mine], [row["cpu_share"] for row in mine if row["cpu_share"]]
        lines.append(
            f"{where}; load {min(loads):.1f} to {max(loads):.1f}; a processor worked for at least"
            f" {100 * min(shares, default=0):.0f} % of the time. Well below 100 % other programs took it, and the times"
            " are too long"
        )
    return lines


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A row a network: milliseconds, with the difference from torch in brackets."""
    formats = {name: title for name, title in FORMATS.items() if any(name in row["formats"] for row in rows)}
    lines = [[row["name"], row["input"] or "-", *(_cell(row, name) for name in ("torch", *formats))] for row in rows]
    return page.table(["name", "input", "PyTorch", *formats.values()], lines)


def _cell(row: Mapping[str, Any], name: str) -> str:
    """Milliseconds and difference, or `-`."""
    if row.get(f"{name}_ms") is None:
        return "-"
    away = row.get(f"{name}_difference")
    return f"{row[f'{name}_ms']:.3g} ms" + (f" ({away})" if away else "")
