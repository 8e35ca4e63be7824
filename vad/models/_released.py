"""Weights that others have published: read without running anything in them, and put into a model of ours.

A file is a state dict of torch or safetensors, also one inside a checkpoint (`state_dict`, `model`, ...) or saved from
DataParallel (`module.`). A module that was pickled whole is read too: its classes are replaced by empty ones, so that
only its tensors are left. The model's `released_names` and `from_released` turn names and values into ours; then every
value of ours must be there with its shape, and every given one must be used or known to be of no use.
"""

import pickle
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from vad.artefacts.files import sha256
from vad.errors import ArtefactError, first_of, listing
from vad.models._base import VideoModel
from vad.schema.train import WeightsFile

WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "net", "module")
"""Names under which checkpoints keep the values of the network."""
PREFIXES = ("module.", "model.")
"""What wrappers of a network put before all of its names."""
COUNTER = "num_batches_tracked"
"""Of batch norms; older files lack it, and no score depends on it."""
SHOWN = 5
"""Problems in a message, at most."""
AGAIN = "Save its values alone by the code that it belongs to: torch.save(network.state_dict(), NEW)."
READ_ERRORS = (OSError, RuntimeError, ValueError, KeyError, EOFError, AttributeError, pickle.UnpicklingError)


class Inert:
    """Stands for each class that a file names: it takes what the file says of an object and does nothing."""


def read_released(path: Path) -> dict[str, Tensor]:
    """The named tensors of a file, on the CPU. Nothing in the file is run.

    Args:
        path: a file of torch (any name) or one ending in `.safetensors`; a tensor without a name is called "".

    Raises: ArtefactError for a file that is missing, damaged, or holds no named tensors.
    """
    try:
        content = load_file(path) if path.suffix == ".safetensors" else _of_torch(path)
    except (*READ_ERRORS, SafetensorError) as error:
        raise ArtefactError(
            f"{path}: no weights that can be read without running code from the file ({_reason(error)}). {AGAIN}"
        ) from error
    found = _values(content)
    if not found:
        raise ArtefactError(f"{path}: it holds no named tensors. {AGAIN}")
    return found


def _of_torch(path: Path) -> Any:  # noqa: ANN401 - whatever was saved
    """The content of a file of torch; classes that torch would have to import are replaced by empty ones."""
    names = _classes(path)
    stand_ins: list[Any] = [(type(name.rpartition(".")[2], (Inert,), {}), name) for name in names]
    with safe_globals(stand_ins), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pickles that torch did not write: what is in them is checked all the same
        return torch.load(path, map_location="cpu", weights_only=True)


def _reason(error: Exception) -> str:
    """Why a file was refused, without torch's advice to read it unsafely."""
    text = str(error).strip()
    if wanted := re.search(r"GLOBAL (\S+) was not an allowed global", text):
        return f"it needs {wanted[1]}"
    return "it holds more than values" if text.startswith("Weights only") else text.partition("\n")[0]


def _classes(path: Path) -> list[str]:
    """The classes and functions that a file names beyond those that torch itself takes for harmless.

    None for files of torch before 1.6, of which torch reads only state dicts this way.
    """
    return sorted(get_unsafe_globals_in_checkpoint(path)) if zipfile.is_zipfile(path) else []


def _values(content: Any) -> dict[str, Tensor]:  # noqa: ANN401 - whatever was saved
    """The values of the network inside a checkpoint, with the bare tensors that lie beside them."""
    inner = next((key for key in WRAPPERS if isinstance(content, dict) and _holds_values(content.get(key))), None)
    if inner is not None:
        return {**_values(content[inner]), **{k: v for k, v in content.items() if isinstance(v, Tensor)}}
    found = {name: value.detach() for name, value in _tensors(content)}
    for prefix in PREFIXES:
        if found and all(name.startswith(prefix) for name in found):
            found = {name.removeprefix(prefix): value for name, value in found.items()}
    return found


def _holds_values(content: Any) -> bool:  # noqa: ANN401 - whatever was saved
    return isinstance(content, dict | Inert)


def _tensors(content: Any, prefix: str = "") -> Iterator[tuple[str, Tensor]]:  # noqa: ANN401 - whatever was saved
    """The tensors in dicts and in modules that were pickled whole, by their dotted names."""
    if isinstance(content, Tensor):
        yield prefix.removesuffix("."), content
    elif isinstance(content, Inert):
        for group in ("_parameters", "_buffers", "_modules"):
            yield from _tensors(vars(content).get(group), prefix)
    elif isinstance(content, Mapping):
        for key, value in content.items():
            yield from _tensors(value, f"{prefix}{key}.")


