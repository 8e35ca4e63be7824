"""Where the event of a `mini_crime` video is in each of its frames, from what is drawn."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from vad.synthetic.sprites import OPAQUE, Blit
from vad.synthetic_events.events import EVENTS
from vad.synthetic_events.film import scene_of
from vad.synthetic_events.plan import VideoPlan
from vad.synthetic_events.shows import Scheduled

CELL = 4
"""Pixels along each side of a cell in which the event is looked for; edges of boxes lie on cells."""
GAP = 2
"""Things of the event that are at most so many cells apart are in one box."""
LEAST_SHARE = 0.0005
"""A box has at least this share of the picture: single sparks and splinters have none."""


class EventBox(NamedTuple):
    """A part of the picture in which the event is to be seen."""

    frame: int
    """From 0."""
    track: int
    """The interval of the annotation that the frame is in, from 1."""
    left: int
    """Edges in pixels from the upper left corner; those to the right and below are not inside."""
    top: int
    right: int
    bottom: int


def event_boxes(video: VideoPlan, size: tuple[int, int], fps: int) -> Iterator[EventBox]:
    """The boxes of a video in the order of its frames; none where nothing of the event is in the picture.

    A box holds things of the event that are close together and cover what is behind them by half at least. One event
    is one track, which may have several boxes in a frame; an event that runs past the last frame is two tracks, as it
    is two intervals. What stands in front of the event does not make its boxes smaller.

    Args:
        video: the plan of the video.
        size: height and width in pixels.
        fps: frames per second.
    """
    if not video.event_frames:
        return
    # The same scene and random numbers as in the film, so that the same show is drawn; nothing is encoded.
    scene = scene_of(video.scene, video.entropy[0], *size)
    show = EVENTS[video.class_name](scene, np.random.default_rng([*video.entropy, 2]))
    event = Scheduled(show, video.start, video.event_frames, video.n_frames, fps)
    for track, (first, last) in enumerate(video.intervals, 1):
        for frame in range(first - 1, last):
            for box in _boxes(_covered(event.blits(frame), size)):
                yield EventBox(frame, track, *box)


def _covered(blits: Iterable[Blit], size: tuple[int, int]) -> Bool[np.ndarray, "rows columns"]:
    """The cells in which some pixel is covered by half at least."""
    covered = np.zeros(size, bool)
    for blit in blits:
        sprite = blit.sprite
        left, top = round(blit.x - sprite.width / 2), round(blit.y - sprite.height)
        y0, y1 = max(0, -top), min(sprite.height, size[0] - top)
        x0, x1 = max(0, -left), min(sprite.width, size[1] - left)
        if y0 < y1 and x0 < x1 and blit.opacity >= 0.5:
            least = OPAQUE / 2 / min(blit.opacity, 1.0)
            covered[top + y0 : top + y1, left + x0 : left + x1] |= sprite.opacity[y0:y1, x0:x1] >= least
    return np.asarray(covered.reshape(size[0] // CELL, CELL, size[1] // CELL, CELL).any((1, 3)))


def _boxes(covered: Bool[np.ndarray, "rows columns"]) -> Iterator[tuple[int, int, int, int]]:
    """Left, top, right and bottom in pixels of each group of cells that lie close together."""
    if not covered.any():
        return
    # Cells at most GAP apart touch once each has grown by half of that.
    labels, _ = ndimage.label(ndimage.binary_dilation(covered, np.ones((GAP + 1, GAP + 1))), np.ones((3, 3)))
    for rows, columns in ndimage.find_objects(np.where(covered, labels, 0)):
        box = (columns.start * CELL, rows.start * CELL, columns.stop * CELL, rows.stop * CELL)
        if (box[2] - box[0]) * (box[3] - box[1]) >= LEAST_SHARE * covered.size * CELL**2:
            yield box
