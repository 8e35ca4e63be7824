"""Make a page from rows: blocks by data set, each with its notes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vad.claims.arithmetic import Computed
from vad.claims.ledger import Claim
from vad.evaluation.metrics import CONFUSION
from vad.published.page import Block, Page
from vad.published.rows import Row, published_rows
from vad.published.tables import Table
from vad.report.tables import MARK, MEANING, copies_note, decoder_note, random_features

NAMES = {"variants": ("variant", "features"), "categories": ("class", "label"), "classes": ("variant", "class")}
COUNTS = ("n_train", "n_validation", "n_test")
BELOW = ("claims", "level", "data", "selection", "verdict")
"""Columns of every row of published numbers."""
ORACLE = "video_oracle"
"""The row of `vad.evaluation.baselines.ORACLES` that a table names: what a metric reaches without any localisation."""
VIDEO_NETWORKS = (
    "Frames per second of one network, without decoder and head: a system on it is no faster. `xfeat_fps` is XFeat on"
    " frames of the same size. `c3d_mil` is published on C3D, and so has the speed of that row at most."
)
AT_THRESHOLD = tuple(f"{level}_{name}" for level in ("frame", "video") for name in CONFUSION)


@dataclass(frozen=True)
class Found:
    """What there is for a published table.

    Attributes:
        rows: ours, by data set.
        words: by data set, what to print behind its name (synthetic, a subset); "" for nothing.
        networks: image networks.
        video_networks: 3D networks, each by itself.
        differences: from the first row, by data set.
        unseen: for each data set and metric, the highest row that looks at no pixel, and its value.
        oracle: for each data set and metric, what knowing every video's label, and nothing of its frames, gives.
        absent: variants that are not shown, each with kind and reason.
        coverage: of the intervals, a share.
    """

    rows: Mapping[str, Sequence[Row]]
    words: Mapping[str, str]
    networks: Sequence[Row] = ()
    video_networks: Sequence[Row] = ()
    differences: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    unseen: Mapping[str, Mapping[str, tuple[str, float]]] = field(default_factory=dict)
    oracle: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    absent: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    coverage: float = 0.95


def assemble(
    name: str, table: Table, found: Found, claims: Mapping[str, Claim], computed: Mapping[str, Computed]
) -> Page:
    """The page of a table; `computed` about its claims decides their verdicts.

    Raises: DatasetError when a claim is not in the ledger, or not of the level of its column.
    """
    blocks = [block for dataset in found.rows for block in _ours(table, dataset, found)]
    if found.networks:
        columns = ("variant", "sample", *table.costs)
        blocks.append(Block("network", "Image networks", columns, found.networks, _cost_notes(found.networks)))
    if found.video_networks:
        notes = (VIDEO_NETWORKS, *_cost_notes(found.video_networks))
        columns = ("variant", "network_fps", "macs_per_frame", "xfeat_fps", "times_slower")
        blocks.append(Block("3D network", "3D networks, each alone", columns, found.video_networks, notes))
    printed = published_rows(table, claims, computed)
    if printed.reasons:
        numbers = dict.fromkeys(column for row in printed.numbers for column in row if column not in ("system", *BELOW))
        columns, title = ("system", *numbers, *BELOW), "Published, each with its verdict"
        blocks.append(Block("published", title, columns, printed.numbers, reasons=printed.reasons))
    aside = [*_reference_rows(found), *({"kind": "published", **row} for row in printed.words)]
    data = ", ".join(_titled(dataset, found) for dataset, rows in found.rows.items() if rows) or "nothing is installed"
    return Page(name, table.title, data, table.about, blocks, aside, found.absent)


def _ours(table: Table, dataset: str, found: Found) -> list[Block]:
    """Our rows of a data set, and their differences from the first one."""
    title, words = _titled(dataset, found), found.words.get(dataset, "")
    rows = [{**row, "dataset_is": words} for row in found.rows[dataset]]
    blocks = [Block("ours", title, _columns(table, rows), rows, _notes(table, dataset, found))] if rows else []
    return blocks + ([_differences(table, dataset, found)] if found.differences.get(dataset) else [])


def _titled(dataset: str, found: Found) -> str:
    return f"{dataset} ({words})" if (words := found.words.get(dataset)) else dataset


def _columns(table: Table, rows: Sequence[Row]) -> tuple[str, ...]:
    """The columns of our rows; with how a variant scores, where rows differ in it."""
    if table.rows == "categories":
        return (*NAMES[table.rows], *COUNTS)
    names = NAMES[table.rows] + (("scoring",) if len({row.get("scoring") for row in rows}) > 1 else ())
    sample = ("sample",) if table.counted else ()
    chosen = ("selection",) if table.metrics else ()
    counts = ("support",) if table.rows == "classes" else ()
    return (*names, *table.metrics, *counts, *sample, *table.costs, *chosen)


def _notes(table: Table, dataset: str, found: Found) -> list[str]:
    rows = found.rows[dataset]
    notes = [_protocol(table, rows, found.coverage)] if table.metrics else []
    if unseen := found.unseen.get(dataset):
        highest = ", ".join(f"{metric} {value:.3f} ({name})" for metric, (name, value) in unseen.items())
        notes.append(f"Highest row without a pixel: {highest}.")
    if oracle := found.oracle.get(dataset):
        reached = ", ".join(f"{metric} {value:.3f}" for metric, value in oracle.items())
        notes.append(f"Perfect video classifier ({ORACLE}: every frame of a video has the video's label): {reached}.")
    notes += _cost_notes(rows)
    notes += [f"{MARK} {MEANING}"] if any(map(random_features, rows)) else []
    return [*notes, *filter(None, [decoder_note(rows), copies_note(rows)])]


def _protocol(table: Table, rows: Sequence[Row], coverage: float) -> str:
    """How our numbers of a data set came to be, where the columns do not say it."""
    first, units = rows[0], " and ".join(dict.fromkeys(row["interval_unit"] for row in rows))
    text = (
        f"Mean ± standard deviation over seeds {first['seeds']}"
        f" [{100 * coverage:g} % interval by bootstrap over {units}]."
        f" {first['n_train']} train videos ({first['n_validation']} of them validation),"
        f" {first['n_videos']} test videos. `selection` chose the epoch, on validation videos alone (last: none was"
        f" chosen). Ground truth {first['ground_truth']}."
    )
    rules = ", ".join(dict.fromkeys(row["threshold_rule"] for row in rows))
    return text + (f" Threshold: {rules}." if set(table.metrics) & set(AT_THRESHOLD) else "")


def _cost_notes(rows: Sequence[Row]) -> list[str]:
    """Notes on where times were measured, and on what is unknown about costs."""
    machines = [where for where in dict.fromkeys(row.get("measured_on") for row in rows) if where]
    notes = [f"Times measured on {'; '.join(machines)}: another machine gives others."] if machines else []
    by_note: dict[str, list[str]] = {}
    for row in rows:
        if row.get("note"):
            by_note.setdefault(row["note"], []).append(row["variant"])
    return notes + [f"{', '.join(names)}: {note}." for note, names in by_note.items()]


def _differences(table: Table, dataset: str, found: Found) -> Block:
    first = found.rows[dataset][0]["variant"]
    rows = found.differences[dataset]
    compared = [metric for metric in table.metrics if any(metric in row for row in rows)]
    note = (
        f"Paired, on the frames that both score: [{100 * found.coverage:g} % interval over the same draws of videos,"
        " and of seeds]; it `differs` where the interval leaves 0 out, not corrected for the number of rows."
    )
    return Block("difference", f"{_titled(dataset, found)}: rows minus {first}", ("variant", *compared), rows, (note,))


def _reference_rows(found: Found) -> list[dict[str, Any]]:
    """What the notes say of rows without a pixel and of the oracle."""
    oracles = [
        {"kind": "oracle", "variant": ORACLE, "dataset": dataset, **values} for dataset, values in found.oracle.items()
    ]
    return oracles + [
        {"kind": "no pixel", "variant": f"highest: {name}", "dataset": dataset, metric: value}
        for dataset, highest in found.unseen.items()
        for metric, (name, value) in highest.items()
    ]
