"""Write the networks of a variant, check each file against torch, and time both."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vad.artefacts.files import write_json
from vad.cost.measure import machine, time_of
from vad.errors import VadError
from vad.export import formats
from vad.export.parts import parts

TOLERANCE = 1e-4
"""Largest difference from torch, as a part of the largest value."""
REPEATS, BUDGET = 50, 5.0
"""Calls that are timed at most, and seconds after which none is begun."""


def write_parts(entry: dict[str, Any], run: Path, video: Path, kind: formats.Format, out: Path) -> dict[str, Any]:
    """Write extractor and head, and beside them `<kind>.json` with sizes, differences and latencies.

    Args:
        entry: the features entry of the variant.
        run: the folder that room train wrote.
        video: a video with real frames.
        kind: the format of the files.
        out: the folder for them; made if it is not there.

    Returns: what the JSON file holds.

    Raises: VadError as `vad.export.parts.parts` and `checked`.
    """
    torch.set_num_threads(1)
    out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"run": str(run), "format": kind, "machine": machine()}
    for name, part in parts(entry, run, video).items():
        path = out / f"{name}{formats.SUFFIX[kind]}"
        formats.write(part.network, part.example, kind, path)
        found[name] = checked(path, part.network, part.example)
    write_json(out / f"{kind}.json", found)
    return found


def checked(path: Path, network: nn.Module, example: Tensor) -> dict[str, Any]:
    """How far a file's results are from torch's, and the latency of both.

    Args:
        path: the file.
        network: what it was written from.
        example: a real input.

    Raises: VadError if they differ by more than the tolerance; the file is deleted.
    """
    ready = formats.load(path)
    with torch.inference_mode():
        expected = network(example)
        expected = [expected] if isinstance(expected, Tensor) else list(expected)
        found = ready(example)
        pairs = list(zip(found, expected, strict=True))
        difference = max(float((a - b).abs().max() / b.abs().max().clamp_min(1e-6)) for a, b in pairs)
        if not difference <= TOLERANCE:
            for file in formats.files_of(path):
                file.unlink(missing_ok=True)
            raise VadError(
                f"{path}: its results differ from torch's by {difference:.1e} of the largest value, more than"
                f" {TOLERANCE:.0e}. The file was deleted; try the other --format."
            )
        ways = (lambda: ready(example), lambda: network(example))
        exported, plain = (time_of(way, REPEATS, BUDGET) for way in ways)
    return {
        "file": str(path),
        "input": list(example.shape),
        "difference": difference,
        "latency_ms": 1e3 * exported.seconds,
        "torch_latency_ms": 1e3 * plain.seconds,
        "cpu_share": min(exported.cpu_share, plain.cpu_share),
        "bytes": sum(file.stat().st_size for file in formats.files_of(path)),
    }
