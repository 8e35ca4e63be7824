"""`vad score --follow`: a video that is still coming, from a file that grows, over HTTP and over RTSP."""

import json
import math
import os
import signal
import socket
import threading
import time
from argparse import Namespace
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.test_score import column
from tests.test_score_stream import IMAGES, SMALL, random_run
from tests.videos import scene, write_video
from vad.__main__ import main
from vad.alarms.make import make_alarms
from vad.engine.build import build
from vad.engine.score import score_video
from vad.errors import MediaError, VadError
from vad.schema.evaluate import Alarms
from vad.schema.infer import Infer
from vad.scoring.follow import follow
from vad.scoring.inputs import GivenVideo, given_videos
from vad.scoring.live_input import LiveInput, _GrowingFile, _HttpBody, address_of
from vad.scoring.live_scores import FrameScores, LiveAlarms
from vad.scoring.runs import TrainedRun, find_run
from vad.scoring.video import ScoredVideo, Scorer

DEADLINE_S = 30
"""A test that waits longer for something has failed."""


@pytest.mark.parametrize(("model", "shape"), [("mnad", (3, 16, 16)), ("lstm_memory_ae", (5,))])
@settings(max_examples=15, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 40), max_size=8),
    n=st.integers(1, 50),
    short=st.integers(0, 3),
    sigma=st.sampled_from([0.0, 0.7, 3.0]),
)
def test_scores_of_frames_while_they_come(
    model: str, shape: tuple[int, ...], cuts: list[int], n: int, short: int, sigma: float
) -> None:
    """The same as of the whole video, wherever it is cut; none is taken back."""
    torch.manual_seed(0)
    built = build(model, SMALL[model] | {"stride": 2}, shape[0]).eval()
    rows = np.random.default_rng(n).integers(0, 256, (n, *shape), dtype=np.uint8)
    rows = rows if len(shape) > 1 else rows.astype(np.float32)
    infer, step = Infer.model_validate({"smooth_sigma": sigma}), 4
    bounds = np.append(np.arange(n) * step, n * step - short)
    built.reset_memory()
    with torch.inference_mode():
        whole = score_video(built, rows, bounds, infer)
    built.reset_memory()
    live = FrameScores(built, infer, step)
    *first, last = np.split(rows, sorted({cut for cut in cuts if cut < n}))
    found = np.concatenate([*[live.add(part) for part in first], live.end(last, int(bounds[-1]))])

    np.testing.assert_allclose(found, whole.frames, rtol=1e-4, atol=1e-5)


@settings(max_examples=100, deadline=None)
@given(
    scores=st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=1, max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=5),
    shortest=st.integers(0, 4),
    gap=st.integers(0, 4),
)
def test_alarms_while_they_come(scores: list[float], cuts: list[int], shortest: int, gap: int) -> None:
    """Without hysteresis they are those of the whole video; each starts and ends once, in the order of time."""
    rule = Alarms(min_seconds=shortest, merge_seconds=gap, hysteresis=0)
    given_scores = np.array(scores, np.float32)
    live, events = LiveAlarms(1.0, rule, fps=1.0), []
    parts = np.split(given_scores, sorted(cut for cut in cuts if cut < len(scores)))
    for number, part in enumerate(parts, start=1):
        events += live.add(part, lambda: 0.0, number == len(parts))

    ends = [(event.start, event.end, event.peak) for event in events if event.event == "end"]
    assert ends == [tuple(alarm) for alarm in make_alarms(given_scores, 1.0, rule, 1.0)]
    assert [(event.event, event.alarm) for event in events] == [
        (word, number) for number in range(1, len(ends) + 1) for word in ("start", "end")
    ]


