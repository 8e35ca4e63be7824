"""What planning costs before and beside the work of jobs: `python -m bench.planning`, in CPU seconds and peak memory.

The lists have the form of UCF-Crime's and generated names; the published features are random numbers. Each command runs
as a user would start it, in a folder of its own, with the processes that it starts.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench import table
from bench.table import Row, at_most

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
CODE = ("Snakefile", "profiles", "envs", "stages", "vad")
ANOMALOUS = ("Abuse", "Arson", "Assault", "Fighting", "Robbery", "Stealing")
TEST_SHARE = 0.15
MANY, REAL = 20_000, 1_900
"""Videos: of a large collection, and of UCF-Crime."""
SEGMENTS, WIDTH = 57, 1024
"""Of a feature file: 1,900 of them have 441 MB, as many as published features of UCF-Crime in this shape."""
PARAMS = """\
seeds: [0]
datasets:
  crime: {kind: ucf_crime, root: lists, videos: absent, frame_counts: counts.txt}
features:
  published: {extractor: imported, root: features, dim: 1024}
variants:
  mil:
    dataset: crime
    features: published
    model: c3d_mil
    model_args: {hidden_width: 8}
    train: {optimiser: adagrad, lr: 0.01, epochs: 1, batch: 30}
    infer: {}
evaluate:
  bootstrap: {resamples: 50}
report: {dpi: 50}
"""


class Cost(NamedTuple):
    """What a command took.

    Attributes:
        cpu_s: CPU seconds of the command and everything that it started.
        peak_mb: memory of the largest of its processes, in MB.
        output: what it printed.
    """

    cpu_s: float
    peak_mb: float
    output: str


class Folder:
    """A project folder of generated lists and features, with the code of this checkout.

    Args:
        folder: where it is made.
        videos: how many the lists name.
        filled: the feature files hold numbers; False = they are empty, which is enough to plan.
    """

    def __init__(self, folder: Path, videos: int, filled: bool) -> None:
        self.folder = folder
        for name in CODE:
            (folder / name).symlink_to(ROOT / name)
        (folder / "params.yaml").write_text(PARAMS)
        for name in ("lists", "features"):
            (folder / name).mkdir()
        names = {split: _names(split, count) for split, count in _sizes(videos).items()}
        lists = folder / "lists"
        (lists / "Anomaly_Train.txt").write_text("\n".join(names["train"]))
        (lists / "Anomaly_Test.txt").write_text("\n".join(names["test"]))
        marks = (f"{Path(n).name} {n.split('/')[0]} 10 90 -1 -1\n" for n in names["test"] if not n.startswith("Test"))
        (lists / "Temporal_Anomaly_Annotation.txt").write_text("".join(marks))
        every = [*names["train"], *names["test"]]
        (lists / "counts.txt").write_text("".join(f"{name} {SEGMENTS * 16}\n" for name in every))
        numbers = np.random.default_rng(0)
        for name in every:
            path = folder / "features" / f"{Path(name).stem}.npy"
            if filled:
                np.save(path, numbers.random((SEGMENTS, WIDTH), dtype=np.float32))
            else:
                path.touch()

    def run(self, *arguments: str) -> Cost:
        """Run Snakemake.

        Raises: RuntimeError if it fails.
        """
        # Through a process of its own: the kernel adds up what all children took.
        env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(self.folder)}
        command = [sys.executable, "-c", MEASURE, "snakemake", "--cores", "2", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-4000:]}")
        output, _, numbers = done.stdout.rstrip().rpartition("\n")
        cpu, peak = map(float, numbers.split())
        return Cost(cpu, peak, output)

    def edit(self, old: str, new: str) -> None:
        """Change params.yaml."""
        path = self.folder / "params.yaml"
        path.write_text(path.read_text().replace(old, new))


MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"\\n{used.ru_utime + used.ru_stime} {used.ru_maxrss / 1024}")
sys.exit(code)
"""


def _sizes(videos: int) -> dict[str, int]:
    """Videos of the train and of the test list."""
    test = round(videos * TEST_SHARE)
    return {"train": videos - test, "test": test}


def _names(split: str, count: int) -> list[str]:
    """Lines of a split list: half of them anomalous."""
    normal = "Training_Normal_Videos/Normal_Videos" if split == "train" else "Testing_Normal_Videos/Normal_Videos_"
    first = 1 if split == "train" else 500_000
    names = [f"{normal}{first + i:06}_x264.mp4" for i in range(count // 2)]
    kinds = (ANOMALOUS[i % len(ANOMALOUS)] for i in range(count - len(names)))
    return [*(f"{kind}/{kind}{first + i:06}_x264.mp4" for i, kind in enumerate(kinds)), *names]


def rows() -> list[Row]:
    """Plans for many videos, after a changed setting, and the import of published features."""
    with tempfile.TemporaryDirectory() as name:
        many, real = Path(name, "many"), Path(name, "real")
        for folder in (many, real):
            folder.mkdir()
        plans = Folder(many, MANY, filled=False)
        plans.run("-n", "-q", "all")  # the first check of params.yaml by this code imports torch
        dry = plans.run("-n", "-q", "all")
        plans.edit("hidden_width: 8", "hidden_width: 9")
        changed = plans.run("-n", "-q", "all")
        plans = Folder(real, REAL, filled=True)
        plans.run("-n", "-q", "all")
        small = plans.run("-n", "-q", "all")
        plans.edit("hidden_width: 8", "hidden_width: 9")
        small_changed = plans.run("-n", "-q", "all")
        imported = plans.run("features_published", "-q", "all")
        again = plans.run("features_published", "-q", "all")
    return [
        _row(f"dry run, {MANY:,} videos", dry, cpu_s=30, peak_mb=400),
        _row("the same after a changed setting", changed, cpu_s=34, peak_mb=400),
        _row(f"dry run, {REAL:,} videos, after a changed setting", small_changed, cpu_s=small.cpu_s + 4, peak_mb=250),
        _row(f"import of {REAL:,} published feature files, 441 MB", imported, cpu_s=60),
        _row("the same with nothing to do", again, cpu_s=6),
    ]


def _row(what: str, cost: Cost, cpu_s: float, peak_mb: float | None = None) -> Row:
    """A line of the table with its bars."""
    bars = [at_most("CPU seconds", cost.cpu_s, cpu_s)]
    bars += [at_most("MB", cost.peak_mb, peak_mb)] if peak_mb else []
    return Row(what, "", f"{cost.cpu_s:.1f} CPU s, {cost.peak_mb:.0f} MB", bars=bars)


if __name__ == "__main__":
    sys.exit(table.main(rows))
