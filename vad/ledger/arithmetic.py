"""The same bits on every x86-64 CPU, or all that this CPU can do: what libraries have to be told before they load.

Libraries choose their code by what a CPU can do, and each choice adds in another order. Each reads the environment
when it is loaded, so `portable` is a set of variables that a job starts with. It needs AVX2 and FMA, which x86-64 CPUs
have since 2013. docs/protocol.md says what was compared and what is not equal.
"""

import hashlib
import os
import platform
from functools import cache
from pathlib import Path

from vad.artefacts.files import canonical_json
from vad.schema.base import Arithmetic

CPU_INFO = Path("/proc/cpuinfo")
PORTABLE = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    # One path for all vendors, and no instruction that only estimates; AVX2 would be equal on Intel's CPUs alone.
    "MKL_CBWR": "COMPATIBLE",
    "OPENBLAS_CORETYPE": "Haswell",
    # What NumPy has above AVX2: another exp, and another order of equal values in argsort.
    "NPY_DISABLE_CPU_FEATURES": "X86_V4,AVX512_ICL,AVX512_SPR",
    # Sums are cut by the number of threads.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # A GPU has other bits.
    "CUDA_VISIBLE_DEVICES": "",
}
"""Environment variables of a job whose bits do not depend on the CPU."""


def shell_words(arithmetic: Arithmetic) -> str:
    """What stands before a command in a shell, so that it computes in this way."""
    # A command of its own (`env`): rules run their command by `exec`, which takes no assignments.
    return " ".join(["env", *(f"{n}={value}" for n, value in PORTABLE.items())]) if arithmetic == "portable" else ""


def threads_of(asked: int) -> int:
    """How many threads a job may use: one where bits must be equal, because sums are cut by the number of threads."""
    return 1 if in_force() == "portable" else asked


def in_force() -> Arithmetic:
    """In which way this process computes."""
    return "portable" if all(os.environ.get(name) == value for name, value in PORTABLE.items()) else "native"


def identity(arithmetic: Arithmetic) -> str:
    """What a record says of it: equal words, equal settings of the libraries."""
    if arithmetic == "native":
        return arithmetic
    return f"portable {hashlib.sha256(canonical_json(PORTABLE).encode()).hexdigest()[:8]}{_elsewhere()}"


@cache
def _elsewhere() -> str:
    """Nothing on a CPU that has what `portable` needs; others have bits of their own, and say so in their records."""
    machine = platform.machine()
    if machine == "AMD64" or (machine == "x86_64" and not CPU_INFO.is_file()):
        return ""  # a system that does not say what its CPU has
    if machine == "x86_64" and {"avx2", "fma"} <= set(CPU_INFO.read_text().split()):
        return ""
    return f" on {machine} without AVX2"
