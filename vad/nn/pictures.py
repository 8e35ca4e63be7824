"""Pictures in and out of networks that rebuild or predict them."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

LEAST_ERROR = 1e-10
"""Mean squared error below which a picture counts as equal (100 dB): the logarithm of 0 is no score."""


def signed_bgr(
    windows: UInt8[Tensor, "windows rows dim height width"],
) -> Float[Tensor, "windows rows dim height width"]:
    """Bytes 0..255 (RGB) as numbers -1..1 in the order blue, green, red."""
    return windows.flip(2).float() / 127.5 - 1


def squared_error(
    pictures: Float[Tensor, "windows dim height width"], targets: Float[Tensor, "windows dim height width"]
) -> Float[Tensor, "windows values"]:
    """Squared error of each value of pictures in -1..1, in squares of the unit 0..1 (black to white)."""
    return ((pictures - targets) / 2).flatten(1) ** 2


def peak_error(
    pictures: Float[Tensor, "windows dim height width"], targets: Float[Tensor, "windows dim height width"]
) -> Float[Tensor, " windows"]:
    """The peak signal-to-noise ratio turned round: -PSNR in dB, at least -100; higher = farther from the target."""
    return 10 * torch.log10(squared_error(pictures, targets).mean(dim=1).clamp_min(LEAST_ERROR))


def error_maps(
    pictures: Float[Tensor, "windows dim height width"], targets: Float[Tensor, "windows dim height width"]
) -> Float[Tensor, "windows height width"]:
    """Squared error at each pixel, the mean over its colours, in squares of the unit 0..1."""
    return (pictures - targets).square().sum(dim=1) / (4 * pictures.shape[1])


def shown_rgb(pictures: Float[Tensor, "windows dim height width"]) -> Float[Tensor, "windows dim height width"]:
    """Numbers -1..1 in the order blue, green, red as RGB in 0..1, for figures."""
    return (pictures.flip(1) + 1) / 2
