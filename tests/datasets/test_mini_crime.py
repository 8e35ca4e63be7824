"""The generated data set: formats, determinism, balance, and pictures that hold what the plan says."""

import hashlib
import re
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.metrics import roc_auc_score

from vad.datasets.mini_crime import ANNOTATION, BOXES, TEST_LIST, TRAIN_LIST, Config, Dataset, list_texts, plan_of
from vad.localisation.truth import BoxTruth
from vad.synthetic_events.film import frames
from vad.synthetic_events.plan import ANOMALIES, VideoPlan

TINY = Config(
    train_videos=4, test_videos=4, seconds_min=1.0, seconds_max=1.6, width=160, height=120, fps=15
)  # fmt: skip
NOISE_BOUND = 0.05
"""About three standard deviations over 300 data-set seeds: 0.017 for the centre prior, 0.008 for the length."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Eight short small videos, rendered once in this process."""
    dataset = Dataset(TINY, tmp_path_factory.mktemp("tiny"))
    dataset.generate(workers=1)
    return dataset


def _sums(folder: Path) -> dict[str, str]:
    """Checksum of every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _labels(video: VideoPlan) -> np.ndarray:
    """One label a frame from 1-based inclusive intervals."""
    labels = np.zeros(video.n_frames, int)
    for start, end in video.intervals:
        labels[start - 1 : end] = 1
    return labels


def _no_pixel_scores(n: int) -> dict[str, np.ndarray]:
    """Scores of the frames of a video that only its length and the frame's place can give."""
    centre = 1 - np.abs(np.linspace(-1, 1, n))
    return {
        "constant": np.zeros(n),
        "one_over_length": np.full(n, 1 / n),
        "centre": centre,
        "centre_minus_length": centre - 0.5 * np.log(n),
        "frame_index": np.arange(n),
        "relative_position": np.linspace(0, 1, n),
    }


def test_same_seed_same_bytes(tiny: Dataset, tmp_path: Path) -> None:
    """A second rendering, in two other processes, gives the same files byte for byte, over any leftovers."""
    again = Dataset(TINY, tmp_path)
    leftover = tmp_path / "Videos" / "Abuse" / "Abuse099_x264.mp4"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"of another plan")
    again.generate(workers=2)

    assert _sums(tiny.home) == _sums(tmp_path)


def test_other_seed_other_pictures(tiny: Dataset, tmp_path: Path) -> None:
    """Another seed gives other videos."""
    other = Dataset(TINY.model_copy(update={"seed": 1}), tmp_path)

    assert [video.n_frames for video in plan_of(tiny.config)] != [video.n_frames for video in plan_of(other.config)]
    assert list_texts(plan_of(tiny.config))[ANNOTATION] != list_texts(plan_of(other.config))[ANNOTATION]


def test_decoded_frames_equal_the_plan(tiny: Dataset) -> None:
    """Each video is H.264 of the planned size, rate and exact number of frames."""
    for video in plan_of(tiny.config):
        with av.open(str(tiny.home / "Videos" / video.listed)) as file:
            stream = file.streams.video[0]
            decoded = sum(1 for _ in file.decode(stream))
            form = (stream.codec_context.name, stream.width, stream.height, stream.average_rate)

        assert (video.n_frames, ("h264", 160, 120, 15)) == (decoded, form), video.name


def test_an_event_changes_the_picture(tiny: Dataset) -> None:
    """The same video without its event differs in the frames of the event, and nowhere else."""
    for video in (video for video in plan_of(tiny.config) if video.label):
        size = (TINY.height, TINY.width)
        quiet = [block.copy() for block in frames(replace(video, event_frames=0), size, TINY.fps)]
        changed = [
            int((block != plain).any()) for block, plain in zip(frames(video, size, TINY.fps), quiet, strict=True)
        ]
        labels = _labels(video)

        assert not np.any(np.array(changed) > labels), video.name
        assert np.mean(np.array(changed)[labels == 1]) > 0.9, video.name


