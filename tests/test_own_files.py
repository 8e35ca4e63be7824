"""A user's own files through Snakemake: a bad one costs nothing but itself, a replaced one is read once."""

import os

import numpy as np
import pytest

from tests.project import PARAMS, Project

TRAIN = [("Abuse", f"Abuse{i:03d}_x264") for i in range(6)] + [
    ("Training_Normal_Videos_Anomaly", f"Normal_Videos{i:03d}_x264") for i in range(6)
]
TEST = [("Abuse", f"Abuse{i:03d}_x264") for i in (28, 29)] + [
    ("Testing_Normal_Videos_Anomaly", f"Normal_Videos_{i:03d}_x264") for i in (3, 4)
]
ENTRIES = """\
datasets:
  lists: {{kind: ucf_crime, root: {own}, videos: absent, frame_counts: counts.txt}}
features:
  ready: {{extractor: imported, root: {own}, dim: 4}}
variants:
  mil_lists:
    dataset: lists
    features: ready
    model: c3d_mil
    model_args: {{}}
    train: {{lr: 0.01, epochs: 1, batch: 2}}
    infer: {{}}
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Sixteen videos known by their published features alone, two to a job; features are made.

    Each test changes a file of its own, and leaves everything made.
    """
    folder = tmp_path_factory.mktemp("published")
    own = folder / "own"
    own.mkdir()
    for name, videos in (("Anomaly_Train.txt", TRAIN), ("Anomaly_Test.txt", TEST)):
        (own / name).write_text("".join(f"{folder}/{video}.mp4\n" for folder, video in videos))
    annotation = [f"{v}.mp4  {'Abuse  1  9' if 'Ab' in v else 'Normal  -1  -1'}  -1  -1\n" for _, v in TEST]
    (own / "Temporal_Anomaly_Annotation.txt").write_text("".join(annotation))
    (own / "counts.txt").write_text("".join(f"{folder}/{video}.mp4 48\n" for folder, video in TRAIN + TEST))
    for _, video in TRAIN + TEST:
        np.save(own / f"{video}.npy", np.ones((3, 4), np.float32))
    head, _ = PARAMS.split("datasets:")
    tail = PARAMS[PARAMS.index("evaluate:") :]
    project = Project.new(folder / "project", head + ENTRIES.format(own=own) + tail)
    project.snakemake("features_ready")
    return project


def test_a_failed_remake_keeps_what_it_finished(published: Project) -> None:
    """One bad file of two in a job: the other is made once, though Snakemake restores what was there before."""
    own, bad = published.folder.parent / "own", f"{TRAIN[0][1]}.npy"
    np.save(own / bad, np.full((3, 4), np.nan, np.float32))
    published.edit("params.yaml", "dim: 4", "dim: 4, l2_normalise: true")

    first = published.snakemake("features_ready", check=False)
    np.save(own / bad, np.ones((3, 4), np.float32))
    second = published.snakemake("features_ready")

    assert 15 == len(first)
    assert [f"data/features/ready/lists/{TRAIN[0][1]}.npz"] == second
    assert [] == published.snakemake("features_ready")
    assert [] == list(published.folder.rglob(".*.aside"))


def test_a_replaced_file_is_read_once(published: Project) -> None:
    """Its features are made again; the run after that has nothing to look at."""
    replaced = published.folder.parent / "own" / f"{TRAIN[2][1]}.npy"
    np.save(replaced, np.full((3, 4), 2.0, np.float32))
    os.utime(replaced, (1, 1))

    made = published.snakemake("features_ready")
    after = published.run("snakemake", "--cores", "2", "features_ready")

    assert [f"data/features/ready/lists/{TRAIN[2][1]}.npz"] == made
    assert "Nothing to be done" in after.stdout + after.stderr
