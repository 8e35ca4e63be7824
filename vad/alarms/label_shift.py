"""How far metrics move where the ends of annotated intervals do: which differences lie below the error of labels."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, Int8

from vad.alarms.measure import AlarmSet, entries
from vad.alarms.scored import ScoredRun, frame_rates, scored_runs
from vad.artefacts.files import write_text
from vad.evaluation.evaluate import Measured
from vad.evaluation.judged_video import JudgedVideo, checked
from vad.report import page
from vad.report.inputs import JudgedSettings, ReportInputs
from vad.report.tables import csv
from vad.schema.evaluate import Evaluate

SHIFTS = (8, 16, 32)
"""Frames by which the ends move."""
MOVES = {"earlier": (-1, -1), "later": (1, 1), "longer": (-1, 1), "shorter": (1, -1)}
"""Directions in which start and end of every event move."""
OF_FRAMES = ("frame_auc", "frame_ap", "ano_auc", "frame_auc_macro")
OF_EVENTS = ("event_f1_10", "event_f1_30", "event_f1_50", "event_ap_10", "delay_median_s", "found_within_5s")
COLUMNS = ("dataset", "variant", "seed", "metric", "frames", "move", "value", "moved", "change")
SHOWN = (
    *("metric", "frames", "median change of a variant", "largest change of a variant"),
    *("largest change of a difference", "pairs that change order"),
)
ABOUT = (
    "Start and end of every event of the test list move by so many frames: both earlier, both later, away from each"
    " other and towards each other; an event that would vanish keeps one frame. Scores and thresholds stay. Changes are"
    " absolute, of the first seed, over all variants that score frames and all four moves. A *difference* is that of"
    " two variants under the same move: where two variants differ by less than its largest change, errors of labels"
    " could explain it. A pair changes order if any move reverses it. Every value is in `label_shift.csv`. Real errors"
    " differ from event to event and partly cancel; here all events move alike, which is pessimistic."
)


class Settings(JudgedSettings):
    """The variants of all data sets, how they are evaluated, and those that cannot run here, each with the reason."""

    skipped: dict[str, str]


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write label_shift.csv and label_shift.md.

    Args:
        settings: variants, seeds and how scores are evaluated.
        paths: the folders `split`, `infer` and `evaluate`.
        out: `label_shift` in the folder of the tables of all data sets.
    """
    inputs = ReportInputs.of(settings, paths)
    rows, blocks = [], []
    for dataset in inputs.datasets:
        fps = frame_rates(inputs, dataset)
        mine: list[dict[str, Any]] = []
        lengths: list[int] = []
        for run in scored_runs(inputs, dataset, settings.evaluate, inputs.seeds[:1]):
            if not any(video.label and video.labels is None for video in run.videos):
                mine += shift_rows(dataset, run, settings.evaluate, fps)
                lengths = lengths or [
                    end - start for video in run.videos for start, end in _events(video.frame_truth())
                ]
        rows += mine
        blocks += [page.heading(dataset, 2), *_section(mine, lengths)]
    write_text(out.with_suffix(".csv"), csv(rows, COLUMNS))
    write_text(out.with_suffix(".md"), page.page(page.heading("Errors of labels"), ABOUT, *blocks))


def moved_labels(labels: Int[np.ndarray, "frames"], frames: int, move: tuple[int, int]) -> Int8[np.ndarray, "frames"]:
    """Move start and end of every event of one video; events may then overlap, and end with the video.

    Args:
        labels: 0 or 1 for each frame.
        frames: by how many.
        move: direction of start and end, -1 = earlier, 1 = later.

    Returns: the labels, in which each event still has at least one frame.
    """
    found = np.zeros(len(labels), np.int8)
    for start, end in _events(labels):
        first, last = start + frames * move[0], end + frames * move[1] - 1
        if last < first:
            first = last = (first + last) // 2
        first, last = (min(max(frame, 0), len(labels) - 1) for frame in (first, last))
        found[first : last + 1] = 1
    return found


