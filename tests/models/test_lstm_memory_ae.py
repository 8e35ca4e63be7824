"""LSTM memory autoencoder: loss, score and smoothing by hand."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from vad.engine.build import build
from vad.errors import ParamsError
from vad.models import lstm_memory_ae
from vad.models._base import Windows


def random_windows() -> torch.Tensor:
    """Three windows of four steps."""
    return torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))


def made(**args: Any) -> lstm_memory_ae.Model:
    """A small model in eval mode, always from the same seed."""
    return build("lstm_memory_ae", {"window": 4, "hidden_width": 8, "latent_width": 6, **args}, 5).eval()


def test_score_is_the_mean_squared_error_of_a_window() -> None:
    """One error per window; the loss's first term is their mean."""
    model, features = made(), random_windows()
    rebuilt = model(features).reconstruction
    errors = model.score(features).video

    np.testing.assert_allclose(
        ((rebuilt - features) ** 2).detach().numpy().mean(axis=(1, 2)), errors.detach(), rtol=1e-5
    )
    torch.testing.assert_close(errors.mean(), model.loss(Windows(features))["reconstruction"])


def test_entropy_term() -> None:
    """2e-4 times the mean entropy of the reads of all steps."""
    model, features = made(), random_windows()
    weights = model(features).read_weights.detach().numpy()
    entropy = -(weights * np.log(weights)).sum(axis=-1).mean()

    assert (3, 4, 50) == weights.shape
    assert 2e-4 * entropy == pytest.approx(model.loss(Windows(features))["entropy"].item(), rel=1e-4)
    assert entropy == pytest.approx(model.diagnose(features)["read_entropy"], rel=1e-4)
    assert 0 < entropy <= math.log(50)


def test_l1_attention_is_a_constant_without_gradient() -> None:
    """The published term: off by default; on, it is its own weight whatever the input."""
    model = made(l1_attention=1e-3)
    term = model.loss(Windows(random_windows()))["l1_attention"]
    (gradient,) = torch.autograd.grad(term, [model.memory])

    assert "l1_attention" not in made().loss(Windows(random_windows()))
    assert 1e-3 == pytest.approx(term.item())
    assert gradient.abs().max() < 1e-8


@pytest.mark.parametrize(
    ("change", "term"),
    [
        ({"entropy_weight": 1.0}, "entropy"),
        ({"memory_slots": 7}, "entropy"),
        ({"memory_slots": 7}, "reconstruction"),
    ],
)
def test_settings_reach_their_term(change: dict[str, Any], term: str) -> None:
    """A changed setting changes its term."""
    batch = Windows(random_windows())

    assert not torch.equal(made().loss(batch)[term], made(**change).loss(batch)[term])


@pytest.mark.parametrize(
    ("edges", "expected"),
    [("attenuated", [0.6, 1.0, 1.6, 1.6, 1.4]), ("mean", [1.0, 1.25, 1.6, 2.0, 7 / 3])],
)
def test_smoothing_by_hand(edges: str, expected: list[float]) -> None:
    """A running mean of 5 over 0 1 2 2 3; at the ends missing neighbours count as 0, or are left out."""
    smoothed = made(smoothing_edges=edges).smooth(torch.tensor([0.0, 1.0, 2.0, 2.0, 3.0]))

    np.testing.assert_allclose(expected, smoothed, rtol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_smoothing_keeps_the_number_of_windows(count: int) -> None:
    """Also for fewer windows than the running mean is wide."""
    assert (count,) == tuple(made().smooth(torch.ones(count)).shape)
    np.testing.assert_allclose(np.ones(count), made(smoothing_edges="mean").smooth(torch.ones(count)), rtol=1e-6)


def test_smoothing_off_changes_nothing() -> None:
    """Width 1."""
    windows = torch.tensor([3.0, 1.0, 2.0])

    assert windows.tolist() == made(window_smoothing=1).smooth(windows).tolist()


def test_an_even_running_mean_is_refused() -> None:
    """It has no centre."""
    with pytest.raises(ParamsError, match="odd"):
        build("lstm_memory_ae", {"window_smoothing": 4}, 5)


def test_dropout_acts_in_training_only() -> None:
    """Training passes differ by dropout, and are equal without it."""
    noisy, still = made().train(), made(dropout=0.0).train()
    features = random_windows()

    assert not torch.equal(noisy(features).reconstruction, noisy(features).reconstruction)
    assert torch.equal(still(features).reconstruction, still(features).reconstruction)
