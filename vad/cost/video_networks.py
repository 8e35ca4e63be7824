"""XFeat beside 3D networks at the same resolution: frames a second of one thread, and multiply-adds a frame.

All give one row for 16 consecutive frames, without decoding. C3D takes 112 x 112 pixels, which its fully connected
layer fixes, so XFeat is measured at that size too; X3D and I3D take XFeat's 224 x 224 (X3D-S has the network of X3D-M).
Weights are random, which changes neither number. Speed is counted in processor time, and the networks take turns: other
work on the machine changes their ratios little.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from vad.artefacts.files import write_json
from vad.cost.count import count
from vad.cost.measure import machine, run_isolated
from vad.cost.turns import cpu_seconds
from vad.extractors._base import load_extractor
from vad.extractors._network_run import NetworkExtractor
from vad.nn.exact import one_exact_thread
from vad.schema.base import Section
from vad.schema.report import Efficiency

FRAMES = 16
OURS = "XFeat"
X3D = {"extractor": "x3d", "short_side": 224, "size": 224, "segment_frames": FRAMES, "weights": "random"}


class Measured(NamedTuple):
    """A network, and the height and width of its frames in pixels."""

    name: str
    side: int
    entry: Mapping[str, Any]


NETWORKS = (
    # Its extractor takes multiples of 32 only; the network itself takes any size.
    *(Measured(OURS, side, {"extractor": "xfeat"}) for side in (224, 112)),
    Measured("X3D-M", 224, {**X3D, "network": "m"}),
    Measured("X3D-L", 224, {**X3D, "network": "l"}),
    Measured("I3D", 224, {"extractor": "i3d", "weights": "random"}),
    Measured("C3D", 112, {"extractor": "c3d", "weights": "random"}),
)


class Settings(Section):
    """How time is taken."""

    efficiency: Efficiency


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Measure the networks and write what was found as JSON.

    Args:
        settings: how often each network is run.
        paths: not used; no file is read.
        out: the JSON file.
    """
    write_json(out, run_isolated(lambda: measured(settings.efficiency.repeats)))


def measured(repeats: int) -> dict[str, Any]:
    """Frames per CPU second and multiply-adds per frame of each network, and the machine.

    Args:
        repeats: timed calls of each.
    """
    load = os.getloadavg()[0]
    networks: dict[str, nn.Module] = {}
    ways, rows = {}, []
    for name, side, entry in NETWORKS:
        extractor = load_extractor({"device": "cpu", **entry})
        assert isinstance(extractor, NetworkExtractor)
        key, network = f"{name} {side}", extractor.network
        segment = torch.randint(0, 256, (1, FRAMES, side, side, 3), dtype=torch.uint8)
        networks[key], ways[key] = network, lambda network=network, segment=segment: network(segment)
    with one_exact_thread(), torch.inference_mode():
        spent = cpu_seconds(ways, repeats)
    for name, side, _ in NETWORKS:
        key = f"{name} {side}"
        macs = count(ways[key], [networks[key]])
        speed = {"frames_per_second": FRAMES / spent[key], "macs_per_frame": macs / FRAMES}
        rows.append({"network": name, "side": side, **speed})
    return {"frames": FRAMES, "networks": rows, "machine": machine(), "load": load}


class Compared(NamedTuple):
    """How XFeat compares with another network at the resolution of the latter."""

    name: str
    side: int
    frames_per_second: float
    ours: float
    """Frames a second of XFeat."""
    faster: float
    """How many times faster XFeat is."""
    fewer: float
    """How many times fewer multiply-adds it has."""


def compared(found: Mapping[str, Any]) -> list[Compared]:
    """XFeat against each 3D network, in the order of `NETWORKS`.

    Args:
        found: as `measured` gives it.
    """
    ours = {row["side"]: row for row in found["networks"] if row["network"] == OURS}
    rows = []
    for row in found["networks"]:
        if row["network"] != OURS:
            own, speed = ours[row["side"]], row["frames_per_second"]
            faster, fewer = own["frames_per_second"] / speed, row["macs_per_frame"] / own["macs_per_frame"]
            rows.append(Compared(row["network"], row["side"], speed, own["frames_per_second"], faster, fewer))
    return rows
