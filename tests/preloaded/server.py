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
from typing import NoReturn

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
    while os.getppid() == parent:
        if not select.select([listening], [], [], POLL_S)[0]:
            continue
        connection, _ = listening.accept()
        if not loaded:
            for library in (*LIBRARIES, *more):
                importlib.import_module(library)
            gc.freeze()  # no program collects garbage among them, which would copy their memory
            loaded = True
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not os.fork():
            listening.close()
            return begin(connection)
        connection.close()
    sys.exit()


def begin(connection: socket.socket) -> tuple[list[str], str, dict[str, str]]:
    """Read a request and fork once more: for the program, which returns, and to wait for its end."""
    length, files, _, _ = socket.recv_fds(connection, 8, 3)
    request = b""
    while len(request) < int.from_bytes(length, "big"):
        request += connection.recv(1 << 20)
    program = os.fork()
    if program:
        for file in files:
            os.close(file)
        wait(connection, program)
    connection.close()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    return json.loads(request)


def wait(connection: socket.socket, program: int) -> None:
    """Pass signals on until a program ends, and say how it ended. Without its stand-in it is killed."""
    ended = os.pidfd_open(program)
    while ended not in (ready := select.select([connection, ended], [], [])[0]):
        numbers = connection.recv(16) if connection in ready else b""
        for number in numbers or [signal.SIGKILL]:
            os.kill(program, number)
        if not numbers:
            break
    _, status = os.waitpid(program, 0)
    with contextlib.suppress(OSError):
        connection.send(status.to_bytes(4, "big"))
    os._exit(0)


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
