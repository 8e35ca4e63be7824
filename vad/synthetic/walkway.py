"""What each sequence of `mini_walk` will show, before a single frame is drawn.

An anomaly passes on the circle of a sequence's frames: what is still there at the last frame goes on at the first one.
Its start is uniform on that circle, so that neither the place of a frame in its sequence nor the sequence's length
predicts its label. Of several drafts of the test list the one is taken in which they predict it least by chance.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import UInt8

PASS_FRAMES = {"cyclist": 40, "runner": 46, "skater": 50, "cart": 56, "thrown_bag": 40}
"""Kinds of anomaly, and about how many frames one of them is in the picture."""
NORMAL = "normal"
NORMAL_TESTS = 0.3  # part of the test sequences in which nothing happens
SHARE = (0.45, 0.75)  # part of an anomalous sequence that shows its anomaly
DRAFTS = 32  # of the test list
# The plastic number's powers: a flat two-dimensional sequence (Roberts' R2).
_STEP_START, _STEP_SHARE = 0.7548776662466927, 0.5698402909980532


@dataclass(frozen=True)
class SequencePlan:
    """One sequence: its place, its length, and when its anomaly is in the picture."""

    split: Literal["train", "test"]
    number: int
    """From 1, as the folders are named."""
    n_frames: int
    kind: str
    """A key of `PASS_FRAMES`, or `NORMAL`."""
    starts: tuple[int, ...]
    """First frame of each pass, from 0."""
    pass_frames: int
    """Frames of each pass, on the circle of the sequence's frames; passes do not overlap."""
    entropy: tuple[int, ...]
    """Seed of everything random in the picture."""

    @property
    def name(self) -> str:
        """Name of the folder: Train001, Test014."""
        return f"{self.split.capitalize()}{self.number:03d}"

    @property
    def folder(self) -> str:
        """Folder of the frames below the data set's root."""
        return f"{self.split.capitalize()}/{self.name}"

    def labels(self) -> UInt8[np.ndarray, " frames"]:
        """1 for each frame in which the anomaly is in the picture."""
        labels = np.zeros(self.n_frames, np.uint8)
        for start in self.starts:
            labels[(start + np.arange(self.pass_frames)) % self.n_frames] = 1
        return labels


def plan_sequences(seed: int, train_sequences: int, test_sequences: int, frames: tuple[int, int]) -> list[SequencePlan]:
    """The whole data set, train before test, in the order of the folders.

    Args:
        seed: of the data set, >= 0.
        train_sequences: number of sequences to learn from, all normal.
        test_sequences: number of sequences to be tested on.
        frames: shortest and longest sequence.
    """
    rng = np.random.default_rng([seed, 3])
    train = [
        SequencePlan("train", i, n, NORMAL, (), 0, (seed, 4, i))
        for i, n in enumerate(_lengths(rng, train_sequences, frames), 1)
    ]
    drafts = (_test_list(seed, test_sequences, frames, rng) for _ in range(DRAFTS))
    return train + min(drafts, key=_imbalance)


def _test_list(seed: int, test_sequences: int, frames: tuple[int, int], rng: np.random.Generator) -> list[SequencePlan]:
    """One draft of all test sequences, in random order."""
    quiet = max(round(NORMAL_TESTS * test_sequences), 1)
    events = list(zip(_lengths(rng, test_sequences - quiet, frames), _events(rng, test_sequences - quiet), strict=True))
    drafts = [*events, *((n, None) for n in _lengths(rng, quiet, frames))]
    order = rng.permutation(len(drafts))
    return [_test_sequence(seed, i, drafts[which], rng) for i, which in enumerate(order, 1)]


def _imbalance(sequences: list[SequencePlan]) -> float:
    """How well place and length of a sequence predict a frame's label: the largest shift, in standard deviations."""
    index = np.concatenate([np.arange(sequence.n_frames) for sequence in sequences])
    length = np.concatenate([np.full(sequence.n_frames, sequence.n_frames) for sequence in sequences])
    labels = np.concatenate([sequence.labels() for sequence in sequences]) == 1
    place = index / (length - 1)
    scores = np.stack([index, length, place, -np.abs(place - 0.5)])
    shifts = scores[:, labels].mean(1) - scores[:, ~labels].mean(1)
    return float(np.abs(shifts / np.maximum(scores.std(1), 1e-9)).max())


def _lengths(rng: np.random.Generator, count: int, frames: tuple[int, int]) -> list[int]:
    """Uniform lengths in frames, one from each of `count` equal strata, shuffled."""
    strata = (rng.permutation(count) + rng.random(count)) / count
    return [int(frames[0] + share * (frames[1] - frames[0] + 1)) for share in strata]


def _events(rng: np.random.Generator, count: int) -> list[tuple[str, float, float]]:
    """Kind, start and share (parts of the sequence) of each anomaly; kinds as even as possible."""
    kinds = list(PASS_FRAMES)
    drawn = [kinds[i] for i in rng.permutation(np.arange(count) % len(kinds))]
    start, share = rng.random(2)
    return [
        (kind, (start + i * _STEP_START) % 1, SHARE[0] + (share + i * _STEP_SHARE) % 1 * (SHARE[1] - SHARE[0]))
        for i, kind in enumerate(drawn)
    ]


def _test_sequence(
    seed: int, number: int, draft: tuple[int, tuple[str, float, float] | None], rng: np.random.Generator
) -> SequencePlan:
    """One test sequence; several passes are spread over the circle with gaps of random parts of the rest."""
    n_frames, event = draft
    entropy = (seed, 5, number)
    if event is None:
        return SequencePlan("test", number, n_frames, NORMAL, (), 0, entropy)
    kind, start, share = event
    passes = max(round(share * n_frames / PASS_FRAMES[kind]), 1)
    length = math.floor(share * n_frames / passes)
    rest = n_frames - passes * length
    gaps = np.sort(rng.integers(0, rest + 1, passes - 1))
    offsets = [0, *(int(gap) + (i + 1) * length for i, gap in enumerate(gaps))]
    starts = tuple((int(start * n_frames) + offset) % n_frames for offset in offsets)
    return SequencePlan("test", number, n_frames, kind, starts, length, entropy)
