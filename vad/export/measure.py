"""The latency of one network at batch 1, one thread: in torch, and as the files that edge devices would run.

A network that cannot be written, or whose file gives other numbers than torch, has the reason in place of a latency.
Heads have the weights of a new network, which changes no latency; `vad export` checks trained ones.
"""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

# The registry of models is loaded before anything is measured, never inside a measured process.
import torch
from pydantic import Field
from torch import Tensor

import vad.models  # noqa: F401
from vad.artefacts.features import FeatureFile, read_features
from vad.artefacts.files import write_json
from vad.cost.count import parameters
from vad.cost.measure import machine, run_isolated, time_of
from vad.engine.batches import BagSet, Part, set_for
from vad.engine.build import build
from vad.engine.score import score_bags
from vad.errors import VadError
from vad.export import formats
from vad.export.formats import UnwrittenError
from vad.export.parts import EdgeExtractor, Exported, head_part
from vad.export.write import CHECKED, ParityError, write_part
from vad.schema.base import Section
from vad.schema.report import EdgeFormat, Efficiency

MOST_PARAMETERS = 50_000_000
"""Larger networks are for no edge device: writing one may take more memory than the machine has."""
KINDS: Mapping[EdgeFormat, tuple[formats.Format, formats.Precision]] = {
    "onnx": ("onnx", "float32"),
    "openvino": ("openvino", "float32"),
    "openvino_int8": ("openvino", "int8"),
}
ROWS = 32
"""Rows of a feature file from which the first bag or window is taken."""


class Settings(Section):
    """What is measured, and how."""

    kind: Literal["head", "extractor"]
    dataset: str
    features: str
    """The features entry that the head reads, or that names the extractor."""
    formats: list[EdgeFormat]
    efficiency: Efficiency
    model: str = ""
    model_args: dict[str, Any] = Field(default={})
    extractor: dict[str, Any] = Field(default={})
    """The settings of the extractor, its name under `extractor`."""


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Measure one network and write it as JSON.

    Args:
        settings: what is measured, and how.
        paths: `features` is a feature file, for a head; for an extractor `video` is a test video, and all others are
            train videos that an int8 network is made for.
        out: the JSON file.
    """
    torch.set_num_threads(1)
    for name in settings.formats:
        formats.absent(*KINDS[name])  # imported here, so that no measured process does it
    if settings.kind == "head":
        file = read_features(paths["features"])
        found = run_isolated(lambda: _head(settings, file))
    else:
        train = [path for name, path in paths.items() if name != "video"]
        found = run_isolated(lambda: _extractor(settings, paths["video"], train))
    write_json(out, found)


def _head(settings: Settings, file: FeatureFile) -> dict[str, Any]:
    """A head on the first bag or window of a feature file."""
    load = os.getloadavg()[0]
    rows = file.features[:ROWS]
    model = build(settings.model, settings.model_args, file.dim).eval()
    clips = None if file.clips is None else [file.clips]
    data = set_for(model, Part([file.features if clips else rows], [0], clips))
    sample = data.sample()[:1].contiguous()
    first = torch.tensor([0])

    def score() -> object:
        with torch.inference_mode():
            return score_bags(model, data.take(first)) if isinstance(data, BagSet) else model.score(sample)

    found = _plain(score, sample, settings, load)
    # Heads in int8 are no faster than in float32 (docs/performance.md).
    wanted: list[EdgeFormat] = [name for name in settings.formats if KINDS[name][1] == "float32"]
    try:
        head = head_part(model, FeatureFile(rows, file.bounds[: len(rows) + 1]))
    except VadError:
        return found | {"formats": {name: {"why": "it looks at images"} for name in wanted}}
    return found | {"formats": {name: _in_format(name, head, [head.example], settings, list) for name in wanted}}


def _extractor(settings: Settings, video: Path, train: Sequence[Path]) -> dict[str, Any]:
    """An extractor on the first segment of a video."""
    load = os.getloadavg()[0]
    try:
        extractor = EdgeExtractor(settings.extractor)
    except VadError:
        return {"machine": machine(), "load": load, "formats": {}, "why": "no network makes these features"}
    inputs = extractor.inputs(video, CHECKED)
    part = Exported(extractor.network, inputs[0])

    def extract() -> object:
        with torch.inference_mode():
            return part.network(part.example)

    def ranges() -> list[Tensor]:
        return extractor.calibration(train)

    return _plain(extract, part.example, settings, load) | {
        "formats": {name: _in_format(name, part, inputs, settings, ranges) for name in settings.formats}
    }


def _plain(work: Callable[[], object], example: Tensor, settings: Settings, load: float) -> dict[str, Any]:
    """The latency in torch, and what it depends on."""
    time = time_of(work, settings.efficiency.repeats, settings.efficiency.budget)
    return {
        "input": list(example.shape[1:]),
        "latency_ms": 1e3 * time.seconds,
        "cpu_share": time.cpu_share,
        "machine": machine(),
        "load": load,
    }


def _in_format(
    name: EdgeFormat, part: Exported, inputs: list[Tensor], settings: Settings, ranges: Callable[[], list[Tensor]]
) -> dict[str, Any]:
    """The latency as a file of a format and how far its results are from torch's, or why there is none."""
    kind, precision = KINDS[name]
    if missing := formats.absent(kind, precision):
        return {"why": f"not installed: {', '.join(missing)}"}
    if (size := parameters(part.network).total) > MOST_PARAMETERS:
        return {"why": f"{size:,} parameters: not for edge devices"}
    checked = inputs if precision == "int8" else inputs[:1]
    how = settings.efficiency
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"network{formats.SUFFIX[kind]}")
        try:
            calibration = ranges() if precision == "int8" else []
            if precision == "int8" and not calibration:
                return {"why": "there are no train videos that it could be made for"}
            found = write_part(path, part.network, checked, kind, calibration, how.repeats, how.budget)
        except UnwrittenError as error:
            return {"why": f"the converter fails: {error.reason}"}
        except ParityError as error:
            return {"why": error.reason}
    return {key: found[key] for key in ("latency_ms", "difference", "cpu_share", "bytes")}
