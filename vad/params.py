"""The one loader of params.yaml, for the Snakefile and for everything else.

Plugins (models, extractors, data sets) check their own settings. Importing them imports torch, which takes seconds and
hundreds of megabytes: the check (vad/params_check.py) therefore runs in a process of its own, and only when params.yaml
or the code of this package has changed since the last one. If params.yaml alone has changed, the files of plugins are
known to be right, and so are starts from trained weights that were there before: settings are read without torch.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import vad
from vad.artefacts.files import write_text
from vad.errors import ParamsError
from vad.ledger.code import code_hash
from vad.schema.params import Params

MAX_BYTES = 256 * 1024
PACKAGE = Path(vad.__file__).parent
RESOLVED = Path(".params/state/resolved.json")
"""What a run keeps of params.yaml once it is checked, in a project folder."""


def load(path: Path, cache: Path | None = None) -> Params:
    """Read, check and resolve params.yaml: schedules and the defaults of every plugin are filled in.

    Each new check prints a line on stderr if something in the file has no effect (rows of tables, unused schedules).

    Args:
        path: params.yaml.
        cache: file that keeps a checked result until params.yaml or the code of this package changes.

    Raises: ParamsError listing every problem: first those of the YAML itself, then all others.
    """
    text = _read(path)
    stamp = {"text": hashlib.sha256(text.encode()).hexdigest(), "code": code_hash(PACKAGE.rglob("*.py"))}
    kept = {} if cache is None else _kept(cache, stamp["code"])
    if kept.get("text") == stamp["text"]:
        return Params.model_validate(kept["params"])
    params, notices, known = _check(path.name, text, kept.get("known", []))
    for notice in notices:
        print(notice, file=sys.stderr)
    if cache is not None:
        # Not sorted: tables follow the order of params.yaml.
        # Modules of earlier checks stay; of starts only those of the file as it is now.
        known = sorted({*known, *(name for name in kept.get("known", []) if name.startswith("vad."))})
        write_text(cache, json.dumps({**stamp, "known": known, "params": params.model_dump(mode="json")}))
    return params


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: cannot be read ({error}). It must be a UTF-8 text file.") from error
    if len(raw) > MAX_BYTES:
        raise ParamsError(f"{path}: {len(raw)} bytes, at most {MAX_BYTES} are read. Remove what is not a setting.")
    return text


def _kept(cache: Path, code: str) -> dict[str, Any]:
    """The result of an earlier check by the same code; empty if there is none, or if it is damaged."""
    try:
        kept = json.loads(cache.read_text(encoding="utf-8"))
        Params.model_validate(kept["params"])
        return kept if kept["code"] == code and isinstance(kept["known"], list) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _check(name: str, text: str, known: Sequence[str]) -> tuple[Params, list[str], list[str]]:
    """The resolved params, the notices, and what a later check need not look at.

    From a process of its own unless this one has imported torch anyway.

    Args:
        name: the file's name.
        text: what it says.
        known: what an earlier check has found to be right.
    """
    if "torch" in sys.modules:
        from vad.params_check import check, known_to_be_right

        params, notices = check(name, text)
        return params, notices, known_to_be_right(params)
    answer = _ask(name, text, known)
    if "torch" in answer:
        answer = _ask(name, text, [])
    if "error" in answer:
        raise ParamsError(answer["error"])
    return Params.model_validate(answer["params"]), answer["notices"], answer["known"]


def _ask(name: str, text: str, known: Sequence[str]) -> dict[str, Any]:
    """The answer of vad/params_check.py as a program."""
    # -P and the path: the same code as in this process, whatever the current folder holds.
    path = os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "vad.params_check", name, *known],
        input=text,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    if done.returncode:
        raise ParamsError(
            f"{name}: the code that checks it failed. Repair what the last line names.\n{done.stderr.strip()}"
        )
    # Importing a plugin may print: the answer is the last line.
    return json.loads(done.stdout.splitlines()[-1])
