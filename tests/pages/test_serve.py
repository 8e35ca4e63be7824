"""`vad view` answers for files of one folder, in parts, and for nothing else."""

import http.client
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vad.__main__ import main
from vad.pages.serve import Part, Server, requested

FILM = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages, a film, and what must not be served: a secret beside the folder, and links to it."""
    top = tmp_path_factory.mktemp("view")
    (top / "secret.txt").write_text("secret")
    (top / "site2").mkdir()
    (top / "site2" / "secret.txt").write_text("secret")
    site = top / "site"
    (site / "sub").mkdir(parents=True)
    (site / "index.html").write_text("<p>overview")
    (site / "sub" / "a b.csv").write_text("frame,score\n")
    (site / "film.mp4").write_bytes(FILM)
    (site / ".hidden.html").write_text("secret")
    (site / "odd.bin").write_bytes(b"?")
    (site / "link.txt").symlink_to(top / "secret.txt")
    (site / "up").symlink_to(top)
    (site / "inside.html").symlink_to(site / "index.html")
    os.mkfifo(site / "pipe")
    return site


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    """A running server."""
    with Server(folder) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body; a path that begins with `~/` has the token in its place."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    path = path.replace("~/", f"/{server.token}/", 1)
    connection.putrequest(method, path, skip_host=True)
    given = {"Host": f"127.0.0.1:{server.server_port}", **headers}
    for name, value in given.items():
        if value:
            connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    connection.close()
    return found


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("~/", "text/html; charset=utf-8", b"<p>overview"),
        ("~/index.html?a=b", "text/html; charset=utf-8", b"<p>overview"),
        ("~/inside.html", "text/html; charset=utf-8", b"<p>overview"),
        ("~/sub/a%20b.csv", "text/csv; charset=utf-8", b"frame,score\n"),
        ("~/film.mp4", "video/mp4", FILM),
        ("~/odd.bin", "application/octet-stream", b"?"),
    ],
)
def test_files_of_the_folder_are_served(path: str, kind: str, body: bytes, server: Server) -> None:
    """With their type, and with headers that forbid guessing, keeping and passing on."""
    status, headers, found = ask(server, path)

    assert (200, kind, body) == (status, headers["content-type"], found)
    assert ("nosniff", "no-store", "no-referrer") == tuple(
        headers[name] for name in ("x-content-type-options", "cache-control", "referrer-policy")
    )
    assert (200, b"", str(len(body))) == (
        (head := ask(server, path, "HEAD"))[0],
        head[2],
        head[1]["content-length"],
    )


@pytest.mark.parametrize(
    "path",
    [
        *("~/../secret.txt", "~/..%2fsecret.txt", "~/%2e%2e/secret.txt", "~/sub/../../secret.txt"),
        *("~/../site2/secret.txt", "~/link.txt", "~/up/secret.txt", "~/.hidden.html"),
        *("~/sub", "~/sub/", "~/pipe", "~/missing.html", "~//etc/passwd", "~/%2fetc%2fpasswd", "~/..%5csecret.txt"),
        *("~/index.html%00", "~/%ff.html", "~/./index.html", "~/film.mp4/", "~/" + "a" * 5000),
    ],
)
def test_nothing_else_is_served(path: str, server: Server) -> None:
    """No way up, no link out, no hidden file, no listing, no pipe: as if it was not there."""
    status, _, body = ask(server, path)

    assert 404 == status
    assert b"secret" not in body


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from(["..", ".", "", "%2e%2e", "up", "sub", "link.txt", "secret.txt", "site", "%2f", "%00"]))
)
def test_no_path_leads_out(server: Server, parts: list[str]) -> None:
    """Whatever is put together."""
    assert b"secret" not in ask(server, "~/" + "/".join(parts))[2]


@pytest.mark.parametrize(
    "path", ["/", "/index.html", "/wrong/index.html", "/none/index.html", "/%C3%A4/index.html", "*"]
)
def test_the_token_is_needed(path: str, server: Server) -> None:
    """And the answer does not hold it."""
    status, headers, body = ask(server, path)

    assert 403 == status
    assert server.token not in f"{headers}{body}"
    assert len(server.token) >= 32


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1", "127.0.0.1:1", "evil.example:{port}", "[::1]:{port}"]
)
def test_a_foreign_host_name_is_refused(host: str, server: Server) -> None:
    """A page of others that has its own name lead to this machine reads nothing."""
    status, _, body = ask(server, "~/index.html", Host=host.format(port=server.server_port))

    assert (421, False) == (status, b"overview" in body)
    assert 200 == ask(server, "~/index.html", Host=f"localhost:{server.server_port}")[0]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(method: str, server: Server) -> None:
    """With what is allowed."""
    status, headers, _ = ask(server, "~/index.html", method)

    assert (405, "GET, HEAD") == (status, headers["allow"])
    assert 501 == ask(server, "~/index.html", "BREW")[0]


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [("bytes=0-99", 0, 100), ("bytes=10000-", 10000, 10240), ("bytes=-5", 10235, 10240), ("bytes=5-99999", 5, 10240)],
)
def test_parts_of_a_film_are_served(header: str, start: int, end: int, server: Server) -> None:
    """With their place in it."""
    status, headers, body = ask(server, "~/film.mp4", Range=header)

    assert (206, FILM[start:end]) == (status, body)
    assert f"bytes {start}-{end - 1}/{len(FILM)}" == headers["content-range"]
    assert (206, b"") == ask(server, "~/film.mp4", "HEAD", Range=header)[::2]


def test_parts_that_cannot_be_served(server: Server) -> None:
    """Outside of the film: 416 with its length. Several, other units, or dependent on a version: the whole film."""
    status, headers, _ = ask(server, "~/film.mp4", Range="bytes=10240-")

    assert (416, "bytes */10240") == (status, headers["content-range"])
    for header in ("bytes=0-1,5-6", "frames=0-1", "bytes=x", "bytes=-", "bytes=9-3"):
        assert (200, FILM) == ask(server, "~/film.mp4", Range=header)[::2]
    assert (200, FILM) == ask(server, "~/film.mp4", Range="bytes=0-1", If_Range='"a"')[::2]


@settings(max_examples=100)
@given(st.text(st.sampled_from("0123456789-,=bytes "), max_size=12) | st.from_regex(r"bytes=\d*-\d*", fullmatch=True))
def test_every_part_lies_inside(header: str) -> None:
    """Whatever the header says."""
    for size in (0, 1, 100):
        part = requested(header, size)
        assert part is None or 0 <= part.start <= part.end <= size
    assert Part(0, 0) == requested("nonsense", 0)


def test_only_the_loopback_address_is_bound(server: Server, folder: Path) -> None:
    """And addresses quote names."""
    assert "127.0.0.1" == server.server_address[0]
    assert server.address("a #1.html").endswith(f"/{server.token}/{quote('a #1.html')}")


def test_the_command_serves_until_it_is_interrupted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints the address of the overview, of a report's, or else of each page, and ends with exit code 0."""

    def interrupted(_: Server) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", interrupted)

    assert 0 == main(["view", str(folder)])
    assert re.match(r"http://127\.0\.0\.1:\d+/[\w-]{32,}/index\.html\n", capsys.readouterr().out)
    assert 0 == main(["view", str(folder.parent)])
    assert re.search(r"/site/index\.html\n", capsys.readouterr().out)
    (folder / "sub" / "two.html").touch()
    (folder / "sub" / "one.html").touch()
    assert 0 == main(["view", str(folder / "sub")])
    assert ["one.html", "two.html"] == re.findall(r"[a-z]+\.html", capsys.readouterr().out)


def test_a_folder_without_pages_is_named(tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """And so are a missing folder and a port in use."""

    def said(*arguments: Any) -> str:
        assert 2 == main(["view", *map(str, arguments)])
        return capsys.readouterr().err

    assert "no page (*.html) there" in said(tmp_path)
    assert "no such folder" in said(tmp_path / "missing")
    (tmp_path / "a.html").touch()
    assert "cannot be used" in said(tmp_path, "--port", server.server_port)
    assert "cannot be used" in said(tmp_path, "--port", 99999)
