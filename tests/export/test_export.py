"""Exported networks give what torch gives, and what cannot be exported is said in words."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests import videos
from vad.__main__ import main
from vad.artefacts.files import write_json
from vad.artefacts.weights import write_weights
from vad.engine.build import build
from vad.errors import VadError
from vad.export import formats, write

here = {name: importlib.util.find_spec(name) is not None for kind in formats.PACKAGES.values() for name in kind}
KINDS = [
    pytest.param(kind, marks=pytest.mark.skipif(not all(here[name] for name in names), reason=f"needs {names}"))
    for kind, names in formats.PACKAGES.items()
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of an untrained model: export reads no more of it than this."""
    folder = tmp_path / "run"
    folder.mkdir()
    model = build("deepmil", {}, 128)
    write_json(folder / "config.json", {"model": "deepmil", "model_args": {}, "feature_dim": 128})
    write_weights(folder / "weights.safetensors", {n: v.numpy() for n, v in model.state_dict().items()}, {})
    return folder


@pytest.mark.parametrize("kind", formats.PACKAGES)
def test_missing_packages_are_named(
    kind: str, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the extra that brings them, before anything is read."""
    for name in here:
        monkeypatch.setitem(sys.modules, name, None)

    assert 2 == main(["export", "deepmil", "--format", kind, "--run", str(run)])
    assert "pip install 'vad-ledger[edge]'" in capsys.readouterr().err


def test_what_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A variant that params.yaml lacks, and a run that was not trained."""
    monkeypatch.setattr(formats, "require", lambda _: None)
    for variant, words in (("deepmill", "no variant 'deepmill'"), ("deepmil", "no trained run")):
        assert 2 == main(["export", variant, "--run", str(tmp_path)])
        assert words in capsys.readouterr().err


def test_a_file_that_differs_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both files of the format, and the error says by how much."""
    path, network = tmp_path / "head.xml", nn.Linear(2, 1)
    for file in formats.files_of(path):
        file.touch()
    monkeypatch.setattr(formats, "load", lambda _: lambda given: [1.01 * network(given)])

    with pytest.raises(VadError, match=r"differ from torch's by 1.0e-02.+was deleted"):
        write.checked(path, network, torch.ones(1, 2))
    assert [] == list(tmp_path.iterdir())


def test_what_a_format_does_not_know_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the operation that the converter names, and without its traceback."""

    def refuse(*_: object, **__: object) -> None:
        raise torch.onnx.OnnxExporterError("see the report") from ValueError("no translation of aten.fancy\nmore")

    monkeypatch.setattr(torch.onnx, "export", refuse)
    with pytest.raises(VadError, match=r"cannot be written as onnx \(.+no translation of aten.fancy\)\. Try the other"):
        formats.write(nn.Identity(), torch.ones(1), "onnx", tmp_path / "head.onnx")


@pytest.mark.parametrize("kind", KINDS)
def test_exported_networks_agree_with_torch(kind: str, run: Path, tmp_path: Path) -> None:
    """Both files and their measurements are there."""
    video = videos.write_video(tmp_path / "video.mp4", videos.scene(40))
    flags = ["--format", kind, "--run", str(run), "--video", str(video), "--out", str(tmp_path / "out")]

    assert 0 == main(["export", "deepmil", *flags])
    found = json.loads((tmp_path / "out" / f"{kind}.json").read_text())
    for name in ("extractor", "head"):
        assert Path(found[name]["file"]).is_file()
        assert found[name]["difference"] <= write.TOLERANCE
        assert found[name]["latency_ms"] > 0
    assert np.prod(found["head"]["input"]) == 32 * 128
