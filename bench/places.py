"""Time and memory of evaluating score maps, with intervals and three rows without pixels: `python -m bench.places`.

Beside the metrics of frames, for one run: the size of UCF-Crime's test list (290 videos, 1.1 million frames, a map of
8 x 8 cells every 16th frame, boxes on every 16th frame of 140 events), and Ped2 and Avenue together (33 sequences,
17,334 frames, a map of 32 x 32 cells each, masks). Files are read, too. Limits: 20 CPU seconds and 1.5 GB each.
"""

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from bench import table
from bench.metrics import annotations
from bench.table import Row, at_most
from vad.localisation.geometry import Geometry
from vad.localisation.map_files import write_maps
from vad.localisation.maps import VideoMaps
from vad.localisation.run_maps import RunMaps
from vad.localisation.truth import NO_TRACK, BoxTruth, MaskTruth
from vad.localisation.truth_tables import UNKNOWN, write_truth
from vad.schema.evaluate import Bootstrap

SECONDS_LIMIT, MEMORY_LIMIT_MB = 20.0, 1500.0
PED2, AVENUE = (240, 360), (360, 640)
"""Height and width of a picture."""
LENGTHS = {PED2: [167] * 12, AVENUE: [730] * 21}
"""Frames of the test sequences, evenly: 2,004 and 15,330."""


def sparse(folder: Path) -> dict[str, int]:
    """Write maps and boxes of 290 videos and maps of ten normal validation videos; returns the labels."""
    generator, labels = np.random.default_rng(0), {}
    for one in annotations():
        frames, label = np.arange(8, one.n_frames, 16), int(bool(one.intervals))
        maps = generator.random((len(frames), 8, 8)).astype(np.float32)
        write_maps(folder / f"maps/{one.video_id}.npz", VideoMaps(maps, frames, Geometry(240, 320, 8, 8)))
        labels[one.video_id] = label
        if label:
            (start, end), *_ = one.intervals
            boxed = np.arange(int(start), int(end), 16)
            edges = np.tile([100.0, 80.0, 180.0, 150.0], (len(boxed), 1))
            tracks = np.full(len(boxed), NO_TRACK)
            write_truth(folder / f"truth/{one.video_id}.npz", BoxTruth(*UNKNOWN, boxed, tracks, edges, sparse=True))
    _normal(folder, generator, (240, 320), 8)
    return labels


def dense(folder: Path) -> dict[str, int]:
    """Write maps and masks of 33 sequences and maps of ten normal validation sequences; returns the labels."""
    generator, labels = np.random.default_rng(0), {}
    for (height, width), lengths in LENGTHS.items():
        mask = np.zeros((height, width), bool)
        mask[100:140, 200:230] = mask[20:40, 20:50] = True
        for number, length in enumerate(lengths):
            name = f"{height}_{number}"
            maps = generator.exponential(size=(length, 32, 32)).astype(np.float32)
            write_maps(folder / f"maps/{name}.npz", VideoMaps(maps, np.arange(length), Geometry(height, width, 32, 32)))
            write_truth(folder / f"truth/{name}.npz", MaskTruth(height, width, length, _in_the_middle(mask, length)))
            labels[name] = 1
    _normal(folder, generator, PED2, 32)
    return labels


def _in_the_middle(mask: np.ndarray, length: int) -> Callable[[int], np.ndarray]:
    """Masks of which a third is anomalous."""
    return lambda frame: mask if length // 3 < frame < 2 * length // 3 else np.zeros_like(mask)


def _normal(folder: Path, generator: np.random.Generator, size: tuple[int, int], side: int) -> None:
    """Maps of validation videos, for the row `static`."""
    for number in range(10):
        maps = generator.random((100, side, side)).astype(np.float32)
        write_maps(
            folder / f"maps/validation{number}.npz", VideoMaps(maps, np.arange(100), Geometry(*size, side, side))
        )


def measured(folder: Path, labels: dict[str, int]) -> tuple[float, float]:
    """CPU seconds of one run, and the peak memory of this process in MB."""
    begin = time.process_time()
    found = RunMaps(labels, folder / "truth", Bootstrap()).evaluate(folder / "maps")
    assert found is not None
    return time.process_time() - begin, table.peak_mb()


def rows() -> list[Row]:
    """Two rows for each kind of data set, measured in a process of its own."""
    found = []
    kinds = {"290 videos, maps every 16th frame": sparse, "Ped2 and Avenue, a map each frame": dense}
    for name, write in kinds.items():
        with tempfile.TemporaryDirectory() as folder:
            labels = write(Path(folder))
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                seconds, memory = pool.submit(measured, Path(folder), labels).result()
        bars = [at_most("CPU seconds", seconds, SECONDS_LIMIT)]
        found.append(Row(f"{name}: localisation metrics", ours=f"{seconds:.2f} s", bars=bars))
        found.append(Row("its memory", ours=f"{memory:.0f} MB", bars=[at_most("MB", memory, MEMORY_LIMIT_MB)]))
    return found


def main() -> int:
    """Measure, print, and judge."""
    print(table.state())
    return table.show(rows())


if __name__ == "__main__":
    sys.exit(main())
