"""The code behind a job: its files, and one hash over them."""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from vad.artefacts.files import sha256

PROJECT = ("vad", "stages")


def code_files(*entries: Path, root: Path = Path()) -> list[Path]:
    """A room's own code: the given files and every module of this project that they import, directly or not.

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
    return [f for c in candidates for f in (c.with_suffix(".py"), c / "__init__.py") if (root / f).is_file()]


def code_hash(files: Iterable[Path]) -> str:
    """One hash over paths and contents of code files."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.as_posix()}\0{_text_hash(path, path.stat().st_mtime_ns)}\n".encode())
    return digest.hexdigest()


@cache
def _text_hash(path: Path, _mtime: int) -> str:
    return sha256(path)
