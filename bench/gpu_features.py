"""Rows about decoding and extracting: decoder alone, network alone, and both, for each extractor."""

import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import Barrier as ThreadBarrier
from typing import Any

import torch
from torch import nn

from bench.gpu_rows import Row, Table, rate_of
from stages.features.run import GPU_VIDEOS, MOST_VIDEOS
from vad.extractors._base import Source, load_extractor, make_features
from vad.extractors._network_run import NetworkExtractor, segments_together
from vad.extractors.frames import Config as FramesConfig
from vad.nn.exact import one_exact_thread
from vad.video.batches import batches
from vad.video.decode import open_video

E2E_SHARE = 0.8
XFEAT_FPS = 15_000
UCF_FRAMES, UCF_MINUTES = 13_800_000, 20
START_S = 90
"""In which all processes must have loaded their networks."""
TOGETHER = (GPU_VIDEOS, 2 * GPU_VIDEOS, MOST_VIDEOS)
"""Videos at a time with which extraction is measured."""
BUSY = 0.95
"""Share of the network's own rate from which on more videos at a time bring nothing."""
SLOW = 4_000
"""Frames in a second of a network below which the shorter clips are taken: they keep it busy for seconds."""


@dataclass(frozen=True)
class Plan:
    """What is measured: full-size on a GPU, small on a CPU.

    Attributes:
        clips: videos with the same pictures, as many as are decoded at a time at most.
        shorter: as many with fewer frames, for slow networks and PyAV.
        warm_up: a video of a few batches.
        n_frames: of each clip.
        height: of the clips, in pixels.
        width: of the clips, in pixels.
        entries: features entries by their names in the table, without precision and devices.
        precisions: of the networks, the first one float32.
        devices: device, decoder and decoder_device of every entry.
        seconds: for which each row is measured, at least.
        end_to_end_seconds: the same, for rows from video files to features.
        processes: of the row with a process for each core.
    """

    clips: Sequence[Path]
    shorter: Sequence[Path]
    warm_up: Path
    n_frames: int
    height: int
    width: int
    entries: Mapping[str, Mapping[str, Any]]
    precisions: Sequence[str]
    devices: Mapping[str, Any]
    seconds: float
    end_to_end_seconds: float
    processes: int

    def extractor(self, name: str, precision: str, **changes: object) -> NetworkExtractor:
        """The extractor of an entry."""
        plugin = load_extractor({**self.entries[name], "precision": precision, **self.devices, **changes})
        assert isinstance(plugin, NetworkExtractor)
        return plugin


def measure(table: Table, plan: Plan) -> None:
    """All rows about features, then the bars."""
    decoder = plan.devices["decoder"]
    for name in plan.entries:
        for precision in plan.precisions:
            table.expect(share_bar(name, precision))
    table.expect(SPEED_BAR)
    table.expect(UCF_BAR)
    for count in (1, *counts(plan)):
        row = Row(f"decode {count} at a time", f"{decoder}, {plan.width} x {plan.height}")
        table.add(row, partial(decode, plan, None, count))
    for name in plan.entries:
        decoded: dict[int, float] = {}
        for precision in plan.precisions:
            alone = table.add(Row("network alone", name, precision), partial(network, plan, name, precision))
            first = Row("network alone, channels first", name, precision)
            table.add(first, partial(network, plan, name, precision, channels_first=True))
            both = all_counts(table, plan, name, precision, alone, decoded)
            if alone and decoded and both:
                _judge(table, name, precision, alone, max(decoded.values()), both)


def counts(plan: Plan) -> list[int]:
    """How many videos at a time are measured."""
    return [count for count in TOGETHER if count <= len(plan.clips)]


def share_bar(name: str, precision: str) -> str:
    """The bar of an extractor."""
    return f"{name} {precision}, end to end"


SPEED_BAR = "xfeat float16, frames/s"
UCF_BAR = "xfeat float16, UCF-Crime"


def all_counts(
    table: Table, plan: Plan, name: str, precision: str, alone: float | None, decoded: dict[int, float]
) -> dict[int, float]:
    """Frames in a second from video files to features, by videos at a time, until the network is busy all the time.

    Args:
        table: for the rows.
        plan: what is measured.
        name: of the entry.
        precision: of the network.
        alone: rate of the network alone.
        decoded: rates of decoding and resizing by videos at a time, which are filled in where they are missing.
    """
    both: dict[int, float] = {}
    for count in counts(plan):
        if count not in decoded:
            row = Row(f"decode + resize {count} at a time", name)
            rate = table.add(row, partial(decode, plan, plan.extractor(name, "float32"), count))
            decoded |= {count: rate} if rate else {}
        clips = (plan.shorter if alone and alone < SLOW else plan.clips)[:count]
        row = Row(f"end to end {count} at a time", name, precision)
        rate = table.add(row, partial(end_to_end, plan, name, precision, clips))
        both |= {count: rate} if rate else {}
        if rate and alone and rate >= BUSY * alone:
            break
    return both


def _judge(table: Table, name: str, precision: str, alone: float, decoded: float, both: Mapping[int, float]) -> None:
    """The bars of an extractor, at the number of videos that was fastest."""
    count = max(both, key=lambda count: both[count])
    rate = both[count]
    share = rate / min(decoded, alone)
    fastest = f"with {count} videos at a time"
    text = f"{fastest} {share:.0%} of the slower of decoder and network >= {E2E_SHARE:.0%}"
    table.judge(share_bar(name, precision), text, share >= E2E_SHARE)
    if (name, precision) == ("xfeat", "float16"):
        table.judge(SPEED_BAR, f"{fastest} {rate:,.0f} >= {XFEAT_FPS:,}", rate >= XFEAT_FPS)
        minutes = UCF_FRAMES / rate / 60
        text = f"{fastest} {UCF_FRAMES:,} frames in {minutes:.1f} minutes <= {UCF_MINUTES}"
        table.judge(UCF_BAR, text, minutes <= UCF_MINUTES)


