"""X3D maps: the published size, the checkpoint's names, clips and their maximum."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests import videos
from vad.artefacts.features import FeatureFile
from vad.extractors.x3d import Config, Extractor, sampled
from vad.networks.x3d import X3D

SMALL = {"weights": "random", "network": "s", "short_side": 40, "size": 32, "segment_frames": 8, "sampled_frames": 4}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of 8 frames, and 3 frames."""
    return videos.write_video(tmp_path_factory.mktemp("clips") / "clip.mp4", videos.scene(19))


@pytest.mark.parametrize(("size", "count"), [(320, 18_562_805_472), (312, 18_233_295_840)])
def test_counts_of_the_large_one(size: int, count: int) -> None:
    """4,365,240 parameters; multiply-adds and map at both sizes."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = X3D("l").eval()
        maps = network(torch.empty(1, 3, 16, size, size))

    assert 4_365_240 == sum(value.numel() for value in network.parameters())
    assert (1, 192, 16, 10, 10) == maps.shape
    assert count == counter.get_total_flops() // 2


def test_names_are_those_of_the_checkpoint() -> None:
    """A few that are easy to get wrong: the stem's exchanged names, the shortcut without norm, every second squeeze."""
    names = set(X3D("l").state_dict())
    first = "blocks.1.res_blocks.0"

    assert {"blocks.0.conv.conv_t.weight", "blocks.0.conv.conv_xy.weight", f"{first}.branch1_conv.weight"} <= names
    assert f"{first}.branch2.norm_b.1.block.2.bias" in names
    assert not any(
        name.startswith((f"{first}.branch1_norm", "blocks.1.res_blocks.1.branch2.norm_b.1")) for name in names
    )
    assert "blocks.4.res_blocks.14.branch2.norm_c.running_var" in names


def test_frames_are_spread_over_the_clip() -> None:
    """First and last belong; a short clip repeats."""
    assert [0, 5, 10, 15, 21, 26, 31, 36, 42, 47, 52, 57, 63, 68, 73, 79] == sampled(80, 16)
    assert [0, 0, 1, 2] == sampled(3, 4)
    assert [0] == sampled(9, 1)


def test_rows_are_clips_and_the_video_is_their_maximum(clip: Path) -> None:
    """A map per clip, bounds in frames, the same bytes twice; `pool: video` keeps one row for the whole video.

    The clip of 3 frames at the end has no part in the maximum, unless it is asked for.
    """

    def made(**args: object) -> FeatureFile:
        return Extractor(Config.model_validate({**SMALL, "device": "cpu", **args})).extract(videos.source(clip))

    file, again, whole = made(), made(), made(pool="video")
    kept, by_batches = made(pool="video", last_clip="keep"), made(pool="video", batch_frames=16)

    assert (3, 192, 4, 1, 1) == file.features.shape
    assert [0, 8, 16, 19] == file.bounds.tolist()
    assert np.array_equal(file.features, again.features)
    assert np.array_equal(file.features[:2].max(0, keepdims=True), whole.features)
    assert np.array_equal(file.features.max(0, keepdims=True), kept.features)
    assert not np.array_equal(kept.features, whole.features)
    assert np.allclose(whole.features, by_batches.features, atol=1e-5)
    assert ["left out", "sampled from what is left"] == [f.report["extractor"]["tail"] for f in (whole, kept)]
    assert [0, 19] == whole.bounds.tolist()
    assert 192 == file.dim


def test_a_video_shorter_than_a_clip_keeps_it(tmp_path: Path) -> None:
    """Its only clip is not whole, and is all that there is."""
    short = videos.write_video(tmp_path / "short.mp4", videos.scene(5))
    dropped, kept = (
        Extractor(Config.model_validate({**SMALL, "device": "cpu", "pool": "video", "last_clip": rule})).extract(
            videos.source(short)
        )
        for rule in ("drop", "keep")
    )

    assert np.array_equal(dropped.features, kept.features)
    assert [0, 5] == dropped.bounds.tolist()


def test_a_last_clip_without_a_row_is_refused() -> None:
    """With a row a clip, the frames of the last one would have none."""
    with pytest.raises(ValueError, match="last_clip: drop needs pool: video"):
        Config(weights="random", last_clip="drop")


def test_a_crop_larger_than_the_picture_is_refused() -> None:
    """Before anything runs."""
    with pytest.raises(ValueError, match="cannot be cut out"):
        Config(weights="random", short_side=100, size=112)