def test_boxes_hold_what_the_event_changes(tiny: Dataset) -> None:
    """Each test event has a file of boxes: frames of its intervals only, and most of what changes lies inside."""
    tested = [video for video in plan_of(tiny.config) if video.split == "test" and video.label]
    rows = {video.video_id: video for video in tiny.videos()}
    assert sorted(path.stem for path in (tiny.home / BOXES).iterdir()) == [video.video_id for video in tested]
    for video in tested:
        size = (TINY.height, TINY.width)
        truth = tiny.truth_of(rows[video.video_id], size)
        assert isinstance(truth, BoxTruth)
        quiet = [block[: size[0]].copy() for block in frames(replace(video, event_frames=0), size, TINY.fps)]
        shown = [block[: size[0]].copy() for block in frames(video, size, TINY.fps)]
        inside, outside = 0.0, 0.0
        for frame in np.unique(truth.frames):
            box = truth.regions(int(frame)).masks.any(0)
            change = np.abs(shown[frame].astype(float) - quiet[frame])
            inside, outside = inside + change[box].sum(), outside + change[~box].sum()
        spans = [
            (start <= frame + 1 <= end)
            for frame, track in zip(truth.frames, truth.tracks, strict=True)
            for start, end in [video.intervals[track - 1]]
        ]

        assert spans
        assert all(spans)
        assert len(np.unique(truth.frames)) > 0.8 * video.event_frames
        assert inside > 0.9 * (inside + outside), video.name
        assert all(truth.regions(int(frame)).masks.any(0).mean() < 0.8 for frame in truth.frames)


def test_split_lists_in_the_official_format(tiny: Dataset) -> None:
    """Train and test list: class folder and name, normals with and without the second underscore, LF at the end."""
    train = tiny.home.joinpath(TRAIN_LIST).read_bytes().decode()
    test = tiny.home.joinpath(TEST_LIST).read_bytes().decode()

    assert [
        "Abuse/Abuse001_x264.mp4",
        "Arrest/Arrest001_x264.mp4",
        "Training_Normal_Videos_Anomaly/Normal_Videos001_x264.mp4",
        "Training_Normal_Videos_Anomaly/Normal_Videos002_x264.mp4",
        "",
    ] == train.split("\n")
    assert [
        "Abuse/Abuse002_x264.mp4",
        "Arrest/Arrest002_x264.mp4",
        "Testing_Normal_Videos_Anomaly/Normal_Videos_003_x264.mp4",
        "Testing_Normal_Videos_Anomaly/Normal_Videos_004_x264.mp4",
        "",
    ] == test.split("\n")


def test_annotation_in_the_official_format(tmp_path: Path) -> None:
    """Every line has six fields, two blanks after each; -1 -1 for no event; frames within 1..n."""
    dataset = Dataset(Config(), tmp_path)
    lines = list_texts(plan_of(dataset.config))[ANNOTATION].split("\n")
    by_name = {video.name: video for video in plan_of(dataset.config)}
    form = re.compile(r"\w+_x264\.mp4  [A-Z]\w+  (-1|[1-9]\d*)  (-1|[1-9]\d*)  (-1|[1-9]\d*)  (-1|[1-9]\d*)  ")

    assert (41, "") == (len(lines), lines[-1])
    for line in lines[:-1]:
        assert form.fullmatch(line), line
        name, class_name, *ends = line.split()
        video = by_name[name]
        pairs = [(int(a), int(b)) for a, b in (ends[:2], ends[2:]) if a != "-1"]

        assert video.class_name == class_name
        assert list(video.intervals) == pairs
        assert bool(pairs) == (video.label == 1)
        assert all(1 <= a <= b <= video.n_frames for a, b in pairs)
        assert sum(b - a + 1 for a, b in pairs) == video.event_frames


