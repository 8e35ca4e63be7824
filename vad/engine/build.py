"""Build a new model from its name and settings, and rebuild a trained one from the files of its run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import ValidationError

import vad.models
from vad import registry
from vad.artefacts.files import read_json
from vad.artefacts.weights import read_weights
from vad.errors import ParamsError, listing
from vad.models._base import VideoModel


def build(model: str, model_args: Mapping[str, Any], feature_dim: int, seed: int = 0) -> VideoModel:
    """A new model with the weights that `seed` gives; on the CPU, in training mode.

    Args:
        model: name of a file in `vad/models`.
        model_args: what its Config takes, as in params.yaml or as `model.config.model_dump()` gave it.
        feature_dim: width of a feature vector.
        seed: sets torch's generator; irrelevant if a state dict is loaded afterwards.

    Raises: ParamsError for an unknown model, with the known ones, or for settings, all problems at once.
    """
    module = registry.find(vad.models, model)
    try:
        config = module.Config.model_validate(dict(model_args))
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors()]
        known = f"Known: {', '.join(sorted(module.Config.model_fields))}."
        raise ParamsError(listing(f"settings of model {model}", problems, known)) from error
    torch.manual_seed(seed)
    return module.Model(config, feature_dim)


class Restored(NamedTuple):
    """A trained model, and the content of its config.json."""

    model: VideoModel
    config: dict[str, Any]


def restored(run: Path) -> Restored:
    """The model of a trained run with the weights of its chosen epoch; on the CPU, in training mode.

    Args:
        run: the folder that room train wrote.

    Raises: ArtefactError for a damaged file, ParamsError if the model file no longer exists.
    """
    config = read_json(run / "config.json")
    model = build(config["model"], config["model_args"], config["feature_dim"])
    load_weights(model, run / "weights.safetensors")
    return Restored(model, config)


def load_weights(model: VideoModel, path: Path) -> None:
    """Replace the weights of a model by those of a file.

    Raises: ArtefactError for a damaged file.
    """
    model.load_state_dict({name: torch.from_numpy(array) for name, array in read_weights(path).items()})


def on_device(model: VideoModel, wanted: str) -> VideoModel:
    """The model on the device that `auto` (a GPU if there is one), `cpu` or `cuda` means here.

    Raises: ParamsError if cuda is asked for and there is none; there is no silent fallback.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ParamsError("train.device is cuda, but torch sees no GPU. Set it to auto or cpu.")
    device = "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"
    model = model.to(device)
    # On a CPU convolutions of pictures are up to 1.6 times as fast with the channels of a pixel side by side.
    beside = model.reads == "images" and device == "cpu"
    return model.to(memory_format=torch.channels_last) if beside else model
