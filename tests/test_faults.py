"""Something breaks: it is named, nothing wrong is kept, and the same command again ends with the right files.

The table in docs/faults.md names the test of each fault.
"""

import contextlib
import json
import os
import random
import re
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.project import BIN, Project
from vad.engine import checkpoints
from vad.ledger.objects import damaged

pytestmark = [pytest.mark.pipeline, pytest.mark.fault]
FEATURE = "data/features/xfeat/mini_crime"
FUTURE = 2_000_000_000


def start(project: Project, *command: str) -> "subprocess.Popen[str]":
    """Start a command in a process group of its own."""
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(project.folder)}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=project.folder, env=env, stdout=pipe, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def jobs(project: Project) -> list[str]:
    """The jobs that a dry run would start."""
    done = project.run("snakemake", "-n", "-q", "host", "reason")
    return re.findall(r"^ *Job \d+: (.+)", done.stdout, re.MULTILINE)


def hashes(project: Project) -> dict[str, str]:
    """What the records say of files before room report: those of room report hold measured times."""
    found = {}
    for path in (project.folder / "data").rglob("*.prov.json"):
        if "report" not in path.parts:
            found |= {name: out["sha256"] for name, out in json.loads(path.read_text())["outputs"].items()}
    return found


def flip(path: Path) -> None:
    """Flip one bit and keep the mode, as a disk does."""
    mode = path.stat().st_mode
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    path.chmod(stat.S_IMODE(mode))


def test_deleted_runs_are_absent_and_made_again(project: Project) -> None:
    """Behind a finished report nothing waits for weights and scores; both commands see that they are gone."""
    before = hashes(project)
    for folder in ("data/train/mil", "data/infer/mil"):
        (project.folder / folder).rename(project.folder / folder.replace("/", "_"))
    found = project.run("python", "-m", "vad", "verify", check=False)
    made = project.snakemake()

    assert 1 == found.returncode
    assert "2 of " in found.stdout
    assert "artefacts that params.yaml asks for are absent" in found.stdout
    assert "snakemake --cores all" in found.stdout
    assert "dvc pull" in found.stdout
    assert ["data/infer/mil/seed0.npz", "data/train/mil/seed0"] == made
    assert "are absent" in project.errors
    assert before == hashes(project)
    assert 0 == project.run("python", "-m", "vad", "verify").returncode


def test_one_damaged_file_starts_its_own_job(project: Project) -> None:
    """Of four feature jobs one, and what hangs on it; it alone is made."""
    damaged_file = sorted((project.folder / FEATURE).glob("*.npz"))[0]
    flip(damaged_file)
    planned = jobs(project)

    assert 1 == len([job for job in planned if job.startswith("features:")])
    assert [] == [job for job in planned if job.startswith("split:")]
    assert [f"{FEATURE}/{damaged_file.name}"] == project.snakemake()


OLDER = (
    "data/split/mini_crime/raw/Videos/*/*.mp4",
    "data/split/mini_crime/tables/train.csv",
    f"{FEATURE}/*.npz",
    "data/train/mil/seed0/weights.safetensors",
    "data/infer/mil/seed0.npz",
    "data/evaluate/mil/seed0/metrics.json",
)
"""One of each kind of file that a job reads."""


def test_older_files_in_place_of_others_are_seen(project: Project) -> None:
    """Each kind of file that a job reads, replaced by older content (`cp -p`): `vad verify` names these and no other.

    A dry run looks again at as many artefacts: at theirs, and at those that were made from them.
    """
    paths = [sorted(project.folder.glob(name))[0] for name in OLDER]
    for path in paths:
        path.write_bytes(path.read_bytes() + b"\n")
        os.utime(path, (1_000_000_000, 1_000_000_000))
    found = project.run("python", "-m", "vad", "verify", "--list", check=False)
    plan = project.run("snakemake", "-n", "-q", "host", "reason")
    problems = re.findall(r"^(\S+): (content differs from its record|input changed): (.+)", found.stdout, re.MULTILINE)

    assert 1 == found.returncode
    assert sorted(str(path.relative_to(project.folder)) for path in paths) == sorted(
        file for _, problem, file in problems if problem.startswith("content")
    )
    assert f"{len({artefact for artefact, *_ in problems})} artefact(s) to look at again" in plan.stderr


def test_a_file_dated_in_the_future_is_refused_by_name(project: Project) -> None:
    """Snakemake would delete what it makes from it: nothing starts, and `touch` is all that is needed."""
    path = project.folder / "data/train/mil/seed0/weights.safetensors"
    os.utime(path, (FUTURE, FUTURE))
    refused = project.run("snakemake", "--cores", "1", check=False)
    path.touch()

    assert 0 != refused.returncode
    assert f"{path.relative_to(project.folder)}: 2033-05-18" in refused.stderr
    assert "touch FILE" in refused.stderr
    assert [] == project.snakemake()


