"""Room report: make the parts of one job, one after the other; a part whose record is intact stays as it is.

One process for several parts: they share the seconds that Python and torch take to start.
"""

import argparse
import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.devices import Turn, wants_gpu
from stages.room import command_line, listed_code, make, settings, typed
from vad.artefacts.features import shape_of
from vad.artefacts.files import read_json
from vad.errors import VadError, grouped, listing
from vad.ledger.records import Job, files_of, start


def main(argv: Sequence[str] | None) -> None:
    """Make every part; one that fails does not stop the others, and all failures are reported together."""
    start()
    flags = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    flags.add_argument("--parts", type=Path, required=True, help="what each part is made from, as JSON")
    args = flags.parse_args(argv)
    problems, replaced = [], []
    parts = read_json(args.parts)
    with Turn() as turn:
        for part in parts:
            try:
                job = job_of(part)
                job.take_back()
                was_there = any(path.exists() for path in (job.artefact, *job.also))
                if make(job, lambda part=part: _write(part, turn)) and was_there:
                    replaced.append(job)
            except VadError as error:
                problems.append((part["out"], str(error)))
    if problems:
        for job in replaced:
            job.set_aside()
        rest = "The other parts of this job are done." if len(problems) < len(parts) else ""
        raise VadError(listing(f"report ({args.parts.stem})", grouped(problems), rest))


def job_of(part: Mapping[str, Any]) -> Job:
    """The job of one part.

    Args:
        part: an entry of the list, as `stages.plan.report.Part.listed` gives it.
    """
    inputs = [Path(path) for path in part["inputs"]]
    inputs += [path for folder in part["folders"] for path in files_of(Path(folder))]
    also = [Path(path) for path in part["also"]]
    facts = {"paths": part["paths"]}  # where it reads and writes beside `out`
    if part["shapes"]:
        facts["shapes"] = {path: shape_of(Path(path)) for path in part["shapes"]}
    return Job("report", Path(part["out"]), Path(part["section"]), listed_code(part["code"]), inputs, facts, also)


def _write(part: Mapping[str, Any], turn: Turn) -> None:
    """Load the module that makes a part, which may take torch's seconds, and have it write."""
    section = settings(Path(part["section"]))
    # The cost of an extractor is measured on the device that it takes.
    turn.take(wants_gpu(section.get("extractor", {})))
    module = importlib.import_module(f"vad.{part['job']}")
    paths = {name: Path(path) for name, path in part["paths"].items()}
    module.write(typed(module.Settings, section), paths, Path(part["out"]))


if __name__ == "__main__":
    command_line(main)
