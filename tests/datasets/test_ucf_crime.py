"""UCF-Crime's lists in every circulating form, hostile lists, and videos in every arrangement of folders."""

import os
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.datasets import listed
from tests.project import REAL_DATA
from tests.videos import scene, write_video
from vad.datasets import mini_crime, ucf_crime
from vad.datasets._ucf_lists import CLASSES, NORMAL, class_of, read_annotation, read_frame_counts, read_split
from vad.datasets.ucf_crime import Config, Dataset
from vad.errors import DatasetError
from vad.evaluation.ground_truth import Annotation, Convention, frame_labels
from vad.splits.tables import read_train, write_tables
from vad.splits.video import Video, is_id

REAL = REAL_DATA / "ucf_crime"
TRAIN_NORMAL, TEST_NORMAL = "Training_Normal_Videos_Anomaly", "Testing_Normal_Videos_Anomaly"

TRAIN = [
    "Abuse/Abuse001_x264.mp4",
    "Assault/Assault050_x264.mp4",
    "Robbery/Robbery138_x264.mp4",
    f"{TRAIN_NORMAL}/Normal_Videos003_x264.mp4",
    f"{TRAIN_NORMAL}/Normal_Videos004_x264.mp4",
]
TEST = ["Abuse/Abuse028_x264.mp4", "Arson/Arson011_x264.mp4", f"{TEST_NORMAL}/Normal_Videos_003_x264.mp4"]
ANNOTATION = [
    "Abuse028_x264.mp4  Abuse  165  240  -1  -1  ",
    "Normal_Videos_003_x264.mp4  Normal  -1  -1  -1  -1  ",
    "Arson011_x264.mp4  Arson  150  420  680  1267  ",
]
IDS = [Path(line).stem for line in TRAIN + TEST]
SEGMENTS = {
    "Abuse028_x264": ((165, 240),),
    "Arson011_x264": ((150, 420), (680, 1267)),
    "Normal_Videos_003_x264": (),
}


def lists(
    root: Path,
    train: list[str] = TRAIN,
    test: list[str] = TEST,
    annotation: list[str] = ANNOTATION,
    end: str = "\n",
) -> Path:
    """Write the three lists as the distribution has them."""
    folder = root / "Anomaly_Detection_splits"
    folder.mkdir(parents=True, exist_ok=True)
    for path, lines in (
        (folder / "Anomaly_Train.txt", train),
        (folder / "Anomaly_Test.txt", test),
        (root / "Temporal_Anomaly_Annotation.txt", annotation),
    ):
        path.write_bytes("".join(line + end for line in lines).encode("utf-8", "surrogateescape"))
    return root


dataset, failure = partial(listed.dataset, ucf_crime), partial(listed.failure, ucf_crime)


def by_id(videos: list[Video]) -> dict[str, Video]:
    """Videos by their id."""
    return {video.video_id: video for video in videos}


def test_official_form(tmp_path: Path) -> None:
    """Ids, labels, classes and unclipped segments, joined by id although the lists differ in order."""
    videos = by_id(dataset(lists(tmp_path)).videos())

    assert IDS == list(videos)
    assert SEGMENTS == {name: video.intervals for name, video in videos.items() if video.split == "test"}
    assert [1, 1, 1, 0, 0, 1, 1, 0] == [video.label for video in videos.values()]
    assert ["Abuse", "Assault", "Robbery", NORMAL, NORMAL] == [v.class_name for v in videos.values()][:5]
    assert {""} == {video.path for video in videos.values()}


def no_folder(line: str) -> str:
    """The line without its folder."""
    return line.rpartition("/")[2]


def seven(line: str) -> str:
    """The 6-field annotation as 7 fields, with folder and frame count."""
    name, class_name, *rest = line.split()
    folder = TEST_NORMAL if class_name == NORMAL else class_name
    return " ".join([f"{folder}/{name}", "1266", class_name, *rest]) + " "


@pytest.mark.parametrize(
    ("change", "end"),
    [
        (lambda lines: lines, "\r\n"),
        (lambda lines: [line.replace(".mp4", "") for line in lines], "\n"),
        (lambda lines: [f"{line}  \t" for line in lines], "\n"),
        (lambda lines: [no_folder(line) for line in lines], "\n"),
        (lambda lines: ["", *lines, "", "  "], "\n"),
        (lambda lines: ["\ufeff" + lines[0], *lines[1:]], "\n"),
        (lambda lines: lines[::-1], "\n"),
    ],
    ids=["crlf", "no_extension", "trailing", "no_folder", "blank_lines", "bom", "other_order"],
)
def test_variants_in_the_wild(tmp_path: Path, change: object, end: str) -> None:
    """Every circulating form of the three files gives the same videos."""
    expected = by_id(dataset(lists(tmp_path / "official")).videos())
    root = lists(tmp_path / "variant", change(TRAIN), change(TEST), change(ANNOTATION), end)  # type: ignore[operator]

    assert expected == by_id(dataset(root).videos())


