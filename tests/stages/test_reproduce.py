"""`make reproduce`: a bar in a terminal, Snakemake's own lines elsewhere, and at the end the best results."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stages import reproduce

SNAKEFILE = """
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


def test_the_best_results_and_where_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The best three of each data set with their intervals; the site if there is one, else the table."""
    lines = [re.split(r"\s{2,}", line.strip()) for line in reproduce.summary(RESULTS).splitlines()[2:]]
    assert [line[:2] for line in lines] == [["a", "first"], ["a", "second"], ["a", "third"], ["b", "one"]]
    assert lines[0][2:] == ["0.900", "0.850 to 0.950", "0.500"]
    assert reproduce.summary(f"{RESULTS}few,c,0.5,,,\n").splitlines()[-1].split() == ["c", "few", "0.500", "-", "-"]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("snakemake.cli.main", lambda arguments: sys.exit(0))
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


@pytest.mark.parametrize(
    ("words", "ended", "code", "shown"),
    [
        ([], 0, 0, True),
        (["--keep-going"], None, 0, True),
        ([], 3, 3, False),
        ([], "why", 1, False),
        (["-n"], 0, 0, False),
        (["-kn"], 0, 0, False),
        (["--dry-run"], 0, 0, False),
        (["--help"], 0, 0, False),
        (["--version"], 0, 0, False),
    ],
)
def test_results_are_shown_after_a_run_that_may_have_made_them(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    ended: int | str | None,
    code: int,
    shown: bool,
) -> None:
    """Not after one that failed or that only asks; the exit code is that of Snakemake."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("snakemake.cli.main", lambda arguments: sys.exit(ended))
    (tmp_path / "reports/tables").mkdir(parents=True)
    (tmp_path / reproduce.RESULTS).write_text(RESULTS)

    assert reproduce.main(words) == code
    printed = capsys.readouterr()
    assert ("Open reports" in printed.out) == shown
    assert (ended == "why") == ("why" in printed.err)
