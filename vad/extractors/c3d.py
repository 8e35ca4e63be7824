"""C3D features: 16 consecutive frames to the 4,096 numbers of fc6, after ReLU.

Paper: Tran et al., "Learning Spatiotemporal Features with 3D Convolutional Networks", ICCV 2015. Names of values are
those of c3d.pickle, the Sports-1M weights of DavideA/c3d-pytorch (no licence stated for the weights).
Differs: frames are squashed to 128 x 171 and cropped to 112 x 112, less (124, 117, 104), by 1 / .0167, in RGB, as in
ekosman's re-implementation of Sultani et al.; the original's preprocessing gives other features.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from pydantic import Field
from torch import Tensor, nn

from vad.artefacts.features import FeatureFile
from vad.extractors._base import BaseExtractor, Source
from vad.extractors._network_run import CROPS, Cut, apply_to_crops, choose_device, fill_segment, run_over_video
from vad.extractors._network_weights import Published, Weighted, Weights

DIM = 4096
SPORTS1M = "http://imagelab.ing.unimore.it/files/c3d_pytorch/c3d.pickle"
SEGMENT, HEIGHT, WIDTH, SIZE = 16, 128, 171, 112
"""Frames and pixels that fc6 fixes."""
MEAN, SCALE = (124.0, 117.0, 104.0), 0.0167
LAYERS = {
    **{"conv1": (3, 64), "conv2": (64, 128), "conv3a": (128, 256), "conv3b": (256, 256), "conv4a": (256, 512)},
    **{"conv4b": (512, 512), "conv5a": (512, 512), "conv5b": (512, 512)},
}


class Config(Weighted):
    """Settings of the extractor, with what the decoder accepts (policy, max_corrupt_frac, ...)."""

    weights: str = Field(
        default="sports1m",
        min_length=1,
        description="sports1m = c3d.pickle (set weights_sha256: its makers state none); random; or the path of such a"
        " file",
    )
    crops: Literal[1, 5, 10] = Field(
        default=1, description="1 = centre; 5 = with the corners; 10 = with all five mirrored; scores are averaged"
    )

    def published(self) -> Mapping[str, Published]:
        """The file behind `sports1m`."""
        return {"sports1m": Published(SPORTS1M, None)}


class C3D(nn.Module):
    """RGB frames of one segment to its vector."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, (before, after) in LAYERS.items():
            self.add_module(name, nn.Conv3d(before, after, 3, padding=1))
        self.fc6 = nn.Linear(8192, DIM)
        self.register_buffer("mean", torch.tensor(MEAN), persistent=False)

    def forward(self, frames: UInt8[Tensor, "16 112 112 3"]) -> Float[Tensor, "4096"]:
        """fc6 after ReLU."""
        return self.vectors(((frames.float() - self.mean) * SCALE).permute(3, 0, 1, 2)[None])[0]

    def vectors(self, maps: Float[Tensor, "batch 3 16 112 112"]) -> Float[Tensor, "batch 4096"]:
        """The network itself, on normalised segments."""
        for name in LAYERS:
            maps = F.relu(self.get_submodule(name)(maps))
            if name == "conv1":
                maps = F.max_pool3d(maps, (1, 2, 2))
            elif name in {"conv2", "conv3b", "conv4b"}:
                maps = F.max_pool3d(maps, 2)
        maps = F.max_pool3d(maps, 2, padding=(0, 1, 1))
        return F.relu(self.fc6(maps.flatten(1)))


class Extractor(BaseExtractor):
    """Videos to features. Building it costs nothing; the network is loaded with the first video."""

    config: Config
    dim = DIM

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._weights = Weights("c3d", config, "The names conv1 to conv5b and fc6 of c3d.pickle fit.")

    def extract(self, source: Source) -> FeatureFile:
        """Features of one video: [segments, 4096], or [segments, crops, 4096] for more than one crop.

        Raises: MediaError for a video that cannot be read completely, FeatureError for weights or device.
        """
        reader = source.open(HEIGHT, WIDTH, self.config)
        return run_over_video(source, reader, Cut(SEGMENT, 1, SEGMENT), self._row, self._made_by)

    def identity(self) -> dict[str, Any]:
        """What two feature files must share to be compared, besides the decoder's versions."""
        return {
            "name": "c3d",
            **self._weights.identity(),
            "torch": torch.__version__,
            "colour": "rgb24",
            "resize": f"swscale bilinear, squashed to {WIDTH}x{HEIGHT}, crops of {SIZE}x{SIZE}",
            "normalisation": f"less {MEAN}, times {SCALE}",
            "crops": list(CROPS[: self.config.crops]),
            "tail": "repeat the last frame",
        }

    def _made_by(self) -> dict[str, Any]:
        return {**self.identity(), "device": str(self._device)}

    def _row(self, frames: UInt8[np.ndarray, "frames height width 3"]) -> Float[np.ndarray, "1 *crops 4096"]:
        """One segment through the network, crop after crop."""
        names = CROPS[: self.config.crops]
        return apply_to_crops(self._network, fill_segment(frames, SEGMENT), SIZE, names, self._device)

    @cached_property
    def _device(self) -> torch.device:
        return choose_device("c3d", self.config.device)

    @cached_property
    def _network(self) -> nn.Module:
        """The network with checked weights, on its device."""
        return self._weights.network(C3D, unused=("fc7.", "fc8.")).to(self._device)
