"""Standardise: constants of the fit part, and who takes them when."""

from typing import Any

import numpy as np
import pytest
import torch

from vad.engine.build import build
from vad.engine.parts import Part
from vad.engine.train import train
from vad.nn.standardise import Standardise
from vad.schema.train import Train

EVERY = [
    ("c3d_mil", {}),
    ("mstsm", {}),
    ("mstsm", {"preset": "claim"}),
    ("lstm_memory_ae", {"window": 4, "stride": 1}),
]


def test_unfitted_it_changes_nothing() -> None:
    """Mean 0 and scale 1."""
    values = torch.randn(2, 3, 4)

    assert torch.equal(values, Standardise(4)(values))


def test_fitted_channels_have_mean_0_and_spread_1() -> None:
    """Over all axes but the last; a constant channel is only centred."""
    layer, values = Standardise(3), torch.randn(50, 4, 3) * torch.tensor([5.0, 0.01, 0.0]) + 7
    layer.fit(values)
    result = layer(values).flatten(0, 1)

    torch.testing.assert_close(torch.zeros(3), result.mean(dim=0), atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.tensor([1.0, 1.0, 0.0]), result.std(dim=0, correction=0), atol=1e-3, rtol=0)


def part(scale: float) -> Part:
    """Eight short videos around 3, their spread as given."""
    rng = np.random.default_rng(0)
    return Part([(3 + scale * rng.normal(size=(9, 6))).astype(np.float32) for _ in range(8)], [0, 1] * 4)


@pytest.mark.parametrize(("name", "args"), EVERY)
def test_training_fits_it_on_the_fit_part_when_asked(name: str, args: dict[str, Any]) -> None:
    """On: constants of the fit part, not of the validation part, among the weights. Off: 0 and 1."""
    select_by = "validation_loss" if name == "lstm_memory_ae" else "video_auc"
    plan = Train(lr=1e-3, epochs=1, batch=2, select_by=select_by)
    on = train(build(name, {**args, "standardise": True}, 6), part(0.01), part(50.0), plan, 0).state
    off = train(build(name, args, 6), part(0.01), part(50.0), plan, 0).state

    assert 0 < on["standardise.scale"].max() < 0.1
    assert 2.9 < on["standardise.mean"][0] < 3.1
    assert {1.0} == set(off["standardise.scale"].tolist())
    assert {0.0} == set(off["standardise.mean"].tolist())


@pytest.mark.parametrize(("name", "args"), EVERY)
def test_units_of_the_features_cancel(name: str, args: dict[str, Any]) -> None:
    """Fitted on features and on the same features in other units, a model gives the same scores."""

    def scores(factor: float) -> torch.Tensor:
        model = build(name, {**args, "standardise": True}, 6).eval()
        steps = model.config.bag_segments if model.sampling == "bags" else model.config.window
        features = factor * torch.randn(5, steps, 6, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            model.prepare(features)
            return model.score(features).video

    torch.testing.assert_close(scores(1.0), scores(40.0), rtol=1e-3, atol=1e-5)
