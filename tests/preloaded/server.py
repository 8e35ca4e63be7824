"""A program that forks for each request of a stand-in. Of this project it imports nothing: each project has its own."""

import atexit
import contextlib
import gc
import importlib
import json
import os
import random
import runpy
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import NamedTuple, NoReturn

LIBRARIES = (
    *(
        "av",
        "jaxtyping",
        "matplotlib.backends.backend_agg",
        "matplotlib.pyplot",
        "numpy",
        "pandas",
        "pydantic",
        "requests",
    ),
    *("safetensors.torch", "scipy.stats", "seaborn", "sklearn.manifold", "torch", "torch._dynamo", "torch._inductor"),
    *("torch.utils.flop_counter", "yaml"),
)
POLL_S = 2


def serve(listening: socket.socket, more: list[str]) -> tuple[list[str], str, dict[str, str]]:
    """Wait for requests until the process that started this one is gone; returns in the process of each program.

    Args:
        listening: where requests arrive.
        more: libraries to load beside those of all jobs.

    Returns: module and arguments, folder, environment. The files of the stand-in are those of the process.
    """
    parent = os.getppid()
    loaded = False
    running: dict[int, Program] = {}
    while os.getppid() == parent:
        connections = {program.connection: program for program in running.values()}
        for ready in select.select([listening, *running, *connections], [], [], POLL_S)[0]:
            if ready in running:
                say_end(running.pop(ready))
            elif ready in connections:
                pass_on(connections[ready])
            else:
                connection, _ = listening.accept()
                if not loaded:
                    for library in (*LIBRARIES, *more):
                        importlib.import_module(library)
                    gc.freeze()  # no program collects garbage among them, which would copy their memory
                    loaded = True
                request, files = read(connection)
                process = os.fork() if request else None
                if process == 0:
                    for other in (listening, connection, *connections):
                        other.close()
                    for ended in running:  # also where its program ends meanwhile: this process says nothing of it
                        os.close(ended)
                    for number, file in enumerate(files):
                        os.dup2(file, number)
                        os.close(file)
                    return request
                for file in files:
                    os.close(file)
                if process:
                    program = Program(process, os.pidfd_open(process), connection)
                    running[program.ended] = program
                else:
                    connection.close()
    sys.exit()


class Program(NamedTuple):
    """A program that runs: its process, the file that tells its end, and the connection to its stand-in."""

    process: int
    ended: int
    connection: socket.socket


def pass_on(program: Program) -> None:
    """Pass the signals of a stand-in on to its program, which is killed when its stand-in is gone."""
    if program.connection.fileno() < 0:  # it ended in the same moment
        return
    try:
        numbers = program.connection.recv(16)
    except ConnectionError:
        numbers = b""
    for number in numbers or [signal.SIGKILL]:
        os.kill(program.process, number)


def say_end(program: Program) -> None:
    """Say how a program ended, if its stand-in is still there."""
    _, status = os.waitpid(program.process, 0)
    with contextlib.suppress(OSError):
        program.connection.send(status.to_bytes(4, "big"))
    program.connection.close()
    os.close(program.ended)


def read(connection: socket.socket) -> tuple[tuple[list[str], str, dict[str, str]] | None, list[int]]:
    """A request, or None from a stand-in that was killed before all was sent, and the open files of the stand-in."""
    files: list[int] = []
    try:
        length, files, _, _ = socket.recv_fds(connection, 8, 3)
        size, request = int.from_bytes(length, "big"), b""
        while len(request) < size and (part := connection.recv(size - len(request))):
            request += part
    except ConnectionError:
        return None, files
    return tuple(json.loads(request)) if size and len(request) == size else None, files


def become(words: list[str], folder: str, environment: dict[str, str]) -> None:
    """Do as `python -m WORDS` in a folder."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    found = list(filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)))
    sys.path[:0] = [folder, *found]
    sys.argv = list(words)
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    random.seed()
    sys.modules["numpy"].random.seed()
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


def end(program: Callable[[], None]) -> NoReturn:
    """Run a program and end as Python does, without its last step.

    Python takes all modules apart at the end, which copies the memory of the libraries from the server: most of the
    time of a short program.
    """
    code: object = None
    try:
        program()
    except SystemExit as ended:
        code = ended.code
    except Exception:
        sys.excepthook(*sys.exc_info())
        code = 1
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # what Python itself calls to wait for threads
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            code = 120  # as Python
    os._exit((code or 0) & 0xFF)


if __name__ == "__main__":
    request = serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
    end(lambda: become(*request))
