"""XFeat beside 3D networks at the same resolution, one thread, without decoding: `python -m bench.networks`.

The pipeline measures the same for claim M06 (`vad.cost.video_networks`, which says how). Here the ratio says how many
times faster XFeat is.
"""

import sys

from bench import table
from bench.table import Row
from vad.cost.video_networks import compared, measured


def rows() -> list[Row]:
    """One row a 3D network: it stands where the naive loop does."""
    return [
        Row(
            f"XFeat against {row.name} at {row.side} x {row.side}, one thread",
            f"{row.frames_per_second:.1f} frames/s",
            f"{row.ours:.0f} frames/s",
            ratio=row.faster,
        )
        for row in compared(measured(repeats=3))
    ]


def main() -> int:
    """Measure and print; there is no bar."""
    print(table.state())
    return table.show(rows())


if __name__ == "__main__":
    sys.exit(main())
