"""A tiny copy of the whole project that tests can run, change and break."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from stages.plan.installed import Installed
from stages.plan.jobs import Jobs
from stages.plan.report import Reports
from tests import preloaded
from vad.params import load

ROOT = Path(__file__).parents[1]
REAL_DATA = Path(os.environ.get("VAD_REAL_DATA", ROOT.parent / "shared" / "data"))
"""Real data for local checks: used where it is there, never needed."""
BIN = Path(sys.executable).parent
LONGEST_S = 900
"""For one command, on a busy machine too."""
PARTS = ("Snakefile", "dvc.yaml", ".dvc", ".dvcignore", ".gitignore", "envs", "profiles", "stages", "vad")
NOT_COPIED = shutil.ignore_patterns("__pycache__", "cache", "tmp", "config.local")
PARAMS = """\
seeds: [0]
datasets:
  mini_crime:
    kind: mini_crime
    train_videos: 8
    test_videos: 4
    seconds_min: 1.0
    seconds_max: 2.0
    width: 160
    height: 120
    validation: {fraction: 0.4, seed: 0}
  ucf_crime: {kind: ucf_crime, root: null}
features:
  xfeat: {extractor: xfeat, size: 64}
variants:
  mil:
    dataset: mini_crime
    features: xfeat
    model: c3d_mil
    model_args: {hidden_width: 8}
    train: {optimiser: adagrad, lr: 0.01, epochs: 2, batch: 2, select_by: video_auc, keep_epochs: 1}
    infer: {video_score: max}
  ae:
    dataset: mini_crime
    features: xfeat
    model: lstm_memory_ae
    model_args: {window: 2, stride: 1, hidden_width: 8, latent_width: 4, memory_slots: 3}
    train: {optimiser: adam, lr: 0.001, epochs: 2, batch: 8, select_by: validation_loss}
    infer: {video_score: max}
  mil_ucf:
    dataset: ucf_crime
    features: xfeat
    model: c3d_mil
    model_args: {}
    train: {optimiser: adagrad, lr: 0.01, epochs: 2, batch: 2}
    infer: {}
evaluate:
  bootstrap: {resamples: 50}
report: {dpi: 50}
"""


class Plan(NamedTuple):
    """What the Snakefile knows of a params.yaml."""

    installed: Installed
    jobs: Jobs
    reports: Reports

    @classmethod
    def read(cls, path: Path) -> "Plan":
        """As the Snakefile reads it; nothing is written."""
        installed = Installed(load(path))
        jobs = Jobs(installed)
        return cls(installed, jobs, Reports(installed, jobs))


class Project:
    """A project folder of its own, outside this checkout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = self.errors = ""
        """What the last run of Snakemake or DVC printed on stdout and stderr."""

    @classmethod
    def new(cls, folder: Path, params: str = PARAMS) -> "Project":
        """The code of this checkout with other params."""
        folder.mkdir(parents=True)
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, folder / part, ignore=NOT_COPIED)
            else:
                shutil.copy2(source, folder / part)
        (folder / "data/raw").mkdir(parents=True)
        shutil.copy2(ROOT / "data/raw/.gitignore", folder / "data/raw")
        project = cls(folder)
        project.write("params.yaml", params)
        return project

    def copy(self, folder: Path) -> "Project":
        """Everything as it stands, file times included."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project(folder)

    def write(self, name: str, text: str) -> None:
        """Write a text file."""
        (self.folder / name).write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text that must be there."""
        text = (self.folder / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment in the project; its output is shown when it fails."""
        path = os.pathsep.join(filter(None, [os.environ.get(preloaded.FOLDER), str(BIN), os.environ["PATH"]]))
        env = {**os.environ, "PATH": path, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=LONGEST_S)
        if check and done.returncode:
            raise AssertionError(
                f"{' '.join(command)} ended with {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
            )
        return done

    def snakemake(self, *arguments: str, check: bool = True) -> list[str]:
        """Run snakemake; which artefacts were made (not merely looked at)."""
        return self._made(["snakemake", "--cores", "2", *arguments], check)

    def repro(self, *arguments: str) -> list[str]:
        """Run dvc repro; which artefacts were made."""
        return self._made(["dvc", "repro", *arguments], True)

    def repro_with_stages(self) -> tuple[list[str], list[str]]:
        """Run dvc repro; which artefacts were made, and which stages started."""
        made = self.repro()
        return made, re.findall(r"Running stage '([^']+)'", self.output)

    def _made(self, command: list[str], check: bool) -> list[str]:
        shutil.rmtree(self.folder / "logs", ignore_errors=True)
        done = self.run(*command, check=check)
        self.output, self.errors = done.stdout, done.stderr
        lines = [line for log in (self.folder / "logs").rglob("*.log") for line in log.read_text().splitlines()]
        return sorted(line.removeprefix("made ") for line in lines if line.startswith("made "))
