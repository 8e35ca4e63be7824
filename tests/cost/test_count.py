"""Sizes and multiply-adds against exact whole numbers."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from vad.artefacts.weights import write_weights
from vad.cost.count import Parameters, count, macs, parameters, size_on_disk
from vad.cost.parts import SIDE, image_network
from vad.engine.build import build
from vad.errors import VadError

MSTSM = [
    ({"preset": "claim"}, 128, 32, 159_347, 1_155_136),
    *(
        ({"preset": "claim", "bag_segments": steps}, 128, steps, 159_347, count)
        for steps, count in (
            *((16, 637_504), (24, 896_320), (30, 1_090_432), (64, 2_190_400), (128, 4_260_928)),
            *((31, 1_104_336), (33, 1_169_040)),
        )
    ),
    ({"preset": "claim", "decoder_target": "full"}, 128, 32, 171_683, 1_167_424),
    ({"preset": "claim", "temporal_attention": False}, 128, 32, 154_129, 1_055_808),
    ({"preset": "claim"}, 64, 32, 159_347, 1_155_136),
    ({"preset": "segments"}, 128, 32, 203_907, 1_943_616),
    ({"preset": "segments", "bag_segments": 26}, 128, 26, 203_907, 1_605_504),
    ({"decoder_target": "center16"}, 128, 32, 697_347, 2_435_136),
    ({"decoder_target": "center16", "bag_segments": 16}, 128, 16, 697_347, 1_533_504),
    ({"decoder_target": "full"}, 128, 32, 1_223_683, 2_959_424),
    ({"decoder_target": "center16"}, 64, 32, 421_891, 1_779_776),
]


@pytest.mark.parametrize(("args", "width", "steps", "values", "count"), MSTSM)
def test_mstsm_counts(args: dict[str, Any], width: int, steps: int, values: int, count: int) -> None:
    """Every reading of MSTSM's size, exactly."""
    model = build("mstsm", args, width)

    assert Parameters(values, values) == parameters(model)
    assert count == macs(model, torch.randn(1, steps, width))


def test_mstsm_parts() -> None:
    """Where the 159,347 parameters of the claim are."""
    model = build("mstsm", {"preset": "claim"}, 128)
    parts = {name: parameters(part).total for name, part in model.named_children() if parameters(part).total}
    expected = {"first": 640, "block1": 13_537, "block2": 37_441, "squeeze": 8_352}

    assert {**expected, "memory": 12_800 + 32_896, "decoder": 45_360, "scorer": 8_321} == parts


def test_mstsm_frame_scores_cost_one_read_per_step() -> None:
    """Scoring 16 steps adds 74,816 multiply-adds each to the forward pass of the video."""
    model = build("mstsm", {}, 128)

    assert 1_943_616 + 16 * 74_816 == macs(model, torch.randn(1, 32, 128), method="score")


def test_c3d_mil_counts() -> None:
    """2,114,113 parameters and 67.6 M multiply-adds at 32 x 4096."""
    model = build("c3d_mil", {}, 4096)

    assert Parameters(2_114_113, 2_114_113) == parameters(model)
    assert 67_634_176 == macs(model, torch.randn(1, 32, 4096))


def test_lstm_memory_ae_counts() -> None:
    """908,096 parameters and 9,075,200 multiply-adds per window; the counter alone sees 4,979,200."""
    model = build("lstm_memory_ae", {}, 960)

    assert Parameters(908_096, 908_096) == parameters(model)
    assert 9_075_200 == macs(model, torch.randn(1, 10, 960))


@pytest.mark.parametrize(
    ("layer", "shape", "count"),
    [
        (nn.Linear(7, 5), (2, 3, 7), 2 * 3 * 7 * 5),
        (nn.Conv1d(4, 6, 3, padding=1), (2, 4, 10), 2 * 10 * 6 * 4 * 3),
        (nn.Conv2d(3, 8, 5, stride=2), (1, 3, 21, 21), 9 * 9 * 8 * 3 * 5 * 5),
        (nn.Conv2d(8, 8, 3, padding=1, groups=8), (1, 8, 6, 6), 6 * 6 * 8 * 3 * 3),
        (nn.Conv3d(2, 4, (3, 2, 2)), (1, 2, 5, 4, 4), 3 * 3 * 3 * 4 * 2 * 3 * 2 * 2),
        (nn.ConvTranspose2d(4, 2, 2, stride=2), (1, 4, 5, 5), 5 * 5 * 4 * 2 * 2 * 2),
        (nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)), (1, 3, 4, 4), 16 * 3 * 8),
    ],
    ids=lambda value: type(value).__name__,
)
def test_layers_by_hand(layer: nn.Module, shape: tuple[int, ...], count: int) -> None:
    """One multiply-add per output value, input channel of its group and place of the kernel; norms and pools are 0."""
    assert count == macs(layer, torch.randn(shape))


