"""What choosing the epoch on the test list would have given: optimistic on purpose, and never a result.

The weights of epochs are kept only when `train.keep_epochs` asks for it, and those of the chosen one are always among
them. Room train chooses its epoch on the validation part whatever happens here; the difference says how much a
best-on-test number flatters.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vad.evaluation.evaluate import evaluate
from vad.evaluation.scored_video import JudgedVideo, Level
from vad.evaluation.significance import COMPARED


def selection_gap(
    selected: Mapping[str, Any], epochs: Iterable[tuple[int, Sequence[JudgedVideo]]], level: Level
) -> dict[str, dict[str, Any]]:
    """The best epoch on the test list for each metric, apart for each as published code does it.

    Args:
        selected: metrics of the chosen epoch, as `vad.evaluation.evaluate.evaluate` gives them.
        epochs: number and scored test videos of each epoch.
        level: of the scores.

    Returns: by metric `selected`, `best_on_test`, its `epoch` (the first of equals), `gap` and how many `epochs`
        were compared; empty without epochs, and without the metrics that are undefined.
    """
    best: dict[str, tuple[float, int]] = {}
    count = 0
    for count, (number, videos) in enumerate(epochs, start=1):  # noqa: B007 - counted to the end
        found = evaluate(videos, None, None, level)
        for metric in COMPARED:
            value = found[metric]["value"]
            if value is not None and (metric not in best or value > best[metric][0]):
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
