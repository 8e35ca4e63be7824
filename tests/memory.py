"""Peak memory of a process of its own."""

import re
from pathlib import Path


def peak_kib() -> int:
    """The largest resident memory that this process had since it began, in KiB.

    `ru_maxrss` would also count the peak of the process that started this one.
    """
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])
