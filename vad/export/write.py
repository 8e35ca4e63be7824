"""Write the networks of a variant, check each file against torch, and time both."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vad.artefacts.files import write_json
from vad.cost.measure import machine, time_of
from vad.engine.build import restored
from vad.errors import VadError
from vad.export import formats
from vad.export.formats import Format, Precision
from vad.export.parts import EdgeExtractor, head_part

TOLERANCE: Mapping[Precision, float] = {"float32": 1e-4, "int8": 0.03}
"""How far results may be from torch's, as `difference` measures it; docs/performance.md says what int8 changes."""
CHECKED = 8
"""Segments that an int8 network is checked on: none of those that it was made for."""
REPEATS, BUDGET = 50, 5.0
"""Calls that are timed at most, and seconds after which none is begun."""


class ParityError(VadError):
    """The file of a network gives other results than torch.

    Attributes:
        reason: by how much, in words.
    """

    def __init__(self, path: Path, reason: str, remedy: str) -> None:
        super().__init__(f"{path}: {reason}. The file was deleted; try {remedy}.")
        self.reason = reason


def write_parts(
    entry: Mapping[str, Any],
    run: Path,
    video: Path,
    kind: Format,
    out: Path,
    calibration: Sequence[Path] = (),
) -> dict[str, Any]:
    """Write extractor and head, and beside them `<kind>.json` with sizes, differences and latencies.

    Args:
        entry: the features entry of the variant.
        run: the folder that room train wrote.
        video: a video with real frames, which the networks are checked on.
        kind: the format of the files.
        out: the folder for them; made if it is not there.
        calibration: videos that an int8 extractor is made for, not `video` among them; none = float32.

    Returns: what the JSON file holds.

    Raises: VadError for features that no network makes, for models that need more than features, and as `write_part`;
        what reading the run or a video raises.
    """
    torch.set_num_threads(1)
    extractor = EdgeExtractor(entry)
    head = head_part(restored(run).model, extractor.features(video))
    precision: Precision = "int8" if calibration else "float32"
    inputs = extractor.inputs(video, CHECKED if calibration else 1)
    mark = ".int8" if calibration else ""
    out.mkdir(parents=True, exist_ok=True)
    path = {name: out / f"{name}{formats.SUFFIX[kind]}" for name in (f"extractor{mark}", "head")}
    found: dict[str, Any] = {"run": str(run), "format": kind, "precision": precision, "machine": machine()}
    ranges = extractor.calibration(calibration)
    found["extractor"] = write_part(path[f"extractor{mark}"], extractor.network, inputs, kind, ranges)
    found["head"] = write_part(path["head"], head.network, [head.example], kind)
    write_json(out / f"{kind}{mark}.json", found)
    return found


def write_part(
    path: Path,
    network: nn.Module,
    inputs: Sequence[Tensor],
    kind: Format,
    calibration: Sequence[Tensor] = (),
    repeats: int = REPEATS,
    budget: float = BUDGET,
) -> dict[str, Any]:
    """Write one network and check it.

    Args:
        path: the file.
        network: on the CPU, in eval mode.
        inputs: real inputs for the check, at least one.
        kind: the format.
        calibration: inputs that an int8 network is made for; none = float32.
        repeats: calls that are timed, at most.
        budget: seconds after which no further timed call is begun.

    Raises: UnwrittenError for a network that the format does not know, and as `checked`.
    """
    formats.write(network, inputs[0], kind, path, calibration)
    return checked(path, network, inputs, "int8" if calibration else "float32", repeats, budget)


def checked(
    path: Path,
    network: nn.Module,
    inputs: Sequence[Tensor],
    precision: Precision,
    repeats: int = REPEATS,
    budget: float = BUDGET,
) -> dict[str, Any]:
    """How far a file's results are from torch's, and the latency of both.

    Args:
        path: the file.
        network: what it was written from.
        inputs: real inputs, at least one; the first one is timed.
        precision: of the file.
        repeats: calls that are timed, at most.
        budget: seconds after which no further timed call is begun.

    Raises: ParityError if they differ by more than the tolerance; the file is deleted.
    """
    ready = formats.load(path)
    with torch.inference_mode():
        away = difference([ready(given) for given in inputs], [_results(network, given) for given in inputs], precision)
        if not away <= TOLERANCE[precision]:
            for file in formats.files_of(path):
                file.unlink(missing_ok=True)
            other = "--precision float32" if precision == "int8" else "the other --format"
            what = f"its results differ from torch's by {away:.1e} ({MEASURES[precision]})"
            raise ParityError(path, f"{what}, more than {TOLERANCE[precision]:.0e}", other)
        ways = (lambda: ready(inputs[0]), lambda: network(inputs[0]))
        exported, plain = (time_of(way, repeats, budget) for way in ways)
    return {
        "file": str(path),
        "precision": precision,
        "input": list(inputs[0].shape),
        "difference": away,
        "latency_ms": 1e3 * exported.seconds,
        "torch_latency_ms": 1e3 * plain.seconds,
        "cpu_share": min(exported.cpu_share, plain.cpu_share),
        "bytes": sum(file.stat().st_size for file in formats.files_of(path)),
    }


MEASURES: Mapping[Precision, str] = {
    "float32": "the largest difference, as a part of the largest value",
    "int8": "the length of the difference, as a part of the length of all values",
}
"""What `difference` says."""


def difference(found: Sequence[Sequence[Tensor]], expected: Sequence[Sequence[Tensor]], precision: Precision) -> float:
    """How far results are from those expected, of the output that is farthest off: see `MEASURES`.

    Args:
        found: the outputs for each input.
        expected: likewise.
        precision: which measure is taken.
    """
    pairs = [
        (torch.cat([one.flatten() for one in a]), torch.cat([one.flatten() for one in b]))
        for a, b in zip(zip(*found, strict=True), zip(*expected, strict=True), strict=True)
    ]
    size = torch.linalg.vector_norm if precision == "int8" else (lambda values: values.abs().max())
    return max(float(size(a - b) / size(b).clamp_min(1e-6)) for a, b in pairs)


def _results(network: nn.Module, given: Tensor) -> list[Tensor]:
    """All outputs of a network."""
    found = network(given)
    return [found] if isinstance(found, Tensor) else list(found)
