"""What room evaluate found out about the maps of runs, and paired differences of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from vad.artefacts.files import read_archive, read_json
from vad.evaluation.evaluate import FEWEST_VIDEOS
from vad.evaluation.significance import corrected, paired_difference, unknown
from vad.localisation.map_files import DRAWS
from vad.localisation.maps import NO_PIXEL, STATIC
from vad.localisation.maps import OWN as STORED_OWN
from vad.localisation.metrics import METRICS
from vad.schema.evaluate import Bootstrap

OWN = "its own"
"""The row of a variant's own maps; the others are named as in `vad.localisation.maps`."""
COLUMNS = (
    "dataset",
    "first",
    "second",
    "metric",
    "difference",
    "low",
    "high",
    "p",
    "p_by",
    "differs",
    "differs_holm",
    "reason",
)


@dataclass(frozen=True)
class LocalisedRun:
    """What room evaluate found out about the maps of one run.

    Attributes:
        entries: by row (`OWN`, one of `NO_PIXEL` or one of `further`) and metric: value, low, high, and the reason
            where it is undefined.
        replicates: likewise the value, then one value for each draw of videos.
        anomalous: ids of the anomalous videos with ground truth.
        counts: of test videos with ground truth, of those left out without one, and of the frames that are compared.
        further: the names of further maps of the model, from the smallest map, each followed by its mean map.
    """

    entries: Mapping[str, Mapping[str, Mapping[str, Any]]]
    replicates: Mapping[str, Mapping[str, Float[np.ndarray, "replicates"]]]
    anomalous: Sequence[str]
    counts: Mapping[str, int]
    further: Sequence[str] = ()

    @classmethod
    def read(cls, evaluated: Path) -> "LocalisedRun | None":
        """The run of a folder of metrics; None where its data set says of no anomalous video where it is anomalous.

        Args:
            evaluated: what room evaluate wrote of the run.
        """
        found = read_json(evaluated / "metrics.json").get("localisation")
        if found is None:
            return None
        # Shorter names first: that of 64 x 64 cells before that of 128 x 128.
        names = sorted(found.get("further", {}), key=lambda name: (len(name.removesuffix(STATIC)), name))
        further = {name: found["further"][name] for name in names}
        entries = {OWN: found["metrics"], **found["no_pixel"], **further}
        stored = read_archive(evaluated / DRAWS)
        undefined = np.full_like(next(iter(stored.values())), np.nan)
        drawn = {
            shown: {name: stored.get(f"{row}.{name}", undefined) for name in METRICS}
            for shown, row in {OWN: STORED_OWN, **{name: name for name in (*NO_PIXEL, *names)}}.items()
        }
        counts = {f"n_{name}": found[name] for name in ("videos", "without_truth", "frames")}
        return cls(entries, drawn, list(found["by_video"]), counts, names)


def differences(variants: Mapping[str, Sequence[LocalisedRun]], bootstrap: Bootstrap) -> list[dict[str, Any]]:
    """Paired differences: each variant minus its rows without a pixel, then later variants minus earlier ones.

    Each further map of a variant, minus its own mean map, is a `first` of its own: the variant, then the map.

    Args:
        variants: the seeds of the variants of one data set.
        bootstrap: draws, seed and coverage of the intervals.

    Returns: rows with the columns of `vad.evaluation.significance.differences`; `second` may be a row without a pixel.
    """
    rows = []
    for metric in METRICS:
        for name, runs in variants.items():
            pairs = [(name, OWN, row, row) for row in NO_PIXEL]
            pairs += [
                (f"{name} {row}", row, "static", f"{row}{STATIC}")
                for row in runs[0].further
                if f"{row}{STATIC}" in runs[0].further
            ]
            for first, seen, second, unseen in pairs:
                # Seed by seed: the mean map is that of the same run.
                gained = _stacked(runs, seen, metric) - _stacked(runs, unseen, metric)
                words = {"first": first, "second": second, "metric": metric}
                rows.append(words | _compared(gained, np.zeros_like(gained), bootstrap))
        for before, after in combinations(variants, 2):
            words = {"first": after, "second": before, "metric": metric}
            if list(variants[before][0].anomalous) != list(variants[after][0].anomalous):
                rows.append(words | unknown("not the same videos"))
                continue
            first, second = (_stacked(variants[name], OWN, metric) for name in (after, before))
            rows.append(words | _compared(first, second, bootstrap))
    return corrected(rows, 1 - bootstrap.coverage)


def _stacked(runs: Sequence[LocalisedRun], row: str, metric: str) -> Float[np.ndarray, "seeds replicates"]:
    return np.stack([run.replicates[row][metric] for run in runs]).astype(float)


def _compared(
    first: Float[np.ndarray, "seeds replicates"], second: Float[np.ndarray, "seeds replicates"], bootstrap: Bootstrap
) -> dict[str, Any]:
    """The difference of a pair, or why there is none."""
    if np.isnan(first[:, 0]).any() or np.isnan(second[:, 0]).any():
        return unknown("not defined")
    if first.shape[1] == 1:
        return unknown(f"fewer than {FEWEST_VIDEOS} videos")
    return paired_difference(first, second, bootstrap)
