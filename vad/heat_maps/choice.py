"""Which videos and frames a figure of score maps shows, by a rule that leaves nothing to choose by hand."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from vad.localisation.judged_maps import JudgedMaps
from vad.localisation.maps import VideoMaps


class Chosen(NamedTuple):
    """A video that is shown, and why."""

    rank: str
    video_id: str
    value: float
    """By which the videos are ranked."""


class Shown(NamedTuple):
    """A place in a video."""

    place: int
    """Index of its map among the maps of the video."""
    frame: int
    """The frame of the picture and of the ground truth, from 0."""


def chosen_videos(values: Mapping[str, float | None]) -> list[Chosen]:
    """The videos with the highest, the median and the lowest value; of an even number the lower median.

    Of equal values those of later videos rank higher. A video that is several of them is shown once.

    Args:
        values: by video, in the order of the test list; those that are None are left out.
    """
    known = {name: value for name, value in values.items() if value is not None}
    names = sorted(known, key=lambda name: known[name])
    ranks: dict[int, list[str]] = {}
    for rank, place in (("best", len(names) - 1), ("median", (len(names) - 1) // 2), ("worst", 0)):
        ranks.setdefault(place, []).append(rank)
    found = {" and ".join(each): names[place] for place, each in ranks.items() if names}
    return [Chosen(rank, name, known[name]) for rank, name in found.items()]


def annotated_place(video: JudgedMaps) -> Shown:
    """Of the frames with an anomalous region that whose map has the highest cell, the first of equal ones.

    Args:
        video: with at least one such frame that has a map.
    """
    places = np.unique(video.regions.place)
    highest = video.scores[places].max((1, 2))
    place, frame = video.judged[places[int(np.argmax(highest))]]
    return Shown(int(place), int(frame))


def highest_place(maps: VideoMaps) -> Shown:
    """The map with the highest cell of a video, the first of equal ones.

    Args:
        maps: at least one.
    """
    place = int(np.argmax(maps.maps.max((1, 2))))
    return Shown(place, int(maps.frames[place]))