def read_checked(file: WeightsFile) -> dict[str, Tensor]:
    """The named tensors of a file of params.yaml; the names of a part's file begin with the part.

    Raises: ArtefactError for a file that is not there, or has another sha256 than stated.
    """
    path = Path(file.file).expanduser()
    if not path.is_file():
        raise ArtefactError(f"{path}: no such file. Put the released weights there, or change train of the variant.")
    if (found := sha256(path)) != file.sha256:
        raise ArtefactError(f"{path}: its sha256 is {found}, params.yaml says {file.sha256}. Take the file it names.")
    return named(read_released(path), file.part)


def named(values: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    """Values with the name of their part before their own names; a bare tensor has the part's name alone."""
    return {".".join(filter(None, (part, name))): value for name, value in values.items()}


def joined(files: Iterable[tuple[str, Mapping[str, Tensor]]]) -> dict[str, Tensor]:
    """The values of several files as those of one.

    Args:
        files: the path of each file and its named values; one file may stand for several parts.

    Raises: ArtefactError if two files have values of one name.
    """
    found: dict[str, Tensor] = {}
    for path, values in files:
        if twice := sorted(found.keys() & values.keys()):
            raise ArtefactError(f"{path}: another file has values of the same names: {first_of(twice)}. Leave one out.")
        found |= values
    return found


class Match(NamedTuple):
    """Released values beside a model.

    Attributes:
        values: by our names, those that the model has.
        unused: released names of values that the model is known not to need.
        problems: what does not fit, a line for each.
    """

    values: dict[str, Tensor]
    unused: list[str]
    problems: list[str]


def match(model: VideoModel, given: Mapping[str, Tensor], part: str = "") -> Match:
    """Compare released values with those of a model.

    Args:
        model: may be on torch's device `meta`, where it has shapes only.
        given: values by released names.
        part: only the values of ours whose names begin with it must be filled; empty = all.
    """
    renamed, unused = {}, []
    for name, value in given.items():
        ours = renamed_as(name, model.released_names)
        if ours is None:
            unused.append(name)
        else:
            renamed[ours] = value
    state = model.from_released(renamed)
    own = model.state_dict()
    wanted = {name for name in own if name.startswith(f"{part}." if part else "")}
    optional = tuple(model.not_released)
    absent = [name for name in own if name in wanted - state.keys()]
    absent = [name for name in absent if not name.startswith(optional) and not name.endswith(COUNTER)]
    foreign = [name for name in state if name not in own]
    shared = [name for name in own if name in state]
    other = [name for name in shared if state[name].shape != own[name].shape]
    problems = [f"{name}: missing" for name in absent] + [f"{name}: not in the model" for name in foreign]
    problems += [f"{name}: {_size(state[name])}, the model's is {_size(own[name])}" for name in other]
    return Match({name: state[name] for name in shared}, unused, problems)


def renamed_as(name: str, table: Sequence[tuple[str, str | None]]) -> str | None:
    """A released name as the model's table says; None for one that the model has no use for."""
    for pattern, ours in table:
        if ours is None:
            if re.search(pattern, name):
                return None
        else:
            name = re.sub(pattern, ours, name)
    return name


def fill(model: VideoModel, files: Sequence[WeightsFile], part: str = "") -> list[str]:
    """Put released weights into a model.

    Args:
        model: its values change.
        files: all that are needed.
        part: the part of the model that must be filled; empty = all of it.

    Returns: released names of values that the model has no use for.

    Raises: ArtefactError for a file that cannot be read, or whose values are not those of the model.
    """
    given = joined((file.file, read_checked(file)) for file in files)
    return put(model, given, first_of([file.file for file in files]), part)


def put(model: VideoModel, given: Mapping[str, Tensor], source: str, part: str = "") -> list[str]:
    """Put values by released names into a model; `fill` for values that are in memory.

    Raises: ArtefactError with the first problems if they are not those of the model.
    """
    found = match(model, given, part)
    if found.problems:
        fix = "`vad import-weights FILE --as VARIANT` says which settings of the variant would fit the file."
        raise ArtefactError(first_problems(source, found.problems, fix))
    model.load_state_dict(found.values, strict=False)
    return found.unused


def first_problems(source: str, problems: Sequence[str], fix: str) -> str:
    """A message with the first problems of a file, and how many there are."""
    more = f", the first {SHOWN} of {len(problems)}" if len(problems) > SHOWN else ""
    return listing(f"{source}{more}", problems[:SHOWN], fix)


def _size(value: Tensor) -> str:
    return "x".join(map(str, value.shape)) or "one number"
