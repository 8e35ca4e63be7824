"""Processor time of pieces of work that take turns. Imports no torch."""

import statistics
import time
from collections.abc import Callable, Mapping


def cpu_seconds(ways: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median CPU seconds of each way. They take turns, so that a change of the machine's speed hits all alike.

    Args:
        ways: each is called once before it counts.
        repeats: measurements of each.
    """
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            start = time.process_time()
            way()
            if turn:
                spent[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in spent.items()}