def test_hysteresis_while_it_comes() -> None:
    """An alarm goes on above the release level, which comes from the median up to its start."""
    rule = Alarms(min_seconds=0, merge_seconds=0, hysteresis=0.5)
    live = LiveAlarms(1.0, rule, fps=1.0)
    events = live.add(np.array([0, 0, 1.5, 0.6, 0.5, 0.4, 0.9], np.float32), lambda: 0.0)

    assert [(event.event, event.start, event.end) for event in events] == [("start", 2, 3), ("end", 2, 5)]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A square that walks, and a few pictures that all differ."""
    noise = np.random.default_rng(0).integers(0, 256, (10, 48, 64, 3), dtype=np.uint8)
    frames = [*scene(60, 48, 64), *noise, *scene(330, 48, 64)]
    return write_video(tmp_path_factory.mktemp("film") / "film.ts", frames)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """Differences of pictures, with a threshold."""
    folder = random_run(tmp_path_factory.mktemp("run") / "train/made/seed0", "frame_difference", IMAGES)
    rule = Alarms(min_seconds=0.1, merge_seconds=0.2, hysteresis=0.25)
    return replace(find_run(folder=folder), threshold=0.1, threshold_rule="given", alarms=rule)


def followed(found: TrainedRun, word: str, out: Path, **flags: object) -> ScoredVideo:
    """A stream that was followed to its end."""
    args = Namespace(**({"out": out, "wait": 1.5, "every": 1, "fps": None} | flags))
    return follow(found, address_of(word), args)


def events(out: Path) -> list[dict]:
    """The alarms that were written on the way."""
    (path,) = out.glob("*_alarms.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Something that happens while the block runs; it must have ended soon after it."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(DEADLINE_S)
    assert not thread.is_alive()


def check(result: ScoredVideo, found: TrainedRun, film: Path, out: Path) -> None:
    """The results are those of the whole file, and the alarm was written when it started and when it ended."""
    whole = Scorer(found).score(GivenVideo("whole", film))
    np.testing.assert_allclose(result.scores, whole.scores, atol=1e-6)
    np.testing.assert_allclose(result.times, whole.times, atol=1e-6)
    assert [alarm.start for alarm in result.alarms] == [alarm.start for alarm in whole.alarms] != []
    assert [(event["event"], event["start_source_frame"]) for event in events(out)] == [("start", 60), ("end", 60)]
    assert column(out / f"{result.video_id}_scores.csv", "frame")[-1] == "399"
    assert (out / f"{result.video_id}.html").is_file()
    assert (out / "index.html").is_file()


def test_a_file_that_grows(trained: TrainedRun, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The alarm is on stdout and in the file while the rest of the video is not there yet."""
    data, growing, seen = film.read_bytes(), tmp_path / "growing.ts", []
    cut = len(data) * 9 // 10
    growing.write_bytes(data[:1000])

    def grow() -> None:
        with growing.open("ab") as stream:
            for start in range(1000, cut, 40_000):
                stream.write(data[start : min(start + 40_000, cut)])
                stream.flush()
                time.sleep(0.02)
            for _ in range(100):
                if seen or ((lines := (tmp_path / "out/growing_alarms.jsonl")).is_file() and lines.read_text()):
                    seen.append(True)
                    break
                time.sleep(0.05)
            stream.write(data[cut:])

    with meanwhile(grow):
        result = followed(trained, str(growing), tmp_path / "out", wait=3.0)
    assert seen
    assert any("until it did not grow for 3 s" in note for note in result.notes)
    assert [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()] == ["start", "end"]
    check(result, trained, film, tmp_path / "out")


class Handler(BaseHTTPRequestHandler):
    """Sends the film in pieces, or leads elsewhere."""

    film: bytes

    def do_GET(self) -> None:
        """Answer one request."""
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "/film")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        for start in range(0, len(self.film), 30_000):
            self.wfile.write(self.film[start : start + 30_000])
            time.sleep(0.01)
        if self.path == "/silent":
            time.sleep(3)

    def log_message(self, *_: object) -> None:
        """Print no line for each request."""


