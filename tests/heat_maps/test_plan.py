"""What the plan of a run says of score maps: figures, tables, and the claim that is judged by them."""

from pathlib import Path

import pytest

from tests.predictions.test_plan import PREDICTING, WALK
from tests.project import PARAMS, Plan

TABLES = ("localisation.csv", "localisation.md", "localisation_differences.csv")


def plan(folder: Path, maps: bool) -> Plan:
    """Two data sets; the first variant of `walk` stores maps or not."""
    predicting = PREDICTING.replace("infer: {}", f"infer: {{maps: {str(maps).lower()}}}", 1)
    text = PARAMS.replace("features:\n", WALK, 1).replace("variants:\n", predicting, 1)
    text = text.replace("report: {dpi: 50}", "report: {dpi: 50, published: {gated_mnad: [recon]}}")
    (folder / "params.yaml").write_text(text)
    return Plan.read(Path("params.yaml"))


def test_maps_are_shown_where_they_are_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure of the variant, a table of its data set and of all; the claim of gates reads the differences."""
    monkeypatch.chdir(tmp_path)
    parts = {part.key: part for part in plan(tmp_path, True).reports.parts()}
    figure, truth = parts["heat_maps.recon"], "data/split/walk/tables/truth"

    assert ["heat_maps.recon"] == [key for key in parts if key.startswith("heat_maps.")]
    assert ("data/report/figures/recon_heat_maps.png",) == figure.files
    assert ("data/infer/recon/seed0.maps", truth) == (figure.paths["maps"], figure.paths["truth"])
    assert {"data/infer/recon/seed0.maps", truth} == set(figure.reads.folders)
    assert {"data/infer/recon/seed0.npz.prov.json", "data/evaluate/recon/seed0.prov.json"} <= set(figure.reads.watched)
    for key, folder in (("localisation", "reports/tables"), ("localisation.walk", "reports/walk")):
        assert tuple(f"{folder}/{name}" for name in TABLES) == parts[key].files
        assert ["recon"] == [entry["name"] for entry in parts[key].settings["variants"]]
    assert "../../data/report/figures/recon_heat_maps.png" in parts["index.walk"].settings["figures"]["recon"]
    assert (True, False) == tuple(parts[f"index.{name}"].settings["localisation"] for name in ("walk", "mini_crime"))
    for key in ("claims", "table.gated_mnad"):
        assert "reports/tables/localisation" == parts[key].paths["localisation"]
        assert "reports/tables/localisation_differences.csv" in parts[key].reads.files
    assert "localisation.md" in parts["overview"].settings["beside"]


def test_without_maps_nothing_is_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No figure, no table, and the claim is not measured."""
    monkeypatch.chdir(tmp_path)
    parts = {part.key: part for part in plan(tmp_path, False).reports.parts()}

    assert not [key for key in parts if key.startswith(("heat_maps.", "localisation"))]
    assert "localisation" not in parts["claims"].paths
    assert "localisation.md" not in parts["overview"].settings["beside"]
