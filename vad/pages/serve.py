"""A server for one folder of pages, for this machine's user alone: films can be sought, and nothing else is served.

Only the loopback address, only with the token that stands in the printed address, only for the host names of this
machine (so that a foreign page cannot reach it by a name of its own), only GET and HEAD, only regular files inside the
folder; no listing, and no link that leads out.
"""

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import quote, unquote_to_bytes, urlsplit

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
"""Of this machine, as a browser may call it."""
IDLE_S = 60
"""A connection that says nothing for so long is closed."""
CHUNK = 2**18
"""Bytes that are read at once."""
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}
"""By the end of a name; a browser saves everything else."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "frame-ancestors 'none'",
}
"""Of every answer: no guessing of types, no token in requests to others, no copy that outlives the server."""


class Part(NamedTuple):
    """Bytes of a file: the first, and the one after the last."""

    start: int
    end: int


class Server(ThreadingHTTPServer):
    """Serves one folder until it is closed."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int = 0) -> None:
        """Bind to the loopback address.

        Args:
            folder: what is served.
            port: 0 = a free one.

        Raises: OSError if the port is taken.
        """
        self.folder = folder.resolve(strict=True)
        self.token = secrets.token_urlsafe(24)
        super().__init__((HOST, port), _Answer)
        self.hosts = {f"{name}:{self.server_port}" for name in NAMES}

    def address(self, name: str = "") -> str:
        """The address of a file of the folder, with the token.

        Args:
            name: POSIX path inside the folder; "" = `index.html`.
        """
        return f"http://{HOST}:{self.server_port}/{self.token}/{quote(name)}"

    def file(self, parts: list[str]) -> Path | None:
        """The regular file behind a path; None if there is none inside the folder.

        Args:
            parts: of the path after the token, decoded.
        """
        if not parts[-1]:
            parts = [*parts[:-1], "index.html"]
        # Hidden files include those that are being written.
        if any(part.startswith(".") or not part or set(part) & set("/\\\0") for part in parts):
            return None
        try:
            path = self.folder.joinpath(*parts).resolve(strict=True)
        except (OSError, ValueError):
            return None
        return path if path.is_relative_to(self.folder) and path.is_file() else None


class _Answer(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "vad", ""
    timeout = IDLE_S

    def do_GET(self) -> None:
        """Answer with a file or a part of it."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Answer with the headers of a file alone."""
        self._answer(body=False)

    def refuse(self) -> None:
        """Answer that only GET and HEAD are known."""
        self.close_connection = True
        self._say(HTTPStatus.METHOD_NOT_ALLOWED, Allow="GET, HEAD")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = refuse  # noqa: N815

    def _answer(self, body: bool) -> None:
        if self.headers.get_all("Host") is None or self.headers["Host"] not in self.server.hosts:
            return self._say(HTTPStatus.MISDIRECTED_REQUEST)
        try:
            path = unquote_to_bytes(urlsplit(self.path).path).decode()
        except ValueError:
            return self._say(HTTPStatus.NOT_FOUND)
        _, token, *parts = [*path.split("/"), ""] if path.count("/") < 2 else path.split("/")
        if not secrets.compare_digest(token.encode(), self.server.token.encode()):
            return self._say(HTTPStatus.FORBIDDEN)
        if (file := self.server.file(parts)) is None:
            return self._say(HTTPStatus.NOT_FOUND)
        with contextlib.suppress(ConnectionError, TimeoutError), _opened(file) as stream:
            if stream is None:
                return self._say(HTTPStatus.NOT_FOUND)
            self._send(file, stream, body)

    def _send(self, file: Path, stream: BinaryIO, body: bool) -> None:
        size = os.fstat(stream.fileno()).st_size
        # Without a validator of ours, a part that depends on one (If-Range) is never fresh: the whole file is sent.
        wanted = None if "If-Range" in self.headers else self.headers.get("Range")
        part = requested(wanted, size) if wanted else Part(0, size)
        if part is None:
            return self._say(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, **{"Content-Range": f"bytes */{size}"})
        whole = part == Part(0, size)
        self.send_response(HTTPStatus.OK if whole else HTTPStatus.PARTIAL_CONTENT)
        if not whole:
            self.send_header("Content-Range", f"bytes {part.start}-{part.end - 1}/{size}")
        self._head(
            {
                "Accept-Ranges": "bytes",
                "Content-Type": TYPES.get(file.suffix.lower(), "application/octet-stream"),
                "Content-Length": str(part.end - part.start),
            }
        )
        if body:
            self._copy(stream, part)

    def _copy(self, stream: BinaryIO, part: Part) -> None:
        stream.seek(part.start)
        left = part.end - part.start
        while left:
            chunk = stream.read(min(CHUNK, left))
            if not chunk:  # the file has become shorter: what was promised cannot be sent
                self.close_connection = True
                return
            self.wfile.write(chunk)
            left -= len(chunk)

    def _say(self, status: HTTPStatus, **headers: str) -> None:
        text = f"{status.value} {status.phrase}\n".encode()
        self.send_response(status)
        self._head({"Content-Type": TYPES[".txt"], "Content-Length": str(len(text)), **headers})
        if self.command != "HEAD":
            self.wfile.write(text)

    def _head(self, headers: dict[str, str]) -> None:
        for name, value in {**HEADERS, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *values: object) -> None:
        """Say nothing: lines of a log would hold the token."""


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[BinaryIO | None]:
    """A resolved file, open; None if it is gone, may not be read, or has become a link or a pipe since."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        yield None
        return
    with os.fdopen(descriptor, "rb") as stream:
        yield stream


def requested(header: str, size: int) -> Part | None:
    """The part that a `Range` header asks for.

    Several parts at once, other units and what cannot be read are answered with the whole file, as the standard allows.

    Args:
        header: such as `bytes=0-99`, `bytes=100-` or `bytes=-5`.
        size: of the file in bytes.

    Returns: None if no byte of the part is in the file.

    Specification: RFC 9110, section 14.
    """
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", header.strip(), re.ASCII)
    if found is None or found[0] == "bytes=-":
        return Part(0, size)
    first, last = found.groups()
    if not first:
        return Part(max(size - int(last), 0), size) if int(last) and size else None
    if last and int(last) < int(first):
        return Part(0, size)
    part = Part(int(first), min(int(last) + 1, size) if last else size)
    return part if part.start < size else None