@pytest.fixture
def server(film: Path) -> Iterator[str]:
    """The address of an HTTP server on this machine."""
    Handler.film = film.read_bytes()
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    with http, meanwhile(lambda: http.serve_forever(poll_interval=0.05)):
        try:
            yield f"http://127.0.0.1:{http.server_port}"
        finally:
            http.shutdown()


def test_a_stream_over_http(trained: TrainedRun, film: Path, server: str, tmp_path: Path) -> None:
    """It ends when the server ends it, or when nothing comes any more; a redirect is not followed.

    The address stands in results and messages as the user gave it.
    """
    result = followed(trained, f"{server}/film", tmp_path / "a")
    assert any("until the server ended it" in note for note in result.notes)
    check(result, trained, film, tmp_path / "a")
    assert column(tmp_path / "a/inference_summary.csv", "path") == [f"{server}/film"]
    assert f"video      {server}/film\n" in (tmp_path / f"a/{result.video_id}_summary.txt").read_text()

    spaced = followed(trained, f"{server}/Tür 1?a=%20", tmp_path / "d")
    assert len(spaced.scores) == 400
    silent = followed(trained, f"{server}/silent", tmp_path / "b", wait=0.5)
    assert any("nothing came for 0.5 s" in note for note in silent.notes)
    assert len(silent.scores) == 400
    with pytest.raises(MediaError, match=f"^{server}/away: E_UNREADABLE: the server answers 302 Found"):
        followed(trained, f"{server}/away", tmp_path / "c")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_all_files(trained: TrainedRun, film: Path, tmp_path: Path, number: int) -> None:
    """Long before the stream would have ended; afterwards signals do what they did before."""
    before, begin = signal.getsignal(number), time.monotonic()
    growing = tmp_path / "growing.ts"
    growing.write_bytes(film.read_bytes())

    def stop() -> None:
        while not (lines := tmp_path / "out/growing_alarms.jsonl").is_file() or not lines.read_text():
            if time.monotonic() - begin > DEADLINE_S:
                return
            time.sleep(0.05)
        os.kill(os.getpid(), number)

    with meanwhile(stop):
        result = followed(trained, str(growing), tmp_path / "out", wait=60.0)
    assert time.monotonic() - begin < 20
    assert any("until it was stopped" in note for note in result.notes)
    assert signal.getsignal(number) == before
    assert events(tmp_path / "out")[-1]["event"] == "end"
    assert (tmp_path / "out/growing_summary.json").is_file()


def test_what_has_come_already_is_not_read_after_the_stop(film: Path, server: str) -> None:
    """A file of hours that is complete ends at once too."""
    for word, kind in ((str(film), _GrowingFile), (f"{server}/film", _HttpBody)):
        live = LiveInput(address_of(word), 60.0)
        with ExitStack() as opened:
            source = kind(live, opened)
            assert source.read(100)
            live.stop()
            assert source.read(100) == b""


def test_a_refused_connection_is_closed(server: str) -> None:
    """An answer other than 200, and one that never comes, leave no socket open."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for word in (f"{server}/away", f"http://127.0.0.1:{silent.getsockname()[1]}/"):
            live = LiveInput(address_of(word), 0.2)
            with pytest.raises((MediaError, TimeoutError)), ExitStack() as opened:
                live.connect(opened)
            assert live._socket is not None
            assert live._socket.fileno() == -1


def test_a_connection_that_fails_keeps_the_alarms_of_an_earlier_run(trained: TrainedRun, tmp_path: Path) -> None:
    """The file of alarms begins anew with the first row of the stream, not before."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        word = f"http://127.0.0.1:{unused.getsockname()[1]}/film"
    lines = tmp_path / f"{address_of(word).video_id}_alarms.jsonl"
    lines.write_text('{"event": "start"}\n')
    with pytest.raises(MediaError, match=f"^{word}: E_UNREADABLE"):
        followed(trained, word, tmp_path)
    assert lines.read_text() == '{"event": "start"}\n'


