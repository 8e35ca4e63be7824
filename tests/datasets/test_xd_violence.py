"""XD-Violence's lists and annotation in every circulating form, with videos and with published features."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.datasets import listed
from vad.datasets import xd_violence
from vad.datasets._xd_lists import plain_name, read_annotation, read_list
from vad.extractors.imported import Config as ImportedConfig
from vad.extractors.imported import Extractor
from vad.splits.tables import read_test, write_tables
from vad.splits.video import is_id

TRAIN = ["A.Beautiful.Mind.2001__#00-01-45_00-02-50_label_A", "Bad.Boys.1995__#01-11-55_01-12-40_label_G-B2-B6"]
TRAIN += ["v=wQrV75N2BrI__#1_label_B1-0-0", "v=abc-_d__#1_label_A"]
TEST = ["Bullet.in.the.Head.1990__#00-28-00_00-29-35_label_B2-0-0", "v=38GQ9L2meyE__#1_label_A"]
ANNOTATION = f"{TEST[0]} 0 45 60 80 90 91"


def lists(root: Path, crops: int = 5, annotation: str = ANNOTATION) -> Path:
    """The lists as they circulate: a line for each crop, no end behind the last annotation."""
    root.mkdir(parents=True, exist_ok=True)
    for name, videos in (("rgb.list", TRAIN), ("rgbtest.list", TEST)):
        lines = [f"i3d-features/RGB/{video}__{crop}.npy\n" for video in videos for crop in range(crops)]
        (root / name).write_text("".join(lines))
    (root / "annotations.txt").write_text(annotation)
    return root


dataset, failure = partial(listed.dataset, xd_violence), partial(listed.failure, xd_violence)


def test_official_form(tmp_path: Path) -> None:
    """Five crops are one video; classes are in the names; segments count from 0, ends excluded."""
    subject = dataset(lists(tmp_path))
    found = subject.videos()
    write_tables(
        tmp_path / "tables", found, validation=subject.config.validation, interval_rule=subject.interval_rule, facts={}
    )
    test = read_test(tmp_path / "tables/test.csv")

    assert [0, 1, 1, 0, 1, 0] == [video.label for video in found]
    assert ["Normal", "Explosion", "Fighting", "Normal", "Shooting", "Normal"] == [v.class_name for v in found]
    assert ((0, 45), (60, 80), (90, 91)) == found[4].intervals
    assert "A_Beautiful_Mind_2001___00-01-45_00-02-50_label_A" == found[0].video_id
    assert {"zero_based_half_open"} == set(test["interval_rule"])
    assert ["rgb.list", "rgbtest.list", "annotations.txt"] == [path.name for path in subject.lists()]


def test_videos_and_features_are_found_by_name(tmp_path: Path) -> None:
    """The same rule for ids on both sides: videos in any folder, features with the number of the crop."""
    root = lists(tmp_path / "own")
    (root / "1-1004").mkdir()
    (tmp_path / "features").mkdir()
    for name in TRAIN + TEST:
        (root / "1-1004" / f"{name}.mp4").touch()
        for crop in range(5):
            np.save(tmp_path / f"features/{name}__{crop}.npy", np.ones((7, 4), "f4"))
    found = dataset(root, videos="required").videos()
    extractor = Extractor(ImportedConfig(root=str(tmp_path / "features"), format="crops_files", dim=4))
    sources = extractor.sources([video.video_id for video in found])

    assert [f"1-1004/{name}.mp4" for name in TRAIN + TEST] == [video.path for video in found]
    assert {5} == {len(paths) for paths in sources.values()}
    (root / "1-1004" / f"{TRAIN[0]}.mp4").unlink()
    assert "A_Beautiful_Mind_2001___00-01-45_00-02-50_label_A: missing" in failure(root, videos="required")


def test_subset(tmp_path: Path) -> None:
    """What is not there is left out and named; nothing is said to be left out where all is there."""
    subject = dataset(lists(tmp_path), subset="available")
    gone = subject.videos(lambda _: True)[0].video_id

    assert "subset: 4 of 4 train, 2 of 2 test" == subject.facts(lambda _: True)["notes"][-1]
    assert ["subset: 3 of 4 train, 2 of 2 test", f"left out: {gone}"] == subject.facts(
        lambda video: video.video_id != gone
    )["notes"][-2:]
    assert "none of the 6 listed videos is there" in failure(tmp_path, videos="required")


def test_frame_counts(tmp_path: Path) -> None:
    """From text by name, with dots and all."""
    root = lists(tmp_path)
    (root / "counts.txt").write_text("".join(f"{name}.mp4 {100 + i}\n" for i, name in enumerate(TRAIN + TEST)))
    (root / "bad.txt").write_text(f"{TRAIN[0]} many\n")

    assert list(range(100, 106)) == [video.n_frames for video in dataset(root, frame_counts="counts.txt").videos()]
    assert "'many' is not a number of frames" in failure(root, frame_counts="bad.txt")


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (ANNOTATION + " 7", "7 numbers, expected pairs"),
        (ANNOTATION.replace(" 45", " 0"), "segment 0 0 is empty"),
        (ANNOTATION.replace(" 45", " x"), "'0 x' is not a pair of frame numbers"),
        (f"{ANNOTATION}\n{ANNOTATION}", "is already on line 1"),
        (f"{TRAIN[1]} 1 2", "is not in the test list"),
        (f"{TEST[1]} 1 2", "is Normal, with 1 segments"),
        ("", "no line for Bullet_in_the_Head_1990"),
        ("Something 1 2", "does not end with its classes"),
    ],
)
def test_faults_of_the_annotation(tmp_path: Path, annotation: str, words: str) -> None:
    """Each with its line."""
    assert words in failure(lists(tmp_path, annotation=annotation))


def test_leaks_and_other_rules(tmp_path: Path) -> None:
    """A test video in the train list; a list that counts from 0 read from 1."""
    root = lists(tmp_path)

    assert "starts at 0, but frames count from 1" in failure(root, interval="one_based_inclusive")
    (root / "rgb.list").write_text("\n".join([*TRAIN, TEST[0]]))
    assert "is also on line 1 of rgbtest.list (leakage)" in failure(root)
    (root / "rgb.list").unlink()
    assert "train_list: not found" in failure(root)


names = st.text("abcXYZ019.=#-_", min_size=1, max_size=20).map(lambda text: f"v{text}_label_B1-0-0")
pairs = st.lists(st.tuples(st.integers(0, 999), st.integers(1, 999)).map(lambda p: (p[0], p[0] + p[1])), min_size=1)


@given(names, pairs, st.sampled_from(["", ".mp4"]))
def test_annotation_round_trip(
    tmp_path_factory: pytest.TempPathFactory, name: str, wanted: list[tuple[int, int]], suffix: str
) -> None:
    """Any number of pairs comes back as written, by an id that is safe."""
    path = tmp_path_factory.getbasetemp() / "xd.txt"
    path.write_text(f"{name}{suffix} " + " ".join(f"{a} {b}" for a, b in wanted))
    problems: list[str] = []
    (found,) = read_annotation(path, "zero_based_half_open", problems)

    assert [] == problems
    assert wanted == list(found.intervals)
    assert is_id(found.video_id)


@given(st.binary(max_size=200))
def test_any_bytes_give_safe_ids_or_problems(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """No list, whatever its bytes, brings an unsafe id or anything but its own error out of the parser."""
    path = tmp_path_factory.getbasetemp() / "xd.bytes"
    path.write_bytes(content)
    problems: list[str] = []
    read = [*read_list(path, problems), *read_annotation(path, "zero_based_half_open", problems)]

    assert all(is_id(entry.video_id) for entry in read)


@pytest.mark.parametrize("word", ["x/{}__4.npy", "G:\\x\\{}.mp4", "{}.mp4.npy", "{}"])
def test_plain_names(word: str) -> None:
    """Folders, extensions and crop numbers go; the name stays, dots and all."""
    assert [TRAIN[1]] == [plain_name(word.format(TRAIN[1]))]
