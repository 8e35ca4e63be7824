"""Clips of noise for tests: every row another one, its number kept in the first pixels' grey."""

import numpy as np

from vad.artefacts.clips import Clips, encode_jpeg


def numbered(rows: int, frames: int = 4, size: int = 32, first: int = 0) -> Clips:
    """Flat grey images; row r, frame f has the value first + 20 r + f, which JPEG keeps exactly."""
    return Clips.of([[flat(first + 20 * row + frame, size) for frame in range(frames)] for row in range(rows)])


def flat(value: int, size: int) -> bytes:
    """One grey image as JPEG."""
    return encode_jpeg(np.full((size, size, 3), value % 256, np.uint8), 90)


def noise(rows: int, frames: int = 4, size: int = 32, seed: int = 0) -> Clips:
    """Coloured noise, another in every frame."""
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 256, (rows, frames, size, size, 3), dtype=np.uint8)
    return Clips.of([[encode_jpeg(picture, 90) for picture in row] for row in pictures])
