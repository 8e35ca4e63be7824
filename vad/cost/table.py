"""Rows about efficiency, from what `vad.cost.parts` found for heads, extractors and image networks.

Counted columns are the same on every machine; measured ones stand behind `measured_on`. A head is never shown
alone: where nothing can be said of its extractor, the row says why.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vad.artefacts.files import read_json
from vad.ledger.chain import broken_links

MB = 1e6
COUNTED = (
    *("params", "params_trainable", "macs", "flops", "macs_per_frame_head", "extractor_params"),
    *("macs_per_frame_extractor", "macs_per_frame", "macs_per_second", "flops_per_second", "size_mb"),
    "extractor_size_mb",
)
"""Of the head for one sample: params, macs, flops. Per frame and per second of video: all that is run for it."""
MEASURED = (
    *("head_latency_ms", "head_ms_per_second", "decode_ms_per_second", "extractor_ms_per_second"),
    *("ms_per_second", "head_fps", "raw_fps", "skip_fps", "end_to_end_fps", "real_time"),
    *("head_memory_mb", "extractor_memory_mb", "peak_memory_mb", "cpu_share"),
)
"""Speeds are in frames of the video: `head_fps` of the head alone; `raw_fps` of extractor and head without decoding,
were no frame skipped; `skip_fps` the same with skipped frames; `end_to_end_fps` with decoding, and `real_time` judges
that."""
HEADS = ("variant", "kind", "dataset", "model", "features", "sample", "crops", "frames", "fps")
COLUMNS = (*HEADS, *COUNTED, "note", "measured_on", *MEASURED)
CITED = {
    "variant": "Tiny YOLOv4",
    "kind": "cited",
    "flops": 6_500_000_000,
    "note": "6.5 BFLOPs as table 5 of the MemTSM-Net report states them; neither counted nor measured here",
}
"""The image network of that table that torchvision does not have."""


REFERENCES_FILE = "references.json"


def cost_files(folder: Path, variant: Mapping[str, Any]) -> list[Path]:
    """What the row of a variant is made of: the cost of its head, and of its extractor unless features are imported.

    Args:
        folder: with the measured costs.
        variant: its name, dataset, features, and whether these are imported.
    """
    head = folder / f"head.{variant['name']}.json"
    return (
        [head] if variant["imported"] else [head, folder / f"extractor.{variant['features']}.{variant['dataset']}.json"]
    )


def read_variant_rows(
    folder: Path, variants: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """One row per variant whose costs were measured under today's params; and why a row is missing, by variant.

    Args:
        folder: with the measured costs.
        variants: name, dataset, model, features of each, and whether features are imported.
    """
    rows: list[dict[str, Any]] = []
    missing: dict[str, str] = {}
    for variant in variants:
        files = cost_files(folder, variant)
        if links := [link for path in files for link in broken_links(path)]:
            missing[variant["name"]] = links[0]
            continue
        columns = {"variant": variant["name"], **{name: variant[name] for name in ("dataset", "model", "features")}}
        rows.append(variant_row(columns, *map(read_json, files)))
    return rows, missing


def read_reference_rows(folder: Path) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The rows of the image networks; and why they are missing."""
    path = folder / REFERENCES_FILE
    if links := broken_links(path):
        return [], {"image networks": links[0]}
    return reference_rows(read_json(path)), {}


def variant_row(head: Mapping[str, Any], cost: Mapping[str, Any], extractor: Mapping[str, Any] | None = None) -> dict:
    """One variant: its head, and the extractor that it needs.

    Args:
        head: the columns that say what the row is.
        cost: of the head, as `vad.cost.parts.head` gives it.
        extractor: of the extractor, as `vad.cost.parts.extractor` gives it; None for imported features.
    """
    counted, measured = cost["counted"], cost["measured"]
    frames = counted["frames"]
    row = {
        **head,
        "kind": "variant",
        "sample": " x ".join(map(str, counted["sample"])),
        "crops": counted["crops"],
        "frames": frames,
        **_sizes(counted),
        "macs_per_frame_head": counted["macs_video"] / frames,
        "measured_on": machine(cost["machine"]),
        "head_latency_ms": 1e3 * measured["sample_seconds"],
        "head_fps": frames / measured["video_seconds"],
        "head_memory_mb": measured["memory_mb"],
        "cpu_share": measured["cpu_share"],
    }
    if extractor is None:
        return row | {"note": "features are imported: what decoding and extractor cost is unknown"}
    return row | _with_extractor(row, extractor, measured["video_seconds"] / frames)


