"""XFeat beside 3D networks: what is measured, and how it is compared."""

import pytest
import torch
from torch import nn

from vad.cost import video_networks
from vad.cost.video_networks import NETWORKS, OURS, Measured, compared, measured


def test_each_network_has_xfeat_at_its_own_resolution() -> None:
    """Speed and multiply-adds are compared with the XFeat of the same frames."""
    sides = {network.side for network in NETWORKS if network.name == OURS}
    values = [("XFeat", 224, 300.0, 2.0), ("XFeat", 112, 900.0, 1.0), ("A", 224, 30.0, 4.0), ("B", 112, 30.0, 4.0)]
    names = ("network", "side", "frames_per_second", "macs_per_frame")
    found = compared({"networks": [dict(zip(names, row, strict=True)) for row in values]})

    assert sides == {network.side for network in NETWORKS}
    assert [("A", 224, 30.0, 300.0, 10.0, 2.0), ("B", 112, 30.0, 900.0, 30.0, 4.0)] == [tuple(row) for row in found]


class Small(nn.Module):
    """One multiply-add a pixel and colour."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1, bias=False)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """One number a pixel."""
        return self.layer(segments.float())


def test_frames_and_multiply_adds_are_those_of_one_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment of 16 frames is one call; the machine and its load are stated."""

    class Held(video_networks.NetworkExtractor, adds_hooks=True):
        def __init__(self) -> None:
            self.__dict__["network"] = Small()

        network = property(lambda self: self.__dict__["network"])

    monkeypatch.setattr(video_networks, "load_extractor", lambda _: Held())
    monkeypatch.setattr(video_networks, "NETWORKS", (Measured(OURS, 8, {}), Measured("Other", 8, {})))
    found = measured(1)

    assert [("XFeat", 192.0), ("Other", 192.0)] == [
        (row["network"], row["macs_per_frame"]) for row in found["networks"]
    ]
    assert all(row["frames_per_second"] > 0 for row in found["networks"])
    assert {"frames", "networks", "machine", "load"} == set(found)
