"""OpenVINO as an engine: the same features, named in their identity, and clear words where it cannot be had."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests import videos
from vad.cost.count import macs
from vad.errors import FeatureError
from vad.extractors import mobilenet_v3, xfeat
from vad.extractors._engine import OpenVINONetwork, prepare, uses_openvino
from vad.extractors._network_run import NetworkExtractor

needs_openvino = pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="needs OpenVINO")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whole segment and a bit."""
    return videos.write_video(tmp_path_factory.mktemp("clips") / "clip.mp4", videos.scene(20))


@pytest.mark.parametrize("settings", [{"engine": "openvino"}, {"precision": "float16"}])
def test_without_openvino_the_extra_is_named(
    settings: dict[str, str], clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else runs in its place."""
    monkeypatch.setitem(sys.modules, "openvino", None)
    config = xfeat.Config.model_validate({"size": 64, "device": "cpu", **settings})

    with pytest.raises(FeatureError, match=r"pip install 'vad-ledger\[openvino\]'"):
        xfeat.Extractor(config).extract(videos.source(clip))


def test_openvino_runs_on_a_cpu_only() -> None:
    """On a GPU float16 is torch's, and an engine that was asked for is not replaced."""
    gpu = torch.device("cuda")

    assert not uses_openvino("torch", "float16", gpu)
    assert not uses_openvino("torch", "bfloat16", CPU)
    with pytest.raises(FeatureError, match="not on cuda"):
        uses_openvino("openvino", "float32", gpu)


def test_torch_is_the_network_itself() -> None:
    """By default nothing lies between."""
    network = nn.Identity()

    assert prepare(network, "torch", "float32", CPU) is network


@needs_openvino
@pytest.mark.parametrize(
    "extractor",
    [
        xfeat.Extractor(xfeat.Config(size=64, device="cpu", engine="openvino")),
        mobilenet_v3.Extractor(mobilenet_v3.Config(weights="random", size=64, device="cpu", engine="openvino")),
    ],
)
def test_openvino_gives_the_same_features(extractor: NetworkExtractor, clip: Path) -> None:
    """Within rounding; the identity names the engine, and costs count the same operations."""
    plain = type(extractor)(extractor.config.model_copy(update={"engine": "torch"}))  # type: ignore[call-arg]
    expected, found = plain.extract(videos.source(clip)), extractor.extract(videos.source(clip))
    example = torch.zeros(1, plain.cut.segment, 64, 64, 3, dtype=torch.uint8)

    assert np.linalg.norm(expected.features - found.features) < 1e-5 * np.linalg.norm(expected.features)
    assert found.report["extractor"]["engine"].startswith("openvino 20")
    assert "engine" not in expected.report["extractor"]
    assert macs(plain.network, example) == macs(extractor.network, example)


@needs_openvino
def test_a_precision_that_the_cpu_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU without fast float16 would silently compute in another one."""
    import openvino

    monkeypatch.setattr(openvino.Core, "get_property", lambda *_: ["FP32", "BF16"])
    with pytest.raises(FeatureError, match="Set precision: bfloat16 or float32"):
        OpenVINONetwork(nn.Identity(), "float16")
