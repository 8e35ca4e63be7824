"""Ground truth in the forms that circulate, read and written; what is wrong is named."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat

from tests.project import REAL_DATA
from vad.errors import DatasetError
from vad.localisation.truth_files import (
    Box,
    mask_array,
    mask_images,
    mask_volume,
    read_track_rows,
    read_ucf_boxes,
    track_rows,
    write_track_rows,
)

MASKS = np.zeros((3, 6, 8), bool)
MASKS[1, 1:3, 1:3] = MASKS[1, 3, 3] = MASKS[1, 5, 7] = True


def test_rows_by_hand(tmp_path: Path) -> None:
    """Names of frames end in their number, from 1; centre and size become edges; a box covers whole pixels."""
    path = tmp_path / "Test001.txt"
    path.write_text("Test001_002.tif 3 2.0 1.5 2 3\n\n000002.jpg,4,6,4,4,4\n")
    truth = read_track_rows(path, 6, 8)
    regions = truth.regions(1)

    assert truth.edges.tolist() == [[1, 0, 3, 3], [4, 2, 8, 6]]
    assert regions.tracks.tolist() == [3, 4]
    assert regions.masks.sum((1, 2)).tolist() == [6, 16]
    assert regions.masks[0, 0:3, 1:3].all()
    assert truth.annotated() is None
    assert not len(truth.regions(0).tracks)


@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(-1, 99), *[st.integers(0, 5000)] * 2, *[st.integers(1, 5000)] * 2),
        max_size=8,
    )
)
@settings(max_examples=25, deadline=None)
def test_rows_come_back(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, ...]]) -> None:
    """What is written is read again."""
    boxes = [Box(f, t, x, y, x + width, y + height) for f, t, x, y, width, height in rows]
    path = tmp_path_factory.getbasetemp() / "rows.txt"
    write_track_rows(path, boxes)
    truth = read_track_rows(path, 10, 10)

    assert truth.edges.tolist() == [list(map(float, box[2:])) for box in boxes]
    assert list(zip(truth.frames.tolist(), truth.tracks.tolist(), strict=True)) == [box[:2] for box in boxes]


@given(st.text(max_size=60))
@settings(max_examples=50, deadline=None)
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever stands in a file: boxes with finite edges, or an error for users."""
    path = tmp_path_factory.getbasetemp() / "text.txt"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(DatasetError):
        assert np.isfinite(read_track_rows(path, 10, 10).edges).all()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("001.png 1 2 3 4", "5 fields, wanted 6"),
        ("x 1 2 3 4 5", "no frame number from 1"),
        ("000.png 1 2 3 4 5", "no frame number from 1"),
        ("001.png 1.5 2 3 4 5", "whole number"),
        ("001.png 1 2 3 0 5", "no area"),
        ("001.png 1 nan 3 4 5", "no finite number"),
    ],
)
def test_wrong_rows_are_listed(row: str, said: str, tmp_path: Path) -> None:
    """The message names the line and the form that is wanted."""
    (tmp_path / "b.txt").write_text(f"001.png 1 2 3 4 5\n{row}\n")
    with pytest.raises(DatasetError, match=f"line 2: .*{said}") as error:
        read_track_rows(tmp_path / "b.txt", 9, 9)
    assert "Wanted: file track x_center y_center width height" in str(error.value)


def test_written_form() -> None:
    """Six fields, frames from 1, halves as they are."""
    assert track_rows([Box(0, 2, 1, 2, 4, 8)]) == "000001 2 2.5 5 3 6\n"