def _with_extractor(row: Mapping[str, Any], extractor: Mapping[str, Any], head_seconds: float) -> dict:
    """The columns of the extractor, and the sums; `head_seconds` is per frame."""
    counted, measured = extractor["counted"], extractor["measured"]
    fps, frames = counted["fps"], counted["frames"]
    decode, network = measured["decode_seconds"] / frames, measured["extract_seconds"] / frames
    skip_fps, end_to_end_fps = 1 / (network + head_seconds), 1 / (decode + network + head_seconds)
    macs = row["macs_per_frame_head"] + counted["macs_video"] / frames
    memory = (row["head_memory_mb"], measured["memory_mb"])
    found = {
        "fps": fps,
        "extractor_params": counted["params"],
        "extractor_size_mb": counted["bytes"] / MB,
        "macs_per_frame_extractor": counted["macs_video"] / frames,
        "macs_per_frame": macs,
        "measured_on": " and ".join(dict.fromkeys([row["measured_on"], machine(extractor["machine"])])),
        "raw_fps": skip_fps / counted["stride"],
        "skip_fps": skip_fps,
        "end_to_end_fps": end_to_end_fps,
        "real_time": _real_time(end_to_end_fps, fps),
        "extractor_memory_mb": memory[1],
        "cpu_share": min(row["cpu_share"], measured["cpu_share"]),
        "peak_memory_mb": None if None in memory else sum(memory),
    }
    if not fps:
        return found | {"note": "frames per second unknown: nothing can be said per second"}
    milliseconds = {"head": head_seconds, "decode": decode, "extractor": network}
    return found | {
        "macs_per_second": fps * macs,
        "flops_per_second": 2 * fps * macs,
        **{f"{part}_ms_per_second": 1e3 * fps * seconds for part, seconds in milliseconds.items()},
        "ms_per_second": 1e3 * fps * sum(milliseconds.values()),
    }


def _real_time(reached: float, fps: float | None) -> str | None:
    """Whether a video is scored as fast as it plays, and how many times as fast; None where its speed is unknown."""
    return f"{'yes' if reached >= fps else 'no'}, {reached / fps:.3g} x" if fps else None


def reference_rows(references: Mapping[str, Mapping[str, Any]]) -> list[dict]:
    """Image networks to compare with: a sample is one image, which takes the place of one frame."""
    rows = []
    for name, cost in references.items():
        seconds, memory = cost["measured"]["sample_seconds"], cost["measured"]["memory_mb"]
        row = {
            "variant": name,
            "kind": "image network",
            "sample": "1 image of 224 x 224",
            **_sizes(cost["counted"]),
            "macs_per_frame": cost["counted"]["macs"],
            "note": "per image, without decoding and without any anomaly score; weights without meaning",
            "measured_on": machine(cost["machine"]),
            "head_latency_ms": 1e3 * seconds,
            "head_fps": 1 / seconds,
            "head_memory_mb": memory,
            "cpu_share": cost["measured"]["cpu_share"],
        }
        rows.append(row)
    return [*rows, CITED]


def _sizes(counted: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "params": counted["params"],
        "params_trainable": counted["params_trainable"],
        "macs": counted["macs"],
        "flops": 2 * counted["macs"],
        "size_mb": counted["bytes"] / MB,
    }


def machine(found: Mapping[str, Any]) -> str:
    """What a number was measured on, in one line."""
    where = found["gpu"] or found["processor"]
    return f"{where}, {found['threads']} thread{'s' * (found['threads'] > 1)}, torch {found['torch']}"


def csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Every column of every row; what is unknown is an empty cell."""
    table = pd.DataFrame([{c: plain_value(row.get(c)) for c in COLUMNS} for row in rows], columns=list(COLUMNS))
    return table.to_csv(index=False, lineterminator="\n")


def plain_value(value: Any) -> str:  # noqa: ANN401 - a cell
    """Whole numbers as they are, others to six digits behind the point."""
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return "" if value is None else str(value)


def format_value(value: Any) -> str:  # noqa: ANN401 - a cell
    """Readable: thousands apart, large numbers with their prefix, four digits of what was measured."""
    if value is None or value == "":
        return "-"
    if isinstance(value, str):
        return value
    for size, prefix in ((1e12, " T"), (1e9, " G"), (1e6, " M")):
        if abs(value) >= size and not (isinstance(value, int) and value < 1e9):
            return f"{value / size:.4g}{prefix}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
