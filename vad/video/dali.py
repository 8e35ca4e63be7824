"""Decoding by NVIDIA's DALI: the same frames as PyAV's in number and order, as tensors on the device that decoded them.

The operator is `experimental.inputs.video`, the one of DALI 1.50 to 2.4 that gives the last frames of a video too:
`readers.video` leaves out what does not fill a sequence, and `decoders.video` returns a whole video at once. It
believes the container's number of frames and its timestamps, and leaves old memory where a frame is missing: therefore
`vad.video.dali_check` first asks PyAV's demuxer whether the container can be believed.

Limit: nothing but a decoder sees damage inside a packet. PyAV counts it, and `policy` judges it; DALI shows what it
makes of such a packet, and says nothing. `policy: strict` refuses here what the container shows, no more; `corrupt` and
`errors` of the report are null: not known.

Memory does not grow with the number of frames: twice 16 decoded frames, and the bytes of the file. On a CPU these are
mapped; for a GPU DALI copies them into the memory of the host. Files of 2 GiB and more are not supported.
"""

import contextlib
import importlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from vad.errors import MediaError
from vad.video.augment import augment, augmented
from vad.video.batches import batches
from vad.video.containers import media_error
from vad.video.dali_augment import augment_in_pipeline
from vad.video.dali_check import NOTHING_KNOWN, Promise
from vad.video.dali_probe import HEIGHT, N_FRAMES, WIDTH, known_good
from vad.video.decode import Reader, RestartError, Rules
from vad.video.draws import Draws
from vad.video.isolated import IsolatedReader, ask

SEQUENCE = 16
"""Frames that DALI decodes in one run: what is held, whatever the length of the video."""
INSTALL = "Run pip install nvidia-dali-cuda130==2.4.0 (for CUDA 12 nvidia-dali-cuda120==2.4.0), or set decoder: pyav"
FIX = "Set unsupported: pyav to let PyAV decode such videos, or decoder: pyav for all"
FIX_MACHINE = (
    "Look at nvidia-smi: the GPU's free memory, who else decodes on it, and the driver (its libnvcuvid). Or set a lower"
    " videos_at_a_time or batch_frames, or decoder: pyav"
)
NEED_GPU = ("h264", "hevc", "av1")
"""Codecs that DALI 2.1.1 to 2.4 decode with a GPU only."""
NO_MEMORY = re.compile(
    r"out of memory|MEMORY_ALLOCATION|OUT_OF_MEMORY|bad_alloc|could not allocate|allocation failed", re.I
)
"""What DALI's messages say when memory runs out."""


class Layout(NamedTuple):
    """How the frames of one run are cut into samples.

    On a CPU a sample is one frame: DALI 1.53 fails if it is asked for a frame behind the last one. On a GPU all frames
    are one sample: there a frame that is missing at the end leaves zeros, which show that it is missing.
    """

    samples: int
    frames: int


LAYOUTS = {"cpu": Layout(SEQUENCE, 1), "gpu": Layout(1, SEQUENCE)}


class Refusal(Exception):  # noqa: N818 - no error yet: `unsupported` decides
    """Why DALI cannot decode a video, or did not decode all of it."""


class Failure(Refusal):
    """An error of DALI itself: of this video, or of the machine."""


