"""Programs that start with libraries loaded behave as those that a user starts."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests import preloaded
from tests.preloaded import server
from vad.ledger.arithmetic import PORTABLE

pytestmark = pytest.mark.skipif(preloaded.FOLDER not in os.environ, reason="VAD_FRESH is set")
PROGRAM = """
import json, os, sys, time
import loaded_from
started_as = {"argv": sys.argv[1:], "folder": os.getcwd(), "own": loaded_from.__file__, "fast": "torch" in sys.modules}
print(json.dumps(started_as | {name: os.environ.get(name) for name in ("MKL_CBWR", "MARK")}), flush=True)
print("to stderr", file=sys.stderr)
if "wait" in sys.argv:
    open("pid", "w").write(str(os.getpid()))
    time.sleep(600)
sys.exit(7)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a program and a module of its own."""
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "loaded_from.py").touch()
    return tmp_path


def start(folder: Path, *words: str, **variables: str) -> "subprocess.Popen[str]":
    """Start the program through its stand-in."""
    path = f"{os.environ[preloaded.FOLDER]}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, **variables}
    command, pipe = ("python", "-m", "program", *words), subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.parametrize(
    ("variables", "fast"), [({}, "true"), (PORTABLE, "true"), ({**PORTABLE, "MKL_CBWR": "AVX2"}, "false")]
)
def test_a_program_has_its_own_arguments_folder_environment_and_output(
    folder: Path, variables: dict[str, str], fast: str
) -> None:
    """With both arithmetics; with variables that no server was started with, a Python of its own."""
    process = start(folder, "a b", "ü", MARK="yes", **variables)
    output, errors = process.communicate(timeout=300)

    assert "to stderr\n" == errors
    assert f'"argv": ["a b", "\\u00fc"], "folder": "{folder}", "own": "{folder}/loaded_from.py"' in output
    assert f'"fast": {fast}' in output
    assert '"MARK": "yes"' in output
    assert (f'"MKL_CBWR": "{variables["MKL_CBWR"]}"' if variables else '"MKL_CBWR": null') in output
    assert 7 == process.returncode


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, -15), (signal.SIGKILL, -9)])
def test_a_signal_reaches_the_program(folder: Path, number: int, code: int) -> None:
    """Its end is that of the stand-in; where the stand-in is killed, so is the program."""
    process = start(folder, "wait")
    assert process.stdout is not None
    process.stdout.readline()
    while not (folder / "pid").exists() or not (folder / "pid").read_text():
        time.sleep(0.01)
    program = psutil.Process(int((folder / "pid").read_text()))
    process.send_signal(number)
    process.communicate(timeout=300)

    assert code == process.returncode
    assert program.wait(60) is None or not program.is_running()


def test_a_program_has_no_file_of_another_one(folder: Path) -> None:
    """Neither the connection nor the file by which the server sees the end of a program that runs already."""
    (folder / "other.py").write_text(
        "import os\nprint(sorted(os.readlink(f'/proc/self/fd/{n}') for n in (3, 4, 5, 6, 7, 8) if os.path.exists("
        "f'/proc/self/fd/{n}') or os.path.islink(f'/proc/self/fd/{n}')))\n"
    )
    waiting = start(folder, "wait")
    assert waiting.stdout is not None
    waiting.stdout.readline()
    path = f"{os.environ[preloaded.FOLDER]}{os.pathsep}{os.environ['PATH']}"
    command = ("python", "-m", "other")
    output = subprocess.check_output(command, cwd=folder, env={**os.environ, "PATH": path}, text=True, timeout=300)
    waiting.kill()
    waiting.communicate(timeout=300)

    assert "pidfd" not in output
    assert "socket" not in output


def test_a_stand_in_that_is_killed_while_it_asks(tmp_path: Path) -> None:
    """The server goes on, and gets the files that came, so that it closes them."""
    here, there = socket.socketpair()
    with here, (tmp_path / "file").open("w") as file:
        here.send(b"x")  # not read by the other side: closing it breaks the connection
        socket.send_fds(there, [(100).to_bytes(8, "big")], [file.fileno()])
        there.close()
        request, files = server.read(here)

    assert request is None
    assert len(files) == 1
    os.close(files[0])


@pytest.mark.parametrize(
    ("line", "code", "errors"), [("1 / 0", 1, "ZeroDivisionError"), ("sys.exit('why')", 1, "why"), ("", 0, "")]
)
def test_a_program_ends_as_in_python(folder: Path, line: str, code: int, errors: str) -> None:
    """Its error is shown; threads end, what was registered for the end is called, and what was printed arrives."""
    program = "import atexit, sys, threading, time\natexit.register(print, 'at exit')\n"
    thread = "threading.Thread(target=lambda: (time.sleep(0.2), print('thread'))).start()\n"
    (folder / "program.py").write_text(f"{program}{thread}print('begun')\n{line}\n")
    process = start(folder)
    output, said = process.communicate(timeout=300)

    assert code == process.returncode
    assert "begun\nthread\nat exit\n" == output
    assert errors in said
    assert bool(errors) == bool(said)
