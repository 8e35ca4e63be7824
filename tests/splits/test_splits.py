"""Split tables: what is written is what is read, and the validation part is a fair, fixed draw."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vad.errors import ArtefactError, DatasetError
from vad.splits.carving import carve_validation
from vad.splits.tables import (
    TEST_COLUMNS,
    TRAIN_COLUMNS,
    format_intervals,
    in_part,
    parse_intervals,
    parts_of,
    read_test,
    read_train,
    write_tables,
)
from vad.splits.video import Validation, Video, is_id

RULE = "one_based_inclusive"


def train_videos(sizes: dict[str, int]) -> list[Video]:
    """`sizes` train videos of each class; class "Normal" has label 0."""
    return [
        Video(f"{name}{i:03d}", f"{name}/{i}.mp4", "train", int(name != "Normal"), name)
        for name, size in sizes.items()
        for i in range(size)
    ]


TEST = [
    Video("a", "x y/ä.mp4", "test", 1, "Abuse", ((165.0, 240.0), (300.0, 301.0)), n_frames=1412),
    Video("b", "b.mp4", "test", 1, "NA", ((0.5, 2.25),), unit="second"),
    Video("c", "c.mp4", "test", 1, "Arson", frame_level=False),
    Video("d", "d, e.mp4", "test", 0, "Normal", frame_labels="frame_labels/d.csv"),
]


def write(folder: Path, videos: list[Video], **settings: object) -> None:
    """Write the tables of some videos."""
    write_tables(folder, videos, **({"validation": Validation(), "interval_rule": RULE, "facts": {}} | settings))


pairs = st.lists(st.tuples(st.floats(0, 1e8), st.floats(0, 1e8)).map(lambda pair: (min(pair), max(pair))), max_size=4)


@given(pairs.map(tuple))
def test_intervals_survive_the_table(intervals: tuple[tuple[float, float], ...]) -> None:
    """Any list of intervals reads back as it was, to the last bit."""
    assert intervals == parse_intervals(format_intervals(intervals))


@pytest.mark.parametrize("text", ["5", "5-", "-1--1", "5-4", "1-2;", "1e3-2e3", "nan-nan", "1-2-3", " 1-2"])
def test_bad_intervals_are_refused(text: str) -> None:
    """A cell that is not start-end is no interval."""
    with pytest.raises(ValueError, match="interval"):
        parse_intervals(text)


@pytest.mark.parametrize("name", ["", "_a", "-a", "a.b", "a b", "a/b", "..", "ä", "a;b", "a\n", "a" * 201])
def test_unsafe_ids(name: str) -> None:
    """Nothing that could leave a folder or reach a shell is an id."""
    assert not is_id(name)


def test_test_table_round_trip(tmp_path: Path) -> None:
    """Every attribute of a test video is in the table, typed."""
    write(tmp_path, [*train_videos({"Abuse": 2, "Normal": 2}), *TEST])
    table = read_test(tmp_path / "test.csv").set_index("video_id")

    assert TEST_COLUMNS[1:] == list(table.columns)
    assert [video.path for video in TEST] == list(table["path"])
    assert [video.class_name for video in TEST] == list(table["class"])
    assert [video.intervals for video in TEST] == [parse_intervals(text) for text in table["intervals"]]
    assert [True, True, False, True] == list(table["frame_level"])
    assert ["frame", "second", "frame", "frame"] == list(table["unit"])
    assert 1412 == table.loc["a", "n_frames"]
    assert 3 == table["n_frames"].isna().sum()
    assert {RULE} == set(table["interval_rule"])


def test_train_table_says_nothing_of_test_videos(tmp_path: Path) -> None:
    """Room `train` sees ids, paths, classes, labels and parts of train videos alone."""
    write(tmp_path, [*train_videos({"Abuse": 4, "Normal": 4}), *TEST])
    table = read_train(tmp_path / "train.csv")

    assert TRAIN_COLUMNS == list(table.columns)
    assert not {video.video_id for video in TEST} & set(table["video_id"])
    assert {"fit": 6, "validation": 2} == table["part"].value_counts().to_dict()


def test_tables_do_not_depend_on_the_order_of_lists(tmp_path: Path) -> None:
    """Shuffled lists give the same bytes."""
    videos = [*train_videos({"Abuse": 9, "Normal": 12}), *TEST]
    write(tmp_path / "a", videos)
    write(tmp_path / "b", videos[::-1])

    for name in ("train.csv", "test.csv", "facts.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_explicit_parts_win_over_the_draw(tmp_path: Path) -> None:
    """A user's own validation part is kept."""
    videos = train_videos({"Abuse": 9, "Normal": 9})
    chosen = Video("mine", "m.mp4", "train", 1, "Abuse", part="validation")
    write(tmp_path, [*videos, chosen, *TEST])
    table = read_train(tmp_path / "train.csv").set_index("video_id")

    assert ["mine"] == list(table.index[table["part"] == "validation"])


def test_nothing_is_held_back(tmp_path: Path) -> None:
    """Fraction 0: all videos are trained on, a fifth of them chooses thresholds too; a user's own part wins."""
    videos = train_videos({"Normal": 10})
    write(tmp_path, [*videos, *TEST], validation=Validation(fraction=0))
    table, facts = read_train(tmp_path / "train.csv"), json.loads((tmp_path / "facts.json").read_text())
    stated = [*videos, Video("mine", "m.mp4", "train", 0, "Normal", part="validation")]

    assert in_part(table, "fit").all()
    assert set(table.loc[in_part(table, "validation"), "video_id"]) == carve_validation(videos, 0.2, 0)
    assert {"fit": 8, "both": 2} == dict(table["part"].value_counts())
    assert (10, 0) == (facts["n_train"], facts["n_validation"])
    assert ({video.video_id for video in videos}, {"mine"}) == parts_of(stated, Validation(fraction=0))


