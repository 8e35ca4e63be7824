"""Training and scoring of a variant on features, beside plain loops that do the same: `python -m bench.training`.

Two thousand generated feature files of 30 to 120 rows of 128 numbers. The naive loop: a `Dataset` that reads a file
with `np.load` and resamples it row by row, a `DataLoader` for each class, and the same steps. Ours: the part made
once, as room train makes it (that counts), then its batches. The steps alone are the limit: no way of bringing the
batches can save more than the loop spends on that, so the bar on the ratio is on the batches, and training has one on
its share.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from bench import table
from bench.table import Row, at_least
from vad.artefacts.features import FeatureFile, write_features
from vad.cost.turns import cpu_seconds
from vad.engine.batches import Bags, Windows, set_for
from vad.engine.build import build
from vad.engine.parts import part_of
from vad.engine.score import score_video
from vad.models._base import VideoModel
from vad.schema.infer import Infer

BATCHES_BAR, SHARE_BAR, SCORING_BAR = 5.0, 0.9, 3.0
VIDEOS, WIDTH, EPOCHS, BATCH = 2000, 128, 10, 30
MODELS = {"deepmil": "DeepMIL", "mstsm": "MSTSM"}
SCORED_ROWS = 18_000
"""Rows of the video that is scored: every third frame of half an hour."""


class Files(NamedTuple):
    """Generated feature files and their labels."""

    paths: list[Path]
    labels: list[int]


def generated(folder: Path, count: int = VIDEOS) -> Files:
    """Feature files of as many videos, every other one anomalous."""
    generator = np.random.default_rng(0)
    paths = [folder / f"{index}.npz" for index in range(count)]
    for path in paths:
        rows = generator.normal(size=(int(generator.integers(30, 120)), WIDTH)).astype(np.float32)
        write_features(path, FeatureFile(rows, np.arange(len(rows) + 1, dtype=np.int64) * 16, {}))
    return Files(paths, [index % 2 for index in range(count)])


class ReadBags(Dataset):
    """Files of one class, each read when it is needed and resampled as published loops do it."""

    def __init__(self, files: Files, label: int, segments: int) -> None:
        self.paths = [path for path, own in zip(files.paths, files.labels, strict=True) if own == label]
        self.segments = segments

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Float[Tensor, "segments dim"]:
        """One bag."""
        rows = np.load(self.paths[index])["features"]
        edges = np.linspace(0, len(rows), self.segments + 1, dtype=int)
        parts = [rows[a:b].mean(0) if a < b else rows[a] for a, b in pairwise(edges)]
        return torch.from_numpy(np.stack(parts))


def naive_batches(model: VideoModel, files: Files, epochs: int) -> Iterator[Bags]:
    """The batches of the plain loop."""
    loaders = [
        DataLoader(ReadBags(files, label, model.bag_segments), BATCH, shuffle=True, drop_last=True) for label in (0, 1)
    ]
    labels = torch.cat([torch.zeros(BATCH), torch.ones(BATCH)])
    for _ in range(epochs):
        for normal, anomalous in zip(*loaders, strict=True):
            yield Bags(torch.cat([normal, anomalous]), labels, None)


def our_batches(model: VideoModel, files: Files, epochs: int) -> Iterator[Bags | Windows]:
    """As many batches of the project, from the same files."""
    data = set_for(model, part_of(model, "fit", files.paths, files.labels))
    for epoch in range(epochs):
        yield from data.draw(BATCH, steps_of(files), torch.Generator().manual_seed(epoch))


def steps_of(files: Files) -> int:
    """Steps of one epoch."""
    return len(files.paths) // 2 // BATCH


def train(model: VideoModel, batches: Iterator[Bags | Windows]) -> None:
    """A step for each batch."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    for batch in batches:
        optimiser.zero_grad()
        torch.stack(list(model.loss(batch).values())).sum().backward()
        optimiser.step()


def rows(repeats: int = 3) -> list[Row]:
    """Rows of the batches alone, of training with them, and of scoring."""
    with tempfile.TemporaryDirectory() as folder:
        files = generated(Path(folder))
        model = build("deepmil", {}, WIDTH)
        spent = cpu_seconds(
            {
                "naive": lambda: list(naive_batches(model, files, 1)),
                "ours": lambda: list(our_batches(model, files, EPOCHS)),
            },
            repeats,
        )
        naive = EPOCHS * spent["naive"]
        ratio = naive / spent["ours"]
        ours = f"{spent['ours']:.2f} s"
        what = f"batches of {VIDEOS:,} feature files, {EPOCHS} epochs"
        bars = [at_least("ours / naive", ratio, BATCHES_BAR)]
        batches = Row(what, f"{naive:.1f} s", ours, ratio=ratio, bars=bars)
        trained = [_training(name, title, files, naive, spent["ours"]) for name, title in MODELS.items()]
        return [batches, *trained, _scoring(repeats)]


def _training(name: str, title: str, files: Files, naive: float, ours: float) -> Row:
    """Batches and steps together: the steps are the same, so they are timed once, for one epoch."""
    model = build(name, {}, WIDTH)
    batches = list(our_batches(model, files, 1))
    steps = EPOCHS * cpu_seconds({"steps": lambda: train(model, iter(batches))}, 1)["steps"]
    share = steps / (steps + ours)
    return Row(
        f"training {title} on them, the same steps",
        f"{naive + steps:.1f} s",
        f"{ours + steps:.1f} s",
        f"{steps:.1f} s",
        (naive + steps) / (ours + steps),
        share,
        [at_least("share of the limit", share, SHARE_BAR)],
    )


def _scoring(repeats: int) -> Row:
    """One long video with a model of windows: one call a window, against the chunks of the project."""
    model = build("lstm_memory_ae", {}, WIDTH).eval()
    features = np.random.default_rng(0).normal(size=(SCORED_ROWS, WIDTH)).astype(np.float32)
    bounds = np.arange(SCORED_ROWS + 1) * 3
    part = SCORED_ROWS // 10

    def plain() -> None:
        """The first tenth of the video, window after window."""
        with torch.no_grad():
            for start in range(0, part - model.window + 1, model.stride):
                model.score(torch.from_numpy(features[start : start + model.window])[None])

    def scored() -> None:
        with torch.inference_mode():
            score_video(model, features, bounds, Infer.model_validate({}))

    ways: dict[str, Callable[[], object]] = {"naive": plain, "ours": scored}
    spent = cpu_seconds(ways, repeats)
    naive = 10 * spent["naive"]
    ratio = naive / spent["ours"]
    what = f"scoring {3 * SCORED_ROWS / 30 / 60:.0f} minutes, windows of lstm_memory_ae (naive: 10 times a tenth)"
    cells = (f"{seconds:.2f} s" for seconds in (naive, spent["ours"]))
    return Row(what, *cells, ratio=ratio, bars=[at_least("ours / naive", ratio, SCORING_BAR)])


if __name__ == "__main__":
    sys.exit(table.main(rows))
