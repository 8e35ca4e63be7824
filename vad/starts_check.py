"""Checks of `train.start`: trainings that begin with the trained weights of another variant, or of a file."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import vad.models
from vad import registry
from vad.errors import first_of, nearest
from vad.schedules import mapping

WIDTH = 1024
"""Of feature vectors where a model is built for its names and shapes alone; images have 3 channels."""


class TorchNeededError(Exception):
    """Something in the file can be checked with torch only."""


def wrong_starts(variants: Mapping[str, Any]) -> Iterator[str]:
    """Starts from variants that do not exist, or that start from this one themselves."""
    names = [str(key) for key in variants]
    for key in variants:
        for number, name in enumerate(_starts(variants.get(key))):
            where = f"variants.{key}.train.start.{number}.variant"
            if name not in names:
                yield f"{where}: no variant called {name!r}.{nearest(name, names)}"
            elif key in _behind(name, variants):
                yield f"{where}: {name} starts from {key} itself. Remove one of the two"


def _behind(name: str, variants: Mapping[str, Any]) -> list[str]:
    """A variant, and those from which its training starts directly or through others."""
    seen: list[str] = []
    waiting = [name]
    while waiting:
        if (one := waiting.pop()) not in seen:
            seen.append(one)
            waiting += _starts(variants.get(one))
    return seen


def starts_not_held_out(variants: Mapping[str, Any]) -> Iterator[str]:
    """Starts from weights that have seen videos which are to choose the epoch or the threshold."""
    for key, variant in variants.items():
        dataset = mapping(variant).get("dataset")
        folds = mapping(mapping(mapping(variant).get("train")).get("select")).get("folds")
        for name in _starts(variant):
            behind = _behind(name, variants)
            # The weights have seen no video of the list that is to be held out if they come from another data set.
            same = [one for one in behind if mapping(variants.get(one)).get("dataset") == dataset]
            whole = [one for one in same if _trains_on_all(variants.get(one))]
            if key in behind:  # a circle, which is refused as such
                continue
            if folds and same:
                yield (
                    f"variants.{key}.train.select.folds: {name} has been trained on videos of {dataset} that the folds"
                    " hold out. Remove select.folds, or the start"
                )
            elif whole:
                yield (
                    f"variants.{key}.train.start: {whole[0]} was trained on the whole train list of {dataset} (refit or"
                    f" select.folds), also on the videos that choose epoch and threshold of {key}. Start from a variant"
                    " without refit and select.folds"
                )


def _trains_on_all(variant: Any) -> bool:  # noqa: ANN401 - any YAML value
    """Whether a variant is trained on its whole train list in the end."""
    train = mapping(mapping(variant).get("train"))
    return bool(train.get("refit") or mapping(train.get("select")).get("folds"))


def unfit_starts(variants: Mapping[str, Mapping[str, Any]], known: frozenset[str]) -> Iterator[str]:
    """Starts of a part that the model does not have, or from a variant with values that do not fit there.

    Raises: TorchNeededError if there is a start and this process shall do without torch.
    """
    starting = _starting(variants)
    if not starting or known_starts(variants) in known:
        return
    if known:
        raise TorchNeededError
    from vad.models._released import match, named

    for key, starts in starting.items():
        entry = variants[key]
        if (model := _shapes(entry)) is None:
            continue  # training says why
        for number, start in enumerate(map(mapping, starts)):
            part, name, where = str(start.get("part", "")), start.get("variant"), f"variants.{key}.train.start.{number}"
            names = list(model.state_dict())
            if part and not any(f"{one}.".startswith(f"{part}.") for one in names):
                parts = sorted({one.partition(".")[0] for one in names})
                yield f"{where}.part: model {entry['model']} has no part {part!r}.{nearest(part, parts)}"
            elif isinstance(name, str) and (other := variants.get(name)):
                source = _shapes(other)
                problems = match(model, named(source.state_dict(), part), part).problems if source else []
                if other.get("features") != entry.get("features"):  # of other features the width is not known here
                    problems = [line for line in problems if line.endswith((": missing", ": not in the model"))]
                if problems:
                    into = f"part {part}" if part else "the model"
                    yield f"{where}.variant: the weights of {name} do not fit {into}: {first_of(problems)}"


def _starting(variants: Mapping[str, Any]) -> dict[str, Any]:
    """The starts of each variant that has some."""
    found = {key: mapping(mapping(entry).get("train")).get("start") for key, entry in variants.items()}
    return {key: starts for key, starts in found.items() if isinstance(starts, list) and starts}


def known_starts(variants: Mapping[str, Any]) -> str:
    """A name for the starts of all variants, and for what decides whether they fit: other settings give another name.

    Args:
        variants: by name, with their defaults.
    """
    starting = _starting(variants)
    others = [one.get("variant") for starts in starting.values() for one in map(mapping, starts)]
    shapes = {
        key: {name: mapping(variants.get(key)).get(name) for name in ("model", "model_args", "features")}
        for key in sorted({*starting, *(str(other) for other in others if other)})
    }
    text = json.dumps([shapes, starting], sort_keys=True, default=str)
    return f"starts:{hashlib.sha256(text.encode()).hexdigest()}"


def _shapes(entry: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a VideoModel, whose module imports torch
    """The model of a variant without values; None for settings that it refuses."""
    from vad.engine.fitting import built

    images = registry.stated(vad.models, entry["model"], "reads") == "images"
    return built(entry["model"], entry["model_args"], 3 if images else WIDTH)


def _starts(variant: Any) -> list[str]:  # noqa: ANN401 - any YAML value
    """The variants from which the training of a variant starts."""
    starts = mapping(mapping(variant).get("train")).get("start")
    names = [mapping(start).get("variant") for start in starts] if isinstance(starts, list) else []
    return [name for name in names if isinstance(name, str)]
