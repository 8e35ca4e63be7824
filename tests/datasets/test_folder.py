"""A user's own folder: every rule of the table, names of any kind, labels of every grain."""

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.project import REAL_DATA
from tests.videos import scene, write_video
from vad.artefacts.fingerprint import frame_order
from vad.datasets._folder_media import MediaIndex, video_ids
from vad.datasets._frame_labels import read_frame_labels
from vad.datasets.folder import Config, Dataset
from vad.errors import DatasetError
from vad.splits.tables import read_test, read_train, write_tables
from vad.splits.video import Video, is_id
from vad.video.files import numbering_problem

REAL = REAL_DATA / "upcam"
FILES = ["train/n1.mp4", "train/n2.avi", "train/a1.MKV", "test/ev 1 ä.mp4", "test/n3.webm", "test/v1.mov"]
TABLE = """video,split,label,class,start,end,unit
train/n1,train,0,,,,
train/n2.avi,train,,,-1,-1,
train/a1,train,1,fall,,,
test/ev 1 ä.mp4,test,1,fall,10,20,frame
test/ev 1 ä,test,1,fall,15,30,
test/n3,test,0,,,,
test/v1,test,1,,,,
"""


def folder(root: Path, table: str = TABLE, files: list[str] | None = None) -> Path:
    """A data set of empty video files."""
    for name in FILES if files is None else files:
        path = root / "videos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (root / "videos").mkdir(parents=True, exist_ok=True)
    (root / "labels.csv").write_bytes(table.encode("utf-8", "surrogateescape"))
    return root


def dataset(root: Path, **settings: object) -> Dataset:
    """The data set of a folder."""
    return Dataset(Config.model_validate({"root": str(root)} | settings), root)


def videos(root: Path, **settings: object) -> dict[str, Video]:
    """Its videos, by path below the folder of videos."""
    return {v.path.removeprefix("videos/"): v for v in dataset(root, **settings).videos()}


def failure(root: Path, **settings: object) -> str:
    """The message of the one error that reading the data set gives."""
    with pytest.raises(DatasetError) as error:
        dataset(root, **settings).videos()
    return str(error.value)


def test_every_kind_of_row(tmp_path: Path) -> None:
    """Normal, unlabelled, anomalous, with intervals, and labelled at video level only."""
    subject = dataset(folder(tmp_path))
    found = {v.path.removeprefix("videos/"): v for v in subject.videos()}

    assert sorted(FILES) == list(found)
    assert {"train": 3, "test": 3} == {s: sum(v.split == s for v in found.values()) for s in ("train", "test")}
    assert [1, 0, 0] == [found[name].label for name in ("train/a1.MKV", "train/n1.mp4", "train/n2.avi")]
    assert ["fall", "normal", "normal"] == [found[n].class_name for n in ("train/a1.MKV", FILES[0], FILES[1])]
    assert ((10, 30),) == found["test/ev 1 ä.mp4"].intervals
    assert [True, True, False] == [found[name].frame_level for name in FILES[3:]]
    assert {""} == {video.part for video in found.values()}
    assert subject.interval_rule == "zero_based_half_open"
    assert all((tmp_path / video.path).is_file() for video in found.values())


def test_notes_tell_what_was_decided(tmp_path: Path) -> None:
    """Merged intervals, presumed normals, video-level tests and extra videos are reported."""
    facts = dataset(folder(tmp_path, files=[*FILES, "spare.mp4"])).facts()

    assert facts["notes"] == [
        f"{videos(tmp_path)['test/ev 1 ä.mp4'].video_id}: overlapping intervals merged to 1",
        "1 train videos without label: presumed normal",
        "no frame labels, video level only: v1",
        "not in the table, not used: spare.mp4",
    ]
    assert ["labels.csv"] == list(facts["lists"])


