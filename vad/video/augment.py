"""Change the pictures of a copy of a video by the values that were drawn for it, for training only.

Order: crop, mirror, brightness, contrast, saturation, hue. The crop is cut out of the decoded picture after the reader
has resized it to the network's size, and resized back to that size (bilinear).

DALI takes these steps in its own pipeline (`vad.video.dali_augment`), but for the hue.

Paper: MemTSM-Net report, feature extraction: changes of brightness, contrast, saturation and hue, and a crop.
Borrowed: the operations are torchvision's (`torchvision.transforms.v2`, BSD-3-Clause).
Differs: the report states neither ranges nor order, nor whether frames are changed one by one. Here all frames of a
copy are changed alike, because a change from frame to frame would look like motion, and the order is fixed
(torchvision's ColorJitter draws it).
"""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from vad.nn.exact import one_exact_thread
from vad.video.batches import batches
from vad.video.decode import OuterReader, Reader
from vad.video.draws import Draws

TOGETHER = 64
"""Frames that are changed together: bounds memory, which their colours need as floating-point numbers."""


def augment(draws: Draws, frames: UInt8[Tensor, "frames height width 3"]) -> UInt8[Tensor, "frames height width 3"]:
    """RGB frames changed by the values of a copy, on the device where they lie.

    Equal frames in equal numbers give equal bytes, whatever the number of CPU threads.
    """
    with one_exact_thread():
        parts = [_changed(draws, part.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) for part in frames.split(TOGETHER)]
    return torch.cat(parts).contiguous()


def _changed(draws: Draws, pictures: UInt8[Tensor, "frames 3 height width"]) -> UInt8[Tensor, "frames 3 height width"]:
    """The steps in their order; a step that changes nothing is left out."""
    height, width = pictures.shape[-2:]
    if (box := draws.box(height, width)) != (0, 0, height, width):
        pictures = F.resized_crop(pictures, *box, size=[height, width], antialias=False)
    if draws.flip:
        pictures = F.horizontal_flip(pictures)
    if draws.brightness != 1:
        pictures = F.adjust_brightness(pictures, draws.brightness)
    if draws.contrast != 1:
        pictures = F.adjust_contrast(pictures, draws.contrast)
    if draws.saturation != 1:
        pictures = F.adjust_saturation(pictures, draws.saturation)
    return F.adjust_hue(pictures, draws.hue) if draws.hue else pictures


@runtime_checkable
class ChangingReader(Reader, Protocol):
    """A reader whose decoder changes frames itself."""

    def change(self, draws: Draws) -> None:
        """From now on give frames that are changed by the values of a copy; before the first frame is asked for."""
        ...


def augmented(reader: Reader, draws: Draws) -> Reader:
    """A reader of the same video whose frames are changed by the values of a copy, in its decoder if that can do it."""
    if isinstance(reader, ChangingReader):
        reader.change(draws)
        return reader
    return AugmentedReader(reader, draws)


class AugmentedReader(OuterReader):
    """The frames of another reader, changed by the values of a copy.

    Args:
        reader: gives the frames.
        draws: how they are changed.
    """

    def __init__(self, reader: Reader, draws: Draws) -> None:
        super().__init__(reader)
        self._draws = draws

    def frames(self, stride: int = 1) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """See `Reader.frames`."""
        for frame in self._reader.frames(stride):
            yield augment(self._draws, torch.from_numpy(np.ascontiguousarray(frame))[None])[0].numpy()

    def batches(self, size: int, stride: int = 1) -> Iterator[UInt8[Tensor, "frames height width 3"]]:
        """See `BatchReader.batches`."""
        for batch in batches(self._reader, size, stride):
            yield augment(self._draws, batch)
