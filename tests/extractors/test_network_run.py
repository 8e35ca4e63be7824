"""Segments and batches: how many go through a network together changes the last bits of a row and nothing else."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests import videos
from vad.artefacts.features import FeatureFile
from vad.extractors._base import load_extractor
from vad.extractors._network_run import NetworkExtractor, cast_layers, fill_segment, segments_together
from vad.nn.precision import HALF, autocast

FRAMES = 70
TOLERANCE = 2e-6
"""Largest difference of a row, as a part of the largest value, between two sizes of batch."""
SMALL: dict[str, dict[str, Any]] = {
    "xfeat": {"size": 64},
    "mobilenet_v3": {"size": 64, "weights": "random"},
    "x3d": {"network": "xs", "short_side": 64, "size": 64, "segment_frames": 20, "weights": "random"},
    "c3d": {"weights": "random"},
    "i3d": {"width": 64, "height": 64, "size": 64, "weights": "random"},
    "videomae": {"preset": "s", "depth": 2, "size": 32, "weights": "random"},
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video whose last segment is short, whatever its length is."""
    return videos.write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", videos.scene(FRAMES))


@cache
def extract(name: str, clip: Path, **settings: object) -> FeatureFile:
    """The features of the clip, which tests read and do not change."""
    entry = {"extractor": name, "device": "cpu", **SMALL[name], **settings}
    return load_extractor(entry).extract(videos.source(clip))


@pytest.mark.parametrize("name", SMALL)
def test_rows_do_not_depend_on_the_batch(name: str, clip: Path) -> None:
    """Two batches of several segments, the last one not full, against one segment after the other."""
    one, several = (extract(name, clip, batch_frames=count) for count in (1, 48))

    assert one.features.shape == several.features.shape
    assert one.bounds.tolist() == several.bounds.tolist()
    assert np.abs(one.features - several.features).max() <= TOLERANCE * np.abs(one.features).max()
    assert one.report["extractor"] == several.report["extractor"]


@pytest.mark.parametrize("name", SMALL)
def test_bfloat16_stays_near(name: str, clip: Path) -> None:
    """Half precision changes rows by a few percent, is stored as float32, and is part of what made them."""
    full, half = extract(name, clip, batch_frames=1), extract(name, clip, batch_frames=1, precision="bfloat16")
    scale = np.abs(full.features).max()

    assert np.float32 == half.features.dtype
    assert 0 < np.abs(full.features - half.features).max() < 0.1 * scale
    assert ("float32", "bfloat16") == tuple(file.report["extractor"]["precision"] for file in (full, half))


@pytest.mark.parametrize(
    ("batch_frames", "segment", "device", "expected"),
    [(None, 16, "cpu", 1), (None, 1, "cpu", 16), (None, 80, "cpu", 1), (None, 16, "cuda", 32), (100, 16, "cuda", 6)],
)
def test_segments_together(batch_frames: int | None, segment: int, device: str, expected: int) -> None:
    """Whole segments, one at least."""
    assert expected == segments_together(batch_frames, segment, torch.device(device))


def test_what_is_missing_repeats_the_last_one() -> None:
    """Of frames and of segments alike; a full one stays as it is."""
    frames = torch.arange(3, dtype=torch.uint8).view(3, 1)

    assert [0, 1, 2, 2, 2] == fill_segment(frames, 5).flatten().tolist()
    assert fill_segment(frames, 3) is frames


def extractor_of(name: str, **settings: object) -> NetworkExtractor:
    """A small extractor of one kind."""
    plugin = load_extractor({"extractor": name, **SMALL[name], **settings})
    assert isinstance(plugin, NetworkExtractor)
    return plugin


@pytest.mark.parametrize("name", SMALL)
def test_weights_that_are_cast_once_change_nothing(name: str, clip: Path) -> None:
    """Mixed precision rounds the weights of each layer anyway."""
    plain, cast = (extractor_of(name, device="cpu").build() for _ in range(2))
    plugin = extractor_of(name, device="cpu")
    frames = torch.from_numpy(np.stack(list(plugin.open(videos.source(clip)).frames())))
    segments = torch.stack([plugin.fill(part) for part in frames.split(plugin.cut.segment)][:2])
    with torch.inference_mode(), autocast(torch.device("cpu"), "bfloat16"):
        rows = []
        for network in (plain, cast_layers(cast, HALF["bfloat16"])):
            plugin._network = network
            rows.append(plugin.run(segments))

    assert torch.equal(*rows)


@pytest.mark.gpu
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("float16", 2e-2), ("bfloat16", 1e-1)])
@pytest.mark.parametrize("name", SMALL)
def test_a_gpu_agrees_with_the_cpu(name: str, precision: str, tolerance: float, clip: Path) -> None:
    """Within the tolerance, as a part of the largest value: rounding in float32, a few digits in 16 bits."""
    expected = extract(name, clip)
    found = extract(name, clip, device="cuda", precision=precision, batch_frames=48)

    assert expected.bounds.tolist() == found.bounds.tolist()
    assert np.abs(expected.features - found.features).max() <= tolerance * np.abs(expected.features).max()


@pytest.mark.gpu
def test_memory_of_a_gpu_is_bounded_by_the_batch(tmp_path: Path) -> None:
    """Ten times the frames take no more; four times the batch takes at most about four times as much."""
    short, long = (videos.write_video(tmp_path / f"{n}.mp4", videos.scene(n)) for n in (64, 640))
    peaks = {}
    for path, batch_frames in ((short, 64), (long, 64), (long, 256)):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        extract("xfeat", path, device="cuda", size=224, batch_frames=batch_frames)
        peaks[path.stem, batch_frames] = torch.cuda.max_memory_allocated()

    assert peaks["640", 64] <= peaks["64", 64] * 1.01
    assert peaks["640", 256] <= peaks["640", 64] * 4.5
