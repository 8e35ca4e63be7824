"""What `dvc plots` draws: a line for each seed, never one line through the points of all seeds."""

import json
import re
from pathlib import Path

import pytest

from tests.project import Project

LINES = {"roc": "fpr,tpr,seed", "pr": "recall,precision,seed", "training": "epoch,train_loss,seed"}


def write_curves(project: Project, y: float) -> None:
    """Plot data of one variant with two seeds, as room report writes them."""
    for name, header in LINES.items():
        rows = [f"{x},{y + seed},{seed}\n" for seed in (0, 1) for x in (0, 1)]
        project.write(f"data/report/plots/{name}/mil.csv", f"{header}\n{''.join(rows)}")


def specs(project: Project, *command: str) -> list[dict]:
    """The Vega-Lite specifications that DVC writes for the lines."""
    project.run("dvc", "plots", *command, "-o", "shown")
    page = (project.folder / "shown/index.html").read_text()
    found = [json.loads(text) for text in re.findall(r"var spec = (\{.*?\});\n", page, re.DOTALL)]
    return [spec for spec in found if "line" in str(spec.get("mark"))]


@pytest.mark.pipeline
def test_each_seed_is_a_line_of_its_own(tmp_path: Path) -> None:
    """Also beside those of another commit, which have another colour."""
    project = Project.new(tmp_path / "project")
    for name in LINES:
        (project.folder / "data/report/plots" / name).mkdir(parents=True)
    write_curves(project, 0.0)
    for command in (
        "init -q",
        "config user.email test@example.org",
        "config user.name test",
        "add -A",
        "add -f data/report",
        "commit -qm a",
    ):
        project.run("git", *command.split())
    shown = specs(project, "show")
    write_curves(project, 0.5)
    differing = specs(project, "diff", "HEAD")

    assert [3, 3] == [len(shown), len(differing)]
    for spec in (*shown, *differing):
        assert "seed" == spec["encoding"]["detail"]["field"]
        assert {"0", "1"} == {row["seed"] for row in spec["data"]["values"]}
    for spec in differing:
        assert "rev" == spec["encoding"]["color"]["field"]
        assert {"HEAD", "workspace"} == {row["rev"] for row in spec["data"]["values"]}