def test_tables_of_a_folder(tmp_path: Path) -> None:
    """Odd names and the user's interval rule survive the split tables."""
    subject = dataset(folder(tmp_path))
    settings = {"validation": subject.config.validation, "interval_rule": subject.interval_rule}
    write_tables(tmp_path / "out", subject.videos(), **settings, facts=subject.facts())  # type: ignore[arg-type]
    test = read_test(tmp_path / "out" / "test.csv").set_index("path")

    assert "10-30" == test.loc["videos/test/ev 1 ä.mp4", "intervals"]
    assert {"zero_based_half_open"} == set(test["interval_rule"])
    assert 1 == (read_train(tmp_path / "out" / "train.csv")["part"] == "validation").sum()


def test_val_rows_are_the_validation_part(tmp_path: Path) -> None:
    """With `val` rows every train video has its part; without train rows nothing could be trained."""
    table = TABLE.replace("train/n1,train", "train/n1,val")
    found = videos(folder(tmp_path, table))

    assert ["fit", "validation", "fit"] == [v.part for v in found.values() if v.split == "train"]
    assert "none with split train" in failure(folder(tmp_path, table.replace(",train,", ",val,")))


ROWS = {
    "n1,train,0,,,,": "n1.mp4 is already on line 2",
    "n1,test,0,,,,": "split 'test', but 'train' on line 2",
    "n1.mp4,train,1,,,,": "label 1, but 0 on line 2",
    "n2,dev,0,,,,": "split 'dev' is none of train, val, test",
    "n2,train,2,,,,": "label '2' is none of 0, 1, empty",
    "n2,train,0,,5,9,": "label 0 (normal) with an interval",
    "n2,test,1,,9,5,": "start 9 is after end 5",
    "n2,test,1,,5,5,": "interval 5 to 5 is empty",
    "n2,test,1,,5,,": "give both or none",
    "n2,test,1,,-3,5,": "'-3' is not a frame number",
    "n2,test,1,,1.5,5,": "1.5 is not a whole frame",
    "n2,test,1,,nan,5,": "'nan' is not a frame number",
    "n2,test,1,,inf,inf,second": "'inf' is not a second number",
    "n2,test,1,,1,2,minute": "unit 'minute' is none of frame, second, empty",
    "n2,test,,,,,": "a test video needs a label, an interval or frame labels",
    "n2,test,1,,1,2": "6 cells, the header has 7",
    ",test,1,,1,2,": "no video",
    "n2,test,1,a\x07b,1,2,": "printable characters",
    "absent,test,1,,1,2,": "'absent': no such video",
    "N2,test,1,,1,2,": "did you mean 'n2.mp4'?",
    "sub/n2.mp4,test,1,,1,2,": "did you mean 'n2.mp4'?",
    "n2.mkv,test,1,,1,2,": "did you mean 'n2.mp4'?",
    "both,test,1,,1,2,": "matches 'both.avi' and 'both.mp4'",
    "../videos/n2,test,1,,1,2,": "leaves the folder",
    "/etc/passwd,test,1,,1,2,": "absolute path",
    "C:/n2.mp4,test,1,,1,2,": "absolute path",
    "sub\\n2.mp4,test,1,,1,2,": "backslash",
    "gone,test,1,,1,2,": "gone.mp4 is a link that leaves",
    "pipe,test,1,,1,2,": "pipe.mp4 is not a regular file",
    "frames/gap,test,1,,1,2,": "frames/gap is not in order: frames are missing after 2.jpg",
}


@pytest.fixture
def crowded(tmp_path: Path) -> Path:
    """A folder with one good train row and every trap."""
    files = [
        "n1.mp4",
        "n2.mp4",
        "both.mp4",
        "both.avi",
        "frames/gap/1.jpg",
        "frames/gap/2.jpg",
        "frames/gap/4.jpg",
    ]
    root = folder(tmp_path / "data", files=files)
    (tmp_path / "outside.mp4").touch()
    (root / "videos" / "gone.mp4").symlink_to(tmp_path / "outside.mp4")
    os.mkfifo(root / "videos" / "pipe.mp4")
    return root


def lines_of(*rows: str) -> str:
    """A table whose line 2 is a good row."""
    return "\n".join(["video,split,label,class,start,end,unit", "n1,train,0,,,,", *rows])


@pytest.mark.parametrize("row", ROWS)
def test_bad_row(crowded: Path, row: str) -> None:
    """Each broken rule is one problem with its line."""
    (crowded / "labels.csv").write_text(lines_of(row), encoding="utf-8")
    message = failure(crowded)

    assert "line 3: " in message
    assert ROWS[row] in message


