"""Ped2 in every layout and with every label source, joined by number and position, never by name."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.project import REAL_DATA
from vad.audit.official import load_official
from vad.datasets import mini_walk
from vad.datasets.ped2 import LENGTHS, Config, Dataset
from vad.errors import DatasetError
from vad.evaluation.baselines import NO_PIXEL, rows
from vad.evaluation.evaluate import evaluate
from vad.evaluation.ground_truth import PRESETS
from vad.evaluation.judged_video import VideoTruth
from vad.splits.tables import read_test, read_train, write_tables

VECTOR = "frame_labels_ped2.npy"
REAL = REAL_DATA / "labels" / VECTOR
INTERVALS = ((61, 180), (95, 180), (1, 146), (31, 180), (1, 129), (1, 159), (46, 180), (1, 180), (1, 120), (1, 150))
SCRIPT = "TestVideoFile = {};\n% gt_frame = [1:2];\nTestVideoFile{end+1}.gt_frame = [3:4];\n"


def labels_of(intervals: tuple[tuple[int, int], ...], lengths: tuple[int, ...]) -> list[np.ndarray]:
    """One array a sequence from intervals counted from 1, both ends included."""
    found = [np.zeros(n, np.uint8) for n in lengths]
    for labels, (start, end) in zip(found, intervals, strict=True):
        labels[start - 1 : end] = 1
    return found


MARKS = labels_of((*INTERVALS, (1, 180), (88, 180)), LENGTHS)
"""The real labels, as intervals of the literature."""


def ucsd(root: Path, train: tuple[int, ...] = (3, 4), test: tuple[int, ...] = (5, 6)) -> Path:
    """The layout as distributed, of empty images; test sequences have masks and what archives leave behind."""
    for split, lengths in (("Train", train), ("Test", test)):
        for number, n_frames in enumerate(lengths, 1):
            folder = root / split / f"{split}{number:03d}"
            folder.mkdir(parents=True)
            for frame in range(1, n_frames + 1):
                (folder / f"{frame:03d}.tif").touch()
            (folder / "._001.tif").touch()
    (root / "Test" / ".DS_Store").touch()
    return root


def tree(root: Path, train: tuple[int, ...] = (3, 4), test: tuple[int, ...] = (5, 6), first: int = 0) -> Path:
    """The tree of extracted frames that prediction models share, names without leading zeros."""
    for part, lengths in (("training", train), ("testing", test)):
        for number, n_frames in enumerate(lengths, 1):
            folder = root / part / "frames" / f"{number:02d}"
            folder.mkdir(parents=True)
            for frame in range(first, first + n_frames):
                (folder / f"{frame}.jpg").touch()
    return root


def masks(root: Path, marks: list[np.ndarray]) -> None:
    """Mask images beside the test sequences."""
    for number, labels in enumerate(marks, 1):
        folder = root / "Test" / f"Test{number:03d}_gt"
        folder.mkdir()
        for frame, label in enumerate(labels, 1):
            picture = np.zeros((4, 6), np.uint8)
            picture[2, 5] = 255 * label
            Image.fromarray(picture).save(folder / f"{frame:03d}.bmp")


def dataset(root: Path, **settings: object) -> Dataset:
    """The data set of a folder."""
    return Dataset(Config.model_validate({"root": str(root)} | settings), root)


def failure(root: Path, **settings: object) -> str:
    """The message of the one error that reading the data set gives."""
    with pytest.raises(DatasetError) as error:
        dataset(root, **settings).videos()
    return str(error.value)


SMALL = [np.array([0, 0, 1, 1, 0], np.uint8), np.array([1, 1, 1, 1, 1, 1], np.uint8)]


@pytest.mark.parametrize("first", [0, 1])
def test_both_layouts_give_the_same_videos(tmp_path: Path, first: int) -> None:
    """Ids, splits, lengths and labels do not depend on the layout or on the number of the first frame."""
    ucsd(tmp_path / "a" / "UCSDped2")
    tree(tmp_path / "b" / "ped2", first=first)
    np.save(tmp_path / "a" / "UCSDped2" / VECTOR, np.concatenate(SMALL))
    np.save(tmp_path / "b" / VECTOR, np.concatenate(SMALL)[None])
    found = [dataset(root).videos() for root in (tmp_path / "a", tmp_path / "b" / "ped2")]
    facts = [(v.video_id, v.split, v.label, v.class_name, v.n_frames) for v in found[0]]

    assert ["Train001", "Train002", "Test001", "Test002"] == [fact[0] for fact in facts]
    assert [0, 0, 1, 1] == [fact[2] for fact in facts]
    assert [3, 4, 5, 6] == [fact[4] for fact in facts]
    assert facts == [(v.video_id, v.split, v.label, v.class_name, v.n_frames) for v in found[1]]
    assert ["UCSDped2/Test/Test001", "testing/frames/01"] == [videos[2].path for videos in found]


def test_numbers_order_frames_and_sequences(tmp_path: Path) -> None:
    """Ten frames without leading zeros: 2 before 10; and sequence 10 behind sequence 9."""
    root = tree(tmp_path, (2,), tuple(range(1, 11)))
    marks = [np.full(n, n % 2, np.uint8) for n in range(1, 11)]
    np.save(root / VECTOR, np.concatenate(marks))
    subject = dataset(root)

    assert [m.tolist() for m in marks] == [subject.labels_of(v).tolist() for v in subject.videos() if v.split == "test"]
    assert [1, 0] * 5 == [v.label for v in subject.videos() if v.split == "test"]


@pytest.mark.parametrize("source", ["npy", "masks", "matlab"])
def test_every_label_source(tmp_path: Path, source: str) -> None:
    """The vector, the masks and the script say the same; a sequence without anomaly is normal once masks were read."""
    root = ucsd(tmp_path)
    marks = [SMALL[0], np.zeros(6, np.uint8)]
    np.save(root / VECTOR, np.concatenate(marks))
    masks(root, marks)
    (root / "Test" / "UCSDped2.m").write_text(SCRIPT + "TestVideoFile{end+1}.gt_frame = [];\n")
    subject = dataset(root, labels=source)
    tests = [video for video in subject.parsed() if video.split == "test"]

    assert [m.tolist() for m in marks] == [subject.labels_of(video).tolist() for video in tests]
    assert [1, 0] == [video.label for video in tests]
    assert ["anomaly", "normal"] == [video.class_name for video in tests]
    assert {source} == {video.frame_labels for video in tests}
    assert 4 == len(subject.lists())
    assert source == subject.facts()["frame_labels"]
    assert 2 == sum("differ in 0 of 11 frames, 0 of 2 videos" in note for note in subject.facts()["notes"])


def test_masks_are_spatial_truth(tmp_path: Path) -> None:
    """Masks beside the frames say where; without them a normal sequence is known and an anomalous one is not."""
    root = ucsd(tmp_path)
    np.save(root / VECTOR, np.concatenate([SMALL[0], 0 * SMALL[1]]))
    first, second = (video for video in dataset(root).parsed() if video.split == "test")
    without = dataset(root).truth_of(second, (8, 9))

    assert dataset(root).truth_of(first, (8, 9)) is None
    assert without is not None
    assert (without.height, without.width, len(without.regions(0).tracks)) == (8, 9, 0)

    masks(root, SMALL)
    found = dataset(root).truth_of(first, (8, 9))
    assert found is not None
    assert (found.height, found.width) == (4, 6)
    assert [len(found.regions(frame).tracks) for frame in range(5)] == SMALL[0].tolist()
    assert found.regions(2).masks[0, 2, 5]


def test_differences_between_sources_are_counted(tmp_path: Path) -> None:
    """The script marks one frame less, in one sequence; a sequence that is anomalous throughout is named."""
    root = ucsd(tmp_path)
    np.save(root / VECTOR, np.concatenate(SMALL))
    (root / "Test" / "UCSDped2.m").write_text(SCRIPT + "TestVideoFile{end+1}.gt_frame = [1:2, 4:6];\n")
    facts = dataset(root).facts()

    assert facts["notes"] == [
        "UCSD's folders Train/Train001, Test/Test001",
        "frame labels npy: 8 anomalous frames",
        "anomalous throughout, so without an area of their own: Test002",
        "labels matlab differ in 1 of 11 frames, 1 of 2 videos",
    ]
    assert {VECTOR: False, "UCSDped2.m": None} == {name: item["official"] for name, item in facts["lists"].items()}


def test_masks_are_not_read_before_a_run(tmp_path: Path) -> None:
    """Paths and ids need no picture, so broken masks are found by the job that reads them, all at once."""
    root = ucsd(tmp_path)
    masks(root, [SMALL[0][:-1], SMALL[1]])
    subject = dataset(root)
    (root / "Test" / "Test002_gt" / "003.bmp").write_bytes(b"BM")

    assert [1, 1] == [video.label for video in subject.videos() if video.split == "test"]
    with pytest.raises(DatasetError) as error:
        subject.parsed()
    assert "Test001: 4 masks, but the sequence has 5 frames" in str(error.value)
    assert "Test002_gt: a mask cannot be read" in str(error.value)


def test_a_short_sequence_is_named_by_its_published_length(tmp_path: Path) -> None:
    """With 2,010 labels and 2,009 frames the sequence that lacks one is named, and no other."""
    root = ucsd(tmp_path, (2,), (*LENGTHS[:2], 149, *LENGTHS[3:]))
    np.save(root / VECTOR, np.concatenate(MARKS)[None])
    message = failure(root)

    assert "2010 labels, but the 12 test sequences have 2009 frames" in message
    assert "Test003: 149 frames, 150 as published" in message
    assert 1 == message.count("as published")


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("Test/Test001/003.tif", "frames are missing after 002.tif"),
        ("Test/Test002/001.tif", "Test/Test002: frames are missing before 002.tif"),
        ("Test/Test001", "Test: sequence 1 missing"),
        ("Train/Train002/00*", "no images"),
    ],
)
def test_lost_frames_and_sequences_are_refused(tmp_path: Path, lost: str, message: str) -> None:
    """A gap would shift every later label."""
    root = ucsd(tmp_path)
    np.save(root / VECTOR, np.concatenate(SMALL))
    for path in root.glob(lost):
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    assert message in failure(root)


def test_all_faults_at_once(tmp_path: Path) -> None:
    """Two broken sequences and a doubled number are one error."""
    root = tree(tmp_path)
    (root / "training" / "frames" / "1").mkdir()
    (root / "training" / "frames" / "02" / "1.jpg").unlink()
    (root / "testing" / "frames" / "01" / "2.jpg").unlink()
    message = failure(root)

    assert "3 problem(s)" in message
    assert "have the same number" in message
    assert 2 == message.count("frames are missing after")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (SCRIPT, "intervals of 1 sequences, but there are 2 test sequences"),
        (SCRIPT + "x.gt_frame = [5:9];", "Test002: 5 to 9, but the sequence has 6 frames"),
        (SCRIPT + "x.gt_frame = [a:b];", "[a:b] is no list of ranges"),
    ],
)
def test_a_script_that_does_not_fit(tmp_path: Path, script: str, message: str) -> None:
    """Wrong counts, ends and words are named."""
    root = ucsd(tmp_path)
    (root / "Test" / "UCSDped2.m").write_text(script)

    assert message in failure(root)


def test_what_is_not_there_says_where_to_get_it(tmp_path: Path) -> None:
    """No folder, no layout, no labels; null means not installed."""
    ucsd(tmp_path / "bare")

    assert "svcl.ucsd.edu" in failure(tmp_path / "nowhere")
    assert "none of the known layouts" in failure(tmp_path)
    assert "no frame labels of kind npy or masks or matlab" in failure(tmp_path / "bare")
    assert Dataset(Config(), tmp_path).root is None


def test_the_generated_twin_is_read_by_the_same_parser(tmp_path: Path) -> None:
    """mini_walk has UCSD's layout: the same ids, lengths and labels, and masks that agree with its vector."""
    twin = mini_walk.Dataset(
        mini_walk.Config(train_sequences=2, test_sequences=3, frames_min=16, frames_max=20, width=64, height=48),
        tmp_path,
    )
    twin.generate(1)
    subject = dataset(tmp_path, label_file=mini_walk.LABELS)

    assert [(v.video_id, v.path, v.label, v.n_frames) for v in twin.videos()] == [
        (v.video_id, v.path, v.label, v.n_frames) for v in subject.videos()
    ]
    assert any("labels masks differ in 0 of" in note for note in subject.facts()["notes"])