def test_killed_dvc_repro_goes_on(versioned: Project, tmp_path: Path) -> None:
    """SIGKILL for the whole group while a stage runs: after `snakemake --unlock` the same command ends right."""
    project = versioned.copy(tmp_path / "project")
    project.edit("params.yaml", "lr: 0.001", "lr: 0.002")
    process = start(project, "dvc", "repro", "evaluate@ae")
    deadline = time.monotonic() + 120
    while not (project.folder / ".snakemake/locks").is_dir() or not any(
        (project.folder / ".snakemake/locks").iterdir()
    ):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(random.Random(0).uniform(0, 2))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    project.run("snakemake", "--unlock")
    project.repro("evaluate@ae")
    found = project.run("python", "-m", "vad", "verify", "--list", check=False).stdout

    assert [line for line in found.splitlines() if "/ae" in line and "report" not in line] == []


def test_two_runs_at_once(project: Project) -> None:
    """The second ends at once and says why; the first is not disturbed."""
    project.edit("params.yaml", "lr: 0.001", "lr: 0.002")
    first = start(project, "snakemake", "--cores", "1", "train_ae")
    while not any((project.folder / ".snakemake/locks").glob("*")):
        assert first.poll() is None
        time.sleep(0.05)
    second = project.run("snakemake", "--cores", "1", "train_ae", check=False)
    output, _ = first.communicate()

    assert 0 != second.returncode
    assert "LockException" in second.stderr
    assert 0 == first.returncode, output


def test_a_job_that_dies_is_summed_up(project: Project) -> None:
    """A job that a signal ends says nothing itself: the summary names it, and no line is as long as its command."""
    names = [f"data/features/xfeat/mini_crime/{i:03d}.npz" for i in range(400)]
    rule = f"""
rule dies:
    output: "logs/never.txt"
    log: "logs/dies.log"
    params: names={names!r}
    shell: "kill -9 $$ # {{params.names}}"
"""
    project.write("Snakefile", (project.folder / "Snakefile").read_text() + rule)
    done = project.run("snakemake", "--cores", "1", "dies", check=False)
    lines = (done.stdout + done.stderr).splitlines()

    assert 0 != done.returncode
    assert "error: rule dies: ended without a message" in done.stderr
    assert "logs/dies.log" in done.stderr.split("error: rule dies")[1]
    assert 500 > max(map(len, lines))


@pytest.fixture
def stored(versioned: Project, tmp_path: Path) -> Callable[[], tuple[Project, Project]]:
    """Makes a project whose remote is a folder, everything pushed, and a clone of it."""

    def make() -> tuple[Project, Project]:
        project = versioned.copy(tmp_path / "project")
        project.run("dvc", "remote", "modify", "storage", "url", str(tmp_path / "store"), "--local")
        project.run("git", "clone", "-q", str(project.folder), str(tmp_path / "clone"))
        clone = Project(tmp_path / "clone")
        clone.run("dvc", "remote", "modify", "storage", "url", str(tmp_path / "store"), "--local")
        return project, clone

    return make


def test_a_damaged_object_is_found_and_not_pulled(stored: Callable[[], tuple[Project, Project]]) -> None:
    """DVC pushes what lies in its cache; `vad verify --cache` names it in both places, and the pull fails."""
    project, clone = stored()
    objects = sorted((project.folder / ".dvc/cache/files/md5").glob("??/*"))
    one = max((path for path in objects if not path.name.endswith(".dir")), key=lambda path: path.stat().st_size)
    flip(one)
    project.run("dvc", "push", "-q")
    found = project.run("python", "-m", "vad", "verify", "--cache", check=False)
    pulled = clone.run("dvc", "pull", "-q", check=False)

    assert 1 == found.returncode
    assert 2 == found.stdout.count("content is not what its name says")
    assert f"{one.parent.name}/{one.name}" in found.stdout
    assert "1 damaged" in found.stdout
    assert 0 != pulled.returncode
    assert (0, []) == (0, damaged(clone.folder / ".dvc/cache")[1])


def test_a_clone_without_data_says_what_is_absent(stored: Callable[[], tuple[Project, Project]]) -> None:
    """Before `dvc pull` everything below data/ is absent; after it all is there but the pages, which a run makes."""
    project, clone = stored()
    project.run("dvc", "push", "-q")
    before = clone.run("python", "-m", "vad", "verify", check=False)
    clone.run("dvc", "pull", "-q")
    after = clone.run("python", "-m", "vad", "verify")

    assert 1 == before.returncode
    assert "are absent" in before.stdout
    assert after.stdout.startswith("every artefact")
    assert "reports/site is not complete" in after.stdout
    assert hashes(project) == hashes(clone)


