"""Sizes and multiply-adds against exact whole numbers."""

from typing import Any

import pytest
import torch
from torch import nn

from vad.efficiency import Parameters, macs, parameters
from vad.errors import VadError
from vad.modelling import build

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