class DALIReader:
    """One video file through DALI. Arguments: see `vad.video.decode.open_video`.

    A video that DALI cannot decode is a MediaError E_UNSUPPORTED, or read by PyAV (`unsupported: pyav`). If that shows
    after frames were passed on, it is a `RestartError`: `vad.extractors._base.make_features` begins the video again.
    Where the machine is at fault (E_NO_DECODER), PyAV never steps in: else a whole data set would go to it.

    Raises: MediaError if DALI is not installed, or decoder_device is gpu and there is none.
    """

    def __init__(self, path: Path, height: int, width: int, rules: Rules, short_side: int | None = None) -> None:
        self.path, self.height, self.width, self.rules = path, height, width, rules
        self.short_side = short_side
        self.device = decoding_device(rules)
        self._dali = load_dali()
        self._draws: Draws | None = None
        self._promise = NOTHING_KNOWN
        self._instead: Reader | None = None
        self._decoded = 0

    def change(self, draws: Draws) -> None:
        """From now on give frames that are changed by the values of a copy; before the first frame is asked for."""
        self._draws = draws

    @property
    def report(self) -> dict[str, Any]:
        """Decode report; complete once the frames are used up. Times are those of the packets, in the order shown."""
        if self._instead:
            return self._instead.report
        made_by = {"decoder": "DALI", "dali": self._dali.__version__, "decoder_device": self.device}
        return made_by | self._promise.report(self._decoded)

    @property
    def n_frames(self) -> int:
        """Frames decoded so far, up to 16 ahead of those passed on; the true length once they are used up."""
        return self._instead.n_frames if self._instead else self._decoded

    def frames(self, stride: int = 1) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """RGB frames 0, stride, 2 stride, ... in the memory of the CPU.

        Raises: MediaError. Whether all frames came is judged after the last one: keep nothing before the end.
        """
        for batch in self.batches(SEQUENCE, stride):
            yield from batch.cpu().numpy()

    def batches(self, size: int, stride: int = 1) -> Iterator[UInt8[Tensor, "frames height width 3"]]:
        """Frames 0, stride, 2 stride, ... in batches of `size`, on the device that decoded them. See `frames`."""
        passed_on = False
        try:
            for batch in _cut_again(self._sequences(), size, stride):
                passed_on = True
                yield batch
            return
        except Failure as failure:
            reason = f"DALI: {self._reason(failure)}"
        except Refusal as refusal:
            reason = f"DALI: {refusal}"
        what = f"DALI on {self.device} cannot decode it ({reason.removeprefix('DALI: ')})"
        error = media_error(self.path, "E_UNSUPPORTED", what, FIX)
        if self.rules.unsupported == "error":
            raise error
        if passed_on:
            raise RestartError(str(error), reason)
        instead = IsolatedReader(self.path, self.height, self.width, self.rules, self.short_side, reason)
        self._instead = augmented(instead, self._draws) if self._draws else instead
        yield from batches(self._instead, size, stride)

    def _reason(self, failure: Failure) -> str:
        """Why DALI failed on this video.

        Raises: MediaError E_NO_DECODER if it is no fault of the video: memory is full, or DALI fails on a clip too that
            is known to be good.
        """
        codec = self._promise.stated.get("codec")
        if self.device == "cpu" and codec in NEED_GPU and "create video decoder" in str(failure):
            why = "the settings ask for the CPU" if torch.cuda.is_available() else "none was found"
            return f"codec {codec}: this DALI decodes it with a GPU only, and {why}"
        fault = "memory is full" if NO_MEMORY.search(str(failure)) else ""
        if not fault and self.device == "gpu":
            fault = machine_fault(self._dali, self.device)
        if fault:
            raise media_error(self.path, "E_NO_DECODER", f"DALI cannot decode on this machine: {fault}", FIX_MACHINE)
        return str(failure)

    def _sequences(self) -> Iterator[UInt8[Tensor, "frames height width 3"]]:
        """All frames in their order, up to 16 at a time.

        Raises: Refusal; MediaError for what PyAV refuses too.
        """
        self._promise = promise = Promise(**ask("promise", self.path, self.rules))
        if promise.refusal:
            raise Refusal(promise.refusal)
        # One pipeline a video: it takes milliseconds to build, DALI keeps NVDEC's sessions for the next one, and what
        # is left of a video that ended otherwise than promised cannot come up in another.
        pipeline = Pipeline(self._dali, self.device, *self._scaled(promise), change=self._changed)
        pipeline.start(np.memmap(self.path, np.uint8, "r"))
        for left in range(promise.n_frames, 0, -SEQUENCE):
            frames = pipeline.take(more=left > SEQUENCE)
            require_all(pipeline.seen, left)
            frames = self._centre(frames[:left])
            if self._draws:
                frames = augment(self._draws.hue_alone, frames)
            self._decoded += len(frames)
            yield frames

    def _scaled(self, promise: Promise) -> tuple[int, int]:
        """Height and width to which DALI scales: those asked for, or those that have the short side asked for."""
        if not self.short_side:
            return self.height, self.width
        short = min(promise.height, promise.width)
        return promise.height * self.short_side // short, promise.width * self.short_side // short

    def _changed(self, scaled: Any) -> Any:  # noqa: ANN401 - a node of DALI's graph, which has no public type
        """The node of the frames that the pipeline gives: the scaled ones, or their centre changed for a copy."""
        if not self._draws:
            return scaled
        size = (self.height, self.width)
        centre = self._dali.fn.crop(scaled, crop=size, rounding="truncate")
        return augment_in_pipeline(self._dali, centre, self._draws, *size)

    def _centre(
        self, frames: UInt8[Tensor, "frames scaled_height scaled_width 3"]
    ) -> UInt8[Tensor, "frames height width 3"]:
        """The centre of the scaled frames, as `PyAVReader` cuts it out."""
        top, left = (frames.shape[1] - self.height) // 2, (frames.shape[2] - self.width) // 2
        return frames[:, top : top + self.height, left : left + self.width]