def test_ucf_boxes(tmp_path: Path) -> None:
    """Frames from 1; only frames with a box are annotated; other videos are left out; wrong rows are listed."""
    path = tmp_path / "boxes.csv"
    path.write_text("video,frame,x1,y1,x2,y2\nA,17,1,0,3,3\nB,1,0,0,1,1\nA,33,0,0,2,2\n")
    found = read_ucf_boxes(path, {"A": (6, 8), "C": (6, 8)})

    assert list(found) == ["A"]
    annotated = found["A"].annotated()
    assert annotated is not None
    assert annotated.tolist() == [16, 32]
    assert found["A"].regions(16).masks.sum() == 6

    path.write_text("video,frame,x1,y1,x2,y2\nA,0,1,0,3,3\nA,1,3,0,3,3\nA,1,x,0,3,3\n")
    with pytest.raises(DatasetError, match=r"3 problem(.|\n)*line 2(.|\n)*line 3(.|\n)*line 4"):
        read_ucf_boxes(path, {"A": (6, 8)})
    path.write_text("video,frame\n")
    with pytest.raises(DatasetError, match="no column x1, y1, x2, y2"):
        read_ucf_boxes(path, {})


@pytest.mark.real_data
def test_boxes_of_real_videos() -> None:
    """The published boxes of UCF-Crime's train videos: every frame that has one follows the last by 16 or more."""
    path = REAL_DATA / "ucf_crime_boxes" / "train_boxes.csv"
    names = {line.split(",", 1)[0] for line in path.read_text().splitlines()[1:]}
    found = read_ucf_boxes(path, dict.fromkeys(names, (240, 320)))
    steps = [np.diff(frames) for truth in found.values() if (frames := truth.annotated()) is not None]

    assert len(found) == len(names) > 0
    assert np.median(np.concatenate(steps)) == 16
    assert sum(bool(truth.regions(int(truth.frames[0])).masks.any()) for truth in found.values()) == len(found)


def test_masks_in_three_forms(tmp_path: Path) -> None:
    """Images, a MATLAB cell array and an array give the same regions: pixels that touch at a corner are one."""
    folder = tmp_path / "Test001_gt"
    folder.mkdir()
    for number, mask in enumerate(MASKS, 1):
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"{number:03d}.bmp")
    cells = np.empty((1, 3), object)
    cells[0] = list(MASKS.astype(np.uint8))
    savemat(tmp_path / "1_label.mat", {"volLabel": cells})
    np.save(tmp_path / "01_0014.npy", MASKS.astype(np.uint8))
    readers = (
        (mask_images, folder),
        (mask_volume, tmp_path / "1_label.mat"),
        (mask_array, tmp_path / "01_0014.npy"),
    )
    for read, path in readers:
        truth = read(path)
        regions = truth.regions(1)

        assert (truth.height, truth.width, truth.n_frames) == (6, 8, 3)
        assert sorted(regions.masks.sum((1, 2)).tolist()) == [1, 5]
        assert regions.tracks.tolist() == [-1, -1]
        assert not len(truth.regions(0).tracks)
        with pytest.raises(DatasetError, match="3 masks, none for frame 3"):
            truth.regions(3)


def test_wrong_masks_are_named(tmp_path: Path) -> None:
    """Nothing there, damaged files, other shapes, a mask of another size."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.mat").write_bytes(b"no matlab")
    np.save(tmp_path / "flat.npy", np.zeros((2, 3)))
    (tmp_path / "gt").mkdir()
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "gt" / "1.png")
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(tmp_path / "gt" / "2.png")
    (tmp_path / "gt" / "3.png").write_bytes(b"no picture")
    truth = mask_images(tmp_path / "gt")

    for said, act in (
        ("no mask in it", lambda: mask_images(tmp_path / "empty")),
        ("no folder of masks", lambda: mask_images(tmp_path / "none")),
        ("no cell array `volLabel`", lambda: mask_volume(tmp_path / "a.mat")),
        (r"shape \(2, 3\)", lambda: mask_array(tmp_path / "flat.npy")),
        ("5 x 5 pixels, the first has 4 x 5", lambda: truth.regions(1)),
        ("the mask cannot be read", lambda: truth.regions(2)),
    ):
        with pytest.raises(DatasetError, match=said):
            act()
