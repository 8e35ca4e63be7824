"""The words for the weights behind a feature file."""

import pytest

from vad.artefacts.origin import is_random, joined, weights_of


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
