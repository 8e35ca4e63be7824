"""The weights file of one run: room train writes it, room infer reads it."""

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
    """Write weights as safetensors, together with the config from which the model is built.

    Args:
        path: the file.
        weights: arrays by name.
        config: what JSON can hold; no NaN.
    """
    # Only one metadata key: with two or more, their order and so the bytes of the file change from run to run.
    # safetensors writes an array as it lies in memory, and takes its shape for that of rows one after the other.
    in_rows = {name: np.asarray(array, order="C") for name, array in weights.items()}
    data = save(in_rows, metadata={"vad": json.dumps(config, sort_keys=True, allow_nan=False)})
    with atomic(path) as stream:
        stream.write(data)


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of a weights file, by name.

    Raises: ArtefactError when the file is missing or damaged.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ArtefactError(
            f"{path}: not a readable weights file ({error}). Delete it and run snakemake again."
        ) from error
