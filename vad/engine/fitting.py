"""Which settings of a model would fit released weights: found by trying one change after the other, on shapes alone."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args, get_origin

import torch
from pydantic import ValidationError
from torch import Tensor

import vad.models
from vad import registry
from vad.errors import ParamsError, VadError
from vad.models._base import VideoModel
from vad.models._released import match

CHANGES = 4
"""Settings that are changed together, at most: more would be a guess."""
COUNTS = (1, 2, 3, 4, 6, 8, 12, 16)
"""Of blocks or heads: the numbers that are tried."""


class Fit(NamedTuple):
    """Settings, and how many values do not fit with them.

    Attributes:
        width: of a feature vector (channels, where features are maps or images).
        changes: keys of `model_args` that differ from the given settings.
        problems: values that do not fit: 0 = the weights fill the model.
    """

    width: int
    changes: dict[str, Any]
    problems: int


def fitting(model: str, model_args: Mapping[str, Any], given: Mapping[str, Tensor]) -> Fit:
    """The width of the features, and the settings nearest to the given ones, with which weights fit best.

    Args:
        model: name of a file in `vad/models`.
        model_args: what the variant says.
        given: values by released names.
    """
    given = {name: torch.empty_like(value, device="meta") for name, value in given.items()}  # nothing is computed
    sizes = sorted({size for value in given.values() for size in value.shape if size > 1})
    best = min((_tried(model, model_args, {}, width, given) for width in [*sizes, 3]), key=lambda fit: fit.problems)
    for _ in range(CHANGES):
        if not best.problems:
            break
        now = built(model, {**_plain(model_args, best.changes), **best.changes}, best.width)
        options = ({**best.changes, **change} for change in _changes(now, sizes)) if now else ()
        tried = [_tried(model, model_args, changes, best.width, given) for changes in options]
        better = min(tried, key=lambda fit: fit.problems, default=best)
        if better.problems >= best.problems:
            break
        best = better
    return best


def _tried(
    model: str, model_args: Mapping[str, Any], changes: dict[str, Any], width: int, given: Mapping[str, Tensor]
) -> Fit:
    """How well weights fit with some settings; settings that the model refuses fit not at all."""
    found = built(model, {**_plain(model_args, changes), **changes}, width)
    return Fit(width, changes, len(match(found, given).problems) if found else 10**9)


def built(model: str, model_args: Mapping[str, Any], width: int) -> VideoModel | None:
    """A model that has shapes only; None for settings that it refuses."""
    module = registry.find(vad.models, model)
    try:
        config = module.Config.model_validate(dict(model_args))
        with torch.device("meta"):
            return module.Model(config, width)
    except (ValidationError, VadError, ParamsError):
        return None


def _plain(model_args: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The given settings; where a preset or a method changes, those it would set are left to it."""
    return {} if {"preset", "method"} & changes.keys() else dict(model_args)


def _changes(model: VideoModel, sizes: list[int]) -> Iterator[dict[str, Any]]:
    """Each single change of a setting that can matter for shapes: words, switches and numbers.

    A number that the model has among its shapes is a width, which the file has too; any other is a small count.
    """
    own = {size for value in model.state_dict().values() for size in value.shape if size > 1}
    for name, field in type(model.config).model_fields.items():
        if get_origin(field.annotation) is Literal:
            yield from ({name: word} for word in get_args(field.annotation))
        elif field.annotation is bool:
            yield from ({name: value} for value in (False, True))
        elif field.annotation is int:
            yield from ({name: size} for size in (sizes if getattr(model.config, name) in own else COUNTS))
