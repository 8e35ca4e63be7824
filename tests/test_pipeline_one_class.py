"""A user's own folder of frame folders, learned from normal clips alone, through all six rooms."""

import shutil
from pathlib import Path

import pytest

from tests.project import Project
from vad.datasets.mini_walk import LABELS, Config, Dataset

pytestmark = pytest.mark.pipeline
PARAMS = """\
seeds: [0]
datasets:
  mine: {kind: ped2, root: data/raw/ped2, label_file: frame_labels.npy, validation: {fraction: 0.5, seed: 0}}
  unused: {kind: mini_walk}
features:
  xfeat: {extractor: xfeat, size: 64}
variants:
  ae:
    dataset: mine
    features: xfeat
    model: lstm_memory_ae
    model_args: {window: 1, stride: 1, hidden_width: 8, latent_width: 4, memory_slots: 3}
    train: {optimiser: adam, lr: 0.001, epochs: 2, batch: 8, select_by: validation_loss}
    infer: {video_score: max}
evaluate:
  bootstrap: {resamples: 50}
report: {dpi: 50}
"""


def test_frame_folders_of_a_user(tmp_path: Path) -> None:
    """The row says which labels and threshold rule it has; a changed image makes exactly what depends on its clip."""
    project = Project.new(tmp_path / "project", PARAMS)
    raw = project.folder / "data/raw/ped2"
    settings = Config(train_clips=2, test_clips=2, frames_min=16, frames_max=20, width=64, height=48)
    Dataset(settings, raw).generate(1)
    project.snakemake()
    page = (project.folder / "reports/mine/results.md").read_text()
    row = (project.folder / "reports/mine/results.csv").read_text()

    assert "quantile=0.95 on validation (normal videos only)" in row
    assert ",npy," in row
    assert "Labels masks differ in 0 of" in page
    assert "`frame_auc_macro` is over 1 of 2 videos (one class of frame only: Test00" in page
    assert "| always_anomalous" in page
    assert not (project.folder / "data/split/unused/raw").exists()

    shutil.copy(raw / "Test/Test001/002.png", raw / "Test/Test001/003.png")

    assert project.snakemake() == [
        "data/evaluate/ae/seed0",
        "data/features/xfeat/mine/Test001.npz",
        "data/infer/ae/seed0.npz",
        "data/report/figures/ae",
        "data/report/tsne/ae",
        "reports/efficiency/extractor.xfeat.mine.json",
        "reports/efficiency/head.ae.json",
        *(
            f"reports/mine/{name}"
            for name in ("classes", "conventions", "efficiency", "figures", "index.md", "results")
        ),
        *(f"reports/mine/{name}" for name in ("selection_gap", "significance")),
        "reports/tables/claims",
        "reports/tables/results",
    ]
    assert project.snakemake() == []
    assert (raw / LABELS).is_file()