def test_the_threshold_of_a_calibrated_run_leaves_out_dropped_frames(film: Path, tmp_path: Path) -> None:
    """While it comes as at its end: first frames without a score of their own are not calibrated on."""
    folder = random_run(tmp_path / "train/made/seed0", "frame_pred", IMAGES)
    infer = Infer.model_validate({"first_frames": "drop"})
    found = replace(find_run(folder=folder), infer=infer, threshold=0.5, threshold_rule="given", calibrate_frames=8)
    result = followed(found, str(film), tmp_path / "out", wait=0.2)
    whole = Scorer(found).score(GivenVideo("whole", film))

    assert any(note.startswith("the first 4 frames have no score") for note in result.notes)
    assert {event["threshold"] for event in events(tmp_path / "out")} == {result.threshold}
    assert result.threshold == pytest.approx(whole.threshold, rel=1e-4)


@pytest.mark.parametrize("calibrate_frames", [0, 8])
def test_a_stream_shorter_than_a_window_has_no_alarms(calibrate_frames: int, tmp_path: Path) -> None:
    """It is too short for a score, as the same file is without --follow."""
    folder = random_run(tmp_path / "train/made/seed0", "frame_pred", IMAGES)
    run = replace(find_run(folder=folder), threshold=-1e9, threshold_rule="given", alarms=Alarms(min_seconds=0))
    found = replace(run, calibrate_frames=calibrate_frames)
    result = followed(found, str(write_video(tmp_path / "short.ts", scene(3, 48, 64))), tmp_path / "out", wait=0.2)

    assert (result.status, result.problem) == ("INSUFFICIENT", "3 frames, the model needs 5")
    assert events(tmp_path / "out") == []
    assert column(tmp_path / "out/inference_summary.csv", "status") == ["INSUFFICIENT"]


