"""What each video of `mini_crime` will show, before a single frame is rendered.

Everything that a score could exploit without looking at pixels is balanced here: within a split, anomalous and
normal videos have the same lengths and the same cameras, and the places of the events follow a low-discrepancy
sequence on the circle of frames (an event that runs past the last frame goes on at the first one).
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

ANOMALIES = (
    "Abuse", "Arrest", "Arson", "Assault", "Burglary", "Explosion", "Fighting", "RoadAccidents", "Robbery",
    "Shooting", "Shoplifting", "Stealing", "Vandalism",
)  # fmt: skip
NORMAL = "Normal"
SCENES = 5
SHARE = (0.35, 0.6)  # part of an anomalous video that its event fills
# The plastic number's powers: the two-dimensional sequence with the flattest coverage known (Roberts' R2).
_STEP_START, _STEP_SHARE = 0.7548776662466927, 0.5698402909980532

Split = Literal["train", "test"]


@dataclass(frozen=True)
class VideoPlan:
    """One video: its place in the lists, its length in frames, its camera, and where its event lies."""

    folder: str
    video_id: str
    class_name: str
    split: Split
    n_frames: int
    scene: int
    start: int
    """First frame of the event, from 0; meaningless when `event_frames` is 0."""
    event_frames: int
    """Frames of the event, 0 for a normal video."""
    entropy: tuple[int, ...]
    """Seed of everything random in the picture."""

    @property
    def name(self) -> str:
        """File name of the video."""
        return f"{self.video_id}.mp4"

    @property
    def listed(self) -> str:
        """The line of the split list: class folder and file name."""
        return f"{self.folder}/{self.name}"

    @property
    def label(self) -> int:
        """1 = anomalous, 0 = normal."""
        return int(self.event_frames > 0)

    @property
    def intervals(self) -> tuple[tuple[int, int], ...]:
        """Anomalous frames, counted from 1, both ends included: none, one, or two when the event wraps around."""
        if not self.event_frames:
            return ()
        stop = self.start + self.event_frames
        if stop <= self.n_frames:
            return ((self.start + 1, stop),)
        return ((1, stop - self.n_frames), (self.start + 1, self.n_frames))


def plan_videos(
    seed: int, train_videos: int, test_videos: int, seconds: tuple[float, float], fps: int
) -> list[VideoPlan]:
    """The whole data set, train before test, each in the order of its official list.

    Args:
        seed: of the data set, >= 0.
        train_videos: number of videos, even: half of them anomalous.
        test_videos: the same for the test list.
        seconds: shortest and longest video.
        fps: frames per second.
    """
    train = _plan_split("train", np.random.default_rng([seed, 0]), seed, train_videos, seconds, fps)
    test = _plan_split("test", np.random.default_rng([seed, 1]), seed, test_videos, seconds, fps)
    return _named(train, test)


@dataclass(frozen=True)
class _Draft:
    """A video without its name: names depend on how many videos of a class come before."""

    split: Split
    class_name: str
    n_frames: int
    scene: int
    start: int
    event_frames: int
    entropy: tuple[int, ...]


def _plan_split(
    split: Split, rng: np.random.Generator, seed: int, videos: int, seconds: tuple[float, float], fps: int
) -> list[_Draft]:
    """All videos of one list: anomalous and normal ones in pairs of equal length, over the same cameras."""
    pairs = videos // 2
    frames = _lengths(rng, pairs, seconds, fps)
    cameras = rng.permutation(np.arange(pairs) % SCENES)
    starts, shares = _places(rng, pairs)
    classes = _classes(rng, pairs, split)
    which = 0 if split == "train" else 1
    drafts = []
    for i in range(pairs):
        n = int(frames[i])
        event = min(max(1, round(shares[i] * n)), n - 1)
        start = int(starts[i] * n)
        drafts.append(_Draft(split, classes[i], n, int(cameras[i]), start, event, (seed, which, 0, i)))
    # The same lengths and cameras, dealt anew, so that neither says anything about the label.
    for i, (n, scene) in enumerate(zip(rng.permutation(frames), rng.permutation(cameras), strict=True)):
        drafts.append(_Draft(split, NORMAL, int(n), int(scene), 0, 0, (seed, which, 1, i)))
    return drafts


def _lengths(rng: np.random.Generator, count: int, seconds: tuple[float, float], fps: int) -> np.ndarray:
    """Log-uniform lengths in frames, one from each of `count` equal strata, ascending."""
    low, high = math.log(seconds[0]), math.log(seconds[1])
    strata = (np.arange(count) + rng.random(count)) / count
    return np.maximum(2, np.rint(np.exp(low + strata * (high - low)) * fps)).astype(int)


def _places(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Start (part of the video, on its circle) and share of each event, spread evenly over neighbouring lengths."""
    index = np.arange(count)
    start = (rng.random() + index * _STEP_START) % 1.0
    share = (rng.random() + index * _STEP_SHARE) % 1.0
    return start, SHARE[0] + share * (SHARE[1] - SHARE[0])


def _classes(rng: np.random.Generator, count: int, split: Split) -> list[str]:
    """Classes as even as possible: every class equally often, the rest from the first or the last ones."""
    rounds, rest = divmod(count, len(ANOMALIES))
    # Train and test draw their remainder from opposite ends, so that a class rare in one is not rare in both.
    extra = ANOMALIES[:rest] if split == "train" or not rounds else ANOMALIES[len(ANOMALIES) - rest :]
    names = [*(ANOMALIES * rounds), *extra]
    return [names[i] for i in rng.permutation(count)]


def _named(train: list[_Draft], test: list[_Draft]) -> list[VideoPlan]:
    """Names in UCF-Crime's style; a number is used once per class over both lists, normals included."""
    counts: dict[str, int] = {}
    videos = []
    for draft in [*train, *test]:
        number = counts[draft.class_name] = counts.get(draft.class_name, 0) + 1
        folder, stem = _folder_and_stem(draft, number)
        videos.append(VideoPlan(folder=folder, video_id=f"{stem}_x264", **vars(draft)))
    return sorted(videos, key=lambda video: (video.split == "test", video.listed))


def _folder_and_stem(draft: _Draft, number: int) -> tuple[str, str]:
    """Folder and name as the official lists write them: only test normals have a second underscore."""
    if draft.class_name != NORMAL:
        return draft.class_name, f"{draft.class_name}{number:03d}"
    if draft.split == "train":
        return "Training_Normal_Videos_Anomaly", f"Normal_Videos{number:03d}"
    return "Testing_Normal_Videos_Anomaly", f"Normal_Videos_{number:03d}"
