"""Room report: the cost of each head, each extractor and the image networks to compare with, one after the other.

One process measures all of them: torch is loaded once, and nothing else runs beside what is timed. A part whose record
is intact is not measured again: times differ from run to run, so a report would never stay the same.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.room import command_line, make, settings, typed
from vad.artefacts.features import read_features
from vad.artefacts.files import read_json, write_json
from vad.errors import VadError, listing
from vad.ledger.records import Job
from vad.schema.report import Efficiency


def main(argv: Sequence[str] | None) -> None:
    """Measure every part; one that fails does not stop the others, and all failures are reported together."""
    flags = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    flags.add_argument("--parts", type=Path, required=True, help="section, code, inputs and out of each part, as JSON")
    args = flags.parse_args(argv)
    problems = []
    for part in read_json(args.parts):
        inputs = [Path(p) for p in part["inputs"]]
        out, section = Path(part["out"]), Path(part["section"])
        job = Job("report", out, section, [Path(p) for p in part["code"]], inputs)
        try:
            make(job, lambda out=out, section=section, inputs=inputs: write_json(out, _measure(section, inputs)))
        except VadError as error:
            problems.append(f"{out.stem}: {error}")
    if problems:
        raise VadError(listing("efficiency", problems, "The other parts of this job are done."))


def _measure(section: Path, inputs: Sequence[Path]) -> dict[str, Any]:
    """The cost of one part, by the kind that its section names."""
    # Torch takes seconds to import: only a job that has work to do pays for it, and before anything is measured.
    import torchvision.models  # noqa: F401

    from vad.cost import parts as cost
    from vad.cost.measure import run_isolated
    from vad.extractors._base import Source, load_extractor

    entry = settings(section)
    how = typed(Efficiency, entry["efficiency"])
    cost.get_ready()
    if entry["kind"] == "head":
        return run_isolated(lambda: cost.head(entry["model"], entry["model_args"], read_features(inputs[0]), how))
    if entry["kind"] == "extractor":
        plugin, source = load_extractor(entry["features"]), Source(inputs[0].stem, (inputs[0],))
        return run_isolated(lambda: cost.extractor(plugin, source, how))
    return {title: run_isolated(lambda name=name: cost.reference(name, how)) for title, name in cost.REFERENCES.items()}


if __name__ == "__main__":
    command_line(main)
