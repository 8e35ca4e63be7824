"""The errors of room train name the variant that they are about."""

from pathlib import Path

import numpy as np
import pytest

from stages.train.run import main
from vad.artefacts import FeatureFile, write_features, write_json
from vad.errors import VadError
from vad.splits import Validation, Video, write_tables


def test_errors_name_the_variant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A normal list for a weakly supervised model: which of the variants it is, and what is wrong."""
    monkeypatch.chdir(tmp_path)
    names = ["a", "b", "c"]
    videos = [*(Video(name, "", "train", 0, "Normal") for name in names), Video("z", "", "test", 0, "Normal")]
    write_tables(Path("split"), videos, validation=Validation(), interval_rule="zero_based_half_open", facts={})
    for name in names:
        rows = np.ones((2, 4), np.float32)
        write_features(Path("features", f"{name}.npz"), FeatureFile(rows, np.array([0, 16, 32]), {}))
    schedule = {"lr": 0.01, "epochs": 1, "batch": 2, "select_by": "last"}
    write_json(Path("section.json"), {"model": "c3d_mil", "model_args": {}, "train": {"device": "cpu", **schedule}})
    flags = ["--section", "section.json", "--code", "section.json", "--videos", "split/train.csv"]
    with pytest.raises(VadError, match=r"^variant my_mil: .*this part has 2 normal and 0 anomalous"):
        main([*flags, "--features", "features", "--seed", "0", "--out", "data/train/my_mil/seed0"])
