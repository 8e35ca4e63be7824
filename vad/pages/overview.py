"""The overview of several videos: a table that can be sorted, with the curve and the alarms of each in small."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vad.artefacts.files import write_text
from vad.pages.content import PageContent, Stretch
from vad.pages.shell import address, filled

STRIP_POINTS = 160
"""Of the small curve of a video."""
MOST_ALARMS = 100
"""Drawn in a row, at most; the number counts all."""


@dataclass(frozen=True)
class OverviewRow:
    """One video in the overview; small, so that rows of any number of videos can be kept."""

    video_id: str
    page: str | None
    """Name of its page in the folder of the overview; None = it has none."""
    duration_s: float
    highest: float | None
    """Its highest score; None = not scored."""
    n_alarms: int
    alarm_s: float
    """Seconds under alarm."""
    strip: Sequence[float] = ()
    """The highest score of each of at most `STRIP_POINTS` equal stretches."""
    drawn: Sequence[tuple[float, float]] = ()
    """Start and end of alarms as shares of the length, 0..1."""
    threshold: float | None = None
    note: str = ""
    """Why it has no score, for one."""

    @classmethod
    def of(cls, content: PageContent, page: str | None, note: str = "") -> "OverviewRow":
        """The row of a video with a page.

        Args:
            content: of its page.
            page: name of its page in the folder of the overview.
            note: shown beside the name.
        """
        scores, n = content.scores, len(content.scores)
        starts = np.unique(np.linspace(0, n, min(n, STRIP_POINTS), endpoint=False).astype(int)) if n else []
        ends = np.append(content.times, content.times[0] + content.duration_s) if n else np.zeros(1)
        return cls(
            video_id=content.video_id,
            page=page,
            duration_s=content.duration_s,
            highest=float(scores.max()) if n else None,
            n_alarms=len(content.alarms),
            alarm_s=float(sum(ends[a.end] - ends[a.start] for a in content.alarms)),
            strip=[float(f"{value:.5g}") for value in np.maximum.reduceat(scores, starts)] if n else [],
            drawn=[_shares(span, ends) for span in content.alarms[:MOST_ALARMS]],
            threshold=content.threshold,
            note=note,
        )


def _shares(span: Stretch, ends: np.ndarray) -> tuple[float, float]:
    length = float(ends[-1] - ends[0]) or 1.0
    return round(float(ends[span.start] - ends[0]) / length, 4), round(float(ends[span.end] - ends[0]) / length, 4)


def write_overview(
    path: Path, rows: Sequence[OverviewRow], title: str = "Scored videos", up: str | None = None
) -> None:
    """Write the overview, usually `index.html` in the folder of the pages.

    Args:
        path: the new `.html`.
        rows: in the order in which they are shown first.
        title: heading; any text.
        up: relative address of the page over it, if there is one.
    """
    data = {
        "title": title,
        "up": up,
        "rows": [
            {
                "id": row.video_id,
                "href": None if row.page is None else address(row.page),
                "seconds": round(row.duration_s, 3),
                "highest": row.highest,
                "alarms": row.n_alarms,
                "alarm_s": round(row.alarm_s, 3),
                "strip": list(row.strip),
                "drawn": [list(span) for span in row.drawn],
                "threshold": row.threshold,
                "note": row.note,
            }
            for row in rows
        ],
    }
    write_text(path, filled("overview.html", title, data, ["overview.js"], ["common.css", "overview.css"]))
