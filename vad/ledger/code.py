"""The code behind a job: its files, and one hash over what they mean.

A hash over bytes would call a result stale when a docstring was reworded. Here a module counts as its syntax tree,
without what cannot change a result: comments, formatting, docstrings, and the texts that describe a setting.
"""

import ast
import hashlib
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

PROJECT = ("vad", "stages")
WITHOUT_RESULTS = tuple(f"vad/{name}.py" for name in ("ledger/code", "ledger/records", "ledger/staleness", "errors"))
"""Decide if a job runs and what an error says, never what is written: a change there makes nothing stale."""
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
"""Stated beside each hash: the dump of a syntax tree depends on it."""
TEXTS = {"Field": {"description", "title"}, "add_argument": {"help"}, "add_parser": {"help"}}
"""Arguments of calls that only describe: of pydantic's `Field`, and of a command line's flags."""


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
    modules: set[str] = set()
    for node in ast.walk(ast.parse((root / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    candidates = [Path(*m.split(".")) for m in modules if m.split(".")[0] in PROJECT]
    files = [file for c in candidates for file in (c.with_suffix(".py"), c / "__init__.py") if (root / file).is_file()]
    return [file for file in files if not file.as_posix().startswith(WITHOUT_RESULTS)]


def code_hash(files: Iterable[Path]) -> str:
    """One hash over the paths and the meaning of code files (see `meaning`)."""
    digest = hashlib.sha256()
    for path in sorted(files):
        stat = path.stat()
        digest.update(f"{path.as_posix()}\0{_meaning_hash(path, stat.st_mtime_ns, stat.st_size)}\n".encode())
    return digest.hexdigest()


@cache
def _meaning_hash(path: Path, _mtime: int, _size: int) -> str:
    """The hash of one file; time and size are there so that an edited file is read again."""
    text = path.read_text(encoding="utf-8")
    # A file with a mistake counts as it is: the check of params.yaml names it if an entry uses it.
    with suppress(SyntaxError):
        text = meaning(text)
    return hashlib.sha256(text.encode()).hexdigest()


def meaning(source: str) -> str:
    """A module's syntax tree as text, without docstrings, comments, formatting and descriptions of settings."""
    return ast.dump(_WithoutTexts().visit(ast.parse(source)))


class _WithoutTexts(ast.NodeTransformer):
    """Drops statements that are a string and nothing else (docstrings), and the arguments in `TEXTS`."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        node.keywords = [k for k in node.keywords if k.arg not in TEXTS.get(name, ())]
        return self.generic_visit(node)
