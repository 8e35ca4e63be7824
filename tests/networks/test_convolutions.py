"""Fused, widened and folded convolutions give what the plain ones give."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from vad.cost.count import macs
from vad.networks.convolutions import ColumnsTogether, Convolution, fold

TOLERANCE = 2e-6


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    """Where nothing is learned, convolutions are fused."""
    with torch.inference_mode():
        yield


def maps(channels: int, size: int = 16) -> torch.Tensor:
    """Maps of three frames."""
    torch.manual_seed(channels)
    return torch.randn(3, channels, size, size).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("activation", [None, nn.ReLU(), nn.ReLU6(), nn.Hardswish()])
@pytest.mark.parametrize("groups", [1, 8])
def test_fused_is_plain(activation: nn.Module | None, groups: int) -> None:
    """Also when another size comes, and when the first one comes again."""
    plain = nn.Conv2d(8, 16, 3, stride=2, padding=1, groups=groups)
    fused = Convolution(plain, activation)
    for size in (16, 32, 16):
        given = 5 * maps(8, size)
        expected = plain(given) if activation is None else activation(plain(given))

        assert torch.allclose(expected, fused(given), atol=TOLERANCE)
        assert given.is_contiguous(memory_format=torch.channels_last)


def test_what_is_learned_or_mixed_is_not_fused() -> None:
    """Gradients flow, and mixed precision computes in its own."""
    fused = Convolution(nn.Conv2d(8, 4, 3), nn.ReLU())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.bfloat16 == fused(maps(8)).dtype
    with torch.inference_mode(False), torch.enable_grad():
        fused = Convolution(nn.Conv2d(8, 4, 3), nn.ReLU())
        fused(torch.randn(1, 8, 5, 5)).sum().backward()

        assert fused.plain.weight.grad is not None


@pytest.mark.parametrize(("channels", "columns", "stride"), [(1, 4, 1), (8, 2, 1), (4, 2, 2)])
def test_columns_together_are_those_of_the_plain_one(channels: int, columns: int, stride: int) -> None:
    """The same values at the same places, in channels-last memory."""
    plain = nn.Conv2d(channels, 4, 3, stride=stride, padding=1)
    found = ColumnsTogether(plain, columns, nn.ReLU())(maps(channels))

    assert torch.allclose(plain(maps(channels)).relu(), found, atol=TOLERANCE)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_fold_takes_up_norms_and_activations() -> None:
    """Equal results with fewer layers; what cannot be taken up stays where it was."""
    layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 1), nn.GELU(), nn.Conv2d(8, 4, 1)]
    network = nn.Sequential(*layers, nn.BatchNorm2d(4)).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
    expected = network(maps(3))

    assert torch.allclose(expected, fold(network)(maps(3)), atol=TOLERANCE)
    assert ["Convolution", "Convolution", "GELU", "Convolution"] == [type(layer).__name__ for layer in network]


def test_fused_operations_are_counted() -> None:
    """The cost of a network does not depend on the operator that runs it."""
    plain = nn.Conv2d(8, 16, 3, padding=1)

    assert macs(plain, maps(8)) == macs(Convolution(plain, nn.ReLU()), maps(8)) == 3 * 16 * 16 * 16 * 8 * 9