def test_seven_fields_state_frame_counts(tmp_path: Path) -> None:
    """The 7-field form adds frame counts, and segments past the end are counted, not changed."""
    subject = dataset(lists(tmp_path, annotation=[seven(line) for line in ANNOTATION]))
    videos = by_id(subject.videos())

    assert SEGMENTS == {name: video.intervals for name, video in videos.items() if video.split == "test"}
    assert {"train": {None}, "test": {1266}} == {
        split: {video.n_frames for video in videos.values() if video.split == split} for split in ("train", "test")
    }
    assert "1 segments end past the last frame (clipped): Arson011_x264 1267 > 1266" in subject.facts()["notes"]


def test_annotation_without_x264_and_without_normals(tmp_path: Path) -> None:
    """Names are matched without `_x264`; normals need no annotation, and the facts say so."""
    annotation = [line.replace("_x264", "") for line in ANNOTATION if NORMAL not in line]
    subject = dataset(lists(tmp_path, annotation=annotation))

    assert SEGMENTS == {video.video_id: video.intervals for video in subject.videos() if video.split == "test"}
    assert ["1 normal test videos are not in the annotation: no segments"] == subject.facts()["notes"]


HOSTILE = {
    "../x": "leaves the folder",
    "Abuse/../../x.mp4": "leaves the folder",
    "/etc/passwd": "absolute path",
    "G:/Abuse/Abuse009.mp4": "absolute path",
    "Abuse\\Abuse009.mp4": "backslash",
    "Abuse/Abuse009\0.mp4": "NUL",
    "Abuse/a;touch$IFS/x.mp4": "only letters",
    "Abuse/Abuse009';ls.mp4": "only letters",
    'Abuse/"Abuse009".mp4': "only letters",
    "Abuse/$(touch).mp4": "only letters",
    "Abuse/`id`.mp4": "only letters",
    "Abuse/Äbuse009.mp4": "only letters",
    "Abuse/-rf.mp4": "only letters",
    "Abuse/.mp4": "only letters",
    "Abuse//Abuse009.mp4": "only letters",
    "Abuse/{wildcards}.mp4": "only letters",
    "Abuse/Abuse009 touch PWN.mp4": "one path without blanks",
    "Abuse/" + "A" * 300: "longer than 255 bytes",
    "Abuse/" + "A" * 220: "only letters",
    "Abuse/Abuse009\udcff.mp4": "not UTF-8",
    "Abus/Abuse009.mp4": "Did you mean 'Abuse'?",
    "Abuse/Arrest009_x264.mp4": "the folder says Abuse, the name says Arrest",
    "strange009.mp4": "no class in the name",
    "Normal_Videos_event/Normal_Videos_015_x264.mp4": "leakage",
    f"{TRAIN_NORMAL}/Normal_Videos_015_x264.mp4": "leakage",
    f"{TEST_NORMAL}/Normal_Videos015_x264.mp4": "leakage",
    "Abuse/Abuse028_x264.mp4": "line 1 of Anomaly_Test.txt (leakage)",
    "Abuse/Abuse028.mp4": "line 1 of Anomaly_Test.txt (leakage)",
    "Abuse/Abuse001.mp4": "already on line 1",
}


@pytest.mark.parametrize("entry", HOSTILE)
def test_hostile_entry(tmp_path: Path, entry: str) -> None:
    """Each entry that is unsafe, unknown, doubled or leaked is refused with its line."""
    message = failure(lists(tmp_path, [*TRAIN, entry]))

    assert "1 problem(s)" in message
    assert "Anomaly_Train.txt:6: " in message
    assert HOSTILE[entry] in message
    assert all(line.isprintable() for line in message.splitlines())


