"""The weights file of one run: one writer, one reader."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from vad.artefacts.files import atomic
from vad.errors import ArtefactError


def write_weights(path: Path, weights: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> None:
    """Weights as safetensors, with the config that rebuilds the model.

    One metadata key only: with two or more the format is not byte-stable.
    """
    data = save(dict(weights), metadata={"vad": json.dumps(config, sort_keys=True, allow_nan=False)})
    with atomic(path) as stream:
        stream.write(data)


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """Tensors of a weights file, by name."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ArtefactError(
            f"{path}: not a readable weights file ({error}). Delete it and run snakemake again."
        ) from error
