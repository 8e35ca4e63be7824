"""A folder is a registry: the modules of a package, by file name. No decorator, no list to edit."""

import ast
import importlib
import inspect
import pkgutil
import traceback
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from vad.errors import ParamsError, PluginError, nearest

Plugin = TypeVar("Plugin")
PAGES = {"extractors": "See docs/adding-an-extractor.md.", "datasets": "See docs/datasets.md."}
"""Where a package's plugins are explained; the contract of models (`vad.models._contract`) names its own page."""


def names(package: ModuleType) -> list[str]:
    """The modules of a package that do not start with an underscore, sorted."""
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


def find(package: ModuleType, name: str) -> ModuleType:
    """Import one module of a package by its name.

    Raises: ParamsError for an unknown name, with the nearest and the known names; PluginError for a file that cannot
        be imported.
    """
    known = names(package)
    if name not in known:
        kind = package.__name__.rpartition(".")[2].removesuffix("s").replace("dataset", "kind of data set")
        raise ParamsError(f"no {kind} called {name!r}.{nearest(name, known)}")
    module = f"{package.__name__}.{name}"
    try:
        return importlib.import_module(module)
    except PluginError:
        raise
    except Exception as error:  # whatever an author's file raises, its author needs the place and the reason
        path = Path(package.__path__[0], f"{name}.py")
        raise PluginError(_file(module), [_why_not_imported(path, error)]) from error


def _why_not_imported(path: Path, error: Exception) -> str:
    """Line, if known, kind and text of an exception that importing a file raised."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines.append(error.lineno)
    place = f"line {lines[-1]}: " if lines else ""
    # A SyntaxError prints its source line too, and adds the line number to its text: both are said already.
    said = f"{type(error).__name__}: {error.msg}" if isinstance(error, SyntaxError) and lines else None
    return f"cannot be imported. {place}{said or traceback.format_exception_only(error)[-1].strip()}. Correct it."


def file_of(plugin_class: type) -> str:
    """The file of a plugin's class, such as `vad/models/rtfm.py`."""
    return _file(plugin_class.__module__)


def _file(module: str) -> str:
    return f"{module.replace('.', '/')}.py"


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
    """What is wrong with the public names that a plugin class defines: unknown ones, and methods with other parameters.

    A misspelled hook would never be called, and nobody would notice. Names that begin with an underscore are the
    plugin's own. What other parents define (torch's `nn.Module`, say) counts only if the base class has them too.

    Args:
        plugin_class: a class that inherits from `base_class`.
        base_class: has every hook as an attribute, a method or an annotation.

    Returns: one sentence for each wrong name, in the order of definition; empty if all are right.
    """
    hooks = sorted(name for name in {*dir(base_class), *_annotated(base_class)} if not name.startswith("_"))
    own = [name for cls in plugin_class.__mro__ if not issubclass(base_class, cls) for name in vars(cls)]
    found = []
    for name in (name for name in dict.fromkeys(own) if not name.startswith("_")):
        wrong = (
            _wrong_parameters(plugin_class, base_class, name) if name in hooks else f"is no hook.{_meant(name, hooks)}"
        )
        found += [f"{plugin_class.__name__}.{name} {wrong}"] if wrong else []
    return found


def _wrong_parameters(plugin_class: type, base_class: type, name: str) -> str:
    """What is wrong with the parameters of a hook that is a method; empty if they are those of the base class."""
    wanted, given = getattr(base_class, name, None), getattr(plugin_class, name)
    if not inspect.isfunction(wanted):
        return ""
    expected = ", ".join(inspect.signature(wanted).parameters)
    if not inspect.isfunction(given):
        return f"is no method; it takes ({expected})."
    actual = ", ".join(inspect.signature(given).parameters)
    return "" if actual == expected else f"has the parameters ({actual}); it takes ({expected})."


def _meant(name: str, hooks: list[str]) -> str:
    """The nearest hook; all of them where none is near."""
    hint, _, known = nearest(name, hooks).partition(" Known:")
    return hint or f" Known:{known}"


def require_known_hooks(plugin_class: type, base_class: type) -> None:
    """Refuse a plugin with names that its base class does not know; call it in the base's `__init_subclass__`.

    Raises: PluginError with every unknown name.
    """
    if problems := unknown_hooks(plugin_class, base_class):
        see = PAGES[base_class.__module__.split(".")[1]]
        raise PluginError(file_of(plugin_class), [f"{problem} {see}" for problem in problems])


def plugin_class(module: ModuleType, name: str, base_class: type[Plugin]) -> type[Plugin]:
    """The class `name` of a plugin module, which inherits from `base_class`.

    Raises: PluginError where the module has no such class, or no `Config` beside it.
    """
    found = vars(module).get(name)
    if not (isinstance(found, type) and issubclass(found, base_class)) or "Config" not in vars(module):
        home = base_class.__module__
        problem = f"no class Config, or no class {name}({home}.{base_class.__name__}). Add it."
        raise PluginError(_file(module.__name__), [f"{problem} {PAGES[home.split('.')[1]]}"])
    return found


def _annotated(cls: type) -> set[str]:
    """The annotated names of a class and its parents."""
    return {name for parent in cls.__mro__ for name in vars(parent).get("__annotations__", {})}
