"""The generated walkway: layout, determinism, balance, and masks that hold what the labels say."""

import hashlib
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError
from sklearn.metrics import roc_auc_score

from vad.artefacts.fingerprint import image_files
from vad.datasets.mini_walk import LABELS, Config, Dataset
from vad.errors import DatasetError
from vad.synthetic.walk_film import frames
from vad.synthetic.walkway import NORMAL, PASS_FRAMES, Clip, plan_clips

TINY = Config(train_clips=2, test_clips=7, frames_min=16, frames_max=24, width=64, height=48)
NOISE_BOUND = 0.05
"""Beyond the largest of 150 data-set seeds: 0.043 for the length, 0.029 for the centre prior."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Nine short small clips with every kind of anomaly, drawn once in this process."""
    dataset = Dataset(TINY, tmp_path_factory.mktemp("tiny"))
    dataset.generate(workers=1)
    return dataset


def _sums(folder: Path) -> dict[str, str]:
    """Checksum of every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _tests(dataset: Dataset) -> list[Clip]:
    """The test clips of the plan."""
    return [clip for clip in dataset.plan if clip.split == "test"]


def _no_pixel_scores(n: int) -> dict[str, np.ndarray]:
    """Scores of the frames of a clip that only its length and the frame's place can give."""
    centre = 1 - np.abs(np.linspace(-1, 1, n))
    return {
        "one_over_length": np.full(n, 1 / n),
        "centre": centre,
        "centre_minus_length": centre - 0.5 * np.log(n),
        "frame_index": np.arange(n),
        "relative_position": np.linspace(0, 1, n),
    }


def test_same_seed_same_bytes(tiny: Dataset, tmp_path: Path) -> None:
    """A second drawing, in two other processes, gives the same files byte for byte, over any leftovers."""
    again = Dataset(TINY, tmp_path)
    leftover = tmp_path / "Test" / "Test099" / "001.png"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"of another plan")
    again.generate(workers=2)

    assert _sums(tiny.home) == _sums(tmp_path)


def test_other_seed_other_clips(tiny: Dataset, tmp_path: Path) -> None:
    """Another seed gives other clips."""
    other = Dataset(TINY.model_copy(update={"seed": 1}), tmp_path)

    assert [(c.kind, c.starts) for c in _tests(tiny)] != [(c.kind, c.starts) for c in _tests(other)]


def test_layout_is_that_of_ucsd(tiny: Dataset) -> None:
    """Frames from 001 on in a folder per clip, masks beside the test clips, grey, of the planned size and number."""
    folders = {path.relative_to(tiny.home).as_posix() for path in tiny.home.rglob("*") if path.is_dir()}
    masks = {f"{clip.folder}_gt" for clip in _tests(tiny)}

    assert {"Train", "Test", *(clip.folder for clip in tiny.plan), *masks} == folders
    for clip in tiny.plan:
        images = image_files(tiny.home / clip.folder)
        with Image.open(images[0]) as image:
            form = (image.mode, image.size)

        assert ("L", (64, 48)) == form
        assert [f"{i:03d}.png" for i in range(1, clip.n_frames + 1)] == [path.name for path in images]


def test_labels_are_any_pixel_of_the_mask(tiny: Dataset) -> None:
    """The vector, cut per clip, says 1 exactly where the mask has a pixel; normal clips have none."""
    for clip, video in zip(_tests(tiny), [v for v in tiny.videos() if v.split == "test"], strict=True):
        marked = [int(np.asarray(Image.open(p)).any()) for p in image_files(tiny.home / f"{clip.folder}_gt")]

        assert marked == tiny.labels_of(video).tolist(), clip.kind
        assert (clip.kind != NORMAL) == bool(max(marked)) == bool(video.label)


