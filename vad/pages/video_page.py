"""The page of one video: player, score curve, alarms at any threshold, pictures of its peaks, downloads."""

import base64
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vad.artefacts.files import write_text
from vad.pages.content import PageContent, Stretch, spans
from vad.pages.curve import curve
from vad.pages.pictures import data_url, small_map, thumbnail
from vad.pages.shell import PAGE_SCRIPTS, PAGE_STYLES, address, filled

PICTURE_BYTES = 100_000
"""Of all pictures inside a page together, at most; those of lower peaks are left out."""
MOST_SPANS = 1_000
"""Alarms and labelled events in a page, at most; with more, the threshold is too low for the video."""


def write_page(path: Path, content: PageContent) -> None:
    """Write the page of a video: one HTML file that works by a double click, without a server or a network.

    Without its film it is smaller than 300 kB, however long the video is.

    Args:
        path: the new `.html`; film, downloads and overview of `content` lie beside it.
        content: what it shows.

    Raises: ArtefactError if the content contradicts itself.
    """
    content.check(path.parent)
    write_text(path, filled("page.html", f"{content.video_id} - scores", page_data(content), PAGE_SCRIPTS, PAGE_STYLES))


def write_choices(path: Path, choices: Mapping[str, PageContent], shared: str) -> None:
    """Write the page of a video that several models scored; the reader chooses one, as does `#<model>` in its address.

    It is smaller than 300 kB with up to 50 models, however long the video is.

    Args:
        path: the new `.html`.
        choices: what it shows for each model, by its name, the first one at first; all of the same frames.
        shared: folder beside the page with its scripts and styles (`write_shared`).

    Raises: ArtefactError if a content contradicts itself.
    """
    shown = []
    for name, content in choices.items():
        content.check(path.parent)
        shown.append({"name": name, **page_data(content, len(choices))})
    for one in shown[1:]:
        if one["curve"] and shown[0]["curve"] and one["curve"]["ms"] == shown[0]["curve"]["ms"]:
            one["curve"]["ms"] = None
    title = f"{next(iter(choices.values())).video_id} - scores"
    write_text(path, filled("page.html", title, {"choices": shown}, PAGE_SCRIPTS, PAGE_STYLES, shared))


def page_data(content: PageContent, sharing: int = 1) -> dict[str, Any]:
    """What the scripts of a page read; JSON values only.

    Args:
        content: what the page shows.
        sharing: contents that share the page and its size.
    """
    most = MOST_SPANS // sharing
    film = content.preview if content.previews != "none" else None
    heat = None if film is None else _heat(content)
    return {
        "id": content.video_id,
        "fps": content.fps,
        "frames": len(content.scores),
        "end": round(content.duration_s, 3),
        "threshold": None if content.threshold is None else float(content.threshold),
        "rule": dataclasses.asdict(content.rule),
        "median": float(np.median(content.scores)) if len(content.scores) else None,
        "alarms": _pairs(content.alarms, most),
        "labels": None if content.labels is None else _pairs(spans(content.labels), most),
        "curve": curve(content.times - content.times[0], content.scores, sharing) if len(content.scores) else None,
        "notes": list(content.notes),
        "previews": content.previews,
        "film": None if film is None else {"src": address(film.path.name), "name": film.path.name},
        "heat": heat,
        "peaks": _peaks(content, PICTURE_BYTES - (len(heat["levels"]) if heat else 0)),
        "downloads": [{"href": address(name), "name": name} for name in content.downloads],
        "index": None if content.index is None else address(content.index),
    }


def _pairs(stretches: Sequence[Stretch], most: int) -> list[list[int]]:
    return [[int(one.start), int(one.end)] for one in stretches[:most]]


def _heat(content: PageContent) -> dict[str, Any] | None:
    """Maps of at most as many cells as a blurred picture has, as levels of 0 to 255 over all of them."""
    if content.heat is None or not len(content.heat.frames):
        return None
    maps = np.stack([small_map(one) for one in content.heat.maps.astype(float)])
    low, high = maps.min(), maps.max()
    levels = np.rint((maps - low) * (255 / ((high - low) or 1.0))).astype(np.uint8)
    return {
        "frames": content.heat.frames.tolist(),
        "rows": levels.shape[1],
        "columns": levels.shape[2],
        "levels": base64.b64encode(levels.tobytes()).decode(),
    }


def _peaks(content: PageContent, left: int) -> list[dict[str, Any]]:
    """Frames with the pictures that may be shown and fit, those of the highest scores first to be kept."""
    level = content.previews
    shown: list[dict[str, Any]] = []
    for peak in sorted(content.peaks, key=lambda peak: -content.scores[peak.frame]):
        one = {"frame": peak.frame, "score": float(content.scores[peak.frame]), "picture": None, "heat": None}
        if level != "none":
            # Maps are blurred, too: a map of prediction errors shows the outlines of people.
            given = {"picture": peak.picture, "heat": peak.picture and peak.heat}
            urls = {name: data_url(thumbnail(part, level)) for name, part in given.items() if part}
            if (size := sum(map(len, urls.values()))) <= left:
                left -= size
                one |= urls
        shown.append(one)
    return sorted(shown, key=lambda one: one["frame"])
