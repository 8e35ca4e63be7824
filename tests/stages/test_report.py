"""What room report makes of which files, and what a job does when one of its parts fails."""

import json
from pathlib import Path
from typing import Any

import pytest

from stages.plan import paths
from stages.report.run import main
from tests.project import PARAMS, Plan
from vad.alarms import label_shift
from vad.alarms import write as alarms
from vad.errors import ParamsError, VadError
from vad.ledger.records import Job
from vad.published import write as published
from vad.report import classes, selection_gap

TWO_SETS = PARAMS.replace("datasets:\n", "datasets:\n  other: {kind: mini_crime}\n").replace(
    "  mil_ucf:\n    dataset: ucf_crime", "  mil_ucf:\n    dataset: other"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plan(folder: Path, params: str) -> Plan:
    """What the Snakefile knows of a params.yaml."""
    (folder / "params.yaml").write_text(params)
    return Plan.read(folder / "params.yaml")


def test_a_report_reads_and_writes_files_of_its_data_set_alone(folder: Path) -> None:
    """No data set reads or writes what is another's; `report_<data set>` asks for every part of its report."""
    reports = plan(folder, TWO_SETS).reports
    bundles = {bundle.name: bundle for bundle in reports.bundles()}
    ((room, targets),) = reports.targets()
    mine = [bundles[f"{kind}.mini_crime"] for kind in ("costs", "insides", "tables")]
    other = [bundles[f"{kind}.other"] for kind in ("costs", "insides", "tables")]
    read = {path for bundle in mine for part in bundle.parts for path in part.reads.files + part.reads.folders}
    theirs = {path for bundle in other for part in bundle.parts for path in (*part.reads.files, *part.files)}
    written = [path for bundle in bundles.values() for path in (*bundle.files, *bundle.records)]

    assert "report" == room
    assert [record for bundle in mine for record in bundle.records] == targets["mini_crime"]
    assert [] == targets["ucf_crime"]
    shared = {path for path in read & theirs if not path.startswith("vad/pages/assets/")}
    assert {"reports/efficiency/references.json"} == shared
    assert len(set(written)) == len(written)
    assert set(reports.records()) <= set(written)


def test_every_input_of_a_part_is_made_before_it(folder: Path) -> None:
    """What a job watches is made by other rooms or by other jobs of this one: never by itself."""
    reports = plan(folder, TWO_SETS).reports
    made = {path: bundle.name for bundle in reports.bundles() for path in (*bundle.files, *bundle.records)}
    for bundle in reports.bundles():
        assert bundle.name not in {made.get(path) for path in bundle.watched}
    needs = {b.name: {made[path] for path in b.watched if path in made} for b in reports.bundles()}

    assert {"costs.references", "costs.mini_crime", "insides.mini_crime"} == needs["tables.mini_crime"]
    assert {"costs.video_networks"} == needs["overview"]
    assert set() == needs["alarms"]
    assert set() == needs["costs.other"]


def test_a_part_is_given_what_its_module_takes(folder: Path) -> None:
    """Every slice fits the settings of the module that makes the part, and its code begins with that module."""
    reports = plan(folder, TWO_SETS.replace("{dpi: 50}", "{published: {memtsm_1: [ae], memtsm_2: [mil]}}")).reports
    found = {part.key: part for part in reports.parts()}
    code = reports.code()

    for key, module in (
        ("classes.other", classes),
        ("selection_gap.other", selection_gap),
        ("table.memtsm_1", published),
        ("alarms", alarms),
        ("label_shift", label_shift),
    ):
        module.Settings.model_validate_json(json.dumps(found[key].settings))
    assert [Path("stages/report/run.py"), Path("vad/report/tsne.py"), Path("vad/models/c3d_mil.py")] == code[
        "tsne.c3d_mil"
    ]
    assert Path("vad/cost/write.py") in code["head.c3d_mil"]
    assert all(Path(__file__).parents[2].joinpath(file).is_file() for files in code.values() for file in files)
    assert {"mil_ucf"} == {entry["name"] for entry in found["results.other"].settings["variants"]}
    assert [] == found["table.memtsm_1"].settings["seeds"]
    assert "data/split/mini_crime/tables/train.csv" in found["table.memtsm_1"].reads.files


@pytest.mark.parametrize("name", ["tables", "published", "efficiency", "site"])
def test_names_of_shared_folders_are_refused(folder: Path, name: str) -> None:
    """A data set of that name would write into the tables of all data sets."""
    with pytest.raises(ParamsError, match=f"datasets.{name}: reports/{name} holds tables of all data sets"):
        plan(
            folder,
            PARAMS.replace("mini_crime:\n    kind", f"{name}:\n    kind").replace(
                "dataset: mini_crime", f"dataset: {name}"
            ),
        )


def listed(folder: Path, name: str, **changes: Any) -> dict[str, Any]:
    """A part that shows an empty selection gap, as the plan lists it."""
    section = folder / paths.slice_of("report", name)
    section.parent.mkdir(parents=True, exist_ok=True)
    section.write_text(json.dumps({"dataset": name, "variants": [], "seeds": [0]}))
    (folder / "code.json").write_text(json.dumps({"files": []}))
    out = f"reports/{name}/selection_gap"
    part = {"job": "report.selection_gap", "section": section.relative_to(folder).as_posix(), "code": "code.json"}
    part |= {"out": out, "also": [f"{out}.csv", f"{out}.md"], "inputs": [], "folders": [], "shapes": [], "paths": {}}
    return part | changes


def made_or_kept(folder: Path, parts: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What a job says when it makes parts."""
    (folder / "parts.json").write_text(json.dumps(parts))
    main(["--parts", "parts.json"])
    return capsys.readouterr().out.splitlines()


def test_a_part_is_made_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each part has a record of its own: a lost file makes that part again, and no other."""
    parts = [listed(folder, "one"), listed(folder, "two")]
    first = made_or_kept(folder, parts, capsys)
    (folder / "reports/two/selection_gap.md").unlink()

    assert ["made reports/one/selection_gap", "made reports/two/selection_gap"] == first
    assert ["kept reports/one/selection_gap", "made reports/two/selection_gap"] == made_or_kept(folder, parts, capsys)


def test_a_part_that_fails_does_not_stop_the_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All failures in one message; what was made anew survives that Snakemake puts the earlier version back."""
    good, bad = listed(folder, "good"), listed(folder, "bad", inputs=["missing.json"])
    made_or_kept(folder, [good], capsys)
    page = folder / "reports/good/selection_gap.md"
    earlier = {path: path.read_bytes() for path in page.parent.parent.rglob("*") if path.is_file()}
    page.write_text("damaged")
    with pytest.raises(VadError, match=r"1 problem\(s\):\n  - reports/bad/selection_gap: missing.json: missing"):
        made_or_kept(folder, [bad, good], capsys)
    hidden = not page.exists()
    for path, content in earlier.items():
        path.write_bytes(content)
    page.write_text("an earlier version")

    assert hidden
    assert ["kept reports/good/selection_gap"] == made_or_kept(folder, [good], capsys)[-1:]
    assert page.read_text().startswith("# Selection gap on good")
    assert [] == list(page.parent.glob(".*"))


def test_the_same_failure_is_said_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the number of its parts and the first names; no other part is called done where there is none."""
    bad = [listed(folder, f"bad{number}", inputs=["missing.json"]) for number in range(5)]
    with pytest.raises(VadError) as all_failed:
        made_or_kept(folder, bad, capsys)
    with pytest.raises(VadError, match="The other parts of this job are done"):
        made_or_kept(folder, [listed(folder, "good"), bad[0]], capsys)
    names = ", ".join(f"reports/bad{number}/selection_gap" for number in range(3))

    assert f"1 problem(s):\n  - 5 times ({names} and 2 more): missing.json: missing" in str(all_failed.value)
    assert "are done" not in str(all_failed.value)


def test_a_folder_is_set_aside_with_its_files(folder: Path) -> None:
    """Snakemake finds none of the files, puts earlier ones there, and the finished ones come back over them."""
    for name in ("slice.json", "data/maps/points.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text('{"new": 1}')
    job = Job("report", Path("data/maps"), Path("slice.json"), [], [])
    job.finish()
    job.set_aside()
    hidden = not Path("data/maps/points.csv").exists() and not Path("data/maps.prov.json").exists()
    Path("data/maps/points.csv").write_text("earlier")
    job.take_back()

    assert hidden
    assert '{"new": 1}' == Path("data/maps/points.csv").read_text()
    assert job.intact()
