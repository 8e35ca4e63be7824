"""One video of a data set as its lists state it, and the part that is held back for validation."""

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from vad.schema.base import Section

ID_BYTES = 200  # leaves room for suffixes under the usual 255 bytes of a file name
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
Intervals = tuple[tuple[float, float], ...]
"""Start and end of each annotated event, as the list gives them: not clipped, not shifted."""


class Validation(Section):
    """The part of the train list that chooses epochs and thresholds; the test list never does."""

    fraction: float = Field(
        default=0.2,
        ge=0,
        lt=1,
        description="share of each label's train videos, over its classes, that no model is trained on; 0 = models that"
        " keep their last epoch train on all videos, as published, and a fifth of these chooses thresholds and ranges"
        " of scores",
    )
    seed: int = Field(default=0, ge=0, description="seed of the draw")


@dataclass(frozen=True)
class Video:
    """One video of a data set, as its lists state it.

    Attributes:
        video_id: official name without extension, of the id rule `[A-Za-z0-9][A-Za-z0-9_-]*`.
        path: POSIX path relative to the data set's video root; "" when only features are used.
        split: list that names it.
        label: 0 normal (or presumed normal), 1 anomalous.
        class_name: event class, e.g. "Abuse" or "Normal".
        intervals: annotated events of a test video, in `unit`, as given.
        unit: unit of `intervals`.
        frame_labels: file of one label a frame, relative to the data set's root, or what the data set calls
            labels that it keeps together; "" when there is none.
        frame_level: False for an anomalous test video without marked frames: it counts in video-level metrics only.
        n_frames: frame count when a list states one (used for imported features only), else None.
        part: "fit" or "validation" when the user chose, "" to let `carve_validation` choose.
    """

    video_id: str
    path: str
    split: Literal["train", "test"]
    label: int
    class_name: str
    intervals: Intervals = ()
    unit: Literal["frame", "second"] = "frame"
    frame_labels: str = ""
    frame_level: bool = True
    n_frames: int | None = None
    part: Literal["", "fit", "validation"] = ""


def safe_name(name: str) -> str:
    """A name with every character that an id may not have replaced by `_`; an id stays as it is."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name).lstrip("_-")


def is_id(text: str) -> bool:
    """Whether a name is safe as part of a path, a stage name and a shell word."""
    return len(text) <= ID_BYTES and _ID.fullmatch(text) is not None
