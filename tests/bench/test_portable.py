"""The digests of portable arithmetic that lie in git are those of this CPU."""

import platform
from pathlib import Path

import pytest

from bench.portable import KNOWN, digests_of_a_child
from vad.artefacts.files import read_json

CPU_INFO = Path("/proc/cpuinfo")
FLAGS = set(CPU_INFO.read_text().split()) if CPU_INFO.is_file() else set()


@pytest.mark.skipif(platform.machine() != "x86_64" or not {"avx2", "fma"} <= FLAGS, reason="no x86-64 CPU with AVX2")
def test_portable_arithmetic_has_the_same_bits_on_this_cpu() -> None:
    """Every kind of operation, a drawn and encoded video, its features, and models trained on them."""
    known, found = read_json(KNOWN), digests_of_a_child()

    assert [] == [name for name in sorted({*known, *found}) if known.get(name) != found.get(name)]
    assert {"numpy.exp", "torch.linear", "optimiser.adam", "video.features", "trained.mstsm"} <= set(known)
