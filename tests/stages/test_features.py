"""A job of room features: several videos at a time, and what it says when some of them fail."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stages.features.run import main, together
from tests import videos
from vad.artefacts.files import write_json
from vad.errors import VadError
from vad.extractors import frames, xfeat
from vad.nn.exact import one_exact_thread

ROOT = Path(__file__).parents[2]


def batch(folder: Path, names: list[str], out: str = "out", **entry: object) -> list[str]:
    """The command line for a batch of videos."""
    rows = [{"video_id": name, "sources": [f"{folder}/{name}.mp4"], "n_frames": None} for name in names]
    write_json(folder / "batch.json", rows)
    write_json(folder / "section.json", entry or {"extractor": "frames", "size": 16})
    write_json(folder / "code.json", {"files": []})
    flags = {"section": "section.json", "code": "code.json", "batch": "batch.json", "out": out}
    return [word for name, path in flags.items() for word in (f"--{name}", f"{folder}/{path}")]


def test_one_mistake_of_an_extractor_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once a video; no other video is called done where there is none."""
    names = ["a", "b", "c", "d"]
    for name in names:
        videos.write_video(tmp_path / f"{name}.mp4", videos.scene(3))
    file = frames.Extractor(frames.Config(size=16)).extract(videos.source(tmp_path / "a.mp4"))
    monkeypatch.setattr(frames.Extractor, "extract", lambda self, source: file)
    monkeypatch.setattr(frames.Extractor, "dim", 4)
    with pytest.raises(VadError) as error:
        main(batch(tmp_path, names))
    shown = ", ".join(f"{tmp_path}/{name}.mp4" for name in names[:3])

    assert f"1 problem(s):\n  - 4 times ({shown} and 1 more): vad/extractors/frames.py made features 3 wide" in str(
        error.value
    )
    assert "are done" not in str(error.value)


def test_the_others_are_done(tmp_path: Path) -> None:
    """A lost video is named by its path, once; the message says that the other one is done."""
    videos.write_video(tmp_path / "a.mp4", videos.scene(3))
    with pytest.raises(VadError) as error:
        main(batch(tmp_path, ["a", "lost"]))

    assert f"1 problem(s):\n  - {tmp_path}/lost.mp4: E_MISSING" in str(error.value)
    assert str(error.value).endswith("The other videos of this job are done.")
    assert (tmp_path / "out/a.npz").is_file()


def decode_process_of(video: Path) -> int | None:
    """The process that has a video open to decode it."""
    for name in (process.name for process in Path("/proc").glob("[0-9]*")):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            decodes = b"vad.video.decode_process" in Path(f"/proc/{name}/cmdline").read_bytes()
            if decodes and video in [file.readlink() for file in Path(f"/proc/{name}/fd").iterdir()]:
                return int(name)
    return None


def test_a_decoder_that_crashes_costs_its_video_alone(tmp_path: Path) -> None:
    """Three videos, and the process that decodes the second one dies: one line in the log, exit code 2."""
    for name in "ac":
        videos.write_video(tmp_path / f"{name}.mp4", videos.scene(3))
    second = videos.repeated(videos.write_video(tmp_path / "one.mp4", videos.scene(1)), tmp_path / "b.mp4", 50_000)
    command = [sys.executable, "-m", "stages.features.run", *batch(tmp_path, ["a", "b", "c"])]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as job:
        while job.poll() is None and not (pid := decode_process_of(second)):
            time.sleep(0.01)
        os.kill(pid or 0, signal.SIGSEGV)
        said, errors = job.communicate()
    lines = errors.splitlines()

    assert 2 == job.returncode
    assert ["error: features (batch): 1 problem(s):", "The other videos of this job are done."] == [lines[0], lines[2]]
    assert re.match(
        rf"  - {second}: E_DECODER_CRASHED: .+ after frame \d+ \(SIGSEGV\)\. Write the video anew", lines[1]
    )
    assert 3 == len(lines)
    assert len(lines[1]) - len(str(second)) < 300
    assert ["a.npz", "c.npz"] == sorted(path.name for path in (tmp_path / "out").glob("*.npz"))
    assert 2 == said.count("made ")


NAMES = ["a", "b", "c", "lost", "d", "cut"]


