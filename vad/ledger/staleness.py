"""Which artefacts are no longer what params, code and inputs say: the check before every run, and `vad verify`.

Neither Snakemake nor DVC can tell whether a file on disk was made from what stands in params.yaml now (a clone,
a checkout, a restored experiment, a copied file). The records can: they are compared here with what params.yaml asks
for, today's code and inputs. Only small JSON files are read, and files whose size or time changed since the last look.
"""

import math
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vad.artefacts.files import read_json, write_json
from vad.artefacts.fingerprint import fingerprint, image_files
from vad.artefacts.scores import artefact_above
from vad.errors import ArtefactError
from vad.ledger.code import code_hash
from vad.ledger.records import SUFFIX

FOLDERS = (Path("data"), Path("reports"))
CLOCK_TOLERANCE = 60.0
"""Seconds that the clocks of two machines which share files may differ."""
SLOW_BYTES = 1_000_000_000
"""From this size on a line says what is read before a run."""


@dataclass(frozen=True)
class Wanted:
    """What params.yaml asks of one artefact.

    Args:
        section: the slice of params that its job may see, as it is now.
        slice: the file that holds it before a run.
        recheck: the input file of its rule that changes when the rule has to look at its artefacts again.
        arithmetic: what its record has to say of it (`vad.ledger.arithmetic.identity`).
    """

    section: Any
    slice: Path
    recheck: Path
    arithmetic: str = "native"


Plan = Mapping[str, Wanted]
"""Every artefact that params.yaml asks for, by path."""


@dataclass(frozen=True)
class Stale:
    """One artefact that is not what it should be."""

    artefact: str
    recheck: Path
    reason: str


@dataclass
class Findings:
    """What a look at all artefacts found.

    Attributes:
        stale: artefacts with a record that no longer holds, and why.
        absent: artefacts that have no record: they were never made, not finished, or are not on this machine.
        present: how many have one.
        late: files that were looked at and whose time is later than now.
    """

    stale: list[Stale] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    present: int = 0
    late: list[str] = field(default_factory=list)


class Hashes:
    """Content hashes of files, kept by size and time so that an unchanged file is read once.

    Args:
        store: where the table lies (outside version control: times are this machine's).
        trust_stat: False reads every file again (an edit that kept size and time is then seen).
    """

    def __init__(self, store: Path, trust_stat: bool = True) -> None:
        self.store, self.trust_stat = store, trust_stat
        try:
            self.kept: dict[str, Any] = read_json(store) if store.is_file() else {}
        except ArtefactError:
            self.kept = {}
        self.seen: dict[str, Any] = {}

    def get(self, name: str) -> str | None:
        """The hash of a file; None if it is missing."""
        if name in self.seen:
            return self.seen[name][2]
        if (now := _stat(name)) is None:
            return None
        kept = self.kept.get(name, ())
        unchanged = self.trust_stat and kept[:2] == now
        value = kept[2] if unchanged else fingerprint(Path(name))
        self.seen[name] = [*now, value]
        return value

    def adopt(self, recorded: Mapping[str, set[str]], read_by_jobs: Mapping[str, float] | None = None) -> None:
        """Look at the user's own files, which may be a hundred gigabytes of video.

        The first look takes the recorded hash for true, whatever the size. Later a file is read when its time or size
        differs.

        Args:
            recorded: the hashes that records state, by file.
            read_by_jobs: files that a job of this run has just read, and when its record was written: the one hash
                that records state is true, unless the file changed after that.
        """
        changed = {}
        just_read = {name: _changed(name) <= written for name, written in (read_by_jobs or {}).items()}
        for name, values in recorded.items():
            if (now := _stat(name)) is None:
                continue
            kept = self.kept.get(name)
            replaced = not just_read.get(name, True)
            if not self.trust_stat or replaced or len(values) > 1 or (kept is not None and kept[:2] != now):
                changed[name] = now
            else:
                self.seen[name] = kept or [*now, *values]
        for name in sorted(changed.keys() & just_read.keys()):
            if just_read[name] and len(recorded[name]) == 1:
                self.seen[name] = [*changed.pop(name), *recorded[name]]
        if self.trust_stat and (size := sum(now[0] for now in changed.values())) > SLOW_BYTES:
            what = f"{len(changed)} of your files have another time or size than before, e.g. {min(changed)}"
            print(f"{what}: reading {size / 1e9:.1f} GB to see what changed", file=sys.stderr)
        for name, now in changed.items():
            self.seen[name] = [*now, fingerprint(Path(name))]

    def dated_after(self, when: float) -> list[str]:
        """The files that were looked at and that have a later time, in seconds."""
        return sorted(name for name, (_, mtime, _) in self.seen.items() if mtime > when * 1e9)

    def save(self) -> None:
        """Keep what was seen."""
        if self.seen != self.kept:
            write_json(self.store, self.seen)