def test_all_bad_rows_at_once(crowded: Path) -> None:
    """Nobody mends a table one run at a time."""
    (crowded / "labels.csv").write_text(lines_of(*ROWS), encoding="utf-8")
    message = failure(crowded)

    assert not [line for line, row in enumerate(ROWS, start=3) if f"line {line}: " not in message and row[:1] != "n"]
    assert message.count("line ") >= len(ROWS)


def test_a_listed_video_is_no_suggestion(crowded: Path) -> None:
    """`N1` is not meant to be the n1 of another row; an unlisted n2 is a good guess."""
    (crowded / "labels.csv").write_text(lines_of("N1,train,0,,,,", "N2,train,0,,,,"), encoding="utf-8")
    message = failure(crowded)

    assert "line 3: 'N1': no such video\n" in message
    assert "line 4: 'N2': no such video; did you mean 'n2.mp4'?" in message


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "line 1: no header"),
        ("video;split\nn1;train\n", "separated by ';'"),
        ("video,label\nn1,0\n", "no column 'split'"),
        ("video,split,lable\nn1,train,0\n", "unknown column 'lable'. Did you mean 'label'?"),
        ("video,split,split\nn1,train,test\n", "column 'split' is there twice"),
        ("video,split\n\udcff,train\n", "cannot be read as UTF-8 CSV"),
        ('video,split\n"n1,train\n', "cannot be read as UTF-8 CSV"),
    ],
)
def test_bad_table(tmp_path: Path, table: str, message: str) -> None:
    """A table that is not comma-separated UTF-8 with the known columns says what it is instead."""
    assert message in failure(folder(tmp_path, table, ["n1.mp4"]))


def test_small_tables_do(tmp_path: Path) -> None:
    """Two columns suffice; a byte-order mark, CRLF and empty lines do no harm."""
    table = "\ufeffsplit,video\r\ntrain,n1\r\n\r\ntrain,n2.mp4\r\n"

    assert [0, 0] == [video.label for video in videos(folder(tmp_path, table, ["n1.mp4", "n2.mp4"])).values()]


def test_absent_folder_and_table(tmp_path: Path) -> None:
    """An absent root or table is named; a null root means not installed."""
    assert "no such folder" in failure(tmp_path / "nowhere")
    assert f"not found: the table of labels is expected at {tmp_path / 'labels.csv'}" in failure(tmp_path)
    assert Dataset(Config(), tmp_path).root is None


@pytest.mark.parametrize(
    ("rule", "start", "good"),
    [
        ("one_based_inclusive", "0", False),
        ("one_based_inclusive", "1", True),
        ("zero_based_inclusive", "0", True),
        ("zero_based_half_open", "0", True),
    ],
)
def test_rules_of_intervals(tmp_path: Path, rule: str, start: str, good: bool) -> None:
    """Frame 0 exists only where frames count from 0."""
    root = folder(tmp_path, f"video,split,start,end\nn1,test,{start},7\n", ["n1.mp4"])

    assert (
        (((float(start), 7.0),) == videos(root, interval=rule)["n1.mp4"].intervals)
        if good
        else failure(root, interval=rule)
    )


def test_an_inclusive_interval_may_be_one_frame(tmp_path: Path) -> None:
    """Start = end is one frame where the end belongs to the interval."""
    root = folder(tmp_path, "video,split,start,end\nn1,test,7,7\n", ["n1.mp4"])

    assert ((7.0, 7.0),) == videos(root, interval="zero_based_inclusive")["n1.mp4"].intervals
    assert videos(root, interval="zero_based_inclusive")["n1.mp4"].label == 1


spans = st.tuples(st.integers(0, 40), st.integers(1, 12)).map(lambda span: (span[0], span[0] + span[1]))


