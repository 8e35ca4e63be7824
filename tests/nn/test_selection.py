"""Steps that stand for a bag."""

import torch

from vad.nn.selection import mean_of_positions


def test_mean_of_the_chosen_steps_of_each_bag() -> None:
    """Each bag has its own choice."""
    values = torch.tensor([[[1.0, 10.0], [3.0, 30.0], [5.0, 50.0]], [[2.0, 0.0], [4.0, 0.0], [8.0, 6.0]]])

    assert [[2.0, 20.0], [5.0, 3.0]] == mean_of_positions(values, torch.tensor([[1, 0], [2, 0]])).tolist()
