"""The selection gap: how much better the best epoch on the test list is than the chosen one; never a result.

Published code often reports the best epoch on the test list, for each metric another one; the gap says how optimistic
that is. Room train always chooses the epoch on the validation part. The gap needs the weights of other epochs, which
are kept only where `train.keep_epochs` says so; the chosen epoch is always among them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vad.evaluation.bootstrap import replicate_weights
from vad.evaluation.evaluate import Measured
from vad.evaluation.judged_video import JudgedVideo, Level, checked
from vad.evaluation.significance import COMPARED


def selection_gap(
    selected: Mapping[str, Any], epochs: Iterable[tuple[int, Sequence[JudgedVideo]]], level: Level
) -> dict[str, dict[str, Any]]:
    """Compare the chosen epoch with the best epoch on the test list, for each metric of `COMPARED`.

    Args:
        selected: metrics of the chosen epoch, as `vad.evaluation.evaluate.evaluate` returns them.
        epochs: number and scored test videos of each kept epoch.
        level: of the scores.

    Returns: by metric, `selected` and `best_on_test` (values), `epoch` (the best one; of equals the first), `gap` (best
        minus selected) and `epochs` (how many were compared). Metrics that are undefined are left out; empty without
        epochs.
    """
    best: dict[str, tuple[float, int]] = {}
    count = 0
    for count, (number, videos) in enumerate(epochs, start=1):  # noqa: B007 - `count` is read after the loop
        ordered = checked(videos, level)
        weights = replicate_weights([video.label for video in ordered], None)
        found = Measured.of(ordered, weights, None, level, COMPARED)
        for metric in COMPARED:
            if metric in found.reasons:
                continue
            value = float(found.values[metric][0])
            if metric not in best or value > best[metric][0]:
                best[metric] = value, number
    return {
        metric: {
            "selected": selected[metric]["value"],
            "best_on_test": value,
            "epoch": number,
            "gap": value - selected[metric]["value"],
            "epochs": count,
        }
        for metric, (value, number) in best.items()
        if selected[metric]["value"] is not None
    }
