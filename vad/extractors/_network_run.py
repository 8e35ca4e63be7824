"""One video through a network, for every extractor that has one: segments, batches, crops, device, precision.

Several threads may extract a video each with one extractor (on a GPU one decodes while the network works for another):
they share the network, and memory is bounded by `batch_frames` for each of them.
Equal input gives equal bytes on one machine: batches have a fixed size, one thread works, TF32 is off. Another size of
batch changes the last bits of a result only (tests/extractors/test_network_run.py states by how much).
Crops have names and an order: 0 centre, 1-4 corners, 5-9 the same five mirrored.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property, reduce
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from pydantic import Field, model_validator
from torch import Tensor, nn

from vad import registry
from vad.artefacts.features import FeatureFile
from vad.errors import FeatureError
from vad.extractors._base import BaseExtractor, RowStream, Source
from vad.extractors._engine import Engine, identity, prepare
from vad.nn.exact import one_exact_thread
from vad.nn.precision import HALF, autocast
from vad.schema.base import Count
from vad.video.batches import batches
from vad.video.decode import Reader, Rules

CPU_FRAMES, GPU_FRAMES = 16, 512
"""Frames that go through a network together by default: more are slower on a CPU, fewer leave a GPU waiting."""

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


class NetworkSettings(Rules):
    """Settings of an extractor with a network, with what the decoder accepts (policy, max_corrupt_frac, ...)."""

    precision: Literal["float32", "float16", "bfloat16"] = Field(
        default="float32", description="arithmetic of the network; features are stored as float32"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto",
        description="where the network runs; auto = cuda if there is one; cuda without one is an error",
    )
    engine: Engine = Field(
        default="torch",
        description="what runs the network; openvino = OpenVINO, on a CPU (pip install 'vad-ledger[openvino]');"
        " precision float16 on a CPU always runs there",
    )
    batch_frames: Count | None = Field(
        default=None,
        description="frames that go through the network together, rounded to whole segments: bounds its memory,"
        " for each of videos_at_a_time;"
        f" null = {CPU_FRAMES} on a CPU, {GPU_FRAMES} on a GPU",
    )

    videos_at_a_time: Count | None = Field(
        default=None,
        description="videos that a job works on at a time on a GPU: more keep more hardware decoders busy and take more"
        " memory, and the features are the same; null = 2, with decoder dali on the GPU up to 8, one for each 8 GiB of"
        " its memory; a job without a GPU works on one",
    )

    @model_validator(mode="after")
    def _decoder_and_network_fit(self) -> "NetworkSettings":
        if self.decoder_device == "gpu" and self.device == "cpu":
            raise ValueError("decoder_device: gpu needs a network on the GPU (set device to auto or cuda)")
        return self

    @property
    def decodes_on_cpu(self) -> bool:
        """Also where the decoder may choose and the network is on the CPU: its frames are needed there."""
        return super().decodes_on_cpu or (self.decoder_device == "auto" and self.device == "cpu")


class Cut(NamedTuple):
    """How a video is cut into segments: one goes through the network for one row."""

    segment: int
    """Frames of a segment, of those that are used."""
    stride: int = 1
    """Every how many frames of the video one is used."""
    whole: bool = False
    """Whether a last segment that is not whole is left out, where the video has a whole one."""

    @property
    def step(self) -> int:
        """Frames of the video from the start of one row to the start of the next."""
        return self.segment * self.stride


class NetworkExtractor(BaseExtractor, adds_hooks=True):
    """An extractor with a network. Building it costs nothing; the network is loaded with the first video."""

    config: NetworkSettings
    cut: Cut
    """How the extractor cuts a video."""

    def __init__(self, config: NetworkSettings) -> None:
        super().__init__(config)
        self._network: nn.Module | None = None
        self._loading = threading.Lock()
        self._threads = threading.local()

    def extract(self, source: Source) -> FeatureFile:
        """Features of one video, batch by batch: memory does not grow with its length, but for the rows.

        Raises: MediaError for a video that cannot be read completely, FeatureError for weights, device, or memory of
            the GPU.
        """
        reader = self.open(source)
        with self._exact(source):
            features = self.join(self._rows(reader))
        made = RowStream(iter(()), self.cut.step, reader, self._made_by())
        return FeatureFile(features, made.bounds(len(features)), made.report(source.video))

    def stream(self, source: Source) -> RowStream | None:
        """The same rows, a batch at a time; None for an extractor that joins those of a whole video."""
        if type(self).join is not NetworkExtractor.join:
            return None
        reader = self.open(source)
        return RowStream(self._batch_by_batch(source, reader), self.cut.step, reader, self._made_by())

    def _batch_by_batch(self, source: Source, reader: Reader) -> Iterator[Float[np.ndarray, "rows ..."]]:
        """The rows of `_rows`; between two batches the caller has its own settings of torch."""
        batches_of_rows = self._rows(reader)
        while True:
            with self._exact(source):
                rows = next(batches_of_rows, None)
            if rows is None:
                return
            yield rows

    @contextlib.contextmanager
    def _exact(self, source: Source) -> Iterator[None]:
        """Within the block the network works for this video, with results that can be repeated."""
        try:
            with one_exact_thread(), self._own_stream():
                yield
        except torch.OutOfMemoryError:
            together = self.config.batch_frames or GPU_FRAMES
            fix = f"Set batch_frames (now {together}) or videos_at_a_time lower, or end what else uses the GPU"
            raise FeatureError(f"{source.video}: the network does not fit in the memory of the GPU. {fix}.") from None

    def open(self, source: Source) -> Reader:
        """The reader of a video, with frames of the size that the network takes."""
        raise NotImplementedError

    def build(self) -> nn.Module:
        """The network with checked weights, on the CPU. It takes segments, uint8 [segments, frames, height, width, 3].

        Its answer is one row a segment.
        """
        raise NotImplementedError

    def fill(self, frames: UInt8[Tensor, "some height width 3"]) -> UInt8[Tensor, "segment height width 3"]:
        """The frames of one segment as the network takes them. By default the last one is repeated where some miss."""
        return fill_segment(frames, self.cut.segment)

    def run(self, segments: UInt8[Tensor, "segments frames height width 3"]) -> Float[Tensor, "segments ..."]:
        """The rows of some segments. By default they go through the network whole; crops go one after the other."""
        return self.network(segments)

    def join(self, rows: Iterator[Float[np.ndarray, "rows ..."]]) -> Float[np.ndarray, "rows ..."]:
        """The rows of the video from those of its batches. By default all of them, in their order."""
        return np.concatenate(list(rows))

    @cached_property
    def device(self) -> torch.device:
        """Where the network runs."""
        return choose_device(registry.file_of(type(self)), self.config.device)

    @property
    def network(self) -> nn.Module:
        """The network on its device; loaded once, by the thread that needs it first."""
        with self._loading:
            if self._network is None:
                config, device = self.config, self.device
                network = placed(self.build(), device, config.precision)
                self._network = prepare(network, config.engine, config.precision, device)
                if self.device.type == "cuda":
                    torch.cuda.synchronize(self.device)  # other threads use it on streams of their own
            return self._network

    def _own_stream(self) -> AbstractContextManager[object]:
        """On a GPU a queue of work for each thread, the same for all its videos.

        In one queue for all, a thread that waits for its frames would wait for the batches of the others too.
        """
        if self.device.type != "cuda":
            return contextlib.nullcontext()
        if not hasattr(self._threads, "stream"):
            self._threads.stream = torch.cuda.Stream(self.device)
        return torch.cuda.stream(self._threads.stream)

    def _made_by(self) -> dict[str, Any]:
        engine = identity(self.config.engine, self.config.precision, self.device)
        return {**self.identity(), **engine, "device": str(self.device)}

    def _rows(self, reader: Reader) -> Iterator[Float[np.ndarray, "rows ..."]]:
        together, first = segments_together(self.config.batch_frames, self.cut.segment, self.device), True
        for frames in batches(reader, together * self.cut.segment, self.cut.stride):
            found = list(frames.split(self.cut.segment))
            if self.cut.whole and len(found[-1]) < self.cut.segment and (len(found) > 1 or not first):
                found.pop()
            if not found:
                return
            first, parts = False, [self.fill(part) for part in found]
            segments = parts[0][None] if len(parts) == 1 else torch.stack(parts)  # the usual case copies nothing
            # A batch that is not full would change the last bits of its rows.
            yield self._apply(fill_segment(segments, together))[: len(segments)]

    @torch.inference_mode()
    def _apply(self, segments: UInt8[Tensor, "segments ..."]) -> Float[np.ndarray, "segments ..."]:
        """Rows of some segments, as stored."""
        if self.device.type == "cuda" and not segments.is_cuda:
            segments = segments.pin_memory().to(self.device, non_blocking=True)
        with autocast(self.device, self.config.precision):
            return self.run(segments).float().cpu().numpy()


def segments_together(batch_frames: int | None, segment: int, device: torch.device) -> int:
    """How many segments of so many frames go through the network together."""
    wanted = batch_frames or (GPU_FRAMES if device.type == "cuda" else CPU_FRAMES)
    return max(wanted // segment, 1)


def fill_segment(frames: UInt8[Tensor, "some *shape"], count: int) -> UInt8[Tensor, "{count} *shape"]:
    """The last frame (or segment) repeated until there are `count`."""
    short = count - len(frames)
    return torch.cat([frames, frames[-1:].expand(short, *frames.shape[1:])]) if short else frames


def choose_device(extractor: str, wanted: str) -> torch.device:
    """The device that `auto`, `cpu` or `cuda` means here.

    Raises: FeatureError if cuda is asked for and there is none; there is no silent fallback.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise FeatureError(f"extractor {extractor}: device cuda, but torch sees no GPU. Set device to auto or cpu.")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def crop(
    frames: UInt8[Tensor, "segments frames height width 3"], size: int, name: str
) -> UInt8[Tensor, "segments frames {size} {size} 3"]:
    """One crop of size x size pixels of every frame; `name` is one of `CROPS`."""
    down, right = PLACES[name.removesuffix(", mirrored")]
    top, left = int(down * (frames.shape[2] - size)), int(right * (frames.shape[3] - size))
    cut = frames[:, :, top : top + size, left : left + size]
    return cut.flip(3) if name.endswith("mirrored") else cut


def run_crops(
    network: Callable[[Tensor], Tensor],
    segments: UInt8[Tensor, "segments frames height width 3"],
    size: int,
    names: Sequence[str],
) -> Float[Tensor, "segments *crops dim"]:
    """The rows of some segments, crop after crop through the network; a single crop has no axis of its own."""
    vectors = [network(crop(segments, size, name)) for name in names]
    return vectors[0] if len(names) == 1 else torch.stack(vectors, dim=1)


def highest(rows: Iterator[Float[np.ndarray, "rows ..."]]) -> Float[np.ndarray, "1 ..."]:
    """One row: the element-wise maximum over all."""
    return reduce(np.maximum, (batch.max(axis=0, keepdims=True) for batch in rows))


def placed(network: nn.Module, device: torch.device, precision: str) -> nn.Module:
    """A network in eval mode on its device; on a GPU with the weights of its layers in the precision of their inputs.

    Mixed precision casts the weights anyway: done once, results are the same and no batch waits for it.
    """
    network = network.to(device)
    return cast_layers(network, HALF[precision]) if device.type == "cuda" and precision in HALF else network


def cast_layers(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    """The same network with the weights of its convolutions and matrix products in another precision."""
    for module in network.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear):
            module.to(dtype)
    return network
