"""How far a change reaches: what is made again, and which DVC stages start, counted by what really ran."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.project import Project

pytestmark = pytest.mark.pipeline
NEW_VARIANT = """\
variants:
  ae_wide:
    dataset: mini_crime
    features: xfeat
    model: lstm_memory_ae
    model_args: {window: 2, stride: 1, hidden_width: 9, latent_width: 4, memory_slots: 3}
    train: {optimiser: adam, lr: 0.001, epochs: 2, batch: 8, select_by: validation_loss}
    infer: {video_score: max}
"""
TABLES = "reports/mini_crime/", "reports/tables/", "reports/published/", "reports/site/"


class Row(NamedTuple):
    """A change, what it must make again, and what else it may (beginnings of paths)."""

    change: Callable[[Project], None]
    must: tuple[str, ...]
    may: tuple[str, ...]
    stages: str
    """A pattern of the DVC stages that may start behind `plan`."""


def reword(project: Project) -> None:
    """Reword every docstring and description of a setting, and add blank lines and a comment to every module."""
    for path in [*(project.folder / "vad").rglob("*.py"), *(project.folder / "stages").rglob("*.py")]:
        text = path.read_text()
        text = text.replace('"""\n\n', '"""\n\n\n', 1).replace('description="', 'description="Reworded: ')
        text = re.sub(r'^( *)"""(?=\w)', r'\1"""Reworded: ', text, flags=re.MULTILINE)
        path.write_text(f"{text}\n# A comment.\n")


def line_in(module: str) -> Callable[[Project], None]:
    """One more constant in a module."""
    return lambda project: project.write(module, f"{(project.folder / module).read_text()}\n\nCHANGED = 1\n")


def edit(old: str, new: str) -> Callable[[Project], None]:
    """Another text in params.yaml."""
    return lambda project: project.edit("params.yaml", old, new)


ROWS = {
    "words": Row(reword, (), (), ""),
    "a metric": Row(
        line_in("vad/evaluation/metrics.py"),
        ("data/evaluate/ae/seed0", "data/evaluate/mil/seed0", "reports/mini_crime/results"),
        ("data/report/", *TABLES),
        r"evaluate@\w+|report",
    ),
    "a model": Row(
        line_in("vad/models/c3d_mil.py"),
        ("data/train/mil/seed0", "data/infer/mil/seed0.npz"),
        (
            "data/evaluate/mil/",
            "data/report/tsne/mil",
            "data/report/figures/mil",
            "reports/efficiency/head.mil",
            "reports/efficiency/edge_head.mil",
            *TABLES,
        ),
        r"(train|infer|evaluate)@mil(_ucf)?|report",
    ),
    "a page": Row(
        line_in("vad/report/significance.py"), ("reports/mini_crime/significance",), ("reports/site/",), "report"
    ),
    "an extractor": Row(
        line_in("vad/extractors/xfeat.py"),
        ("data/features/xfeat/mini_crime/",),
        (
            "reports/efficiency/extractor.xfeat.mini_crime",
            "reports/efficiency/edge_extractor.xfeat.mini_crime",
            "reports/efficiency/video_networks",
            "data/",
            *TABLES,
        ),
        r"features@xfeat|(train|infer|evaluate)@\w+|report",
    ),
    "a new variant": Row(
        edit("variants:\n", NEW_VARIANT),
        ("data/train/ae_wide/seed0", "data/infer/ae_wide/seed0.npz", "data/evaluate/ae_wide/seed0"),
        (
            "data/report/tsne/ae_wide",
            "data/report/figures/ae_wide",
            "reports/efficiency/head.ae_wide",
            "reports/efficiency/edge_head.ae_wide",
            *TABLES,
        ),
        r"(train|infer|evaluate)@ae_wide|report",
    ),
    "a published table": Row(
        edit("memtsm_2: [mil, mil_ucf]", "memtsm_2: [mil, mil_ucf], memtsm_1: [ae]"),
        ("reports/published/memtsm_1",),
        ("reports/site/",),
        "report",
    ),
}
TOGETHER = ("words",), ("a metric",), ("a model", "a published table"), ("a page", "a new variant")
"""Changes that share a run because they reach different files: each run takes seconds before any job starts."""


def wrong(row: Row, made: list[str]) -> list[str]:
    """What was made that may not be, and what was not made that must be."""
    lost = [f"not made: {path}" for path in row.must if not any(one.startswith(path) for one in made)]
    return lost + [f"made: {one}" for one in made if not one.startswith((*row.must, *row.may))]


def together(names: tuple[str, ...]) -> Row:
    """Several changes as one."""
    rows = [ROWS[name] for name in names]

    def change(project: Project) -> None:
        for row in rows:
            row.change(project)

    must, may = (tuple(path for row in rows for path in row[place]) for place in (1, 2))
    return Row(change, must, may, "|".join(row.stages for row in rows))


def test_what_a_change_makes_again(versioned: Project, tmp_path: Path) -> None:
    """Each row of the table in docs/decisions, through Snakemake; then `dvc repro`, for which everything is made.

    DVC starts nothing behind `plan` that has nothing to do with the change.
    """
    project = versioned.copy(tmp_path / "project")
    found = {}
    for names in TOGETHER:
        row = together(names)
        row.change(project)
        found[names] = wrong(row, project.snakemake())
        made, started = project.repro_with_stages()
        behind = [stage for stage in started if stage != "plan" and not re.fullmatch(row.stages, stage)]
        found[names] += [*(f"made by dvc: {path}" for path in made), *(f"started: {stage}" for stage in behind)]

    assert {names: problems for names, problems in found.items() if problems} == {}
    assert ([], []) == project.repro_with_stages()

    row = ROWS["an extractor"]
    row.change(project)

    assert [] == wrong(row, project.snakemake())


@pytest.mark.parametrize("change", ["a page", "a metric"])
def test_what_dvc_makes_again(change: str, versioned: Project, tmp_path: Path) -> None:
    """`dvc repro` alone: what Snakemake would make, by the stages that the change reaches."""
    project, row = versioned.copy(tmp_path / "project"), ROWS[change]
    row.change(project)
    made, started = project.repro_with_stages()

    assert [] == wrong(row, made)
    assert ["plan", "report"] == [started[0], started[-1]]
    assert [] == [stage for stage in started[1:] if not re.fullmatch(row.stages, stage)]
