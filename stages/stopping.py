"""Stopping a run: its jobs are stopped too, whichever process gets the signal, and Snakemake gives its lock back."""

import contextlib
import signal
from types import FrameType

import psutil

from vad.interrupts import SIGNALS

_signals = 0
"""How many came: only the first one unwinds Snakemake, a second one would interrupt its cleaning up."""


def stop_with_jobs() -> None:
    """From here on SIGTERM and SIGINT end this run of Snakemake as Ctrl-C does, and its jobs with it.

    Snakemake's own handler of SIGTERM lets running jobs go on to their end, and takes a lock that the code which it
    interrupts may hold: then it waits for ever. Snakemake sets it after it has read the Snakefile: call this once while
    the Snakefile is read, and again when the run starts.
    """
    for number in SIGNALS:
        signal.signal(number, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    """Pass the signal on to every process of this run, then unwind."""
    global _signals
    _signals += 1
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
    if _signals == 1:
        raise KeyboardInterrupt
