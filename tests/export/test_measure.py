"""The latency of networks at batch 1: what is measured, and the reason where nothing can be."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from tests import videos
from tests.clips import noise
from vad.artefacts.features import FeatureFile, write_features
from vad.artefacts.files import read_json
from vad.export import formats, measure
from vad.export.measure import Settings

QUICK = {"frames": 32, "repeats": 1, "budget": 0.01}
ALL = ["onnx", "openvino", "openvino_int8"]


def measured(tmp_path: Path, kind: str, paths: dict[str, Path], **more: Any) -> dict[str, Any]:
    """What a job writes."""
    given = {"kind": kind, "dataset": "d", "features": "f", "formats": ALL, "efficiency": QUICK, **more}
    measure.write(Settings.model_validate(given), paths, tmp_path / "out.json")
    return read_json(tmp_path / "out.json")


def feature_file(tmp_path: Path, clips: bool = False) -> dict[str, Path]:
    """Three rows of a video."""
    path, features = tmp_path / "video.npz", np.ones((3, 8), np.float32)
    write_features(path, FeatureFile(features, np.arange(4) * 16, clips=noise(3) if clips else None))
    return {"features": path}


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """No package of any format is installed."""
    monkeypatch.setattr(formats, "absent", lambda kind, precision: [kind, precision])


@pytest.mark.usefixtures("without")
def test_missing_packages_leave_a_reason(tmp_path: Path) -> None:
    """The latency in torch is there, with machine and load; heads are not measured in int8."""
    found = measured(tmp_path, "head", feature_file(tmp_path), model="c3d_mil", model_args={"hidden_width": 4})

    assert [32, 8] == found["input"]
    assert found["latency_ms"] > 0
    assert found["load"] >= 0
    assert 1 == found["machine"]["threads"]
    assert {"onnx": "not installed: onnx, float32", "openvino": "not installed: openvino, float32"} == {
        name: one["why"] for name, one in found["formats"].items()
    }


def test_a_head_that_looks_at_images_is_measured_in_torch_alone(tmp_path: Path) -> None:
    """Nothing is converted for it."""
    small = {"width": 6, "blocks": 1, "heads": 2, "head_width": 3, "memory_slots": 5, "scorer_width": 4}
    args = {"bag_segments": 20, "score": "stage1", "score_full_length": False, "stage1": small}
    found = measured(tmp_path, "head", feature_file(tmp_path, clips=True), model="stpvad", model_args=args)

    assert found["latency_ms"] > 0
    assert {"it looks at images"} == {one["why"] for one in found["formats"].values()}


@pytest.mark.usefixtures("without")
def test_an_extractor_is_measured_on_one_segment(tmp_path: Path) -> None:
    """Of an entry with two extractors that of the vectors; pixels alone have no network."""
    video = {"video": videos.write_video(tmp_path / "video.mp4", videos.scene(40))}
    xfeat = {"extractor": "xfeat", "size": 32}
    one = measured(tmp_path, "extractor", video, extractor=xfeat)
    inner = measured(tmp_path, "extractor", video, extractor={"extractor": "clips", "vectors": xfeat})
    none = measured(tmp_path, "extractor", video, extractor={"extractor": "frames"})

    assert [16, 32, 32, 3] == one["input"] == inner["input"]
    assert ALL == list(one["formats"])
    assert {} == none["formats"]
    assert "no network" in none["why"]


def test_what_cannot_be_written_has_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words of the converter, by how much a file is off, that a network is too large: never a missing row."""
    video = {"video": videos.write_video(tmp_path / "video.mp4", videos.scene(20))}
    monkeypatch.setattr(formats, "absent", lambda *_: [])

    def refuse(*given: object) -> None:
        raise ValueError("no such operation\nand more")

    monkeypatch.setattr(formats, "_write", refuse)
    xfeat = {"extractor": "xfeat", "size": 32}
    failed = measured(tmp_path, "extractor", video, extractor=xfeat)["formats"]
    monkeypatch.setattr(formats, "_write", lambda *_: None)
    monkeypatch.setattr(formats, "load", lambda _: lambda given: [nn.Flatten(0)(given.float())[:128][None]])
    differs = measured(tmp_path, "extractor", video, extractor=xfeat)["formats"]
    monkeypatch.setattr(measure, "MOST_PARAMETERS", 1000)
    large = measured(tmp_path, "extractor", video, extractor=xfeat)["formats"]

    assert "the converter fails: ValueError: no such operation" == failed["onnx"]["why"]
    assert "its results differ from torch's by" in differs["onnx"]["why"]
    assert "no train videos" in differs["openvino_int8"]["why"]
    assert large["openvino"]["why"].endswith("parameters: not for edge devices")


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="needs openvino")
def test_formats_agree_with_torch(tmp_path: Path) -> None:
    """A latency and a difference below the tolerance."""
    head = measured(tmp_path, "head", feature_file(tmp_path), model="c3d_mil", model_args={}, formats=["openvino"])

    assert head["formats"]["openvino"]["difference"] < 1e-4
    assert head["formats"]["openvino"]["latency_ms"] > 0
