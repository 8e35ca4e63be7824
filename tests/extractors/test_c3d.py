"""C3D features: the published size, crops by name, the filled last segment."""

from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests import videos
from vad.extractors._network_run import CROPS, crop
from vad.extractors.c3d import C3D, Config, Extractor


def test_counts() -> None:
    """61,214,464 parameters and 38,530,187,264 multiply-adds to fc6."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = C3D().eval()
        network.vectors(torch.empty(1, 3, 16, 112, 112))

    assert 61_214_464 == sum(value.numel() for value in network.parameters())
    assert 38_530_187_264 == counter.get_total_flops() // 2


def test_crops_lie_where_their_names_say() -> None:
    """On 340 x 256 the centre of 224 is rows 16 to 240, columns 58 to 282; the mirrored ones are turned round."""
    segments = torch.randint(0, 255, (2, 3, 256, 340, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))

    assert torch.equal(segments[:, :, 16:240, 58:282], crop(segments, 224, CROPS[0]))
    assert torch.equal(segments[:, :, :224, -224:], crop(segments, 224, "top right"))
    assert torch.equal(segments[:, :, -224:, :224].flip(3), crop(segments, 224, CROPS[8]))
    assert 10 == len(set(CROPS))


def test_crops_are_an_axis_and_the_first_is_the_centre(tmp_path: Path) -> None:
    """One row for a short video; the report names the crops."""
    clip = videos.write_video(tmp_path / "clip.mp4", videos.scene(3))
    one, five = (
        Extractor(Config(weights="random", crops=n, device="cpu")).extract(videos.source(clip)) for n in (1, 5)
    )

    assert ((1, 4096), (1, 5, 4096)) == (one.features.shape, five.features.shape)
    assert np.array_equal(one.features[0], five.features[0, 0])
    assert not np.array_equal(five.features[0, 0], five.features[0, 1])
    assert list(CROPS[:5]) == five.report["extractor"]["crops"]
    assert [0, 3] == five.bounds.tolist()
