"""FramePred: a U-Net predicts the next frame from four, against a discriminator; a badly predicted frame is anomalous.

Paper: Liu et al., "Future Frame Prediction for Anomaly Detection - A New Baseline", CVPR 2018.
Borrowed: nothing; written from a description of the published network's behaviour.
Differs: no flow term (its frozen FlowNet-SD has no weights here), and the row says so; initial weights are
PyTorch's; frames come as RGB and are turned to BGR here; the epoch is not chosen on the test list; the discriminator
steps on the batch of the generator, not on one of its own; a pass takes each window once in random order, where the
release goes round the videos and draws the start of a window in each, so that frames of short videos come more often.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional

from vad.models._base import Pictures, Scores, VideoModel, Windows
from vad.nn.pictures import error_maps, peak_error, shown_rgb, signed_bgr
from vad.schema.base import Count, Fraction, NotNegative, Section

SLOPE = 0.2
"""Of the discriminator's leaky ReLU."""


class Config(Section):
    """Settings of FramePred; the defaults are the published ones of Ped2, but for the flow term."""

    window: int = Field(5, ge=2, description="frames of a window, the predicted one included")
    stride: Count = Field(1, description="frames between the starts of neighbouring windows")
    width: Count = Field(64, description="channels of the first level; the others have 2, 4, 8 x")
    intensity_weight: NotNegative = Field(1.0, description="weight of the mean squared error")
    gradient_weight: NotNegative = Field(1.0, description="weight of the difference of the pictures' gradients")
    adversarial_weight: NotNegative = Field(0.05, description="weight of the discriminator's verdict")
    flow_weight: NotNegative = Field(
        0.0, description="weight of the optical-flow term; only 0 (no flow): FlowNet-SD's weights are not here"
    )
    adversary_lr_ratio: Fraction = Field(0.1, description="the discriminator's learning rate as a share of train.lr")

    @field_validator("flow_weight")
    @classmethod
    def _no_flow(cls, weight: float) -> float:
        if weight:
            raise ValueError(
                "must be 0: the flow term compares flows of a frozen FlowNet-SD, whose weights are not distributed"
                " with this project. Published: 2"
            )
        return weight


class Output(NamedTuple):
    """The predicted last frame and the true one, -1..1."""

    picture: Float[Tensor, "windows dim height width"]
    target: Float[Tensor, "windows dim height width"]


def _double(inputs: int, outputs: int) -> nn.Sequential:
    first, second = nn.Conv2d(inputs, outputs, 3, padding=1), nn.Conv2d(outputs, outputs, 3, padding=1)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU())


class Generator(nn.Module):
    """A U-Net of four levels without normalisation."""

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        widths = [inputs, width, 2 * width, 4 * width, 8 * width]
        self.downs = nn.ModuleList([_double(a, b) for a, b in pairwise(widths)])
        pairs = [(b, a) for a, b in pairwise(widths[1:])][::-1]
        self.ups = nn.ModuleList([nn.ConvTranspose2d(a, b, 2, stride=2) for a, b in pairs])
        self.joins = nn.ModuleList([_double(2 * b, b) for _, b in pairs])
        self.last = nn.Conv2d(width, outputs, 3, padding=1)

    def forward(
        self, frames: Float[Tensor, "windows channels height width"]
    ) -> Float[Tensor, "windows dim height width"]:
        """The next frame, -1..1; sides are multiples of 8."""
        maps = self.maps(frames)
        picture = maps.pop()
        for up, join in zip(self.ups, self.joins, strict=True):
            picture = join(torch.cat([maps.pop(), functional.relu(up(picture))], dim=1))
        return torch.tanh(self.last(picture))

    def maps(self, frames: Float[Tensor, "windows channels height width"]) -> list[Tensor]:
        """The maps of the four levels, the deepest last."""
        maps = [self.downs[0](frames)]
        for down in list(self.downs)[1:]:
            maps.append(down(functional.max_pool2d(maps[-1], 2)))
        return maps


