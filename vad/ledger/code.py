"""The code behind a job: its files, and one hash over what they mean.

A hash over bytes would call a result stale when a docstring was reworded. Here a module counts as its syntax tree,
without what cannot change a result: comments, formatting, docstrings, and the texts that describe a setting.
"""

import ast
import contextlib
import hashlib
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from vad.artefacts.files import read_json, sha256, write_json
from vad.errors import ArtefactError

PROJECT = ("vad", "stages")
PARSED = Path(".params/state/parsed.json")
"""What the plan knows of modules, in a project folder: its jobs take it over, and parse only what changed since."""
WITHOUT_RESULTS = tuple(
    f"vad/{name}.py"
    for name in ("ledger/arithmetic", "ledger/code", "ledger/objects", "ledger/records", "ledger/staleness", "errors")
)
"""Decide if a job runs and what an error says, never what is written: a change there makes nothing stale."""
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
"""Stated beside each hash: the dump of a syntax tree depends on it."""
TEXTS = {"Field": {"description", "title"}, "add_argument": {"help"}, "add_parser": {"help"}}
"""Arguments of calls that only describe: of pydantic's `Field`, and of a command line's flags."""
_parsed: dict[str, list[Any]] = {}
"""By absolute path of a module: size and times when it was parsed, hash of its meaning, names that it imports."""


def code_files(*entries: Path, root: Path = Path()) -> list[Path]:
    """The given files and every module of this project that they import, directly or not.

    Plugins are found by name at run time, so no import statement leads to them: name their files as entries.
    """
    found: set[Path] = set()
    waiting = [Path(e) for e in entries]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imports(path, root)
    return sorted(found)


@cache
def _imports(path: Path, root: Path) -> list[Path]:
    """The project's modules that a file imports (also inside functions)."""
    modules = _module(root / path)[1]
    if modules is None:
        ast.parse((root / path).read_text(encoding="utf-8"))  # says where the mistake is
    candidates = [Path(*m.split(".")) for m in modules or [] if m.split(".")[0] in PROJECT]
    files = [file for c in candidates for file in (c.with_suffix(".py"), c / "__init__.py") if (root / file).is_file()]
    return [file for file in files if not file.as_posix().startswith(WITHOUT_RESULTS)]


def code_hash(files: Iterable[Path]) -> str:
    """One hash over the paths and the meaning of code files (see `meaning`)."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.as_posix()}\0{_module(path)[0]}\n".encode())
    return digest.hexdigest()


def _module(path: Path) -> tuple[str, list[str] | None]:
    """The hash of what a module means, and the names that it imports; a module that did not change is not parsed again.

    A file with a mistake counts as it is and has no list of imports: the check of params.yaml names it if an entry
    uses it.
    """
    stat, name = path.stat(), str(path.absolute())
    # The time of the last change of the inode cannot be set by a program: an edit that kept size and time is seen.
    state = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
    if (known := _parsed.get(name)) is None or known[0] != state:
        text = path.read_text(encoding="utf-8")
        try:
            text, imports = _read(text)
        except SyntaxError:
            imports = None
        known = _parsed[name] = [state, hashlib.sha256(text.encode()).hexdigest(), imports]
    return known[1], known[2]


def load_parsed(store: Path) -> None:
    """Take over what an earlier process knew of modules: parsing all of them takes a second."""
    try:
        kept = read_json(store) if store.is_file() else {}
        _parsed.update(kept["modules"] if kept.get("by") == _by() else {})
    except (ArtefactError, AttributeError, KeyError, TypeError, ValueError):
        return  # damaged: parsed again


def save_parsed(store: Path) -> None:
    """Keep what is known of modules for the next process."""
    value = {"by": _by(), "modules": _parsed}
    with contextlib.suppress(ArtefactError):  # damaged: written again
        if store.is_file() and read_json(store) == value:
            return
    write_json(store, value)


@cache
def _by() -> str:
    """What decides how a module is read: this file, and the release of Python."""
    return f"{PYTHON} {sha256(Path(__file__))}"


def meaning(source: str) -> str:
    """A module's syntax tree as text, without docstrings, comments, formatting and descriptions of settings."""
    return _read(source)[0]


def _read(source: str) -> tuple[str, list[str]]:
    """The meaning of a module, and every module that its import statements may mean, sorted."""
    reader = _WithoutTexts()
    tree = reader.visit(ast.parse(source))
    return ast.dump(tree), sorted(reader.imports)


class _WithoutTexts(ast.NodeTransformer):
    """Drops statements that are a string and nothing else (docstrings), and the arguments in `TEXTS`.

    Attributes:
        imports: names of modules that the visited import statements may mean.
    """

    def __init__(self) -> None:
        self.imports: set[str] = set()

    def visit_Import(self, node: ast.Import) -> ast.AST:
        self.imports |= {alias.name for alias in node.names}
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        if node.module:
            self.imports |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        node.keywords = [k for k in node.keywords if k.arg not in TEXTS.get(name, ())]
        return self.generic_visit(node)
