"""Speed of feature extraction: a simple loop as a first script has it, beside this project's extractors.

All read the same generated 320x240 H.264 clip of 1.8 Mb/s. The naive loop: OpenCV read, resize, ImageNet normalisation,
the plain network on one frame at a time, torch's default threads. The project: one process with one thread per core.
Frames per second are those of the whole machine; start-up is not measured; the ways take turns. The share of the limit
is of CPU seconds of one core (bench/limit.py), so other work on the machine changes it less.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from bench import limit, table
from bench.table import Row, at_least, at_least_when_quiet, at_most
from tests.videos import scene, source, write_video
from vad.extractors._base import load_extractor

SEGMENT, STARTING = 16, 96
MEMORY_BAR_MB, GROWTH_BAR_MB = 2500, 32
EXACT_BAR, LIMIT_BAR, HALF_BAR, FRAMES_BAR = 4.0, 0.75, 6.0, 5.0
XFEAT_FLOPS, MOBILENET_FLOPS = 0.3895e9, 0.4282e9
"""Operations of one 224 x 224 frame in the published networks without their heads."""
FAST_FLOAT16 = {"avx512_fp16", "amx_fp16"}
"""Flags of a CPU that computes float16 faster than float32."""

Vectors = Float[np.ndarray, "rows dim"]
Extract = Callable[[Path], Vectors]


def naive_xfeat() -> Extract:
    """OpenCV, explicit normalisation, one frame at a time through the whole published network."""
    import torch.nn.functional as F

    from vad.networks.xfeat import package_files, published_network

    network = published_network(package_files()[1])

    @torch.inference_mode()
    def extract(path: Path) -> Vectors:
        """The vectors of a video, with one call of the network a frame."""
        maps, rows = [], []
        for picture in pictures(path, 1):
            maps.append(F.normalize(network(picture)[0], dim=1))
            if len(maps) == SEGMENT:
                segment = torch.cat(maps)
                rows.append(torch.cat([segment.mean((0, 2, 3)), segment.amax((0, 2, 3))]).numpy())
                maps = []
        return np.stack(rows)

    return extract


def naive_mobilenet() -> Extract:
    """OpenCV, explicit normalisation, torchvision's network on every third frame."""
    from torchvision.models import mobilenet_v3_large

    torch.manual_seed(0)
    network = mobilenet_v3_large().eval()

    @torch.inference_mode()
    def extract(path: Path) -> Vectors:
        """The vectors of a video, with one call of the network for each frame that is used."""
        return np.concatenate([network.features(one).mean((2, 3)).numpy() for one in pictures(path, 3)])

    return extract


def pictures(path: Path, stride: int) -> Any:  # noqa: ANN401 - a generator of tensors
    """Every so many frames of a video as the loops take them: [1, 3, 224, 224], normalised."""
    import cv2

    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    capture, index = cv2.VideoCapture(str(path)), 0
    while (read := capture.read())[0]:
        if index % stride == 0:
            image = cv2.cvtColor(cv2.resize(read[1], (224, 224)), cv2.COLOR_BGR2RGB)
            yield ((torch.from_numpy(image).permute(2, 0, 1).float() / 255 - mean) / std)[None]
        index += 1


def project(**settings: object) -> Extract:
    """An extractor of this project on the CPU."""
    extractor = load_extractor({"device": "cpu", **settings})
    return lambda path: extractor.extract(source(path)).features


class Answer(NamedTuple):
    """What a process says about one clip."""

    vectors: Vectors
    cpu_seconds: float
    memory_mb: float


def serve(way: Callable[[], Extract], threads: int | None, orders: Connection) -> None:
    """Extract each path from the pipe and answer, until None comes."""
    if threads:
        torch.set_num_threads(threads)
    extract = way()
    while (path := orders.recv()) is not None:
        start = table.all_cpu_seconds()
        vectors = extract(path)
        spent = table.all_cpu_seconds() - start
        orders.send(Answer(vectors, spent, table.peak_mb()))


