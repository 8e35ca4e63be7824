"""One job for each GPU: which GPUs this machine has, and a job's turn on one of them.

Snakemake starts as many jobs that need a GPU as its resource `gpu` allows (`snakemake --resources gpu=4`). Which GPU is
free is known to the machine alone: each job locks a file for the GPU that it takes, and the lock ends with its process.
"""

import contextlib
import fcntl
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

VISIBLE = "CUDA_VISIBLE_DEVICES"
LOCKS = Path(tempfile.gettempdir()) / f"vad-gpus-{os.getuid()}"
"""One for all checkouts of a user: they share the machine's GPUs."""
WAIT_S = 0.2
SAID_AFTER_S = 10.0
"""How long a job waits for a GPU before it says so."""
NAME = re.compile(r"\d+|(GPU|MIG)-[0-9A-Za-z/-]+")
"""What CUDA takes for the name of a GPU: an index, or the beginning of a UUID."""


def gpus() -> list[str]:
    """The GPUs of this machine by the names that CUDA_VISIBLE_DEVICES takes, of those that it lets through.

    Like CUDA it stops at the first name that means no GPU: `0,-1,1` lets 0 through, `NoDevFiles` none. Imports no
    torch. Empty where NVIDIA's driver shows no device file (Windows' Linux subsystem): there, jobs share.
    """
    found = [path for path in Path("/dev").glob("nvidia*") if re.fullmatch(r"nvidia\d+", path.name)]
    if VISIBLE not in os.environ:
        return [str(number) for number in range(len(found))]
    names = [name.strip() for name in os.environ[VISIBLE].split(",")]
    return list(takewhile(NAME.fullmatch, names))


def uuids() -> list[str]:
    """The UUIDs of this machine's GPUs in the order of their indices; empty if that cannot be found out.

    Indices are those of nvidia-smi. CUDA counts alike unless the machine has GPUs of different kinds (then only with
    CUDA_DEVICE_ORDER=PCI_BUS_ID): for such a machine the list is empty too.
    """
    command = ["nvidia-smi", "--query-gpu=uuid,name", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [[cell.strip() for cell in line.split(",", 1)] for line in said.splitlines() if "," in line]
    alike = len({name for _, name in rows}) == 1 or os.environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
    return [uuid for uuid, _ in rows] if alike else []


def card(name: str, known: Sequence[str]) -> str:
    """One name for a GPU, however it is spelt: its UUID, or the name itself where the UUID is not known.

    Args:
        name: an index, or the beginning of a UUID. A slice of a GPU (MIG) is a GPU of its own.
        known: as `uuids` gives them.
    """
    if name.isdecimal():
        return known[int(name)] if int(name) < len(known) else name
    found = [uuid for uuid in known if uuid.startswith(name)]
    return found[0] if len(found) == 1 else name


def wants_gpu(entry: Mapping[str, Any]) -> bool:
    """Whether what settings describe runs or decodes on a GPU of this machine, if it has one.

    Args:
        entry: a features entry, maybe with another one in `vectors`, or the section `train` of a variant.
    """
    parts = [entry, entry["vectors"]] if "vectors" in entry else [entry]
    devices = {part.get("device", "cpu") for part in parts}
    devices |= {
        part["decoder_device"] for part in parts if part.get("decoder") == "dali" and part.get("device") != "cpu"
    }
    return bool(devices & {"cuda", "gpu"}) or ("auto" in devices and bool(gpus()))


class Turn:
    """A job's turn on one GPU, which no other job has meanwhile; it ends with the `with` block.

    Nothing is taken until the job has work to do. What a process sees of the GPUs is fixed when it first uses CUDA:
    take the turn before, and one for the whole job.

    Args:
        devices: names of the GPUs; None = those of this machine.
        folder: where the lock files are.
    """

    def __init__(self, devices: Sequence[str] | None = None, folder: Path = LOCKS) -> None:
        self.folder, self.devices = folder, devices
        self.gpu: str | None = None
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Nothing is taken yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the GPU back."""
        self._undo.close()

    def take(self, wanted: bool) -> str | None:
        """Wait for a free GPU and let this process see that one alone; a later call changes nothing.

        Args:
            wanted: False = nothing is taken and nothing hidden.

        Returns: the name of the GPU; None where none is wanted or there is none. A device that settings ask for by
            name is missed where it is used, with an error of its own.
        """
        names = gpus() if self.devices is None else self.devices
        if wanted and names and self.gpu is None:
            self.gpu = self._free(names)
            self._undo.callback(_set, VISIBLE, os.environ.get(VISIBLE))
            _set(VISIBLE, self.gpu)
        return self.gpu

    def _free(self, names: Sequence[str]) -> str:
        """The first GPU that no other process has, now locked; what is waited for is said once."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        known, start, said = uuids(), time.monotonic(), False
        while True:
            for name in names:
                file = (self.folder / f"{card(name, known).replace('/', '_')}.lock").open("w")
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    file.close()
                    continue
                self._undo.enter_context(file)
                return name
            if not said and time.monotonic() - start > SAID_AFTER_S:
                said = True
                what = f"GPU {names[0]}" if len(names) == 1 else f"one of the GPUs {', '.join(names)}"
                print(f"waiting for {what}: other jobs hold the locks in {self.folder}", file=sys.stderr, flush=True)
            time.sleep(WAIT_S)


def _set(name: str, value: str | None) -> None:
    """An environment variable; None removes it."""
    os.environ.pop(name, None)
    if value is not None:
        os.environ[name] = value
