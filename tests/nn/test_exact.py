"""Training and scoring compute in full float32 on a GPU, not in TF32, which is torch's default for convolutions."""

from collections.abc import Iterator

import pytest
import torch

from vad.engine.train import use_exact_algorithms
from vad.nn.exact import full_float32


@pytest.fixture(autouse=True)
def torch_as_it_starts() -> Iterator[None]:
    """TF32 allowed everywhere, and all settings as before afterwards."""
    convolutions, products = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    deterministic, threads = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = convolutions, products
    torch.use_deterministic_algorithms(deterministic)
    torch.set_num_threads(threads)


def test_full_float32_turns_tf32_off() -> None:
    """For convolutions and for matrix products."""
    full_float32()

    assert (False, False) == (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32)


def test_training_is_exact() -> None:
    """The same two switches, with algorithms that give the same result each time."""
    use_exact_algorithms(1)

    assert (False, False) == (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32)
    assert torch.are_deterministic_algorithms_enabled()