class Pipeline:
    """DALI decoding one file and scaling its frames; the next run works while the frames of the last one are used.

    Args:
        dali: the package.
        device: cpu or gpu.
        height: of the scaled frames, in pixels.
        width: of the scaled frames, in pixels.
        layout: how a run is cut into samples; by default that of the device.
        change: makes the node of other frames from that of the scaled frames.

    Attributes:
        seen: of the last run, what shows which frames were there: the scaled frames, or where these are changed the
            largest value of each.
    """

    seen: UInt8[Tensor, "frames *shape"]

    def __init__(
        self,
        dali: ModuleType,
        device: str,
        height: int,
        width: int,
        layout: Layout | None = None,
        change: Callable[[Any], Any] = lambda scaled: scaled,
    ) -> None:
        self._copy = dali.plugin.pytorch.feed_ndarray
        self._device = torch.device("cuda", torch.cuda.current_device()) if device == "gpu" else torch.device("cpu")
        samples, frames = layout or LAYOUTS[device]
        fn = dali.fn
        with _refusals():
            # A queue of one: DALI would run ahead of the last frame, and stop with an error.
            self._pipeline = dali.Pipeline(samples, num_threads=1, device_id=self._device.index, prefetch_queue_depth=1)
            with self._pipeline:
                video = fn.experimental.inputs.video(
                    name="file",
                    device="mixed" if device == "gpu" else "cpu",
                    sequence_length=frames,
                    last_sequence_policy="pad",
                    no_copy=device == "cpu",  # a GPU wants the bytes in page-locked memory, which DALI then copies to
                )
                linear = dali.types.INTERP_LINEAR
                scaled = fn.resize(video, resize_x=width, resize_y=height, interp_type=linear, antialias=True)
                changed = change(scaled)
                # Changed frames may be black where the video's are not: what is there is judged by the latter.
                judged = [] if changed is scaled else [fn.reductions.max(scaled, axis_names="HWC")]
                self._pipeline.set_outputs(changed, *judged)
            self._pipeline.build()

    def start(self, data: UInt8[np.ndarray, "bytes"]) -> None:
        """Begin with a file, of which nothing is copied on a CPU.

        Raises: Refusal.
        """
        self._data = data  # behind `_pipeline`, so that it is freed later: a run may still read it
        with _refusals():
            self._pipeline.feed_input("file", [data])
            self._pipeline.schedule_run()

    def take(self, more: bool) -> UInt8[Tensor, "frames height width 3"]:
        """The frames of this run, on the device; with `more`, the next run is begun.

        Raises: Refusal.
        """
        with _refusals():
            # On torch's own stream: what used the memory of a new tensor before has then ended before it is written.
            stream = torch.cuda.current_stream(self._device) if self._device.type == "cuda" else None
            copies = [self._copied(samples, stream) for samples in self._pipeline.share_outputs()]
            if stream:
                stream.synchronize()  # with a stream DALI does not wait: the copies end before it writes there again
            self._pipeline.release_outputs()
            if more:
                self._pipeline.schedule_run()
        self.seen = copies[-1]
        return copies[0]

    def _copied(self, samples: Any, stream: torch.cuda.Stream | None) -> UInt8[Tensor, "frames *shape"]:  # noqa: ANN401
        """All samples of one output of DALI, one behind the other; copied on a stream of the GPU."""
        shapes = [samples[index].shape() for index in range(len(samples))]
        size = (sum(shape[0] for shape in shapes), *shapes[0][1:])
        joined, at = torch.empty(size, dtype=torch.uint8, device=self._device), 0
        for index, shape in enumerate(shapes):
            self._copy(samples[index], joined[at : at + shape[0]], cuda_stream=stream)
            at += shape[0]
        return joined


