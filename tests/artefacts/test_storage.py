"""Every writer on a full or protected disk: one clear error, nothing partial left, the old file kept."""

import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.clips import noise
from vad.artefacts.features import FeatureFile, write_features
from vad.artefacts.files import write_array, write_json, write_text
from vad.artefacts.scores import ScoreFile, StoredScores, write_scores
from vad.artefacts.weights import write_weights
from vad.engine import checkpoints
from vad.errors import StorageError
from vad.report import figures
from vad.synthetic.walk_film import draw
from vad.synthetic.walkway import plan_sequences
from vad.synthetic_events.film import render_video
from vad.synthetic_events.plan import plan_videos

ROWS = np.arange(4000, dtype=np.float32).reshape(100, 40)
SCORES = StoredScores(ROWS[:, 0], 0.5, "test")
VIDEO = plan_videos(0, 2, 2, (1.0, 1.0), 10)[0]
WRITERS: dict[str, Callable[[Path], object]] = {
    "text": lambda path: write_text(path, "x" * 9000),
    "json": lambda path: write_json(path, list(range(3000))),
    "array": lambda path: write_array(path, ROWS),
    "features": lambda path: write_features(path, FeatureFile(ROWS, np.arange(101), clips=noise(100))),
    "scores": lambda path: write_scores(path, ScoreFile("frame", {f"v{i}": SCORES for i in range(20)})),
    "weights": lambda path: write_weights(path, {"w": ROWS}, {}),
    "checkpoint": lambda path: checkpoints.save(path, {"history": [0.5] * 4000}),
    "figure": lambda path: figures.save(path, Figure(), 300),
    "video": lambda path: render_video(replace(VIDEO, folder=".", video_id=path.stem), path.parent, (120, 160), 10),
}
LIMIT = 4096
"""Bytes: less than any of them writes."""


def outcome_in_a_child(work: Callable[[], object]) -> str:
    """Do work in a child process, which may give up rights or set limits; what it was refused with, "" = nothing."""
    read, write = os.pipe()
    if not (child := os.fork()):
        found = ""
        try:
            work()
        except StorageError as error:
            found = str(error)
        except BaseException as error:
            found = f"unforeseen {error!r}"
        os.write(write, found.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as stream:
        text = stream.read()
    os.waitpid(child, 0)
    return text


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that is there already, in a folder of its own."""
    path = tmp_path / "folder/file.mp4"
    path.parent.mkdir()
    path.write_bytes(b"old")
    return path


@pytest.mark.parametrize("name", WRITERS)
def test_a_limit_of_file_size(name: str, old: Path) -> None:
    """EFBIG, as with `ulimit -f`; portable."""

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))
        WRITERS[name](old)

    said = outcome_in_a_child(limited)

    assert said.startswith(f"file size limit reached at {old}: File too large. Raise the limit (`ulimit -f`), then run")
    assert ([old], b"old") == (list(old.parent.iterdir()), old.read_bytes())


@pytest.mark.parametrize("name", sorted(WRITERS.keys() - {"video"}))
def test_dev_full(name: str, old: Path) -> None:
    """ENOSPC from the device that is always full."""
    temporary = old.with_name(f".{old.name}.{os.getpid()}.tmp")
    temporary.symlink_to("/dev/full")
    with pytest.raises(StorageError, match=f"^disk full at {old}: No space left on device. Free some space, then run"):
        WRITERS[name](old)

    assert ([old], b"old") == (list(old.parent.iterdir()), old.read_bytes())


def mount(*arguments: str) -> None:
    """Mount something, or skip the test."""
    if os.geteuid() or subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a file system")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("name", WRITERS)
def test_a_small_disk(name: str, small: Path) -> None:
    """Filled up to one page: the writer fails, what was there stays, and after making room it succeeds."""
    (small / "kept").write_bytes(b"x" * (64 * 1024 - 4096))
    with pytest.raises(StorageError, match=f"^disk full at {small}/new.mp4"):
        WRITERS[name](small / "new.mp4")
    left = list(small.iterdir())
    (small / "kept").write_bytes(b"x")

    assert [small / "kept"] == left
    if name != "features":  # larger than the whole disk
        WRITERS[name](small / "new.mp4")


def test_a_full_disk_under_the_images_of_a_sequence(small: Path) -> None:
    """They are many small files: the error names their folder."""
    (small / "kept").write_bytes(b"x" * (64 * 1024 - 4096))
    with pytest.raises(StorageError, match=f"^disk full at {small}/"):
        draw(plan_sequences(0, 2, 2, (20, 24))[0], small, (24, 32), 0)


def test_a_read_only_file_system(small: Path) -> None:
    """EROFS."""
    (small / "file.mp4").write_bytes(b"old")
    mount("-o", "remount,ro", str(small))
    for name, write in WRITERS.items():
        with pytest.raises(StorageError, match=f"^read-only file system at {small}/file.mp4"):
            write(small / "file.mp4")
        assert b"old" == (small / "file.mp4").read_bytes(), name


NOBODY = 65534


def as_nobody(work: Callable[[], Any]) -> str:
    """What work is refused with by a user who is not root."""

    def work_without_rights() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        work()

    return outcome_in_a_child(work_without_rights)


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_without_permission(name: str, old: Path) -> None:
    """EACCES; as root in a child that gives up root's rights."""
    old.parent.chmod(0o555)
    here = Path.cwd()
    os.chdir(old.parent)  # nobody may not pass the folders above it
    try:
        said = as_nobody(lambda: WRITERS[name](Path("file.mp4")))
    finally:
        os.chdir(here)
    old.parent.chmod(0o755)

    assert said.startswith(
        "no permission at file.mp4: Permission denied. Change owner or mode of the file or its folder"
    )
    assert ([old], b"old") == (list(old.parent.iterdir()), old.read_bytes())
