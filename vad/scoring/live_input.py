"""A video that is still coming: a file that grows, or a stream of a server, decoded while it comes.

Bytes of files and of HTTP are read here and handed to FFmpeg, which then needs no protocol of its own: it can open no
other address, follows no redirect and asks no proxy. Only RTSP is spoken by FFmpeg itself, over TCP. Unlike a whole
video, which has a decode process of its own, this one is decoded in the process that scores it.
"""

import http.client
import ipaddress
import re
import socket
import string
import time
from array import array
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

import av
from av.container import InputContainer
from av.error import ArgumentError, FFmpegError
from av.video.frame import VideoFrame

from vad.errors import MediaError, VadError
from vad.scoring.inputs import beside_overview
from vad.video.containers import media_error, require_regular
from vad.video.decode import PyAVReader, Rules
from vad.video.demux import FORMATS, choose_video

PORTS = {"http": 80, "rtsp": 554}
"""The protocols of addresses that may be followed, and their usual ports. Everything else is refused."""
LOOK_SECONDS = 0.1
"""How often it is looked whether a file has grown."""
CONVERT = "Write it as MPEG-TS or Matroska, which can be read while they are written"


class Address(NamedTuple):
    """What is followed."""

    protocol: str
    """`file`, `http` or `rtsp`."""
    word: str
    """The path or the address, as the user gave it."""

    @property
    def shown(self) -> str:
        """For messages and results: without user name and password."""
        return re.sub(r"(?<=://)[^/?#]*@", "", self.word)

    @property
    def video_id(self) -> str:
        """Safe as a file name."""
        name = Path(self.word).stem if self.protocol == "file" else self.shown.partition("://")[2]
        return beside_overview(re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")[:100] or "stream")


def address_of(word: str, hosts: Collection[str] = ()) -> Address:
    """A file, or an address of a server on this machine.

    Args:
        word: of the command line.
        hosts: names of other servers that may be asked.

    Raises: VadError for every other protocol and host; MediaError for a file that is not there.
    """
    if "://" not in word:
        if Path(word).is_dir():
            raise VadError(f"{word}: a folder is no stream. Name one file, or score the folder without --follow.")
        require_regular(Path(word))
        return Address("file", word)
    try:
        parts = urlsplit(word)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise VadError(f"{re.sub('(?<=://).*@', '', word)}: no address of a server ({error}). Correct it.") from None
    address = Address(parts.scheme.lower(), word)
    if address.protocol not in PORTS:
        known = ", ".join(f"{name}://" for name in PORTS)
        raise VadError(f"{address.shown}: protocol {parts.scheme!r} is not read. Give a file, or one of {known}.")
    if not (_on_this_machine(host) or host in hosts):
        raise VadError(
            f"{address.shown}: {host!r} is not this machine, and no other is asked. To allow it: --allow-host {host}"
        )
    if address.protocol == "http" and "@" in parts.netloc:
        raise VadError(f"{address.shown}: a user name is read in addresses with rtsp:// only. Leave it out.")
    return address


def _on_this_machine(host: str) -> bool:
    """Whether a host is `localhost` or an address of the loopback interface; no name is looked up."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


class LiveInput:
    """A video that is still coming.

    Args:
        address: as `address_of` gives it.
        wait: the stream has ended when nothing comes for so many seconds.

    Attributes:
        why: why it ended, as part of a sentence; empty while it goes on.
        times: when each decoded frame is shown, in seconds as the stream counts them; NaN where it does not say.
    """

    def __init__(self, address: Address, wait: float) -> None:
        self.address, self.wait, self.why, self.times = address, wait, "", array("d")
        self.stopped = False
        self._socket: socket.socket | None = None

    def stop(self) -> None:
        """Let it end now, as if the stream had ended. May be called by a signal handler."""
        self.stopped, self.why = True, "it was stopped"
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RD)  # ends a read that waits

    def reader(self, path: Path, height: int, width: int, rules: Rules, short_side: int | None = None) -> "LiveReader":
        """An `open_video` that reads this stream, whatever the path."""
        return LiveReader(self, height, width, rules, short_side)

    @contextmanager
    def open(self) -> Iterator[InputContainer]:
        """The stream as a container of packets; closed after the block.

        Raises: MediaError E_UNREADABLE, E_FORMAT.
        """
        with ExitStack() as opened:
            yield opened.enter_context(self._container(opened))

    def _container(self, opened: ExitStack) -> InputContainer:
        """The container; what lies under it is closed with the stack."""
        where = self.address.shown
        try:
            if self.address.protocol == "rtsp":
                only = {"rtsp_transport": "tcp", "protocol_whitelist": "rtsp,rtp,tcp", "format_whitelist": "rtsp"}
                return av.open(self.address.word, "r", container_options=only, timeout=(self.wait, self.wait))
            source = (_GrowingFile if self.address.protocol == "file" else _HttpBody)(self, opened)
            return av.open(source, "r", container_options={"format_whitelist": FORMATS}, metadata_errors="replace")
        except ArgumentError:
            raise media_error(where, "E_FORMAT", f"the contents are none of {FORMATS}", CONVERT) from None
        except (FFmpegError, OSError, http.client.HTTPException) as error:
            what = f"it cannot be opened as a stream of video ({getattr(error, 'strerror', None) or error})"
            raise media_error(where, "E_UNREADABLE", self.why or what, f"Check that it is there. {CONVERT}") from None

    def connect(self, opened: ExitStack) -> http.client.HTTPResponse:
        """Ask the HTTP server; its answer.

        Args:
            opened: closes the connection and the answer, also after an error.

        Raises: MediaError for an answer other than 200; OSError, HTTPException.
        """
        parts: SplitResult = urlsplit(self.address.word)
        port = parts.port or PORTS["http"]
        connection = http.client.HTTPConnection(parts.hostname or "", port, timeout=self.wait)
        opened.callback(connection.close)
        connection.connect()
        self._socket = connection.sock
        wanted = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", quote(wanted, safe=string.punctuation))
        answer = connection.getresponse()
        opened.callback(answer.close)
        if answer.status != HTTPStatus.OK:
            what = f"the server answers {answer.status} {answer.reason}"
            fix = "Check the address; redirects are not followed"
            raise media_error(self.address.shown, "E_UNREADABLE", what, fix)
        return answer


class _GrowingFile:
    """A file as FFmpeg reads it: at its end there is more to come, until nothing comes for a while."""

    def __init__(self, live: LiveInput, opened: ExitStack) -> None:
        self._live = live
        self._file = opened.enter_context(Path(live.address.word).open("rb"))  # noqa: SIM115 - the stack closes it

    def read(self, size: int) -> bytes:
        """Up to so many bytes; none at the end."""
        if self._live.stopped:
            return b""
        until = time.monotonic() + self._live.wait
        while not (found := self._file.read(size)):
            # FFmpeg asks again at the end: it does not wait a second time.
            if self._live.why or time.monotonic() >= until:
                self._live.why = self._live.why or f"it did not grow for {self._live.wait:g} s"
                break
            time.sleep(LOOK_SECONDS)
        return found


class _HttpBody:
    """What a server sends, as FFmpeg reads it."""

    def __init__(self, live: LiveInput, opened: ExitStack) -> None:
        self._live, self._answer = live, live.connect(opened)

    def read(self, size: int) -> bytes:
        """Up to so many bytes; none at the end."""
        if self._live.stopped:
            return b""
        try:
            found = self._answer.read1(size)
        except (OSError, http.client.HTTPException) as error:
            silent = f"nothing came for {self._live.wait:g} s"
            problem = silent if isinstance(error, TimeoutError) else f"the connection broke ({error})"
            self._live.why = self._live.why or problem
            return b""
        if not found:
            self._live.why = self._live.why or "the server ended it"
        return found


class LiveReader(PyAVReader):
    """The frames of a stream as they come. Damage is counted, and judged by whoever reads the report.

    Args:
        live: the stream; the other arguments are as of `vad.video.decode.open_video`.
    """

    def __init__(self, live: LiveInput, height: int, width: int, rules: Rules, short_side: int | None = None) -> None:
        super().__init__(Path(live.address.shown), height, width, rules, short_side)
        self._live, self._shown = live, live.address.shown

    def _video(self) -> Iterator[VideoFrame]:
        """All frames until the stream ends."""
        live = self._live
        with live.open() as container:
            packets = container.demux(choose_video(self._shown, container, self.rules.max_pixels, self._tally))
            while not (live.stopped and live.address.protocol == "rtsp"):
                try:
                    packet = next(packets, None)
                except FFmpegError as error:
                    live.why = live.why or f"reading stopped ({error.strerror})"
                    break
                if packet is None:
                    break
                self._tally.packets += packet.size > 0
                try:
                    frames = packet.decode()
                except FFmpegError:
                    self._tally.errors += 1
                    continue
                for frame in frames:
                    live.times.append(float("nan") if frame.time is None else frame.time)
                    yield frame
        live.why = live.why or "the stream ended"

    def _judge(self) -> None:
        """After the last frame: was there any?"""
        if not self.n_frames:
            raise MediaError(f"{self._shown}: E_NO_FRAMES: {self._live.why} before a frame came. {CONVERT}.")
