"""Rows of a table of measurements, the time that is left for them, and how they are printed."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

MB = 1e6
COLUMNS = ("part", "what", "precision", "rate", "unit", "torch MB", "device MB", "note")
GRACE_S = 20.0
"""How long after the end of its time a measurement may go on before the whole program is stopped."""


@dataclass
class Row:
    """One measurement."""

    part: str
    what: str
    precision: str = ""
    rate: float | None = None
    unit: str = "frames/s"
    torch_mb: float | None = None
    """Peak of the memory that torch allocated on the GPU, in MB (10**6 bytes)."""
    device_mb: float | None = None
    """Memory of the GPU in use at the end, by all libraries and processes, in MB."""
    note: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text, in the order of COLUMNS."""
        rate = "-" if self.rate is None else f"{self.rate:,.0f}" if self.rate >= 100 else f"{self.rate:.2f}"
        memory = ["-" if value is None else f"{value:,.0f}" for value in (self.torch_mb, self.device_mb)]
        return (self.part, self.what, self.precision, rate, self.unit, *memory, self.note)


class Table:
    """The rows measured so far; each is printed when it is there, and all are written after each.

    Args:
        seconds: for all rows together; a row that would begin later is left out, with a note.
        machine: what the rows were measured on.
        out: folder for gpu.json and gpu.md; None = they are only printed.
        judges: False = bars mean nothing here, so none is judged.
    """

    def __init__(self, seconds: float, machine: dict[str, Any], out: Path | None = None, judges: bool = True) -> None:
        self.machine, self.out, self.judges = machine, out, judges
        self.rows: list[Row] = []
        self.bars: dict[str, bool] = {}
        self._expected: dict[str, bool] = {}
        self.failed = 0
        self.end = time.monotonic() + seconds
        self._stop = threading.Timer(seconds + GRACE_S, self._stop_now)
        self._stop.daemon = True
        self._stop.start()

    def left(self) -> float:
        """Seconds that are left."""
        return self.end - time.monotonic()

    def close(self) -> None:
        """No further row: the time may run out without harm."""
        self._stop.cancel()

    def _stop_now(self) -> None:
        print("error: a measurement did not end in time; the rows above are complete.", flush=True)
        os._exit(1)

    def add(self, row: Row, measure: Callable[[], float]) -> float | None:
        """Measure one row; an error becomes its note and does not stop the others.

        Args:
            row: what is measured.
            measure: returns the rate.

        Returns: the rate; None if there is none.
        """
        if self.left() <= 0:
            row.note = "left out: no time left"
        else:
            try:
                with _memory(row):
                    row.rate = measure()
            except Exception as error:  # whatever it is, the other rows are still wanted
                self.failed += 1
                row.note = f"failed: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
        self.rows.append(row)
        print(" | ".join(row.cells), flush=True)
        self.write()
        return row.rate

    def expect(self, bar: str) -> None:
        """A bar that has to be judged: one for which there was no time, or no number, is no success."""
        self._expected.setdefault(bar, False)

    def judge(self, bar: str, text: str, holds: bool) -> None:
        """Print whether a bar holds.

        Args:
            bar: as it was expected.
            text: what was measured, and what is demanded.
            holds: whether it does.
        """
        if not self.judges:
            print(f"not judged: {bar}: {text}", flush=True)
            return
        self._expected[bar] = True
        self.bars[f"{bar}: {text}"] = holds
        print(f"{'ok  ' if holds else 'MISS'} {bar}: {text}", flush=True)
        self.write()

    def holds(self) -> bool:
        """Whether no row failed and every expected bar was judged and holds; prints those that were not judged."""
        lost = [bar for bar, judged in self._expected.items() if self.judges and not judged]
        for bar in lost:
            print(f"MISS {bar}: not judged, a row is missing", flush=True)
        self.bars |= {f"{bar}: not judged, a row is missing": False for bar in lost}
        self.write()
        return not self.failed and all(self.bars.values())

    def write(self) -> None:
        """Write gpu.json and gpu.md."""
        if self.out is None:
            return
        self.out.mkdir(parents=True, exist_ok=True)
        content = {"machine": self.machine, "rows": list(map(asdict, self.rows)), "bars": self.bars}
        (self.out / "gpu.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        (self.out / "gpu.md").write_text("\n".join(self._markdown()) + "\n", encoding="utf-8")

    def _markdown(self) -> Iterator[str]:
        yield f"Measured on {named(self.machine)}."
        yield ""
        for cells in (COLUMNS, ("---",) * len(COLUMNS), *(row.cells for row in self.rows)):
            yield f"| {' | '.join(cells)} |"
        yield ""
        yield from (f"* {'ok' if holds else 'MISS'}: {text}" for text, holds in self.bars.items())


@contextmanager
def _memory(row: Row) -> Iterator[None]:
    """Note the memory of the GPU in a row."""
    if not torch.cuda.is_available():
        yield
        return
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    yield
    row.torch_mb = torch.cuda.max_memory_allocated() / MB
    free, total = torch.cuda.mem_get_info()
    row.device_mb = row.device_mb or (total - free) / MB


def named(machine: dict[str, Any]) -> str:
    """A machine in one line."""
    return ", ".join(f"{name} {value}" for name, value in machine.items() if value is not None)


def rate_of(work: Callable[[], float], seconds: float) -> float:
    """How much is done in a second, after one call that is not counted.

    Args:
        work: does something and returns how much it was; nothing of it may be left to do when it returns.
        seconds: after which no further call is begun.
    """
    work()
    done, start = 0.0, time.perf_counter()
    while not done or time.perf_counter() - start < seconds:
        done += work()
    return done / (time.perf_counter() - start)