def test_an_anomaly_changes_the_picture_and_only_inside_its_frames(tiny: Dataset) -> None:
    """The same clip without its anomaly differs in the labelled frames alone, mostly inside the mask."""
    size = (TINY.height, TINY.width)
    for clip in (clip for clip in _tests(tiny) if clip.kind not in (NORMAL, "thrown_bag")):
        shown, quiet = list(frames(clip, size, 0)), list(frames(replace(clip, kind=NORMAL), size, 0))
        changed = [int((a.picture != b.picture).any()) for a, b in zip(shown, quiet, strict=True)]

        assert clip.labels().tolist() == changed, clip.kind
        covered = [((a.picture != b.picture) & a.mask).sum() for a, b in zip(shown, quiet, strict=True)]
        assert sum(covered) > 0.6 * sum(frame.mask.sum() for frame in shown), clip.kind


def test_split_tables_know_every_clip(tmp_path: Path) -> None:
    """12 + 14 clips, train all normal, four normal test clips, two of each kind of anomaly."""
    videos = Dataset(Config(), tmp_path).videos()
    kinds = Counter(video.class_name for video in videos if video.split == "test")

    assert {NORMAL: 12} == Counter(video.class_name for video in videos if video.split == "train")
    assert {NORMAL: 4, **dict.fromkeys(PASS_FRAMES, 2)} == kinds
    assert all(bool(video.frame_labels) == (video.split == "test") for video in videos)
    assert 26 == len({video.video_id for video in videos})


@pytest.mark.parametrize("seed", range(10))
def test_length_and_position_say_nothing(seed: int) -> None:
    """Frame scores that see no pixel have a frame_auc of 0.5, up to noise; about two fifths are anomalous."""
    clips = [clip for clip in plan_clips(seed, 12, 14, (80, 140)) if clip.split == "test"]
    labels = np.concatenate([clip.labels() for clip in clips])
    scores = [_no_pixel_scores(clip.n_frames) for clip in clips]
    areas = {name: roc_auc_score(labels, np.concatenate([s[name] for s in scores])) for name in scores[0]}

    assert {} == {name: area for name, area in areas.items() if abs(area - 0.5) > NOISE_BOUND}
    assert 0.35 < labels.mean() < 0.47


def test_passes_do_not_overlap() -> None:
    """Every pass has its own frames, also where it goes on at the first one; no clip is anomalous throughout."""
    clips = [clip for seed in range(20) for clip in plan_clips(seed, 2, 14, (80, 140)) if clip.starts]

    assert all(clip.labels().sum() == len(clip.starts) * clip.pass_frames < clip.n_frames for clip in clips)
    assert any(clip.labels()[0] == clip.labels()[-1] == 1 for clip in clips)


def test_the_plan_needs_no_files(tmp_path: Path) -> None:
    """Clips come from the plan, at once; the labels are named but not written."""
    start = time.perf_counter()
    dataset = Dataset(Config(), tmp_path / "nowhere")
    videos, lists = dataset.videos(), dataset.lists()

    assert time.perf_counter() - start < 1
    assert (26, [LABELS]) == (len(videos), [path.name for path in lists])
    assert not dataset.root.exists()


def test_labels_of_another_length_are_refused(tiny: Dataset, tmp_path: Path) -> None:
    """A vector that is not as long as the clips together is no label of theirs."""
    dataset = Dataset(TINY, tmp_path)
    np.save(tmp_path / LABELS, np.zeros((1, 5), np.uint8))

    with pytest.raises(DatasetError, match=f"5 labels, but the video has {sum(c.n_frames for c in _tests(tiny))}"):
        dataset.labels_of(dataset.videos()[-1])


@pytest.mark.parametrize(
    "wrong", [{"train_clips": 1}, {"frames_min": 90, "frames_max": 80}, {"width": 50}, {"clips": 3}]
)
def test_impossible_settings_are_refused(wrong: dict[str, int]) -> None:
    """Too few clips, swapped bounds, odd sides and unknown keys do not pass."""
    with pytest.raises(ValidationError):
        Config.model_validate(wrong)
