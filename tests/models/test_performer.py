"""Linear and windowed attention by hand."""

import math

import numpy as np
import pytest
import torch

from vad.models import _performer as performer


def random(*shape: int) -> torch.Tensor:
    """Normal numbers, always the same."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_directions_are_orthogonal_in_groups() -> None:
    """Five directions of width 2: two whole bases and one more; lengths differ."""
    torch.manual_seed(0)
    directions = performer.random_directions(5, 2)

    assert (5, 2) == tuple(directions.shape)
    assert abs(directions[0] @ directions[1]).item() < 1e-6
    assert abs(directions[2] @ directions[3]).item() < 1e-6
    assert abs(directions[1] @ directions[2]).item() > 1e-3
    assert len({round(length, 4) for length in directions.norm(dim=1).tolist()}) > 1


def test_softmax_features_by_hand() -> None:
    """exp(direction . x - |x|^2 / 2 - maximum) + 1e-4 with x divided by the fourth root of the width."""
    values, directions = random(3, 4), random(2, 4)
    x = values.numpy() / 4**0.25
    exponent = x @ directions.numpy().T
    size = (x**2).sum(axis=1, keepdims=True) / 2
    own, shared = exponent.max(axis=1, keepdims=True), exponent.max()

    np.testing.assert_allclose(
        np.exp(exponent - size - own) + 1e-4, performer.softmax_features(values, directions, False), rtol=1e-5
    )
    np.testing.assert_allclose(
        np.exp(exponent - size - shared) + 1e-4, performer.softmax_features(values, directions, True), rtol=1e-5
    )


def test_many_features_give_softmax_attention() -> None:
    """What the features are for: with 20,000 of them the weights are those of the softmax."""
    torch.manual_seed(0)
    query, key, value = (0.5 * random(3, 6, 4)).unbind()
    directions = performer.random_directions(20_000, 4)
    features = [performer.softmax_features(part, directions, part is key) for part in (query, key)]
    exact = torch.softmax(query @ key.T / 2, dim=-1) @ value

    torch.testing.assert_close(exact, performer.linear_attention(*features, value), atol=0.01, rtol=0)


def test_linear_attention_by_hand() -> None:
    """Weights query . key over their sum."""
    query, key, value = random(5, 3).exp(), random(7, 3)[2:].exp(), random(5, 2)
    weights = query @ key.T

    torch.testing.assert_close(
        weights / weights.sum(dim=1, keepdim=True) @ value, performer.linear_attention(query, key, value)
    )


def test_rotation_by_hand() -> None:
    """Width 4: pairs (0, 2) and (1, 3), angles place and place / 100."""
    values, place = torch.tensor([[1.0, 0.0, 0.0, 2.0]]), 3
    expected = [
        math.cos(place),
        -2 * math.sin(place / 100),
        math.sin(place),
        2 * math.cos(place / 100),
    ]

    np.testing.assert_allclose(expected, performer.rotate(values, first=place)[0], rtol=1e-6)


def test_rotated_products_depend_on_distance_alone() -> None:
    """What rotary positions are for."""
    values = random(1, 4).expand(6, 4)
    turned = performer.rotate(values, first=0)
    products = turned @ turned.T

    torch.testing.assert_close(products[0, 2], products[3, 5])
    assert abs(products[0, 2] - products[0, 3]).item() > 1e-3


@pytest.mark.parametrize("tokens", [1, 2, 6, 7])
def test_windows_by_hand(tokens: int) -> None:
    """Window of 2: each token reads its own window and both neighbours, nothing from outside the video."""
    attention = performer.PerformerAttention(8, 2, 2, 0.0).eval()
    query, key, value = random(3, 1, 1, tokens, 4).unbind()
    rows = []
    for i in range(tokens):
        start = i // 2 * 2 - 2
        seen = [j for j in range(start, start + 6) if 0 <= j < tokens]
        turned = performer.rotate(query[0, 0, i : i + 1], first=4 + i % 2)
        keys = torch.cat([performer.rotate(key[0, 0, j : j + 1], first=j - start) for j in seen])
        rows.append(torch.softmax(turned @ keys.T / 2, dim=-1) @ value[0, 0, seen])

    torch.testing.assert_close(torch.cat(rows), attention.read_near(query, key, value)[0, 0])


def test_half_of_the_heads_see_everything() -> None:
    """A far token changes what global heads read, not what windowed heads read."""
    attention = performer.PerformerAttention(8, 2, 1, 0.0).eval()
    values = random(1, 9, 8)
    changed = values.clone()
    changed[0, 8] += 3.0
    torch.nn.init.eye_(attention.out.weight)
    difference = (attention(values) - attention(changed))[0, 0].abs()

    assert (difference[:4] > 0).any()
    assert 0.0 == difference[4:].max().item()
