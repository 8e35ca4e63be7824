"""What was measured about claims on networks of this project: speed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vad.artefacts.files import read_json
from vad.claims.arithmetic import Claims, Computed, prints
from vad.ledger.chain import broken_links

FILE = "video_networks.json"
"""In the folder of measured costs, as `vad.cost.video_networks` writes it."""
CLAIM = "M06"


def read_speeds(costs: Path) -> dict[str, Any] | None:
    """What was measured of networks of videos; None if its record is broken or missing."""
    path = costs / FILE
    return None if broken_links(path) else read_json(path)


def checks(speeds: Mapping[str, Any] | None) -> dict[str, Callable[[Claims], dict[str, Computed]]]:
    """Every check by the name that the ledger has for it.

    Args:
        speeds: as `read_speeds` gives it.
    """
    return {"faster_than_3d_networks": lambda claims: {CLAIM: _faster(claims[CLAIM].value, speeds)}}


def _faster(printed: str, speeds: Mapping[str, Any] | None) -> Computed:
    """No network that was measured gives the printed ratio, so that it stays unknown which one was meant."""
    if speeds is None:
        return Computed(True, "not compared: there is no measurement of 3D networks here")
    from vad.cost.table import machine  # these two import torch, which the other checks do without
    from vad.cost.video_networks import compared

    rows = compared(speeds)
    text = ", ".join(f"{r.faster:.1f} times as fast as {r.name} ({r.fewer:.1f} times fewer MACs)" for r in rows)
    fitting = [row.name for row in rows if prints(row.faster, printed)]
    sides = " or ".join(f"{side} x {side}" for side in dict.fromkeys(row.side for row in rows))
    what = f"XFeat alone, frames of {sides} as the other network takes them, {machine(speeds['machine'])}"
    end = f"{' and '.join(fitting)} gives {printed}" if fitting else f"none gives {printed}"
    return Computed(not fitting, f"{what}: {text}; {end}")
