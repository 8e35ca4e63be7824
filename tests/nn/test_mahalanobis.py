"""Mahalanobis distance: against the definition, and what it forgets."""

import torch

from vad.nn.mahalanobis import RIDGE, Mahalanobis


def correlated(rows: int) -> torch.Tensor:
    """Vectors of three channels, two of them nearly equal, in different units."""
    first, noise = torch.randn(2, rows, 1, generator=torch.Generator().manual_seed(0))
    return torch.cat([5 + 10 * first, first + 0.1 * noise, 0.01 * noise.roll(1, 0)], dim=1)


def test_unfitted_it_is_the_length() -> None:
    """Mean 0 and the identity: the plain Euclidean length."""
    values = torch.randn(2, 5, 4)

    torch.testing.assert_close(values.norm(dim=-1), Mahalanobis(4)(values))


def test_it_equals_the_definition() -> None:
    """sqrt((x - m)^T C^-1 (x - m)) with the covariance in units of spread, plus the ridge on its diagonal."""
    layer, rows = Mahalanobis(3), correlated(400)
    layer.fit(rows)
    units = ((rows - rows.mean(0)) / rows.std(0, correction=0)).double()
    inverse = torch.linalg.inv(torch.cov(units.T, correction=0) + RIDGE * torch.eye(3))
    expected = torch.einsum("ri,ij,rj->r", units, inverse, units).sqrt()

    torch.testing.assert_close(expected.float(), layer(rows), rtol=1e-4, atol=1e-5)


def test_a_step_against_the_correlation_is_far() -> None:
    """Two channels that go together: a vector in which they part is farther than an equally long usual one."""
    layer, rows = Mahalanobis(3), correlated(400)
    layer.fit(rows)
    spread = rows.std(0, correction=0)
    together, apart = rows.mean(0) + spread * torch.tensor([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0]])

    assert layer(together) < 0.5 * layer(apart)


def test_a_constant_channel_does_no_harm() -> None:
    """No spread in the fit part: finite distances."""
    layer = Mahalanobis(2)
    layer.fit(torch.tensor([[1.0, 3.0], [2.0, 3.0], [4.0, 3.0]]))

    assert torch.isfinite(layer(torch.tensor([[9.0, 3.0], [1.0, 4.0]]))).all()
