"""What happens for a while in a `mini_crime` video: a show, its time, and how figures come and go in it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from vad.synthetic.people import Person, Pose, figure
from vad.synthetic.scene import Scene
from vad.synthetic.sprites import Blit, Number

Show = Callable[[Number, Number], Iterable[Blit]]
"""What is to be seen `seconds` after the beginning, at a part 0..1 of the whole duration."""

Builder = Callable[[Scene, np.random.Generator], Show]


@dataclass(frozen=True)
class Scheduled:
    """A show with its frames, on the circle of the video's frames."""

    show: Show
    start: int
    length: int
    n_frames: int
    fps: int

    def blits(self, frame: int) -> Iterable[Blit]:
        """What the show adds to one frame; nothing outside its time."""
        since = (frame - self.start) % self.n_frames
        if since >= self.length:
            return ()
        return self.show(since / self.fps, since / self.length)


def crossing(progress: Number, width: int, reach: Number, leftwards: bool) -> Number:
    """Column of something that crosses the whole picture during its show."""
    x = -reach + progress * (width + 2 * reach)
    return width - x if leftwards else x


def swell(progress: Number, edge: Number = 0.1) -> Number:
    """0 at both ends of a show, 1 between."""
    return max(0.0, min(1.0, progress / edge, (1 - progress) / edge))


def approach(progress: Number, home: Number, away: Number, part: Number = 0.14) -> Number:
    """Column of a person who comes from `away`, stays at `home`, and leaves the same way."""
    near = swell(progress, part)
    return away + (home - away) * near


def acting(who: Person, pose: Pose, size: int, facing: int, x: Number, row: Number) -> Blit:
    """One figure on the ground."""
    return Blit(row, figure(who, pose, size, facing), x, row + 0.05 * size)
