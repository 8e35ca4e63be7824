"""Where everything lies: the one place that knows the names of folders and files.

`.params/` holds what is written before a run (and is in no version control):

    slices/<room>/<key>.json    the slice of params.yaml that a job may see
    code/<room>/<key>.json      the code files behind a job, and the hash of what they mean
    recheck/<room>/<key>.json   changes when a rule has to look at its artefacts again (key: that of the slice, or of
                                the list of videos of a feature job)
    lists/<room>/<key>.json     the videos of a feature job, the parts of a report: too long for a command line
    state/                      what this machine remembers: resolved params, sizes and times of files
"""

from pathlib import Path

from vad.artefacts.scores import MAPS
from vad.ledger.code import PARSED
from vad.ledger.records import SUFFIX
from vad.params import RESOLVED

PARAMS = Path("params.yaml")
DATA = Path("data")
REPORTS = Path("reports")
SITE = REPORTS / "site"
"""Pages for a browser: neither in git nor in DVC, each run makes them of what is there."""
ROOMS = ("split", "features", "train", "infer", "evaluate", "report")

GENERATED = Path(".params")
SLICES, CODE, LISTS, STATE = (GENERATED / name for name in ("slices", "code", "lists", "state"))
STAT, TARGETS = (STATE / f"{name}.json" for name in ("stat", "targets"))

KEPT = (RESOLVED, PARSED)
"""Follow from params.yaml and code alone: whoever finds them there saves the time to read these again."""


def slice_of(room: str, key: str) -> str:
    """The params slice of a room's rule, as a file."""
    return (SLICES / room / f"{key}.json").as_posix()


def code_of(room: str, key: str) -> str:
    """The code files of a room's job and their hash, as a file."""
    return (CODE / room / f"{key}.json").as_posix()


def recheck(room: str, key: str) -> str:
    """The input that changes when a rule has to look at its artefacts again."""
    return (GENERATED / "recheck" / room / f"{key}.json").as_posix()


def list_of(room: str, key: str) -> str:
    """A list that is written before a run."""
    return (LISTS / room / f"{key}.json").as_posix()


def record(artefact: Path | str) -> str:
    """The record of an artefact."""
    return f"{artefact}{SUFFIX}"


def artefact_of(record: str) -> str:
    """The artefact that a record belongs to."""
    return record.removesuffix(SUFFIX)


def raw(dataset: str) -> Path:
    """Where a generated data set lives."""
    return DATA / "split" / dataset / "raw"


def tables(dataset: str) -> Path:
    """The split tables of a data set."""
    return DATA / "split" / dataset / "tables"


def feature_folder(features: str, dataset: str) -> Path:
    """The feature files of a data set."""
    return DATA / "features" / features / dataset


def maps(scores: str) -> str:
    """The folder of the score maps of a run, beside its score file."""
    return str(Path(scores).with_suffix(MAPS))


def run(room: str, variant: str, seed: int | str) -> str:
    """What a room makes of one variant and seed: a folder, or in room infer one file."""
    return f"{DATA}/{room}/{variant}/seed{seed}{'.npz' if room == 'infer' else ''}"
