"""Say whether everything that a target asks for is there and right: exit code 0, else 1.

    python -m stages.made train_mil || snakemake --cores all -- train_mil

A stage of DVC asks this first: starting Snakemake takes seconds, this takes a tenth. It answers from the records, and
only if the last whole run of Snakemake saw the same params, lists, code and rules.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from stages.plan import paths, state
from vad.artefacts.files import read_json
from vad.ledger.code import load_parsed
from vad.ledger.staleness import Hashes, Wanted, check


def main(argv: Sequence[str]) -> int:
    """Answer for one target.

    Args:
        argv: the name of a target, such as `train_mil`.

    Returns: the exit code.
    """
    (target,) = argv
    if not made(target):
        return 1
    print(f"{target}: everything is made")
    return 0


def made(target: str) -> bool:
    """Whether every artefact of a target is what its record says, and its record what is asked for."""
    known = state.targets_written()
    if known is None or known["params"] != state.params_state() or target not in known["targets"]:
        return False
    if state.whole_run() != state.stamp():
        return False
    load_parsed(paths.PARSED)
    contents = {path: read_json(Path(path)) for path in {known["slices"][name] for name in known["targets"][target]}}
    plan = {
        artefact: Wanted(contents.get(path), Path(path), Path(), known["arithmetic"][artefact])
        for artefact, path in known["slices"].items()
    }
    found = check(plan, Hashes(paths.STAT), only=known["targets"][target])
    return not found.stale and not found.absent


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
