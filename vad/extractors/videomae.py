"""VideoMAE V2 features: 16 consecutive frames to the mean of a vision transformer's tokens, normalised.

Paper: Wang et al., "VideoMAE V2: Scaling Video Masked Autoencoders with Dual Masking", CVPR 2023. Borrowed: names of
the authors' weights (code under MIT); the giant one's are given on request, those of its small pupils are public.
Differs: every video is cut into segments of 16 frames, the last one filled up, where the authors leave out what is left
over. Like their script for features, values from 0 to 1 are not normalised by default, though the network was trained
on normalised ones. How published features for anomaly detection were made is not known.
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from jaxtyping import Float, UInt8
from pydantic import Field, model_validator
from torch import Tensor, nn

from vad.extractors._base import Source
from vad.extractors._network_run import Cut, NetworkExtractor
from vad.extractors._network_weights import Published, Weighted, Weights
from vad.networks.videomae import Shape, VisionTransformer
from vad.schema.base import Count
from vad.video.decode import Reader, frames_identity

PUPILS = "https://huggingface.co/OpenGVLab/VideoMAE2/resolve/main/distill"
SEGMENT = 16
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PRESETS = {
    "b": {"width": 768, "depth": 12, "heads": 12, "mlp": 3072, "patch": 16},
    "s": {"width": 384, "depth": 12, "heads": 6, "mlp": 1536, "patch": 16},
}
"""What a preset sets where the user does not; `g` is the fields' own defaults."""


class Config(Weighted):
    """Settings of the extractor, with what the decoder accepts. `preset` fills in what is not given."""

    weights: str = Field(
        min_length=1,
        description="path of the authors' weights; kinetics = their own file, for presets b and s (set weights_sha256:"
        " its makers state none); random",
    )
    preset: Literal["g", "b", "s"] = Field(default="g", description="published size: giant, base, small")
    width: int = Field(default=1408, ge=2, multiple_of=2, description="numbers of a token, and of a row")
    depth: Count = Field(default=40, description="blocks")
    heads: Count = Field(default=16, description="attention heads")
    mlp: Count = Field(default=6144, description="inner width of the linear layers")
    patch: Count = Field(default=14, description="side of a token in pixels")
    size: Count = Field(default=224, description="frames are squashed to size x size pixels, a multiple of patch")
    normalise: Literal["none", "imagenet"] = Field(
        default="none", description="none = values from 0 to 1, as the authors' script; imagenet = as in training"
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, given: Any) -> Any:  # noqa: ANN401 - what pydantic hands over, checked behind
        """Defaults of the preset under the keys that are given."""
        preset = PRESETS.get(str(given.get("preset")), {}) if isinstance(given, dict) else {}
        return {**preset, **given} if preset else given

    @model_validator(mode="after")
    def _sizes_fit(self) -> "Config":
        if self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of heads ({self.heads})")
        if self.size % self.patch:
            raise ValueError(f"size {self.size} must be a multiple of patch ({self.patch})")
        return self

    def published(self) -> Mapping[str, Published]:
        """The file behind `kinetics`."""
        name = f"vit_{self.preset}_k710_dl_from_giant.pth"
        return {} if self.preset == "g" else {"kinetics": Published(f"{PUPILS}/{name}", None)}

    @property
    def shape(self) -> Shape:
        """Sizes of the network."""
        return Shape(self.width, self.depth, self.heads, self.mlp, self.patch)


class SegmentNetwork(nn.Module):
    """RGB frames of some segments to their vectors.

    Args:
        body: the transformer.
        normalise: none or imagenet.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, body: nn.Module, normalise: str) -> None:
        super().__init__()
        self.body = body
        mean, std = (MEAN, STD) if normalise == "imagenet" else ((0.0,) * 3, (1.0,) * 3)
        self.register_buffer("mean", torch.tensor(mean), persistent=False)
        self.register_buffer("std", torch.tensor(std), persistent=False)

    def forward(self, segments: UInt8[Tensor, "segments frames height width 3"]) -> Float[Tensor, "segments dim"]:
        """Values from 0 to 1, less the mean, by the spread, through the network."""
        return self.body(((segments.float() / 255 - self.mean) / self.std).permute(0, 4, 1, 2, 3))


class Extractor(NetworkExtractor):
    """Videos to vectors: [segments, width]."""

    config: Config
    cut = Cut(SEGMENT)

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.dim = config.width
        self._weights = Weights("videomae", config, "The names of the authors' fine-tuned and distilled files fit.")

    def open(self, source: Source) -> Reader:
        """Frames squashed to size x size."""
        return source.open(self.config.size, self.config.size, self.config)

    def build(self) -> nn.Module:
        """The transformer without its classifier."""
        config = self.config
        body = self._weights.network(lambda: VisionTransformer(config.shape, SEGMENT, config.size), unused=("head.",))
        return SegmentNetwork(body, config.normalise)

    def identity(self) -> dict[str, Any]:
        """What two feature files must share to be compared, besides the decoder's versions."""
        config = self.config
        return {
            "name": "videomae",
            "network": dict(config.shape._asdict()),
            **self._weights.identity(),
            "torch": torch.__version__,
            "precision": config.precision,
            **frames_identity(config, f"squashed to {config.size}x{config.size}"),
            "normalisation": config.normalise,
            "segment_frames": SEGMENT,
            "pooling": "mean over tokens, layer norm",
            "tail": "repeat the last frame",
        }