@given(st.lists(spans, min_size=1, max_size=6, unique=True))
def test_merged_intervals_mark_the_same_frames(
    tmp_path_factory: pytest.TempPathFactory, intervals: list[tuple[int, int]]
) -> None:
    """Overlapping, nested and separate intervals in any order: the same frames, in intervals that do not overlap."""
    rows = "".join(f"n1,test,{start},{end}\n" for start, end in intervals)
    merged = videos(folder(tmp_path_factory.mktemp("m"), f"video,split,start,end\n{rows}", ["n1.mp4"]))[
        "n1.mp4"
    ].intervals

    assert sorted({frame for span in intervals for frame in range(*span)}) == [
        frame for start, end in merged for frame in range(int(start), int(end))
    ]


def test_seconds_stay_seconds(tmp_path: Path) -> None:
    """Intervals in seconds are kept for the decoded frame rate; units of one video must agree."""
    head = "video,split,start,end,unit\n"
    root = folder(tmp_path, f"{head}n1,test,0.5,2.25,second\n", ["n1.mp4"])

    assert ("second", ((0.5, 2.25),)) == (videos(root)["n1.mp4"].unit, videos(root)["n1.mp4"].intervals)

    folder(tmp_path, f"{head}n1,test,1,2,second\nn1,test,5,9,frame\n", [])

    assert "unit 'frame', but 'second' on line 2" in failure(root)


def test_frame_labels_by_id_or_stem(tmp_path: Path) -> None:
    """One label a frame, in a file named by the video's id or its own stem; label and class follow."""
    root = folder(tmp_path, "video,split\ntest/ev 1 ä,test\ntest/n3,test\n")
    (root / "frame_labels").mkdir()
    (root / "frame_labels" / "ev 1 ä.csv").write_text("0\n1\n1\n", encoding="utf-8")
    np.save(root / "frame_labels" / "n3.npy", np.zeros((1, 5), dtype=np.int8))
    (root / "frame_labels" / "other.csv").write_text("0\n")
    subject = dataset(root)
    found = {v.path.removeprefix("videos/"): v for v in subject.videos()}

    assert ["frame_labels/ev 1 ä.csv", "frame_labels/n3.npy"] == [v.frame_labels for v in found.values()]
    assert [(1, "anomaly", True), (0, "normal", True)] == [
        (v.label, v.class_name, v.frame_level) for v in found.values()
    ]
    assert 4 == len(subject.lists())
    assert "frame labels that are not used: other.csv" in subject.facts()["notes"]


@pytest.mark.parametrize(
    ("row", "content", "message"),
    [
        ("n1,test,0,,", "0\n1\n", "label 0, but n1.csv marks some frames"),
        ("n1,test,1,,", "0\n0\n", "label 1, but n1.csv marks no frames"),
        ("n1,test,1,1,2", "0\n1\n", "intervals and n1.csv"),
        ("n1,test,1,,", "label\n1\n", "line 1: 'label' is neither 0 nor 1"),
        ("n1,test,1,,", "0,1\n1\n", "line 1: '0,1'"),
        ("n1,test,1,,", "0\n\n1\n", "line 2: ''"),
        ("n1,test,1,,", "0\n01\n", "line 2: '01'"),
        ("n1,test,1,,", "", "no labels"),
    ],
)
def test_frame_label_faults(tmp_path: Path, row: str, content: str, message: str) -> None:
    """Frame labels that contradict the table, or are none, are refused."""
    root = folder(tmp_path, f"video,split,label,start,end\n{row}\n", ["n1.mp4"])
    (root / "frame_labels").mkdir()
    (root / "frame_labels" / "n1.csv").write_text(content)

    assert message in failure(root)


def test_two_files_of_frame_labels(tmp_path: Path) -> None:
    """Which of two label files holds is not guessed."""
    root = folder(tmp_path, "video,split\nn1,test\n", ["n1.mp4"])
    (root / "frame_labels").mkdir()
    (root / "frame_labels" / "n1.csv").write_text("0\n")
    np.save(root / "frame_labels" / "n1.npy", np.zeros(1))

    assert "two files of frame labels: n1.csv and n1.npy" in failure(root)


