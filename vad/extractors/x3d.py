"""X3D maps: clips of 80 frames, 16 of them through the network without its last block, as STEAD takes them.

Paper: Feichtenhofer, "X3D: Expanding Architectures for Efficient Video Recognition", CVPR 2020; clips and maximum
over clips are STEAD's. Borrowed: weights of pytorchvideo's model zoo (Apache-2.0).
Differs: clips are counted in frames (80 are 2.667 s at 30 fps). A last clip that is shorter is left out of the maximum
over clips, as released (`last_clip: drop`), where the video has a whole clip; where each clip is a row of its own it is
kept, because its frames need a row.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from pydantic import Field, model_validator
from torch import Tensor, nn

from vad.extractors._base import Source
from vad.extractors._network_run import Cut, NetworkExtractor, highest
from vad.extractors._network_weights import Published, Weighted, Weights
from vad.networks.x3d import CHANNELS, X3D
from vad.schema.base import Count
from vad.video.decode import Reader, frames_identity

ZOO = "https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics"
MEAN, STD = 0.45, 0.225


class Config(Weighted):
    """Settings of the extractor, with what the decoder accepts (policy, max_corrupt_frac, ...)."""

    weights: str = Field(
        default="kinetics",
        min_length=1,
        description="kinetics = the file of pytorchvideo's model zoo (set weights_sha256: its makers state none);"
        " random; or the path of such a file",
    )
    network: Literal["xs", "s", "m", "l"] = Field(default="l", description="which X3D")
    short_side: int = Field(default=320, ge=32, description="frames are scaled until their short side has these pixels")
    size: int = Field(default=320, ge=32, description="then size x size pixels are cut out of the centre")
    segment_frames: Count = Field(default=80, description="frames of the video per clip; 80 = 2.667 s at 30 fps")
    sampled_frames: Count = Field(default=16, description="frames of a clip that are used, evenly spread")
    pool: Literal["none", "video"] = Field(
        default="none", description="none = a row per clip; video = one row, the element-wise maximum over clips"
    )

    last_clip: Literal["drop", "keep"] | None = Field(
        default=None,
        description="a last clip with fewer frames than segment_frames: drop = it has no part in the maximum"
        " (released); keep = its frames are spread over sampled_frames; null = drop with pool: video, else keep",
    )

    def published(self) -> Mapping[str, Published]:
        """The file behind `kinetics`."""
        return {"kinetics": Published(f"{ZOO}/X3D_{self.network.upper()}.pyth", None)}

    @property
    def drops_last(self) -> bool:
        """Whether a clip that is not whole is left out."""
        return self.pool == "video" if self.last_clip is None else self.last_clip == "drop"

    @model_validator(mode="after")
    def _rows_cover_the_video(self) -> "Config":
        if self.last_clip == "drop" and self.pool == "none":
            raise ValueError("last_clip: drop needs pool: video, where the frames of the last clip have a row")
        return self

    @model_validator(mode="after")
    def _the_crop_fits(self) -> "Config":
        if self.size > self.short_side:
            raise ValueError(f"size {self.size} cannot be cut out of short_side {self.short_side}")
        return self


class ClipNetwork(nn.Module):
    """RGB frames of some clips to their maps."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(
        self, clips: UInt8[Tensor, "clips frames height width 3"]
    ) -> Float[Tensor, "clips 192 frames rows columns"]:
        """Values from 0 to 1, less .45, by .225."""
        return self.body(((clips.float() / 255 - MEAN) / STD).permute(0, 4, 1, 2, 3))


class Extractor(NetworkExtractor):
    """Videos to maps: [clips, 192, sampled_frames, rows, columns], or one of them for `pool: video`."""

    config: Config
    dim = CHANNELS

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.cut = Cut(config.segment_frames, whole=config.drops_last)
        self._weights = Weights("x3d", config)

    def open(self, source: Source) -> Reader:
        """The centre of frames that are scaled by their short side."""
        config = self.config
        return source.open(config.size, config.size, config, config.short_side)

    def build(self) -> nn.Module:
        """The network without its last block."""
        return ClipNetwork(self._weights.network(lambda: X3D(self.config.network), unused=("blocks.5.",)))

    def fill(self, frames: UInt8[Tensor, "some height width 3"]) -> UInt8[Tensor, "sampled height width 3"]:
        """The frames of a clip that are used."""
        return frames[sampled(len(frames), self.config.sampled_frames)]

    def join(self, rows: Iterator[Float[np.ndarray, "clips ..."]]) -> Float[np.ndarray, "rows ..."]:
        """All clips, or their maximum."""
        return highest(rows) if self.config.pool == "video" else super().join(rows)

    def identity(self) -> dict[str, Any]:
        """What two feature files must share to be compared, besides the decoder's versions."""
        config = self.config
        return {
            "name": "x3d",
            "network": config.network,
            **self._weights.identity(),
            "torch": torch.__version__,
            "precision": config.precision,
            **frames_identity(config, f"short side {config.short_side}, centre {config.size}x{config.size}"),
            "normalisation": f"mean {MEAN}, std {STD}",
            "segment_frames": config.segment_frames,
            "sampled_frames": config.sampled_frames,
            "tail": "left out" if config.drops_last else "sampled from what is left",
            "pooling": {"none": "none", "video": "max over clips"}[config.pool],
        }


def sampled(have: int, want: int) -> list[int]:
    """Indices of `want` frames, evenly spread from the first to the last of `have`; some twice if there are fewer."""
    return [index * (have - 1) // max(want - 1, 1) for index in range(want)]
