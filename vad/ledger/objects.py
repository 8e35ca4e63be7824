"""DVC's objects: files whose name is the hash of their content. DVC itself trusts a read-only one without a look."""

import hashlib
from collections.abc import Iterator
from pathlib import Path


def damaged(store: Path) -> tuple[int, list[Path]]:
    """Hash every object of a cache or of a remote that is a folder.

    Args:
        store: the folder; objects lie in `files/md5/ab/cdef...`, lists of a folder's files end with `.dir`.

    Returns: how many objects there are, and those whose content is not what their name says.
    """
    count, wrong = 0, []
    for path in _objects(store):
        count += 1
        with path.open("rb") as stream:
            actual = hashlib.file_digest(stream, "md5").hexdigest()
        if actual != path.parent.name + path.name.removesuffix(".dir"):
            wrong.append(path)
    return count, wrong


def _objects(store: Path) -> Iterator[Path]:
    """The objects of a store, sorted; files that are being written (`.tmp`) have longer names."""
    for folder in sorted((store / "files" / "md5").glob("??")):
        yield from sorted(path for path in folder.iterdir() if len(path.name.removesuffix(".dir")) == 30)