class Team:
    """Processes that extract the same clip at the same time, started and warmed up."""

    def __init__(self, way: Callable[[], Extract], size: int, warm_up: Path, threads: int | None = 1) -> None:
        context = multiprocessing.get_context("spawn")
        self.lines, self.memory_mb = [], 0.0
        self.speeds: list[float] = []
        self.cpu: list[float] = []
        for _ in range(size):
            line, far_end = context.Pipe()
            context.Process(target=serve, args=(way, threads, far_end), daemon=True).start()
            self.lines.append(line)
        for _ in range(2):  # The second time, the allocator has found its size.
            self.extract(warm_up)
        self.short_mb = self.memory_mb

    def extract(self, path: Path) -> tuple[float, list[Answer]]:
        """All processes extract the clip at once: seconds until the last is done, and what they answered."""
        start = time.perf_counter()
        for line in self.lines:
            line.send(path)
        answers: list[Answer] = [line.recv() for line in self.lines]
        self.memory_mb = max(answer.memory_mb for answer in answers)
        return time.perf_counter() - start, answers

    def measure(self, path: Path, n_frames: int) -> Vectors:
        """Extract once; note frames per second of all processes together, and CPU seconds of one frame."""
        seconds, answers = self.extract(path)
        self.speeds.append(n_frames * len(self.lines) / seconds)
        self.cpu += [answer.cpu_seconds / n_frames for answer in answers]
        return answers[0].vectors

    def dismiss(self) -> None:
        """End the processes."""
        for line in self.lines:
            line.send(None)

    @property
    def speed(self) -> float:
        """Median frames per second of the machine."""
        return statistics.median(self.speeds)

    @property
    def frame_seconds(self) -> float:
        """Median CPU seconds of one frame."""
        return statistics.median(self.cpu)


class Clips(NamedTuple):
    """A clip, a tenth of it to warm up with, and its start for the loops: on a busy machine they crawl."""

    short: Path
    clip: Path
    start: Path
    n_frames: int


