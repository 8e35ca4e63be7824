"""STEAD: sizes, both layouts, attention and distances by hand, and the released weights."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.project import REAL_DATA
from vad.cost.count import Parameters, macs, parameters
from vad.engine.build import build
from vad.errors import FeatureError, ParamsError
from vad.models import stead
from vad.models._base import Bags
from vad.models._released import put, read_released

REAL = REAL_DATA / "weights/stead_888tiny.pkl"
FULL = (192, 16, 10, 10)
SMALL = {"groups": 2, "heads": 2, "convolution_width": 8, "attention_width": 8}
ROW = (4, 2, 2, 3)


def made(**args: Any) -> stead.Model:
    """A small model in eval mode, always from the same seed."""
    return build("stead", {**SMALL, **args}, ROW[0]).eval()


def random_bags(bags: int = 4, segments: int = 3) -> torch.Tensor:
    """Random clips."""
    return torch.randn(bags, segments, *ROW, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("preset", "layout", "values", "count"),
    [
        ("fast", "raw_view", 17_441, 26_496_032),
        ("fast", "permute", 17_441, 26_496_032),
        ("base", "raw_view", 1_634_049, 2_581_094_528),
    ],
)
def test_counts(preset: str, layout: str, values: int, count: int) -> None:
    """Both published sizes; the layout changes neither number."""
    model = build("stead", {"preset": preset, "layout": layout}, FULL[0])

    assert Parameters(values, values) == parameters(model)
    assert count == macs(model, torch.randn(1, *FULL))


def test_unused_values_of_preset_base() -> None:
    """The input layers of the published layout, which base does not pass."""
    with torch.device("meta"):
        model = build("stead", {"preset": "base"}, FULL[0])

    assert 37_440 == parameters(model.input).total


def test_presets_fill_what_is_not_given() -> None:
    """The preset's value unless the key is given; both survive a round trip."""
    base, given = stead.Config(preset="base"), stead.Config(preset="base", ff_mult=2)

    assert (192, 128, 3, 3, 4) == (
        *(base.convolution_width, base.attention_width),
        *(base.convolution_blocks, base.attention_blocks, base.ff_mult),
    )
    assert (192, 2) == (given.convolution_width, given.ff_mult)
    assert given == stead.Config.model_validate(given.model_dump())


def test_rows_must_be_maps() -> None:
    """Vectors are refused by their shape, with what is wanted."""
    with pytest.raises(FeatureError, match=r"shape [(]4,[)] are no maps [(]channels, time, height, width[)]"):
        made().score(torch.zeros(1, 1, 4))


def test_maps_may_have_any_size() -> None:
    """Only the channels are fixed when the layers are built."""
    model = made()

    assert (2,) == tuple(model.score(torch.zeros(2, 1, 4, 3, 5, 2)).video.shape)


def test_standardise_works_value_by_value() -> None:
    """Scale and offset of each value have no effect once the constants are taken; without it they have."""
    features, scale = random_bags(), torch.linspace(0.5, 3.0, math.prod(ROW)).reshape(ROW)
    for grid in ([2, 2, 3], None):
        plain, scaled = made(standardise_grid=grid), made(standardise_grid=grid)
        plain.prepare(features)
        scaled.prepare(features * scale + scale)
        same = torch.allclose(plain.score(features).video, scaled.score(features * scale + scale).video, atol=1e-5)

        assert (grid is not None) == same


def test_standardise_needs_maps_of_its_grid() -> None:
    """Both sizes are in the message."""
    with pytest.raises(FeatureError, match=r"maps of \[2, 2, 3\].*standardise_grid is \[2, 2, 2\]"):
        made(standardise_grid=[2, 2, 2]).prepare(random_bags())


def test_video_level_needs_one_tensor_frame_level_every_row() -> None:
    """So inference pools the rows, or keeps them."""
    assert [False, True] == [made(level=level).scores_own_rows for level in ("video", "frame")]
    assert {"max"} == {made().bag_pool}


@pytest.mark.parametrize(
    ("change", "message"),
    [({"convolution_width": 9}, "multiple of groups"), ({"attention_width": 10}, "multiple of 2 [*] heads")],
)
def test_widths_must_fit_groups_and_heads(change: dict[str, Any], message: str) -> None:
    """Convolutions need whole groups, rotary positions an even width of heads."""
    with pytest.raises(ParamsError, match=message):
        made(**change)


