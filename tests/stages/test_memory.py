"""The memory that jobs ask for: what it depends on, and that it is more than training takes."""

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from stages.plan.memory import Shape, features_mb, infer_mb, shape_of, train_mb
from vad.artefacts.features import FeatureFile, write_features

SMALL, FULL = Shape(80, 1, 128), Shape(1900, 10, 1024)


def test_small_data_need_little_and_large_data_a_bounded_amount() -> None:
    """UCF-Crime's ten crops, with the bound of each part; copies are parts of their own."""
    assert train_mb(SMALL) < 2700
    assert infer_mb(SMALL) < 2200
    assert 2500 == features_mb(SMALL)
    assert 4000 < train_mb(FULL) < 5000
    assert 2 * 1024 == train_mb(Shape(1900, 10, 1024, copies=2)) - train_mb(FULL)
    assert 4000 < infer_mb(FULL) < 6000
    assert 8000 < features_mb(FULL) < 10000


@pytest.mark.parametrize(
    ("entry", "crops", "dim"),
    [
        ({"extractor": "i3d", "crops": 10}, 10, 2048),
        ({"extractor": "imported", "format": "crops_files", "dim": 1024}, 10, 1024),
        ({"extractor": "imported", "layout": "segments_crops_dim", "dim": 2048}, 10, 2048),
        ({"extractor": "imported", "format": "npy", "layout": "segments_dim", "dim": 1408}, 1, 1408),
        ({"extractor": "xfeat"}, 1, 2048),
    ],
)
def test_shape_from_settings(entry: dict, crops: int, dim: int) -> None:
    """Crops and width where the settings say them, else the most."""
    found = shape_of(entry, 7, copies=3)

    assert (7, crops, dim, 3) == (found.videos, found.crops, found.dim, found.copies)


CHILD = """
    import sys
    from pathlib import Path
    import pandas as pd
    from bench.full_size import Peaks
    from vad.engine.train_run import VariantTraining
    from vad.schema.train import Train

    folder = Path(sys.argv[1])
    files = sorted(folder.glob("*.npz"))
    settings = Train(lr=1e-4, epochs=1, batch=2, steps_per_epoch=1, device="cpu")
    section = {"model": "urdmu", "model_args": {"bag_segments": 32, "width": 64}, "train": settings.model_dump()}
    videos = pd.DataFrame({"label": [0, 1] * 6, "part": ["fit"] * 8 + ["validation"] * 4})
    run = lambda: VariantTraining(section, settings, videos, files, folder=folder).run(0, 1, folder / "run")
    print(Peaks().of(run)["own"])
"""


def test_training_takes_less_than_it_asks_for(tmp_path: Path) -> None:
    """The measured peak of twelve videos of ten crops, one of them with a million frames' share of the rows."""
    generator = np.random.default_rng(0)
    for number, rows in enumerate([1500] + [100] * 11):
        values = generator.normal(size=(rows, 10, 512)).astype(np.float32)
        write_features(tmp_path / f"{number:02}.npz", FeatureFile(values, np.arange(rows + 1) * 16))
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path)]
    own = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])

    assert 100 < own < train_mb(Shape(12, 10, 512, longest=1500))
