"""Write what is known of scored videos: tables, a figure and a summary of each, and one table over all."""

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from vad.artefacts.files import atomic, replacing, write_json, write_text
from vad.drawing.curves import plt
from vad.scoring.video import ScoredVideo

ROWS = 2**16
"""Frames whose lines are in memory at once."""
SUMMARY = "inference_summary.csv"
MOST_POINTS = 4000
"""Of a drawn curve: of a longer video the lowest and the highest score of each stretch are drawn."""


def write_video(out: Path, video: ScoredVideo) -> None:
    """Write `<id>_summary.json` and `.txt`, and for a video with scores the two tables and the figure.

    Args:
        out: the folder; made if it is not there.
        video: what was found of it.

    Raises: StorageError when something cannot be written.
    """
    write_json(out / f"{video.video_id}_summary.json", {**summary(video), **_more(video)})
    write_text(out / f"{video.video_id}_summary.txt", summary_text(video))
    places = {name: out / f"{video.video_id}_{name}" for name in ("scores.csv", "alarms.csv", "plot.png")}
    if video.status != "ok":
        for place in places.values():
            place.unlink(missing_ok=True)  # of an earlier run: it would contradict the summary
        return
    _write_scores(places["scores.csv"], video)
    _write_alarms(places["alarms.csv"], video)
    _draw(places["plot.png"], video)


def write_summaries(out: Path, videos: Sequence[ScoredVideo]) -> None:
    """Write one row for each video, those without scores too.

    Args:
        out: the folder.
        videos: in the order of the command line.
    """
    text = io.StringIO()
    rows = [summary(video) for video in videos]
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_text(out / SUMMARY, text.getvalue())


def summary(video: ScoredVideo) -> dict[str, Any]:
    """What is known of a video in one row: plain values, None where a number is not known."""
    peak = int(np.argmax(video.scores)) if len(video.scores) else None
    return {
        "video_id": video.video_id,
        "path": video.shown,
        "status": video.status,
        "run": video.run,
        "frames": len(video.scores),
        "seconds": round(video.seconds, 3),
        "video_score": video.video_score,
        "threshold": video.threshold,
        "flagged": video.flagged,
        "alarms": len(video.alarms) if video.threshold is not None else None,
        "alarm_seconds": round(sum(alarm_seconds(video)), 3) if video.threshold is not None else None,
        "peak_time_s": None if peak is None else round(float(video.times[peak]), 3),
        "peak_source_frame": None if peak is None else int(video.frames[peak]),
        "problem": video.problem,
    }


def _more(video: ScoredVideo) -> dict[str, Any]:
    """What does not fit in a row."""
    return {
        "chosen": video.chosen,
        "threshold_rule": video.threshold_rule,
        "fps": video.fps,
        "notes": video.notes,
        "report": video.report,
    }


def alarm_seconds(video: ScoredVideo) -> list[float]:
    """How long each alarm lasts, in seconds."""
    return [video.end_of(alarm.end) - float(video.times[alarm.start]) for alarm in video.alarms]


def summary_text(video: ScoredVideo) -> str:
    """The summary for reading."""
    lines = [f"video      {video.shown}", f"run        {video.run} ({video.chosen})", f"status     {video.status}"]
    if video.status != "ok":
        return "\n".join([*lines, f"problem    {video.problem}"]) + "\n"
    score = f"{video.video_score:.4g}"
    lines.append(f"length     {len(video.scores)} scored frames, {clock(video.seconds)}")
    if video.threshold is None:
        lines += [f"score      {score}", "alarms     no threshold is known"]
    else:
        verdict = "reaches" if video.flagged else "stays below"
        lines.append(f"score      {score}, {verdict} the threshold {video.threshold:.4g} ({video.threshold_rule})")
        lines.append(f"alarms     {len(video.alarms)}, together {clock(sum(alarm_seconds(video)))}")
    for alarm, seconds in zip(video.alarms, alarm_seconds(video), strict=True):
        start = float(video.times[alarm.start])
        lines.append(f"           {clock(start)} to {clock(start + seconds)}, highest score {alarm.peak:.4g}")
    lines += [f"note       {note}" for note in video.notes]
    return "\n".join(lines) + "\n"


def clock(seconds: float) -> str:
    """A time as h:mm:ss.s."""
    tenths = round(seconds * 10)
    return f"{tenths // 36000}:{tenths // 600 % 60:02}:{tenths // 10 % 60:02}.{tenths % 10}"


def _write_scores(path: Path, video: ScoredVideo) -> None:
    """One line for each scored frame; scores with as many digits as bring back the same bits."""
    with atomic(path) as stream:
        stream.write(b"frame,source_frame,time_s,score\n")
        for start in range(0, len(video.scores), ROWS):
            rows = slice(start, start + ROWS)
            columns = zip(video.frames[rows], video.times[rows], video.scores[rows], strict=True)
            lines = (f"{start + i},{n},{time:.6f},{score!s}\n" for i, (n, time, score) in enumerate(columns))
            stream.write("".join(lines).encode())


def _write_alarms(path: Path, video: ScoredVideo) -> None:
    """One line for each alarm; the end frame is the last one of it."""
    head = "alarm,start_source_frame,end_source_frame,start_s,end_s,seconds,peak_score,threshold\n"
    lines: Iterable[str] = (
        f"{number},{video.frames[alarm.start]},{video.frames[alarm.end - 1]},{video.times[alarm.start]:.3f},"
        f"{video.end_of(alarm.end):.3f},{seconds:.3f},{alarm.peak:.9g},{video.threshold:.9g}\n"
        for number, (alarm, seconds) in enumerate(zip(video.alarms, alarm_seconds(video), strict=True), start=1)
    )
    write_text(path, head + "".join(lines))


def _draw(path: Path, video: ScoredVideo) -> None:
    """Score over time, with threshold and alarms."""
    figure, axes = plt.subplots(figsize=(10, 3.2), layout="constrained")
    unit, name = (60.0, "minutes") if video.seconds >= 600 else (1.0, "seconds")
    for number, (alarm, seconds) in enumerate(zip(video.alarms, alarm_seconds(video), strict=True)):
        start = float(video.times[alarm.start])
        label = "alarm" if number == 0 else None
        axes.axvspan(start / unit, (start + seconds) / unit, color="tab:red", alpha=0.15, linewidth=0, label=label)
    times, scores = _drawn(video)
    axes.plot(times / unit, scores, color="tab:blue", linewidth=1, label="score")
    if video.threshold is not None:
        axes.axhline(video.threshold, color="tab:red", linestyle="--", linewidth=1, label="threshold")
    axes.set_xlim(0, max(video.seconds, 1e-3) / unit)
    axes.set_xlabel(f"time in {name}")
    axes.set_ylabel("score")
    axes.set_title(f"{video.video_id}, scored by {video.run}", fontsize=10, loc="left", parse_math=False)
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png", metadata={"Software": None})
    plt.close(figure)


def _drawn(video: ScoredVideo) -> tuple[np.ndarray, np.ndarray]:
    """The points of the curve."""
    count = len(video.scores)
    if count <= MOST_POINTS:
        return video.times, video.scores
    edges = np.linspace(0, count, MOST_POINTS // 2 + 1).astype(int)
    parts = [video.scores[a:b] for a, b in pairwise(edges)]
    places = [a + at for a, part in zip(edges, parts, strict=False) for at in sorted((part.argmin(), part.argmax()))]
    return video.times[places], video.scores[places]
