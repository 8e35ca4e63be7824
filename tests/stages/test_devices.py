"""Each job that needs a GPU has one that no other job has; the lock ends with the process."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from stages import devices
from stages.devices import VISIBLE, Turn, card, gpus, uuids, wants_gpu

ROOT = Path(__file__).parents[2]
JOB = """
import os, sys, time
from pathlib import Path
from stages.devices import Turn

with Turn(["0", "1"], Path(sys.argv[1])) as turn:
    turn.take(True)
    taken = time.monotonic()
    print(os.environ["CUDA_VISIBLE_DEVICES"], taken, flush=True)
    if sys.argv[2] == "waits":
        sys.stdin.readline()
    print(time.monotonic(), flush=True)
"""


@pytest.fixture
def start(tmp_path: Path) -> Callable[[str], subprocess.Popen[str]]:
    """Starts a job that takes one of two GPUs, in a process of its own."""

    def job(ending: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", JOB, str(tmp_path), ending]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ}
        )

    return job


def answer(job: subprocess.Popen[str]) -> list[str]:
    """The next line of a job, in words."""
    assert job.stdout is not None
    return job.stdout.readline().split()


def test_three_jobs_share_two_gpus(start: Callable[[str], subprocess.Popen[str]]) -> None:
    """Two have one each; the third waits until one of them ends, and gets its GPU."""
    first, second = start("waits"), start("waits")
    names = [answer(first)[0], answer(second)[0]]
    third = start("ends")
    ended = first.communicate("\n")[0]
    name, taken = answer(third)
    for job in (second, third):
        job.communicate("\n")

    assert ["0", "1"] == sorted(names)
    assert names[0] == name
    assert float(ended) <= float(taken)


def test_a_killed_job_gives_its_gpu_back(start: Callable[[str], subprocess.Popen[str]]) -> None:
    """The system drops the lock with the process."""
    jobs = [start("waits"), start("waits")]
    names = [answer(job)[0] for job in jobs]
    jobs[0].kill()
    jobs[0].communicate()
    last = start("ends")
    taken = answer(last)[0]
    for job in (jobs[1], last):
        job.communicate("\n")

    assert names[0] == taken


def test_a_turn_is_taken_once_and_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job keeps its GPU for all its parts; afterwards another turn may have it, and all GPUs are seen again."""
    monkeypatch.setenv(VISIBLE, "5,7")
    with Turn(folder=tmp_path) as turn:
        unasked, seen = turn.take(False), os.environ[VISIBLE]
        taken = [turn.take(True), turn.take(True)]
        alone = os.environ[VISIBLE]
    after = os.environ[VISIBLE]
    with Turn(folder=tmp_path) as again:
        assert "5" == again.take(True)

    assert (None, "5,7", ["5", "5"], "5", "5,7") == (unasked, seen, taken, alone, after)


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        *[("", []), ("-1", []), ("0", ["0"]), ("2, GPU-8f", ["2", "GPU-8f"]), ("MIG-GPU-1/2/0", ["MIG-GPU-1/2/0"])],
        *[("NoDevFiles", []), ("0,-1,1", ["0"]), ("0,none,1", ["0"]), ("0,,1", ["0"])],
    ],
)
def test_what_the_environment_lets_through(visible: str, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Indices and names alike, as a cluster sets them; nothing behind a name that means no GPU."""
    monkeypatch.setenv(VISIBLE, visible)

    assert expected == gpus()


@pytest.mark.parametrize(
    ("entry", "found", "expected"),
    [
        ({"device": "cuda"}, [], True),
        ({"device": "auto"}, [], False),
        ({"device": "auto"}, ["0"], True),
        ({"device": "cpu"}, ["0"], False),
        ({}, ["0"], False),
        ({"vectors": {"device": "auto"}}, ["0"], True),
        ({"vectors": {}}, ["0"], False),
        ({"decoder": "dali", "decoder_device": "gpu"}, [], True),
        ({"decoder": "dali", "decoder_device": "auto"}, ["0"], True),
        ({"decoder": "dali", "decoder_device": "auto", "device": "cpu"}, ["0"], False),
        ({"decoder": "dali", "decoder_device": "cpu", "vectors": {"device": "cpu"}}, ["0"], False),
        ({"decoder": "pyav", "decoder_device": "auto"}, ["0"], False),
    ],
)
def test_who_wants_a_gpu(
    entry: dict[str, object], found: list[str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings that ask for one, and those that take one that is there, for a network or for decoding."""
    monkeypatch.setattr(devices, "gpus", lambda: found)

    assert expected == wants_gpu(entry)


def test_without_a_gpu_nothing_is_locked(tmp_path: Path) -> None:
    """The extractor or the model says what is missing."""
    with Turn([], tmp_path / "locks") as turn:
        assert turn.take(True) is None

    assert not (tmp_path / "locks").exists()


SMI = """#!/bin/sh
printf 'GPU-8f12aa, NVIDIA A\\nGPU-8f99bb, NVIDIA %s\\n' {second}
"""


def machine_with(folder: Path, second: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two GPUs, as its nvidia-smi lists them."""
    program = folder / "nvidia-smi"
    program.write_text(SMI.format(second=second))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_an_index_and_a_uuid_of_one_gpu_are_one_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process may spell it its own way; the other GPU is free."""
    machine_with(tmp_path, "A", monkeypatch)
    with Turn(["0"], tmp_path / "locks") as first, Turn(["GPU-8f12", "GPU-8f9"], tmp_path / "locks") as second:
        taken = [first.take(True), second.take(True)]
        locks = sorted(path.name for path in (tmp_path / "locks").iterdir())

    assert ["0", "GPU-8f9"] == taken
    assert ["GPU-8f12aa.lock", "GPU-8f99bb.lock"] == locks


def test_gpus_of_different_kinds_have_no_sure_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA puts the fastest first, nvidia-smi goes by slots, unless CUDA is set to do so too."""
    machine_with(tmp_path, "B", monkeypatch)
    unsure = uuids()
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")

    assert ([], ["GPU-8f12aa", "GPU-8f99bb"]) == (unsure, uuids())


def test_without_nvidia_smi_names_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to ask."""
    monkeypatch.setenv("PATH", "/nowhere")

    assert [] == uuids()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("0", "GPU-8f"), ("1", "GPU-9a"), ("2", "2"), ("GPU-9", "GPU-9a"), ("GPU-", "GPU-"), ("MIG-1", "MIG-1")],
)
def test_one_name_for_a_gpu(name: str, expected: str) -> None:
    """An index, the beginning of a UUID that one GPU has, or the name as it is."""
    assert expected == card(name, ["GPU-8f", "GPU-9a"])


def test_a_job_that_waits_says_for_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, however long it waits."""
    monkeypatch.setattr(devices, "SAID_AFTER_S", 0.0)
    monkeypatch.setattr(devices, "WAIT_S", 0.001)
    with Turn(["3"], tmp_path) as first:
        first.take(True)
        threading.Timer(0.1, first.__exit__, (None, None, None)).start()
        with Turn(["3"], tmp_path) as second:
            second.take(True)

    assert f"waiting for GPU 3: other jobs hold the locks in {tmp_path}\n" == capsys.readouterr().err
