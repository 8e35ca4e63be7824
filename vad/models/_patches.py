"""A second stage for STPVAD that sees pixels alone: numbers of each patch of a clip, and a small network on them.

Cameras stand still. What is in a place is told by how it differs from that place in the rest of the video, and by how
it moves: both are computed, not learned, so that 48 videos are enough for the rest. No label, no vector of a segment
and no place in the picture comes in, so that a map can only follow what is to be seen.

Paper: ranking of instances with labels of bags alone: Sultani et al., CVPR 2018.
Differs: instances are patches, not segments; all of it is ours (docs/tuning.md says how it was chosen).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, UInt8
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vad.schema.base import Count, Fraction, NotNegative, Section

SHOWN = 32
"""Clips of a video whose median is its background, at most, and clips that are worked on at once."""
LEAST = 3e-3
"""Added to a number before its logarithm: about one step of 8-bit colours."""
MOST = 5.0
"""Numbers lie at most so many standard deviations from their mean."""
ENERGIES = (
    *("motion", "foreground", "most_motion", "least_motion", "deviation", "acceleration", "squared_change"),
    *("brighter", "darker", "lighter_than_background", "darker_than_background", "new_edges"),
    *("hue_of_foreground", "hue_of_motion", "saturated_motion", "bright_motion"),
    *("edges_across", "edges_down", "squared_across", "squared_down"),
)
"""Numbers that are at least 0, of which the logarithm is taken; the first two are what training starts from."""
SIGNED = ("brightness", "saturation", "warmth", "warm_motion", "diagonals", "moves_right", "moves_down")
"""The others."""


class Patches(Section):
    """Settings of the second stage on patches."""

    frames: int = Field(4, ge=3, description="frames of a clip that are looked at, evenly spread over it")
    patch_size: Count = Field(4, description="height and width of a patch in pixels; divides both of a frame")
    mean_clips: int = Field(
        4, ge=0, description="clips on each side in time over which a patch's numbers are averaged; events stay"
    )
    mean_patches: int = Field(1, ge=0, description="patches on each side over which they are averaged: smooth maps")
    width: int = Field(0, ge=0, description="units of the network's hidden layer; 0 = a weighted sum of the numbers")
    top_share: Fraction = Field(0.02, description="share of an anomalous video's patches that must be found anomalous")
    normal_share: Fraction = Field(0.1, description="share of the patches of normal videos, the highest, that count")
    margin: NotNegative = Field(1.0, description="wanted distance between the two, in logits")
    train_stage1: bool = Field(
        True, description="stage 1 is trained too, though no map reads it; false = it keeps what train.start gave it"
    )


def numbers(
    frames: Float[Tensor, "clips frames rgb height width"], background: Float[Tensor, "rgb height width"]
) -> Float[Tensor, "clips numbers height width"]:
    """How each pixel looks, moves, and differs from its background: `ENERGIES`, then `SIGNED`.

    Args:
        frames: of each clip, colours 0..1, at least 3.
        background: what is usually there, colours 0..1.
    """
    grey, middle = frames.mean(2), _middle(frames)
    change, away = frames.diff(dim=1), middle - background
    step, moved, lighter = grey.diff(dim=1), change.abs().mean(2), away.mean(1)
    spread, warm = frames.amax(2) - frames.amin(2), frames[:, :, 0] - frames[:, :, 2]
    across, down = _slopes(grey)
    edges = [_slopes(picture.mean(-3))[0].abs() for picture in (middle, background)]
    energies = {
        "motion": moved.mean(1),
        "foreground": away.abs().mean(1),
        "most_motion": moved.amax(1),
        "least_motion": moved.amin(1),
        "deviation": (frames - frames.mean(1, keepdim=True)).abs().mean((1, 2)),
        "acceleration": grey.diff(n=2, dim=1).abs().mean(1),
        "squared_change": (step**2).mean(1),
        "brighter": step.relu().mean(1),
        "darker": (-step).relu().mean(1),
        "lighter_than_background": lighter.relu(),
        "darker_than_background": (-lighter).relu(),
        "new_edges": (edges[0] - edges[1]).abs(),
        "hue_of_foreground": (away[:, 0] - away[:, 2]).abs(),
        "hue_of_motion": (change[:, :, 0] - change[:, :, 2]).abs().mean(1),
        "saturated_motion": (moved * _between(spread)).mean(1),
        "bright_motion": (moved * _between(grey)).mean(1),
        "edges_across": across.abs().mean(1),
        "edges_down": down.abs().mean(1),
        "squared_across": (_between(across) ** 2).mean(1),
        "squared_down": (_between(down) ** 2).mean(1),
    }
    signed = {
        "brightness": grey.mean(1),
        "saturation": spread.mean(1),
        "warmth": warm.mean(1),
        "warm_motion": (moved * warm[:, 1:]).mean(1),
        "diagonals": (_between(across) * _between(down)).mean(1),
        "moves_right": (_between(across) * step).mean(1),
        "moves_down": (_between(down) * step).mean(1),
    }
    return torch.stack([energies[name] for name in ENERGIES] + [signed[name] for name in SIGNED], 1)


def _middle(frames: Float[Tensor, "clips frames rgb height width"]) -> Float[Tensor, "clips rgb height width"]:
    """The mean of the one or two frames in the middle of each clip."""
    count = frames.shape[1]
    return frames[:, (count - 1) // 2 : count // 2 + 1].mean(1)


def _between(values: Float[Tensor, "clips frames height width"]) -> Float[Tensor, "clips steps height width"]:
    """The means of neighbouring frames, which go with the changes from one to the next."""
    return (values[:, 1:] + values[:, :-1]) / 2


def _slopes(grey: Float[Tensor, "*pictures height width"]) -> tuple[Tensor, Tensor]:
    """Change of brightness from left to right and from top to bottom, per pixel; 0 at the edges of the picture."""
    across = functional.pad(grey[..., 2:] - grey[..., :-2], (1, 1)) / 2
    return across, functional.pad(grey[..., 2:, :] - grey[..., :-2, :], (0, 0, 1, 1)) / 2


def background(frames: UInt8[Tensor, "clips frames rgb height width"]) -> Float[Tensor, "rgb height width"]:
    """What is usually at each pixel of a video, colours 0..1.

    The median over the middles of at most `SHOWN` clips, evenly chosen.
    """
    count = len(frames)
    chosen = torch.arange(min(count, SHOWN)) * count // min(count, SHOWN)
    return _middle(frames[chosen] / 255).median(dim=0).values


def described(
    frames: UInt8[Tensor, "clips frames rgb height width"], config: Patches
) -> Float[Tensor, "clips numbers rows columns"]:
    """The numbers of each patch of one video's clips, averaged over neighbours in time and in the picture.

    Args:
        frames: of all clips that are scored, in the order of time, as bytes.
        config: how large patches are, and over how many neighbours the mean is taken.
    """
    usual, parts = background(frames), []
    for clips in frames.split(SHOWN):
        pooled = functional.avg_pool2d(numbers(clips / 255, usual), config.patch_size)
        energies, signed = pooled.split([len(ENERGIES), len(SIGNED)], dim=1)
        parts.append(torch.cat([(energies + LEAST).log(), signed], 1))
    return _mean_in_picture(_mean_in_time(torch.cat(parts), config.mean_clips), config.mean_patches)


def _mean_in_time(
    values: Float[Tensor, "clips numbers rows columns"], reach: int
) -> Float[Tensor, "clips numbers rows columns"]:
    """The mean over the clips at most `reach` away; the first and the last clip stand for those beyond the ends."""
    if not reach:
        return values
    series = functional.pad(values.flatten(1).T[None], (reach, reach), mode="replicate")
    return functional.avg_pool1d(series, 2 * reach + 1, 1)[0].T.reshape(values.shape)


def _mean_in_picture(
    values: Float[Tensor, "clips numbers rows columns"], reach: int
) -> Float[Tensor, "clips numbers rows columns"]:
    """The mean over the patches at most `reach` rows and columns away that are in the picture."""
    return functional.avg_pool2d(values, 2 * reach + 1, 1, reach, count_include_pad=False) if reach else values


class PatchNetwork(nn.Module):
    """Numbers of a patch to its logit: motion plus foreground, plus what is learned from all numbers.

    At the start nothing is learned, so that what ranking finds first in anomalous videos is something that moves or
    does not belong there. Without the two it may as well begin with the emptiest patches, and stay with them.
    """

    def __init__(self, config: Patches) -> None:
        """Build the layers; the last one starts with zeros."""
        super().__init__()
        self.config = config
        count = len(ENERGIES) + len(SIGNED)
        # The mean over all batches so far: no number of batches has to be chosen.
        self.scale = nn.BatchNorm2d(count, affine=False, momentum=None)
        hidden = [nn.Conv2d(count, config.width, 1), nn.ReLU()] if config.width else []
        self.layers = nn.Sequential(*hidden, nn.Conv2d(config.width or count, 1, 1, bias=False))
        last = self.layers[-1]
        assert isinstance(last, nn.Conv2d)
        nn.init.zeros_(last.weight)
        # Motion and foreground one standard deviation above their means.
        self.threshold = nn.Parameter(torch.tensor(2.0))

    def forward(self, values: Float[Tensor, "clips numbers rows columns"]) -> Float[Tensor, "clips rows columns"]:
        """Logits of the patches: above 0 = rather anomalous."""
        values = self.scale(values).clamp(-MOST, MOST)
        return self.layers(values)[:, 0] + values[:, :2].sum(1) - self.threshold

    def loss(
        self, videos: Sequence[Float[Tensor, "clips numbers rows columns"]], labels: Float[Tensor, " videos"]
    ) -> dict[str, Tensor]:
        """`ranking` of the highest patches of anomalous over those of normal videos, and `threshold` between them.

        Args:
            videos: `described`; they may have different numbers of clips.
            labels: 0 normal, 1 anomalous.
        """
        logits = self(torch.cat(list(videos))).split([len(video) for video in videos])
        pairs = list(zip(logits, (labels > 0.5).tolist(), strict=True))
        normal = [own.flatten() for own, anomalous in pairs if not anomalous]
        anomalous = [highest(own.flatten(), self.config.top_share).mean() for own, anomalous in pairs if anomalous]
        if not normal or not anomalous:
            return {"ranking": 0 * self.threshold, "threshold": 0 * self.threshold}
        above, below = torch.stack(anomalous), highest(torch.cat(normal), self.config.normal_share)
        # The order of patches leaves the threshold free: it learns from them as they are, and they not from it.
        moved = self.threshold.detach() - self.threshold
        sides = (below.detach() + moved, -(above.detach() + moved))
        return {
            "ranking": ranking(below, above, self.config.margin),
            "threshold": torch.stack([functional.softplus(side).mean() for side in sides]).mean(),
        }


def highest(values: Float[Tensor, " values"], share: float) -> Float[Tensor, " chosen"]:
    """The highest values: so large a share of them, rounded, at least one."""
    return values.topk(max(round(share * len(values)), 1)).values


def ranking(below: Float[Tensor, " normals"], above: Float[Tensor, " anomalous"], margin: float) -> Float[Tensor, ""]:
    """How far anomalous videos fail to stand `margin` above normal patches: mean of log(1 + exp(margin + b - a)).

    Args:
        below: logits of patches of normal videos.
        above: one number for each anomalous video, in the same units.
        margin: wanted distance.

    Differs: Sultani et al. compare the highest instance of each video by a hinge, and add terms for smooth and sparse
        scores; here every patch on one side counts, and patches are smooth by their numbers.
    """
    return functional.softplus(margin + below[None] - above[:, None]).mean()
