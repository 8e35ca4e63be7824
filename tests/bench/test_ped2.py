"""The variants of Ped2 without Snakemake: the jobs of the pipeline, with records, in one folder."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from bench import ped2
from tests import videos


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Ped2's tree of frames, tiny: three sequences to train on, two to test on, with a label for each frame."""
    folder = tmp_path / "ped2"
    for part, count in (("training", 3), ("testing", 2)):
        for number in range(1, count + 1):
            place = folder / part / "frames" / f"{number:02}"
            place.mkdir(parents=True)
            for index, picture in enumerate(videos.scene(7, 32, 32, seed=number)):
                Image.fromarray(picture).save(place / f"{index:03}.jpg")
    np.save(folder / "frame_labels_ped2.npy", np.array([[0, 0, 0, 0, 0, 1, 1] * 2]))
    return folder


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """params.yaml with two of the four variants so narrow that a step takes milliseconds."""
    yaml = YAML()
    params = yaml.load(ped2.PARAMS)
    params["features"]["frames256"]["size"] = 32
    for variant in ped2.FULL:
        params["variants"][variant]["model_args"]["width"] = 2
    yaml.dump(params, tmp_path / "small.yaml")
    monkeypatch.setattr(ped2, "PARAMS", tmp_path / "small.yaml")


@pytest.mark.usefixtures("small")
def test_variants_run_one_after_the_other(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Metrics of each, in the precision that was asked for; a second call makes nothing again."""
    out = tmp_path / "run"
    wanted = ["--variants", "mnad_recon_ped2", "frame_pred_ped2", "--epochs", "1", "--steps-per-epoch", "2"]
    command = ["--root", str(root), "--out", str(out), "--precision", "bfloat16", *wanted]
    codes = [ped2.main(command)]
    first = capsys.readouterr().out
    codes.append(ped2.main(command))
    again = capsys.readouterr().out
    config = json.loads((out / "data/train/frame_pred_ped2/seed0/config.json").read_text())

    assert [0, 0] == codes
    assert "mnad_recon_ped2 seed 0: frame_auc 0." in first
    assert "frame_pred_ped2 seed 0: frame_auc " in first
    assert "made " not in again
    assert ("bfloat16", 1, 2) == tuple(
        config["section"]["train"][k] for k in ("precision", "epochs", "steps_per_epoch")
    )
    assert (out / "data/evaluate/mnad_recon_ped2/seed0.prov.json").is_file()
