"""Pictures in and out: range, order of colours, error in decibels."""

import pytest
import torch

from vad.nn.pictures import peak_error, signed_bgr, squared_error


def test_bytes_become_signed_bgr() -> None:
    """Full red, no green, half blue: blue comes first, 0 is -1 and 255 is 1."""
    red = torch.tensor([255, 0, 51], dtype=torch.uint8).view(1, 1, 3, 1, 1)
    turned = signed_bgr(red)

    assert (1, 1, 3, 1, 1) == tuple(turned.shape)
    assert [-0.6, -1.0, 1.0] == pytest.approx(turned.flatten().tolist())


def test_squared_error_is_in_units_of_black_to_white() -> None:
    """-1 against 1 is the whole way: 1; half the way: a quarter."""
    pictures, targets = torch.tensor([-1.0, 0.0]).view(1, 1, 1, 2), torch.tensor([1.0, 1.0]).view(1, 1, 1, 2)

    assert [[1.0, 0.25]] == squared_error(pictures, targets).tolist()


def test_peak_error_by_hand() -> None:
    """An error of a tenth of the range everywhere is 20 dB; equal pictures stop at 100 dB; larger is worse."""
    target = torch.zeros(3, 1, 2, 2)
    pictures = target + torch.tensor([0.2, 0.0, 0.4]).view(3, 1, 1, 1)

    assert [-20.0, -100.0, -13.9794] == pytest.approx(peak_error(pictures, target).tolist(), rel=1e-5)
