"""What a model file must have (docs/adding-a-variant.md), checked when the file is loaded; and what it returns.

Imports no torch: the check of params.yaml uses it, and the model file that it checks has imported torch already.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from vad.errors import VadError, nearest
from vad.schema.base import Section

if TYPE_CHECKING:
    from torch import Tensor

    from vad.models._base import Scores, VideoModel

WORDS = {"supervision": ("weak", "normal_only"), "sampling": ("bags", "windows"), "level": ("frame", "video")}
REQUIRED = ("loss", "score")
TOGETHER = (
    ("score_sequence", "mix"),
    ("makes_pictures", "pictures"),
    ("smooth", "smoothing_reach"),
)
"""Pairs of hooks that only work together."""
FIELDS = {"bags": ("bag_segments",), "windows": ("window", "stride")}
"""Settings that a sampling reads of a model's Config."""
SAMPLING_OF = {"weak": "bags", "normal_only": "windows"}
"""Bags are drawn by label, half of them anomalous; windows come from normal videos alone."""
SEE = "See docs/adding-a-variant.md"


def problems(module: ModuleType) -> Iterator[str]:
    """What a model file lacks or says wrongly, one line each; nothing where it keeps the contract."""
    from vad.models._base import VideoModel

    config, model = vars(module).get("Config"), vars(module).get("Model")
    if not (isinstance(config, type) and issubclass(config, Section)):
        yield f"it needs `class Config(Section)`. {SEE}"
        return
    if not (isinstance(model, type) and issubclass(model, VideoModel)):
        yield f"it needs `class Model(VideoModel)`. {SEE}"
        return
    yield from _wrong_hooks(model)
    # A model that can do both takes its level from its settings.
    written = [word for word in WORDS if word != "level" or "level" not in config.model_fields]
    stated = {word: _constant(model, word) for word in written}
    wrong = {word: value for word, value in stated.items() if value not in WORDS[word]}
    for word, value in wrong.items():
        yield f"Model.{word} must be {' or '.join(map(repr, WORDS[word]))}, got {value!r}. {SEE}"
    if wrong:
        return
    if model.sampling != (wanted := SAMPLING_OF[model.supervision]):
        yield f"supervision {model.supervision!r} goes with sampling {wanted!r}, got {model.sampling!r}. {SEE}"
    for field in FIELDS[model.sampling]:
        if field not in config.model_fields:
            yield f"sampling {model.sampling!r} reads Config.{field}, which is not there. {SEE}"


def _constant(model: "type[VideoModel]", name: str) -> object:
    """What the class sets a name to, itself or by inheritance; None where it does not."""
    return next((vars(base)[name] for base in model.__mro__ if name in vars(base)), None)


def _wrong_hooks(model: "type[VideoModel]") -> Iterator[str]:
    """Hooks that the base class does not know, that have other parameters than there, or that are missing."""
    from vad.models._base import VideoModel, hooks

    known, own = hooks(), {name: value for name, value in vars(model).items() if not name.startswith("_")}
    base = vars(VideoModel)
    for name, value in own.items():
        if name not in known and name not in dir(VideoModel):
            hint = nearest(name, known)
            yield f"Model.{name}: no such hook.{hint} A helper of the model's own begins with an underscore. {SEE}"
        elif isinstance(base.get(name), FunctionType):
            yield from _wrong_parameters(name, value, base[name])
        elif name in known and isinstance(value, FunctionType):
            yield f"Model.{name} is a method, but the hook is a value. Write @property above it. {SEE}"
    for name in REQUIRED:
        if not _defined(model, name):
            yield f"Model has no method {name}. {SEE}"
    yield from _wrong_names(_constant(model, "released_names"))
    for pair in TOGETHER:
        if [_defined(model, name) for name in pair].count(True) == 1:
            yield f"Model defines one of {' and '.join(pair)}, which go together. {SEE}"


def _wrong_names(table: object) -> Iterator[str]:
    """Rows of a table of released names that are no pair of a regular expression and its replacement, or None."""
    for row in table if isinstance(table, list | tuple) else [table]:
        try:
            pattern, ours = row  # type: ignore[misc]  # whatever the author wrote
            re.sub(pattern, ours or "", "")
        except (TypeError, ValueError, re.error) as error:
            yield f"Model.released_names: {row!r} is no (regular expression, replacement or None): {error}. {SEE}"


def _wrong_parameters(name: str, hook: object, base: FunctionType) -> Iterator[str]:
    """A hook that is not a method, or has parameters with other names than in the base class.

    Optional parameters at the end may be left out.
    """
    if not isinstance(hook, FunctionType):
        yield f"Model.{name} must be a method. {SEE}"
        return
    wanted, found = inspect.signature(base).parameters, list(inspect.signature(hook).parameters)
    needed = [key for key, parameter in wanted.items() if parameter.default is parameter.empty]
    if found != list(wanted)[: len(found)] or len(found) < len(needed):
        yield f"Model.{name} takes ({', '.join(found)}), the hook is called with ({', '.join(wanted)}). {SEE}"


def _defined(model: "type[VideoModel]", name: str) -> bool:
    """Whether a model replaces the default of a hook."""
    from vad.models._base import VideoModel

    return _constant(model, name) is not vars(VideoModel)[name]


def checked_terms(model: object, terms: object) -> Mapping[str, "Tensor"]:
    """The terms of a loss as they are.

    Raises: VadError unless they are a mapping of names to tensors of one number each.
    """
    if not isinstance(terms, Mapping):
        raise VadError(f"{_file(model)}: loss gave {_shown(terms)}, not a dict of named terms. {SEE}")
    for name, term in terms.items():
        if _shape(term) != ():
            raise VadError(
                f"{_file(model)}: loss term {name!r} is {_shown(term)}, not one number: take its mean. {SEE}"
            )
    return terms


def checked_scores(model: "VideoModel", scores: object, samples: int) -> "Scores":
    """The scores of a batch as they are.

    Raises: VadError unless there is one score per sample and, for bags at level frame only, one per position.
    """
    from vad.models._base import Scores

    per_position = model.sampling == "bags" and model.level == "frame"
    wanted = f"wanted Scores(video of shape ({samples},), positions {'of one row a bag' if per_position else 'None'})"
    if not isinstance(scores, Scores):
        raise VadError(f"{_file(model)}: score gave {_shown(scores)}; {wanted}. {SEE}")
    positions = scores.positions
    right = positions is not None and len(positions) == samples if per_position else positions is None
    if _shape(scores.video) != (samples,) or not right:
        raise VadError(
            f"{_file(model)}: score gave video {_shown(scores.video)}, positions {_shown(positions)}; {wanted}. {SEE}"
        )
    return scores


def _file(model: object) -> str:
    return f"{type(model).__module__.replace('.', '/')}.py"


def _shape(value: Any) -> tuple[int, ...] | None:  # noqa: ANN401 - what a model's author returned
    """The shape of an array or tensor; None for anything else."""
    return tuple(value.shape) if "shape" in dir(value) else None


def _shown(value: object) -> str:
    shape = _shape(value)
    return type(value).__name__ if shape is None else f"a tensor of shape {shape}"
