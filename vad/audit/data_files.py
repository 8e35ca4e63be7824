"""Reading what is data in files of other programs: JSON, pickles, PyTorch tensors, MATLAB variables. Nothing is run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.io import loadmat

from vad.artefacts.npy import load_npy
from vad.artefacts.pickles import load_pickle
from vad.errors import ArtefactError

DATA_SUFFIXES = (".json", ".pkl", ".pickle", ".pt", ".pth", ".mat")
Held = Float[np.ndarray, "..."] | dict[str, Float[np.ndarray, "..."]]
"""One array, or arrays by name."""


def holds_objects(path: Path) -> bool:
    """Whether a `.npy` file holds Python objects, such as a mapping from names to scores."""
    if path.suffix.lower() != ".npy" or not path.is_file():
        return False
    try:
        load_npy(path)
    except ValueError as error:
        return "Python objects" in str(error)
    return False


def read_data(path: Path) -> Held:
    """The numbers of a file, by name where it has names.

    Args:
        path: a file with one of `DATA_SUFFIXES`, or a `.npy` file of Python objects.

    Raises: ArtefactError with what the file is, where it holds anything but numbers, lists and mappings.
    """
    remedy = "Save the numbers as .npy, or as .npz with one array for each video."
    try:
        return _as_numbers(_loaded(path))
    except Exception as error:  # bytes of strangers: whatever a reader says of them
        raise ArtefactError(f"{path}: a {_kind(path)} file without plain numbers ({error}). {remedy}") from error


def _kind(path: Path) -> str:
    """What a suffix stands for."""
    kinds = {".json": "JSON", ".mat": "MATLAB", ".pt": "PyTorch", ".pth": "PyTorch", ".npy": "NumPy"}
    return kinds.get(path.suffix.lower(), "pickle")


def _loaded(path: Path) -> Any:  # noqa: ANN401 - whatever data it is
    suffix = path.suffix.lower()
    if suffix == ".json":
        return json.loads(path.read_text(encoding="utf-8-sig"))
    if suffix == ".mat":
        with path.open("rb") as stream:
            found = {name: value for name, value in loadmat(stream).items() if not name.startswith("__")}
        numbers = {name: value for name, value in found.items() if value.dtype.kind in "biuf" and value.size > 1}
        return next(iter(numbers.values())) if len(numbers) == 1 else numbers or found
    if suffix in (".pt", ".pth"):
        import torch  # takes seconds to import

        return torch.load(path, map_location="cpu", weights_only=True)
    return load_pickle(path)


def _as_numbers(found: Any) -> Held:  # noqa: ANN401 - whatever data it is
    """The numbers of loaded data.

    Raises: ValueError or TypeError for data of another kind.
    """
    if isinstance(found, Mapping):
        if not found:
            raise ValueError("an empty mapping")
        return {str(name): _array(value) for name, value in found.items()}
    return _array(found)


def _array(value: Any) -> Float[np.ndarray, "..."]:  # noqa: ANN401 - whatever data it is
    value = value.detach().float().numpy() if hasattr(value, "detach") else value
    return np.asarray(value, float)