def rows(n_frames: int = 320, repeats: int = 3) -> list[Row]:
    """The rows of the table: XFeat in each precision, and MobileNetV3."""
    with tempfile.TemporaryDirectory() as folder:
        clips = Clips(Path(folder, "short.mp4"), Path(folder, "clip.mp4"), Path(folder, "start.mp4"), n_frames)
        write_video(clips.start, scene(STARTING, 240, 320), bit_rate=1_800_000)
        write_video(clips.short, scene(n_frames // 10, 240, 320), bit_rate=1_800_000)
        write_video(clips.clip, scene(n_frames, 240, 320), bit_rate=1_800_000)
        peaks = {dtype: limit.peak(dtype) for dtype in (torch.float32, torch.bfloat16)}
        found = xfeat_rows(clips, repeats, peaks)
        return [*found, frames_row(clips, repeats, peaks[torch.float32])]


def xfeat_rows(clips: Clips, repeats: int, peaks: dict[torch.dtype, float]) -> list[Row]:
    """XFeat: each precision that this machine can beside one naive loop, and that loop with one thread."""
    cores = len(os.sched_getaffinity(0))
    why_not = why_no_float16()
    precisions = ("float32", "bfloat16") if why_not else ("float32", "bfloat16", "float16")
    loop, one_thread = Team(naive_xfeat, 1, clips.short, None), Team(naive_xfeat, 1, clips.short)
    teams = {name: Team(partial(project, extractor="xfeat", precision=name), cores, clips.short) for name in precisions}
    exact = teams["float32"]
    reading, difference = [], 0.0
    for _ in range(repeats):
        expected = loop.measure(clips.start, STARTING)
        one_thread.measure(clips.start, STARTING)
        reading.append(_reading_seconds(clips, 1))
        for team in teams.values():
            team.measure(clips.clip, clips.n_frames)
        found = exact.extract(clips.start)[1][0].vectors
        difference = float(np.abs(found - expected).max())
    for team in (loop, one_thread, *teams.values()):
        team.dismiss()
    half = peaks[torch.bfloat16]
    operations = {"float32": XFEAT_FLOPS / peaks[torch.float32], "bfloat16": XFEAT_FLOPS / half}
    operations["float16"] = operations["bfloat16"]
    decoded = statistics.median(reading)
    rows = {name: _row(f"XFeat {name}", loop, team, decoded + operations[name]) for name, team in teams.items()}
    rows["float32"] = rows["float32"]._replace(bars=_exact_bars(rows["float32"], exact, difference))
    if why_not:
        rows["float16"] = Row("XFeat float16", ours=why_not)
    else:
        bars = [at_least_when_quiet("ours / naive", rows["float16"].ratio or 0, HALF_BAR)]
        rows["float16"] = rows["float16"]._replace(bars=bars)
    ours, naive = 1 / exact.frame_seconds, 1 / one_thread.frame_seconds
    limit_of_one = 1 / (decoded + operations["float32"])
    cells = (f"{speed:.0f} frames/s" for speed in (naive, ours, limit_of_one))
    single = Row("XFeat float32, CPU seconds of one thread", *cells, ratio=ours / naive, share=ours / limit_of_one)
    return [*rows.values(), single]


def _reading_seconds(clips: Clips, stride: int) -> float:
    """CPU seconds of one frame, decoded and brought to the network's size."""
    return table.cpu_seconds({"read": limit.decode(clips.clip, 224, stride)}, 1)["read"] / clips.n_frames


def _exact_bars(row: Row, team: Team, difference: float) -> list[tuple[str, bool | None]]:
    return [
        at_least_when_quiet("ours / naive", row.ratio or 0, EXACT_BAR),
        at_least("share of the limit", row.share or 0, LIMIT_BAR),
        at_most("largest difference from the loop, whose resizing is OpenCV's", difference, 0.05),
        at_most("peak memory of a process in MB", team.memory_mb, MEMORY_BAR_MB),
        at_most("its growth for 10 times the length in MB", team.memory_mb - team.short_mb, GROWTH_BAR_MB),
    ]


def _row(what: str, loop: Team, ours: Team, floor: float) -> Row:
    """A row of the table from the speeds of two teams and the CPU seconds that a frame needs at least."""
    cores = len(os.sched_getaffinity(0))
    return Row(
        what,
        f"{loop.speed:.0f} frames/s",
        f"{ours.speed:.0f} frames/s",
        f"{cores / floor:.0f} frames/s",
        ours.speed / loop.speed,
        floor / ours.frame_seconds,
    )


def why_no_float16() -> str:
    """Empty if this machine computes float16 fast and has the engine for it, else why not."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        flags = set()
    if not flags & FAST_FLOAT16:
        return "not supported by this CPU"
    try:
        import openvino  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError:
        return "OpenVINO is not installed"
    return ""


def frames_row(clips: Clips, repeats: int, peak: float) -> Row:
    """MobileNetV3 on every third frame."""
    cores = len(os.sched_getaffinity(0))
    loop = Team(naive_mobilenet, 1, clips.short, None)
    way = partial(project, extractor="mobilenet_v3", weights="random", frame_stride=3)
    ours = Team(way, cores, clips.short)
    reading: list[float] = []
    for _ in range(repeats):
        loop.measure(clips.start, STARTING)
        ours.measure(clips.clip, clips.n_frames)
        reading.append(_reading_seconds(clips, 3))
    for team in (loop, ours):
        team.dismiss()
    floor = statistics.median(reading) + MOBILENET_FLOPS / peak / 3
    row = _row("MobileNetV3, every third frame", loop, ours, floor)
    return row._replace(bars=[at_least_when_quiet("ours / naive", row.ratio or 0, FRAMES_BAR)])


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=320, help="length of the clip, a multiple of 16")
    parser.add_argument("--repeats", type=int, default=3, help="measurements of each way")
    options = parser.parse_args()
    print(table.state())
    torch.set_num_threads(1)
    return table.show(rows(options.frames, options.repeats))


if __name__ == "__main__":
    sys.exit(main())