def measure_pyav(table: Table, plan: Plan) -> None:
    """XFeat with PyAV decoding on the CPU beside it: one process, then one for each core."""
    precision = plan.precisions[-1]
    row = Row("end to end, PyAV", "xfeat, 1 process", precision)
    clips = plan.shorter[:GPU_VIDEOS]
    table.add(row, partial(end_to_end, plan, "xfeat", precision, clips, decoder="pyav", decoder_device="auto"))
    row = Row("end to end, PyAV", f"xfeat, {plan.processes} process{'es' * (plan.processes > 1)}", precision)
    table.add(row, partial(in_processes, plan, "xfeat", precision, row))


def decode(plan: Plan, extractor: NetworkExtractor | None, count: int) -> float:
    """Frames decoded in a second, `count` videos at a time, in the size that an extractor takes or in their own."""
    rules = FramesConfig.model_validate({key: plan.devices[key] for key in ("decoder", "decoder_device")})

    def work(path: Path) -> float:
        """Decode one video; returns its number of frames."""
        source = Source(path.stem, (path,))
        reader = extractor.open(source) if extractor else open_video(path, plan.height, plan.width, rules)
        for _ in batches(reader, 64):
            pass
        return reader.n_frames

    return timed(work, plan.warm_up, plan.clips[:count], plan.seconds)


def network(plan: Plan, name: str, precision: str, channels_first: bool = False) -> float:
    """Frames of a video for which a network gives rows in a second: its batches lie on the device already."""
    extractor = plan.extractor(name, precision)
    with one_exact_thread():
        frames = next(batches(extractor.open(Source("warm_up", (plan.warm_up,))), extractor.cut.segment))
        segment = extractor.fill(frames.to(extractor.device))
        together = segments_together(extractor.config.batch_frames, extractor.cut.segment, extractor.device)
        segments = segment.expand(together, *segment.shape).contiguous()
        if channels_first:
            put_channels_first(extractor.network)

        def work() -> float:
            """One batch; returns the frames of a video that it stands for."""
            extractor._apply(segments)
            return together * extractor.cut.step

        return rate_of(work, plan.seconds)


def put_channels_first(network: nn.Module) -> None:
    """Have every convolution read and write maps whose channels come first in memory, as torch's default is.

    The extractors' frames have their channels last, and convolutions keep that order.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            module.to(memory_format=torch.contiguous_format)
            module.register_forward_pre_hook(lambda _, inputs: (inputs[0].contiguous(),))


def end_to_end(plan: Plan, name: str, precision: str, clips: Sequence[Path], **changes: object) -> float:
    """Frames in a second from video files to features, as stage features extracts them on a GPU.

    Everything but writing the file counts: PyAV reads all packets in a process of its own, and the video is hashed.
    """
    extractor = plan.extractor(name, precision, **changes)

    def work(path: Path) -> float:
        """The features of one video; returns its number of frames."""
        return make_features(extractor, Source(path.stem, (path,))).n_frames

    return timed(work, plan.warm_up, clips, plan.end_to_end_seconds)


def timed(work: Callable[[Path], float], warm_up: Path, clips: Sequence[Path], seconds: float) -> float:
    """Frames in a second of a thread for each clip.

    Each thread first works on a short video that is not counted: then it has its stream, its memory and its algorithms.

    Args:
        work: returns the frames of a video; nothing may be left to do when it returns.
        warm_up: the short video.
        clips: the others; all of them are worked on again until the time is over.
        seconds: after which no further round is begun.
    """
    all_there = ThreadBarrier(len(clips))

    def begin(path: Path) -> float:
        """The short video, once every thread is there."""
        all_there.wait(START_S)  # else a fast thread would take the short video of another one
        return work(path)

    with ThreadPoolExecutor(len(clips)) as threads:
        list(threads.map(begin, [warm_up] * len(clips)))
        done, start = 0.0, time.perf_counter()
        while not done or time.perf_counter() - start < seconds:
            done += sum(threads.map(work, clips))
        return done / (time.perf_counter() - start)


def in_processes(plan: Plan, name: str, precision: str, row: Row) -> float:
    """Frames in a second of one process for each core, all on one GPU; notes the memory of the GPU in the row."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(plan.processes + 1)
    entry = {**plan.entries[name], "precision": precision, "device": plan.devices["device"]}
    with context.Pool(plan.processes, _start, (entry, plan.warm_up, ready)) as pool:
        ready.wait(START_S)
        clips = [plan.shorter[number % len(plan.shorter)] for number in range(plan.processes)]
        start = time.perf_counter()
        frames = sum(pool.map(_extract, clips, chunksize=1))
        seconds = time.perf_counter() - start
        if torch.cuda.is_available():
            free, total = torch.cuda.mem_get_info()
            row.device_mb = (total - free) / 1e6
    return frames / seconds


_extractors: list[NetworkExtractor] = []
"""Of a process of `in_processes`."""


def _start(entry: Mapping[str, Any], warm_up: Path, ready: Barrier) -> None:
    """Load the network in a new process, and wait until all processes have."""
    extractor = load_extractor(entry)
    assert isinstance(extractor, NetworkExtractor)
    extractor.extract(Source("warm_up", (warm_up,)))
    _extractors.append(extractor)
    ready.wait(START_S)


def _extract(path: Path) -> int:
    """Extract one clip in a process of its own."""
    return _extractors[0].extract(Source(path.stem, (path,))).n_frames