def test_all_problems_of_all_lists_in_one_error(tmp_path: Path) -> None:
    """Nobody mends lists one run at a time."""
    message = failure(lists(tmp_path, [*TRAIN, *HOSTILE], annotation=["Abuse028_x264.mp4 Abuse 240 165 -1 -1"]))

    assert all(f"Anomaly_Train.txt:{line}: " in message for line in range(6, 6 + len(HOSTILE)))
    assert "Temporal_Anomaly_Annotation.txt:1: " in message
    assert "no line for Arson011_x264" in message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Arson011_x264.mp4 Arson 420 150 -1 -1", "segment 420 150 does not start before it ends"),
        ("Arson011_x264.mp4 Arson 150 -1 -1 -1", "segment 150 -1"),
        ("Arson011_x264.mp4 Arson 150 420.5 -1 -1", "not a pair of frame numbers"),
        ("Arson011_x264.mp4 Arson -2 420 -1 -1", "not a pair of frame numbers"),
        ("Arson011_x264.mp4 Arson 1 99999999999999999999 -1 -1", "not a pair of frame numbers"),
        ("Arson011_x264.mp4 Arson 150 420", "4 fields, expected 6 or 7"),
        ("Arson011_x264.mp4 many Arson 150 420 -1 -1", "'many' is not a number of frames"),
        ("Arson011_x264.mp4 Abuse 150 420 -1 -1", "is Abuse here, 'Arson' in the test list"),
        ("Arson011_x264.mp4 Arson -1 -1 -1 -1", "is Arson, with 0 segments"),
        ("Arson012_x264.mp4 Arson 1 2 -1 -1", "not in the test list. Did you mean 'Arson011_x264'?"),
        ("../Arson011_x264.mp4 Arson 1 2 -1 -1", "leaves the folder"),
    ],
)
def test_annotation_faults(tmp_path: Path, line: str, message: str) -> None:
    """Each fault of the annotation names file and line."""
    found = failure(lists(tmp_path, annotation=[*ANNOTATION[:2], line]))

    assert "Temporal_Anomaly_Annotation.txt:3: " in found
    assert message in found


def test_segments_of_a_normal_video_are_refused(tmp_path: Path) -> None:
    """A normal video has no anomalous frames."""
    line = "Normal_Videos_003_x264.mp4 Normal 1 5 -1 -1"

    assert "is Normal, with 1 segments" in failure(lists(tmp_path, annotation=[ANNOTATION[0], line, ANNOTATION[2]]))


def test_empty_and_absent_lists(tmp_path: Path) -> None:
    """All lists that are not there, or hold nothing, are named at once; so is an absent root."""
    message = failure(tmp_path)

    assert all(name in message for name in ("Anomaly_Train.txt", "Anomaly_Test.txt", "Temporal_Anomaly_Annotation.txt"))
    assert "Anomaly_Train.txt: no videos" in failure(lists(tmp_path, train=[]))
    assert "no such folder" in failure(tmp_path / "nowhere")
    assert Dataset(Config(), tmp_path).root is None


def test_two_versions_of_a_list_are_not_chosen_silently(tmp_path: Path) -> None:
    """Two different train lists are an error; two equal copies are not; a given path decides."""
    root = lists(tmp_path)
    original = (root / "Anomaly_Detection_splits" / "Anomaly_Train.txt").read_text(encoding="utf-8")
    (root / "Anomaly_Train.txt").write_text(original, encoding="utf-8")

    assert len(IDS) == len(dataset(root).videos())

    (root / "Anomaly_Train.txt").write_text(f"{original}\n", encoding="utf-8")

    assert "two versions" in failure(root)
    assert len(IDS) == len(dataset(root, train_list="Anomaly_Train.txt").videos())
    assert "no such file" in failure(root, train_list="absent.txt")


entries = st.tuples(
    st.sampled_from(CLASSES),
    st.integers(0, 999),
    st.sampled_from(["", "_x264"]),
    st.sampled_from(["", ".mp4", ".MP4"]),
)
written = st.sampled_from(["\n", "\r\n", " \n", "\n\n", "\t\r\n"])


@given(
    st.lists(entries, min_size=1, max_size=20, unique_by=lambda e: e[:2]),
    written,
    st.booleans(),
    st.booleans(),
)
def test_split_lists_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[tuple[str, int, str, str]],
    end: str,
    folder: bool,
    mark: bool,
) -> None:
    """Whatever form a list is written in, ids, classes and line numbers come back."""
    path = tmp_path_factory.getbasetemp() / "list.txt"
    names = [(name, f"{name}{number:03d}{codec}", suffix) for name, number, codec, suffix in parts]
    lines = [(f"{name}/" if folder else "") + video_id + suffix for name, video_id, suffix in names]
    path.write_bytes(b"\xef\xbb\xbf" * mark + "".join(line + end for line in lines).encode())
    problems: list[str] = []
    read = read_split(path, problems)

    assert [] == problems
    assert [(video_id, name) for name, video_id, _ in names] == [(e.video_id, e.class_name) for e in read]
    assert [1 + i * end.count("\n") for i in range(len(lines))] == [e.line for e in read]


segments = st.one_of(st.just((-1, -1)), st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)).map(sorted).map(tuple))


