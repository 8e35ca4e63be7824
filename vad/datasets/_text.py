"""For all data sets: text files as editors and scripts on any system write them."""

import codecs
from pathlib import Path

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""What a file begins with, and how it is encoded then; Windows writes all three."""


def encoding_of(path: Path) -> str:
    """The encoding of a text file by its byte-order mark; without one UTF-8.

    Raises: OSError.
    """
    with path.open("rb") as file:
        head = file.read(3)
    return next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
