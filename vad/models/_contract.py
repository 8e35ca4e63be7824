"""What a model file must have (docs/adding-a-variant.md), checked before anything runs and where its answers arrive."""

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from vad.errors import VadError
from vad.schema.base import Section

if TYPE_CHECKING:
    from torch import Tensor

    from vad.models._base import Scores

WORDS = {"supervision": ("weak", "normal_only"), "sampling": ("bags", "windows"), "level": ("frame", "video")}
METHODS = ("loss", "score")
FIELDS = {"bags": ("bag_segments",), "windows": ("window", "stride")}
"""Settings that a sampling reads of a model's Config."""
SAMPLING_OF = {"weak": "bags", "normal_only": "windows"}
"""Bags are drawn by label, half of them anomalous; windows come from normal videos alone."""
SEE = "See docs/adding-a-variant.md"


def problems(module: ModuleType) -> Iterator[str]:
    """What a model file lacks or says wrongly, one line each; nothing where it keeps the contract."""
    config, model = getattr(module, "Config", None), getattr(module, "Model", None)
    if not (isinstance(config, type) and issubclass(config, Section)) or model is None:
        yield f"it needs `class Config(Section)` and `class Model(nn.Module)`. {SEE}"
        return
    # A model that can do both takes its level from its settings.
    written = [word for word in WORDS if word != "level" or "level" not in config.model_fields]
    wrong = {word: WORDS[word] for word in written if getattr(model, word, None) not in WORDS[word]}
    for word, known in wrong.items():
        yield f"Model.{word} must be {' or '.join(map(repr, known))}, got {getattr(model, word, None)!r}. {SEE}"
    yield from (f"Model has no method {name}. {SEE}" for name in METHODS if not callable(getattr(model, name, None)))
    if wrong:
        return
    if model.sampling != (wanted := SAMPLING_OF[model.supervision]):
        yield f"supervision {model.supervision!r} goes with sampling {wanted!r}, got {model.sampling!r}. {SEE}"
    for field in FIELDS[model.sampling]:
        if field not in config.model_fields:
            yield f"sampling {model.sampling!r} reads Config.{field}, which is not there. {SEE}"


def checked_terms(model: object, terms: Any) -> Mapping[str, "Tensor"]:  # noqa: ANN401 - what a model's author wrote
    """The terms of a loss as they are.

    Raises: VadError unless they are a mapping of names to tensors of one number each.
    """
    if not isinstance(terms, Mapping):
        raise VadError(f"{_file(model)}: loss gave {_shown(terms)}, not a dict of named terms. {SEE}")
    for name, term in terms.items():
        if getattr(term, "shape", None) != ():
            raise VadError(
                f"{_file(model)}: loss term {name!r} is {_shown(term)}, not one number: take its mean. {SEE}"
            )
    return terms


def checked_scores(model: Any, scores: Any, samples: int) -> "Scores":  # noqa: ANN401 - what a model's author wrote
    """The scores of a batch as they are.

    Raises: VadError unless there is one score a sample and, of bags at level frame alone, one a step.
    """
    wanted = f"wanted Scores(video of shape ({samples},), steps " + ("of one row a bag)" if _steps(model) else "None)")
    if not (hasattr(scores, "video") and hasattr(scores, "steps")):
        raise VadError(f"{_file(model)}: score gave {_shown(scores)}; {wanted}. {SEE}")
    steps = scores.steps
    right = steps is not None and len(steps) == samples if _steps(model) else steps is None
    if tuple(scores.video.shape) != (samples,) or not right:
        raise VadError(
            f"{_file(model)}: score gave video {_shown(scores.video)}, steps {_shown(steps)}; {wanted}. {SEE}"
        )
    return scores


def _steps(model: Any) -> bool:  # noqa: ANN401 - any model of vad/models
    return model.sampling == "bags" and model.level == "frame"


def _file(model: object) -> str:
    return f"{type(model).__module__.replace('.', '/')}.py"


def _shown(value: Any) -> str:  # noqa: ANN401 - anything
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None else f"of shape {tuple(shape)}"
