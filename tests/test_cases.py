"""Small inputs that people report again and again, made by scripts that may lie beside the checkout.

The same kinds are tested with inputs of their own in the tests of data sets, extractors and audit.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages.plan.asked import Asked
from stages.preflight import preflight
from tests.project import REAL_DATA, ROOT
from vad.audit.files import read_labels_file, read_order, read_submission
from vad.audit.official import load_official
from vad.datasets import folder, ucf_crime
from vad.errors import DatasetError, VadError
from vad.params import load

CASES = REAL_DATA / "cases"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not beside the project"),
]


def make(case: str, where: Path, *arguments: object, script: str = "make.py") -> subprocess.CompletedProcess[str]:
    """Run the script of a case in a folder."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(CASES / "_common")]), "VAD": str(ROOT)}
    command = [sys.executable, str(CASES / case / script), *map(str, arguments)]
    return subprocess.run(command, cwd=where, env=env, capture_output=True, text=True, check=False)


def said_before_a_run(case: str, where: Path, monkeypatch: pytest.MonkeyPatch, *changes: tuple[str, str]) -> str:
    """What the look before a run says of a case's params.yaml with some text replaced; "" = nothing."""
    monkeypatch.chdir(where)
    for part in ("stages", "vad"):
        Path(part).symlink_to(ROOT / part)
    text = (CASES / case / "params.yaml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    Path("params.yaml").write_text(text)
    try:
        preflight(Asked(load(Path("params.yaml"))))
    except VadError as error:
        return str(error)
    finally:
        for part in ("stages", "vad"):
            Path(part).unlink()
    return ""


def test_seconds_in_a_video_of_variable_rate(tmp_path: Path) -> None:
    """Frames 140 to 149 are marked, not 111 to 139."""
    make("01-vfr-seconds", tmp_path, tmp_path)
    found = folder.Dataset(folder.Config(root=str(tmp_path)), tmp_path).parsed()

    assert [((140, 150),)] == [video.intervals for video in found if video.intervals]


def test_lists_and_scores_of_the_field(tmp_path: Path) -> None:
    """Every list names the seven videos, every file and folder holds their scores."""
    make("02-rtfm-list-audit", tmp_path, tmp_path)
    config = ucf_crime.Config(root=str(tmp_path), videos="absent", frame_counts="frame_counts.txt")
    (tmp_path / "params.yaml").write_text(
        f"seeds: [0]\ndatasets:\n  u: {{kind: ucf_crime, root: {config.root}, videos: absent,"
        " frame_counts: frame_counts.txt}\nfeatures: {}\nvariants: {}\nevaluate: {}\nreport: {}\n"
    )
    official = load_official("u", tmp_path / "params.yaml")
    lists = ("rtfm.list", "rtfm_unix.list", "urdmu.list", "vadclip.csv", "plain.txt")
    orders = {read_order(tmp_path / name, official) for name in lists}
    by_video = ["folder0", "folder1", "folder2", "folder3", "dict.npy", "scores.json", "scores.pkl"]
    vectors = ["pred.npy", "pred.pt", "pred_col.npy", "pred_f16.npy", "pred.mat"]
    labels = [read_labels_file(tmp_path / f"gt{end}", official) for end in (".npy", ".mat", "_bool.npy", "_str.npy")]

    assert [7] == [len(order) for order in orders]
    assert {7} == {len(read_submission(tmp_path / name, official).arrays) for name in by_video}
    assert {976} == {
        len(found) for name in vectors if (found := read_submission(tmp_path / name, official).vector) is not None
    }
    assert all(np.array_equal(labels[0], other) for other in labels)
    assert labels[0].sum() == read_labels_file(tmp_path / "gt_dir", official).sum()


@pytest.mark.parametrize("script", ["make.py", "make_short_videos.py"])
def test_a_bag_read_as_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """The look before a run asks for frame counts and whether equal rows are a bag; the right entry passes."""
    case = "05-bag-read-as-segments"
    make(case, tmp_path, "data/raw/u", "data/raw/f", script=script)
    message = said_before_a_run(case, tmp_path, monkeypatch)
    counted = ("videos: absent", "videos: absent, frame_counts: counts.txt")

    assert "all 30 files have 32 rows, whatever the length of the video" in message
    assert "the test list has intervals in frames of a video of unknown length: 8 problem(s)" in message
    assert "rows for" in said_before_a_run(case, tmp_path, monkeypatch, counted)
    assert not said_before_a_run(case, tmp_path, monkeypatch, counted, ("dim: 16", "dim: 16, rows: bag"))


def test_a_start_at_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused when the list is read, with the key that states another rule."""
    case, zero = "06-start-zero", ("videos: absent", "videos: absent, interval: zero_based_half_open")
    make("05-bag-read-as-segments", tmp_path, "data/raw/u", "data/raw/f", "zero")
    counted = (zero[1], f"{zero[1]}, frame_counts: counts.txt")
    message = said_before_a_run(case, tmp_path, monkeypatch)

    assert "starts at 0, but frames count from 1. Set interval of this data set" in message
    assert not said_before_a_run(case, tmp_path, monkeypatch, zero, counted, ("dim: 16", "dim: 16, rows: bag"))


def test_rows_that_do_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two train files of 120 rows are named before a run, with the policy that leaves them out."""
    case, policy = "16-rtfm-120-rows", ("ending: _i3d", "ending: _i3d, misfits: leave_out")
    make(case, tmp_path, "data/raw/u", "data/raw/f")
    message = said_before_a_run(case, tmp_path, monkeypatch)

    assert 2 == message.count("120 rows for 1588 frames, expected 100")
    assert "misfits: leave_out leaves such train videos out" in message
    assert not said_before_a_run(case, tmp_path, monkeypatch, policy)


def test_frames_lost_at_the_start(tmp_path: Path) -> None:
    """The clip is named."""
    done = make("18-frames-lost-at-start", tmp_path, script="try.py")

    assert "Test001: frames are missing before 051.tif" in done.stderr


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("a", "65 labels in ta.npy, but the video has 64 frames"),
        ("b", "images have no times. Set fps of this data set"),
    ],
)
def test_lengths_and_units(tmp_path: Path, kind: str, words: str) -> None:
    """Said when the lists are read."""
    make("19-late-length-errors", tmp_path, kind, tmp_path / "own")
    with pytest.raises(DatasetError) as error:
        folder.Dataset(folder.Config(root=str(tmp_path / "own")), tmp_path).videos()

    assert words in str(error.value)


def test_intervals_in_rows(tmp_path: Path) -> None:
    """Both shapes mark the 15 frames."""
    done = make("21-avenue-mat-pairs", tmp_path, script="try.py")

    assert 2 == done.stdout.count("marked 15 frames; true 15"), done.stderr
