"""Boxes that people drew: the validation part gets frame labels, the test list a row of another person's labels."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from stages.split.run import main as split
from tests.project import REAL_DATA
from vad.artefacts.features import FeatureFile, read_features, write_features
from vad.artefacts.files import write_json
from vad.datasets._ucf_boxes import intervals_near, read_boxes
from vad.datasets.ucf_crime import Config, Dataset
from vad.engine.build import restored
from vad.engine.score import score_video
from vad.engine.train_run import VariantTraining
from vad.errors import DatasetError, ParamsError
from vad.evaluation.baselines import HUMAN_BOX, rows
from vad.evaluation.judged_video import VideoTruth
from vad.schema.infer import Infer
from vad.schema.train import Train
from vad.splits.tables import TEST_BOXES, VALIDATION_BOXES, read_intervals, read_train

REAL = REAL_DATA / "ucf_crime_boxes/train_boxes.csv"
TRAIN = [f"Abuse/Abuse{n:03d}_x264.mp4" for n in range(1, 5)]
TRAIN += [f"Training_Normal_Videos_Anomaly/Normal_Videos{n:03d}_x264.mp4" for n in range(1, 5)]
TEST = ["Abuse/Abuse028_x264.mp4", "Testing_Normal_Videos_Anomaly/Normal_Videos_003_x264.mp4"]
BOXES = {**{f"Abuse{n:03d}_x264": [33, 49] for n in range(1, 5)}, "Abuse028_x264": [17]}


def lists(root: Path, boxes: dict[str, list[int]] = BOXES, form: str = "csv") -> Path:
    """A small UCF-Crime in lists, with boxes in one of two forms."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "Anomaly_Train.txt").write_text("\n".join(TRAIN))
    (root / "Anomaly_Test.txt").write_text("\n".join(TEST))
    (root / "Temporal_Anomaly_Annotation.txt").write_text("Abuse028_x264.mp4 Abuse 11 30 -1 -1")
    if form == "csv":
        lines = [f"{name},{frame},1,2,3,4\n" for name, frames in boxes.items() for frame in frames]
        (root / "boxes.csv").write_text("video,frame,x1,y1,x2,y2\n" + "".join(lines))
    else:
        found = {
            name: [[f"{name}/img_{frame:05d}.jpg", 1, 2, 3, 4] for frame in frames] for name, frames in boxes.items()
        }
        (root / "boxes.pkl").write_bytes(pickle.dumps(found))
    return root


def dataset(root: Path, boxes: str | list[str] | None = "boxes.csv") -> Dataset:
    """The data set of a folder, without videos."""
    return Dataset(Config(root=str(root), videos="absent", boxes=boxes), root)


@pytest.mark.parametrize("form", ["csv", "pkl"])
def test_both_forms_give_the_frames_near_a_box(tmp_path: Path, form: str) -> None:
    """Frame 33, from 1, marks the frames 24 to 40, from 0; a pickle is read as data."""
    found = dataset(lists(tmp_path, form=form), f"boxes.{form}").boxed()

    assert set(BOXES) == set(found)
    assert ((24, 57),) == found["Abuse001_x264"]
    assert ((8, 25),) == found["Abuse028_x264"]
    assert {} == dataset(tmp_path, None).boxed()


def test_edges_of_boxes_say_where_a_test_video_is_anomalous(tmp_path: Path) -> None:
    """By any spelling of the video, from a table with edges alone; of other anomalous videos nothing is known."""
    root = lists(tmp_path, {**BOXES, "Abuse028_x264": [17, 33]})
    (root / "frames.csv").write_text("video,frame\nabuse028,17\n")
    (root / "short.csv").write_text((root / "boxes.csv").read_text().replace("Abuse028_x264", "abuse028"))
    videos = {video.video_id: video for video in dataset(root).videos()}
    event, normal = videos["Abuse028_x264"], videos["Normal_Videos_003_x264"]

    for boxes in ("boxes.csv", "short.csv"):
        truth = dataset(root, boxes).truth_of(event, (4, 6))
        assert truth is not None
        assert truth.annotated().tolist() == [16, 32]
        assert np.argwhere(truth.regions(16).masks[0]).tolist() == [[2, 1], [2, 2], [3, 1], [3, 2]]
    (root / "more.csv").write_text("video,frame,x1,y1,x2,y2\nabuse028,1,0,0,1,1\nabuse028,17,4,0,6,1\n")
    both = dataset(root, ["boxes.csv", "more.csv"]).truth_of(event, (4, 6))
    assert both.annotated().tolist() == [0, 16, 32]
    assert len(both.regions(16).masks) == 2
    assert dataset(root, "frames.csv").truth_of(event, (4, 6)) is None
    assert dataset(root, None).truth_of(event, (4, 6)) is None
    assert not len(dataset(root).truth_of(normal, (4, 6)).regions(16).tracks)


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ({**BOXES, "Abuse099_x264": [1]}, "boxes of abuse099, which no list names"),
        ({"Abuse001_x264": [1]}, "Abuse002_x264: an anomalous train video without boxes"),
        ({**BOXES, "Abuse001_x264": [0]}, "'0' is not a frame number from 1"),
    ],
)
def test_faults_are_named(tmp_path: Path, boxes: dict[str, list[int]], words: str) -> None:
    """Unknown videos, videos without boxes, frames from 0."""
    with pytest.raises(DatasetError) as error:
        dataset(lists(tmp_path, boxes)).boxed()

    assert words in str(error.value)


