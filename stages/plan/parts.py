"""Parts of room report, each with a record of its own, and bundles: the parts that one job makes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.plan import paths
from vad.ledger.arithmetic import shell_words
from vad.schema.base import Arithmetic

SHOWN = (".csv", ".png")
"""Of files that `snakemake --report` shows."""


@dataclass(frozen=True)
class Reads:
    """What a part reads.

    Attributes:
        files: all of them, known by name.
        folders: of files that a data set may have or not; each one that is there counts.
        watched: what Snakemake has to make first: mostly the records of the files.
        shapes: feature files of which only the shape counts: other values make nothing stale.
    """

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()

    def __add__(self, other: "Reads") -> "Reads":
        """What two parts read together."""
        return Reads(
            self.files + other.files,
            self.folders + other.folders,
            self.watched + other.watched,
            self.shapes + other.shapes,
        )


@dataclass(frozen=True)
class Part:
    """One artefact of room report, with its own record.

    Attributes:
        job: the module of `vad` that makes it: it has `Settings` and `write(settings, paths, out)`.
        key: name of its params slice.
        code: name of the list of code files behind it.
        settings: the slice of params that it may see.
        out: the artefact: a file, a folder, or the name that its files share, without their endings.
        files: everything that it writes.
        reads: everything that it reads.
        paths: what the module finds where, by name.
        plugins: modules of `vad` that it loads by name.
    """

    job: str
    key: str
    code: str
    settings: Mapping[str, Any]
    out: str
    files: tuple[str, ...]
    reads: Reads
    paths: Mapping[str, str]
    plugins: tuple[str, ...] = ()

    def listed(self) -> dict[str, Any]:
        """What the script of the room is given."""
        beside = [path for path in self.files if path != self.out and not Path(path).is_relative_to(self.out)]
        return {
            "job": self.job,
            "section": paths.slice_of("report", self.key),
            "code": paths.code_of("report", self.code),
            "out": self.out,
            "also": beside,
            "inputs": list(dict.fromkeys(self.reads.files)),
            "folders": list(dict.fromkeys(self.reads.folders)),
            "shapes": list(dict.fromkeys(self.reads.shapes)),
            "paths": dict(self.paths),
        }


@dataclass(frozen=True)
class Bundle:
    """The parts that one job makes, in this order.

    Attributes:
        name: of the rule.
        parts: what it makes.
        message: what Snakemake prints.
        threads: cores that it takes.
        mem_mb: memory, in MB.
        gpu: GPUs.
        arithmetic: in which way its job computes.
    """

    name: str
    parts: tuple[Part, ...]
    message: str
    threads: int = 1
    mem_mb: int = 2000
    gpu: int = 0
    arithmetic: Arithmetic = "portable"

    @property
    def environment(self) -> str:
        """The environment variables of its job, as a shell reads them."""
        return shell_words(self.arithmetic)

    @property
    def code(self) -> list[str]:
        """The lists of code files of its parts."""
        return list(dict.fromkeys(paths.code_of("report", part.code) for part in self.parts))

    @property
    def slices(self) -> list[str]:
        """The params slices of its parts."""
        return [paths.slice_of("report", part.key) for part in self.parts]

    @property
    def rechecks(self) -> list[str]:
        """What changes when it has to look at its parts again."""
        return [paths.recheck("report", part.key) for part in self.parts]

    @property
    def watched(self) -> list[str]:
        """What has to be made first."""
        return list(dict.fromkeys(path for part in self.parts for path in part.reads.watched))

    @property
    def files(self) -> list[str]:
        """What it writes."""
        return [path for part in self.parts for path in part.files]

    @property
    def records(self) -> list[str]:
        """The records of its parts."""
        return [paths.record(part.out) for part in self.parts]

    @property
    def shown(self) -> dict[str, str]:
        """The tables and pictures that `snakemake --report` shows, each with the name of its group."""
        files = {path: Path(path).relative_to(paths.REPORTS).parts for path in self.files if _in_report(Path(path))}
        return {path: parts[0] for path, parts in files.items()}


def _in_report(path: Path) -> bool:
    """Whether a file is a table or a picture of a report."""
    return path.suffix in SHOWN and path.is_relative_to(paths.REPORTS)
