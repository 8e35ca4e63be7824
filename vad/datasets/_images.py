"""A video kept as one folder of numbered images: every lost or doubled frame would shift all later labels."""

import re
from collections.abc import Iterable
from itertools import pairwise

_LAST_NUMBER = re.compile(r"(\d+)\D*", re.ASCII)


def numbering_problem(names: Iterable[str]) -> str:
    """Why images cannot be put in order by the last number in their names, or "".

    Frames are counted by position: numbers may start anywhere, in any step that does not change.
    """
    numbers: dict[int, str] = {}
    for name in sorted(names):
        found = _LAST_NUMBER.findall(name.rpartition(".")[0])
        if not found:
            return f"{name} has no number in its name"
        if (twin := numbers.setdefault(int(found[-1]), name)) is not name:
            return f"{twin} and {name} have the same number"
    steps = [(after - before, before) for before, after in pairwise(sorted(numbers))]
    jumps = [before for step, before in steps if step > min(steps)[0]]
    return f"frames are missing after {numbers[jumps[0]]}" if jumps else ""
