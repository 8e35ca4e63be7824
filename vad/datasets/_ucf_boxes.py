"""For `ucf_crime`: boxes that people drew around events, as a table or as their authors publish them.

Paper: Liu and Ma, "Exploring Background-bias for Anomaly Detection in Surveillance Videos", ACM MM 2019.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from vad.artefacts.pickles import load_pickle
from vad.datasets._text import encoding_of
from vad.datasets._ucf_lists import key
from vad.splits.video import Intervals

NEAR = 8
"""A frame counts as anomalous this close to a box: boxes are drawn on every 16th frame."""
_LAST_NUMBER = re.compile(r"(\d+)\D*$", re.ASCII)


def read_boxes(path: Path, problems: list[str]) -> dict[str, set[int]]:
    """The frames that have a box, from 1, by the key of the video.

    Args:
        path: CSV with columns video and frame, or a pickle of {video: [[image path, x1, y1, x2, y2], ...]}, of which
            nothing is run; the last number in the name of an image is that of the frame.
        problems: receives what is wrong.
    """
    frames: dict[str, set[int]] = defaultdict(set)
    try:
        for number, (video, frame) in enumerate(_rows(path), 1):
            if not frame.isdecimal() or not 0 < int(frame) < 10**9:
                problems.append(f"{path.name}, box {number}: {frame[:40]!a} is not a frame number from 1")
            else:
                frames[key(video)].add(int(frame))
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, csv.Error) as error:
        problems.append(f"{path.name}: no boxes to read ({error})")
    return dict(frames)


def _rows(path: Path) -> Iterable[tuple[str, str]]:
    """Video and frame of each box."""
    if path.suffix.lower() in (".pkl", ".pickle"):
        for video, boxes in load_pickle(path).items():
            for box in boxes:
                match = _LAST_NUMBER.search(Path(str(box[0]).replace("\\", "/")).stem)
                yield str(video), match[1] if match else str(box[0])
        return
    with path.open(encoding=encoding_of(path), newline="") as file:
        for row in csv.DictReader(file):
            yield row["video"], row["frame"]


def intervals_near(frames: Iterable[int]) -> Intervals:
    """The intervals of frames near a box, from 0, ends excluded; those that touch are one."""
    merged: list[tuple[float, float]] = []
    for frame in sorted(frames):
        start, end = float(max(frame - 1 - NEAR, 0)), float(frame + NEAR)
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return tuple(merged)