def require_all(frames: UInt8[Tensor, "frames *shape"], left: int) -> None:
    """Refuse a run that gave another number of frames than were left.

    Behind the last frame of a run, DALI's GPU layout fills up with zeros. So a frame of zeros that was promised may be
    a missing one: a video that ends with a black frame is refused too.

    Raises: Refusal.
    """
    wanted = min(left, SEQUENCE)
    if len(frames) < wanted:
        raise Refusal(f"{wanted - len(frames)} of its last frames are missing")
    if frames[wanted:].any():
        raise Refusal("it has more frames than its container promises")
    if len(frames) > wanted and not frames[wanted - 1].any():
        raise Refusal("its last frame is black, or missing")


def machine_fault(dali: ModuleType, device: str, clip: UInt8[np.ndarray, "bytes"] | None = None) -> str:
    """Why DALI cannot decode a clip that is known to be good; empty = it can.

    Args:
        dali: the package.
        device: cpu or gpu.
        clip: another one of the same size and length; None = `vad.video.dali_probe.known_good`, in H.264.
    """
    try:
        pipeline = Pipeline(dali, device, HEIGHT, WIDTH)
        pipeline.start(known_good() if clip is None else clip)
        pipeline.take(more=False)
        require_all(pipeline.seen, N_FRAMES)
    except Refusal as refusal:
        return f"a clip that is known to be good fails too ({refusal})"
    return ""


def decoding_device(rules: Rules) -> str:
    """`cpu` or `gpu`: what decoder_device means here.

    Raises: MediaError for a GPU that is not there.
    """
    there = torch.cuda.is_available()
    if rules.decoder_device == "gpu" and not there:
        raise MediaError("decoder_device: gpu, but torch sees no GPU. Set decoder_device to auto or cpu.")
    return "gpu" if there and not rules.decodes_on_cpu else "cpu"


def load_dali() -> ModuleType:
    """The package `nvidia.dali`.

    Raises: MediaError with what to install.
    """
    try:
        importlib.import_module("nvidia.dali.plugin.pytorch")
        return importlib.import_module("nvidia.dali")
    except ImportError as error:
        raise MediaError(f"decoder: dali cannot be used: {error}. {INSTALL}.") from None


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Errors of DALI as failures, in one line."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, MemoryError) or NO_MEMORY.search(str(error)):
            raise Failure("out of memory") from None
        text = str(error).partition("encountered:")[2] or str(error)
        lines = filter(None, map(str.strip, text.splitlines()))
        raise Failure(next(lines, "an error without words").rpartition("failed: ")[2]) from None


def _cut_again(
    sequences: Iterator[UInt8[Tensor, "frames height width 3"]], size: int, stride: int
) -> Iterator[UInt8[Tensor, "frames height width 3"]]:
    """Every stride-th frame, in batches of `size`; the last one may be shorter."""
    held: list[Tensor] = []
    at = 0
    for frames in sequences:
        held.append(frames[-at % stride :: stride])
        at += len(frames)
        while sum(map(len, held)) >= size:
            joined = torch.cat(held)
            held = [joined[size:]]
            yield joined[:size]
    if sum(map(len, held)):
        yield torch.cat(held)