@given(segments, segments, st.sampled_from([" ", "  ", "\t"]), st.booleans())
def test_annotation_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    first: tuple[int, int],
    second: tuple[int, int],
    gap: str,
    with_count: bool,
) -> None:
    """Any two segments come back as written, -1 as none, in 6 and 7 fields."""
    path = tmp_path_factory.getbasetemp() / "annotation.txt"
    count = ["1234"] if with_count else []
    path.write_text(gap.join(["Abuse001_x264.mp4", *count, "Abuse", *map(str, first + second)]) + gap)
    problems: list[str] = []
    read = read_annotation(path, problems)

    assert [] == problems
    assert [pair for pair in (first, second) if pair != (-1, -1)] == list(read[0].intervals)
    assert (1234 if with_count else None) == read[0].n_frames


@given(st.binary(max_size=300))
def test_any_bytes_give_safe_ids_or_problems(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """No list, whatever its bytes, brings an unsafe id or anything but its own error out of the parser."""
    path = tmp_path_factory.getbasetemp() / "bytes.txt"
    path.write_bytes(content)
    problems: list[str] = []
    read = [*read_split(path, problems), *read_annotation(path, problems)]

    assert all(is_id(entry.video_id) for entry in read)
    assert all(problem.isprintable() for problem in problems)


@given(st.text(max_size=40))
def test_any_text_is_a_safe_id_or_a_problem(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """The same for text of any alphabet behind a valid folder."""
    path = tmp_path_factory.getbasetemp() / "text.txt"
    path.write_bytes(f"Abuse/{text}".encode("utf-8", "surrogatepass"))
    problems: list[str] = []

    assert all(is_id(entry.video_id) for entry in read_split(path, problems))


@pytest.mark.parametrize("word", ["Normal", TRAIN_NORMAL, TEST_NORMAL, "Training-Normal-Videos-Part-1"])
def test_names_of_the_normal_class(word: str) -> None:
    """All folders of normal videos are one class; the event folder is none."""
    assert class_of(word) == NORMAL

    with pytest.raises(ValueError, match="leakage"):
        class_of("Normal_Videos_event")


def test_frame_counts(tmp_path: Path) -> None:
    """Counts come from a CSV column or from text, matched without `_x264`; faults name their line."""
    table, text = tmp_path / "counts.csv", tmp_path / "counts.txt"
    table.write_text("video,n_frames,b\nAbuse001_x264,2729,2730\nAbuse002,865,\n")
    text.write_text("Abuse/Abuse001_x264.mp4 2729 Abuse -1 -1 -1 -1\nAbuse/Abuse002_x264.mp4 865\n")
    problems: list[str] = []

    assert {"abuse001": 2729, "abuse002": 865} == read_frame_counts(table, "n_frames", problems)
    assert {"abuse001": 2729, "abuse002": 865} == read_frame_counts(text, "n_frames", problems)
    assert [] == problems

    table.write_text("video,n_frames\nAbuse001_x264,0\nAbuse002,x\n../y,3\nAbuse003,5\nAbuse003_x264,5\n")
    read_frame_counts(table, "n_frames", problems)
    read_frame_counts(table, "frames", problems)

    assert ["2", "3", "4", "6", "1"] == [problem.split(":")[1] for problem in problems]


ARRANGEMENTS = {
    "zip": {
        TRAIN_NORMAL: f"Training-Normal-Videos-Part-1/{TRAIN_NORMAL}",
        TEST_NORMAL: f"Testing_Normal_Videos/{TEST_NORMAL}",
        "Abuse": "Anomaly-Videos-Part-1/Abuse",
        "Robbery": "Anomaly-Videos-Part-3/Robbery",
    },
    "parts": {TRAIN_NORMAL: "Training-Normal-Videos-Part-2"},
    "videos": {name: f"Videos/{name}" for name in (*CLASSES, TRAIN_NORMAL, TEST_NORMAL)},
    "plain": {},
    "flat": {name: "all" for name in (*CLASSES, TRAIN_NORMAL, TEST_NORMAL)},
}


def fill(root: Path, folders: dict[str, str], lines: list[str]) -> None:
    """Make an empty file for each line, its class folder replaced."""
    for line in lines:
        folder, name = line.split("/")
        path = root / folders.get(folder, folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_videos_are_found_in_every_arrangement(tmp_path: Path, arrangement: str) -> None:
    """Wherever the archive's parts were unpacked, each id has its file."""
    fill(lists(tmp_path), ARRANGEMENTS[arrangement], TRAIN + TEST)
    videos = dataset(tmp_path, videos="required").videos()

    assert IDS == [Path(video.path).stem for video in videos]
    assert all((tmp_path / video.path).is_file() for video in videos)


def test_the_folder_of_the_list_wins(tmp_path: Path) -> None:
    """A namesake elsewhere or in the event folder is not taken; a second copy of equal right is an error."""
    fill(lists(tmp_path), {}, TRAIN + TEST)
    fill(tmp_path, {"Abuse": "other", TEST_NORMAL: "Normal_Videos_event"}, [TRAIN[0], TEST[2]])
    videos = by_id(dataset(tmp_path, videos="required").videos())

    assert videos["Abuse001_x264"].path == TRAIN[0]
    assert videos["Normal_Videos_003_x264"].path == TEST[2]

    fill(tmp_path, {"Abuse": "copy/Abuse"}, TRAIN[:1])

    assert f"{TRAIN[0]} and copy/{TRAIN[0]}" in failure(tmp_path, videos="required")


def test_a_listed_video_is_no_suggestion(tmp_path: Path) -> None:
    """All but one video are there: none of them is what the missing one could have meant."""
    fill(lists(tmp_path), {}, [*TRAIN[:3], TRAIN[4], *TEST])

    assert "Normal_Videos003_x264: missing\n" in failure(tmp_path, videos="required")


def test_missing_videos_are_listed_at_once_with_hints(tmp_path: Path) -> None:
    """Extension, folder and near names are reported; nothing is dropped. Another case is no other name."""
    fill(lists(tmp_path), {}, [*TRAIN[3:], TEST[0]])
    fill(tmp_path, {TEST_NORMAL: "Normal_Videos_event"}, [TEST[2]])
    for name in ("abuse/abuse001_x264.mp4", "Assault/Assault050_x264.mpg", "Robbery/Robbery1338_x264.mp4"):
        fill(tmp_path, {}, [name])
    message = failure(tmp_path, videos="required")

    assert "(4 of 8 videos missing): 4 problem(s)" in message
    assert "Assault050_x264: missing; Assault/Assault050_x264.mpg is there, but files of this kind" in message
    assert "Robbery138_x264: missing; did you mean Robbery/Robbery1338_x264.mp4?" in message
    assert "Normal_Videos_event/Normal_Videos_003_x264.mp4 is not taken" in message
    assert "Arson011_x264: missing\n" in message
    assert "none of the 8 listed videos is there" in failure(lists(tmp_path / "empty"), videos="required")


ZERO = [ANNOTATION[0].replace("165", "0"), *ANNOTATION[1:]]


def test_a_list_that_counts_from_zero_is_seen_when_it_is_read(tmp_path: Path) -> None:
    """A start of 0 cannot count from 1: refused with the key that states another rule, which then holds."""
    root = lists(tmp_path, annotation=ZERO)
    dataset = Dataset(Config(root=str(root), videos="absent", interval="zero_based_half_open"), root)
    first = next(v for v in dataset.videos() if v.video_id == "Abuse028_x264")

    assert "Temporal_Anomaly_Annotation.txt:1:" in failure(root)
    assert "starts at 0, but frames count from 1. Set interval of this data set to zero_based_half_open" in failure(
        root
    )
    assert ("zero_based_half_open", ((0, 240),)) == (dataset.interval_rule, first.intervals)


rules = st.sampled_from(["one_based_inclusive", "zero_based_inclusive", "zero_based_half_open"])


@given(st.integers(0, 3), st.integers(0, 3), rules)
def test_every_segment_that_is_read_marks_a_frame(
    tmp_path_factory: pytest.TempPathFactory, start: int, end: int, rule: str
) -> None:
    """Under each rule a segment is either a problem, or the evaluation accepts it and marks at least one frame."""
    path = tmp_path_factory.getbasetemp() / "small.txt"
    path.write_text(f"Abuse001_x264.mp4 Abuse {start} {end} -1 -1")
    problems: list[str] = []
    read = read_annotation(path, problems, rule)
    given: Any = rule
    labels = [
        frame_labels([Annotation(e.video_id, 9, e.intervals, given)], Convention())["Abuse001_x264"].labels
        for e in read
    ]

    assert len(problems) + len(read) == 1
    assert all(marked.sum() == end - start + (rule != "zero_based_half_open") for marked in labels)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-16-be"])
def test_lists_as_windows_writes_them(tmp_path: Path, encoding: str) -> None:
    """UTF-16 and byte-order marks, `./` in front, folders in lower case: the same videos."""
    root = lists(tmp_path, [f"./{line}" for line in TRAIN], [line.replace("Arson/", "arson/") for line in TEST])
    for path in root.rglob("*.txt"):
        mark = "\ufeff" if encoding == "utf-16-be" else ""
        path.write_bytes((mark + path.read_text()).encode(encoding))
    found = Dataset(Config(root=str(root), videos="absent"), root).videos()

    assert IDS == [video.video_id for video in found]
    assert SEGMENTS == {video.video_id: video.intervals for video in found if video.split == "test"}
    assert {"Abuse", "Assault", "Robbery", "Normal", "Arson"} == {video.class_name for video in found}


@pytest.mark.parametrize("name", ["Normal_Videos_event", "Normal_Videos_for_Event_Recognition"])
def test_the_folder_of_the_other_task_is_known_by_both_names(tmp_path: Path, name: str) -> None:
    """As a class of a list it is a leak; on the disk its videos are not the test normals of the same name."""
    fill(lists(tmp_path), {}, TRAIN + TEST)
    fill(tmp_path, {TEST_NORMAL: name}, [TEST[2]])
    found = Dataset(Config(root=str(tmp_path)), tmp_path).videos()

    assert f"{TEST_NORMAL}/Normal_Videos_003_x264.mp4" == found[-1].path
    with pytest.raises(ValueError, match="leakage"):
        class_of(name)


def test_videos_kept_as_folders_of_images_are_read(tmp_path: Path) -> None:
    """A folder of a video's name with all its frames is that video; lost frames are named, single images too."""
    fill(lists(tmp_path), {}, TRAIN[1:] + TEST)
    folder = tmp_path / "frames/abuse001"
    folder.mkdir(parents=True)
    for number in range(1, 5):
        (folder / f"{number:04d}.jpg").touch()
    found = Dataset(Config(root=str(tmp_path)), tmp_path).videos()

    assert "frames/abuse001" == found[0].path
    (folder / "0001.jpg").rename(folder / "0011.jpg")
    assert "frames/abuse001 is a folder of images that cannot be placed in time: frames are missing" in failure(
        tmp_path, videos="required"
    )
    for path in sorted(folder.iterdir()):
        path.rename(tmp_path / "Abuse" / f"Abuse001_x264_{10 * int(path.stem)}.jpg")
    assert "Abuse/Abuse001_x264_110.jpg is one image: put all frames" in failure(tmp_path, videos="required")


def test_links_are_followed_where_the_settings_say_so(tmp_path: Path) -> None:
    """Folders on another disk: named with the key by default, read with it; a folder inside itself has an end."""
    root, disk = lists(tmp_path / "root"), tmp_path / "disk"
    fill(disk, {}, TRAIN + TEST)
    (root / "videos").symlink_to(disk)
    (disk / "loop").symlink_to(disk)
    found = Dataset(Config(root=str(root), follow_links=True), root).videos()

    assert [f"videos/{line}" for line in TRAIN + TEST] == [video.path for video in found]
    assert "videos is a link to a folder, which is not followed. Set follow_links: true" in failure(
        root, videos="required"
    )


def test_links_and_special_files_are_refused(tmp_path: Path) -> None:
    """A link out of the root, a dangling link and a FIFO are named; a link inside the root is followed."""
    root = lists(tmp_path / "root")
    fill(root, {}, TRAIN[3:] + TEST)
    outside = tmp_path / "outside.mp4"
    outside.touch()
    fill(root, {"Abuse": "elsewhere"}, TRAIN[:1])
    places = [root / line for line in TRAIN[:3]]
    for place in places:
        place.parent.mkdir(exist_ok=True)
    places[0].symlink_to(outside)
    places[1].symlink_to(tmp_path / "nothing")
    os.mkfifo(places[2])
    message = failure(root, videos="required")

    assert "Abuse001_x264.mp4 is a link that leaves" in message
    assert "Assault050_x264.mp4 is a link to nothing" in message
    assert "Robbery138_x264.mp4 is not a regular file" in message

    for place in places:
        place.unlink()
        place.symlink_to(root / "elsewhere" / "Abuse001_x264.mp4")

    assert len(IDS) == len(dataset(root, videos="required").videos())


def test_links_to_folders_are_told(tmp_path: Path) -> None:
    """Videos behind a linked folder are missing, and the message says why."""
    fill(tmp_path / "far", {}, TRAIN + TEST)
    root = lists(tmp_path / "root")
    (root / "Videos").symlink_to(tmp_path / "far")

    assert "Videos is a link to a folder, which is not followed" in failure(root, videos="required")


def test_subset_keeps_what_is_there_and_says_so(tmp_path: Path) -> None:
    """With `subset: available` nothing is silently whole: the facts carry the words for every row."""
    fill(lists(tmp_path), {}, [*TRAIN[:2], TEST[0]])
    subject = dataset(tmp_path, videos="required", subset="available")

    assert ["Abuse001_x264", "Assault050_x264", "Abuse028_x264"] == [v.video_id for v in subject.videos()]
    assert subject.facts()["subset"] == "subset: 2 of 5 train, 1 of 3 test"
    assert "subset: 2 of 5 train, 1 of 3 test" in subject.facts()["notes"]
    assert 2 == len(subject.videos(lambda video: video.split == "train"))


def test_subset_of_features_needs_to_be_told(tmp_path: Path) -> None:
    """Without videos only the caller knows which features are there; `subset: all` does not ask."""
    subject = dataset(lists(tmp_path), subset="available")
    with pytest.raises(DatasetError, match="which features are there"):
        subject.videos()

    assert ["Arson011_x264"] == [v.video_id for v in subject.videos(lambda video: video.class_name == "Arson")]
    assert subject.facts(lambda _: False)["subset"] == "subset: 0 of 5 train, 0 of 3 test"
    assert len(IDS) == len(dataset(tmp_path).videos(lambda _: False))


def test_facts_pin_the_lists(tmp_path: Path) -> None:
    """Every list has its sha256; lists that are not the official ones say so."""
    (lists(tmp_path) / "counts.txt").write_text("Abuse/Abuse001_x264.mp4 2729\n")
    subject = dataset(tmp_path, frame_counts="counts.txt")
    facts = subject.facts()["lists"]

    assert [path.name for path in subject.lists()] == list(facts)
    assert [False, False, False, None] == [entry["official"] for entry in facts.values()]
    assert {64} == {len(entry["sha256"]) for entry in facts.values()}


@pytest.mark.parametrize("seed", range(10))
def test_the_twins_stay_on_one_side(tmp_path: Path, seed: int) -> None:
    """Assault050 and Robbery138 are one video: both in the validation part or none."""
    subject = dataset(lists(tmp_path), validation={"fraction": 0.5, "seed": seed})
    write_tables(
        tmp_path,
        subject.videos(),
        validation=subject.config.validation,
        interval_rule=subject.interval_rule,
        facts=subject.facts(),
        same_side=subject.same_side,
    )
    parts = read_train(tmp_path / "train.csv").set_index("video_id")["part"]

    assert parts["Assault050_x264"] == parts["Robbery138_x264"]
    assert {"fit", "validation"} == set(parts)


def test_the_generated_lists_are_in_the_official_form(tmp_path: Path) -> None:
    """The embedded data set's lists, read by this parser, tell what its plan tells."""
    made = mini_crime.Dataset(mini_crime.Config(), tmp_path)
    for name, text in mini_crime.list_texts(mini_crime.plan_of(made.config)).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for video in made.videos():
        (tmp_path / video.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / video.path).touch()

    assert by_id(made.videos()) == by_id(dataset(tmp_path, videos="required").videos())


def test_two_thousand_videos_are_read_fast(tmp_path: Path) -> None:
    """Lists of full size are parsed and located in under half a second (the best of three tries)."""
    train = [f"{name}/{name}{i:03d}_x264.mp4" for name in CLASSES for i in range(200, 350)]
    fill(lists(tmp_path, train), {}, [*train, *TEST])
    subject = dataset(tmp_path, videos="required")
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        subject.videos()
        seconds.append(time.perf_counter() - start)

    assert min(seconds) < 0.5


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="the official lists are not beside the project")
def test_official_lists() -> None:
    """The counts, classes and clipped ends of the official files, and their checksums."""
    subject = dataset(REAL, frame_counts="frame_counts.csv", frame_counts_column="n_frames_a")
    videos, facts = subject.videos(), subject.facts()
    sizes = Counter((video.split, video.label) for video in videos)

    assert {("train", 0): 800, ("train", 1): 810, ("test", 0): 150, ("test", 1): 140} == sizes
    assert {*CLASSES, NORMAL} == {video.class_name for video in videos if video.split == "test"}
    assert [True, True, True, None] == [entry["official"] for entry in facts["lists"].values()]
    assert 16 == sum(len(video.intervals) == 2 for video in videos)
    assert 12_656_615 == sum(video.n_frames or 0 for video in videos if video.split == "train")
    assert 1_111_808 == sum(video.n_frames or 0 for video in videos if video.split == "test")
    assert facts["notes"][0] == (
        "5 segments end past the last frame (clipped): Arson011_x264 1267 > 1266, Arson016_x264 1796 > 1795, "
        "Explosion033_x264 3156 > 3154, Fighting003_x264 3103 > 3102, Shooting015_x264 1715 > 1713"
    )


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="the official lists are not beside the project")
def test_official_segments_give_the_canonical_positives() -> None:
    """1-based inclusive and clipped, the official segments mark 84,338 frames."""
    subject = dataset(REAL, frame_counts=["frame_counts.csv"], frame_counts_column="n_frames_a")
    positives = sum(
        min(end, video.n_frames or 0) - max(start, 1) + 1
        for video in subject.videos()
        for start, end in video.intervals
    )

    assert 84_338 == positives


COUNTS = {"Abuse028_x264": 5, "Arson011_x264": 4, "Normal_Videos_003_x264": 3}
MARKS = {"Abuse028_x264": [0, 1, 1, 0, 0], "Arson011_x264": [1, 0, 0, 1], "Normal_Videos_003_x264": [0, 0, 0]}


def labelled(root: Path, marks: list[int], counts: dict[str, int] = COUNTS) -> Dataset:
    """Lists without an annotation, and one array of labels for all test videos."""
    lists(root)
    (root / "Temporal_Anomaly_Annotation.txt").unlink()
    (root / "counts.csv").write_text("video,n_frames\n" + "".join(f"{name},{n}\n" for name, n in counts.items()))
    np.save(root / "gt.npy", np.array(marks, np.float64))
    return dataset(root, frame_labels="gt.npy", frame_counts="counts.csv")


def joined() -> list[int]:
    """The labels in the order of the test list."""
    return [mark for line in TEST for mark in MARKS[Path(line).stem]]


def test_one_array_of_labels_for_all_test_videos(tmp_path: Path) -> None:
    """Each video gets its own part, in list order; the annotation is not needed; the array is named among the lists."""
    data = labelled(tmp_path, joined())
    videos = [video for video in data.videos() if video.split == "test"]

    assert [Path(line).stem for line in TEST] == [video.video_id for video in videos]
    assert [MARKS[video.video_id] for video in videos] == [data.labels_of(video).tolist() for video in videos]
    assert {"gt.npy"} == {video.frame_labels for video in videos}
    assert {((), "")} == {(v.intervals, v.frame_labels) for v in data.videos() if v.split == "train"}
    assert tmp_path / "gt.npy" in data.lists()
    assert "labels of all frames of the test videos" == data.facts()["lists"]["gt.npy"]["what"]


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        ([*joined(), 0], r"13 labels, but the 3 test videos have 12 frames"),
        (joined()[::-1], r"Normal_Videos_003_x264: normal, but some frames are marked.*in the order of the test list"),
        ([0] * 12, r"Abuse028_x264: anomalous, but no frame is marked"),
        ([2] * 12, r"labels must be 0 or 1"),
    ],
)
def test_labels_that_do_not_fit_the_list_are_refused(tmp_path: Path, marks: list[int], words: str) -> None:
    """Another length, another order (as far as labels tell), other numbers."""
    data = labelled(tmp_path, marks)

    with pytest.raises(DatasetError, match=rf"(?s)gt.npy.*{words}"):
        data.labels_of(data.videos()[-1])


