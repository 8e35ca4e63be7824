"""Loss terms against values worked out by hand."""

import math
from typing import Literal

import pytest
import torch

from vad.nn import losses


def test_focal_without_focus_is_scaled_cross_entropy() -> None:
    """With gamma 0 the focal loss is alpha times the cross-entropy."""
    logits, labels = torch.zeros(2), torch.tensor([0.0, 1.0])

    assert 0.85 * math.log(2) == pytest.approx(losses.focal(logits, labels, alpha=0.85, gamma=0.0).item())


def test_focal_by_hand() -> None:
    """One bag with probability .5: alpha (1 - .5)^2 log 2."""
    value = losses.focal(torch.zeros(1), torch.ones(1), alpha=0.85, gamma=2.0)

    assert 0.85 * 0.25 * math.log(2) == pytest.approx(value.item())


def test_focal_smoothing_moves_the_target() -> None:
    """Smoothing .1 makes the targets .95 and .05, so a sure and right logit costs more than nothing."""
    logit = 2.0
    entropy = -(0.95 * math.log(1 / (1 + math.exp(-logit))) + 0.05 * math.log(1 / (1 + math.exp(logit))))
    value = losses.focal(torch.tensor([logit]), torch.ones(1), alpha=0.5, gamma=1.0, smoothing=0.1)

    assert 0.5 * (1 - math.exp(-entropy)) * entropy == pytest.approx(value.item())


@pytest.mark.parametrize(("label", "factor"), [(1.0, 0.85), (0.0, 0.15)])
def test_focal_balanced_weighs_the_classes(label: float, factor: float) -> None:
    """`balanced` uses alpha on anomalous and 1 - alpha on normal bags, `uniform` alpha on both."""
    logits, labels = torch.zeros(1), torch.tensor([label])
    balanced = losses.focal(logits, labels, 0.85, 0.0, alpha_mode="balanced")
    uniform = losses.focal(logits, labels, 0.85, 0.0, alpha_mode="uniform")

    assert factor * math.log(2) == pytest.approx(balanced.item())
    assert 0.85 * math.log(2) == pytest.approx(uniform.item())


def test_gram_mean_counts_the_diagonal() -> None:
    """Rows (1,0) and (1,2): products 1, 1, 1, 5."""
    value = losses.gram_mean(torch.tensor([[1.0, 0.0], [1.0, 2.0]]))

    assert 2.0 == value.item()


def test_ranking_hinge_over_all_pairs() -> None:
    """Sum over the anomalous bags, mean over the normal ones."""
    normal, anomalous = torch.tensor([0.2, 0.5]), torch.tensor([0.9, 0.4, 1.6])
    by_hand = ((1 - 0.9 + 0.2) + (1 - 0.4 + 0.2) + 0 + (1 - 0.9 + 0.5) + (1 - 0.4 + 0.5) + 0) / 2

    assert by_hand == pytest.approx(losses.ranking_hinge(normal, anomalous).item())


def test_ranking_hinge_paired() -> None:
    """Only the i-th bags of both classes meet; the surplus stays out."""
    normal, anomalous = torch.tensor([0.2, 0.5]), torch.tensor([0.9, 0.4, 1.6])
    by_hand = ((1 - 0.9 + 0.2) + (1 - 0.4 + 0.5)) / 2

    assert by_hand == pytest.approx(losses.ranking_hinge(normal, anomalous, "paired").item())


@pytest.mark.parametrize("pairing", ["all_pairs", "paired"])
def test_ranking_hinge_with_one_class_is_zero(pairing: losses.Pairing) -> None:
    """A batch of one class has nothing to rank and gives 0, not NaN."""
    none, some = torch.zeros(0), torch.ones(2)

    assert 0.0 == losses.ranking_hinge(none, some, pairing).item()
    assert 0.0 == losses.ranking_hinge(some, none, pairing).item()


