"""Cross-validation inside a train list: folds are scored by models that never saw them."""

from pathlib import Path

import numpy as np
import pandas as pd

from bench.folds import _mean, cross_validate
from vad.artefacts.features import FeatureFile, write_features
from vad.schema.params import Variant
from vad.splits.video import Validation


def test_each_fold_is_scored_by_models_that_did_not_see_it(tmp_path: Path) -> None:
    """Videos with rows that stand out have an area near 1; noise with labels learned by heart has none near 1."""
    names = [f"v{number:02}" for number in range(24)]
    labels = [number % 2 for number in range(24)]
    table = pd.DataFrame({"video_id": names, "class": ["x"] * 24, "label": labels, "part": ["fit"] * 24})
    variant = Variant.model_validate(
        {
            **{"dataset": "d", "features": "f", "model": "linear", "model_args": {"bag_segments": 6, "l2": 1e-6}},
            "train": {"lr": 0.1, "epochs": 1, "steps_per_epoch": 40, "batch": 8, "select_by": "last"},
            "infer": {},
        }
    )
    found = []
    for step in (3.0, 0.0):
        files = [tmp_path / f"{name}{step:g}.npz" for name in names]
        for number, path in enumerate(files):
            rows = np.random.default_rng(number).normal(size=(6, 60)).astype(np.float32)
            rows[:, :8] += step * labels[number]
            write_features(path, FeatureFile(rows, np.arange(7) * 16, {}))
        found.append(cross_validate(variant, table, files, Validation(fraction=0.25), 3))
    clear, noise = found

    assert len(clear.plain) == len(clear.refit) == 3
    assert min(clear.plain.mean(), clear.refit.mean()) > 0.95
    assert max(noise.plain.mean(), noise.refit.mean()) < 0.85
    assert _mean(np.array([0.5, 0.7])) == "0.600 ± 0.100"
