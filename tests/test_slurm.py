"""A real SLURM of one node on loopback runs a tiny project: `make test-slurm` (docs/scale.md says what it needs)."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests import slurm
from tests.project import BIN, Project
from tests.results import results

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.skipif("VAD_SLURM" not in os.environ, reason="opt-in: make test-slurm"),
]
QUICK = ("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2")
COMMAND = (
    *("snakemake", "--workflow-profile", "profiles/slurm", "--cores", "2", "--resources", "gpu=1", "mem_mb=10000"),
    *("--slurm-no-account", "--latency-wait", "5", "--seconds-between-status-checks", "2", *QUICK),
)
SECONDS = 900
STATE_OF_A_RUN = ("state/stat.json", "state/whole_run.json", "state/parsed.json", "state/targets.json")
"""What the main process alone writes at its end."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[slurm.Cluster]:
    """A cluster; the test fails, and says what to install, where that is impossible."""
    if lacking := slurm.missing():
        pytest.fail("make test-slurm needs " + "; ".join(lacking))
    folder = Path(tempfile.mkdtemp(prefix="vad-slurm-"))
    folder.chmod(0o755)
    cluster = slurm.Cluster(folder, cores=2, memory=12000)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def fresh(finished: Project, tmp_path: Path) -> Project:
    """The finished project without anything that it made."""
    return Project.new(tmp_path / "project", (finished.folder / "params.yaml").read_text())


@pytest.fixture
def start(cluster: slurm.Cluster) -> Iterator[Callable[[Project], "subprocess.Popen[bytes]"]]:
    """Starts whole runs on the cluster, whose output is added to run.log; none outlives the test."""
    runs = []
    # A shell has its background processes ignore Ctrl-C, and so would the runs.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda project: runs.append(_start(project, cluster)) or runs[-1]
    signal.signal(signal.SIGINT, before)
    for run in runs:
        run.kill()
        run.wait()


def _start(project: Project, cluster: slurm.Cluster) -> "subprocess.Popen[bytes]":
    path = f"{cluster.folder / 'bin'}:{BIN}:{os.environ['PATH']}"
    env = {**os.environ, **cluster.environment, "PATH": path, "PYTHONPATH": str(project.folder)}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    with (project.folder / "run.log").open("ab") as log:
        return subprocess.Popen(COMMAND, cwd=project.folder, env=env, stdout=log, stderr=subprocess.STDOUT)


def wait_for(what: Callable[[], object], process: "subprocess.Popen[bytes]", project: Project) -> None:
    """Wait until something is true while a run goes on."""
    deadline = time.monotonic() + SECONDS
    while not what():
        assert process.poll() is None, (project.folder / "run.log").read_text()[-4000:]
        assert time.monotonic() < deadline
        time.sleep(0.1)


def running(project: Project, module: str) -> list[psutil.Process]:
    """The processes of a room's jobs in a project's folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if module in process.cmdline() and process.cwd() == str(project.folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


def submitted(project: Project, rule: str) -> list[str]:
    """The numbers of the cluster's jobs that were submitted for a rule, in order."""
    return re.findall(rf"SLURM jobid (\d+) \(log: \S*{re.escape(rule)}", (project.folder / "run.log").read_text())


def below_params(project: Project) -> dict[str, tuple[int, bytes]]:
    """Time and bytes of what a run writes before its first job."""
    top = project.folder / ".params"
    files = [path for path in top.rglob("*") if path.is_file()]
    names = {path.relative_to(top).as_posix(): path for path in files}
    return {
        name: (path.stat().st_mtime_ns, path.read_bytes()) for name, path in names.items() if name not in STATE_OF_A_RUN
    }


def test_a_whole_run_on_a_cluster(
    cluster: slurm.Cluster, start: Callable[[Project], Any], fresh: Project, finished: Project
) -> None:
    """One job is killed and tried again, the run is cancelled and given again: all bytes as on one machine.

    The second try asks for twice the time and memory; the jobs of the cluster, which load the Snakefile again, write
    nothing below .params; short jobs share one job of the cluster.
    """
    run = start(fresh)
    wait_for(lambda: running(fresh, "stages.features.run"), run, fresh)
    before = below_params(fresh)
    victim = running(fresh, "stages.features.run")[0]
    victim.send_signal(signal.SIGKILL)
    wait_for(lambda: running(fresh, "stages.train.run"), run, fresh)
    retried = {rule: submitted(fresh, rule) for rule in (f"features.xfeat.mini_crime.{i}" for i in range(4))}
    first, second = next(map(cluster.asked, numbers) for numbers in retried.values() if len(numbers) == 2)
    after = below_params(fresh)
    run.send_signal(signal.SIGINT)
    code = run.wait(60)
    states = cluster.jobs().values()
    if (fresh.folder / ".snakemake/locks").is_dir():
        fresh.run("snakemake", "--unlock")
    made = {path: path.stat().st_mtime_ns for path in (fresh.folder / "data/features").rglob("*.npz")}
    again = start(fresh)

    assert 0 == again.wait(SECONDS), (fresh.folder / "run.log").read_text()[-4000:]
    assert 0 != code
    assert "CANCELLED" in states
    assert not {"RUNNING", "PENDING"} & set(states)
    assert before == after
    assert sorted(len(numbers) for numbers in retried.values()) == [1, 1, 1, 2]
    assert ("00:40:00", "01:20:00") == (first["TimeLimit"], second["TimeLimit"])
    assert ("2500M", "5000M") == (first["MinMemoryNode"], second["MinMemoryNode"])
    assert results(finished.folder) == results(fresh.folder)
    assert made == {path: path.stat().st_mtime_ns for path in made}
    assert 1 == len(submitted(fresh, "split_raw.mini_crime"))
    assert 0 == fresh.run("python", "-m", "vad", "verify").returncode
    assert [] == fresh.snakemake()
