"""Programs of tiny projects that start with large libraries loaded: importing torch takes most of a short job.

A server imports the libraries once and forks for each program. First in a project's PATH lie stand-ins for `python`,
`snakemake` and `dvc`: each hands its arguments, folder, environment and open files to the server, passes signals on,
and ends as the program does. No code of the project is loaded before the fork. Libraries read some variables when they
are loaded (vad/ledger/arithmetic.py): there is one server for each set of values that programs often have, and with
others a stand-in starts the program itself.

`VAD_FRESH=1 pytest` starts every program as a user does. So do the soak test and the tests that stop or kill runs.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from vad.ledger.arithmetic import PORTABLE

COMMANDS = (
    *("dvc.cli.parser", "dvc.repo.reproduce", "networkx", "ruamel.yaml", "snakemake.cli", "snakemake.profiles"),
    *("snakemake.report.html_reporter", "snakemake.storage", "snakemake.workflow"),
)
"""What the programs `snakemake` and `dvc` load."""
SERVERS = {
    "native": ({}, COMMANDS),
    "portable": (PORTABLE, ()),
    # What Snakemake sets for the jobs that measure, which take both cores of `--cores 2`.
    "measuring": ({name: "2" for name in PORTABLE if name.endswith("_NUM_THREADS")}, ()),
}
"""The variables that each server is started with, and what it loads beside the libraries of all jobs."""
FOLDER = "VAD_TESTS_PRELOADED"
"""The variable that names the folder of the stand-ins."""
PROGRAMS = ("python", "snakemake", "dvc")


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[None]:
    """All SERVERS while the block runs; each loads the libraries when it starts its first program.

    Args:
        folder: an empty folder for stand-ins and sockets; its path is short, as that of a socket must be.
    """
    names = list(PORTABLE)
    environments = {name: {**os.environ, **values} for name, (values, _) in SERVERS.items()}
    known = {json.dumps([values.get(name) for name in names]): name for name, values in environments.items()}
    settings = {"names": names, "servers": known, "programs": str(Path(sys.executable).parent)}
    (folder / "settings.json").write_text(json.dumps(settings))
    text = Path(__file__).with_name("stand_in.py").read_text()
    for program in PROGRAMS:
        (folder / program).write_text(f"#!{sys.executable} -IS\n{text}")
        (folder / program).chmod(0o755)
    running = [_start(folder / name, values, SERVERS[name][1]) for name, values in environments.items()]
    os.environ[FOLDER] = str(folder)
    try:
        yield
    finally:
        del os.environ[FOLDER]
        for process in running:
            process.terminate()
            process.wait()


def _start(address: Path, environment: dict[str, str], libraries: tuple[str, ...]) -> "subprocess.Popen[bytes]":
    """A server that listens already."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        listening.listen(64)
        command = [
            sys.executable,
            "-P",
            str(Path(__file__).with_name("server.py")),
            str(listening.fileno()),
            *libraries,
        ]
        return subprocess.Popen(command, env=environment, pass_fds=[listening.fileno()], stdin=subprocess.DEVNULL)
