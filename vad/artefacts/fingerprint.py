"""The content hash of a video: of a file, or of a folder of images."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from vad.artefacts.files import sha256

IMAGES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff"}
"""Suffixes that count as frames in a folder of images."""


def image_files(folder: Path) -> list[Path]:
    """The images of a folder in the order of their numbers (2 before 10); hidden files are no frames."""
    return sorted((path for path in folder.iterdir() if is_image(path)), key=lambda path: frame_order(path.name))


def is_image(path: Path) -> bool:
    """Whether the name is that of a frame."""
    return path.suffix.lower() in IMAGES and not path.name.startswith(".")


def frame_order(name: str) -> tuple[list[tuple[int, str]], str]:
    """Sort key of an image's name: 2 before 10."""
    return _digits_as_numbers(Path(name).stem), name


def _digits_as_numbers(name: str) -> list[tuple[int, str]]:
    """Sort key: runs of digits compare as numbers, everything else as text."""
    parts: list[tuple[int, str]] = []
    for symbol in name:
        digit = symbol.isascii() and symbol.isdigit()
        if digit and parts and not parts[-1][1]:
            parts[-1] = (parts[-1][0] * 10 + int(symbol), "")
        else:
            parts.append((int(symbol), "") if digit else (-1, symbol))
    return parts


def fingerprint(path: Path) -> str:
    """The sha256 of a video: of its bytes, or for a folder of images of its sorted lines `name sha256`."""
    return folder_hash([(image.name, sha256(image)) for image in image_files(path)]) if path.is_dir() else sha256(path)


def folder_hash(images: Iterable[tuple[str, str]]) -> str:
    """The sha256 of a folder of images from the name and the sha256 of each image, in any order."""
    lines = (f"{name} {digest}\n" for name, digest in sorted(images, key=lambda image: frame_order(image[0])))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
