"""Small pictures and films for pages, as they are or blurred beyond recognition of a person."""

import base64
import io
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from PIL import Image

from vad.artefacts.files import replacing
from vad.pages.content import Preview

BLUR_CELLS = 16
"""Pixels of the longer side that a blurred picture keeps; a face in it has a pixel or two."""
PICTURE_SIDE = 240
"""Pixels of the longer side of a picture inside a page, at most."""
FILM_SIDE = 480
"""Pixels of the longer side of a preview film, at most."""
QUALITY = 60
"""Of JPEG files, 0..100."""
TICKS = 1000
"""Of the clock of a preview film, per second."""

Picture = UInt8[ndarray, "height width rgb"]


def blurred(image: Image.Image) -> Image.Image:
    """A picture whose longer side was cut down to `BLUR_CELLS` averaged cells, in its old size again.

    What the cells do not hold is gone: nobody can compute it back from the picture.
    """
    cells = _fitted(image.size, BLUR_CELLS, 1)
    return image.resize(cells, Image.Resampling.BOX).resize(image.size, Image.Resampling.BILINEAR)


def thumbnail(picture: bytes, level: Literal["blur", "full"]) -> bytes:
    """A small JPEG of a picture, without its metadata.

    Args:
        picture: JPEG or PNG of any size.
        level: `blur` = as `blurred`.
    """
    with Image.open(io.BytesIO(picture)) as opened:
        image = opened.convert("RGB")
    image = image.resize(_fitted(image.size, PICTURE_SIDE, 1), Image.Resampling.BOX)
    stream = io.BytesIO()
    (blurred(image) if level == "blur" else image).save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()


def small_map(levels: Float[ndarray, "rows columns"]) -> Float[ndarray, "small_rows small_columns"]:
    """A map with at most `BLUR_CELLS` rows and columns, so that it shows no more than a blurred picture."""
    image = Image.fromarray(levels.astype(np.float32))
    return np.asarray(image.resize(_fitted(image.size, BLUR_CELLS, 1), Image.Resampling.BOX))


def data_url(jpeg: bytes) -> str:
    """A JPEG as an address that holds the picture itself."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def write_preview(frames: Iterable[tuple[float, Picture]], path: Path, level: Literal["blur", "full"]) -> Preview:
    """Write a small H.264 film that browsers play and seek exactly: each frame at its own time, no sound.

    Args:
        frames: time in seconds since the first frame, and picture, in the order of time; at least one.
        path: the new `.mp4`.
        level: `blur` = each picture as by `blurred`, so that the film holds no face.

    Returns: what `PageContent.preview` takes.
    """
    with replacing(path) as temporary, av.open(str(temporary), "w", format="mp4", options=_FAST_START) as film:
        stream, last = None, -1
        for time, picture in frames:
            image = Image.fromarray(picture)
            image = image.resize(_fitted(image.size, FILM_SIDE, 2), Image.Resampling.BOX)
            if stream is None:
                stream = film.add_stream("libx264", options=_ENCODER)
                stream.width, stream.height = image.size
                stream.pix_fmt, stream.codec_context.time_base = "yuv420p", Fraction(1, TICKS)
            frame = av.VideoFrame.from_ndarray(np.asarray(blurred(image) if level == "blur" else image))
            last = max(last + 1, round(time * TICKS))
            frame.pts, frame.time_base = last, Fraction(1, TICKS)
            film.mux(stream.encode(frame))
        if stream is not None:
            film.mux(stream.encode())
    return Preview(path, level)


_FAST_START = {"movflags": "+faststart"}
_ENCODER = {"preset": "veryfast", "crf": "28", "g": "30", "bf": "0"}
"""A key frame each 30 frames: a jump decodes at most so many. Without B-frames times begin at 0."""


def _fitted(size: tuple[int, int], side: int, multiple: int) -> tuple[int, int]:
    """Width and height with the longer side at most `side`, both a multiple of `multiple`."""
    share = min(1.0, side / max(size))
    width, height = (max(multiple, round(length * share / multiple) * multiple) for length in size)
    return width, height
