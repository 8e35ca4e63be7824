"""Avenue as video files or frames, with the label set that the settings name and the differences to the others."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from tests.project import REAL_DATA
from tests.videos import scene, write_video
from vad.datasets.avenue import INTERVALS, LENGTHS, MASKS, VECTOR, Config, Dataset
from vad.errors import DatasetError

REAL = REAL_DATA / "labels" / VECTOR
MARKS = [np.array([0, 1, 1, 0, 0, 1], np.uint8), np.array([1, 1, 1, 1, 0], np.uint8)]


def cells(*items: object) -> np.ndarray:
    """A MATLAB cell array of one row."""
    row = np.empty((1, len(items)), object)
    for i, item in enumerate(items):
        row[0, i] = item
    return row


def films(root: Path) -> Path:
    """The layout as distributed, with real AVI files."""
    for part, lengths in (("training_videos", (3, 4)), ("testing_videos", (6, 5))):
        (root / part).mkdir(parents=True)
        for number, n_frames in enumerate(lengths, 1):
            write_video(root / part / f"{number:02d}.avi", scene(n_frames, 32, 48), codec="mpeg4")
        (root / part / "Thumbs.db").touch()
    return root


def tree(root: Path, lengths: tuple[int, ...] = (6, 5)) -> Path:
    """The tree of extracted frames, named from 001 on."""
    for part, counts in (("training", (3, 4)), ("testing", lengths)):
        for number, n_frames in enumerate(counts, 1):
            folder = root / part / "frames" / f"{number:02d}"
            folder.mkdir(parents=True)
            for frame in range(1, n_frames + 1):
                (folder / f"{frame:03d}.jpg").touch()
    return root


def label_files(root: Path) -> None:
    """The three label sets; ano_pred's calls the second video anomalous throughout."""
    np.save(root / VECTOR, np.concatenate(MARKS)[None].astype(np.int8))
    savemat(root / INTERVALS, {"gt": cells(np.array([[2, 6], [3, 6]]), np.array([[1], [5]]))})
    (root / MASKS).mkdir(parents=True)
    for number, marks in enumerate(MARKS, 1):
        pictures = [np.pad(np.array([[mark]], np.uint8), 2) for mark in marks]
        savemat(root / MASKS / f"{number}_label.mat", {"volLabel": cells(*pictures)})


def dataset(root: Path, **settings: object) -> Dataset:
    """The data set of a folder."""
    return Dataset(Config.model_validate({"root": str(root)} | settings), root)


def labels(subject: Dataset) -> list[list[int]]:
    """The labels of the test videos."""
    return [subject.labels_of(video).tolist() for video in subject.parsed() if video.split == "test"]


@pytest.mark.parametrize("layout", [films, tree])
@pytest.mark.parametrize("source", ["mnad", "ano_pred", "masks"])
def test_every_layout_and_label_set(tmp_path: Path, layout, source: str) -> None:  # noqa: ANN001 - a builder
    """Frames are counted from headers or folders; the named set counts, and the row can say which."""
    root = layout(tmp_path)
    label_files(root)
    subject = dataset(root, avenue_labels=source)
    expected = [MARKS[0].tolist(), [1] * 5] if source == "ano_pred" else [m.tolist() for m in MARKS]
    facts = subject.facts()

    assert expected == labels(subject)
    assert ["Train01", "Train02", "Test01", "Test02"] == [video.video_id for video in subject.videos()]
    assert [6, 5] == [video.n_frames for video in subject.videos() if video.split == "test"]
    assert source == facts["frame_labels"]
    assert {VECTOR, INTERVALS, "1_label.mat ... 2_label.mat"} == set(facts["lists"])
    assert (source == "ano_pred") == ("anomalous throughout, so without an area of their own: Test02" in facts["notes"])


def test_masks_are_spatial_truth(tmp_path: Path) -> None:
    """Whatever labels count, the masks say where."""
    subject = dataset(tree(tmp_path))
    np.save(tmp_path / VECTOR, np.concatenate(MARKS)[None].astype(np.int8))
    assert [subject.truth_of(v, (5, 5)) for v in subject.parsed() if v.split == "test" and v.label] == [None, None]

    label_files(tmp_path)
    for video, marks in zip([v for v in subject.parsed() if v.split == "test"], MARKS, strict=True):
        truth = subject.truth_of(video, (5, 5))
        assert truth is not None
        assert [truth.regions(frame).masks.sum() for frame in range(len(marks))] == marks.tolist()


def test_differences_between_label_sets_are_stated(tmp_path: Path) -> None:
    """One frame of eleven, in one of two videos; the masks agree."""
    root = tree(tmp_path)
    label_files(root)

    assert dataset(root).facts()["notes"][2:] == [
        "labels ano_pred differ in 1 of 11 frames, 1 of 2 videos",
        "labels masks differ in 0 of 11 frames, 0 of 2 videos",
    ]


def test_a_set_that_is_not_there_is_not_replaced_by_another(tmp_path: Path) -> None:
    """The choice moves results by points: what is there is named, and nothing is chosen silently."""
    root = tree(tmp_path)
    np.save(root / VECTOR, np.concatenate(MARKS))

    with pytest.raises(DatasetError, match="no frame labels of kind ano_pred; there are mnad"):
        dataset(root, avenue_labels="ano_pred").videos()