@given(st.lists(st.booleans(), min_size=1, max_size=50), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_frame_labels_round_trip(
    tmp_path_factory: pytest.TempPathFactory, labels: list[bool], end: str, mark: bool
) -> None:
    """Text and arrays of any type and shape in use give the same labels, exactly as many as frames."""
    base = tmp_path_factory.getbasetemp()
    (base / "l.csv").write_bytes(b"\xef\xbb\xbf" * mark + "".join(f"{label:d}{end}" for label in labels).encode())
    read = [read_frame_labels(base / "l.csv", len(labels))]
    for array in (
        np.array(labels),
        np.array([labels], dtype=np.int64),
        np.array(labels, dtype=">f4")[:, None],
    ):
        np.save(base / "l.npy", array)
        read.append(read_frame_labels(base / "l.npy", len(labels)))

    assert all(labels == found.tolist() and found.dtype == np.uint8 for found in read)
    for wrong in (len(labels) - 1, len(labels) + 1):
        with pytest.raises(DatasetError, match=f"{len(labels)} labels, but the video has {wrong} frames"):
            read_frame_labels(base / "l.csv", wrong)


@pytest.mark.parametrize(
    "array",
    [
        np.array([0, 2]),
        np.array([0.5, 1]),
        np.array(["0", "1"]),
        np.array([{}]),
        np.zeros((2, 2)),
        np.array([]),
        np.array(1),
    ],
    ids=["two", "half", "text", "object", "table", "empty", "scalar"],
)
def test_arrays_that_are_no_labels(tmp_path: Path, array: np.ndarray) -> None:
    """Only rows of 0 and 1 are labels; pickles are never loaded."""
    np.save(tmp_path / "l.npy", array, allow_pickle=True)
    with pytest.raises(DatasetError, match=r"l\.npy"):
        read_frame_labels(tmp_path / "l.npy", None)


def test_damaged_label_arrays(tmp_path: Path) -> None:
    """A cut, empty or absent array is named."""
    np.save(tmp_path / "l.npy", np.zeros(100))
    whole = (tmp_path / "l.npy").read_bytes()
    for content in (whole[:-1], whole[:20], b"", b"PK\x03\x04"):
        (tmp_path / "l.npy").write_bytes(content)
        with pytest.raises(DatasetError, match=r"l\.npy"):
            read_frame_labels(tmp_path / "l.npy", None)
    with pytest.raises(DatasetError, match=r"absent\.npy"):
        read_frame_labels(tmp_path / "absent.npy", None)


def test_folders_of_images_are_videos(tmp_path: Path) -> None:
    """A folder of numbered images is one video, beside files, whatever number it starts with."""
    files = ["01/000.jpg", "01/001.jpg", "02/9.png", "02/10.png", "b.mp4"]
    found = videos(
        folder(tmp_path, "video,split\n01,train\n02/,test\nb,train\n".replace("02/,test", "02/,train"), files)
    )

    assert ["01", "02", "b.mp4"] == list(found)
    assert ["01", "02", "b"] == [video.video_id for video in found.values()]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["001.tif", "002.tif", "003.tif"], ""),
        (["img_9.png", "img_10.png", "img_11.png"], ""),
        (["0.jpg", "5.jpg", "10.jpg"], ""),
        (["7.jpg"], ""),
        (["cam2_f1.jpg", "cam2_f2.jpg"], ""),
        (["1.jpg", "2.jpg", "4.jpg"], "frames are missing after 2.jpg"),
        (["1.jpg", "01.jpg"], "01.jpg and 1.jpg have the same number"),
        (["a.jpg", "1.jpg"], "a.jpg has no number in its name"),
        (["f1_2023.jpg", "f2_2023.jpg", "f3_2023.jpg"], ""),
        (["03-01-2023_1.jpg", "02-02-2023_2.jpg"], "03-01-2023_1.jpg is read after 02-02-2023_2.jpg: the first"),
        (["12-00-59.jpg", "12-01-00.jpg"], "12-01-00.jpg is read after 12-00-59.jpg: the first"),
    ],
)
def test_numbering_of_images(names: list[str], problem: str) -> None:
    """Lost, doubled and unnumbered frames are noticed: each would shift the labels behind it."""
    found = numbering_problem(names)

    assert found.startswith(problem)
    assert bool(found) == bool(problem)


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=30, unique=True), st.sampled_from(["", "2023-01-05_", "cam2_"])
)
def test_images_that_pass_are_read_in_the_order_of_their_numbers(numbers: list[int], prefix: str) -> None:
    """Whatever the names: the order that was checked is the order in which the images are read."""
    names = [f"{prefix}{number}.jpg" for number in numbers]
    read = [int(name.removeprefix(prefix).partition(".")[0]) for name in sorted(names, key=frame_order)]

    assert numbering_problem(names) or read == sorted(numbers)
    assert len({b - a for a, b in itertools.pairwise(read)}) <= 1 or numbering_problem(names)


