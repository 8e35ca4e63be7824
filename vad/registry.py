"""A folder is a registry: the modules of a package, by file name. No decorator, no list to edit."""

import importlib
import pkgutil
from types import ModuleType

from vad.errors import ParamsError, nearest


def names(package: ModuleType) -> list[str]:
    """The modules of a package that do not start with an underscore, sorted."""
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


def find(package: ModuleType, name: str) -> ModuleType:
    """Import one module of a package by its name.

    Raises: ParamsError for an unknown name, with the nearest and the known names.
    """
    known = names(package)
    if name not in known:
        kind = package.__name__.rpartition(".")[2].removesuffix("s")
        raise ParamsError(f"no {kind} called {name!r}.{nearest(name, known)}")
    return importlib.import_module(f"{package.__name__}.{name}")
