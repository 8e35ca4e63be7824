"""Rows about training and scoring: steps in a second of the full-size variants of params.yaml.

Features are drawn at random in the shapes that the variants' extractors give, and weights are new: speed and memory
depend on neither, and the scores mean nothing.
"""

import itertools
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from ruamel.yaml import YAML

from bench.gpu_rows import Row, Table, rate_of
from vad.artefacts.clips import Clips, encode_jpeg
from vad.engine.batches import set_for
from vad.engine.build import build, on_device
from vad.engine.parts import Part
from vad.engine.placement import hold
from vad.engine.score import score_video
from vad.engine.train import TrainingRun, use_exact_algorithms
from vad.models._base import VideoModel
from vad.schedules import resolve
from vad.schema.infer import Infer
from vad.schema.train import Train

PARAMS = Path(__file__).parents[1] / "params.yaml"
GENERATED = ("mini_crime", "mini_walk")
"""Data sets whose variants are small."""
CROPS = {"crops_files": 10, "segments_crops_dim": 10}
"""Crops of published features by their form."""
MAP = (16, 10, 10)
"""Time, rows and columns of STEAD's X3D maps."""


class Size(NamedTuple):
    """How large the generated videos are, and what is changed to make a variant small.

    Attributes:
        videos: of each label.
        rows: of a video.
        side: of images, in pixels; None = as the variant has it.
        model_args: settings that replace those of a variant, by model.
    """

    videos: int = 4
    rows: int = 64
    side: int | None = None
    model_args: Mapping[str, Mapping[str, Any]] = {}


def full_size() -> dict[str, dict[str, Any]]:
    """The variants of params.yaml for real data sets, with their schedules and their features entry."""
    tree = resolve(YAML(typ="safe").load(PARAMS)).tree
    return {
        name: {**variant, "features": tree["features"][variant["features"]]}
        for name, variant in tree["variants"].items()
        if variant["dataset"] not in GENERATED
    }


def measure(
    table: Table, variants: Mapping[str, Any], precisions: Sequence[str], device: str, size: Size, seconds: float
) -> None:
    """Training steps of every variant; of those that predict pictures, scoring too.

    Args:
        table: for the rows.
        variants: as `full_size` gives them.
        precisions: of the training steps.
        device: cpu or cuda.
        size: of the generated videos.
        seconds: for which each row is measured, at least.
    """
    use_exact_algorithms(1)
    try:
        for name, variant in variants.items():
            for precision in precisions:
                row = Row("train", name, precision, unit="steps/s")
                table.add(row, partial(steps, variant, precision, device, size, seconds, row))
            if variant["features"]["extractor"] == "frames":
                row = Row("score", name, "float32")
                table.add(row, partial(scored_frames, variant, device, size, seconds))
    finally:
        torch.use_deterministic_algorithms(False)


def steps(
    variant: Mapping[str, Any], precision: str, device: str, size: Size, seconds: float, row: Row | None = None
) -> float:
    """Training steps in a second; notes in the row where the features lie."""
    part = generated(variant, size)
    model = _model(variant, part, device, size)
    settings = Train.model_validate({**variant["train"], "precision": precision, "device": device})
    run = TrainingRun(model, part, part, settings, 0)
    held = hold([run.fit, run.validation], run.device)
    if row is not None:
        row.note = f"batch {settings.batch}, features {'on the GPU' if held else 'copied for each batch'}"
    model.train()
    numbers = itertools.count()

    def step() -> float:
        """One step of training, waited for."""
        (batch,) = run.fit.draw(settings.batch, 1, torch.Generator().manual_seed(0))
        run.step(1, next(numbers), batch)
        if run.device.type == "cuda":
            torch.cuda.synchronize()
        return 1

    step()  # the first two steps find memory and algorithms
    return rate_of(step, seconds)


def scored_frames(variant: Mapping[str, Any], device: str, size: Size, seconds: float) -> float:
    """Frames scored in a second."""
    part = generated(variant, size)
    model = _model(variant, part, device, size)
    frames = np.concatenate([rows for rows in part.features if isinstance(rows, np.ndarray)])
    bounds, infer = np.arange(len(frames) + 1), Infer.model_validate({})
    with torch.no_grad():  # as a validation does it, without which there are no ranges to scale scores by
        model.eval().calibrate(set_for(model, part).sample().to(next(model.parameters()).device))

    def score() -> float:
        """Score all frames; returns how many."""
        score_video(model, frames, bounds, infer)
        return len(frames)

    return rate_of(score, seconds)


def _model(variant: Mapping[str, Any], part: Part, device: str, size: Size) -> VideoModel:
    args = {**variant["model_args"], **size.model_args.get(variant["model"], {})}
    return on_device(build(variant["model"], args, part.features[0].shape[_channels(variant)]), device)


def _channels(variant: Mapping[str, Any]) -> int:
    """The axis of a video's features that holds the numbers of a vector, or the channels."""
    entry = variant["features"]
    return 1 if entry["extractor"] == "frames" or entry.get("layout") == "dim_space" else -1


def generated(variant: Mapping[str, Any], size: Size) -> Part:
    """Normal and anomalous videos with random features of the variant's shape."""
    random = np.random.default_rng(0)
    entry = variant["features"]
    labels = [0, 1] * size.videos
    if entry["extractor"] == "frames":
        side = size.side or entry["size"]
        shape = (size.rows, 3, side, side)
        return Part([random.integers(0, 256, shape, dtype=np.uint8) for _ in labels], labels)
    shape = vector_shape(entry, size.rows)
    features = [random.normal(size=shape).astype(np.float32) for _ in labels]
    return Part(features, labels, [clips(entry, size) for _ in labels] if entry["extractor"] == "clips" else None)


def vector_shape(entry: Mapping[str, Any], rows: int) -> tuple[int, ...]:
    """The shape of a video's features: rows of vectors, crops of them, or maps."""
    if entry["extractor"] != "imported":
        return (rows, 128)  # XFeat's, also beside clips
    if entry.get("layout") == "dim_space":
        return (1, entry["dim"], *MAP)
    crops = CROPS.get(entry.get("format", "")) or CROPS.get(entry.get("layout", ""))
    return (rows, crops, entry["dim"]) if crops else (rows, entry["dim"])


def clips(entry: Mapping[str, Any], size: Size) -> Clips:
    """Images for every row of a video, all alike: decoding each of them takes its time anyway."""
    random = np.random.default_rng(0)
    side = size.side or entry["size"]
    coarse = random.integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
    image = encode_jpeg(coarse.repeat(8, 0).repeat(8, 1), entry["quality"])
    return Clips.of([[image] * entry.get("frames", 16)] * size.rows)
