"""What `make reproduce` runs: Snakemake on everything, then the best results and where to look.

In a terminal a bar shows jobs done, jobs running and the time left; elsewhere Snakemake's own lines come. Arguments are
passed on to Snakemake, whose exit code is that of this command.
"""

import csv
import sys
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from tabulate import tabulate

PLUGINS = Path(__file__).parent / "terminal"
RESULTS = Path("reports/tables/results.csv")
PLACES = (Path("reports/site/index.html"), Path("reports/tables/results.md"))
"""Where to look, the best place first."""
BEST = 3
"""Variants that are shown of each data set."""
HEAD = ("data set", "variant", "ROC AUC of frames", "95 % interval", "average precision of frames")


def main(arguments: list[str]) -> int:
    """Run Snakemake; after a run without errors say what came out. Returns: the exit code of Snakemake.

    Where no job could run (`--help`, a dry run, `--summary`, `--dag`, ...) results that are there may be older, and
    what is printed may be read by a program: they are not shown.
    """
    if sys.stderr.isatty():
        sys.path.append(str(PLUGINS))
        arguments = ["--logger", "progress", *arguments]
    from snakemake import cli  # looks for plugins while it is imported

    code = 1
    try:
        cli.main(["--cores", "all", *arguments])
    except SystemExit as ended:
        code = ended.code or 0
    if not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    from stages.preflight import jobs_started  # the Snakefile has imported it, if it was read

    if jobs_started() and code == 0 and RESULTS.is_file():
        print(summary(RESULTS.read_text(encoding="utf-8")))
        print("Open " + next((place for place in PLACES if place.is_file()), RESULTS).as_posix())
    return code


def summary(results: str) -> str:
    """The variants with the highest ROC AUC of frames of each data set, as a table.

    Args:
        results: the text of results.csv.
    """
    rows = [row for row in csv.DictReader(results.splitlines()) if row["frame_auc"]]
    rows.sort(key=lambda row: (row["dataset"], -float(row["frame_auc"])))
    best = [row for _, group in groupby(rows, lambda row: row["dataset"]) for row in list(group)[:BEST]]
    return tabulate([_line(row) for row in best], headers=HEAD, disable_numparse=True)


def _line(row: Mapping[str, str]) -> list[str]:
    """The cells of one variant; `-` for a number that is not known."""
    auc, low, high, precision = (
        f"{float(row[name]):.3f}" if row[name] else "-"
        for name in ("frame_auc", "frame_auc_low", "frame_auc_high", "frame_ap")
    )
    return [row["dataset"], row["variant"], auc, "-" if low == "-" else f"{low} to {high}", precision]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