def _stat(name: str) -> list[int] | None:
    """Size and time of a file; of a folder of images their total size and the newest time, its own included.

    Returns: None when there is nothing.
    """
    try:
        found = os.stat(name)  # noqa: PTH116 - a thousand times before each run
        if not stat.S_ISDIR(found.st_mode):
            return [found.st_size, found.st_mtime_ns]
        images = [image.stat() for image in image_files(Path(name))]
    except OSError:
        return None
    times = [found.st_mtime_ns, *(image.st_mtime_ns for image in images)]
    return [sum(image.st_size for image in images) if images else found.st_size, max(times)]


def _changed(name: str) -> float:
    """When a file or folder last changed, in seconds; a program cannot set this time back."""
    try:
        return os.stat(name).st_ctime  # noqa: PTH116 - a thousand times before each run
    except OSError:
        return math.inf


def check(plan: Plan, hashes: Hashes, started: float | None = None, only: Iterable[str] | None = None) -> Findings:
    """Compare every record with the present.

    Args:
        plan: what params.yaml asks for.
        hashes: of files; what is seen is added.
        started: after a run the time at which it began: what records of this run name was read by its jobs.
        only: the artefacts to look at; None = all.
    """
    found = Findings()
    code: dict[tuple[str, ...], str | None] = {}
    reasons: dict[str, list[str]] = {}
    files: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
    for artefact in plan if only is None else only:
        try:
            record = read_record(artefact + SUFFIX)
        except (ArtefactError, KeyError, TypeError):
            reasons[artefact] = [f"unreadable record {artefact}{SUFFIX}"]
            continue
        if record is None:
            found.absent.append(artefact)
        else:
            reasons[artefact] = list(_not_as_asked(record, plan[artefact], code))
            # Not the whole record: thousands of them would fill the memory.
            files[artefact] = record["inputs"], {name: out["sha256"] for name, out in record["outputs"].items()}
    found.present = len(reasons)
    sources: dict[str, set[str]] = {}
    read_by_jobs: dict[str, float] = {}
    for artefact, (inputs, _) in files.items():
        own = [name for name in inputs if owner(name, plan) is None]
        for name in own:
            sources.setdefault(name, set()).add(inputs[name])
        if started is not None and own and (written := Path(artefact + SUFFIX).stat().st_mtime) >= started:
            read_by_jobs |= {name: min(written, read_by_jobs.get(name, written)) for name in own}
    hashes.adopt(sources, read_by_jobs)
    for artefact, (inputs, outputs) in files.items():
        reasons[artefact] += _other_files(inputs, outputs, hashes)
    found.late = hashes.dated_after(time.time() + CLOCK_TOLERANCE)
    found.stale = [Stale(name, plan[name].recheck, reason) for name, lines in reasons.items() for reason in lines]
    return found


