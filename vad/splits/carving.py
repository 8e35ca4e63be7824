"""The validation part: a seeded, class-stratified share of the train list."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vad.splits.video import Video


def carve_validation(
    videos: "Iterable[Video]", fraction: float, seed: int, same_side: Sequence[Collection[str]] = ()
) -> set[str]:
    """Draw the validation part: seeded, inside each class, from both labels.

    Each label gives round(fraction x its videos), spread over its classes by largest remainder; at least one
    and never all of them when it has two or more. The draw ranks hashes of seed and id: the order of the list
    does not matter, and one more video moves few others.

    Args:
        videos: the train videos.
        fraction: share per label, in (0, 1).
        seed: of the draw.
        same_side: groups of ids that must not be separated (one video under two names).

    Returns: ids of the validation part.
    """
    videos = list(videos)
    leaders = _leaders(same_side, {video.video_id for video in videos})
    units = [video for video in videos if leaders.get(video.video_id, video.video_id) == video.video_id]
    drawn: set[str] = set()
    for label in (0, 1):
        drawn |= _draw([video for video in units if video.label == label], fraction, seed)
    return drawn | {follower for follower, leader in leaders.items() if leader in drawn}


def _leaders(groups: Sequence[Collection[str]], present: Collection[str]) -> dict[str, str]:
    """For each id of a group the member that is drawn for all; ids that are not in the list play no part."""
    groups = [sorted(set(group) & set(present)) for group in groups]
    return {member: group[0] for group in groups for member in group}


def _draw(videos: "list[Video]", fraction: float, seed: int) -> set[str]:
    """The validation ids of one label."""
    if len(videos) < 2:
        return set()
    classes: dict[str, list[str]] = defaultdict(list)
    for video in videos:
        classes[video.class_name].append(video.video_id)
    total = min(max(round(fraction * len(videos)), 1), len(videos) - 1)
    quotas = {name: total * len(ids) / len(videos) for name, ids in classes.items()}
    takes = {name: int(quota) for name, quota in quotas.items()}
    by_remainder = sorted(classes, key=lambda name: (takes[name] - quotas[name], _rank(seed, name)))
    for name in by_remainder[: total - sum(takes.values())]:
        takes[name] += 1
    ranked = {name: sorted(ids, key=lambda video_id: _rank(seed, video_id)) for name, ids in classes.items()}
    return {video_id for name, ids in ranked.items() for video_id in ids[: takes[name]]}


def _rank(seed: int, name: str) -> str:
    """A fixed pseudo-random place of a name."""
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()
