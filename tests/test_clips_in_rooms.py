"""The rooms and an extractor that holds another one: its files, its code, and when it is not installed."""

from pathlib import Path

import numpy as np
import pytest

from stages.features.run import main as extract
from stages.plan import paths, slices
from tests import videos
from tests.project import PARAMS, Plan, Project
from vad.artefacts.features import read_features
from vad.artefacts.files import write_json

# A GPU has no portable arithmetic.
NATIVE = PARAMS.replace("    kind: mini_crime\n", "    kind: mini_crime\n    arithmetic: native\n")
CLIPS = """\
features:
  clips: {extractor: clips, size: 32, vectors: {extractor: xfeat, size: 64, device: cuda}}
  published: {extractor: clips, size: 32, vectors: {extractor: imported, root: null, dim: 4}}
"""
MIL = """\
variants:
  published:
    dataset: mini_crime
    features: published
    model: c3d_mil
    model_args: {hidden_width: 8}
    train: {optimiser: adagrad, lr: 0.01, epochs: 2, batch: 2}
    infer: {}
  clips:
    dataset: mini_crime
    features: clips
    model: c3d_mil
    model_args: {hidden_width: 8}
    train: {optimiser: adagrad, lr: 0.01, epochs: 2, batch: 2}
    infer: {}
"""


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A project with clips around computed and around published vectors."""
    params = NATIVE.replace("features:\n", CLIPS, 1).replace("variants:\n", MIL, 1)
    project = Project.new(tmp_path / "project", params)
    monkeypatch.chdir(project.folder)
    return Plan.read(Path("params.yaml"))


def publish(plan: Plan, root: Path) -> Plan:
    """The same plan, with vectors published for every video."""
    root.mkdir()
    for video in plan.installed.videos("mini_crime"):
        np.save(root / f"{video.video_id}.npy", np.ones((2, 4), np.float32))
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("root: null, dim: 4", f"root: {root}, dim: 4"))
    return Plan.read(Path("params.yaml"))


def test_the_inner_extractor_decides(plan: Plan) -> None:
    """Both code files, the inner device, and a root that is null inside means not installed."""
    installed = plan.installed
    code = dict(slices.code(installed, plan.reports))["features", "clips"]["files"]

    assert {"vad/extractors/clips.py", "vad/extractors/xfeat.py", "vad/artefacts/clips.py"} <= set(code)
    assert "vad/extractors/imported.py" not in code
    assert ["xfeat"] == installed.extractors("xfeat")
    assert (True, False) == (installed.needs_gpu("clips"), installed.needs_gpu("published"))
    assert {"published", "mil_ucf"} == set(installed.skipped)
    assert "clips" in installed.variants


def test_sources_are_the_video_and_the_published_file(plan: Plan, tmp_path: Path) -> None:
    """Around published vectors both are sources, the video first; around computed ones the video alone."""
    plan = publish(plan, tmp_path / "published")
    video = plan.installed.videos("mini_crime")[0]
    path = str(paths.raw("mini_crime") / video.path)

    assert "published" in plan.installed.variants
    assert plan.installed.imported("published")
    assert [path] == plan.installed.sources("clips", "mini_crime")[video.video_id]
    assert [path, f"{tmp_path}/published/{video.video_id}.npy"] == plan.installed.sources("published", "mini_crime")[
        video.video_id
    ]


def test_room_features_joins_vectors_and_video(plan: Plan, tmp_path: Path) -> None:
    """The job of one video writes published vectors with the video's frames."""
    plan = publish(plan, tmp_path / "published")
    video = plan.installed.videos("mini_crime")[0]
    path = videos.write_video(tmp_path / "scene.mp4", videos.scene(40))
    sources = [str(path), f"{tmp_path}/published/{video.video_id}.npy"]
    write_json(Path("batch.json"), [{"video_id": video.video_id, "sources": sources, "n_frames": None}])
    slices.write(*plan)
    section, code = paths.slice_of("features", "published"), paths.code_of("features", "published")
    extract(["--section", section, "--code", code, "--batch", "batch.json", "--out", "out"])
    file = read_features(Path("out", f"{video.video_id}.npz"), 4)

    assert [0, 16, 40] == file.bounds.tolist()
    assert file.clips is not None
    assert (16, 32, 32, 3) == file.clips.frames(1).shape
