"""Content of pages for tests."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vad.pages.content import AlarmRule, PageContent, Span, spans

HOSTILE = "Abuse</script><script>window.PWN=1</script><img src=x onerror=window.PWN=2>&amp;\u2028{{data}}.mp4"
FPS = 20.0
THRESHOLD = 0.5


def content(n_frames: int = 200, **changes: Any) -> PageContent:
    """A video with two alarms: frames 40 to 59 at 0.9 and 120 to 129 at 0.7; labels at 45 to 64."""
    scores = np.full(n_frames, 0.1)
    scores[40:60], scores[120:130] = 0.9, 0.7
    labels = np.zeros(n_frames, int)
    labels[45:65] = 1
    given: dict[str, Any] = {
        "video_id": "Abuse004",
        "times": np.arange(n_frames) / FPS,
        "scores": scores,
        "threshold": THRESHOLD,
        "alarms": spans(scores >= THRESHOLD),
        "rule": AlarmRule(),
        "fps": FPS,
        "labels": labels,
    }
    return PageContent(**{**given, **changes})


def noise(n_frames: int) -> PageContent:
    """A long video of which no number is like another, with uneven frame times and many alarms and labels."""
    draw = np.random.default_rng(0)
    scores = draw.normal(size=n_frames)
    found = [Span(i, i + 1) for i in range(0, n_frames, 2)]
    times = np.cumsum(draw.uniform(0.01, 0.06, n_frames))
    labels = draw.integers(0, 2, n_frames)
    return content(n_frames, times=times - times[0], scores=scores, alarms=found, labels=labels, fps=None)


def jpeg(pixels: np.ndarray) -> bytes:
    """A picture as a JPEG."""
    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def picture(seed: int = 0, height: int = 240, width: int = 320) -> np.ndarray:
    """A picture of noise, which no format makes small."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def data_of(page: Path) -> str:
    """The text of the data inside a page."""
    text = page.read_text(encoding="utf-8")
    begin = '<script id="data" type="application/json">'
    return text[text.index(begin) + len(begin) :].split("</script>")[0]
