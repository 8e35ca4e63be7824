"""MobileNet features: one row every few frames, equal to torchvision's own network, from named weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import MobileNet_V2_Weights, MobileNet_V3_Large_Weights
from torchvision.models import mobilenet_v2 as torchvision_v2

from tests import videos
from tests.conftest import REAL_DATA
from vad.cost.count import macs, parameters
from vad.extractors import mobilenet_v2, mobilenet_v3
from vad.video.decode import PyAVReader

CHECKPOINT = REAL_DATA / "weights" / "mobilenet_v2-b0353104.pth"
TOLERANCE = 1e-4
"""Batches of another size sum in another order; values reach about 6."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty frames: seventeen rows at every third frame, more than one batch."""
    return videos.write_video(tmp_path_factory.mktemp("clips") / "clip.mp4", videos.scene(50))


@pytest.mark.parametrize(
    ("module", "values", "count"),
    [(mobilenet_v3, 2_971_952, 214_080_960), (mobilenet_v2, 2_223_872, 300_774_272 - 1_280_000)],
)
def test_counts(module: object, values: int, count: int) -> None:
    """The size without the classifier: V3 as specified, V2 from the well-known numbers of the whole network."""
    network = module.network()  # type: ignore[attr-defined]

    assert values == parameters(network).total
    assert count == macs(network, torch.zeros(1, 1, 224, 224, 3, dtype=torch.uint8))


def test_rows_are_single_frames(clip: Path) -> None:
    """Row i is frame 3i through the plain network; the last row ends with the video."""
    config = mobilenet_v3.Config(weights="random", size=64, device="cpu")
    extractor = mobilenet_v3.Extractor(config)
    file = extractor.extract(videos.source(clip))
    frames = list(PyAVReader(clip, 64, 64).frames())
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    picture = torch.from_numpy((frames[48] / 255 - mean) / std).permute(2, 0, 1)[None].float()
    torch.manual_seed(0)
    plain = mobilenet_v3.network().eval()
    with torch.no_grad():
        expected = plain.features(picture).mean((2, 3))[0].numpy()

    assert (17, 960) == file.features.shape
    assert [*range(0, 51, 3), 50][:18] == [*file.bounds[:-1].tolist(), 50]
    assert np.abs(expected - file.features[16]).max() < TOLERANCE * np.abs(expected).max()
    assert ("random", 0) == tuple(file.report["extractor"][key] for key in ("weights", "weights_seed"))


def test_equal_input_gives_equal_features_and_another_seed_others(clip: Path) -> None:
    """Random weights are a fixed network for a seed, whatever torch's generator did before."""
    rows = []
    for seed in (7, 7, 8):
        torch.randn(3)
        config = mobilenet_v2.Config(weights="random", weights_seed=seed, size=32, frame_stride=20, device="cpu")
        rows.append(mobilenet_v2.Extractor(config).extract(videos.source(clip)).features)

    assert (3, 1280) == rows[0].shape
    assert np.array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])


def test_imagenet_is_the_file_that_torchvision_names() -> None:
    """The address is torchvision's, and the digits in the file's name begin its sha256."""
    for module, known in (
        (mobilenet_v2, MobileNet_V2_Weights.IMAGENET1K_V1),
        (mobilenet_v3, MobileNet_V3_Large_Weights.IMAGENET1K_V2),
    ):
        published = module.Config().published()["imagenet"]

        assert known.url == published.url
        assert published.sha256
        assert published.sha256.startswith(published.path.stem.rpartition("-")[2])


@pytest.mark.real_data
def test_the_real_checkpoint_gives_torchvisions_features(clip: Path) -> None:
    """Named by path and sha256; the features are those of torchvision's network with its head cut off."""
    config = mobilenet_v2.Config(
        weights=str(CHECKPOINT), weights_sha256=mobilenet_v2.WEIGHTS_SHA256, frame_stride=25, device="cpu"
    )
    file = mobilenet_v2.Extractor(config).extract(videos.source(clip))
    whole = torchvision_v2()
    whole.load_state_dict(torch.load(CHECKPOINT, weights_only=True))
    whole.classifier = torch.nn.Identity()  # type: ignore[assignment]
    frames = np.stack(list(PyAVReader(clip, 224, 224).frames(25)))
    pictures = torch.from_numpy(frames).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    with torch.no_grad():
        expected = whole.eval()((pictures - mean) / std).numpy()

    assert np.abs(expected - file.features).max() < TOLERANCE * np.abs(expected).max()
    assert ("file", mobilenet_v2.WEIGHTS_SHA256) == tuple(
        file.report["extractor"][key] for key in ("weights", "weights_sha256")
    )