def read_record(path: str) -> dict[str, Any] | None:
    """A record with its parts; None if there is none.

    Raises: ArtefactError, KeyError or TypeError if it is damaged.
    """
    if not os.path.isfile(path):  # noqa: PTH113 - a thousand times before each run
        return None
    record = read_json(Path(path))
    if not isinstance(record["inputs"], dict) or not isinstance(record["outputs"], dict):
        raise TypeError(path)
    for part, word in (("section", "content"), ("code", "files"), ("code", "sha256")):
        record[part][word]
    return record


def owner(name: str, plan: Plan) -> str | None:
    """The artefact that a file belongs to; None for a file of the user's own."""
    while name:
        if name in plan:
            return name
        name = artefact_above(name)
    return None


def _not_as_asked(
    record: dict[str, Any],
    wanted: Wanted,
    code: dict[tuple[str, ...], str | None],
) -> Iterator[str]:
    """Why an artefact is not what params and code ask for now: one line for each.

    Args:
        record: of the artefact.
        wanted: what is asked of it now.
        code: hashes of lists of code files, added to.
    """
    if wanted.section != record["section"]["content"]:
        yield f"params changed ({record['section']['path']})"
    if (made_in := record.get("arithmetic")) != wanted.arithmetic:
        yield f"made in {made_in} arithmetic, asked for is {wanted.arithmetic}"
    files = tuple(record["code"]["files"])
    if files not in code:
        paths = [Path(name) for name in files]
        code[files] = code_hash(paths) if all(path.is_file() for path in paths) else None
    if code[files] != record["code"]["sha256"]:
        yield "code changed"


def _other_files(inputs: Mapping[str, str], outputs: Mapping[str, str], hashes: Hashes) -> Iterator[str]:
    """Which files of an artefact are not those that its record names: one line for each."""
    for name, recorded in inputs.items():
        if (actual := hashes.get(name)) is not None and actual != recorded:
            yield f"input changed: {name}"
    for name, recorded in outputs.items():
        if (actual := hashes.get(name)) != recorded:
            yield f"{'missing' if actual is None else 'content differs from its record'}: {name}"


def refresh(plan: Plan, store: Path, started: float | None = None) -> Findings:
    """Rewrite the recheck file of every stale artefact's rule, so that Snakemake starts the rule.

    Nothing is deleted but unreadable records, which would block their jobs: each job then decides by its own record,
    so a dry run costs nothing and loses nothing. A new file time alone would not do: where Snakemake remembers the
    content of a small input, it ignores times.

    Args:
        plan: what params.yaml asks for.
        store: where hashes of files are kept.
        started: after a run the time at which it began.
    """
    hashes = Hashes(store)
    found = check(plan, hashes, started)
    hashes.save()
    for item in found.stale:
        if item.reason.startswith("unreadable"):
            Path(item.artefact + SUFFIX).unlink(missing_ok=True)
    for recheck in {item.recheck for item in found.stale}:
        names = sorted({item.artefact for item in found.stale if item.recheck == recheck})
        write_json(recheck, {"artefacts": names, "time": time.time_ns()})
    return found


def orphans(plan: Plan, folders: tuple[Path, ...] = FOLDERS) -> list[str]:
    """The artefacts that have a record and that nothing in params.yaml makes any more."""
    found = (path.as_posix().removesuffix(SUFFIX) for folder in folders for path in sorted(folder.rglob(f"*{SUFFIX}")))
    return [artefact for artefact in found if artefact not in plan]


def verify(plan: Plan, store: Path) -> Findings:
    """Hash everything again: the look that neither Snakemake nor DVC takes.

    Besides what `check` finds, the user's own files that records name and that are gone are findings.
    """
    hashes = Hashes(store, trust_stat=False)
    found = check(plan, hashes)
    hashes.save()
    lost: dict[str, None] = {}
    for artefact in set(plan) - set(found.absent) - {item.artefact for item in found.stale}:
        record = read_record(artefact + SUFFIX)
        for name in record["inputs"] if record else ():
            if owner(name, plan) is None and not Path(name).exists():
                lost[name] = None
    found.stale += [Stale(name, Path(), "your own file, from which an artefact was made, is gone") for name in lost]
    return found
