"""What the variants of a data set cost: size, operations, time and memory."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vad.artefacts.files import write_text
from vad.cost.table import MEASURED, csv, format_value, read_reference_rows, read_variant_rows
from vad.report import page
from vad.report.inputs import Entry
from vad.schema.base import Id, Section

ABOUT = """A detector is decoder + extractor + head; `-` is what could not be counted or measured: the note says why.
FLOPs = 2 x MACs; matrix products, convolutions, attention and LSTMs count, norms and activations do not.
`sample` is what the head scores at once (a bag or a window); `macs`, `flops` and `head_latency_ms` are for one.
Per frame and per second of video means the first frames (column `frames`) of the first test video of the data set,
all its crops (column `crops`). A head that reads a bag of fixed length costs the same for any video: its share of a
frame or second holds for this length."""
ABOUT_TIMES = (
    "Median of repeated calls after a warm-up, batch 1, no other job of the run beside it. Another run gives"
    " other numbers. `raw_fps` and `skip_fps` leave decoding out: if every frame went through the network, and with"
    " the frames that are skipped; `real_time` is `end_to_end_fps` against the column `fps`. Memory is what is needed"
    " on top of Python and its libraries; the peak is the sum of both parts. `cpu_share` is the share of the time in"
    " which a processor worked for it (the lowest of the parts): well below 1 other programs took it, and the times"
    " are too long."
)
COUNTED_SHOWN = (
    *("params", "macs", "flops", "macs_per_frame_head", "extractor_params", "macs_per_frame_extractor"),
    *("macs_per_second", "flops_per_second", "size_mb", "extractor_size_mb"),
)


class Settings(Section):
    """The variants of a data set."""

    dataset: Id
    variants: list[Entry]


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write efficiency.csv and efficiency.md.

    Args:
        settings: the variants of a data set.
        paths: the folder `costs`, with what was measured.
        out: `efficiency` in the folder of the data set's report.
    """
    rows, missing = read_cost_rows(paths["costs"], settings.variants)
    write_text(out.with_suffix(".csv"), csv(rows))
    write_text(out.with_suffix(".md"), efficiency_page(settings.dataset, rows, missing))


def read_cost_rows(folder: Path, variants: Sequence[Entry]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows of variants, then of image networks to compare with; and why a row is missing.

    Args:
        folder: with what was measured.
        variants: in the order of the table.
    """
    rows, missing = read_variant_rows(folder, [entry.model_dump() for entry in variants])
    networks, unknown = read_reference_rows(folder)
    return rows + networks, missing | unknown


def efficiency_page(dataset: str, rows: Sequence[Mapping[str, Any]], missing: Mapping[str, str]) -> str:
    """efficiency.md: what is counted, what is measured, the notes.

    Args:
        dataset: its name.
        rows: variants first, then what they are compared with.
        missing: variants that are not shown, each with the reason.
    """
    blocks = [page.heading("Size and operations, the same on every machine", 2)]
    blocks.append(_table(rows, ("sample",), COUNTED_SHOWN))
    for where in dict.fromkeys(row["measured_on"] for row in rows if row.get("measured_on")):
        mine = [row for row in rows if row.get("measured_on") == where]
        title = page.heading(f"Time and memory, measured on {where}", 2)
        blocks += [title, ABOUT_TIMES, _table(mine, ("crops", "frames", "fps"), MEASURED)]
    notes: dict[str, list[str]] = {}
    for row in rows:
        if row.get("note"):
            notes.setdefault(row["note"], []).append(row["variant"])
    return page.page(
        page.heading(f"Efficiency on {dataset}"),
        ABOUT,
        *blocks,
        page.section("Notes", [f"{', '.join(names)}: {note}." for note, names in notes.items()]),
        page.section("Not shown", [f"{name}: {why}" for name, why in missing.items()]),
    )


def _table(rows: Sequence[Mapping[str, Any]], heads: Sequence[str], columns: Sequence[str]) -> str:
    """Some columns of the rows."""
    lines = [[row["variant"], *(format_value(row.get(c)) for c in (*heads, *columns))] for row in rows]
    return page.table(["variant", *heads, *columns], lines)