def centre_taps(layer: nn.Module, scale: float) -> None:
    """Make a convolution multiply by `scale` where it stands and nowhere else."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    centre = tuple(size // 2 for size in layer.weight.shape[2:])
    for out in range(layer.weight.shape[0]):
        with torch.no_grad():
            layer.weight[(out, out % layer.weight.shape[1], *centre)] = scale


def without_norms(layout: str) -> stead.Decoupled:
    """Two channels in groups of one; norms that change nothing, convolutions that copy."""
    conv = stead.Decoupled(2, 2, layout).eval()
    conv.norm2d.eps = conv.norm1d.eps = 0.0
    centre_taps(conv.conv2d, 1.0)
    centre_taps(conv.conv1d, 1.0)
    return conv


NUMBERED = torch.arange(2 * 3 * 2 * 2 * 2.0).reshape(2, 3, 2, 2, 2)
"""Bags 2, time 3, height 2, width 2, channels 2."""


@pytest.mark.parametrize("layout", ["raw_view", "permute"])
def test_layouts_put_values_back(layout: str) -> None:
    """Convolutions that copy leave every value in its place, in a batch too."""
    assert torch.equal(NUMBERED, without_norms(layout)(NUMBERED))


def test_permute_looks_along_the_axes() -> None:
    """A step back in time after a step to the left, in each channel: by plain indexing."""
    conv = without_norms("permute")
    with torch.no_grad():
        conv.conv2d.weight.copy_(torch.tensor([[0, 0, 0], [1.0, 0, 0], [0, 0, 0]]).expand(2, 1, 3, 3))
        conv.conv1d.weight.copy_(torch.tensor([1.0, 0, 0]).expand(2, 1, 3))
    expected = torch.zeros_like(NUMBERED)
    expected[:, 1:, :, 1:] = NUMBERED[:, :-1, :, :-1]

    assert torch.equal(expected, conv(NUMBERED))


def test_raw_view_reads_memory_in_another_order() -> None:
    """The first 8 numbers of a frame are read as two channels of 2 x 2, then 12 x 2 as channels of 3 steps."""
    conv = without_norms("raw_view")
    with torch.no_grad():
        conv.conv2d.weight.copy_(torch.tensor([[0, 0, 0], [1.0, 0, 0], [0, 0, 0]]).expand(2, 1, 3, 3))
        conv.conv1d.weight.copy_(torch.tensor([1.0, 0, 0]).expand(2, 1, 3))
    flat = NUMBERED.flatten().tolist()
    left = [0.0 if place % 2 == 0 else flat[place - 1] for place in range(48)]
    back = [0.0 if place % 3 == 0 else left[place - 1] for place in range(48)]

    assert back == conv(NUMBERED).flatten().tolist()


def test_score_is_of_the_maximum_over_clips() -> None:
    """At level video one score, of the element-wise maximum; order and repetition of clips have no effect."""
    model, features = made(), random_bags()
    video = model.score(features).video

    torch.testing.assert_close(torch.sigmoid(model(features.amax(dim=1)).logit), video)
    torch.testing.assert_close(video, model.score(features[:, [2, 0, 1, 1]]).video)
    assert model.score(features).positions is None


def test_level_frame_scores_each_clip_by_itself() -> None:
    """Beside the video's score, which does not change."""
    model, features = made(level="frame"), random_bags()
    scores = model.score(features)

    assert (4, 3) == tuple(scores.positions.shape)
    torch.testing.assert_close(scores.positions[1, 2], torch.sigmoid(model(features[1, 2:]).logit[0]))
    torch.testing.assert_close(scores.video, made().score(features).video)


def test_clips_go_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many tensors are scored at once changes nothing."""
    model, features = made(level="frame"), random_bags()
    whole = model.score(features).positions
    monkeypatch.setattr(stead, "CLIPS", 5)

    torch.testing.assert_close(whole, model.score(features).positions)


def test_loss_from_its_definition() -> None:
    """Cross-entropy of the logits, distances between features written out over videos."""
    model, labels = made(), torch.tensor([1.0, 0.0, 1.0, 0.0])
    out = model(random_bags().amax(dim=1))
    logits, features = out.logit.detach().numpy(), out.feature.detach().numpy()
    entropy = np.mean(np.log1p(np.exp(np.where(labels > 0.5, -logits, logits))))
    across = np.linalg.norm(features[1] - features[3])
    nearest = [min(np.linalg.norm(features[a] - features[n]) for n in (1, 3)) for a in (0, 2)]
    terms = {key: value.item() for key, value in model.loss(Bags(random_bags(), labels)).items()}

    assert {
        "classification": pytest.approx(entropy, rel=1e-5),
        "triplet": pytest.approx(0.01 * (across + 100 - np.mean(nearest)), rel=1e-5),
    } == terms


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_file(), reason="the released weights are not beside the checkout")
def test_released_weights() -> None:
    """All 17,441 values go in, and logits are those of the two libraries that the release is built on.

    The two numbers come from performer-pytorch 1.1.4 with local-attention 1.11.2 on the same weights and input.
    """
    model = build("stead", {"preset": "fast"}, FULL[0]).eval()
    put(model, read_released(REAL), REAL.name)
    rows = torch.randn(2, 192 * 16 * 10 * 10, generator=torch.Generator().manual_seed(0)).unflatten(1, FULL)
    own = {key: value for key, value in model.state_dict().items() if key in dict(model.named_parameters())}
    released = torch.load(REAL, map_location="cpu", weights_only=True).values()

    assert Parameters(17_441, 17_441) == parameters(model)
    assert all(any(torch.equal(value, other) for other in released) for value in own.values())
    with torch.no_grad():
        np.testing.assert_allclose([-0.96150142, -1.07045662], model(rows).logit, atol=1e-5)
