"""Which artefacts are no longer what params, code and inputs say: the check before every run, and `vad verify`.

Neither Snakemake nor DVC can tell whether a file on disk was made from what stands in params.yaml now (a clone,
a checkout, a restored experiment, a copied file). The records can: they are compared here with today's sections,
code and inputs. Only small JSON files are read, and files whose size or time changed since the last look.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vad.artefacts.files import read_json, write_json
from vad.artefacts.fingerprint import fingerprint, image_files
from vad.errors import ArtefactError
from vad.ledger.code import code_hash
from vad.ledger.records import SUFFIX, find_record

FOLDERS = (Path("data"), Path("reports"))


@dataclass(frozen=True)
class Stale:
    """One artefact that is not what it should be."""

    artefact: str
    section: Path
    reason: str


class Hashes:
    """Content hashes of files, kept by size and time so that an unchanged file is read once.

    Args:
        store: where the table lies (outside version control: times are this machine's).
        trust_stat: False reads every file again (an edit that kept size and time is then seen).
        after_run: the jobs have just read the user's own files: adopt their sizes and times.
    """

    def __init__(self, store: Path, trust_stat: bool = True, after_run: bool = False) -> None:
        self.store, self.trust_stat, self.after_run = store, trust_stat, after_run
        try:
            self.kept: dict[str, Any] = read_json(store) if store.is_file() else {}
        except ArtefactError:
            self.kept = {}
        self.seen: dict[str, Any] = {}

    def get(self, path: Path) -> str | None:
        """The hash of a file; None if it is missing."""
        name = path.as_posix()
        if name in self.seen:
            return self.seen[name][2]
        try:
            stat = _stat(path)
        except OSError:
            return None
        kept = self.kept.get(name, [])
        unchanged = self.trust_stat and kept[:2] == stat
        value = kept[2] if unchanged else fingerprint(path)
        self.seen[name] = [*stat, value]
        return value

    def source_changed(self, path: Path, recorded: str) -> bool:
        """Whether a user's own file changed.

        Not hashed before a run (it may be a hundred gigabytes of video): the first look adopts its size and time,
        a later difference counts as a change.
        """
        name = path.as_posix()
        try:
            now: list[Any] = [*_stat(path), recorded]
        except OSError:
            return False  # Snakemake reports missing inputs itself
        kept = now if self.after_run else self.kept.get(name, now)
        if not self.trust_stat:
            now[2] = fingerprint(path)
        self.seen.setdefault(name, now)
        return now[2] != recorded or kept != [*now[:2], recorded]

    def save(self) -> None:
        """Keep what was seen."""
        if self.seen != self.kept:
            write_json(self.store, self.seen)


def _stat(path: Path) -> list[int]:
    """Size and time of a file; of a folder of images their total size and the newest time, its own included.

    Raises: OSError when there is nothing.
    """
    stats = [path.stat(), *(image.stat() for image in (image_files(path) if path.is_dir() else []))]
    sizes = [stat.st_size for stat in stats[1:] or stats]
    return [sum(sizes), max(stat.st_mtime_ns for stat in stats)]


def records(folders: tuple[Path, ...] = FOLDERS) -> Iterator[Path]:
    """Every record on disk, in a fixed order."""
    for folder in folders:
        yield from sorted(folder.rglob(f"*{SUFFIX}"))


def check(hashes: Hashes) -> tuple[list[Stale], list[str]]:
    """Compare every record with the present.

    Returns: artefacts that are stale or damaged, and records whose section no longer exists (orphans).
    """
    wanted = _wanted(hashes.store.with_name("artefacts.json"))
    stale, orphans = [], []
    for path in records():
        artefact = path.as_posix().removesuffix(SUFFIX)
        if wanted is not None and artefact not in wanted:
            orphans.append(artefact)
            continue
        try:
            record = read_json(path)
            section = Path(record["section"]["path"])
        except (ArtefactError, KeyError, TypeError):
            stale.append(Stale(artefact, Path(), f"unreadable record {path}"))
            continue
        if not section.is_file():
            orphans.append(artefact)
            continue
        stale += [Stale(artefact, section, reason) for reason in _reasons(record, section, hashes)]
    return stale, orphans


def _wanted(path: Path) -> set[str] | None:
    """The artefacts that params.yaml asks for; None before anything was run."""
    return set(read_json(path)) if path.is_file() else None


def _reasons(record: dict[str, Any], section: Path, hashes: Hashes) -> Iterator[str]:
    """Why an artefact is not what it should be: one line for each."""
    if read_json(section) != record["section"]["content"]:
        yield f"params changed ({section})"
    files = [Path(p) for p in record["code"]["files"]]
    if not all(p.is_file() for p in files) or code_hash(files) != record["code"]["sha256"]:
        yield "code changed"
    for name, recorded in record["inputs"].items():
        if find_record(Path(name)) is None:
            changed = hashes.source_changed(Path(name), recorded)
        else:
            changed = hashes.get(Path(name)) not in {None, recorded}
        if changed:
            yield f"input changed: {name}"
    for name, output in record["outputs"].items():
        if (actual := hashes.get(Path(name))) != output["sha256"]:
            yield f"{'missing' if actual is None else 'content differs from its record'}: {name}"


def refresh(store: Path, after_run: bool = False) -> list[Stale]:
    """Rewrite the recheck file of every stale artefact's rule, so that Snakemake starts the rule.

    Nothing is deleted but unreadable records, which would block their jobs: each job then decides by its own record,
    so a dry run costs nothing and loses nothing. A new file time alone would not do: where Snakemake remembers the
    content of a small input, it ignores times.
    """
    hashes = Hashes(store, after_run=after_run)
    stale, _ = check(hashes)
    hashes.save()
    for item in stale:
        if item.reason.startswith("unreadable"):
            Path(item.artefact + SUFFIX).unlink(missing_ok=True)
    for section in {s.section for s in stale} - {Path()}:
        names = sorted({s.artefact for s in stale if s.section == section})
        write_json(recheck_path(section), {"artefacts": names, "time": time.time_ns()})
    return stale


def recheck_path(section: Path) -> Path:
    """The input file of a rule that changes when the rule has to look at its artefacts again.

    Args:
        section: the rule's slice of params, `<folder>/slices/<room>/<key>.json`.
    """
    return section.parents[2] / "recheck" / section.parent.name / section.name


def verify(store: Path) -> tuple[list[str], list[str]]:
    """Hash everything again (the look that neither Snakemake nor DVC takes): one line per finding.

    Returns: what is stale, missing or damaged; and orphans, which nothing is wrong with.
    """
    hashes = Hashes(store, trust_stat=False)
    stale, orphans = check(hashes)
    hashes.save()
    wrong = [f"{s.artefact}: {s.reason}" for s in stale]
    return wrong, [f"{orphan}: orphaned record, nothing in params makes it" for orphan in orphans]
