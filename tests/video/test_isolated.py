"""Decoding in a process of its own: the same frames, and whatever happens to that process is the error of its video."""

import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests import videos
from vad.cost.measure import FirstFrames, run_isolated
from vad.errors import MediaError
from vad.video import decode_process, isolated
from vad.video.batches import BatchReader, batches
from vad.video.decode import PyAVReader, Reader, Rules, open_in_this_process, open_video
from vad.video.decode_process import BLOCK_BYTES, Limits, Shared, confine, leave_network, limits_of
from vad.video.isolated import IsolatedReader

N_FRAMES, SIZE = 72, 48
"""Five blocks."""
ANY_DAMAGE = Rules(policy="tolerant", max_corrupt_frac=1.0)
PLENTY = limits_of(Rules())


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good H.264 mp4."""
    return videos.write_video(tmp_path_factory.mktemp("good") / "clip.mp4", videos.scene(N_FRAMES))


def jpeg_video(path: Path) -> Path:
    """One frame of Motion JPEG."""
    return videos.write_video(path, videos.scene(1, 480, 640), codec="mjpeg", pixel_format="yuvj420p")


def wait_until(done: Callable[[], object]) -> None:
    """Give other processes time, but not for ever."""
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


def state(pid: int) -> str:
    """R = runs, S = waits, Z = has ended and nobody asked how; "" = there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def runs(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    return state(pid) not in ("", "Z")


def children(pid: int) -> list[int]:
    """The processes that a process started."""
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


def begun(reader: IsolatedReader) -> tuple[Iterator[np.ndarray], int]:
    """The frames of a reader behind its first one, and the number of its process, which waits with a full block."""
    frames = reader.frames()
    next(frames)
    pid = reader.pid
    assert pid
    wait_until(lambda: state(pid) == "S")
    return frames, pid


def kinds(folder: Path, clip: Path) -> dict[str, Path]:
    """Videos of several kinds."""
    return {
        "good": clip,
        "turned": videos.turned(clip, folder / "turned.mp4"),
        "damaged": videos.flip_bytes(clip, folder / "damaged.mp4"),
        "mpeg4": videos.write_video(folder / "old.avi", videos.scene(33, 61, 47), codec="mpeg4"),
        "one": videos.write_video(folder / "one.mp4", videos.scene(1)),
        "images": videos.write_images(folder / "001", videos.scene(17)),
    }


@pytest.mark.parametrize("kind", ["good", "turned", "damaged", "mpeg4", "one", "images"])
@pytest.mark.parametrize("stride", [1, 5])
def test_the_same_frames_and_report(kind: str, stride: int, clip: Path, tmp_path: Path) -> None:
    """Bit for bit those of the reader in this process, also the counts while frames pass by."""
    path = kinds(tmp_path, clip)[kind]
    plain, other = (cls(path, 32, SIZE, ANY_DAMAGE) for cls in (PyAVReader, IsolatedReader))
    expected = [(frame.copy(), plain.n_frames) for frame in plain.frames(stride)]
    found = [(frame, other.n_frames) for frame in other.frames(stride)]

    assert [n for _, n in expected] == [n for _, n in found]
    assert np.array_equal(np.stack([f for f, _ in expected]), np.stack([f for f, _ in found]))
    assert plain.report == other.report
    assert plain.n_frames == other.n_frames
    assert other.pid is None


@pytest.mark.parametrize(("size", "stride"), [(7, 1), (16, 1), (40, 1), (100, 1), (8, 3)])
def test_the_same_batches(size: int, stride: int, clip: Path) -> None:
    """Batches of any size, whatever the size of the blocks."""
    plain, other = (cls(clip, SIZE, SIZE) for cls in (PyAVReader, IsolatedReader))
    expected = [(batch, plain.n_frames) for batch in batches(plain, size, stride)]
    found = [(batch, other.n_frames) for batch in batches(other, size, stride)]

    assert isinstance(other, BatchReader)
    assert [n for _, n in expected][:-1] == [n for _, n in found][:-1]
    assert all(torch.equal(one, two) for (one, _), (two, _) in zip(expected, found, strict=True))
    assert plain.n_frames == other.n_frames


def test_frames_stay_as_they_are(clip: Path) -> None:
    """A frame that is kept is not written again by the decode process."""
    kept = list(IsolatedReader(clip, SIZE, SIZE).frames())

    assert all(np.array_equal(a, b) for a, b in zip(kept, PyAVReader(clip, SIZE, SIZE).frames(), strict=True))


def test_the_centre_and_the_reason(clip: Path) -> None:
    """Every argument reaches the process; rules of an extractor may have further keys."""
    reader = IsolatedReader(clip, 32, 32, short_side=48, instead_of="DALI: codec h264")
    expected = PyAVReader(clip, 32, 32, short_side=48)

    assert all(np.array_equal(a, b) for a, b in zip(reader.frames(), expected.frames(), strict=True))
    assert "DALI: codec h264" == reader.report["instead_of"]


def test_large_pictures_pass_in_small_blocks(tmp_path: Path) -> None:
    """The shared memory does not grow with the size of the picture beyond one frame a block."""
    folder = videos.write_images(tmp_path / "001", videos.scene(3))
    found = list(IsolatedReader(folder, 2200, 2600).frames())

    assert (1, 4, 16) == tuple(Shared.frames(side, side) for side in (2200, 1080, 500))
    assert 4 * 1080**2 * 3 <= BLOCK_BYTES
    assert all(np.array_equal(a, b) for a, b in zip(found, PyAVReader(folder, 2200, 2600).frames(), strict=True))


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGKILL"])
def test_a_crash_is_the_error_of_its_video(name: str, clip: Path) -> None:
    """Which video, behind which frame, which signal, and what to do; the next video is decoded."""
    frames, pid = begun(IsolatedReader(clip, SIZE, SIZE))
    os.kill(pid, signal.Signals[name])
    with pytest.raises(MediaError, match=rf"clip\.mp4: E_DECODER_CRASHED: .+ after frame 16 \({name}\)\. .*ffmpeg -i"):
        list(frames)

    assert not runs(pid)
    assert N_FRAMES == sum(1 for _ in IsolatedReader(clip, SIZE, SIZE).frames())


def test_errors_without_a_name_get_one(clip: Path) -> None:
    """What Python raises in the process is an error of the video, not the end of the job."""
    with pytest.raises(MediaError, match=r"E_DECODER_CRASHED: the decoder failed after frame 0 \(ValueError"):
        list(IsolatedReader(clip, SIZE, SIZE, short_side=16).frames())  # smaller than the frames


def test_a_launcher_that_dies_is_replaced(clip: Path) -> None:
    """The video that it had started fails, the next one is decoded."""
    frames, pid = begun(IsolatedReader(clip, SIZE, SIZE))
    launcher = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(pid, signal.SIGSTOP)  # else it might come to its end first
    os.kill(launcher, signal.SIGKILL)
    with pytest.raises(MediaError, match=r"E_DECODER_CRASHED: the decode process ended after frame 16\. Run again"):
        list(frames)

    wait_until(lambda: not runs(pid))
    assert launcher not in children(os.getpid())
    assert N_FRAMES == sum(1 for _ in IsolatedReader(clip, SIZE, SIZE).frames())


@pytest.mark.parametrize(("codec", "largest"), [("mjpeg", 0), ("mjpeg", 2**29), ("libx264", 2**29)])
def test_v13_a_header_with_a_giant_picture(codec: str, largest: int, tmp_path: Path) -> None:
    """A small file that makes the decoder ask for much memory: the error names the limit, for every policy.

    FFmpeg's H.264 decoder would say nothing if it got no memory for a frame, and leave the frame out: it gets it.
    """
    grey = np.full((4000, 5000, 3), 90, np.uint8)
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = videos.write_video(tmp_path / "giant.avi", [grey], codec=codec, pixel_format=pixels)
    message = r"giant\.\w+: E_DECODER_MEMORY: .+ limit of 24 MiB .+ max_pixels"

    assert path.stat().st_size < 300_000
    for rules in (Rules(), ANY_DAMAGE):
        with pytest.raises(MediaError, match=message):
            list(IsolatedReader(path, SIZE, SIZE, rules, limits=Limits(24 * 2**20, 60, largest)).frames())
    assert 1 == len(list(IsolatedReader(path, SIZE, SIZE).frames()))


def test_the_limits_follow_from_the_largest_picture() -> None:
    """Who lowers max_pixels gets less memory and time."""
    large, small = limits_of(Rules()), limits_of(Rules(max_pixels=320 * 240))

    assert 2**29 + 48 * 2**26 == large.memory
    assert 2**29 + 48 * 320 * 240 == small.memory
    assert small.cpu_seconds < large.cpu_seconds < limits_of(Rules(), stride=30).cpu_seconds


def test_v13_a_decoder_that_does_not_come_to_an_end(tmp_path: Path) -> None:
    """CPU time without a frame for the caller is limited: here no frame but the first one is passed on."""
    path = videos.repeated(jpeg_video(tmp_path / "one.avi"), tmp_path / "long.avi", 3000)
    with pytest.raises(MediaError, match=r"long\.avi: E_DECODER_STUCK: more than 0 CPU seconds .+ after frame 1\."):
        list(IsolatedReader(path, SIZE, SIZE, limits=PLENTY._replace(cpu_seconds=0)).frames(10**6))


def test_time_is_given_for_each_block(tmp_path: Path) -> None:
    """A long video is none that does not come to an end."""
    path = videos.repeated(jpeg_video(tmp_path / "one.avi"), tmp_path / "long.avi", 700)
    reader = IsolatedReader(path, SIZE, SIZE, limits=PLENTY._replace(cpu_seconds=1))

    assert 700 == sum(1 for _ in reader.frames())


def test_a_decoder_that_waits_for_ever(clip: Path) -> None:
    """No frame and no use of the CPU: the process is ended."""
    reader = IsolatedReader(clip, SIZE, SIZE, limits=PLENTY._replace(stall_seconds=0.5))
    frames, pid = begun(reader)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(MediaError, match=r"E_DECODER_STUCK: no frame and no use of the CPU for 0.5 seconds after"):
        list(frames)

    assert not runs(pid)


def test_the_process_is_confined(clip: Path) -> None:
    """What the kernel says of it while it decodes."""
    frames, pid = begun(IsolatedReader(clip, SIZE, SIZE))
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    limits = {line[:26].strip(): line[26:].split()[:2] for line in lines}
    status = Path(f"/proc/{pid}/status").read_text()
    list(frames)

    assert ["0", "0"] == limits["Max file size"] == limits["Max core file size"]
    assert ["16", "16"] == limits["Max open files"]
    assert 0 < int(limits["Max address space"][0]) - PLENTY.memory - PLENTY.largest < 2**30
    assert int(limits["Max cpu time"][0]) in range(PLENTY.cpu_seconds, PLENTY.cpu_seconds + 5)
    assert "NoNewPrivs:\t1" in status


def test_nothing_is_written_and_there_is_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tried in a process that is confined as a decode process is, but for the files that pytest has open."""
    monkeypatch.setattr(decode_process, "OPEN_FILES", 1000)

    def tried() -> dict[str, Any]:
        alone = leave_network()
        confine(PLENTY)
        found: dict[str, Any] = {"network": [name for _, name in socket.if_nameindex()] if alone else ["lo"]}
        attempts: dict[str, Callable[[], object]] = {
            "file": lambda: (tmp_path / "out").write_bytes(b"x"),
            "memory": lambda: np.empty(PLENTY.memory + PLENTY.largest, np.uint8),
        }
        for name, attempt in attempts.items():
            try:
                attempt()
            except (OSError, MemoryError) as error:
                found[name] = str(error)[:27]
        return found

    refused = run_isolated(tried)

    assert ["lo"] == refused["network"]
    assert "[Errno 27] File too large" == refused["file"]
    assert "Unable to allocate" in refused["memory"]
    assert b"" == (tmp_path / "out").read_bytes()


HOLDS_A_VIDEO = """
import sys, time
from pathlib import Path
from vad.video.isolated import IsolatedReader
reader = IsolatedReader(Path(sys.argv[1]), 48, 48)
frames = reader.frames()
next(frames)
print(reader.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM"])
def test_nothing_is_left_of_a_program_that_is_killed(end: str, clip: Path) -> None:
    """Its launcher and the decode process end with it; the memory that they share has no name that could stay."""
    before = {path.name for path in Path("/dev/shm").iterdir()}
    command = [sys.executable, "-c", HOLDS_A_VIDEO, str(clip)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as program:
        assert program.stdout
        pid = int(program.stdout.readline())
        (launcher,) = children(program.pid)
        program.send_signal(signal.Signals[end])
    wait_until(lambda: not runs(pid) and not runs(launcher))

    assert before >= {path.name for path in Path("/dev/shm").iterdir()}


@pytest.mark.parametrize("way", ["frames", "batches"])
def test_a_video_that_is_not_read_to_its_end(way: str, clip: Path) -> None:
    """The process ends with the generator; no zombie, no memory and no file is left."""
    list(IsolatedReader(clip, SIZE, SIZE).frames())  # the launcher is there
    gc.collect()

    def held() -> tuple[int, int]:
        files = list(Path("/proc/self/fd").iterdir())
        return len(files), Path("/proc/self/maps").read_text().count("memfd:frames")

    before = held()
    for _ in range(20):
        reader = IsolatedReader(clip, SIZE, SIZE)
        frames = reader.frames() if way == "frames" else reader.batches(4)
        next(frames)
        pid = reader.pid
        assert pid
        frames.close()
        assert not Path(f"/proc/{pid}").exists()
    del frames

    assert before == held()


def test_two_videos_at_once(clip: Path, tmp_path: Path) -> None:
    """Each has its own process."""
    other = videos.write_video(tmp_path / "other.mp4", videos.scene(N_FRAMES, seed=3))
    one, two = IsolatedReader(clip, SIZE, SIZE), IsolatedReader(other, SIZE, SIZE)
    pairs = list(zip(one.frames(), two.frames(), strict=True))

    assert all(np.array_equal(a, b) for (a, _), b in zip(pairs, PyAVReader(clip, SIZE, SIZE).frames(), strict=True))
    assert all(np.array_equal(a, b) for (_, a), b in zip(pairs, PyAVReader(other, SIZE, SIZE).frames(), strict=True))


def test_a_forked_program_has_launchers_of_its_own(clip: Path) -> None:
    """Two programs on one line would take each other's answers."""
    list(IsolatedReader(clip, SIZE, SIZE).frames())
    found = run_isolated(lambda: sum(1 for _ in IsolatedReader(clip, SIZE, SIZE).frames()))

    assert N_FRAMES == found == sum(1 for _ in IsolatedReader(clip, SIZE, SIZE).frames())


def test_a_path_is_meant_from_where_the_program_is(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if it changed its folder since it started the launcher."""
    list(IsolatedReader(clip, SIZE, SIZE).frames())
    (tmp_path / "clip.mp4").symlink_to(clip)
    monkeypatch.chdir(tmp_path)

    assert N_FRAMES == sum(1 for _ in IsolatedReader(Path("clip.mp4"), SIZE, SIZE).frames())


def test_every_reader_of_room_features_is_isolated(clip: Path) -> None:
    """Also of a folder of images, which Pillow reads."""
    readers: list[Reader] = [open_video(path, SIZE, SIZE, Rules()) for path in (clip, clip.parent)]

    assert [IsolatedReader] * 2 == [type(reader) for reader in readers]
    assert N_FRAMES == isolated.ask("count", clip, Rules())


def test_a_measurement_reads_in_its_own_process(clip: Path) -> None:
    """Its time and memory would miss those of another one."""
    before = children(os.getpid())
    reader = FirstFrames(20).open_video(clip, SIZE, SIZE, Rules())
    next(iter(reader.frames()))

    assert isinstance(open_in_this_process(clip, SIZE, SIZE, Rules()), PyAVReader)
    assert before == children(os.getpid())