def test_smoothness_and_sparsity_by_hand() -> None:
    """Sums over each bag, added or averaged over the two; differences do not cross from bag to bag."""
    scores = torch.tensor([[0.0, 1.0, 3.0], [5.0, 5.0, 4.0]])

    assert 6.0 == losses.smoothness(scores).item()
    assert 3.0 == losses.smoothness(scores, "mean").item()
    assert 18.0 == losses.sparsity(scores).item()
    assert 9.0 == losses.sparsity(scores, "mean").item()


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_terms_over_no_bags_are_zero(reduction: losses.Reduction) -> None:
    """A batch without anomalous bags gives 0, not NaN."""
    assert 0.0 == losses.smoothness(torch.zeros(0, 4), reduction).item()
    assert 0.0 == losses.sparsity(torch.zeros(0, 4), reduction).item()


def test_squared_norm_sums_all_tensors() -> None:
    """1 + 4 + 9 + 16."""
    value = losses.squared_norm([torch.tensor([[1.0, 2.0]]), torch.tensor([3.0, 4.0])])

    assert 30.0 == value.item()


def test_read_entropy_between_one_slot_and_all() -> None:
    """0 for a read of one slot, log(slots) for an even read, their mean over a batch."""
    weights = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])

    assert math.log(4) / 2 == pytest.approx(losses.read_entropy(weights).item())


def test_mean_or_zero() -> None:
    """The mean, and 0 instead of NaN for none."""
    assert 2.0 == losses.mean_or_zero(torch.tensor([[1.0, 3.0]])).item()
    assert 0.0 == losses.mean_or_zero(torch.zeros(0, 3)).item()


def test_cross_entropy_of_probabilities() -> None:
    """-log of the probability given to the label, mean; 0 for none."""
    value = losses.cross_entropy(torch.tensor([0.25, 0.5]), torch.tensor([1.0, 0.0]))

    assert (math.log(4) + math.log(2)) / 2 == pytest.approx(value.item())
    assert 0.0 == losses.cross_entropy(torch.zeros(0), torch.zeros(0)).item()


def test_magnitude_gap_by_hand() -> None:
    """Anomalous lengths 5 and 12, normal length 2, margin 10: (5 + 2)^2, the second anomalous bag unpaired."""
    normal, anomalous = torch.tensor([[0.0, 2.0]]), torch.tensor([[3.0, 4.0], [12.0, 0.0]])

    assert 49.0 == losses.magnitude_gap(normal, anomalous, 10.0).item()
    assert 16.0 == losses.magnitude_gap(normal, anomalous[1:], 10.0).item()
    assert 0.0 == losses.magnitude_gap(normal[:0], anomalous, 10.0).item()


@pytest.mark.parametrize(("axis", "factor"), [("time", 3.0), ("feature", 2.0)])
def test_gaussian_kl_sums_over_one_axis(axis: Literal["time", "feature"], factor: float) -> None:
    """Mean 1, variance e: (1 + e - 1 - 1) / 2 a value, times 3 steps or 2 channels; 0 for the standard normal."""
    ones, zeros = torch.ones(4, 3, 2), torch.zeros(4, 3, 2)

    assert factor * (math.e - 1) / 2 == pytest.approx(losses.gaussian_kl(ones, ones, axis).item())
    assert 0.0 == losses.gaussian_kl(zeros, zeros, axis).item()
    assert 0.0 == losses.gaussian_kl(ones[:0], ones[:0], axis).item()


def test_compact_normals_by_hand() -> None:
    """Normals at 0, 3, 4 on a line, anomalous at 10 and 1: radii 4, 3, 4; gaps to the nearest normal 6 and 1."""
    normal, anomalous = torch.tensor([[0.0], [3.0], [4.0]]), torch.tensor([[10.0], [1.0]])

    assert 11 / 3 + (8 - 6 + 8 - 1) / 2 == pytest.approx(losses.compact_normals(normal, anomalous, 8.0).item())
    assert 11 / 3 + (5 - 1) / 2 == pytest.approx(losses.compact_normals(normal, anomalous, 5.0).item())


def test_compact_normals_with_one_class() -> None:
    """Without anomalous vectors the radius is left, without normal ones 0; equal normals have no radius."""
    normal, none = torch.tensor([[0.0], [2.0]], requires_grad=True), torch.zeros(0, 1)
    value = losses.compact_normals(normal, none, 8.0)
    value.backward()

    assert 2.0 == value.item()
    assert normal.grad is not None
    assert normal.grad.isfinite().all()
    assert 0.0 == losses.compact_normals(none, normal, 8.0).item()
