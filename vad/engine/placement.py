"""Where the data of a training run lie: in the memory of the GPU if they fit, else in that of the machine."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from vad.engine.batches import BagSet, WindowSet
from vad.engine.parts import StoredRows
from vad.models._base import Bags, Windows

HELD_SHARE = 0.5
"""Share of a GPU's free memory that the features of a run may take; the rest is for the model and its batches."""


def hold(parts: Sequence[BagSet | WindowSet], device: torch.device, free: int | None = None) -> bool:
    """Keep the features of all parts on the device of the model if they fit: no batch is copied there any more.

    Batches are equal either way.

    Args:
        parts: data of a run, with the copies of their videos; their tensors are replaced.
        device: of the model; for the CPU nothing is done.
        free: bytes of free memory there; None = as torch reports it.

    Returns: whether they are there; if not, `to_device` copies each batch.
    """
    if device.type == "cpu":
        return False
    parts = [version for part in parts for version in (part, *part.copies)]
    size = sum(rows.nbytes for part in parts for rows in _held(part))
    if size > HELD_SHARE * (torch.cuda.mem_get_info(device)[0] if free is None else free):
        return False
    for part in parts:
        if isinstance(part, BagSet):
            part.rows = [rows[:].to(device) for rows in part.rows]
            part.features = part.features.to(device)
        else:
            held = _held_items(part)
            part.rows = [rows[:].to(device) if i in held else rows for i, rows in enumerate(part.rows)]
            part.held = device
    return True


def _held(part: BagSet | WindowSet) -> list[torch.Tensor | StoredRows]:
    if isinstance(part, BagSet):
        return [*part.rows, part.features]
    return [part.rows[i] for i in _held_items(part)]


def _held_items(part: WindowSet) -> set[int]:
    """All items of `rows` but those in files that training never draws from: only scores of a validation need them."""
    return part.drawn() | {i for i, rows in enumerate(part.rows) if isinstance(rows, torch.Tensor)}


def to_device(batch: Bags | Windows, device: torch.device) -> Bags | Windows:
    """A batch on the device of the model; clips stay on the CPU."""
    if device.type == "cuda" and not batch.features.is_cuda:
        # From pinned memory the copy runs while the GPU still works on the step before.
        batch = replace(batch, features=batch.features.pin_memory().to(device, non_blocking=True))
    return batch.to(device)
