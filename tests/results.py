"""The files that two runs of the same project must have in common, byte for byte."""

import hashlib
import re
from pathlib import Path

MEASURED = re.compile(
    r"reports/(efficiency/|\w+/(efficiency\.|edge\.|figures/efficiency|figures\.prov|cards)|tables/claims\.|site/index)"
)
"""Times and memory that were measured, what is drawn from them or says them (a claim of speed), and their records."""


def results(folder: Path) -> dict[str, str]:
    """Features, weights, scores, metrics, tables, figures and the records of all of them.

    Args:
        folder: a project.

    Returns: sha256 by path, without what was measured.
    """
    files = [path for part in ("data", "reports") for path in (folder / part).rglob("*") if path.is_file()]
    names = {path.relative_to(folder).as_posix(): path for path in files}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in names.items() if not measured(name)}


def measured(name: str) -> bool:
    """Whether a file holds what was measured, or nothing that a run makes."""
    return bool(MEASURED.match(name)) or name.startswith("data/raw/")
