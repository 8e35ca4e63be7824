"""Curves and maps of a report as small lists of numbers for a page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vad.artefacts.files import read_json
from vad.evaluation.curves import on_grid
from vad.site.tables import read_rows

GRID = np.linspace(0, 1, 101)
"""Where a curve is stored: false positive rates of an ROC curve, recalls of a precision-recall curve."""
PLACES = 1000
"""Steps of the axes of a map."""
MOST_EPOCHS = 200
"""Of a training curve; of a longer one every n-th epoch is shown."""


def operating_curves(folder: Path, variant: str) -> dict[str, list[float]] | None:
    """Mean over seeds of a variant's ROC (`roc`) and precision-recall (`pr`) curve, each on `GRID`; None without one.

    Args:
        folder: with the plot data `roc/<variant>.csv` and `pr/<variant>.csv`.
        variant: its name.
    """
    found = {}
    for kind, x, y in (("roc", "fpr", "tpr"), ("pr", "recall", "precision")):
        seeds = _by_seed(read_rows(folder / kind / f"{variant}.csv"), x, y)
        if not seeds:
            return None
        mean = np.mean([on_grid(kind, *points, GRID) for points in seeds], axis=0)
        found[kind] = [round(value, 3) for value in mean.tolist()]
    return found


def _by_seed(rows: Sequence[Mapping[str, str]], x: str, y: str) -> list[tuple[np.ndarray, np.ndarray]]:
    seeds: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        seeds.setdefault(row["seed"], []).append((float(row[x]), float(row[y])))
    return [tuple(np.array(points).T) for points in seeds.values()]


def training_curve(path: Path, chosen: Mapping[int, int]) -> dict[str, Any]:
    """The losses of a variant by epoch.

    Args:
        path: its plot data, a row for each epoch and seed.
        chosen: the epoch whose weights are used, by seed.

    Returns: `epochs`, `chosen` and, for each seed and each loss that was written (`train`, `validation`), a list of
        values; null where a seed stopped earlier. Empty where nothing was trained.
    """
    rows = read_rows(path)
    epochs = sorted({int(row["epoch"]) for row in rows})
    shown = epochs[:: max(1, -(-len(epochs) // MOST_EPOCHS))]
    lines = []
    for seed in dict.fromkeys(row["seed"] for row in rows):
        for name in ("train", "validation"):
            known = {
                int(r["epoch"]): float(r[f"{name}_loss"]) for r in rows if r["seed"] == seed and r.get(f"{name}_loss")
            }
            values = [float(f"{known[e]:.4g}") if e in known and np.isfinite(known[e]) else None for e in shown]
            if any(value is not None for value in values):
                lines.append({"seed": int(seed), "loss": name, "values": values})
    return {"epochs": shown, "chosen": dict(chosen), "lines": lines} if lines else {}


def embedding_map(folder: Path, videos: Sequence[str]) -> dict[str, Any]:
    """The t-SNE of a variant: each point with its video, frame, label and score.

    Args:
        folder: with points.csv and about.json, as `vad.report.tsne` writes them.
        videos: the test videos; points name them by their place in this list.

    Returns: `unit`, `of` (vectors before sampling), `perplexity`, and lists over points: `v` place of the video, `f`
        frame (-1 = the whole video), `l` label, `s` score, `x` and `y` from 0 to `PLACES`. Empty without points.
    """
    rows = read_rows(folder / "points.csv")
    place = {name: i for i, name in enumerate(videos)}
    rows = [row for row in rows if row["video_id"] in place]
    if not rows:
        return {}
    about = read_json(folder / "about.json")
    plane = np.array([[float(row["x"]), float(row["y"])] for row in rows])
    low, spread = plane.min(axis=0), np.ptp(plane, axis=0)
    scaled = np.rint((plane - low) / np.where(spread > 0, spread, 1) * PLACES).astype(int)
    return {
        **{name: about[name] for name in ("unit", "of", "perplexity")},
        "v": [place[row["video_id"]] for row in rows],
        "f": [int(float(row["frame"])) for row in rows],
        "l": [int(float(row["label"])) for row in rows],
        "s": [float(f"{float(row['score']):.3g}") for row in rows],
        "x": scaled[:, 0].tolist(),
        "y": scaled[:, 1].tolist(),
    }
