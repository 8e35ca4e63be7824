"""From the rows of `test.csv` to the labels that scores are compared with, under a named convention."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Shaped

from vad.artefacts.npy import load_npy
from vad.errors import ArtefactError, DatasetError, listing
from vad.evaluation.ground_truth import Annotation, Convention, frame_labels
from vad.evaluation.judged_video import VideoTruth
from vad.splits.tables import parse_intervals

FRAME_COUNT_TOLERANCE = 2
"""Frames by which two decoders may differ on one video; a larger difference means that it is another video."""


class Truth(NamedTuple):
    """The labels of the test videos, and notes about what differs from the lists."""

    videos: list[VideoTruth]
    notes: list[str]


def read_labels(test: pd.DataFrame, folder: Path) -> dict[str, Shaped[np.ndarray, "frames"]]:
    """Read the labels of the test videos that have one for each frame.

    Args:
        test: `test.csv` as `vad.splits.tables.read_test` returns it.
        folder: where `<video_id>.npy` of each of them lies; need not exist if there are none.

    Raises: ArtefactError for a file that is missing or damaged.
    """
    names = test.loc[test["frame_labels"] != "", "video_id"]
    try:
        return {name: load_npy(folder / f"{name}.npy") for name in names}
    except ValueError as error:
        raise ArtefactError(f"{folder}: {error}. Delete the folder and run snakemake again.") from error


def truth_of(
    test: pd.DataFrame,
    n_frames: Mapping[str, int],
    fps: Mapping[str, float | None],
    rules: Convention,
    labelled: Mapping[str, Shaped[np.ndarray, "frames"]],
) -> Truth:
    """Make the frame labels of every test video, as long as its scores.

    Args:
        test: `test.csv` as `vad.splits.tables.read_test` returns it.
        n_frames: number of frames that were scored, by video id.
        fps: frames per second as decoded, by video id; needed for annotations in seconds only.
        rules: the ground-truth convention.
        labelled: labels of the videos that have one for each frame, as `read_labels` returns them.

    Raises: DatasetError naming every test video without scores and every annotation that is wrong.
    """
    missing = [f"{video_id}: no scores" for video_id in test["video_id"] if video_id not in n_frames]
    if missing:
        raise DatasetError(listing("test videos", missing, "Score exactly the videos of the test list."))
    rows = list(test.to_dict("records"))
    labels = frame_labels([_annotation(row, n_frames, fps, labelled) for row in rows if row["frame_level"]], rules)
    videos = [
        VideoTruth(
            video_id=row["video_id"],
            class_name=row["class"],
            label=int(row["label"]),
            n_frames=rules.frames(n_frames[row["video_id"]]),
            labels=labels[row["video_id"]].labels if row["video_id"] in labels else None,
        )
        for row in rows
    ]
    notes = [
        f"{name}: {found.clipped} annotation(s) end past the last frame: clipped"
        + (f"; {found.outside} of them begin past it: no frame is left" if found.outside else "")
        for name, found in labels.items()
        if found.clipped
    ]
    return Truth(videos, notes + list(_length_notes(rows, n_frames)))


def _annotation(
    row: dict[Any, Any],
    n_frames: Mapping[str, int],
    fps: Mapping[str, float | None],
    labelled: Mapping[str, Shaped[np.ndarray, "frames"]],
) -> Annotation:
    name = row["video_id"]
    return Annotation(
        video_id=name,
        n_frames=n_frames[name],
        intervals=parse_intervals(row["intervals"]),
        rule=row["interval_rule"],
        unit=row["unit"],
        fps=fps.get(name),
        frames=labelled.get(name),
    )


def _length_notes(rows: Iterable[dict[Any, Any]], n_frames: Mapping[str, int]) -> Iterable[str]:
    """A note for each video whose number of frames is not the one that its list states."""
    for row in rows:
        name, stated = row["video_id"], row["n_frames"]
        if not pd.isna(stated) and abs(int(stated) - n_frames[name]) > 0:
            weight = "note" if abs(int(stated) - n_frames[name]) <= FRAME_COUNT_TOLERANCE else "warning"
            yield f"{weight}: {name} has {n_frames[name]} frames, its list says {int(stated)}"