class Discriminator(nn.Module):
    """Whether patches of a picture are true, 0..1: five convolutions of 4 x 4, three of them with stride 2."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        widths = [inputs, 2 * width, 4 * width, 8 * width, 8 * width, 1]
        strides = (2, 2, 2, 1, 1)
        sizes = zip(pairwise(widths), strides, strict=True)
        self.layers = nn.ModuleList([nn.Conv2d(a, b, 4, stride=stride) for (a, b), stride in sizes])

    def forward(self, pictures: Float[Tensor, "windows dim height width"]) -> Float[Tensor, "windows 1 rows columns"]:
        """One value per patch."""
        *hidden, last = self.layers
        for layer in hidden:
            pictures = functional.leaky_relu(layer(mirrored(pictures)), SLOPE)
        return torch.sigmoid(last(mirrored(pictures)))


def mirrored(maps: Float[Tensor, "windows dim height width"], by: int = 2) -> Tensor:
    """Maps with `by` mirrored rows and columns on each side, the outermost not repeated.

    By slices, because the gradient of the library's own padding is not reproducible on a GPU.
    """
    for axis in (2, 3):
        size = maps.shape[axis]
        before, after = maps.narrow(axis, 1, by), maps.narrow(axis, size - 1 - by, by)
        maps = torch.cat([before.flip(axis), maps, after.flip(axis)], dim=axis)
    return maps


def gradient_difference(
    pictures: Float[Tensor, "windows dim height width"], targets: Float[Tensor, "windows dim height width"]
) -> Float[Tensor, ""]:
    """How much the differences of neighbouring pixels differ in size, >= 0: mean over rows plus mean over columns.

    As released, the picture goes on with zeros: the last row and the last column differ from these.
    """
    terms = [(_steps(pictures, axis) - _steps(targets, axis)).abs().mean() for axis in (2, 3)]
    return torch.stack(terms).sum()


def _steps(pictures: Float[Tensor, "windows dim height width"], axis: int) -> Tensor:
    """Size of the difference of each pixel from the next one along an axis, behind the last one 0."""
    return pictures.diff(dim=axis, append=torch.zeros_like(pictures.narrow(axis, 0, 1))).abs()


class Model(VideoModel):
    """Generator and discriminator; the score of a window is the error of its predicted last frame."""

    supervision = "normal_only"
    sampling = "windows"
    level = "frame"
    reads = "images"
    predicts_last = True
    makes_pictures = True
    scores_places = True

    config: Config
    adversary: Discriminator

    def __init__(self, config: Config, feature_dim: int) -> None:
        """Build both networks."""
        super().__init__()
        self.config = config
        self.generator = Generator(feature_dim * (config.window - 1), feature_dim, config.width)
        self.adversary = Discriminator(feature_dim, config.width)

    @property
    def adversary_lr_ratio(self) -> float:
        """The setting of this name."""
        return self.config.adversary_lr_ratio

    def forward(self, features: Tensor) -> Output:
        """Bytes [windows, window, 3, height, width] (RGB) to the last frame of each window."""
        frames = signed_bgr(features)
        return Output(self.generator(frames[:, :-1].flatten(1, 2)), frames[:, -1])

    def loss(self, batch: Windows) -> dict[str, Tensor]:
        """The generator's terms: intensity, gradient, and how well the discriminator recognises predicted frames."""
        out, config = self(batch.features), self.config
        return {
            "intensity": config.intensity_weight * functional.mse_loss(out.picture, out.target),
            "gradient": config.gradient_weight * gradient_difference(out.picture, out.target),
            "adversarial": config.adversarial_weight * 0.5 * ((self.adversary(out.picture) - 1) ** 2).mean(),
        }

    def adversary_loss(self, batch: Windows) -> dict[str, Tensor]:
        """The discriminator's terms by least squares: 1 for true frames, 0 for predicted ones."""
        with torch.no_grad():
            out = self(batch.features)
        return {
            "true": 0.5 * ((self.adversary(out.target) - 1) ** 2).mean(),
            "predicted": 0.5 * (self.adversary(out.picture) ** 2).mean(),
        }

    def embeddings(self, features: Tensor) -> Float[Tensor, "windows width"]:
        """The generator's deepest map, the mean over the picture."""
        return self.generator.maps(signed_bgr(features)[:, :-1].flatten(1, 2))[-1].mean(dim=(2, 3))

    def score(self, features: Tensor) -> Scores:
        """-PSNR of each window's last frame in dB: at least -100, usually below -15."""
        out = self(features)
        self.note_maps(lambda: error_maps(*out))
        return Scores(peak_error(*out), None)

    def pictures(self, features: Tensor) -> Pictures:
        """The predicted last frame of each window, and the true one."""
        out = self(features)
        return Pictures(shown_rgb(out.picture), shown_rgb(out.target))

    def protocol(self) -> dict[str, str]:
        """The row says that this is not the whole published model."""
        return {"flow": "no flow term"}
