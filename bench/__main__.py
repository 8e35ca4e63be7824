"""Every measurement in one table, then the bars: `make bench`, or `python -m bench`. Exit code 1 if one is missed.

Each part also runs alone: `python -m bench.extraction`, and so on.
"""

import sys

from bench import extraction, memory, metrics, networks, places, planning, scoring, table, training


def rows() -> list[table.Row]:
    """The rows of every part."""
    parts = (extraction, networks, training, metrics, places, memory, scoring, planning)
    return [row for part in parts for row in part.rows()]


if __name__ == "__main__":
    sys.exit(table.main(rows))