IMAGE_ROWS = "video,split,label,start,end,unit\na,train,0,,,\ncam,test,1,{start},{end},{unit}\n"


@pytest.mark.parametrize(
    ("first", "step", "unit", "settings", "words"),
    [
        (0, 1, "frame", {}, ""),
        (1, 1, "frame", {}, ""),
        (51, 1, "frame", {}, "line 3: cam: frames are missing before 51.jpg: numbers must start at 0 or 1"),
        (0, 5, "frame", {}, "line 3: cam: only every 5th frame is there (0.jpg, 5.jpg)"),
        (0, 1, "second", {}, "line 3: cam: seconds, but images have no times. Set fps of this data set"),
        (0, 1, "second", {"fps": 25}, ""),
    ],
)
def test_intervals_need_images_that_can_be_placed(
    tmp_path: Path, first: int, step: int, unit: str, settings: dict, words: str
) -> None:
    """A number of a list is a position only if no frame is missing before it; seconds need a rate."""
    end = 1.6 if unit == "second" else 40
    names = [f"cam/{number}.jpg" for number in range(first, first + 64 * step, step)]
    root = folder(tmp_path, IMAGE_ROWS.format(start=end / 2, end=end, unit=unit), ["a.mp4", *names])

    if words:
        assert words in failure(root, **settings)
    else:
        found = dataset(root, **settings).parsed()[-1]
        assert ("frame", ((20, 40),)) == (found.unit, found.intervals)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("zero_based_half_open", (140, 150)),
        ("zero_based_inclusive", (140, 149)),
        ("one_based_inclusive", (141, 150)),
    ],
)
def test_seconds_go_through_the_time_of_each_frame(tmp_path: Path, rule: str, expected: tuple[float, float]) -> None:
    """A phone's video of 4 s at 30 and 8 s at 5 frames a second: second 8 to 10 is 10 frames, by any rule."""
    pts = [*range(0, 480, 4), *range(480, 1440, 24)]  # of 120 a second
    root = folder(tmp_path, "video,split,label,start,end,unit\na,train,0,,,\nvfr,test,1,8,10,second\n", ["a.mp4"])
    write_video(root / "videos/vfr.mp4", scene(len(pts), 32, 32), pts=pts, fps=120)
    subject = dataset(root, interval=rule)

    assert expected == subject.parsed()[-1].intervals[0]
    assert "vfr: variable frame rate (33 to 200 ms a frame)" in " ".join(subject.facts()["notes"])
    assert [root / "labels.csv", root / "videos/vfr.mp4"] == subject.lists()


@pytest.mark.parametrize("n_labels", [63, 64, 65])
@pytest.mark.parametrize("kind", ["file", "images"])
def test_labels_of_another_length_are_seen_at_once(tmp_path: Path, n_labels: int, kind: str) -> None:
    """One label too many or too few, for a video file and for images: before any work."""
    root = folder(tmp_path, "video,split\na,train\nta,test\n", ["a.mp4"])
    if kind == "file":
        write_video(root / "videos/ta.mp4", scene(64, 32, 32))
    else:
        folder(root, "video,split\na,train\nta,test\n", [f"ta/{number}.jpg" for number in range(64)])
    (root / "frame_labels").mkdir()
    np.save(root / "frame_labels/ta.npy", np.arange(n_labels) % 2)

    if n_labels == 64:
        assert 1 == videos(root)[f"ta{'.mp4' if kind == 'file' else ''}"].label
    else:
        assert f"{n_labels} labels in ta.npy, but the video has 64 frames" in failure(root)


