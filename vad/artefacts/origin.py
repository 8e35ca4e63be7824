"""Which weights and which decoder made feature files, in the words of the tables.

Random weights must never pass for a result, nor the pixels of two decoders for the same.
"""

from collections.abc import Iterable, Mapping
from typing import Any

RANDOM = "random"
PYAV, DALI = "PyAV", "DALI"
DECODES = ("decode", "decode_clips")
"""Keys of the decode reports in the report of a feature file; the second one where images have another decoder."""
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


def decoder_of(reports: Iterable[Mapping[str, Any]]) -> str:
    """What decoded the videos behind feature files, from their reports.

    Returns: such as `PyAV`, `DALI on gpu`, `DALI on gpu (3 of 290 by PyAV)` if PyAV stood in for DALI, all that occur
        joined by `and`; `as published` for imported features, `none` if no report says anything.
    """
    held = list(reports)
    decoded = [report[key] for report in held for key in DECODES if key in report]
    stood_in = sum("instead_of" in each for each in decoded)
    by_dali = [each["decoder_device"] for each in decoded if each.get("decoder") == DALI]
    words = []
    if by_dali or stood_in:
        device = f" on {' and '.join(sorted(set(by_dali)))}" if by_dali else ""
        rest = f" ({stood_in} of {stood_in + len(by_dali)} by {PYAV})" if stood_in else ""
        words.append(f"{DALI}{device}{rest}")
    if len(decoded) > len(by_dali) + stood_in:
        words.append(PYAV)
    if any("source" in report and "decode" not in report for report in held):
        words.append("as published")
    return " and ".join(words) or "none"