@pytest.mark.parametrize("steps", [1, 6, 50])
def test_attention_by_hand(steps: int) -> None:
    """Four projections of every step, and two products over all pairs of steps whatever the number of heads."""
    width = 8
    attention = nn.MultiheadAttention(width, 2, batch_first=True)
    found = count(lambda: attention(*[torch.randn(1, steps, width)] * 3), [attention.eval()])

    assert 4 * steps * width**2 + 2 * steps**2 * width == found


@pytest.mark.parametrize(
    ("name", "values", "operations"),
    [
        ("resnet18", 11_689_512, 1_814_073_344),
        ("mobilenet_v2", 3_504_872, 300_774_272),
        ("vit_b_16", 86_567_656, 17_563_828_224),
    ],
)
def test_known_image_networks(name: str, values: int, operations: int) -> None:
    """ResNet18, MobileNetV2 and ViT-B/16 at 224 x 224: 1.8 G, 0.3 G and 17.6 G, as their papers say."""
    model = image_network(name)

    assert values == parameters(model).total
    assert operations == macs(model, torch.zeros(1, 3, SIDE, SIDE))


def test_work_over_several_networks_is_added_up() -> None:
    """Two networks and an LSTM inside one of them, called by hand: no forward pass of a whole is needed."""
    first, second = nn.Linear(4, 3), nn.ModuleDict({"lstm": nn.LSTM(3, 2)})
    found = count(lambda: second["lstm"](first(torch.randn(5, 1, 4))), [first, second])

    assert 5 * 4 * 3 + 5 * 4 * 2 * (3 + 2) == found


def test_size_on_disk_is_that_of_the_file(tmp_path: Path) -> None:
    """Parameters and buffers as a weights file holds them."""
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    write_weights(tmp_path / "weights.safetensors", weights, {})
    extra = len(json.dumps({"__metadata__": {"vad": "{}"}})) + 8  # and what aligns the first tensor

    assert abs((tmp_path / "weights.safetensors").stat().st_size - size_on_disk(model)) <= extra


@pytest.mark.parametrize(
    ("lstm", "per_step"),
    [
        (nn.LSTM(960, 256), 4 * 256 * (960 + 256)),
        (nn.LSTM(8, 4, num_layers=2), 4 * 4 * (8 + 4) + 4 * 4 * (4 + 4)),
        (nn.LSTM(8, 4, num_layers=2, bidirectional=True), 2 * (4 * 4 * (8 + 4) + 4 * 4 * (8 + 4))),
    ],
)
def test_lstms_are_counted_by_formula(lstm: nn.LSTM, per_step: int) -> None:
    """Layers, directions, batch and time all count."""
    assert 3 * 5 * per_step == macs(lstm, torch.randn(3, 5, lstm.input_size))


def test_an_lstm_that_runs_as_matrix_products_is_not_counted_twice() -> None:
    """Without the fused kernel the counter sees inside the LSTM; the number stays the same."""
    lstm, steps = nn.LSTM(8, 4).double(), torch.randn(3, 5, 8, dtype=torch.float64)

    assert 3 * 5 * 4 * 4 * (8 + 4) == macs(lstm, steps)


def test_attention_is_counted_in_spite_of_its_fast_path() -> None:
    """An attention layer in eval mode: four projections and two products; the fast path is put back."""
    steps, width = 6, 8
    attention = nn.TransformerEncoderLayer(width, 2, dim_feedforward=16, batch_first=True)

    assert steps * 4 * width**2 + 2 * steps**2 * width + 2 * steps * width * 16 == macs(
        attention, torch.randn(1, steps, width)
    )
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_gru_runs_as_matrix_products() -> None:
    """A GRU needs no formula: three gates per step."""
    assert 3 * 5 * 3 * 4 * (8 + 4) == macs(nn.GRU(8, 4), torch.randn(3, 5, 8))


@pytest.mark.parametrize(("layer", "inputs"), [(nn.PReLU(), 1), (nn.Bilinear(8, 8, 2), 2)])
def test_uncounted_operations_are_refused(layer: nn.Module, inputs: int) -> None:
    """An operation with parameters that the counter does not know is an error, not a silent 0."""
    with pytest.raises(VadError, match="not counted"):
        macs(layer, *[torch.randn(3, 8)] * inputs)


def test_shared_and_frozen_parameters() -> None:
    """A shared layer counts once; a frozen one is in the total alone."""
    layer, frozen = nn.Linear(3, 3), nn.Linear(3, 1).requires_grad_(False)

    assert Parameters(12 + 4, 12) == parameters(nn.Sequential(layer, layer, frozen))


def test_counting_leaves_the_mode_alone() -> None:
    """A model in training mode is in training mode afterwards."""
    model = build("c3d_mil", {}, 8)
    macs(model, torch.randn(1, 32, 8))

    assert model.training
