"""For extractors with a network: where the weights come from, named one way for all of them.

`weights` says `imagenet` or `kinetics` (the file that its makers publish under that name, in the cache folder of their
library or inside an installed package), a path with its `weights_sha256`, or `random` with its `weights_seed`. Nothing
falls back to anything: weights that are not there are an error that says which file belongs where.
"""

import pickle
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from vad.artefacts.files import sha256
from vad.artefacts.origin import RANDOM
from vad.errors import FeatureError
from vad.extractors._network_run import NetworkSettings
from vad.networks.packages import package_file

WRAPPERS = ("state_dict", "model_state", "model", "module")
"""Names under which checkpoints keep the values of the network."""


class Published(NamedTuple):
    """A file of weights that a library publishes."""

    url: str
    sha256: str | None
    """All 64 digits, or the first ones that the file's name states; None where its makers state none."""

    @property
    def path(self) -> Path:
        """Where torch's own download puts it (`TORCH_HOME` moves it)."""
        return Path(torch.hub.get_dir()) / "checkpoints" / self.url.rpartition("/")[2]


class Packaged(NamedTuple):
    """A file of weights inside an installed package."""

    package: str
    """As pip names it, with the version that holds the file."""
    name: str
    """Of the file, without folders."""
    sha256: str

    @property
    def path(self) -> Path:
        """Where it is.

        Raises: FileNotFoundError, also when the package is not installed.
        """
        return package_file(self.package.partition("==")[0], self.name)


class Weighted(NetworkSettings):
    """Settings of an extractor with a network, with what the decoder accepts (policy, max_corrupt_frac, ...)."""

    weights: str = Field(
        min_length=1,
        description="imagenet or kinetics = the library's own file, where there is one; random; or the path of a file",
    )
    weights_sha256: str | None = Field(
        default=None, pattern="^[0-9a-f]{64}$", description="sha256 of that file; a path needs it"
    )
    weights_seed: int = Field(default=0, ge=0, description="seed of random weights")

    def published(self) -> Mapping[str, Published | Packaged]:
        """The files that a library publishes for these settings, by the name that `weights` may say."""
        return {}

    @model_validator(mode="after")
    def _weights_are_named(self) -> "Weighted":
        names = [*self.published(), RANDOM]
        if self.weights == RANDOM and self.weights_sha256:
            raise ValueError("weights: random has no file, so it takes no weights_sha256")
        if self.weights != RANDOM and self.weights_seed:
            raise ValueError("weights_seed belongs to weights: random")
        if self.weights not in names and not self.weights_sha256:
            raise ValueError(
                f"weights {self.weights!r} is none of {', '.join(names)}, and a path needs its weights_sha256"
            )
        return self


class Weights:
    """The weights of one extractor, as its settings name them.

    Args:
        extractor: name for messages.
        config: the settings.
        hint: what else the messages should say, e.g. which layouts of file fit.
    """

    def __init__(self, extractor: str, config: Weighted, hint: str = "") -> None:
        self.extractor, self.config, self.hint = extractor, config, hint

    def identity(self) -> dict[str, Any]:
        """The weights as a feature file's report names them; reads the file if its sha256 is not known yet."""
        kind = self.config.weights if self.config.weights in {RANDOM, *self.config.published()} else "file"
        if kind == RANDOM:
            return {"weights": RANDOM, "weights_seed": self.config.weights_seed}
        return {"weights": kind, "weights_sha256": self.file[1]}

    def network(
        self,
        build: Callable[[], nn.Module],
        unused: Iterable[str] = (),
        rename: Callable[[str], str] = str,
    ) -> nn.Module:
        """The network with its weights, in eval mode, on the CPU.

        Args:
            build: makes it, with values from torch's generator.
            unused: beginnings of names in the file that belong to parts which the network leaves out.
            rename: name in the file to name in the network.

        Raises: FeatureError if the file is not there, is another one, or is of another network.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.weights_seed)
            network = build()
        if self.config.weights != RANDOM:
            try:
                network.load_state_dict(_used(_state(self.file[0]), tuple(unused), rename))
            except (OSError, ValueError, RuntimeError, KeyError, EOFError, pickle.UnpicklingError) as error:
                raise self._unusable(f"{self.file[0]} does not fit the network: {error}") from error
        return network.requires_grad_(False).eval()

    @cached_property
    def file(self) -> tuple[Path, str]:
        """The file and its sha256, found (or downloaded by the library) and checked."""
        config = self.config
        known = config.published().get(config.weights)
        path = self._fetched(known) if known else Path(config.weights).expanduser()
        try:
            found = sha256(path)
        except OSError as error:
            raise self._unusable(f"{error}") from error
        expected = config.weights_sha256 or (known.sha256 if known else None)
        if expected is None:
            raise self._unusable(f"its makers state no sha256 for {path}. To accept it, set weights_sha256: {found}")
        if not found.startswith(expected):
            raise self._unusable(f"{path} has sha256 {found}, expected {expected}")
        return path, found

    def _fetched(self, known: Published | Packaged) -> Path:
        """The file inside its package, or in the library's cache, where it is downloaded if it is not there."""
        if isinstance(known, Packaged):
            try:
                return known.path
            except FileNotFoundError as error:
                raise self._unusable(f"{error}. Install {known.package} again") from error
        path = known.path
        if path.is_file():
            return path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(known.url, str(path), known.sha256, progress=False)
        except (OSError, RuntimeError) as error:
            stated = self.config.weights_sha256 or known.sha256
            digits = f" (sha256 {'' if stated and len(stated) == 64 else 'starts '}{stated})" if stated else ""
            raise FeatureError(
                f"extractor {self.extractor}: weights {self.config.weights} are not in the cache and cannot be"
                f" downloaded ({error}). Put {path.name}{digits} from {known.url} into {path.parent}, or give"
                " weights (a path) and weights_sha256."
            ) from error
        return path

    def _unusable(self, why: str) -> FeatureError:
        hint = f" {self.hint}" if self.hint else ""
        return FeatureError(
            f"extractor {self.extractor}: no usable weights ({why}).{hint} Give weights and weights_sha256 of a file,"
            " or weights: random for a trial without meaning."
        )


def _state(path: Path) -> dict[str, Tensor]:
    """The named values in a checkpoint; never unpickles anything but tensors."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    while isinstance(state, dict) and (inner := next((k for k in WRAPPERS if isinstance(state.get(k), dict)), None)):
        state = state[inner]
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError("it does not hold the named values of one network")
    return state


def _used(state: Mapping[str, Tensor], unused: tuple[str, ...], rename: Callable[[str], str]) -> dict[str, Tensor]:
    names = ((rename(name), value) for name, value in state.items())
    return {name: value for name, value in names if not name.startswith(unused)}
