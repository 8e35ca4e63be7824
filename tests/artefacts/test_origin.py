"""The words for the weights and the decoder behind feature files."""

import pytest

from vad.artefacts.origin import decoder_of, is_random, joined, weights_of


@pytest.mark.parametrize(
    ("report", "words", "random"),
    [
        ({"extractor": {"name": "x3d", "weights": "random", "weights_seed": 3}}, "random (seed 3)", True),
        ({"extractor": {"name": "i3d", "weights": "file", "weights_sha256": "ab" * 32}}, "file abababababab", False),
        ({"extractor": {"name": "xfeat", "weights_sha256": "0f" * 32}}, "xfeat 0f0f0f0f0f0f", False),
        ({"extractor": {"name": "frames"}}, "none", False),
        ({"source": "random walks"}, "as published", False),
        ({}, "none", False),
    ],
)
def test_reports_in_words(report: dict, words: str, random: bool) -> None:
    """Random weights are named with their seed; a name that merely sounds so is not one."""
    assert words == weights_of(report)
    assert random is is_random(words)


def test_one_random_file_marks_the_run() -> None:
    """A run over mixed features says all of them, and is random if one is."""
    words = joined(["xfeat 0f", "random (seed 0)", "xfeat 0f"])

    assert "random (seed 0) and xfeat 0f" == words
    assert is_random(words)


PYAV, STOOD_IN = {"decode": {"decoder": "PyAV"}}, {"decode": {"decoder": "PyAV", "instead_of": "DALI: codec mpeg4"}}
ON_GPU, ON_CPU = ({"decode": {"decoder": "DALI", "decoder_device": device}} for device in ("gpu", "cpu"))
IMPORTED = {"source": "published"}


@pytest.mark.parametrize(
    ("reports", "words"),
    [
        ([PYAV, PYAV], "PyAV"),
        ([ON_GPU, ON_GPU], "DALI on gpu"),
        ([ON_GPU, STOOD_IN, ON_GPU, STOOD_IN], "DALI on gpu (2 of 4 by PyAV)"),
        ([STOOD_IN], "DALI (1 of 1 by PyAV)"),
        ([ON_GPU, PYAV, ON_CPU], "DALI on cpu and gpu and PyAV"),
        ([{**PYAV, "decode_clips": ON_GPU["decode"]}], "DALI on gpu and PyAV"),
        ([IMPORTED], "as published"),
        ([IMPORTED, PYAV], "PyAV and as published"),
        ([{**PYAV, **IMPORTED}], "PyAV"),
        ([{}], "none"),
    ],
)
def test_decoders_in_words(reports: list[dict], words: str) -> None:
    """Pixels of two decoders are never one row without a word, and PyAV in DALI's place is counted."""
    assert words == decoder_of(reports)
