"""The folds of a train list: fixed, with the classes of each label dealt evenly."""

import hashlib
from collections.abc import Hashable, Sequence

from vad.errors import DatasetError

LABELS = ("normal", "anomalous")


def fold_of(videos: Sequence[tuple[str, int, str]], same: Sequence[Hashable], folds: int) -> list[int]:
    """Deal the videos of a train list to folds.

    Args:
        videos: id, label and class of each; their order does not matter.
        same: a value of each video; those with equal values are one video under several names and share a fold.
        folds: how many, >= 2.

    Returns: the fold of each video, from 1.

    Raises: DatasetError if a label has videos, but fewer than there are folds.
    """
    leaders: dict[Hashable, tuple[str, int, str]] = {}
    for video, key in sorted(zip(videos, same, strict=True), key=lambda pair: pair[0]):
        leaders.setdefault(key, video)
    found: dict[Hashable, int] = {}
    for label, word in enumerate(LABELS):
        own = [(name, _rank(video_id), key) for key, (video_id, given, name) in leaders.items() if given == label]
        if 0 < len(own) < folds:
            raise DatasetError(
                f"train.select.folds: {len(own)} {word} videos in the train list, {folds} folds. Set fewer folds."
            )
        ordered = sorted(own, key=lambda one: one[:2])
        found |= {key: 1 + number % folds for number, (_, _, key) in enumerate(ordered)}
    return [found[key] for key in same]


def _rank(name: str) -> str:
    """A fixed pseudo-random place of a name."""
    return hashlib.sha256(name.encode()).hexdigest()
