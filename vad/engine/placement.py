"""Where the data of a training run lie: in the memory of the GPU if they fit, else in that of the machine."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from vad.engine.batches import BagSet, WindowSet
from vad.models._base import Bags, Windows

HELD_SHARE = 0.5
"""Share of a GPU's free memory that the features of a run may take; the rest is for the model and its batches."""


def hold(parts: Sequence[BagSet | WindowSet], device: torch.device, free: int | None = None) -> bool:
    """Keep the features of all parts on the device of the model if they fit: no batch is copied there any more.

    Batches are equal either way.

    Args:
        parts: data of a run; their tensors are replaced.
        device: of the model; for the CPU nothing is done.
        free: bytes of free memory there; None = as torch reports it.

    Returns: whether they are there; if not, `to_device` copies each batch.
    """
    if device.type == "cpu":
        return False
    size = sum(tensor.nbytes for part in parts for tensor in _tensors(part))
    if size > HELD_SHARE * (torch.cuda.mem_get_info(device)[0] if free is None else free):
        return False
    for part in parts:
        part.rows = [rows.to(device) for rows in part.rows]
        if isinstance(part, BagSet):
            part.features = part.features.to(device)
    return True


def _tensors(part: BagSet | WindowSet) -> list[torch.Tensor]:
    return [*part.rows, part.features] if isinstance(part, BagSet) else part.rows


def to_device(batch: Bags | Windows, device: torch.device) -> Bags | Windows:
    """A batch on the device of the model; clips stay on the CPU."""
    if device.type == "cuda" and not batch.features.is_cuda:
        # From pinned memory the copy runs while the GPU still works on the step before.
        batch = replace(batch, features=batch.features.pin_memory().to(device, non_blocking=True))
    return batch.to(device)