def test_lists_are_complete_and_disjoint(tmp_path: Path) -> None:
    """60 + 40 videos, half anomalous, all 13 classes in both lists and as even as possible, unique ids."""
    videos = Dataset(Config(), tmp_path).videos()
    counts = {
        split: Counter(video.class_name for video in videos if video.split == split) for split in ("train", "test")
    }

    assert 100 == len({video.video_id for video in videos}) == len({video.path for video in videos})
    assert (30, 20) == (counts["train"].pop("Normal"), counts["test"].pop("Normal"))
    assert set(ANOMALIES) == set(counts["train"]) == set(counts["test"])
    assert ({2, 3}, {1, 2}) == (set(counts["train"].values()), set(counts["test"].values()))
    assert all(not video.intervals for video in videos if video.split == "train")


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("split", ["train", "test"])
def test_length_and_position_say_nothing(tmp_path: Path, seed: int, split: str) -> None:
    """Frame scores that see no pixel have a frame_auc of 0.5, up to noise."""
    videos = [video for video in plan_of(Config(seed=seed)) if video.split == split]
    labels = np.concatenate([_labels(video) for video in videos])
    scores = [_no_pixel_scores(video.n_frames) for video in videos]
    areas = {name: roc_auc_score(labels, np.concatenate([s[name] for s in scores])) for name in scores[0]}

    assert {} == {name: area for name, area in areas.items() if abs(area - 0.5) > NOISE_BOUND}
    assert 0.12 < labels.mean() < 0.3


@pytest.mark.parametrize("split", ["train", "test"])
def test_both_labels_have_the_same_lengths_and_cameras(tmp_path: Path, split: str) -> None:
    """Neither the length nor the camera of a video tells its label, not even together with chance."""
    videos = [video for video in plan_of(Config()) if video.split == split]
    anomalous, normal = ([v for v in videos if v.label == label] for label in (1, 0))

    assert sorted(v.n_frames for v in normal) == sorted(v.n_frames for v in anomalous)
    assert sorted(v.scene for v in normal) == sorted(v.scene for v in anomalous)
    assert {0, 1, 2, 3, 4} == {v.scene for v in normal}


def test_lengths_are_as_asked(tmp_path: Path) -> None:
    """6 to 30 s at 30 fps, about 15 s on average, and events of a quarter to nine twentieths of their video."""
    videos = plan_of(Config())
    lengths = [video.n_frames for video in videos]
    shares = [video.event_frames / video.n_frames for video in videos if video.label]

    assert 180 <= min(lengths) <= max(lengths) <= 900
    assert 400 < np.mean(lengths) < 480
    assert 0.345 < min(shares) <= max(shares) < 0.605


def test_some_events_wrap_around(tmp_path: Path) -> None:
    """An event that runs past the last frame goes on at the first one: two intervals, as the format allows."""
    wrapped = [video for video in plan_of(Config()) if len(video.intervals) == 2]

    assert 8 <= len(wrapped) <= 28
    assert all(v.intervals[0][0] == 1 and v.intervals[1][1] == v.n_frames for v in wrapped)


def test_the_plan_needs_no_files(tmp_path: Path) -> None:
    """Videos and facts come from the plan, at once; lists are named but not written."""
    start = time.perf_counter()
    dataset = Dataset(Config(), tmp_path / "nowhere")
    videos, facts, lists = dataset.videos(), dataset.facts(), dataset.lists()

    assert time.perf_counter() - start < 0.2
    assert (100, 3, 3) == (len(videos), len(facts["lists"]), len(lists))
    assert not dataset.root.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"train_videos": 5},
        {"test_videos": 2},
        {"width": 322},
        {"seconds_min": 9.0, "seconds_max": 8.0},
        {"frames": 1},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    """Odd counts, odd sides, swapped bounds and unknown keys do not pass."""
    with pytest.raises(ValidationError):
        Config.model_validate(wrong)
