"""What one run leaves for the next: whether everything was made, and what belongs to which target.

Imports little: `python -m stages.made` reads it before each stage of DVC.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stages.plan import paths
from vad.artefacts.files import read_json, write_json
from vad.errors import ArtefactError

WHOLE_RUN = paths.STATE / "whole_run.json"
NOTED = paths.STATE / "noted"
"""The output of a rule that does nothing: never kept, so a run that asks for it has a job."""
RULES = (Path("stages"), Path("profiles"))
"""Where Snakemake's own part of the decision stands: rules and settings."""


def stamp() -> str:
    """One hash over what Snakemake decides by besides times of data: slices of params, code, lists, rules, profile.

    Files below `.params` are written only when their text changes: their sizes and times stand for them.
    """
    digest = hashlib.sha256()
    for path in _files((paths.SLICES, paths.CODE, paths.LISTS), ""):
        found = Path(path).stat()
        digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    for path in map(Path, ["Snakefile", *_files(RULES, ".smk"), *_files(RULES, ".yaml")]):
        digest.update(f"{path}\0".encode() + (path.read_bytes() if path.is_file() else b""))
    return digest.hexdigest()


def _files(folders: Iterable[Path], ending: str) -> list[str]:
    """The files below some folders, sorted."""
    names = (f"{folder}/{name}" for top in folders for folder, _, names in os.walk(top) for name in names)
    return sorted(name for name in names if name.endswith(ending))


def whole_run() -> str | None:
    """The stamp of the last run that made everything; None if there was none."""
    try:
        return read_json(WHOLE_RUN)["stamp"]
    except (ArtefactError, KeyError, TypeError):
        return None


def save_whole_run(value: str) -> None:
    """Note that a run with this stamp made everything."""
    write_json(WHOLE_RUN, {"stamp": value})


def params_state() -> list[int]:
    """Size and times of params.yaml."""
    found = paths.PARAMS.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def write_targets(slices: Mapping[str, str], arithmetic: Mapping[str, str], targets: Mapping[str, list[str]]) -> None:
    """Write which artefacts belong to which target.

    Args:
        slices: every artefact that params.yaml asks for, with the file of its params slice.
        arithmetic: what the record of each has to say of it.
        targets: artefacts by name of a target.
    """
    value = {"params": params_state(), "slices": dict(slices), "arithmetic": dict(arithmetic), "targets": dict(targets)}
    if targets_written() != value:
        write_json(paths.TARGETS, value)


def targets_written() -> dict[str, Any] | None:
    """What `write_targets` wrote last; None if nothing was written."""
    try:
        return read_json(paths.TARGETS)
    except ArtefactError:
        return None
