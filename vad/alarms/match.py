"""Which alarm finds which event."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from vad.alarms.make import Spans


class Pairs(NamedTuple):
    """Every alarm and event with a common frame."""

    alarm: Int64[np.ndarray, "pairs"]
    """Index of the alarm."""
    event: Int64[np.ndarray, "pairs"]
    """Index of the event."""
    iou: Float64[np.ndarray, "pairs"]
    """Common frames divided by the frames of both together (temporal intersection over union), in (0, 1]."""


def overlapping(alarms: Spans, events: Spans) -> Pairs:
    """Find the pairs of alarm and event with a common frame, ordered by event, then by time.

    Args:
        alarms: of some videos.
        events: of the same videos.
    """
    first = np.searchsorted(alarms.end, events.start, "right")
    last = np.searchsorted(alarms.start, events.end, "left")
    counts = np.maximum(last - first, 0)
    event = np.repeat(np.arange(len(counts)), counts)
    alarm = np.arange(len(event)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    common = np.minimum(alarms.end[alarm], events.end[event]) - np.maximum(alarms.start[alarm], events.start[event])
    both = np.maximum(alarms.end[alarm], events.end[event]) - np.minimum(alarms.start[alarm], events.start[event])
    return Pairs(alarm, event, common / both)


def matched(
    pairs: Pairs, peaks: Float64[np.ndarray, "alarms"], n_events: int, least: float
) -> tuple[Bool[np.ndarray, "alarms"], Bool[np.ndarray, "events"]]:
    """Match alarms with events one to one, as benchmarks of action detection do (ActivityNet, THUMOS).

    The alarm with the highest peak chooses first; it takes the free event with the largest overlap. A second alarm of
    an event finds nothing.

    Args:
        pairs: as `overlapping` gives them.
        peaks: the highest score of each alarm.
        n_events: number of events.
        least: the temporal intersection over union from which an alarm may find an event, in (0, 1].

    Returns: whether each alarm found an event, and whether each event was found.
    """
    by_alarm, by_event = np.zeros(len(peaks), bool), np.zeros(n_events, bool)
    usable = np.flatnonzero(pairs.iou >= least * (1 - 1e-12))  # rounding must not forbid exactly the least overlap
    alarm, event = pairs.alarm[usable], pairs.event[usable]
    order = np.lexsort((event, -pairs.iou[usable], alarm, -peaks[alarm]))
    for one, other in zip(alarm[order].tolist(), event[order].tolist(), strict=True):
        if not by_alarm[one] and not by_event[other]:
            by_alarm[one] = by_event[other] = True
    return by_alarm, by_event
