"""Frames as they are, made small: one uint8 RGB image a row, for models that rebuild or predict pixels.

Paper: none; MNAD and FramePred read frames of 256 x 256 pixels.
Borrowed: nothing.
Differs: colours are kept as RGB (the models turn them round); by default the decoder's anti-aliased resize, with
`resize: opencv` the published one.
A row takes 3 x size x size bytes: 196,608 at 256 x 256, so an hour at 25 fps takes 17.7 GB, and a file is as
large as its rows.
"""

from typing import Any

import numpy as np
from pydantic import Field

from vad.artefacts.features import FeatureFile
from vad.extractors._base import BaseExtractor, RowStream, Source
from vad.schema.base import Count
from vad.video.batches import batches
from vad.video.decode import Rules, frames_identity

BATCH = 16
"""Frames that are held besides the rows made so far."""


class Config(Rules):
    """Settings of the extractor, with what the decoder accepts (policy, max_corrupt_frac, ...)."""

    size: int = Field(default=256, ge=16, multiple_of=8, description="frames are squashed to size x size pixels")
    frame_stride: Count = Field(
        default=1, description="every how many frames one is used; a row stands for those up to the next one"
    )


class Extractor(BaseExtractor):
    """Videos to rows of pixels; no network, so nothing is loaded."""

    config: Config
    dim = 3

    def extract(self, source: Source) -> FeatureFile:
        """The frames of one video (a file or a folder of numbered images) as uint8 [rows, 3, size, size].

        Row i is frame i x frame_stride.

        Memory: the rows themselves, an eighth more while they grow, and one batch of frames.

        Raises: MediaError for a video that cannot be read completely.
        """
        stream, size = self.stream(source), self.config.size
        rows = bytearray()  # grows in place: a list of batches would need everything twice when it is joined
        for batch in stream.rows:
            rows += batch.data.cast("B")
        images = np.frombuffer(rows, np.uint8).reshape(-1, self.dim, size, size)
        return FeatureFile(images, stream.bounds(len(images)), stream.report(source.video))

    def stream(self, source: Source) -> RowStream:
        """The same rows, at most 16 at a time."""
        size, stride = self.config.size, self.config.frame_stride
        reader = source.open(size, size, self.config)
        rows = (batch.permute(0, 3, 1, 2).contiguous().cpu().numpy() for batch in batches(reader, BATCH, stride))
        return RowStream(rows, stride, reader, self.identity())

    def identity(self) -> dict[str, Any]:
        """What two feature files must share to be compared, besides the decoder's versions."""
        size = self.config.size
        pixels = frames_identity(self.config, f"squashed to {size}x{size}")
        return {"name": "frames", **pixels, "frame_stride": self.config.frame_stride, "layout": "channels first, uint8"}
