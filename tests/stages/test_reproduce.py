"""`make reproduce`: a bar in a terminal, Snakemake's own lines elsewhere, and at the end the best results."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stages import reproduce
from stages.preflight import undo_unless

SNAKEFILE = """
from stages.preflight import undo_unless
with undo_unless(lambda: workflow.executor_plugin and not workflow.dryrun):
    pass
rule all:
    input: expand("{name}.txt", name=["good", "bad"])
rule make:
    output: "{name}.txt"
    shell: "sleep 0.5; test {wildcards.name} = good && touch {output}"
"""
COMMAND = [sys.executable, "-m", "stages.reproduce", "--keep-going"]
RESULTS = """variant,dataset,frame_auc,frame_auc_low,frame_auc_high,frame_ap
video_level,a,,,,
second,a,0.7,0.6,0.8,0.25
first,a,0.9,0.85,0.95,0.5
third,a,0.6,0.5,0.7,0.1
fourth,a,0.5,0.4,0.6,0.1
one,b,0.55,0.5,0.6,0.2
"""


@pytest.fixture
def workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two jobs, of which one fails; the current folder."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{Path(reproduce.__file__).parents[1]}")
    return tmp_path


def test_a_bar_in_a_terminal(workflow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs done and running are in one line, errors above it; the exit code and the log file are Snakemake's."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    here, there = pty.openpty()
    with subprocess.Popen(COMMAND, stdin=there, stdout=there, stderr=there) as process:
        os.close(there)
        shown = b""
        try:
            while data := os.read(here, 2**16):
                shown += data
        except OSError:
            pass  # the other end is closed
    os.close(here)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())

    assert process.returncode == 1
    assert (workflow / "good.txt").is_file()
    assert "1 of 3 jobs" in text
    assert re.search(r"left about .* make (good|bad)", text)
    assert "Error in rule make" in text
    assert "Select jobs" not in text
    assert "reason: " not in text
    (log,) = (workflow / ".snakemake/log").glob("*.log")
    assert "Finished jobid" in log.read_text()


def test_plain_lines_elsewhere(workflow: Path) -> None:
    """Exactly what `snakemake` prints, and its exit code."""
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "1 of 3 steps (33%) done" in done.stderr
    assert "\x1b" not in done.stderr


def run_that_ends(code: int | str | None) -> Callable[[list[str]], None]:
    """In place of Snakemake's command: it reads a workflow, whose jobs are started, and ends with this code."""

    def main(_: list[str]) -> None:
        with undo_unless(lambda: True):
            sys.exit(code)

    return main


def test_the_best_results_and_where_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The best three of each data set with their intervals; the site if there is one, else the table."""
    lines = [re.split(r"\s{2,}", line.strip()) for line in reproduce.summary(RESULTS).splitlines()[2:]]
    assert [line[:2] for line in lines] == [["a", "first"], ["a", "second"], ["a", "third"], ["b", "one"]]
    assert lines[0][2:] == ["0.900", "0.850 to 0.950", "0.500"]
    assert reproduce.summary(f"{RESULTS}few,c,0.5,,,\n").splitlines()[-1].split() == ["c", "few", "0.500", "-", "-"]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("snakemake.cli.main", run_that_ends(0))
    (tmp_path / "reports/tables").mkdir(parents=True)
    (tmp_path / reproduce.RESULTS).write_text(RESULTS)
    assert reproduce.main([]) == 0
    assert capsys.readouterr().out.endswith("Open reports/tables/results.csv\n")
    (tmp_path / "reports/tables/results.md").touch()
    reproduce.main([])
    assert capsys.readouterr().out.endswith("Open reports/tables/results.md\n")
    (tmp_path / "reports/site").mkdir()
    (tmp_path / "reports/site/index.html").touch()
    reproduce.main([])
    assert capsys.readouterr().out.endswith("Open reports/site/index.html\n")


@pytest.mark.parametrize(("ended", "code", "shown"), [(0, 0, True), (None, 0, True), (3, 3, False), ("why", 1, False)])
def test_results_are_shown_after_a_run_without_errors(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ended: int | str | None,
    code: int,
    shown: bool,
) -> None:
    """The exit code is that of Snakemake."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("snakemake.cli.main", run_that_ends(ended))
    (tmp_path / "reports/tables").mkdir(parents=True)
    (tmp_path / reproduce.RESULTS).write_text(RESULTS)

    assert reproduce.main([]) == code
    printed = capsys.readouterr()
    assert ("Open reports" in printed.out) == shown
    assert (ended == "why") == ("why" in printed.err)


SCRIPT = """
import sys
from stages import reproduce
for line in sys.stdin:
    words = line.split()
    print("asked", *words, flush=True)
    print("code", reproduce.main(words), flush=True)
"""
MAKE = ("good.txt", "good.txt --forceall", "good.txt --keep-going")
"""The last one has nothing to do."""
ASK = (
    *("-n", "-kn", "--dry-run", "--workflow-profile asks", "--executor dryrun", "--help", "--version"),
    *("--summary", "--detailed-summary", "--dag", "--rulegraph", "--filegraph", "--d3dag", "--list-rules"),
    *("--list-target-rules", "--list-changes code", "--list-untracked", "--print-compilation", "--unlock"),
    *("--cleanup-shadow", "--delete-all-output", "--containerize", "--report report.html"),
)


def test_only_a_run_shows_results(workflow: Path) -> None:
    """Not what only asks, cleans up or writes a report: by any option of Snakemake, also one of a profile."""
    (workflow / "reports/tables").mkdir(parents=True)
    (workflow / reproduce.RESULTS).write_text(RESULTS)
    (workflow / "asks").mkdir()
    (workflow / "asks/config.yaml").write_text("dry-run: true\n")
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, input="\n".join((*MAKE, *ASK)), capture_output=True, text=True, check=True)
    parts = dict(part.split("\n", 1) for part in done.stdout.split("asked")[1:])

    assert list(parts) == [f" {words}".rstrip() for words in (*MAKE, *ASK)]
    assert {words.strip() for words, text in parts.items() if "\ncode 0" not in f"\n{text}"} == set()
    assert {words.strip() for words, text in parts.items() if "Open reports" in text} == set(MAKE)
