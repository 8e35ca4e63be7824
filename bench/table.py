"""One table of all measurements, and the bars that judge it."""

import os
import re
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tabulate import tabulate

HEADS = ("what", "naive loop", "ours", "limit of the machine", "ours / naive", "share of the limit")


class Row(NamedTuple):
    """One line of the table; an empty cell is something that has no meaning there."""

    what: str
    naive: str = ""
    ours: str = ""
    limit: str = ""
    ratio: float | None = None
    share: float | None = None
    bars: Sequence[tuple[str, bool | None]] = ()
    """What is demanded, in words with the measured number, and whether it holds; None = it cannot be judged."""

    def cells(self) -> list[str]:
        """The row as it is printed."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        share = "" if self.share is None else f"{100 * self.share:.0f} %"
        return [self.what, self.naive, self.ours, self.limit, ratio, share]


def at_least(what: str, value: float, bar: float) -> tuple[str, bool]:
    """A bar for a number that should be large."""
    return f"{what}: {value:.2f} >= {bar:g}", value >= bar


def at_least_when_quiet(what: str, value: float, bar: float) -> tuple[str, bool | None]:
    """A bar that is judged only if no other work is running, which slows one side more than the other."""
    text, holds = at_least(what, value, bar)
    return (f"{text}, not judged: other work is running", None) if busy() else (text, holds)


def at_most(what: str, value: float, bar: float) -> tuple[str, bool]:
    """A bar for a number that should be small."""
    return f"{what}: {value:.2f} <= {bar:g}", value <= bar


def show(rows: Sequence[Row]) -> int:
    """Print the table, then each bar with ok or MISS; 0 if all hold, else 1."""
    print(tabulate([row.cells() for row in rows], HEADS, tablefmt="github", disable_numparse=True))
    print()
    bars = [(row.what, *bar) for row in rows for bar in row.bars]
    for what, text, holds in bars:
        print(f"{ {True: 'ok  ', False: 'MISS', None: '-   '}[holds] } {what}: {text}")
    return 1 if any(holds is False for _, _, holds in bars) else 0


def main(rows: Callable[[], Sequence[Row]]) -> int:
    """Measure with one thread, print, and judge: the command of every part; returns the exit code."""
    import torch  # a second of time and hundreds of MB, which a part that only judges does not need

    print(state())
    torch.set_num_threads(1)
    return show(rows())


def all_cpu_seconds() -> float:
    """CPU seconds of this process and of those that it started: each video is decoded by one, which a launcher started.

    Those of the others come in hundredths.
    """
    lists = [task / "children" for task in Path("/proc/self/task").iterdir()]
    started = [Path(f"/proc/{pid}/stat") for one in lists for pid in one.read_text().split()]
    fields = [stat.read_text().rpartition(")")[2].split() for stat in started]
    ticks = sum(int(ticks) for one in fields for ticks in one[11:15])  # its own, and those of processes that ended
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def peak_mb() -> float:
    """Peak memory of this process in MB. `getrusage` would start with that of the process that started it."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def state() -> str:
    """The machine and how busy it is: the ratios of a busy one are not to be quoted."""
    from vad.cost.measure import machine  # torch with it: the memory of metrics is measured without

    quiet = "other work is running: do not quote these numbers" if busy() else "quiet"
    cores = len(os.sched_getaffinity(0))
    return f"{machine()['processor']}, {cores} cores, load {os.getloadavg()[0]:.1f} ({quiet})"


@cache
def busy() -> bool:
    """Whether other work was running when this was first asked, before anything was measured."""
    return os.getloadavg()[0] > len(os.sched_getaffinity(0)) / 2
