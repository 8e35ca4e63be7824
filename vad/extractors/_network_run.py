"""One video through a network, for every extractor that has one: batches, crops, device.

Equal input gives equal bytes on one machine: batches have a fixed size, one thread works, TF32 is off.
Crops have names and an order: 0 centre, 1-4 corners, 5-9 the same five mirrored.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8

from vad.artefacts.features import FeatureFile
from vad.artefacts.fingerprint import fingerprint
from vad.errors import FeatureError
from vad.extractors._base import Source
from vad.video.decode import Reader, batches

PLACES = {
    "centre": (0.5, 0.5),
    "top left": (0, 0),
    "top right": (0, 1),
    "bottom left": (1, 0),
    "bottom right": (1, 1),
}
"""Where a crop lies, down and to the right: 0 = at the top or left edge, 1 = at the bottom or right one."""
CROPS = (*PLACES, *(f"{name}, mirrored" for name in PLACES))
"""The names of all crops in their order."""


class Cut(NamedTuple):
    """How a video is cut into batches and rows, in frames."""

    batch: int
    """Frames that go through the network together; the last batch of a video may be shorter."""
    stride: int
    """Every how many frames one is used."""
    step: int
    """Frames of the video from the start of one row to the start of the next."""


def run_over_video(
    source: Source,
    reader: Reader,
    cut: Cut,
    rows: Callable[[UInt8[np.ndarray, "frames height width 3"]], Float[np.ndarray, "rows ..."]],
    identity: Callable[[], dict[str, Any]],
    whole_video: bool = False,
) -> FeatureFile:
    """One video through a network, batch by batch. Memory does not grow with its length, but for the rows.

    Args:
        source: the video.
        reader: its frames, not read yet.
        cut: batches and rows.
        rows: the rows of one batch.
        identity: what made the features; asked after the last batch, when the weights are known.
        whole_video: one row, the element-wise maximum over all, instead of a row per batch.

    Raises: MediaError for a video that cannot be read completely.
    """
    with one_exact_thread():
        found = (rows(frames) for frames in batches(reader, cut.batch, cut.stride))
        features = reduce(np.maximum, found) if whole_video else np.concatenate(list(found))
    starts = np.arange(len(features)) * cut.step
    report = {"video_sha256": fingerprint(source.video), "decode": reader.report, "extractor": identity()}
    return FeatureFile(features, np.append(starts, reader.n_frames).astype(np.int64), report)


def fill_segment(
    frames: UInt8[np.ndarray, "some height width 3"], count: int
) -> UInt8[np.ndarray, "{count} height width 3"]:
    """A whole segment: the last frame repeated until there are `count`."""
    short = count - len(frames)
    return np.concatenate([frames, np.repeat(frames[-1:], short, axis=0)]) if short else frames


def choose_device(extractor: str, wanted: str) -> torch.device:
    """The device that `auto`, `cpu` or `cuda` means here.

    Raises: FeatureError if cuda is asked for and there is none; there is no silent fallback.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise FeatureError(f"extractor {extractor}: device cuda, but torch sees no GPU. Set device to auto or cpu.")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


@torch.inference_mode()
def apply_network(network: torch.nn.Module, frames: np.ndarray, device: torch.device) -> np.ndarray:
    """The network's answer to frames, both as arrays."""
    batch = torch.from_numpy(np.ascontiguousarray(frames))
    if device.type == "cuda":
        batch = batch.pin_memory().to(device, non_blocking=True)
    return network(batch).cpu().numpy()


def crop(
    frames: UInt8[np.ndarray, "frames height width 3"], size: int, name: str
) -> UInt8[np.ndarray, "frames {size} {size} 3"]:
    """One crop of size x size pixels of every frame; `name` is one of `CROPS`."""
    down, right = PLACES[name.removesuffix(", mirrored")]
    top, left = int(down * (frames.shape[1] - size)), int(right * (frames.shape[2] - size))
    cut = frames[:, top : top + size, left : left + size]
    return cut[:, :, ::-1] if name.endswith("mirrored") else cut


def apply_to_crops(
    network: torch.nn.Module,
    frames: UInt8[np.ndarray, "frames height width 3"],
    size: int,
    names: Sequence[str],
    device: torch.device,
) -> Float[np.ndarray, "1 *crops dim"]:
    """The row of one segment, crop after crop through the network; a single crop has no axis of its own."""
    vectors = np.stack([apply_network(network, crop(frames, size, name), device) for name in names])
    return vectors if len(names) == 1 else vectors[None]


@contextlib.contextmanager
def one_exact_thread() -> Iterator[None]:
    """One CPU thread (a second costs more than it brings); on a GPU full float32 by fixed algorithms."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_num_threads(threads)
