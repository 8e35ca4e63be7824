"""Portable arithmetic: how a job is started in it, and what its record says."""

import json
from pathlib import Path

import pytest

from vad.ledger import records
from vad.ledger.arithmetic import PORTABLE, identity, in_force, shell_words
from vad.ledger.records import Job, computed_in, record_path
from vad.ledger.staleness import Hashes, Wanted, check

SLICE, OUT = Path("slice.json"), Path("data/out.txt")


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project folder with one artefact, in a process without any setting of arithmetic."""
    monkeypatch.chdir(tmp_path)
    OUT.parent.mkdir()
    OUT.write_text("out")
    SLICE.write_text('{"a": 1}')
    for name in PORTABLE:
        monkeypatch.delenv(name, raising=False)
    records.environment.cache_clear()


@pytest.fixture
def portable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a portable job."""
    for name, value in PORTABLE.items():
        monkeypatch.setenv(name, value)
    records.environment.cache_clear()


def made() -> Job:
    """The job, done."""
    job = Job("room", OUT, SLICE, [], [])
    job.finish()
    return job


def reasons(arithmetic: str) -> list[str]:
    """Why the artefact is not what is asked for."""
    plan = {OUT.as_posix(): Wanted({"a": 1}, SLICE, Path("recheck.json"), arithmetic)}
    return [item.reason for item in check(plan, Hashes(Path("stat.json"))).stale]


@pytest.mark.usefixtures("portable")
def test_a_record_says_portable_and_names_no_processor() -> None:
    """Equal on all of them, so that it can lie in git."""
    made()
    record = json.loads(record_path(OUT).read_text())

    assert "portable" == in_force() == computed_in(OUT)
    assert identity("portable") == record["arithmetic"]
    assert "cpu" not in record["environment"]
    assert [] == reasons(identity("portable"))


def test_a_native_record_names_its_processor() -> None:
    """And it is stale where portable is asked for."""
    made()

    assert "native" == in_force()
    assert f"native ({records.cpu_name()})" == computed_in(OUT)
    assert [] == reasons("native")
    assert [f"made in native arithmetic, asked for is {identity('portable')}"] == reasons(identity("portable"))


def test_a_job_in_another_arithmetic_is_another_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made natively is made again by a portable job; one variable less is native."""
    job = made()
    kept = job.intact()
    for name, value in PORTABLE.items():
        monkeypatch.setenv(name, value)
    again = job.intact()
    monkeypatch.setenv("MKL_CBWR", "AVX2")

    assert (True, False, "native") == (kept, again, in_force())


def test_the_words_of_a_shell_are_assignments() -> None:
    """One for each variable, without blanks inside; nothing for native."""
    assert PORTABLE == dict(word.split("=", 1) for word in shell_words("portable").split(" ")[1:])
    assert "" == shell_words("native")
