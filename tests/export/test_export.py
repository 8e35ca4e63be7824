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
from tests.project import ROOT
from vad.__main__ import main
from vad.artefacts.files import read_json, write_json
from vad.artefacts.weights import write_weights
from vad.cost.count import parameters
from vad.engine.build import build
from vad.errors import VadError
from vad.export import formats, write
from vad.export.calibration import spread
from vad.export.command import listed
from vad.extractors._base import load_extractor
from vad.splits.tables import TEST_COLUMNS

here = {name: importlib.util.find_spec(name) is not None for kind in formats.PACKAGES.values() for name in kind}
LOCK = ROOT / "envs/cpu.lock"
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
    monkeypatch.setattr(formats, "require", lambda *_: None)
    for variant, words in (("deepmill", "no variant 'deepmill'"), ("deepmil", "no trained run")):
        assert 2 == main(["export", variant, "--run", str(tmp_path)])
        assert words in capsys.readouterr().err


def test_a_run_of_another_variant_is_an_error(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its head would read features of another kind than the extractor beside it makes."""
    monkeypatch.setattr(formats, "require", lambda *_: None)
    codes = [main(["export", "c3d_mil", "--run", str(run)])]
    config = read_json(run / "config.json")
    write_json(run / "config.json", {**config, "section": {"features": "xfeat_maps"}})
    codes.append(main(["export", "deepmil", "--run", str(run)]))
    said = capsys.readouterr().err

    assert [2, 2] == codes
    assert "the run has model deepmil, variant c3d_mil has c3d_mil" in said
    assert "the run has features xfeat_maps, variant deepmil has xfeat" in said


def test_a_file_that_differs_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both files of the format, and the error says by how much."""
    path, network = tmp_path / "head.xml", nn.Linear(2, 1)
    for file in formats.files_of(path):
        file.touch()
    monkeypatch.setattr(formats, "load", lambda _: lambda given: [1.01 * network(given)])

    with pytest.raises(VadError, match=r"differ from torch's by 1.0e-02.+was deleted"):
        write.checked(path, network, [torch.ones(1, 2)], "float32")
    assert [] == list(tmp_path.iterdir())


def test_int8_is_judged_by_the_length_of_the_difference() -> None:
    """One value of many may be far off; in float32 the farthest one counts. All inputs count together."""
    right, found = torch.ones(2, 100), torch.ones(2, 100)
    found[0, 0] = 1.2
    pairs = [[one] for one in found], [[one] for one in right]

    assert 0.2 == pytest.approx(write.difference(*pairs, "float32"))
    assert 0.2 / 200**0.5 == pytest.approx(write.difference(*pairs, "int8"))


def test_int8_is_made_for_videos_all_over_the_list() -> None:
    """In the order of the list, never more than twenty."""
    assert [0, 1, 2] == spread([0, 1, 2])
    assert [0, 5, 10] == spread(list(range(100)))[:3]
    assert 20 == len(spread(list(range(139))))


def test_int8_needs_a_format_and_lists(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only OpenVINO has it; the train videos that it is made for are in the split tables."""
    monkeypatch.setattr(formats, "require", lambda *_: None)
    params = (ROOT / "params.yaml").resolve()
    monkeypatch.chdir(tmp_path)
    flags = ["export", "deepmil", "--params", str(params), "--run", str(run), "--precision", "int8"]

    assert 2 == main(flags)
    assert "needs --format openvino" in capsys.readouterr().err
    assert 2 == main([*flags, "--format", "openvino", "--video", "video.mp4"])
    assert "train.csv: no such table" in capsys.readouterr().err


def test_frames_for_the_check_are_of_the_test_list(tmp_path: Path) -> None:
    """Whatever the videos are called: the first one that is there. A list without any is an error."""
    (tmp_path / "b.avi").touch()
    rows = [f"{name},{name}.avi,x,1,,zero_based_half_open,frame,,true," for name in "abc"]
    table = tmp_path / "test.csv"
    table.write_text("\n".join([",".join(TEST_COLUMNS), *rows]) + "\n")

    assert [tmp_path / "b.avi"] == listed(table, tmp_path)
    with pytest.raises(VadError, match=r"none of its videos is in .+Give --video"):
        listed(table, tmp_path / "elsewhere")


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
        assert found[name]["difference"] <= write.TOLERANCE["float32"]
        assert found[name]["latency_ms"] > 0
    assert np.prod(found["head"]["input"]) == 32 * 128


@pytest.mark.skipif(not (here["openvino"] and importlib.util.find_spec("nncf")), reason="needs openvino and nncf")
def test_an_int8_extractor_is_checked_on_other_segments(run: Path, tmp_path: Path) -> None:
    """Less than half of float32's bytes, within the tolerance on a video that it was not made for.

    The head stays float32.
    """
    train, test = (videos.write_video(tmp_path / f"{n}.mp4", videos.scene(40, seed=n)) for n in (1, 2))
    entry, out = {"extractor": "xfeat", "size": 64}, tmp_path / "out"
    values = parameters(load_extractor(entry).build()).total  # type: ignore[attr-defined]
    found = write.write_parts(entry, run, test, "openvino", out, [train])

    assert (out / "openvino.int8.json").is_file()
    assert 1e-4 < found["extractor"]["difference"] <= write.TOLERANCE["int8"]
    assert found["extractor"]["bytes"] < 4 * values / 2
    assert "float32" == found["head"]["precision"]


def test_exporting_tells_nobody() -> None:
    """OpenVINO and NNCF are in the lock, the package by which they send what is exported to their makers is not."""
    names = {line.partition("==")[0] for line in LOCK.read_text(encoding="utf-8").splitlines() if "==" in line}

    assert {"openvino", "nncf"} <= names
    assert "openvino-telemetry" not in names