def test_a_link_to_a_file_is_no_link_to_a_folder(tmp_path: Path) -> None:
    """Also where the path of the root has the word in it: it is a video that may not be read, and says why."""
    root = tmp_path / "my folder"
    root.mkdir()
    (tmp_path / "a.mp4").touch()
    (root / "a.mp4").symlink_to(tmp_path / "a.mp4")
    index = MediaIndex(root)

    assert index.refused_folders == []
    assert index.media["a.mp4"].refused.startswith("a link that leaves")


def test_what_lies_there_is_named(tmp_path: Path) -> None:
    """Other containers, links to another disk and a leading `./`; a table as Excel writes it in Unicode."""
    root = folder(tmp_path / "own", "video,split\n./a,train\nb,test\nc/d.wmv,test\n", ["a.m4v", "b.flv", "c/d.wmv"])
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "e.mp4").touch()
    (root / "videos/linked").symlink_to(disk)
    message = failure(root)

    assert "'b': no such video; 'b.flv' is there, but files of this kind are not read. Convert it: ffmpeg" in message
    assert "'c/d.wmv' is there" in message
    assert "linked is a link to a folder, which is not followed. Set follow_links: true" in message
    (root / "labels.csv").write_text("video,split,label\n./a,train,0\nlinked/e,test,0\n", encoding="utf-16")
    assert {"a.m4v", "linked/e.mp4"} == set(videos(root, follow_links=True))


parts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=12)


@given(st.lists(st.lists(parts, min_size=1, max_size=3).map("/".join), unique=True, max_size=20))
def test_ids_are_safe_and_unique(paths: list[str]) -> None:
    """Whatever files are called, ids are safe, unique, and independent of the order of listing."""
    ids = video_ids([f"{path}.mp4" for path in paths])

    assert all(is_id(name) for name in ids.values())
    assert len({name.casefold() for name in ids.values()}) == len(paths) or len({p.casefold() for p in paths}) < len(
        paths
    )
    assert ids == video_ids([f"{path}.mp4" for path in reversed(paths)])


def test_ids_stay_readable() -> None:
    """A good stem is the id; others keep what they can."""
    ids = video_ids(["a/good_1.mp4", "a/05.mp4", "b/05.mp4", "a/Tür zu (2).avi", "a/映像.mp4"])

    assert ids["a/good_1.mp4"] == "good_1"
    assert ids["a/05.mp4"].startswith("a_05-")
    assert ids["b/05.mp4"].startswith("b_05-")
    assert ids["a/Tür zu (2).avi"].startswith("Tur_zu_2-")
    assert ids["a/映像.mp4"].startswith("video-")


def test_decomposed_names_are_found(tmp_path: Path) -> None:
    """An accent written as two code points on disk and as one in the table is the same name."""
    assert ["Tu\u0308r.mp4"] == list(videos(folder(tmp_path, "video,split\nT\u00fcr,train\n", ["Tu\u0308r.mp4"])))


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="the upCam part is not beside the project")
def test_upcam(tmp_path: Path) -> None:
    """Eight unlabelled hours for training, one labelled part for testing, 1,868 of 6,000 frames anomalous."""
    names = sorted(path.name for path in (REAL / "train").iterdir())
    rows = [f"train/{name},train" for name in names] + ["eval_00_first6000.mp4,test"]
    root = folder(tmp_path, "\n".join(["video,split", *rows]), [])
    (root / "videos" / "train").mkdir()
    for name in names:
        (root / "videos" / "train" / name).hardlink_to(REAL / "train" / name)
    (root / "videos" / "eval_00_first6000.mp4").hardlink_to(REAL / "eval_00_first6000.mp4")
    (root / "frame_labels").mkdir()
    (root / "frame_labels" / "eval_00_first6000.csv").write_bytes((REAL / "eval_00_first6000.csv").read_bytes())
    found = videos(root)
    test = found["eval_00_first6000.mp4"]

    assert {0: 8, 1: 1} == {label: sum(v.label == label for v in found.values()) for label in (0, 1)}
    assert 1868 == read_frame_labels(root / test.frame_labels, 6000).sum()