@given(
    st.dictionaries(st.sampled_from(["Abuse", "Arson", "Robbery", "Normal"]), st.integers(1, 40), min_size=1),
    st.floats(0.01, 0.99),
    st.integers(0, 9),
)
def test_the_draw_is_stratified_and_leaves_both_parts_filled(sizes: dict[str, int], fraction: float, seed: int) -> None:
    """Each label with two videos is in both parts; each class gives its share to within one video."""
    videos = train_videos(sizes)
    drawn = carve_validation(videos, fraction, seed)

    assert drawn == carve_validation(videos[::-1], fraction, seed)
    for label in (0, 1):
        ids = [video.video_id for video in videos if video.label == label]
        taken = len(drawn & set(ids))

        assert (1 <= taken <= len(ids) - 1) if len(ids) > 1 else taken == 0
        assert taken == min(max(round(fraction * len(ids)), 1), len(ids) - 1) or len(ids) < 2
        for name in {video.class_name for video in videos if video.label == label}:
            share = taken * sizes[name] / len(ids)

            assert abs(sum(video_id.startswith(name) for video_id in drawn) - share) < 1


def test_the_draw_depends_on_the_seed_and_little_on_other_videos() -> None:
    """Another seed draws others; one more video moves at most one of its class."""
    videos = train_videos({"Abuse": 50, "Normal": 50})
    drawn = carve_validation(videos, 0.2, 0)
    more = carve_validation([*videos, Video("Abuse999", "", "train", 1, "Abuse")], 0.2, 0)

    assert drawn != carve_validation(videos, 0.2, 1)
    assert len(drawn ^ more) <= 2


@pytest.mark.parametrize("seed", range(20))
def test_twins_stay_on_one_side(seed: int) -> None:
    """One video under two names is never in both parts; absent names change nothing."""
    videos = train_videos({"Assault": 10, "Robbery": 10, "Normal": 10})
    twins = ("Assault005", "Robbery003")
    drawn = carve_validation(videos, 0.3, seed, [(*twins, "absent")])

    assert len(drawn & set(twins)) in {0, 2}
    assert "absent" not in drawn


def test_facts_count_parts_and_labels(tmp_path: Path) -> None:
    """The facts hold the sizes of all parts beside what the data set says."""
    write(tmp_path, [*train_videos({"Abuse": 5, "Normal": 10}), *TEST], facts={"notes": ["hello"]})
    facts = (tmp_path / "facts.json").read_text(encoding="utf-8")

    for line in (
        '"n_train": 15',
        '"n_validation": 3',
        '"n_test": 4',
        '"n_test_without_frame_labels": 1',
        "hello",
    ):
        assert line in facts


def test_all_problems_of_the_videos_at_once(tmp_path: Path) -> None:
    """Unsafe ids, repeated ids and an empty split are one error, and nothing is written."""
    bad = [Video("../x", "", "train", 1, "Abuse"), *[Video("twice", "", "train", 0, "Normal")] * 2]
    with pytest.raises(DatasetError) as error:
        write(tmp_path / "out", bad)

    assert Counter({"'../x'": 1, "'twice'": 1, "no test videos": 1}) == Counter(
        {text: str(error.value).count(text) for text in ("'../x'", "'twice'", "no test videos")}
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("train", "fit", "test", "part 'test' is none of fit, validation"),
        ("train", "video_id", "video", "columns video,"),
        ("train", "Abuse000,", "../x,", "line 2: '../x' is not a safe video id"),
        ("test", "165-240", "240-165", "line 2: '240-165'"),
        ("test", ",1412", ",many", "n_frames 'many'"),
        ("test", "second", "minute", "unit 'minute'"),
        ("test", ",true,", ",yes,", "frame_level 'yes'"),
        ("test", "one_based_inclusive", "one_based", "interval_rule 'one_based'"),
    ],
)
def test_damaged_tables_are_refused(tmp_path: Path, table: str, old: str, new: str, message: str) -> None:
    """A table that was edited into nonsense names the line."""
    write(tmp_path, [*train_videos({"Abuse": 2, "Normal": 2}), *TEST])
    path = tmp_path / f"{table}.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ArtefactError) as error:
        (read_train if table == "train" else read_test)(path)

    assert message in str(error.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'"'])
def test_unreadable_tables(tmp_path: Path, content: bytes) -> None:
    """An empty or binary table, and an absent one, are named."""
    (tmp_path / "train.csv").write_bytes(content)
    with pytest.raises(ArtefactError, match=r"train\.csv"):
        read_train(tmp_path / "train.csv")
    with pytest.raises(ArtefactError, match=r"absent\.csv"):
        read_train(tmp_path / "absent.csv")


def test_repeated_id_in_a_table(tmp_path: Path) -> None:
    """A doubled row is refused, not silently merged."""
    write(tmp_path, [*train_videos({"Abuse": 2, "Normal": 2}), *TEST])
    path = tmp_path / "test.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines, lines[-1]]), encoding="utf-8")
    with pytest.raises(ArtefactError, match="'d' is there twice"):
        read_test(path)
