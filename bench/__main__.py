"""Every measurement in one table, then the bars: `make bench`, or `python -m bench`. Exit code 1 if one is missed.

Each part also runs alone: `python -m bench.extraction`, and so on.
"""

import sys

import torch

from bench import extraction, memory, metrics, networks, table, training


def main() -> int:
    """Measure, print, and judge."""
    print(table.state())
    torch.set_num_threads(1)
    found = [row for part in (extraction, networks, training, metrics, memory) for row in part.rows()]
    return table.show(found)


if __name__ == "__main__":
    sys.exit(main())
