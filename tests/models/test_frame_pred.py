"""FramePred: published size, its loss terms by hand, and the discriminator."""

from typing import Any

import pytest
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from vad.cost.count import macs, parameters
from vad.engine.build import build
from vad.errors import ParamsError
from vad.models import frame_pred
from vad.models._base import Windows
from vad.nn.pictures import peak_error

SIDE = 16


def made(**args: Any) -> frame_pred.Model:
    """A small model in eval mode, always from the same seed."""
    return build("frame_pred", {"width": 4, **args}, 3).eval()


def windows(count: int = 2, seed: int = 0) -> torch.Tensor:
    """Random windows of bytes."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 5, 3, SIDE, SIDE), generator=generator, dtype=torch.uint8)


def test_published_size() -> None:
    """Parameters of the generator and multiply-adds of a frame of 256 x 256."""
    with torch.device("meta"):
        model = build("frame_pred", {}, 3).eval()
        window = torch.zeros(1, 5, 3, 256, 256, dtype=torch.uint8)
    with FlopCounterMode(display=False) as counter:
        model.score(window)

    assert 7_704_195 == parameters(model.generator).total
    assert 37_207_670_784 == counter.get_total_flops() // 2


def test_the_counter_leaves_nothing_out() -> None:
    """Every operation with parameters is known to the counter, of both networks; scoring needs the generator alone."""
    model, window = made(), windows(1)
    frames = torch.zeros(1, 12, SIDE, SIDE)

    assert macs(model.generator, frames) == macs(model, window, method="score")
    assert macs(model.adversary, frames[:, :3]) > 0


def test_the_target_is_not_seen() -> None:
    """The last frame changes the target alone, and with it the score."""
    model, one, other = made(), windows(), windows()
    other[:, -1] = 255 - other[:, -1]

    assert torch.equal(model(one).picture, model(other).picture)
    assert not torch.equal(model.score(one).video, model.score(other).video)
    torch.testing.assert_close(peak_error(*model(one)), model.score(one).video)


def test_gradient_difference_by_hand() -> None:
    """Steps along rows and columns, from the last ones to zeros; the sign of a step does not count."""
    ramp, difference = torch.tensor([[0.0, 1.0, 2.0]]).expand(1, 1, 2, 3), frame_pred.gradient_difference

    # Along rows 1, 1, 2 twice; along columns 0, 0, 0 and 0, 1, 2.
    assert difference(ramp, torch.zeros_like(ramp)).item() == pytest.approx(8 / 6 + 3 / 6)
    assert difference(ramp.transpose(2, 3), 3 * ramp.transpose(2, 3)).item() == pytest.approx(2 * (8 / 6 + 3 / 6))
    # The other way round: 1, 1, 0 twice; 0, 0, 0 and 2, 1, 0.
    assert difference(ramp, ramp.flip(3)).item() == pytest.approx(4 / 6 + 4 / 6)


def test_gradients_are_those_of_a_padded_convolution() -> None:
    """As released: convolutions with (-1, 1), padded by zeros on the right and below to the same size."""
    a, b = torch.randn(2, 2, 1, 5, 7, generator=torch.Generator().manual_seed(0))
    kernel = torch.tensor([-1.0, 1.0])
    kernels = (((0, 1, 0, 0), kernel.view(1, 1, 1, 2)), ((0, 0, 0, 1), kernel.view(1, 1, 2, 1)))
    terms = [
        (functional.conv2d(functional.pad(a, pad), k).abs() - functional.conv2d(functional.pad(b, pad), k).abs()).abs()
        for pad, k in kernels
    ]

    torch.testing.assert_close((terms[0] + terms[1]).mean(), frame_pred.gradient_difference(a, b))


def test_loss_terms() -> None:
    """Each weighted term by its definition; the verdict on a prediction should be 1."""
    model = made(intensity_weight=2.0, gradient_weight=3.0, adversarial_weight=0.5)
    out, terms = model(windows()), model.loss(Windows(windows()))
    verdict = model.adversary(out.picture)

    assert ["intensity", "gradient", "adversarial"] == list(terms)
    torch.testing.assert_close(2 * ((out.picture - out.target) ** 2).mean(), terms["intensity"])
    torch.testing.assert_close(3 * frame_pred.gradient_difference(out.picture, out.target), terms["gradient"])
    torch.testing.assert_close(0.25 * ((verdict - 1) ** 2).mean(), terms["adversarial"])


def test_adversary_terms() -> None:
    """1 for true frames, 0 for predicted ones; the generator gets no gradient of them."""
    model = made()
    out, terms = model(windows()), model.adversary_loss(Windows(windows()))
    torch.stack(list(terms.values())).sum().backward()

    torch.testing.assert_close(0.5 * ((model.adversary(out.target) - 1) ** 2).mean(), terms["true"])
    torch.testing.assert_close(0.5 * (model.adversary(out.picture) ** 2).mean(), terms["predicted"])
    assert {None} == {value.grad for value in model.generator.parameters()}
    assert all(value.grad is not None and value.grad.any() for value in model.adversary.parameters())


def test_mirrored_is_reflection_padding() -> None:
    """The library's own, whose gradient is not reproducible on a GPU."""
    maps = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))

    assert torch.equal(functional.pad(maps, (2, 2, 2, 2), mode="reflect"), frame_pred.mirrored(maps))


def test_discriminator_judges_patches() -> None:
    """Three halvings: 256 pixels give 35 x 35 verdicts, by 2, 4, 8, 8 times the width and one map."""
    with torch.device("meta"):
        model = build("frame_pred", {}, 3)
        verdicts = model.adversary(torch.zeros(1, 3, 256, 256))
    small = made().adversary(torch.randn(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)))

    assert (1, 1, 35, 35) == tuple(verdicts.shape)
    assert [128, 256, 512, 512, 1] == [layer.out_channels for layer in model.adversary.layers]
    assert 0 < small.min() <= small.max() < 1
    assert 3 == len(small)


def test_flow_is_refused() -> None:
    """Its weights do not exist here, and the row says that there is no flow term."""
    with pytest.raises(ParamsError, match=r"flow_weight: .*must be 0.*FlowNet-SD"):
        build("frame_pred", {"flow_weight": 2.0}, 3)

    assert {"flow": "no flow term"} == made().protocol()
