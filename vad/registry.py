"""A folder is a registry: the modules of a package, by file name. No decorator, no list to edit."""

import ast
import importlib
import pkgutil
from functools import cache
from pathlib import Path
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
        kind = package.__name__.rpartition(".")[2].removesuffix("s").replace("dataset", "kind of data set")
        raise ParamsError(f"no {kind} called {name!r}.{nearest(name, known)}")
    return importlib.import_module(f"{package.__name__}.{name}")


def supervision(package: ModuleType, name: str) -> str | None:
    """What a model says of its supervision, read from its source: importing a model imports torch (seconds).

    Returns: `weak`, `normal_only`, or None where the class does not say it in so many letters.
    """
    value = stated(package, name, "supervision")
    return value if isinstance(value, str) else None


def stated(package: ModuleType, name: str, attribute: str) -> object:
    """The constant that a module's class `Model` sets an attribute to, read from the source; None where it does not."""
    return _stated(Path(package.__path__[0], f"{name}.py"), attribute)


@cache
def _stated(path: Path, attribute: str) -> object:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for model in (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Model"):
        for line in model.body:
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == attribute:
                return line.value.value if isinstance(line.value, ast.Constant) else None
    return None
