"""A folder is a registry: the modules of a package, by file name. No decorator, no list to edit."""

import ast
import importlib
import pkgutil
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from vad.errors import ParamsError, VadError, listing, nearest

Plugin = TypeVar("Plugin")


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


def unknown_hooks(plugin_class: type, base_class: type) -> list[str]:
    """The public names that a plugin class defines and its base class does not know, each with the nearest hook.

    A misspelled hook would never be called, and nobody would notice. Names that begin with an underscore are the
    plugin's own. What other parents define (torch's `nn.Module`, say) counts only if the base class has them too.

    Args:
        plugin_class: a class that inherits from `base_class`.
        base_class: has every hook as an attribute, a method or an annotation.

    Returns: one sentence for each unknown name, in the order of definition; empty if all are known.
    """
    hooks = sorted(name for name in {*dir(base_class), *_annotated(base_class)} if not name.startswith("_"))
    own = [name for cls in plugin_class.__mro__ if not issubclass(base_class, cls) for name in vars(cls)]
    unknown = [name for name in dict.fromkeys(own) if not name.startswith("_") and name not in hooks]
    return [f"{plugin_class.__name__}.{name} is no hook.{nearest(name, hooks)}" for name in unknown]


def require_known_hooks(plugin_class: type, base_class: type) -> None:
    """Refuse a plugin with names that its base class does not know; call it in the base's `__init_subclass__`.

    Raises: VadError with every unknown name.
    """
    if problems := unknown_hooks(plugin_class, base_class):
        fix = "Correct the name, or begin it with an underscore if only this file uses it."
        raise VadError(listing(plugin_class.__module__, problems, fix))


def plugin_class(module: ModuleType, name: str, base_class: type[Plugin]) -> type[Plugin]:
    """The class `name` of a plugin module, which inherits from `base_class`.

    Raises: VadError where the module has no such class, or no `Config` beside it.
    """
    found = vars(module).get(name)
    if not (isinstance(found, type) and issubclass(found, base_class)) or "Config" not in vars(module):
        home = base_class.__module__
        raise VadError(f"{module.__name__}: no class Config, or no class {name}({home}.{base_class.__name__}). Add it.")
    return found


def _annotated(cls: type) -> set[str]:
    """The annotated names of a class and its parents."""
    return {name for parent in cls.__mro__ for name in vars(parent).get("__annotations__", {})}
