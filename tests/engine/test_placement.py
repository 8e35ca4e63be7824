"""Features stay on the device of the model where they fit; else each batch is copied."""

from typing import Any

import numpy as np
import pytest
import torch

from vad.engine.batches import BagSet, WindowSet
from vad.engine.parts import Part
from vad.engine.placement import hold, to_device
from vad.models._base import Bags, Windows

DEVICE = torch.device("meta")
"""Stands for a GPU: tensors can be moved there on every machine."""


def parts() -> list[Any]:
    """Bags whose rows are kept too, and windows of images: 512 + 512 + 480 bytes."""
    bags = Part([np.ones((4, 8), np.float32)] * 4, [0, 1, 0, 1])
    images = Part([np.ones((10, 3, 4, 4), np.uint8)], [0])
    return [BagSet(bags, 4, keep_rows=True), WindowSet(images, 5, 1)]


@pytest.mark.parametrize(("free", "held"), [(3008, True), (3007, False)])
def test_features_that_take_half_of_the_free_memory_are_held(free: int, held: bool) -> None:
    """Bags, rows and images together count; labels and indices stay on the CPU."""
    bags, windows = parts()
    assert held == hold([bags, windows], DEVICE, free)
    places = {tensor.device.type for tensor in (bags.features, *bags.rows, *windows.rows)}

    assert places == ({"meta"} if held else {"cpu"})
    assert {"cpu"} == {tensor.device.type for tensor in (bags.labels, bags.video, windows.starts, windows.source)}


def test_batches_are_drawn_where_the_features_are() -> None:
    """So that no batch is copied to the device."""
    bags, windows = parts()
    hold([bags, windows], DEVICE, 10**9)
    drawn = next(iter(bags.draw(2, 1, torch.Generator().manual_seed(0))))

    assert "meta" == drawn.features.device.type
    assert "meta" == windows.take(torch.tensor([0, 3])).device.type
    assert "meta" == bags.whole(torch.tensor([1])).features.device.type


def with_copies_of_changed_pictures() -> list[Any]:
    """Bags and windows with a copy each: 512 + 512 and 480 + 480 bytes."""
    copy = Part([np.full((4, 8), 2, np.float32)] * 4, [0, 1, 0, 1])
    bags = Part([np.ones((4, 8), np.float32)] * 4, [0, 1, 0, 1], copies=[copy])
    images = Part([np.ones((10, 3, 4, 4), np.uint8)], [0], copies=[Part([np.zeros((10, 3, 4, 4), np.uint8)], [0])])
    return [BagSet(bags, 4), WindowSet(images, 5, 1)]


@pytest.mark.parametrize(("free", "held"), [(3968, True), (3967, False)])
def test_copies_are_held_with_the_videos(free: int, held: bool) -> None:
    """They count, and a batch whose samples come from several versions lies on one device."""
    bags, windows = with_copies_of_changed_pictures()
    assert held == hold([bags, windows], DEVICE, free)
    own = [bags.features, *windows.rows]
    copied = [copy.features for copy in bags.copies] + [rows for copy in windows.copies for rows in copy.rows]
    drawn = [next(iter(part.draw(2, 1, torch.Generator().manual_seed(0)))).features for part in (bags, windows)]

    assert {"meta" if held else "cpu"} == {tensor.device.type for tensor in (*own, *copied, *drawn)}


def test_on_the_cpu_nothing_moves() -> None:
    """No copy is made."""
    bags, windows = parts()
    before = bags.features.data_ptr()

    assert not hold([bags, windows], torch.device("cpu"))
    assert before == bags.features.data_ptr()


@pytest.mark.parametrize(
    "batch", [Bags(torch.ones(2, 3, 4), torch.zeros(2)), Windows(torch.ones(2, 5, 3, 4, 4, dtype=torch.uint8))]
)
def test_a_batch_that_is_not_there_is_copied(batch: Bags | Windows) -> None:
    """Features and labels both."""
    moved = to_device(batch, DEVICE)

    assert {"meta"} == {value.device.type for value in vars(moved).values() if isinstance(value, torch.Tensor)}
    assert batch.features.shape == moved.features.shape
