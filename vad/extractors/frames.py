"""Frames as they are, made small: one uint8 RGB image a row, for models that rebuild or predict pixels.

Paper: none; MNAD and FramePred read frames of 256 x 256 pixels.
Borrowed: nothing.
Differs: the decoder's bilinear resize instead of OpenCV's; colours are kept as RGB (the models turn them round).
A row takes 3 x size x size bytes: 196,608 at 256 x 256, so an hour at 25 fps takes 17.7 GB, and a file is as
large as its rows.
"""

from typing import Any

import numpy as np
from pydantic import Field

from vad.artefacts.features import FeatureFile
from vad.artefacts.fingerprint import fingerprint
from vad.extractors._base import BaseExtractor, Source
from vad.video.batches import batches
from vad.video.decode import Rules, frames_identity

BATCH = 16
"""Frames that are held besides the rows made so far."""


class Config(Rules):
    """Settings of the extractor, with what the decoder accepts (policy, max_corrupt_frac, ...)."""

    size: int = Field(default=256, ge=16, multiple_of=8, description="frames are squashed to size x size pixels")


class Extractor(BaseExtractor):
    """Videos to rows of pixels; no network, so nothing is loaded."""

    config: Config
    dim = 3

    def extract(self, source: Source) -> FeatureFile:
        """All frames of one video (a file or a folder of numbered images) as uint8 [frames, 3, size, size].

        Memory: the rows themselves, an eighth more while they grow, and one batch of frames.

        Raises: MediaError for a video that cannot be read completely.
        """
        size = self.config.size
        reader = source.open(size, size, self.config)
        rows = bytearray()  # grows in place: a list of batches would need everything twice when it is joined
        for batch in batches(reader, BATCH):
            rows += batch.permute(0, 3, 1, 2).contiguous().cpu().numpy().data.cast("B")
        images = np.frombuffer(rows, np.uint8).reshape(-1, self.dim, size, size)
        report = {"video_sha256": fingerprint(source.video), "decode": reader.report, "extractor": self.identity()}
        return FeatureFile(images, np.arange(len(images) + 1, dtype=np.int64), report)

    def identity(self) -> dict[str, Any]:
        """What two feature files must share to be compared, besides the decoder's versions."""
        size = self.config.size
        pixels = frames_identity(self.config, f"squashed to {size}x{size}")
        return {"name": "frames", **pixels, "layout": "channels first, uint8"}
