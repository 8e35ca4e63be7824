"""The decode report of a video: counts and timestamps, collected while it is decoded, stored with its features."""

from array import array
from collections import Counter
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.stream import VideoStream


class Tally:
    """Counts frames, damage, sizes and timestamps as the frames pass by.

    `facts` holds what the container states, known before the first frame.
    """

    def __init__(self) -> None:
        self.facts: dict[str, Any] = decoder_versions()
        self.packets = self.frames = self.corrupt = self.errors = self.without_pts = 0
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.rotations: Counter[int] = Counter()
        self.pts = array("q")
        self.time_base = Fraction(1)

    def add(self, frame: VideoFrame) -> None:
        """Count one decoded frame."""
        self.frames += 1
        self.corrupt += frame.is_corrupt
        self.sizes[frame.width, frame.height] += 1
        self.rotations[frame.rotation] += 1
        if frame.pts is None:
            self.without_pts += 1
        else:
            self.pts.append(frame.pts)

    @property
    def damaged_frac(self) -> float:
        """Frames marked as corrupt and packets that gave an error, as a part of all."""
        return (self.corrupt + self.errors) / max(1, self.frames + self.errors)

    def report(self) -> dict[str, Any]:
        """The decode report, ready for JSON.

        `sizes` are [width, height, frames] in the order they appeared; `rotation` is the most frequent one,
        in degrees anticlockwise; `errors` counts packets; times are in seconds. More packets than frames
        is no fault by itself: some codecs have packets that show nothing.
        """
        return self.facts | {
            "packets": self.packets,
            "frames_decoded": self.frames,
            "corrupt": self.corrupt,
            "errors": self.errors,
            "sizes": [[width, height, count] for (width, height), count in self.sizes.items()],
            "rotation": self.rotations.most_common(1)[0][0] if self.rotations else 0,
            **self._times(),
        }

    def _times(self) -> dict[str, Any]:
        """Summary of the timestamps: first, last, and the steps between neighbours in decode order."""
        pts = np.array(self.pts, np.int64)
        steps = np.diff(pts)
        seconds = float(self.time_base)
        steps_s = {
            f"step_{name}_s": float(function(steps)) * seconds if len(steps) else None
            for name, function in (("min", np.min), ("median", np.median), ("max", np.max))
        }
        return {
            "pts_monotone": bool((steps > 0).all()),
            "pts_missing": self.without_pts,
            "first_s": float(pts[0]) * seconds if len(pts) else None,
            "last_s": float(pts[-1]) * seconds if len(pts) else None,
            **steps_s,
        }


def mirrored(frame: VideoFrame) -> bool:
    """Whether the container states that the picture is shown mirrored, besides any turn."""
    if Type.DISPLAYMATRIX not in frame.side_data:
        return False
    matrix = bytes(frame.side_data[Type.DISPLAYMATRIX])
    (a, b, _), (c, d, _), _ = np.frombuffer(matrix, np.int32).reshape(3, 3).astype(float)
    return a * d < b * c


def stream_facts(container: InputContainer, stream: VideoStream) -> dict[str, Any]:
    """What the container states. Its number of frames is often wrong: noted, never used."""
    context = stream.codec_context
    return {
        "container": container.format.name,
        "codec": context.name,
        "pixel_format": context.pix_fmt,
        "fps": float(stream.average_rate) if stream.average_rate else None,
        "frames_header": stream.frames,
        "video_streams": len(container.streams.video),
    }


def decoder_versions() -> dict[str, Any]:
    """The decoder: part of the identity of every feature that is made with it."""
    libraries = {name: ".".join(map(str, av.library_versions[name])) for name in ("libavcodec", "libswscale")}
    return {"decoder": "PyAV", "av": av.__version__, **libraries}
