"""The data of a part as bags (weak supervision) or windows (normal-only), and how batches are drawn from it.

A set holds one part of the data in the form that a model takes (`Model.sampling`) and offers:
`steps(batch)`, the number of optimiser steps of one pass; `draw(batch, steps, generator)`, the batches of a training
epoch; `sweep(batch)`, the batches of a validation pass, always the same.
The order depends on the given generator only, so a resumed run draws the same batches.

Where the videos of a part have copies (features of the same videos with changed pictures), `draw` takes each sample (a
bag or a window) in one version for the epoch: as it is or one of the copies, all with equal probability. Everything
else (`sample`, `sweep`, scores) uses the samples as they are.
"""

from collections.abc import Iterator
from dataclasses import replace
from math import ceil, prod

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from vad.artefacts.clips import BagClips
from vad.engine.expansion import window_starts
from vad.engine.parts import Part, StoredRows, bags_of, crops_of, rows_of, validates_own_rows
from vad.errors import DatasetError, FeatureError
from vad.models._base import Bags, Pool, VideoModel, Windows

SAMPLE = 4096
"""Windows from which constants are taken; bounds memory."""
SAMPLE_BYTES = 2**28
"""The same bound for large windows, such as those of images."""


def seed_for(*numbers: int) -> int:
    """One seed from several numbers (seed, epoch, step); neighbouring numbers give unrelated seeds."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def _stream(items: Int[Tensor, " items"], count: int, generator: torch.Generator) -> Int[Tensor, " count"]:
    """`count` items, in a new random order on each pass over them."""
    passes = [items[torch.randperm(len(items), generator=generator)] for _ in range(ceil(count / len(items)))]
    return torch.cat(passes)[:count]


def versions_for(samples: int, copies: int, generator: torch.Generator) -> Int[Tensor, " samples"] | None:
    """For each sample of a set which version an epoch uses, 0 = as it is; None where there are no copies.

    The draw has a generator of its own, seeded by that of the order: the order is the same with and without copies.
    """
    if not copies:
        return None
    own = torch.Generator().manual_seed(seed_for(generator.initial_seed(), copies))
    return torch.randint(copies + 1, (samples,), generator=own)


class BagSet:
    """All videos of a part as bags of one length, one for each crop.

    Training draws crop by crop, or with `crops_together` videos with all their crops.
    """

    def __init__(
        self,
        part: Part,
        bag_segments: int,
        pool: Pool = "mean",
        keep_rows: bool = False,
        crops_together: bool = False,
    ) -> None:
        """Take the bags of a part, or resample each video (see `vad.engine.expansion.resample`).

        `rows` holds the bags as they are, each of its own length, where `keep_rows` asks for them.

        Raises: FeatureError for `crops_together` with videos of different numbers of crops.
        """
        self.features = torch.from_numpy(bags_of(part, bag_segments, pool))
        crops = [crops_of(features) for features in part.features]
        self.rows: list[Tensor | StoredRows] = [rows_of(crop) for own in crops for crop in own] if keep_rows else []
        self.video = torch.repeat_interleave(torch.tensor([len(own) for own in crops], dtype=torch.long))
        self.identity = part.identity
        self.labels = torch.tensor(part.labels, dtype=torch.float32)[self.video]
        self.n_videos = len(part.labels)
        lengths = part.lengths or [len(features) for features in part.features]
        self.lengths = torch.tensor(lengths, dtype=torch.long)[self.video]
        """Frames of the video of each bag, or its rows where its frames are not known."""
        self.clips = part.clips
        self.copies = [BagSet(copy, bag_segments, pool) for copy in part.copies]
        counts = {len(own) for own in crops} if crops_together else {1}
        if len(counts) > 1:
            raise FeatureError(
                f"videos of {' and '.join(map(str, sorted(counts)))} crops: a model that takes all crops of a video"
                " together needs as many of each. Make the features of all videos alike."
            )
        self.crops = counts.pop() if counts else 1
        """Bags that are drawn together."""

    def sample(self) -> Float[Tensor, "bags segments dim *space"]:
        """All bags: those from which a model may take constants."""
        return self.features

    def _classes(self) -> list[Tensor]:
        """Indices of the normal and of the anomalous samples (bags, or videos with `crops`); both must be there."""
        labels = self.labels[:: self.crops]
        classes = [torch.nonzero(labels == label).flatten() for label in (0, 1)]
        if not all(map(len, classes)):
            raise DatasetError(
                "weak supervision needs normal and anomalous videos in each part, this part has"
                f" {len(classes[0])} normal and {len(classes[1])} anomalous: change the split or the validation"
                " fraction."
            )
        return classes

    def take(self, index: Int[Tensor, " bags"]) -> Bags:
        """The bags of the given indices."""
        clips = None if self.clips is None else BagClips([self.clips[video] for video in self.video[index].tolist()])
        return Bags(self.features[index], self.labels[index], clips)

    def _batch(self, samples: Int[Tensor, " samples"], versions: Int[Tensor, " all_samples"] | None = None) -> Bags:
        """The bags of some samples, each sample in its version."""
        index = (samples[:, None] * self.crops + torch.arange(self.crops)).flatten()
        if versions is None:
            return replace(self.take(index), crops=self.crops)
        chosen = versions[samples].repeat_interleave(self.crops)
        sets = [(self, *self.copies)[version] for version in chosen.tolist()]
        features = torch.stack([own.features[bag] for own, bag in zip(sets, index.tolist(), strict=True)])
        videos = zip(sets, self.video[index].tolist(), strict=True)
        clips = None if self.clips is None else BagClips([own.clips[video] for own, video in videos if own.clips])
        return Bags(features, self.labels[index], clips, self.crops)

    def whole(self, index: Int[Tensor, " bags"]) -> Bags:
        """The bags of the given indices as inference scores them: where rows are kept, one video with its own rows."""
        bags = self.take(index)
        return replace(bags, features=self.rows[index[0]][:][None]) if self.rows else bags

    def steps(self, batch: int) -> int:
        """Optimiser steps of one pass over the larger class, with `batch` samples of each class per step."""
        return ceil(max(map(len, self._classes())) / batch)

    def draw(self, batch: int, steps: int, generator: torch.Generator, *, by_length: bool = False) -> Iterator[Bags]:
        """`steps` batches of `batch` normal and `batch` anomalous samples; the smaller class is repeated.

        Args:
            batch: samples of each class in a batch.
            steps: batches.
            generator: decides which samples are drawn, and their order.
            by_length: the same samples, in each class from short videos to long ones.
        """
        versions = versions_for(len(self.labels) // self.crops, len(self.copies), generator)
        streams = [_stream(items, steps * batch, generator) for items in self._classes()]
        if by_length:
            lengths = self.lengths[:: self.crops]
            streams = [stream[lengths[stream].argsort(stable=True)] for stream in streams]
        for chosen in zip(*(stream.split(batch) for stream in streams), strict=True):
            yield self._batch(torch.cat(chosen), versions)

    def sweep(self, batch: int) -> Iterator[Bags]:
        """Each sample once, in batches of about `batch` samples a class with both classes in each."""
        classes = self._classes()
        parts = min(self.steps(batch), *map(len, classes))
        for chosen in zip(*(items.tensor_split(parts) for items in classes), strict=True):
            yield self._batch(torch.cat(chosen))


class WindowSet:
    """Windows of a part's videos. Training and validation loss use only those of normal videos.

    The rows are kept once and as they were given (images as bytes, or in their files); windows are cut out of them
    when a batch is made.
    """

    held = torch.device("cpu")
    """Where windows are wanted: `vad.engine.placement.hold` changes it."""

    def __init__(self, part: Part, window: int, stride: int) -> None:
        """Find all windows of all videos; one shorter than a window is padded by repeating its last row."""
        self.rows: list[Tensor | StoredRows] = []
        places: list[np.ndarray] = []
        for index, features in enumerate(part.features):
            for number, crop in enumerate(crops_of(features)):
                first = window_starts(len(crop), window, stride)
                ids = [np.full_like(first, value) for value in (len(self.rows), index, number)]
                places.append(np.stack([first, *ids]))
                self.rows.append(rows_of(crop))
        found = np.concatenate(places, axis=1) if places else np.zeros((4, 0), np.int64)
        self.starts, self.source, self.video, self.crop = torch.from_numpy(found)
        self.labels = torch.tensor(part.labels, dtype=torch.float32)[self.video]
        self.n_videos = len(part.labels)
        self.identity = part.identity
        self.window = window
        self.copies = [WindowSet(copy, window, stride) for copy in part.copies]

    def sample(self) -> Shaped[Tensor, "windows rows *dims"]:
        """Normal windows, at most SAMPLE, evenly chosen: those from which a model may take constants."""
        normals = self._normals()
        first = self.rows[0]
        most = min(SAMPLE, max(SAMPLE_BYTES // (first.nbytes // len(first) * self.window), 1))
        return self.take(normals[:: ceil(len(normals) / most)])

    def _normals(self) -> Tensor:
        normals = torch.nonzero(self.labels == 0).flatten()
        if not len(normals):
            raise DatasetError("normal-only training needs normal videos, this part has none: change the split.")
        return normals

    def take(self, index: Int[Tensor, " windows"]) -> Shaped[Tensor, "windows rows *dims"]:
        """The windows of the given indices."""
        places = zip(self.source[index].tolist(), self.starts[index].tolist(), strict=True)
        return torch.stack([self._cut(source, start) for source, start in places])

    def _cut(self, source: int, start: int) -> Shaped[Tensor, "rows *dims"]:
        """One window; the last row of a video that is too short for it is repeated."""
        rows = self.rows[source][start : start + self.window]
        if missing := self.window - len(rows):
            rows = torch.cat([rows, rows[-1:].expand(missing, *rows.shape[1:])])
        return rows.to(self.held)

    @property
    def values(self) -> int:
        """Numbers in one window."""
        return prod(self.rows[0].shape[1:]) * self.window

    def drawn(self) -> set[int]:
        """The items of `rows` from which training may draw windows: those of normal videos."""
        return set(self.source[self.labels == 0].tolist())

    def _take_versions(
        self, index: Int[Tensor, " windows"], versions: Int[Tensor, " all_windows"]
    ) -> Shaped[Tensor, "windows rows *dims"]:
        """The windows of the given indices, each in its version."""
        sets = [(self, *self.copies)[version] for version in versions[index].tolist()]
        return torch.cat([own.take(window) for own, window in zip(sets, index.split(1), strict=True)])

    def steps(self, batch: int) -> int:
        """Optimiser steps of one pass over the windows of normal videos."""
        return ceil(len(self._normals()) / batch)

    def draw(self, batch: int, steps: int, generator: torch.Generator) -> Iterator[Windows]:
        """`steps` batches of `batch` windows of normal videos; the last of a pass may be smaller."""
        normals = self._normals()
        versions = versions_for(len(self.starts), len(self.copies), generator)
        passes = max(ceil(steps / self.steps(batch)), 1)
        chunks = [chunk for _ in range(passes) for chunk in _stream(normals, len(normals), generator).split(batch)]
        for chunk in chunks[:steps]:
            yield Windows(self.take(chunk) if versions is None else self._take_versions(chunk, versions))

    def sweep(self, batch: int) -> Iterator[Windows]:
        """Each window of a normal video once."""
        for chunk in self._normals().split(batch):
            yield Windows(self.take(chunk))


def set_for(model: VideoModel, part: Part) -> BagSet | WindowSet:
    """A part of the data in the form that a model takes, by its `sampling`."""
    if model.sampling == "bags":
        return BagSet(part, model.bag_segments, model.bag_pool, validates_own_rows(model), model.crops_together)
    return WindowSet(part, model.window, model.stride)