def test_tables_hold_back_normal_sequences(tmp_path: Path) -> None:
    """Of 16 train sequences three are the validation part; the test table names the labels."""
    root = ucsd(tmp_path / "data", (1,) * 16)
    np.save(root / VECTOR, np.concatenate(SMALL))
    subject = dataset(root)
    write_tables(
        tmp_path / "out",
        subject.parsed(),
        validation=subject.config.validation,
        interval_rule=subject.interval_rule,
        facts=subject.facts(),
    )

    assert 3 == (read_train(tmp_path / "out" / "train.csv")["part"] == "validation").sum()
    assert {"npy"} == set(read_test(tmp_path / "out" / "test.csv")["frame_labels"])


def test_scores_of_others_can_be_held_against_it(tmp_path: Path) -> None:
    """`vad audit` has the same labels, also from masks, and knows no conventions for them but the frames' own."""
    root = ucsd(tmp_path / "data")
    masks(root, [SMALL[0], np.zeros(6, np.uint8)])
    entry = f"datasets: {{ped2: {{kind: ped2, root: '{root}'}}}}"
    rest = "".join(f"{section}: {{}}\n" for section in ("features", "variants", "evaluate", "report"))
    (tmp_path / "params.yaml").write_text(f"seeds: [0]\n{entry}\n{rest}")
    official = load_official("ped2", tmp_path / "params.yaml")
    found = official.truth(PRESETS["canonical"])

    assert not official.by_intervals
    assert {"Test001": 1, "Test002": 0} == {name: one.label for name, one in found.items()}
    assert [SMALL[0].tolist(), [0] * 6] == [one.frame_truth().tolist() for one in found.values()]


