"""The frames of a video in batches, as tensors on the device where they were decoded."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from vad.video.decode import Reader


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
