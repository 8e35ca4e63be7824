"""ShanghaiTech in both layouts, with every label source, in its own split and in that of lists; and Ped1 beside it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.project import REAL_DATA
from tests.videos import scene, write_video
from vad.datasets import ped1
from vad.datasets.shanghaitech import VECTOR, Config, Dataset, read_names
from vad.errors import DatasetError
from vad.splits.tables import read_train, write_tables

TRAIN = ("01_001", "01_002", "13_007")
MARKS = {"01_0014": [0, 1, 1, 0, 0], "01_0015": [0, 0, 0, 0], "05_0017": [0, 0, 1]}


def images(folder: Path, n_frames: int, first: int = 0) -> None:
    """A folder of empty images."""
    folder.mkdir(parents=True)
    for number in range(first, first + n_frames):
        (folder / f"{number:03d}.jpg").touch()


def campus(root: Path, films: bool = False) -> Path:
    """The data set with masks; train videos as films or as frames."""
    for name, marks in MARKS.items():
        images(root / "testing/frames" / name, len(marks))
        for kind, array in (("frame", np.array(marks)), ("pixel", np.array(marks)[:, None, None] * np.eye(4))):
            (root / f"testing/test_{kind}_mask").mkdir(parents=True, exist_ok=True)
            np.save(root / f"testing/test_{kind}_mask/{name}.npy", array.astype(np.int8))
    for name in TRAIN:
        if films:
            (root / "training/videos").mkdir(parents=True, exist_ok=True)
            write_video(root / f"training/videos/{name}.avi", scene(6, 32, 32), codec="mpeg4")
        else:
            images(root / "training/frames" / name, 6)
    return root


def dataset(root: Path, **settings: object) -> Dataset:
    """The data set of a folder."""
    return Dataset(Config.model_validate({"root": str(root)} | settings), root)


def failure(root: Path, **settings: object) -> str:
    """The message of the one error that reading the data set gives."""
    with pytest.raises(DatasetError) as error:
        dataset(root, **settings).videos()
    return str(error.value)


@pytest.mark.parametrize("films", [False, True])
@pytest.mark.parametrize("labels", ["auto", "masks", "npy", "pixels"])
def test_every_layout_and_label_source(tmp_path: Path, films: bool, labels: str) -> None:
    """Ids are names; labels are the same from frame masks, pixel masks and the vector in name order."""
    root = campus(tmp_path, films)
    np.save(root / VECTOR, np.concatenate(list(MARKS.values())))
    subject = dataset(root, labels=labels)
    found = subject.parsed()

    assert [*TRAIN, *MARKS] == [video.video_id for video in found]
    assert MARKS == {v.video_id: subject.labels_of(v).tolist() for v in found if v.split == "test"}
    assert [0, 0, 0, 1, 0, 1] == [video.label for video in found]
    assert "labels" in " ".join(subject.facts()["notes"])


def test_pixel_masks_are_spatial_truth(tmp_path: Path) -> None:
    """Pixels that touch at a corner are one region; a normal video without masks is known, an anomalous one is not."""
    subject = dataset(campus(tmp_path))
    tests = [video for video in subject.parsed() if video.split == "test"]
    for video in tests:
        truth = subject.truth_of(video, (4, 4))
        assert truth is not None
        assert [len(truth.regions(i).tracks) for i in range(len(MARKS[video.video_id]))] == MARKS[video.video_id]
        (tmp_path / f"testing/test_pixel_mask/{video.video_id}.npy").unlink()
        assert (subject.truth_of(video, (4, 4)) is None) == bool(video.label)


@pytest.mark.parametrize("films", [False, True])
def test_lists_make_the_weak_split(tmp_path: Path, films: bool) -> None:
    """Anomalous videos to train on, normal ones of the training part to test on; labels come from the masks."""
    root = campus(tmp_path, films)
    (root / "SH_Train.txt").write_text("01_0014,1\n01_001,0\n13_007")
    (root / "SH_Test.txt").write_text("x/01_0015_i3d__0.npy\nx/01_0015_i3d__1.npy\nx/05_0017_i3d__0.npy\n01_002.avi")
    subject = dataset(root, train_list="SH_Train.txt", test_list="SH_Test.txt")
    found = {video.video_id: video for video in subject.parsed()}
    write_tables(
        tmp_path / "tables",
        list(found.values()),
        validation=subject.config.validation,
        interval_rule=subject.interval_rule,
        facts=subject.facts(),
    )

    assert {"01_0014": 1, "01_001": 0, "13_007": 0} == {n: v.label for n, v in found.items() if v.split == "train"}
    assert {"01_0015": 0, "05_0017": 1, "01_002": 0} == {n: v.label for n, v in found.items() if v.split == "test"}
    assert [0] * 6 == subject.labels_of(found["01_002"]).tolist()
    assert {root / "SH_Train.txt", root / "SH_Test.txt"} <= set(subject.lists())
    assert 3 == len(read_train(tmp_path / "tables/train.csv"))


def test_faults_of_lists(tmp_path: Path) -> None:
    """Leaks, unknown names, labels that the masks deny, and lines without a name: all at once, before any work."""
    root = campus(tmp_path)
    (root / "a").write_text("01_0014,0\n01_001\n09_0001\n\nnothing\n")
    (root / "b").write_text("01_001\n05_0017,1\n")
    message = failure(root, train_list="a", test_list="b")

    assert "01_001 is in both lists (leakage)" in message
    assert "09_0001: no such video" in message
    assert "01_0014: label 0 in the list, 1 by the frame labels" in message
    assert "a:5: 'nothing' names no video like 01_0014" in message
    (root / "testing/frames/05_0017/000.jpg").unlink()
    assert "05_0017: 3 labels, but the sequence has 2 frames" in failure(root)


names = st.tuples(st.integers(1, 13), st.integers(0, 9999)).map(lambda pair: f"{pair[0]:02d}_{pair[1]:04d}")
forms = st.sampled_from(["{}", "{},1", "/data/SH_i3d/{}_i3d.npy", "G:\\x\\{}__3.npy", "{}.avi 1", "training/{}"])


@given(st.lists(names, unique=True, min_size=1, max_size=20), forms, st.sampled_from(["\n", "\r\n"]))
def test_names_are_found_in_any_line(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[str], form: str, end: str
) -> None:
    """Whatever stands around a name, the list gives it; the last line needs no end."""
    path = tmp_path_factory.getbasetemp() / "names.txt"
    path.write_bytes(end.join(form.format(name) for name in wanted).encode())
    problems: list[str] = []
    found = read_names(path, problems)

    assert [] == problems
    assert wanted == list(found)
    assert {1 if form in ("{},1", "{}.avi 1") else None} == set(found.values())


def test_ped1(tmp_path: Path) -> None:
    """UCSD's layout of another name; masks of some sequences only are no labels of all."""
    for split, count in (("Train", 3), ("Test", 2)):
        for number in range(1, count + 1):
            images(tmp_path / f"UCSDped1/{split}/{split}{number:03d}", 5, first=1)
    images(tmp_path / "UCSDped1/Test/Test001_gt", 5, first=1)
    script = "TestVideoFile{end+1}.gt_frame = [2:3];\nTestVideoFile{end+1}.gt_frame = [1, 4:5];\n"
    (tmp_path / "UCSDped1/Test/UCSDped1.m").write_text(script)
    subject = ped1.Dataset(ped1.Config(root=str(tmp_path)), tmp_path)
    found = [video for video in subject.parsed() if video.split == "test"]

    assert [[0, 1, 1, 0, 0], [1, 0, 0, 1, 1]] == [subject.labels_of(video).tolist() for video in found]
    assert "matlab" == subject.facts()["frame_labels"]
    with pytest.raises(DatasetError, match=r"Test001_gt/001.jpg: the mask cannot be read"):
        subject.truth_of(found[0], (8, 8))
    assert subject.truth_of(found[1], (8, 8)) is None
    assert sum(ped1.LENGTHS) == 7200


@pytest.mark.real_data
@pytest.mark.skipif(not (REAL_DATA / "labels" / VECTOR).is_file(), reason="the real vector is not beside the project")
def test_the_real_vector_is_known() -> None:
    """40,791 labels, 17,326 ones; its checksum is the official one."""
    from vad.artefacts.files import sha256
    from vad.datasets._frame_labels import read_frame_labels
    from vad.datasets.shanghaitech import MNAD_SHA256

    labels = read_frame_labels(REAL_DATA / "labels" / VECTOR, None)

    assert (40_791, 17_326) == (len(labels), labels.sum())
    assert MNAD_SHA256 == sha256(REAL_DATA / "labels" / VECTOR)
