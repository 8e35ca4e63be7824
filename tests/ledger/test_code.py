"""The hash of code is over what it means: words and layout change nothing, everything else does."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.project import ROOT
from vad.ledger.code import code_files, code_hash, meaning

MODULE = '''"""Header."""
from pydantic import Field

LIMIT = 3
"""What it is for."""


class Config(Section):
    """Settings."""

    width: int = Field(4, ge=1, description="channels", title="Width")


def double(x: int) -> int:
    """Twice."""
    return x * 2  # a comment


flags.add_argument("--out", type=Path, help="where to write")
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Header."""', '"""Another\n\nheader."""'),
        ('"""What it is for."""\n', ""),
        ('    """Twice."""\n', ""),
        ("  # a comment", ""),
        ("return x * 2", "return (\n        x\n        * 2\n    )"),
        ('description="channels"', 'description="number of channels"'),
        (', title="Width"', ""),
        ('help="where to write"', 'help="the file to write"'),
        ("LIMIT = 3", "# why\nLIMIT = 3"),
    ],
)
def test_words_and_layout_change_nothing(old: str, new: str) -> None:
    """Docstrings, comments, formatting, descriptions of settings and of flags."""
    assert MODULE.count(old) == 1
    assert meaning(MODULE) == meaning(MODULE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("ge=1", "ge=2"),
        ("Field(4,", "Field(8,"),
        ("x * 2", "x * 3"),
        ("x: int)", "x: float)"),
        ('"--out"', '"--to"'),
        ("def double", "def twice"),
    ],
)
def test_everything_else_changes_the_hash(old: str, new: str) -> None:
    """Constants, ranges, defaults, arithmetic, types, names."""
    assert MODULE.count(old) == 1
    assert meaning(MODULE) != meaning(MODULE.replace(old, new))


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters='"\\\r\0'), max_size=40))
def test_any_comment_and_any_docstring_is_left_out(words: str) -> None:
    """Whatever is written there."""
    comment = "".join(f"# {line}\n" for line in words.splitlines())
    text = MODULE.replace("LIMIT", f"{comment}LIMIT").replace('"""Twice."""', f'"""{words}\n    """')

    assert meaning(MODULE) == meaning(text)


def test_the_path_counts_and_the_order_does_not(tmp_path: Path) -> None:
    """The same module under another name is other code; files may be listed in any order."""
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(MODULE)
    a, b = tmp_path / "a.py", tmp_path / "b.py"

    assert code_hash([a]) != code_hash([b])
    assert code_hash([a, b]) == code_hash([b, a])


def closure(*entries: str) -> set[str]:
    """The code files behind a job of this project."""
    return {path.as_posix() for path in code_files(*map(Path, entries), root=ROOT)}


def test_early_rooms_do_not_depend_on_late_ones() -> None:
    """A change of report, published tables or metrics is in no closure of split, features, train and infer."""
    jobs = {
        "split": ("stages/split/run.py", "vad/datasets/ucf_crime.py"),
        "features": ("stages/features/run.py", "vad/extractors/xfeat.py"),
        "train": ("stages/train/run.py", "vad/models/mstsm.py"),
        "infer": ("stages/infer/run.py", "vad/models/mstsm.py"),
    }
    late = ("vad/schema/report", "vad/schema/params", "vad/report/", "vad/published/", "vad/claims/", "vad/cost/")
    found = {room: [f for f in closure(*entries) if f.startswith(late)] for room, entries in jobs.items()}
    no_scores = [
        f for room in ("split", "features", "train") for f in closure(*jobs[room]) if f == "vad/artefacts/scores.py"
    ]

    assert found == {room: [] for room in jobs}
    assert no_scores == []


def test_packages_hold_no_code() -> None:
    """Code in an `__init__.py` would run without being in any closure; Snakemake's own plugin is run by no job."""
    found = [path for top in ("vad", "stages") for path in (ROOT / top).rglob("__init__.py")]
    files = [path for path in found if ROOT / "stages/terminal" not in path.parents]
    bodies = {path: ast.parse(path.read_text()).body for path in files}

    assert len(files) > 10
    assert [path for path, body in bodies.items() if not all(isinstance(node, ast.Expr) for node in body)] == []
