"""The page of a scored video: its curve, its alarms, and as much of its pictures as the user asks for."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from vad.alarms.make import rule_frames
from vad.extractors._base import Source
from vad.pages.content import AlarmRule, Heat, PageContent, Peak, Preview, Previews, peak_frames
from vad.pages.pictures import FILM_SIDE, write_preview
from vad.pages.video_page import write_page
from vad.scoring.inputs import INDEX, PREVIEW
from vad.scoring.video import ScoredVideo


def write_page_of(out: Path, video: ScoredVideo, previews: Previews) -> PageContent:
    """Write `<id>.html`, and with previews the film `<id>_preview.mp4` beside it.

    Args:
        out: the folder with the other results of the video.
        video: with or without scores.
        previews: `none`; `blur` = pictures in which no face can be made out; `full` = the pictures.

    Returns: what the page shows.

    Raises: MediaError for a video that can no longer be read; StorageError when something cannot be written.
    """
    film = out / f"{video.video_id}{PREVIEW}"
    film.unlink(missing_ok=True)  # of an earlier run, maybe with other previews
    settings = video.alarm_settings
    lengths = rule_frames(settings, video.fps or settings.fps)
    downloads = [
        f"{video.video_id}_{name}" for name in ("scores.csv", "alarms.csv", "plot.png", "summary.txt", "summary.json")
    ]
    peaks, preview = peak_frames(video.scores, video.alarms), None
    if previews != "none" and video.status == "ok":
        preview, pictures = _filmed(video, film, previews, peaks)
        shown = [Peak(frame, pictures[frame]) for frame in peaks]
    else:
        shown = [Peak(frame) for frame in peaks]
    content = PageContent(
        video_id=video.video_id,
        times=video.times,
        scores=video.scores,
        threshold=video.threshold,
        alarms=video.alarms,
        rule=AlarmRule(settings.hysteresis, merge_frames=lengths.gap, min_frames=lengths.shortest),
        fps=video.fps,
        notes=_notes(video),
        previews=previews,
        preview=preview,
        peaks=shown,
        heat=None if video.places is None else Heat(video.places.frames, video.places.maps),
        downloads=[name for name in downloads if (out / name).is_file()],
        index=INDEX,
    )
    write_page(out / f"{video.video_id}.html", content)
    return content


def film_size(report: Mapping[str, Any]) -> tuple[int, int]:
    """Width and height of the pictures of a film: as the video is shown, the longer side at most `FILM_SIDE`.

    Args:
        report: of the features, with the decode report of the video.
    """
    decode = report.get("decode") or {}
    width, height, _ = max(decode.get("sizes") or [[4, 3, 0]], key=lambda size: size[2])
    if round(decode.get("rotation", 0) / 90) % 2:
        width, height = height, width
    share = FILM_SIDE / max(width, height)
    return max(round(width * share), 2), max(round(height * share), 2)


def _notes(video: ScoredVideo) -> list[str]:
    """What a reader must know, the most important first."""
    problem = [f"{video.status}: {video.problem}"] if video.problem else []
    rule = [f"threshold: {video.threshold_rule}"] if video.threshold_rule else []
    return [*problem, f"scored by {video.run}: {video.chosen}", *rule, *video.notes]


def _filmed(
    video: ScoredVideo, film: Path, level: Literal["blur", "full"], peaks: list[int]
) -> tuple[Preview, dict[int, bytes]]:
    """The film of a video and the pictures of some frames, by one pass over it."""
    wanted = set(peaks)
    pictures: dict[int, bytes] = {}

    def frames() -> Iterator[tuple[float, UInt8[np.ndarray, "height width 3"]]]:
        """Time and picture of each scored frame; the wanted pictures are kept on the way."""
        width, height = film_size(video.report)
        source = Source(video.video_id, (video.path,), every=video.every)
        # DALI may ask to begin again with PyAV; small pictures need no GPU.
        rules = video.rules.model_copy(update={"decoder": "pyav"})
        for number, picture in enumerate(source.open(height, width, rules).frames()):
            if number in wanted:
                stream = io.BytesIO()
                Image.fromarray(picture).save(stream, "JPEG", quality=90)
                pictures[number] = stream.getvalue()
            yield float(video.times[number]), picture

    return write_preview(frames(), film, level), pictures
