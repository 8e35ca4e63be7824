"""Optimisers by name, and the learning rate as a function of the epoch: a resumed run has no schedule to restore."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from vad.models._base import VideoModel
from vad.schema.train import Train


def learning_rate(settings: Train, epoch: float, step: float = 0.0) -> float:
    """The learning rate of a step.

    Args:
        settings: `train` of a variant.
        epoch: when the step begins, in epochs from 0, fractions included.
        step: how long it takes, in epochs.
    """
    after_warmup = settings.scheduler == "cosine_after_warmup"
    epoch = max(epoch - step, 0.0) if after_warmup else epoch
    if settings.scheduler == "upstream_inert":
        return settings.lr * settings.warmup_start
    if settings.scheduler == "step":
        return settings.lr * 0.5 ** (int(epoch) // settings.step_epochs)
    if settings.scheduler == "constant":
        return settings.lr
    if settings.scheduler == "drop":
        return settings.lr if epoch < settings.step_epochs else settings.lr_min
    if settings.scheduler == "cosine_by_epoch":
        epoch = math.floor(epoch)
    if epoch < settings.warmup_epochs:
        start = settings.warmup_start
        return settings.lr * (start + (1 - start) * epoch / settings.warmup_epochs)
    length = settings.epochs if after_warmup else max(settings.epochs - settings.warmup_epochs, 1e-9)
    share = (epoch - settings.warmup_epochs) / length
    return settings.lr_min + (settings.lr - settings.lr_min) * (1 + math.cos(math.pi * min(share, 1.0))) / 2


def without_adversary(model: VideoModel) -> list[nn.Parameter]:
    """The parameters of a model except those of its adversary, which has an optimiser of its own."""
    others = set() if model.adversary is None else {id(value) for value in model.adversary.parameters()}
    return [value for value in model.parameters() if id(value) not in others]


def optimiser_for(parameters: Iterable[nn.Parameter], settings: Train) -> torch.optim.Optimizer:
    """The optimiser by name. Adagrad's epsilon is the 1e-8 of Sultani's trainer, not torch's 1e-10.

    On a CPU the fused steps: the others take square roots from MKL, which estimates them by an instruction that
    differs between vendors of CPUs. Adadelta has no fused steps.
    """
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "adadelta": torch.optim.Adadelta}
    values = list(parameters)
    common: dict[str, Any] = {"lr": settings.lr, "weight_decay": settings.weight_decay}
    if settings.optimiser != "adadelta" and all(value.device.type == "cpu" for value in values):
        common["fused"] = True
    if settings.optimiser == "adagrad":
        return torch.optim.Adagrad(values, eps=1e-8, **common)
    return kinds[settings.optimiser](values, **common)