def test_another_set_that_does_not_fit_is_only_noted(tmp_path: Path) -> None:
    """A broken file of a set that is not used stops nothing, but is reported."""
    root = tree(tmp_path)
    np.save(root / VECTOR, np.concatenate(MARKS))
    savemat(root / INTERVALS, {"gt": cells(np.array([[1], [2]]))})

    assert [m.tolist() for m in MARKS] == labels(dataset(root))
    assert "intervals of 1 sequences, but there are 2 test sequences" in dataset(root).facts()["notes"][-1]


def test_labels_beside_the_folder_or_given(tmp_path: Path) -> None:
    """The vector is found beside the tree, as in published trees, or where the settings say."""
    root = tree(tmp_path / "avenue")
    np.save(tmp_path / VECTOR, np.concatenate(MARKS))
    np.save(root / "mine.npy", 1 - np.concatenate(MARKS))

    assert [m.tolist() for m in MARKS] == labels(dataset(root))
    assert [(1 - m).tolist() for m in MARKS] == labels(dataset(root, label_file="mine.npy"))


@pytest.mark.parametrize("content", [b"", b"no mat file", {"gt": np.zeros((1, 2))}, {"other": 1}])
def test_damaged_mat_files_are_named(tmp_path: Path, content: bytes | dict) -> None:
    """A file that is none, is empty or holds something else is a problem with its path."""
    root = tree(tmp_path)
    if isinstance(content, bytes):
        (root / INTERVALS).write_bytes(content)
    else:
        savemat(root / INTERVALS, content)

    with pytest.raises(DatasetError, match=r"avenue\.mat: "):
        dataset(root, avenue_labels="ano_pred").videos()


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([[2, 3], [8, 9], [20, 30]], [[5, 5]], ""),
        ([[2, 8, 20], [3, 9, 30]], [[5], [5]], ""),
        ([[2, 8, 20], [3, 9, 30]], [[1, 2], [3, 4], [5, 6]], "cells of shapes (3, 2) and (2, 3) are mixed"),
        ([[2, 3, 8], [9, 20, 30], [1, 1, 1]], [[5], [5]], "a cell has the shape (3, 3), expected (2, n)"),
        ([[2, 3], [8, 9]], [[5], [5]], "intervals 2 to 8 and 3 to 9 overlap"),
        ([[2.5], [8]], [[5], [5]], "numbers that are not whole"),
    ],
)
def test_intervals_are_read_by_their_shape(tmp_path: Path, first: list, second: list, words: str) -> None:
    """A row for each interval or a row of starts and one of ends: read right, or refused with the shape."""
    root = tree(tmp_path, (40, 6))
    savemat(root / INTERVALS, {"gt": cells(np.array(first, float), np.array(second, float))})
    subject = dataset(root, avenue_labels="ano_pred")

    if words:
        with pytest.raises(DatasetError) as error:
            subject.videos()
        assert words in str(error.value)
    else:
        assert [15, 1] == [sum(marks) for marks in labels(subject)]


def test_intervals_by_another_rule(tmp_path: Path) -> None:
    """A file made from 0 is refused by default, and read by the rule that the settings state."""
    root = tree(tmp_path, (6, 5))
    savemat(root / INTERVALS, {"gt": cells(np.array([[0], [2]]), np.array([[1], [3]]))})

    assert [[1, 1, 0, 0, 0, 0], [0, 1, 1, 0, 0]] == labels(
        dataset(root, avenue_labels="ano_pred", interval="zero_based_half_open")
    )
    with pytest.raises(DatasetError, match="Test01: 0 to 2, but the sequence has 6 frames"):
        dataset(root, avenue_labels="ano_pred").videos()


def test_a_header_that_states_another_number_is_not_believed(tmp_path: Path) -> None:
    """Frames of a file are counted before labels are refused."""
    root = films(tmp_path)
    np.save(root / VECTOR, np.concatenate(MARKS))
    film = root / "testing_videos/01.avi"
    data = bytearray(film.read_bytes())
    place = data.index(b"strh") + 8 + 32  # dwLength of the stream
    assert len(MARKS[0]) == int.from_bytes(data[place : place + 4], "little")
    data[place : place + 4] = (77).to_bytes(4, "little")
    film.write_bytes(data)

    assert [m.tolist() for m in MARKS] == labels(dataset(root))
    np.save(root / VECTOR, np.ones(12, int))
    with pytest.raises(DatasetError, match="12 labels, but the 2 test sequences have 11 frames"):
        dataset(root).videos()


def test_a_video_that_does_not_open_is_named(tmp_path: Path) -> None:
    """A cut file is a problem of the data set, not a crash."""
    root = films(tmp_path)
    np.save(root / VECTOR, np.concatenate(MARKS))
    (root / "testing_videos" / "02.avi").write_bytes(b"RIFF")

    with pytest.raises(DatasetError, match=r"02\.avi: E_UNREADABLE: it cannot be opened as a video"):
        dataset(root).videos()


def test_where_to_get_it(tmp_path: Path) -> None:
    """A root without the data says where they are to be had."""
    with pytest.raises(DatasetError, match=r"cse\.cuhk\.edu\.hk"):
        dataset(tmp_path).videos()


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_file(), reason="the real label vector is not beside the project")
def test_the_real_vector(tmp_path: Path) -> None:
    """MNAD's vector fits the published lengths: 15,324 frames, 3,867 anomalous, no video anomalous throughout."""
    root = tree(tmp_path, LENGTHS)
    (root / VECTOR).write_bytes(REAL.read_bytes())
    subject = dataset(root)
    found = labels(subject)

    assert (15_324, 3_867, 21) == (sum(map(len, found)), sum(map(sum, found)), len(found))
    assert all(0 < sum(marks) < len(marks) for marks in found)
    assert subject.facts()["lists"][VECTOR]["official"] is True