def several(folder: Path, at_a_time: int, **entry: object) -> str:
    """The error of a job over six videos, of which two fail; its features lie in a folder named by `at_a_time`."""
    with pytest.raises(VadError) as error:
        main(batch(folder, NAMES, str(at_a_time), **entry), at_a_time)
    return str(error.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four whole videos of different lengths, and one that is cut."""
    for index, name in enumerate("abcd"):
        videos.write_video(tmp_path / f"{name}.mp4", videos.scene(20 + 17 * index, seed=index))
    videos.cut(tmp_path / "d.mp4", tmp_path / "cut.mp4", 0.7)
    return tmp_path


@pytest.mark.parametrize(
    "entry",
    [
        {"extractor": "frames", "size": 16},
        {"extractor": "xfeat", "size": 64, "device": "cpu"},
        {"extractor": "mobilenet_v3", "weights": "random", "size": 32, "device": "cpu", "precision": "bfloat16"},
    ],
    ids=lambda entry: entry["extractor"],
)
def test_several_videos_at_a_time_give_the_same_files(folder: Path, entry: dict[str, Any]) -> None:
    """Byte for byte, whichever videos are worked on together; errors stay with their videos, in their order."""
    one, three = (several(folder, count, **entry) for count in (1, 3))

    assert ["a.npz", "b.npz", "c.npz", "d.npz"] == sorted(path.name for path in (folder / "3").glob("*.npz"))
    assert all((folder / f"1/{name}.npz").read_bytes() == (folder / f"3/{name}.npz").read_bytes() for name in "abcd")
    assert one == three
    assert one.index("lost.mp4: E_MISSING") < one.index("cut.mp4: E_TRUNCATED")


def test_the_network_is_built_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the thread that needs it first; the others wait for it."""
    built, build = [], xfeat.Extractor.build
    monkeypatch.setattr(xfeat.Extractor, "build", lambda self: built.append(threading.get_ident()) or build(self))
    several(folder, 3, extractor="xfeat", size=64, device="cpu")

    assert 1 == len(built)


def test_threads_are_exact_until_the_last_one_is_done() -> None:
    """A video that ends does not change the arithmetic of one that is still worked on."""
    threads, flags = torch.get_num_threads(), torch.backends.cudnn.deterministic
    outer, inner = one_exact_thread(), one_exact_thread()
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)
    inside = torch.get_num_threads(), torch.backends.cudnn.deterministic
    inner.__exit__(None, None, None)

    assert (1, True) == inside
    assert (threads, flags) == (torch.get_num_threads(), torch.backends.cudnn.deterministic)


DALI = {"decoder": "dali", "decoder_device": "auto"}


@pytest.mark.parametrize(
    ("section", "gib", "expected"),
    [
        ({"decoder": "pyav", "videos_at_a_time": None}, 80, 2),
        ({"decoder": "pyav", "videos_at_a_time": 3}, 80, 3),
        ({**DALI, "videos_at_a_time": None}, 79.6, 8),
        ({**DALI, "videos_at_a_time": None}, 39.5, 5),
        ({**DALI, "videos_at_a_time": None}, 6, 2),
        ({**DALI, "videos_at_a_time": 16}, 6, 16),
        ({**DALI, "decoder_device": "cpu"}, 80, 2),
        ({**DALI, "vectors": {"videos_at_a_time": 4}}, 80, 4),
        (DALI, 24, 3),
    ],
)
def test_videos_at_a_time_on_a_gpu(section: dict[str, Any], gib: float, expected: int) -> None:
    """As set; else bounded by decoders and memory, where the GPU decodes."""
    assert expected == together(section, int(gib * 2**30))


def test_a_gpu_whose_memory_is_full_is_one_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said once for all videos, with the settings that bound memory; no traceback."""

    def full(self: xfeat.Extractor, segments: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB")

    monkeypatch.setattr(xfeat.Extractor, "run", full)
    with pytest.raises(VadError) as error:
        main(batch(folder, ["a", "b", "c"], extractor="xfeat", size=64, device="cpu", batch_frames=32), 3)

    assert "3 times (" in str(error.value)
    assert "does not fit in the memory of the GPU. Set batch_frames (now 32) or videos_at_a_time" in str(error.value)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_two_videos_at_a_time_on_a_gpu(folder: Path, precision: str) -> None:
    """The same bytes as one after the other."""
    for count in (1, 2):
        several(folder, count, extractor="xfeat", size=64, device="cuda", precision=precision, batch_frames=32)
    files = [[np.load(folder / f"{count}/{name}.npz")["features"] for name in "abcd"] for count in (1, 2)]

    assert all(np.array_equal(one, two) for one, two in zip(*files, strict=True))
