"""Files of score maps: one a video, beside the score file of its run.

A score takes two bytes: one of 65,536 even levels between the lowest and the highest score of the video. 256 levels are
too few for errors of predicted pictures, and float16 for scores near 1 (docs/protocol.md has the comparison).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from vad.artefacts.files import UNREADABLE, atomic, read_archive
from vad.artefacts.npy import write_npz
from vad.artefacts.scores import MAPS
from vad.errors import ArtefactError, VadError
from vad.localisation.geometry import Geometry
from vad.localisation.maps import NO_PIXEL, OWN, VideoMaps

HIGHEST = 2**16 - 1
"""The highest level."""
DRAWS = "localisation.npz"
"""In the folder of a run's metrics: each localisation metric in each draw of videos."""


def maps_folder(scores: Path) -> Path:
    """Where the maps of a run lie, beside its score file."""
    return scores.with_suffix(MAPS)


def further_file(own: Path, name: str) -> Path:
    """The file of a further map of a model.

    Args:
        own: the file of the maps behind the scores of the same video.
        name: of the further map.

    Raises: VadError for a name that names no folder, or another row of evaluation.
    """
    if not re.fullmatch("[a-z0-9_]+", name) or name in (OWN, *NO_PIXEL):
        rule = f"use small letters, digits and _, and none of {', '.join((OWN, *NO_PIXEL))}"
        raise VadError(f"a further map is named {name!r}: {rule}. See note_maps in docs/adding-a-variant.md")
    return own.parent / name / own.name


def seen_in_video(
    maps: Float[np.ndarray, "maps rows columns"],
    frames: Int[np.ndarray, "maps"],
    decode: Mapping[str, Any],
    resized: tuple[int, int] | None = None,
) -> VideoMaps:
    """Maps of the pictures that a model sees, tied to the pixels of the video as it is stored.

    Args:
        maps: of pictures that were turned upright as the video states, then squashed.
        frames: of each map, from 0, ascending.
        decode: the report of the decoder, stored with the features.
        resized: height and width of the squashed pictures, in pixels; None = not known, which changes no cell.

    Raises: ArtefactError for a report without sizes, or cells that hold no pixel.
    """
    if not decode.get("sizes"):
        raise ArtefactError("the features do not state the size of their video's pictures. Extract the video again.")
    width, height, _ = max(decode["sizes"], key=lambda size: size[2])
    turns = 0 if decode.get("as_stored") else round(decode.get("rotation", 0) / 90) % 4
    if decode.get("mirrored"):
        # The decoder mirrors the stored picture first and turns it then, by half a turn more than the video states.
        turns = (turns + 2) % 4
        maps = np.flip(maps, 1 if turns % 2 else 2)
    geometry = Geometry(height, width, *maps.shape[1:], turns=turns, resized=resized)
    return VideoMaps(maps, frames, geometry)


def write_maps(path: Path, video: VideoMaps) -> None:
    """Write the maps of one video, atomically; equal maps give equal bytes."""
    low, high = (float(video.maps.min()), float(video.maps.max())) if video.maps.size else (0.0, 0.0)
    levels = np.rint((video.maps.astype(float) - low) * (HIGHEST / ((high - low) or 1.0))).astype(np.uint16)
    arrays = {
        "geometry": np.array(json.dumps(asdict(video.geometry), sort_keys=True)),
        "levels": levels,
        "range": np.array([low, high]),
        "frames": video.frames.astype(np.int64),
    }
    with atomic(path) as stream:
        write_npz(stream, arrays)


def read_maps(path: Path) -> VideoMaps:
    """Read the maps of one video.

    Raises: ArtefactError for a damaged file.
    """
    try:
        archive = read_archive(path)
        stated = json.loads(str(archive["geometry"]))
        pairs = {name: value and tuple(value) for name, value in stated.items() if name in ("resized", "crop")}
        geometry = Geometry(**{**stated, **pairs})
        levels, (low, high) = archive["levels"], archive["range"]
        if levels.dtype != np.uint16 or levels.ndim != 3 or archive["frames"].dtype != np.int64:
            raise ValueError(f"levels are {levels.dtype} {levels.shape}")
        maps = (low + levels * ((high - low) / HIGHEST)).astype(np.float32)
        return VideoMaps(maps, archive["frames"], geometry)
    except (*UNREADABLE, ArtefactError) as error:
        raise ArtefactError(f"{path}: not a readable file of maps ({error}). Run snakemake again.") from error
