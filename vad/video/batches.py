"""The frames of a video in batches, as tensors on the device where they were decoded."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from vad.video.decode import OuterReader, Reader


@runtime_checkable
class BatchReader(Reader, Protocol):
    """A reader whose decoder gives several frames at once, maybe on a GPU."""

    def batches(self, size: int, stride: int = 1) -> Iterator[UInt8[Tensor, "frames height width 3"]]:
        """Frames 0, stride, 2 stride, ... in batches of `size`; the last one may be shorter. See `Reader.frames`."""
        ...


def batches(reader: Reader, size: int = 16, stride: int = 1) -> Iterator[UInt8[Tensor, "frames height width 3"]]:
    """The RGB frames of a reader in batches of `size`; the last one may be shorter.

    They lie where the decoder put them: on the GPU for one that decodes there, else in the memory of the CPU.

    Raises: MediaError, as `Reader.frames`.
    """
    if isinstance(reader, BatchReader):
        yield from reader.batches(size, stride)
        return
    batch: list[np.ndarray] = []
    for frame in reader.frames(stride):
        batch.append(frame)
        if len(batch) == size:
            yield torch.from_numpy(np.stack(batch))
            batch = []
    if batch:
        yield torch.from_numpy(np.stack(batch))


class SampledReader(OuterReader):
    """A reader that passes on every so many frames of another one, as if the video had only these.

    Args:
        reader: the other one.
        every: every how many frames one is passed on, >= 1.
        watch: called with the number of frames that were just passed on.
    """

    def __init__(self, reader: Reader, every: int, watch: Callable[[int], None] | None = None) -> None:
        super().__init__(reader)
        self._every, self._watch = every, watch

    @property
    def report(self) -> dict[str, Any]:
        """The decode report of the other reader; where frames are left out, with the number of those that are used."""
        report = super().report
        if self._every == 1 or "frames_decoded" not in report:
            return report
        return {**report, "frames_decoded": self.n_frames, "every": self._every}

    @property
    def n_frames(self) -> int:
        """Frames so far, without those that are left out."""
        return -(-super().n_frames // self._every)

    def frames(self, stride: int = 1) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """See `Reader.frames`; the stride counts frames that are passed on."""
        for frame in self._reader.frames(stride * self._every):
            self._passed(stride)
            yield frame

    def batches(self, size: int, stride: int = 1) -> Iterator[UInt8[Tensor, "frames height width 3"]]:
        """See `BatchReader.batches`; the stride counts frames that are passed on."""
        for batch in batches(self._reader, size, stride * self._every):
            self._passed(len(batch) * stride)
            yield batch

    def _passed(self, frames: int) -> None:
        if self._watch:
            self._watch(frames)
