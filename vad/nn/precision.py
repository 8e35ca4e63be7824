"""Mixed precision: which arithmetic the layers of a network use."""

from contextlib import AbstractContextManager

import torch

HALF = {"float16": torch.float16, "bfloat16": torch.bfloat16}
"""The precisions of 16 bits by their names in params.yaml."""


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """Mixed precision for what runs inside: matrix products and convolutions in 16 bits, the rest as torch chooses.

    Args:
        device: where the network is.
        precision: float32 (nothing changes), float16 or bfloat16.
    """
    return torch.autocast(device.type, HALF.get(precision), enabled=precision in HALF)
