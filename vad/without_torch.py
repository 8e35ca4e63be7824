"""Import this project's modules without torch, to read the settings of plugins: `import torch` takes 650 MB.

Meant for a process that does nothing else. A module that is loaded this way lacks what mentions torch, or anything that
then is not there; of a class that mentions it the constants stay. A class of settings is whole, or cannot be imported.
"""

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from pydantic import BaseModel

HEAVY = ("torch", "torchvision")
PROJECT = "vad"


def install() -> None:
    """From now on import the project's modules this way; those that are loaded stay as they are."""
    sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder, Loader):
    """Finds the project's modules where Python would, and runs what is left of them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The place of a module of the project; None for any other."""
        found = PathFinder.find_spec(fullname, path, target) if _top(fullname) == PROJECT else None
        if found is None or found.origin is None or found.submodule_search_locations is not None:
            return found  # the file of a package holds no code
        return importlib.util.spec_from_file_location(fullname, found.origin, loader=self)

    def create_module(self, spec: ModuleSpec) -> None:
        """None: an empty module, as Python makes it."""

    def exec_module(self, module: ModuleType) -> None:
        """Run what needs no torch.

        Raises: ImportError if a class of settings needs it.
        """
        assert module.__file__ is not None
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        reduced: list[str] = []
        tree.body = list(_light(tree.body, reduced))
        exec(compile(ast.fix_missing_locations(tree), module.__file__, "exec"), vars(module))
        for name in reduced:
            if issubclass(vars(module)[name], BaseModel):
                raise ImportError(f"{module.__name__}.{name} needs torch")


def _light(statements: Iterable[ast.stmt], reduced: list[str]) -> Iterator[ast.stmt]:
    """What is left of a module's statements.

    Args:
        statements: of the module, in order.
        reduced: the names of classes that keep their constants alone are added.
    """
    lost: set[str] = set()
    for node in statements:
        if isinstance(node, ast.Import | ast.ImportFrom):
            absent = [alias for alias in node.names if not _importable(node, alias)]
            lost |= {alias.asname or _top(alias.name) for alias in absent}
            node.names = [alias for alias in node.names if alias not in absent]
            if node.names:
                yield node
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not _mentioned(_evaluated(node)) & lost:
                yield node
            elif isinstance(node, ast.ClassDef):
                reduced.append(node.name)
                yield _constants(node, lost)
            else:
                lost.add(node.name)
        elif _mentioned([node]) & {*lost, *reduced}:  # a value may be made by calling the class
            changed = _changed(node)
            lost |= _mentioned([node], ast.Store) | changed
            for name in sorted(changed):  # what it was before this statement is not what the module says
                yield from ast.parse(f"globals().pop({name!r}, None)").body
        else:
            yield node


def _constants(node: ast.ClassDef, lost: set[str]) -> ast.ClassDef:
    """A class with the bases that are there and with its constants, such as `supervision = "weak"`."""
    assigned = (line for line in node.body if isinstance(line, ast.Assign | ast.AnnAssign))
    kept = [line for line in assigned if isinstance(line.value, ast.Constant) and not _mentioned([line]) & lost]
    bases = [base for base in node.bases if not _mentioned([base]) & lost]
    return ast.copy_location(ast.ClassDef(node.name, bases, node.keywords, [*kept, ast.Pass()], []), node)


def _evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a statement that Python evaluates when it reads it: all but the bodies of functions."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from (*node.decorator_list, node.args, *filter(None, [node.returns]))
    elif isinstance(node, ast.ClassDef):
        yield from (*node.decorator_list, *node.bases, *node.keywords)
        for inner in node.body:
            yield from _evaluated(inner)
    else:
        yield node


def _changed(node: ast.stmt) -> set[str]:
    """The names whose content a statement may change: `name[...] = value`, `name.part = value`, `name.method(...)`."""
    inner = [part for part in ast.walk(node) if isinstance(part, ast.Subscript | ast.Attribute)]
    set_here = [part for part in inner if isinstance(part.ctx, ast.Store)]
    called = [part.func for part in ast.walk(node) if isinstance(part, ast.Call) and part.func in inner]
    return _mentioned([part.value for part in [*set_here, *called]])


def _mentioned(nodes: Iterable[ast.AST], context: type[ast.expr_context] = ast.expr_context) -> set[str]:
    """The names in some parts of a module; those that are set with `ast.Store`."""
    names = (name for node in nodes for name in ast.walk(node) if isinstance(name, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, context)}


def _importable(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> bool:
    """Whether an import statement finds one of its names without torch."""
    if isinstance(node, ast.Import) or _top(node.module or "") != PROJECT:
        return _top(alias.name if isinstance(node, ast.Import) else node.module or "") not in HEAVY
    found = importlib.import_module(node.module or "")
    if hasattr(found, alias.name):
        return True
    return hasattr(found, "__path__") and importlib.util.find_spec(f"{node.module}.{alias.name}") is not None


def _top(module: str) -> str:
    """The first part of a module's name."""
    return module.partition(".")[0]
