"""Rooms train and infer on generated features of UCF-Crime's shape: `make full-size`, `python -m bench.full_size`.

1,900 videos with the lengths of the data set (a file of frame counts, or lengths drawn so that longest and sum are
equal), ten crops of 1,024 numbers every 16 frames. All of them are 35 GB: `--share` takes every n-th video in the order
of lengths, always with the longest. Each room runs in a process of its own. Its own memory is what no other process
can have (RssAnon); all of it includes the pages of mapped files, which the system takes back when it needs them.
"""

import argparse
import csv
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int
from tabulate import tabulate

from bench import table
from stages.plan.memory import Shape, infer_mb, train_mb
from vad.artefacts.features import FeatureFile, write_features

VIDEOS, TRAIN, FRAMES, LONGEST = 1900, 1610, 13_768_423, 976_515
"""Videos of UCF-Crime, those of its train list, frames of all of them, and of the longest."""
ROW_FRAMES, CROPS, DIM = 16, 10, 1024
LEAST = 20
"""Videos: fewer have no validation part with both labels."""
SPREAD = 1.1
"""Standard deviation of the logarithm of drawn lengths."""
HEADS = ("room", "what", "wall s", "CPU s", "own memory MB", "all memory MB", "mem_mb")
STEPS = {"optimiser": "adam", "lr": 1e-4, "epochs": 1, "batch": 4, "steps_per_epoch": 2}
ROOMS: dict[str, dict[str, Any]] = {
    "train bags": {"model": "urdmu", "model_args": {}, "train": {**STEPS, "select_by": "video_auc"}},
    "train windows": {
        "model": "lstm_memory_ae",
        "model_args": {"window": 10, "stride": 500},
        "train": {**STEPS, "batch": 64, "select_by": "validation_loss"},
    },
    "infer rows": {"model": "deepmil", "model_args": {}, "train": {**STEPS, "select_by": "last"}},
}
"""What is trained or scored in each room; windows far apart, because their number changes time and not memory."""


def drawn_lengths(seed: int = 0) -> Int[np.ndarray, " videos"]:
    """Frames of 1,900 videos: log-normal, as long together and with the longest of UCF-Crime."""
    logs = np.random.default_rng(seed).normal(0, SPREAD, VIDEOS - 1)
    rest = np.exp(logs) / np.exp(logs).sum() * (FRAMES - LONGEST)
    frames = np.clip(rest, ROW_FRAMES, LONGEST).astype(np.int64)
    frames[frames.argmax()] += FRAMES - LONGEST - frames.sum()
    return np.append(frames, LONGEST)