def test_dvc_notes_a_whole_run_at_once(versioned: Project, tmp_path: Path) -> None:
    """After a change and a run of Snakemake: one command, and no stage has anything to do; never before the run.

    A change of the rules that starts nothing counts too: the run that found nothing to do is noted.
    """
    project = versioned.copy(tmp_path / "project")
    project.edit("Snakefile", "# What a run asks for that", "# What a run may ask for that")
    assert project.run("python", "-m", "vad", "dvc-sync", check=False).returncode == 2
    project.snakemake()
    project.run("python", "-m", "vad", "dvc-sync")
    project.edit("params.yaml", "lr: 0.001", "lr: 0.002")
    refused = project.run("python", "-m", "vad", "dvc-sync", check=False)
    project.snakemake()
    project.run("python", "-m", "vad", "dvc-sync")

    assert 2 == refused.returncode
    assert "snakemake --cores all" in refused.stderr
    assert ([], []) == project.repro_with_stages()


def stop(process: "subprocess.Popen[str]", number: int, group: bool) -> str:
    """Send a signal to a run of Snakemake, or to its process group; what it printed until it ended."""
    (os.killpg if group else os.kill)(process.pid, number)
    output, _ = process.communicate(timeout=60)
    assert 1 == process.returncode, output
    return output


def test_a_stopped_run_gives_its_lock_back_and_goes_on(project: Project, tmp_path: Path) -> None:
    """SIGTERM to all (a cluster), SIGINT to all (Ctrl-C), SIGTERM to Snakemake alone (`kill`): each while it trains.

    The same command goes on without `--unlock`, and ends with the hashes of a run that was never stopped.
    """
    project.edit("params.yaml", "lr: 0.001, epochs: 2", "lr: 0.002, epochs: 12, steps_per_epoch: 100")
    whole = project.copy(tmp_path / "whole")
    whole.snakemake("evaluate_ae")
    checkpoint = project.folder / "data/train/ae/.seed0.checkpoint.pt"
    places = []
    for number, group in ((signal.SIGTERM, True), (signal.SIGINT, True), (signal.SIGTERM, False)):
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        process = start(project, "snakemake", "--cores", "1", "evaluate_ae")
        deadline = time.monotonic() + 120
        while not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.02)
        output = stop(process, number, group)
        content = checkpoints.load(checkpoint)
        places.append((len(content["history"]), content["done"]))

        assert f"stopped by {signal.Signals(number).name}: what is finished is kept" in output
        assert "Traceback" not in output
        assert "error: " not in output
        assert [] == list((project.folder / ".snakemake/locks").glob("*"))
    project.snakemake("evaluate_ae")

    assert places == sorted(set(places))
    assert hashes(whole) == hashes(project)
    assert [] == list((project.folder / "data/train/ae").glob(".*"))


@contextlib.contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[None]:
    """Mount something over a folder, as root, or skip the test."""
    if os.geteuid() or subprocess.run(["mount", *arguments, folder], capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_said_and_nothing_is_lost(project: Project) -> None:
    """Where the weights belong there is no room: the summary says so in one line, and the next run makes them."""
    project.edit("params.yaml", "lr: 0.001", "lr: 0.002")
    folder = project.folder / "data/train/ae"
    with mounted(folder, "-t", "tmpfs", "-o", "size=8k", "tmpfs"):
        (folder / ".keep").touch()  # Snakemake removes an empty folder, and fails at one that is mounted
        # Snakemake itself ends with an error here, and then waits for the timers that this setting gives a minute.
        project.snakemake("--max-jobs-per-timespan", "100/1s", "--", "train_ae", check=False)
        left = [path for path in folder.rglob("*") if path.is_file() and path.name != ".keep"]
    log = (project.folder / "logs/train/ae.log").read_text()
    summary = project.errors.split("\nerror: ")[1]

    assert summary.startswith("disk full at data/train/ae/.seed0.checkpoint.pt: No space left on device. Free some")
    assert "(log: logs/train/ae.log)" in summary
    assert "exit status 74" in project.errors
    assert "Traceback" not in log
    assert [] == left
    assert ["data/train/ae/seed0"] == project.snakemake("train_ae")


def test_a_folder_that_cannot_be_written(project: Project) -> None:
    """The error names it; what is there stays. As root, who may write everywhere, the folder is mounted read-only."""
    folder = project.folder / "data/train/ae"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    project.edit("params.yaml", "lr: 0.001", "lr: 0.002")
    with contextlib.ExitStack() as undo:
        if os.geteuid() == 0:
            undo.enter_context(mounted(folder, "--bind", str(folder)))
            subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        else:
            undo.callback(folder.chmod, 0o755)
            folder.chmod(0o555)
        project.snakemake("train_ae", check=False)

    assert re.search("Write-protected output files|no permission|read-only file system", project.errors)
    assert "data/train/ae" in project.errors
    assert before == {path: path.read_bytes() for path in before}
    assert ["data/train/ae/seed0"] == project.snakemake("train_ae")
