"""The size of every variant of params.yaml, installed or not: parameters, multiply-adds, bytes.

Counted from shapes alone: networks are built on torch's `meta` device, where values take no memory and no time, so that
published sizes stand beside small ones without any data or weights.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import nn

from vad.artefacts.files import write_text
from vad.artefacts.origin import RANDOM
from vad.cost.count import count, parameters
from vad.cost.table import MB, format_value, plain_value
from vad.engine.build import build
from vad.errors import FeatureError
from vad.extractors import c3d, frames
from vad.extractors._base import BaseExtractor, load_extractor
from vad.extractors._network_run import NetworkExtractor
from vad.extractors._network_weights import Weighted
from vad.models._base import VideoModel
from vad.report import page
from vad.schema.base import Section

ABOUT = """The head alone for one sample (a bag, or a window of rows), and the extractor alone for one row: no head runs
without its extractor, and both need a decoder. `macs` are multiply-adds (FLOPs = 2 x MACs): matrix products,
convolutions, attention and LSTMs count, norms and activations do not. `size_mb` is what the values take (10^6 bytes); a
file is a few kB larger. A network that only trains (the discriminator of `frame_pred`) is not counted. Extractors are
counted as they run: without a classifier, batch normalisation folded into the convolutions, all crops of a row.
What was measured on videos (time, memory, operations of a second): efficiency.md in the report of each data set.
What the variants reach: [results.md](results.md)."""
COLUMNS = ("variant", "dataset", "model", "sample", "params", "macs", "size_mb", "features")
EXTRACTOR_COLUMNS = ("features", "extractor", "row_frames", "row", "params", "macs", "size_mb")
PREFIX = "extractor_"
STEAD_MAP = (16, 10, 10)
"""Time, height and width of a published map (`dim_space`): X3D-L's for 16 frames of 320 x 320 pixels."""
IMPORTED = "imported: the network that made the features is not here"
IMAGES = "its score looks at images of the video: counted where these are, in efficiency.md"
NO_IMAGES = "its score takes the vectors alone: the part that looks at images has parameters and no macs"


class Variant(Section):
    """What the size of a variant depends on."""

    dataset: str
    features: str
    model: str
    model_args: dict[str, Any]


class Settings(Section):
    """Every variant by name, and the features entries that they use."""

    variants: dict[str, Variant]
    features: dict[str, dict[str, Any]]


class Extractor(NamedTuple):
    """A features entry: the shape of one of its rows, and the columns of its table."""

    shape: tuple[int, ...]
    row: dict[str, Any]


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write sizes.csv and sizes.md.

    Args:
        settings: variants and features.
        paths: not used; no file is read.
        out: `sizes` in the folder of the tables of all data sets.
    """
    extractors = {name: extractor(name, entry) for name, entry in settings.features.items()}
    rows = [head(name, variant, extractors[variant.features]) for name, variant in settings.variants.items()]
    table = pd.DataFrame([{name: plain_value(value) for name, value in row.items()} for row in rows])
    write_text(out.with_suffix(".csv"), table.to_csv(index=False, lineterminator="\n"))
    notes: dict[str, list[str]] = {}
    for row in rows:
        notes.setdefault(row["note"], []).append(row["variant"])
    text = page.page(
        page.heading("Sizes of all variants"),
        ABOUT,
        page.heading("Heads", 2),
        _table(rows, COLUMNS),
        page.heading("Extractors", 2),
        _table([one.row for one in extractors.values()], EXTRACTOR_COLUMNS),
        page.section("Notes", [f"{', '.join(names)}: {note}." for note, names in notes.items() if note]),
    )
    write_text(out.with_suffix(".md"), text)


def head(name: str, variant: Variant, found: Extractor) -> dict[str, Any]:
    """The row of a variant: its head, and behind it what its extractor has, each column with the prefix `extractor_`.

    Args:
        name: of the variant.
        variant: its entry.
        found: its features.
    """
    with torch.device("meta"):
        model = build(variant.model, variant.model_args, found.shape[0]).eval()
        rows = model.window if model.sampling == "windows" else model.bag_segments
        dtype = torch.uint8 if model.reads == "images" else torch.float32
        sample = torch.zeros(1, rows, *found.shape, dtype=dtype)
        model.adversary = None
        macs, note = _macs(model, sample)
    return {
        "variant": name,
        **{word: getattr(variant, word) for word in ("dataset", "model", "features")},
        "sample": " x ".join(map(str, sample.shape[1:])),
        **_size(model),
        "macs": macs,
        **{PREFIX + word: found.row[word] for word in ("params", "macs", "size_mb", "row_frames")},
        "note": "; ".join(filter(None, [note, found.row["note"]])),
    }


@torch.no_grad()
def _macs(model: VideoModel, sample: torch.Tensor) -> tuple[int | None, str]:
    """Multiply-adds of scoring one sample (none for a score that needs images), and what must be said of them."""
    try:
        return count(lambda: model.score(sample), [model]), NO_IMAGES if model.uses_clips else ""
    except FeatureError:
        return None, IMAGES


@torch.no_grad()
def extractor(name: str, entry: Mapping[str, Any]) -> Extractor:
    """What a features entry has: the sizes of its network, the shape of a row, how many frames a row stands for.

    Args:
        name: of the entry.
        entry: its settings, the name of the extractor under `extractor`.
    """
    inner = entry.get("vectors", entry)
    plugin = load_extractor(inner)
    row = {"features": name, "extractor": entry["extractor"], "row_frames": None, "note": ""}
    row |= dict.fromkeys(("params", "macs", "size_mb"))
    if not isinstance(plugin, NetworkExtractor):
        shape = (plugin.dim, *_space(plugin))
        row["note"] = IMPORTED if inner["extractor"] == "imported" else ""
        row |= {} if row["note"] else {"row_frames": 1, "params": 0, "macs": 0, "size_mb": 0.0}
        return Extractor(shape, {**row, "row": _text(shape)})
    if isinstance(plugin.config, Weighted):
        random = {"weights": RANDOM, "weights_sha256": None}
        with torch.device("meta"):
            network = load_extractor({**inner, **random}).build()  # pyright: ignore[reportAttributeAccessIssue]
    else:
        network = plugin.build().to("meta")
    side = inner.get("size", c3d.SIZE)
    frames_in = torch.zeros(1, plugin.cut.segment, side, side, 3, dtype=torch.uint8, device="meta")
    segment = plugin.fill(frames_in[0])[None]
    shape = tuple(network(segment).shape[1:])
    macs = count(lambda: network(segment), [network]) * inner.get("crops", 1)
    row |= {**_size(network), "macs": macs, "row_frames": plugin.cut.step}
    return Extractor(shape, {**row, "row": _text(shape)})


def _space(plugin: BaseExtractor) -> tuple[int, ...]:
    """The axes of a row behind its channels, of an extractor without a network."""
    if isinstance(plugin, frames.Extractor):
        return (plugin.config.size, plugin.config.size)
    return STEAD_MAP if getattr(plugin.config, "layout", "").endswith("space") else ()


def _size(network: nn.Module) -> dict[str, Any]:
    values = sum(value.numel() * value.element_size() for value in network.state_dict().values())
    return {"params": parameters(network).total, "size_mb": values / MB}


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> str:
    lines = [[format_value(row[column]) for column in columns] for row in rows]
    return page.table(list(columns), lines)
