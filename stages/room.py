"""What every room's run.py shares: the flags of a job, its errors and its last line."""

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

from pydantic import BaseModel

from vad.artefacts.files import read_json
from vad.errors import VadError, storage_error
from vad.interrupts import Stopped, ignore, listen
from vad.ledger import records
from vad.ledger.records import Job

Config = TypeVar("Config", bound=BaseModel)


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the flags of every job: every path, in and out, is a flag."""
    records.start()
    flags = argparse.ArgumentParser(description=description, allow_abbrev=False)
    flags.add_argument("--section", type=Path, required=True, help="the params slice that this room may see, as JSON")
    flags.add_argument("--code", type=listed_code, required=True, help="the code files that decide the result, as JSON")
    flags.add_argument("--out", type=Path, required=True, help="the artefact to write")
    return flags


def listed_code(path: str | Path) -> list[Path]:
    """The code files behind a job, from the file that the plan wrote; from here on their hash is known.

    Before the modules of a model or an extractor are loaded: a record must not name code that was edited since.
    """
    files = [Path(file) for file in read_json(Path(path))["files"]]
    records.code_of(tuple(files))
    return files


def typed(config: type[Config], settings: object) -> Config:
    """Settings from a section file as the type that the library takes (JSON mode: a list may become a tuple)."""
    return config.model_validate_json(json.dumps(settings))


def settings(path: Path) -> dict:
    """The content of a section file, as the job's record will state it."""
    return records.section_of(path)


def make(job: Job, work: Callable[[], object]) -> bool:
    """Do the work of a job unless its artefact is intact; say which of the two happened."""
    if job.intact():
        print(f"kept {job.artefact}", flush=True)
        return False
    job.begin()
    work()
    job.finish()
    print(f"made {job.artefact}", flush=True)
    return True


def command_line(main: Callable[[Sequence[str] | None], None]) -> None:
    """Run a room; errors that a user can correct are printed without a traceback.

    The exit code is 2 for these, 74 where something cannot be written (disk full, no permission), 143 after SIGTERM and
    130 after SIGINT.
    """
    try:
        listen()
        main(None)
    except Stopped as stop:
        ignore()
        _end(f"{stop}: what is finished is kept, the same command goes on from there", stop.exit_code)
    except VadError as error:
        _end(f"error: {error}", error.exit_code)
    except OSError as error:
        if (known := storage_error(error)) is None:
            raise
        _end(f"error: {known}", known.exit_code)


def _end(message: str, exit_code: int) -> NoReturn:
    """Print a last line, if there is room for it on a full disk."""
    with contextlib.suppress(OSError):
        print(message, file=sys.stderr, flush=True)
    sys.exit(exit_code)