def test_labels_of_whole_segments_are_named_as_such(tmp_path: Path) -> None:
    """Arrays that go with features leave out the last frames of each video."""
    counts = dict.fromkeys(COUNTS, 40)
    data = labelled(tmp_path, [0] * 96, counts)

    with pytest.raises(DatasetError, match=r"96 labels .whole segments of 16 frames alone.*have 120 frames"):
        data.labels_of(data.videos()[-1])


def test_labels_need_the_frames_of_each_video(tmp_path: Path) -> None:
    """Without videos a list must state them; with videos their headers do."""
    data = labelled(tmp_path, joined(), {"Abuse028_x264": 5})

    with pytest.raises(DatasetError, match=r"unknown frame counts of Arson011_x264, Normal_.*Set frame_counts"):
        data.labels_of(data.videos()[-1])
    for line in TRAIN + TEST:
        (tmp_path / line).parent.mkdir(exist_ok=True)
        write_video(tmp_path / line, scene(COUNTS.get(Path(line).stem, 2)))
    data = dataset(tmp_path, frame_labels="gt.npy", videos="required")
    assert MARKS["Arson011_x264"] == data.labels_of(by_id(data.videos())["Arson011_x264"]).tolist()


def test_labels_count_frames_behind_links(tmp_path: Path) -> None:
    """The frames of videos on another disk are counted as well."""
    root, disk = tmp_path / "root", tmp_path / "disk"
    labelled(root, joined())
    for line in TRAIN + TEST:
        (disk / line).parent.mkdir(parents=True, exist_ok=True)
        write_video(disk / line, scene(COUNTS.get(Path(line).stem, 2)))
    (root / "videos").symlink_to(disk)
    data = dataset(root, frame_labels="gt.npy", videos="required", follow_links=True)

    assert MARKS["Abuse028_x264"] == data.labels_of(by_id(data.videos())["Abuse028_x264"]).tolist()
