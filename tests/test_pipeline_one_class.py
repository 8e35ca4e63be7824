"""A user's own folder of frame folders, learned from normal sequences alone, through all six rooms."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.project import Project
from vad.artefacts.files import read_json
from vad.datasets.mini_walk import LABELS, Config, Dataset

pytestmark = pytest.mark.pipeline
PARAMS = """\
seeds: [0]
datasets:
  mine: {kind: ped2, root: data/raw/ped2, label_file: frame_labels.npy, validation: {fraction: 0.5, seed: 0}}
  mini_crime: {kind: mini_crime, train_videos: 8, test_videos: 4}
features:
  xfeat: {extractor: xfeat, size: 64}
  frames: {extractor: frames, size: 16}
variants:
  mil:
    dataset: mini_crime
    features: xfeat
    model: c3d_mil
    model_args: {}
    train: {lr: 0.01, epochs: 1, batch: 2}
    infer: {}
  ae:
    dataset: mine
    features: frames
    model: mnad
    model_args: {gates: true, width: 2}
    train: {optimiser: adam, lr: 0.001, epochs: 2, batch: 8, select_by: validation_loss}
    infer: {video_score: max, maps: true}
evaluate:
  bootstrap: {resamples: 50}
report:
  dpi: 50
  efficiency: {frames: 32, repeats: 1, budget: 0.1}
  edge: []
  published: {memtsm_2: [mstsm_claim, mil], memtsm_1: [stead_fast]}
"""


def test_frame_folders_of_a_user(tmp_path: Path) -> None:
    """The report of one data set, by itself: no other data set is made, and reports that lie there stay as they are.

    The row says which labels and threshold rule it has; a changed image makes exactly what depends on its sequence.
    """
    project = Project.new(tmp_path / "project", PARAMS)
    raw = project.folder / "data/raw/ped2"
    settings = Config(train_sequences=2, test_sequences=2, frames_min=16, frames_max=20, width=64, height=48)
    Dataset(settings, raw).generate(1)
    committed = project.folder / "reports/mini_crime/results.csv"
    committed.parent.mkdir(parents=True)
    committed.write_text("variant\nmil\n")
    project.snakemake("report_mine")
    page = (project.folder / "reports/mine/results.md").read_text()
    row = (project.folder / "reports/mine/results.csv").read_text()

    assert "report.published: 2 row(s)" in project.errors
    assert "quantile=0.95 on validation (normal videos only)" in row
    assert ",npy," in row
    assert "Labels masks differ in 0 of" in page
    assert "`frame_auc_macro` is over 1 of 2 videos (one class of frame only: Test00" in page
    assert "| always_anomalous" in page
    assert (project.folder / "reports/mine/index.md").is_file()
    assert [path.name for path in (project.folder / "reports").iterdir() if "mini_crime" in path.name] == ["mini_crime"]
    assert committed.read_text() == "variant\nmil\n"
    assert not any((project.folder / "data/split/mini_crime").rglob("*.csv"))
    assert not any((project.folder / "data/train/mil").rglob("*"))
    localisation = read_json(project.folder / "data/evaluate/ae/seed0/metrics.json")["localisation"]
    assert localisation["videos"] == 2
    assert localisation["metrics"]["pixel_auc"]["value"] is not None
    maps = [path for path in (project.folder / "data/infer/ae/seed0.maps").rglob("*") if path.is_file()]
    gates = [f"attention_{side}x{side}" for side in (4, 8, 16)]
    assert Counter(path.parent.name for path in maps) == dict.fromkeys(["seed0.maps", *gates], 3)
    assert sorted(localisation["further"]) == sorted([*gates, *(f"{gate} static" for gate in gates)])

    where, index = ((project.folder / f"reports/mine/{name}.md").read_text() for name in ("localisation", "index"))
    figure = project.folder / "data/report/figures/ae_heat_maps.png"

    assert "| ae - static" in where
    assert where.index("| attention_4x4 ") < where.index("| attention_8x8 ") < where.index("| attention_16x16 ")
    assert "`rbdc`: no interval, fewer than 5 videos (ae)" in where
    assert "[localisation.md](localisation.md)" in index
    assert "ae_heat_maps.png" in index
    assert figure.read_bytes().startswith(b"\x89PNG")

    shutil.copy(raw / "Test/Test001/002.png", raw / "Test/Test001/003.png")
    made = project.snakemake("report_mine")

    assert [path for path in made if not path.startswith(("reports/mine/", "data/report/figures/"))] == [
        "data/evaluate/ae/seed0",
        "data/features/frames/mine/Test001.npz",
        "data/infer/ae/seed0.npz",
        "data/report/pictures/mine",
        "data/report/tsne/ae",
        "reports/efficiency/edge_extractor.frames.mine.json",
        "reports/efficiency/extractor.frames.mine.json",
        "reports/site/mine",
    ]
    assert "reports/mine/results" in made
    assert project.snakemake("report_mine") == []
    assert (raw / LABELS).is_file()
