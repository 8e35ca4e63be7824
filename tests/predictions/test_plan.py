"""What the plan of a run says of the figures of predicted pictures."""

from pathlib import Path

import pytest

from tests.project import PARAMS, Plan

WALK = """\
  walk: {kind: mini_walk, train_sequences: 4, test_sequences: 4}
features:
  frames: {extractor: frames, size: 16}
"""
PREDICTING = """\
variants:
  recon:
    dataset: walk
    features: frames
    model: mnad
    model_args: {method: reconstruction}
    train: {lr: 0.001, epochs: 1, batch: 4, select_by: last}
    infer: {}
  unet:
    dataset: walk
    features: frames
    model: frame_pred
    model_args: {}
    train: {lr: 0.001, epochs: 1, batch: 4, select_by: last}
    infer: {}
"""


def test_pictures_are_planned_for_models_that_make_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One part for a data set with its figures, code of both models, links on its page; none for another data set."""
    monkeypatch.chdir(tmp_path)
    text = PARAMS.replace("features:\n", WALK, 1).replace("variants:\n", PREDICTING, 1)
    Path("params.yaml").write_text(text)
    reports = Plan.read(Path("params.yaml")).reports
    parts = {part.key: part for part in reports.parts()}
    part, page = parts["pictures.walk"], parts["index.walk"].settings
    figures = [
        f"data/report/figures/{name}_{kind}.png" for name in ("recon", "unet") for kind in ("pictures", "frames")
    ]

    assert ["pictures.walk"] == [key for key in parts if key.startswith("pictures.")]
    assert ["data/report/pictures/walk/frames.csv", "reports/walk/pictures/comparison.png", *figures] == list(
        part.files
    )
    assert {"models/mnad", "models/frame_pred"} == set(part.plugins)
    assert {"data/train/recon/seed0/weights.safetensors", "data/evaluate/unet/seed0/curves.csv"} <= set(
        part.reads.files
    )
    assert {f"../../{path}" for path in figures} <= {path for links in page["figures"].values() for path in links}
    assert (True, False) == (page["pictures"], parts["index.mini_crime"].settings["pictures"])
    assert not set(figures) & set(parts["plots.unet"].files)


def test_what_has_its_record_in_git_lies_in_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone would make the rest of its files again, and its record would name another machine."""
    monkeypatch.chdir(tmp_path)
    text = PARAMS.replace("features:\n", WALK, 1).replace("variants:\n", PREDICTING, 1)
    Path("params.yaml").write_text(text)
    parts = [part for part in Plan.read(Path("params.yaml")).reports.parts() if part.out.startswith("reports/")]

    assert len(parts) > 10
    assert [] == [(part.key, path) for part in parts for path in part.files if not path.startswith("reports/")]