def _events(labels: Int[np.ndarray, "frames"]) -> list[tuple[int, int]]:
    """First frame of each event, and the frame after its last one."""
    ends = np.flatnonzero(np.diff(np.concatenate([[0], labels, [0]])))
    return list(zip(ends[::2].tolist(), ends[1::2].tolist(), strict=True))


def shift_rows(dataset: str, run: ScoredRun, config: Evaluate, fps: Mapping[str, float | None]) -> list[dict[str, Any]]:
    """A row for each metric, number of frames and move; metrics that are undefined have none.

    Args:
        dataset: name of the data set.
        run: its test videos, all with frame labels, and its threshold.
        config: how alarms are made.
        fps: frames per second by video id.
    """
    head = {"dataset": dataset, "variant": run.name, "seed": run.seed}
    before = _measured(run.videos, run.threshold, config, fps)
    found = []
    for frames in SHIFTS:
        for name, move in MOVES.items():
            videos = [
                replace(video, labels=moved_labels(video.frame_truth(), frames, move)) if video.label else video
                for video in run.videos
            ]
            after = _measured(videos, run.threshold, config, fps)
            for metric, value in before.items():
                if value is not None and (moved := after[metric]) is not None:
                    place = {"metric": metric, "frames": frames, "move": name}
                    found.append({**head, **place, "value": value, "moved": moved, "change": moved - value})
    return found


def _measured(
    videos: Sequence[JudgedVideo], threshold: float | None, config: Evaluate, fps: Mapping[str, float | None]
) -> dict[str, float | None]:
    """The metrics without intervals; None where one is undefined."""
    ordered = checked(videos, "frame")
    weights = np.ones((1, len(ordered)))
    frames = Measured.of(ordered, weights, threshold, "frame", OF_FRAMES)
    alarms = entries(AlarmSet(ordered, threshold, config.alarms, fps, weights), None, OF_EVENTS)
    areas = {name: None if name in frames.reasons else float(frames.values[name][0]) for name in OF_FRAMES}
    return areas | {name: alarms[name]["value"] for name in OF_EVENTS}


def summary(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The lines of the Markdown table of one data set, in the order of `SHOWN`.

    Args:
        rows: as `shift_rows` gives them, of all variants.
    """
    lines = []
    for metric in (*OF_FRAMES, *OF_EVENTS):
        for frames in SHIFTS:
            mine = [row for row in rows if (row["metric"], row["frames"]) == (metric, frames)]
            if not mine:
                continue
            changes = np.abs([row["change"] for row in mine])
            by_move = {move: {r["variant"]: r for r in mine if r["move"] == move} for move in MOVES}
            spans = [np.ptp([row["change"] for row in found.values()]) for found in by_move.values() if found]
            pairs = list(combinations(dict.fromkeys(row["variant"] for row in mine), 2))
            changed = sum(any(_reversed(found, *pair) for found in by_move.values()) for pair in pairs)
            words = [f"{np.median(changes):.3f}", f"{changes.max():.3f}", f"{max(spans):.3f}" if pairs else "-"]
            lines.append([metric, f"± {frames}", *words, f"{changed} of {len(pairs)}"])
    return lines


def _reversed(rows: Mapping[str, Mapping[str, Any]], one: str, other: str) -> bool:
    """Whether a move reverses the order of two variants; a tie before or after is no order."""
    if one not in rows or other not in rows:
        return False
    return (rows[one]["value"] - rows[other]["value"]) * (rows[one]["moved"] - rows[other]["moved"]) < 0


def _section(rows: Sequence[Mapping[str, Any]], lengths: Sequence[int]) -> list[str]:
    """The paragraphs of one data set."""
    if not rows:
        return ["No variant scores frames, or the test list has no frame labels."]
    about = f"{len(lengths)} events; half of them have at most {np.median(lengths):.0f} frames."
    return [about, page.table(SHOWN, summary(rows))]