def test_a_still_start_calibrates_nothing(
    trained: TrainedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stream is followed to its end without alarms; that is said at once and in the summary."""
    noise = np.random.default_rng(0).integers(0, 256, (4, 48, 64, 3), dtype=np.uint8)
    video = write_video(tmp_path / "still.ts", [*[next(scene(1, 48, 64))] * 60, *noise])
    result = followed(replace(trained, calibrate_frames=8), str(video), tmp_path / "out", wait=0.2)
    printed = capsys.readouterr()

    assert (result.status, len(result.scores), result.threshold, result.alarms) == ("ok", 64, None, [])
    (note,) = (note for note in result.notes if note.startswith("no alarms: "))
    assert "the first 8 frames have no spread" in note
    assert (printed.out, printed.err) == ("", f"{note}\n")
    assert events(tmp_path / "out") == []
    about = json.loads((tmp_path / "out/still_summary.json").read_text())
    assert (about["status"], about["threshold"], about["threshold_rule"]) == ("ok", None, "")
    assert f"note       {note}\n" in (tmp_path / "out/still_summary.txt").read_text()


@pytest.mark.parametrize(("fps", "rate", "origin"), [(None, 30, "as its header states"), (10.0, 10, "by --fps")])
def test_a_stream_without_times(
    trained: TrainedRun, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fps: float, rate: int, origin: str
) -> None:
    """One rate makes times and alarms, and a note says where it comes from."""

    class Times(array):
        def append(self, seconds: float) -> None:
            super().append(math.nan)

    monkeypatch.setattr("vad.scoring.live_input.array", Times)
    result = followed(trained, str(film), tmp_path, wait=0.2, fps=fps)

    assert f"its frames have no times of their own: {rate} frames a second ({origin})" in result.notes
    assert result.fps == pytest.approx(rate)
    np.testing.assert_allclose(result.times, np.arange(400) / rate)
    assert [event["start_s"] for event in events(tmp_path)] == [60 / rate, 60 / rate]


@pytest.mark.parametrize(
    ("name", "codec", "fps", "step", "rate"),
    [("slow.ts", "mpeg4", 10, 1, 10), ("slow.mkv", "libx264", 30, 6, 5)],
    ids=["header without a rate", "header with another rate"],
)
@pytest.mark.parametrize("every", [1, 2])
def test_the_times_of_frames_count_before_the_header(
    trained: TrainedRun, tmp_path: Path, name: str, codec: str, fps: int, step: int, rate: float, every: int
) -> None:
    """Seconds of the alarms become frames by the rate at which frames come, on the way and at the end."""
    noise = np.random.default_rng(0).integers(0, 256, (4, 48, 64, 3), dtype=np.uint8)
    still = next(scene(1, 48, 64))
    frames = [still] * 160
    for start in (50, 62, 110):
        frames[start : start + 4] = noise
    video = write_video(tmp_path / name, frames, codec=codec, fps=fps, pts=[step * n for n in range(160)])
    rule = Alarms(min_seconds=0.2, merge_seconds=0.5, hysteresis=0)
    found = replace(trained, alarms=rule)
    whole = Scorer(found, every).score(GivenVideo("whole", video))
    result = followed(found, str(video), tmp_path / "out", wait=0.2, every=every)

    assert result.fps == pytest.approx(whole.fps)
    assert result.fps == pytest.approx(rate / every, rel=1e-3)
    assert [(alarm.start, alarm.end) for alarm in result.alarms] == [(a.start, a.end) for a in whole.alarms]
    ends = [event for event in events(tmp_path / "out") if event["event"] == "end"]
    assert [event["start_source_frame"] for event in ends] == [alarm.start * every for alarm in whole.alarms]
    assert len(ends) > 1
    assert make_alarms(whole.scores, 0.1, rule, 30.0 / every) != whole.alarms
    assert f"{rate} frames a second, by the times of its frames" in result.notes


def rtsp_server(film: bytes, listening: socket.socket) -> None:
    """Serve one RTSP client over one connection: MPEG-TS in RTP packets between the answers."""
    listening.settimeout(DEADLINE_S)
    client, _ = listening.accept()
    client.settimeout(DEADLINE_S)
    with client, client.makefile("rb") as requests:
        address = f"rtsp://127.0.0.1:{listening.getsockname()[1]}/cam"
        while words := requests.readline().split():
            headers = {}
            while text := requests.readline().strip():
                name, _, value = text.partition(b":")
                headers[name.lower()] = value.strip()
            head = b"RTSP/1.0 200 OK\r\nCSeq: " + headers[b"cseq"] + b"\r\nSession: 1\r\n"
            method = words[0]
            if method == b"DESCRIBE":
                sdp = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\n"
                sdp += f"a=control:{address}\r\n"
                head += f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}".encode()
            elif method == b"SETUP":
                head += b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
            elif method == b"OPTIONS":
                head += b"Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n"
            else:
                head += b"\r\n"
            client.sendall(head)
            if method == b"PLAY":
                for number, start in enumerate(range(0, len(film), 7 * 188)):
                    rtp = bytes([0x80, 33, number >> 8 & 255, number & 255]) + number.to_bytes(4, "big") + b"\0\0\0\1"
                    packet = rtp + film[start : start + 7 * 188]
                    client.sendall(b"$\0" + len(packet).to_bytes(2, "big") + packet)
                return


def test_a_stream_over_rtsp(trained: TrainedRun, film: Path, tmp_path: Path) -> None:
    """Over TCP, until the server closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"rtsp://user:secret@127.0.0.1:{listening.getsockname()[1]}/cam"
        with meanwhile(lambda: rtsp_server(film.read_bytes(), listening)):
            result = followed(trained, address, tmp_path)
    assert len(result.scores) >= 380
    assert [event["event"] for event in events(tmp_path)] == ["start", "end"]
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".png" and "secret" in path.read_text()]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (".", "a folder is no stream"),
        ("udp://127.0.0.1:1234", "protocol 'udp' is not read"),
        ("ftp://127.0.0.1/a.ts", "protocol 'ftp' is not read"),
        ("file:///etc/passwd", "protocol 'file' is not read"),
        ("concat:film.ts|film.ts", "there is no such file"),
        ("http://example.org/film.ts", "'example.org' is not this machine"),
        ("rtsp://10.0.0.1/cam", "'10.0.0.1' is not this machine"),
        ("http://127.0.0.1@example.org/film.ts", "'example.org' is not this machine"),
        ("http://localhost.example.org/", "is not this machine"),
        ("http://127.0.0.1:port/", "no address of a server"),
        ("rtsp://user:secret@127.0.0.1:port/", "no address of a server"),
        ("rtsp://user:more@secret@example.org/", "rtsp://example.org/: 'example.org' is not this machine"),
        ("http://user:secret@127.0.0.1/", "a user name is read in addresses with rtsp:// only"),
    ],
)
def test_everything_else_is_refused(word: str, message: str) -> None:
    """Before anything is opened; passwords are not shown."""
    with pytest.raises(VadError, match=message) as raised:
        address_of(word)

    assert "secret" not in str(raised.value)