def truth(marks: list[np.ndarray], drop: int = 0) -> list[VideoTruth]:
    """The test sequences as the evaluator takes them, without their first frames."""
    return [
        VideoTruth(video_id=f"Test{i:03d}", class_name="anomaly", label=1, n_frames=len(m) - drop, labels=m[drop:])
        for i, m in enumerate(marks, 1)
    ]


def test_macro_names_the_sequences_without_normal_frames() -> None:
    """Eight of twelve sequences have both classes of frame; the others are named. No metric pretends to know them."""
    found = evaluate(rows(truth(MARKS))["relative_position"])
    macro = found["frame_auc_macro"]

    assert (8, 12, ["Test008", "Test009", "Test010", "Test011"]) == (
        macro["n_used"],
        macro["n_total"],
        macro["left_out"],
    )
    assert (2010, 1648) == (found["counts"]["n_frames"], found["counts"]["n_positive"])
    assert found["frame_auc_pvnorm"]["value"] == pytest.approx(found["frame_auc"]["value"])
    assert "no normal videos" == found["video_auc"]["reason"]


def test_rows_without_a_pixel() -> None:
    """Published values of this test list: 82 % accuracy for nothing, 73.9 for the frame index without four frames."""
    dropped = rows(truth(MARKS, drop=4))
    always = evaluate(rows(truth(MARKS))["always_anomalous"], threshold=1.0)

    assert 0.82 == pytest.approx(always["frame_accuracy"]["value"], abs=0.001)
    assert 0.5 == always["frame_auc"]["value"]
    assert 0.739 == pytest.approx(evaluate(dropped["frame_index"])["frame_auc"]["value"], abs=0.0005)
    assert 0.7465 == pytest.approx(evaluate(dropped["relative_position"])["frame_auc"]["value"], abs=0.0005)
    assert (1962, 1620) == tuple(evaluate(dropped["constant"])["counts"][n] for n in ("n_frames", "n_positive"))
    assert {"constant", "frame_index", "relative_position", "always_anomalous"} <= set(NO_PIXEL)


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_file(), reason="the real label vector is not beside the project")
def test_the_real_vector(tmp_path: Path) -> None:
    """MNAD's vector is known by its hash, cut into the published sequences, and equals the published intervals."""
    root = ucsd(tmp_path, (2,), LENGTHS)
    (root / VECTOR).write_bytes(REAL.read_bytes())
    subject = dataset(root)
    tests = [video for video in subject.parsed() if video.split == "test"]

    assert [m.tolist() for m in MARKS] == [subject.labels_of(video).tolist() for video in tests]
    assert subject.facts()["lists"][VECTOR]["official"] is True
    assert "frame labels npy: 1,648 anomalous frames" in subject.facts()["notes"]