def read_lengths(path: Path) -> Int[np.ndarray, " videos"]:
    """Frames of the videos in a table with a column `n_frames` or `n_frames_a`."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    column = "n_frames" if "n_frames" in rows[0] else "n_frames_a"
    return np.array([int(row[column]) for row in rows])


def chosen(frames: Int[np.ndarray, " videos"], share: float) -> Int[np.ndarray, " chosen"]:
    """Rows of every n-th video in the order of lengths, the longest first."""
    count = max(round(share * len(frames)), LEAST)
    places = np.arange(count) * len(frames) // count
    return np.maximum(np.sort(frames)[::-1][places] // ROW_FRAMES, 1)


def write(folder: Path, rows: Int[np.ndarray, " videos"]) -> None:
    """The feature files; a block of random numbers is repeated in them."""
    block = np.random.default_rng(0).normal(size=(256, CROPS, DIM)).astype(np.float32)
    for number, count in enumerate(rows):
        features = np.resize(block, (count, CROPS, DIM))
        bounds = np.arange(count + 1, dtype=np.int64) * ROW_FRAMES
        write_features(folder / f"{number:04}.npz", FeatureFile(features, bounds, {}))


class Peaks:
    """The most memory that this process had, asked for fifty times a second."""

    def __init__(self) -> None:
        self.own = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            found = re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())
            self.own = max(self.own, int(found[1]) / 1024 if found else 0.0)

    def of(self, work: Callable[[], object]) -> dict[str, float]:
        """Seconds and MB of some work."""
        self._thread.start()
        start = time.perf_counter()
        work()
        wall = time.perf_counter() - start
        self._ended.set()
        self._thread.join()
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "own": self.own, "all": table.peak_mb()}


def room(name: str, folder: Path) -> dict[str, float]:
    """What one room takes, measured in this process."""
    import pandas as pd

    from vad.engine.build import build
    from vad.engine.score_run import ListedVideo, score_run
    from vad.engine.train_run import VariantTraining
    from vad.schema.infer import Infer
    from vad.schema.train import Train

    section = ROOMS[name]
    files = sorted(folder.glob("*.npz"))
    train, out = train_files(files), folder / "run"
    settings = Train.model_validate({**section["train"], "device": "cpu"})
    section = {**section, "train": settings.model_dump()}

    def trained(paths: list[Path], run: Path) -> None:
        parts = ["validation" if number % 5 == 4 else "fit" for number in range(len(paths))]
        labels = [number // 5 % 2 if part == "validation" else number % 2 for number, part in enumerate(parts)]
        videos = pd.DataFrame({"label": labels, "part": parts})
        VariantTraining(section, settings, videos, paths, folder=folder).run(0, 1, run)

    if name.startswith("train"):
        return Peaks().of(lambda: trained(train, out))
    trained(train[-10:], out)
    build(section["model"], section["model_args"], DIM)  # what is imported once is not the room's work
    videos = [ListedVideo(path.stem, "test", path) for path in (files[0], *files[len(train) :])]
    return Peaks().of(lambda: score_run(out, videos, Infer.model_validate({}), 1))


def train_files(files: list[Path]) -> list[Path]:
    """Those of the train list: as large a share as in UCF-Crime, of all lengths, with the longest."""
    return [path for number, path in enumerate(files) if number * TRAIN // VIDEOS != (number - 1) * TRAIN // VIDEOS]


def validation_cost(rows: Int[np.ndarray, " videos"], videos: int = 322) -> tuple[float, float]:
    """Multiply-adds, in 10^12, of scores of UR-DMU (published size) for a validation part: of bags, and of all rows.

    The formula of tests/models/test_urdmu.py, for as many of the videos as the validation part of UCF-Crime has.
    """

    def of(length: np.ndarray) -> float:
        return float((6_545_536 * length + 3_072 * length.astype(float) ** 2).mean() * videos * CROPS / 1e12)

    return of(np.array([200])), of(rows)


def main() -> int:
    """Generate, run each room in a process of its own, print the table, judge each by the memory that it asks for."""
    flags = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    flags.add_argument("--folder", type=Path, default=Path("data/full_size"), help="a folder of it is made and deleted")
    flags.add_argument("--share", type=float, default=0.1, help="share of the videos, 0 < share <= 1; 1 needs 47 GB")
    flags.add_argument("--lengths", type=Path, help="a table with frame counts; without it they are drawn")
    flags.add_argument("--room", choices=list(ROOMS), help=argparse.SUPPRESS)
    args = flags.parse_args()
    if args.room:
        print(json.dumps(room(args.room, args.folder)))
        return 0
    frames = read_lengths(args.lengths) if args.lengths else drawn_lengths()
    rows = chosen(frames, args.share)
    size = int(rows.sum()) * CROPS * DIM * 4
    needed = 1.2 * (size + len(rows) * CROPS * 200 * DIM * 4)  # a fifth to spare: others write here too
    args.folder.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(args.folder).free) < needed:
        print(f"{args.folder}: {needed / 1e9:.0f} GB are needed, {free / 1e9:.0f} are free. Give a smaller --share.")
        return 2
    print(f"{len(rows):,} of {len(frames):,} videos, {rows.sum():,} rows of {CROPS} x {DIM}: {size / 1e9:.1f} GB")
    shape = Shape(len(rows), CROPS, DIM, int(rows.max()))
    found = []
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        write(folder, rows)
        for title, section in ROOMS.items():
            command = [sys.executable, "-m", "bench.full_size", "--room", title, "--folder", name]
            ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            measured = json.loads(ran.stdout)
            print(f"{title}: {measured}", flush=True)  # a room takes minutes
            asked = train_mb(shape) if title.startswith("train") else infer_mb(shape)
            found.append((title, section["model"], *(round(measured[k]) for k in ("wall", "cpu", "own", "all")), asked))
    print(tabulate(found, HEADS, tablefmt="github"))
    bags, whole = validation_cost(frames // ROW_FRAMES)
    print(f"scores of one validation, UR-DMU, all videos: {bags:.1f} T multiply-adds of bags, {whole:,.0f} of all rows")
    return int(any(row[4] > row[6] for row in found))


if __name__ == "__main__":
    sys.exit(main())