def test_a_hostile_pickle_is_a_problem(tmp_path: Path) -> None:
    """Nothing in it is run."""
    (tmp_path / "boxes.pkl").write_bytes(pickle.dumps({"Abuse001": Path("x")}))
    problems: list[str] = []

    assert {} == read_boxes(tmp_path / "boxes.pkl", problems)
    assert "which is not loaded" in problems[0]


@given(st.sets(st.integers(1, 200)))
def test_a_frame_is_marked_within_eight_frames_of_a_box(frames: set[int]) -> None:
    """Neither more nor less, in separate intervals."""
    intervals = intervals_near(frames)
    marked = {f for start, end in intervals for f in range(int(start), int(end))}

    assert {f for f in range(300) if any(abs(f + 1 - frame) <= 8 for frame in frames)} == marked
    assert sum(end - start for start, end in intervals) == len(marked)


def section(folder: Path, boxes: bool) -> None:
    """Run room split on the small lists."""
    entry = {"kind": "ucf_crime", "root": str(lists(folder / "own")), "videos": "absent"}
    entry |= {"validation": {"fraction": 0.4, "seed": 0}, "boxes": "boxes.csv" if boxes else None}
    write_json(folder / "section.json", entry)
    write_json(folder / "code.json", {"files": []})
    given = ["--section", f"{folder}/section.json", "--code", f"{folder}/code.json"]
    split(["tables", *given, "--lists", str(folder / "own/boxes.csv"), "--out", f"{folder}/tables"])


def test_the_validation_part_chooses_the_epoch_by_frames(tmp_path: Path) -> None:
    """From the lists through room split to a trained run; without boxes the setting is refused."""
    section(tmp_path, boxes=True)
    table = read_train(tmp_path / "tables/train.csv")
    marked = read_intervals(tmp_path / "tables" / VALIDATION_BOXES)
    held_back = set(table.loc[(table["part"] == "validation") & (table["label"] == 1), "video_id"])
    assert marked is not None
    assert held_back == set(marked)
    assert {"Abuse028_x264"} == set(read_intervals(tmp_path / "tables" / TEST_BOXES) or {})

    files = [tmp_path / f"{name}.npz" for name in table["video_id"]]
    for path, label in zip(files, table["label"], strict=True):
        features = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
        features[2:4] += 3 * label
        write_features(path, FeatureFile(features, np.arange(7) * 16, {}))
    plan = Train(lr=0.05, epochs=3, batch=1, optimiser="adagrad", select_by="validation_frame_auc")
    args = {"bag_segments": 6, "hidden_width": 8, "middle_width": 4}
    job = {"model": "c3d_mil", "model_args": args, "train": plan.model_dump()}
    VariantTraining(job, plan, table, files, marked=marked).run(0, 1, tmp_path / "run")
    history = np.genfromtxt(tmp_path / "run/history.csv", delimiter=",", names=True)

    chosen = int(np.argmax(history["validation_frame_auc"]))
    model, config = restored(tmp_path / "run")
    held = [path for path, part in zip(files, table["part"], strict=True) if part == "validation"]
    scored = [score_video(model, (f := read_features(path)).features, f.bounds, Infer()).frames for path in held]
    truth = [np.zeros(96, int) for _ in held]
    for labels, path in zip(truth, held, strict=True):
        labels[24:57] = path.stem in marked

    assert chosen + 1 == config["epoch"]
    assert history["validation_frame_auc"][chosen] == pytest.approx(
        roc_auc_score(np.concatenate(truth), np.concatenate(scored)), abs=1e-6
    )
    with pytest.raises(ParamsError, match="validation_frame_auc needs frame labels of the validation part"):
        VariantTraining(job, plan, table, files).run(0, 1, tmp_path / "other")
    section(tmp_path, boxes=False)
    assert read_intervals(tmp_path / "tables" / VALIDATION_BOXES) is None


def test_another_person_is_a_row_beside_the_oracles() -> None:
    """Only where boxes of the test list are given."""
    labels = np.zeros(60, np.int8)
    labels[10:30] = 1
    video = VideoTruth(video_id="a", class_name="Abuse", label=1, n_frames=60, labels=labels)
    normal = VideoTruth(video_id="b", class_name="Normal", label=0, n_frames=9, labels=np.zeros(9, np.int8))
    found = rows([video, normal], boxes={"a": ((8.0, 25.0), (50.0, 90.0))})[HUMAN_BOX]

    assert np.flatnonzero(found[0].scores).tolist() == [*range(8, 25), *range(50, 60)]
    assert (1.0, 0.0) == (found[0].video_score, found[1].video_score)
    assert HUMAN_BOX not in rows([video, normal])


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_file(), reason="the real boxes are not beside the project")
def test_the_real_boxes() -> None:
    """25,483 boxes in all 810 anomalous train videos."""
    config = Config(root=str(REAL_DATA / "ucf_crime"), videos="absent", boxes=str(REAL))
    subject = Dataset(config, Path())
    found = subject.boxed()

    assert 810 == len(found)
    assert {video.video_id for video in subject.videos() if video.split == "train" and video.label} == set(found)