def test_another_machine_is_asked_when_it_is_named() -> None:
    """The host of --allow-host is asked, any other is still refused."""
    assert address_of("http://camera/film.ts", ["camera"]).video_id == "camera_film_ts"
    with pytest.raises(VadError, match="To allow it: --allow-host other"):
        address_of("http://other/film.ts", ["camera"])


def test_no_video_takes_the_place_of_the_overview(film: Path, tmp_path: Path) -> None:
    """The page of a video has the video's name, and the overview is index.html."""
    for name in ("Index.ts", "index_.ts"):
        (tmp_path / name).write_bytes(film.read_bytes())

    assert address_of(str(tmp_path / "Index.ts")).video_id == "Index_"
    assert [video.video_id for video in given_videos([tmp_path])] == ["Index_", "index_"]
    (tmp_path / "Index.ts").rename(tmp_path / "index.ts")
    assert [video.video_id for video in given_videos([tmp_path])] == ["index__", "index_"]


def test_playlists_are_refused(trained: TrainedRun, tmp_path: Path) -> None:
    """They would open other files and addresses."""
    (tmp_path / "list.ts").write_text("#EXTM3U\n#EXTINF:1,\nhttp://example.org/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(MediaError, match=r"E_FORMAT|E_UNREADABLE"):
        followed(trained, str(tmp_path / "list.ts"), tmp_path / "out", wait=0.2)


def test_only_models_on_windows_follow(tmp_path: Path, capsys: pytest.CaptureFixture[str], film: Path) -> None:
    """The error names the variants that can; without --follow an address is refused with what to add."""
    random_run(tmp_path / "train/windows/seed0", "frame_difference", IMAGES)
    bags = random_run(tmp_path / "train/bags/seed0", "frame_difference", IMAGES)
    config = json.loads((bags / "config.json").read_text())
    (bags / "config.json").write_text(json.dumps(config | {"model": "mstsm"}))
    command = ["score", str(film), "--run", str(bags), "--out", str(tmp_path / "out")]

    assert main([*command, "--follow"]) == 2
    assert "needs the whole video" in (errors := capsys.readouterr().err)
    assert "Variants that can: windows." in errors
    assert main(["score", "http://127.0.0.1/a", "--out", str(tmp_path)]) == 2
    assert "Add --follow" in capsys.readouterr().err
    run = ["--run", str(tmp_path / "train/windows/seed0"), "--follow", "--wait", "0.3"]
    assert main(["score", str(film), *run, "--previews", "full", "--out", str(tmp_path / "out")]) == 2
    assert "its page has no pictures" in capsys.readouterr().err
    assert main(["score", str(film), *run, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "400 frames" in printed.err
