"""Stands for a program in PATH: a server starts it (tests/preloaded). Quick to start, so without `site`."""

import json
import os
import signal
import socket
import sys

folder, program = os.path.split(os.path.abspath(sys.argv[0]))  # noqa: PTH100 - pathlib takes longer than the rest
with open(f"{folder}/settings.json") as stream:  # noqa: PTH123
    settings = json.load(stream)
words = sys.argv[1:] if program == "python" else ["-m", program, *sys.argv[1:]]
server = settings["servers"].get(json.dumps([os.environ.get(name) for name in settings["names"]]))
if server is None or words[:1] != ["-m"]:
    real = f"{settings['programs']}/{program}"
    os.execv(real, [real, *sys.argv[1:]])
request = json.dumps([words[1:], os.getcwd(), dict(os.environ)]).encode()  # noqa: PTH109
connection = socket.socket(socket.AF_UNIX)
connection.connect(f"{folder}/{server}")
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, frame: connection.send(bytes([number])))
socket.send_fds(connection, [len(request).to_bytes(8, "big")], [0, 1, 2])
connection.sendall(request)
status = int.from_bytes(connection.recv(4), "big")
if os.WIFSIGNALED(status):
    signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
    os.kill(os.getpid(), os.WTERMSIG(status))
os._exit(os.waitstatus_to_exitcode(status))
