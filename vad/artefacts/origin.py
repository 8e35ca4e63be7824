"""Which weights made a feature file, in the words of the tables: random weights must never pass for a result."""

from collections.abc import Iterable, Mapping
from typing import Any

RANDOM = "random"
DIGITS = 12
"""Digits of a sha256 that a table shows."""


def weights_of(report: Mapping[str, Any]) -> str:
    """The weights behind a feature file, from its report.

    Returns: `random (seed 0)`, or the kind and the first digits of the sha256, e.g. `imagenet b03531047ffa`;
        `as published` for imported features, `none` for features that no network made.
    """
    made_by = report.get("extractor", {})
    if made_by.get("weights") == RANDOM:
        return f"{RANDOM} (seed {made_by['weights_seed']})"
    if "weights_sha256" in made_by:
        return f"{made_by.get('weights', made_by['name'])} {made_by['weights_sha256'][:DIGITS]}"
    return "as published" if "source" in report else "none"


def joined(weights: Iterable[str]) -> str:
    """All different weights behind the feature files of a run, sorted, as one text."""
    return " and ".join(sorted(set(weights)))


def is_random(weights: str) -> bool:
    """Whether any of these weights are random; takes what `joined` returns."""
    return any(part.startswith(f"{RANDOM} (") for part in weights.split(" and "))
