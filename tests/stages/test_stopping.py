"""Jobs that are stopped by a signal: exit code, no traceback, nothing half-written, and the next run goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from stages import stopping
from stages.features import run as features
from stages.room import command_line
from stages.train import run as train
from tests import videos
from tests.project import ROOT
from tests.stages.test_features import batch
from tests.stages.test_train import flags, prepare, weights_of
from vad.artefacts.files import locked, write_text
from vad.engine import checkpoints
from vad.errors import ArtefactError

STEPS = 60
SCHEDULE = {"epochs": 4, "steps_per_epoch": STEPS}
LONGEST_S = 300
"""Until something appears or ends; a machine may be busy."""


def start(module: str, argv: list[str]) -> "subprocess.Popen[str]":
    """Start a job of a room as Snakemake does."""
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", f"stages.{module}.run", *argv]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(process: "subprocess.Popen[str]", there: Callable[[], object]) -> None:
    """Wait until something is there while a job runs."""
    deadline = time.monotonic() + LONGEST_S
    while not there():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The weights of a training that was never stopped."""
    folder = tmp_path_factory.mktemp("undisturbed") / "whole"
    prepare(folder, **SCHEDULE)
    train.main(flags(folder, "run", "0", "1"))
    return weights_of(folder / "run", (0, 1))


@pytest.mark.fault
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_training_goes_on_at_its_step(whole: list[bytes], tmp_path: Path, number: int, code: int) -> None:
    """A real process, stopped inside an epoch; a second one beside it is refused; the weights are those of one run."""
    prepare(tmp_path / "stopped", **SCHEDULE)
    given = flags(tmp_path / "stopped", "run", "0", "1")
    path = tmp_path / "stopped/run/.seed1.checkpoint.pt"
    job = start("train", given)
    wait_for(job, path.exists)
    with pytest.raises(ArtefactError, match="stopped/run: another process is writing this folder"):
        train.main(given)
    job.send_signal(number)
    output, _ = job.communicate(timeout=LONGEST_S)
    content = checkpoints.load(path)

    assert code == job.returncode, output
    assert f"stopped by {signal.Signals(number).name}" in output.splitlines()[-1]
    assert "Traceback" not in output
    assert 0 < len(content["history"]) * STEPS + content["done"] < 4 * STEPS
    first = (tmp_path / "stopped/run/seed0.prov.json").stat().st_ino
    train.main(given)
    assert first == (tmp_path / "stopped/run/seed0.prov.json").stat().st_ino
    assert whole == weights_of(tmp_path / "stopped/run", (0, 1))
    assert [] == list((tmp_path / "stopped/run").glob(".*"))


@pytest.mark.fault
def test_a_stopped_extraction_keeps_what_is_finished(tmp_path: Path) -> None:
    """The finished videos have their records, nothing is half-written, and the same command makes the rest."""
    names = [f"v{number}" for number in range(5)]
    for number, name in enumerate(names):
        videos.write_video(tmp_path / f"{name}.mp4", videos.scene(200, seed=number))
    given = batch(tmp_path, names, extractor="frames", size=16)
    job = start("features", given)
    wait_for(job, (tmp_path / "out/v0.npz.prov.json").exists)
    job.send_signal(signal.SIGTERM)
    output, _ = job.communicate(timeout=LONGEST_S)
    done = sorted(tmp_path.glob("out/*.npz.prov.json"))
    before = {path: path.read_bytes() for path in done}
    features.main(given)

    assert 143 == job.returncode, output
    assert "Traceback" not in output
    assert 0 < len(done) < len(names)
    assert before == {path: path.read_bytes() for path in done}
    assert 2 * len(names) == len(list((tmp_path / "out").iterdir()))


WAITING = """
import sys, time
from stages.room import command_line

def main(argv):
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        time.sleep(0.2)  # a second signal must not cut off what is tidied up here
        print("tidy", flush=True)

command_line(main)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_every_job_ends_at_a_signal(number: int, code: int) -> None:
    """Whatever it does; a second signal while it ends changes nothing."""
    command = [sys.executable, "-c", WAITING]
    job = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert job.stdout is not None
    job.stdout.readline()
    job.send_signal(number)
    time.sleep(0.05)
    job.send_signal(signal.SIGTERM)
    output, _ = job.communicate(timeout=LONGEST_S)

    assert code == job.returncode
    assert ["tidy", f"stopped by {signal.Signals(number).name}"] == [line.split(":")[0] for line in output.splitlines()]


def test_a_lock_ends_with_its_block(tmp_path: Path) -> None:
    """One holder at a time; nothing is written into the folder."""
    with locked(tmp_path / "run"), pytest.raises(ArtefactError, match="another process"), locked(tmp_path / "run"):
        pass
    with locked(tmp_path / "run"):
        assert [] == list((tmp_path / "run").iterdir())


def exit_code_of(main: Callable[[object], None]) -> object:
    """How a job's command ends."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with pytest.raises(SystemExit) as end:
            command_line(main)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return end.value.code


def test_what_cannot_be_written_has_an_exit_code_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """74, also for an error of the system that no writer foresaw; another error of a user is 2."""
    full = tmp_path / f".x.txt.{os.getpid()}.tmp"
    full.symlink_to("/dev/full")

    def unforeseen(_: object) -> None:
        Path("/dev/full").write_text("x")

    def damaged(_: object) -> None:
        raise ArtefactError("x.txt: damaged.")

    codes = [exit_code_of(main) for main in (lambda _: write_text(tmp_path / "x.txt", "x"), unforeseen, damaged)]
    said = capsys.readouterr().err.splitlines()

    assert [74, 74, 2] == codes
    assert f"error: disk full at {tmp_path}/x.txt: No space left on device. Free some space, then run" in said[0]
    assert said[1].startswith("error: disk full at")
    assert [] == list(tmp_path.iterdir())


def test_a_second_signal_does_not_interrupt_the_end_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are passed on to the jobs; the first one alone unwinds Snakemake."""
    passed: list[int] = []
    job = SimpleNamespace(send_signal=passed.append)
    monkeypatch.setattr(stopping, "_signals", 0)
    monkeypatch.setattr(stopping.psutil, "Process", lambda: SimpleNamespace(children=lambda recursive: [job]))
    with pytest.raises(KeyboardInterrupt):
        stopping._stop(signal.SIGTERM, None)
    stopping._stop(signal.SIGINT, None)

    assert [signal.SIGTERM, signal.SIGINT] == passed
