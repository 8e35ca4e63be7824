"""Model cards, data cards and Croissant metadata say what is known, and tools can read them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.project import PARAMS, Plan
from vad.artefacts.files import read_json, sha256, write_json, write_text
from vad.cards import data, ledger, model
from vad.claims.ledger import LEDGER, Claim, read_ledger
from vad.evaluation.evaluate import METRICS
from vad.report.inputs import ReportInputs
from vad.report.tables import result_row

FACTS = {
    "labels": {"train": {"normal": 1, "anomalous": 1}, "test": {"normal": 1, "anomalous": 1}},
    "lists": {"Anomaly_Test.txt": {"official": None, "sha256": "abc", "what": "generated"}},
    "notes": ["drawn from seed 0"],
}
TRAIN = "video_id,path,class,label,part\nn1,n1.mp4,Normal,0,fit\na1,a1.mp4,Arson,1,validation\n"
TEST = (
    "video_id,path,class,label,intervals,interval_rule,unit,frame_labels,frame_level,n_frames\n"
    "a2,a2.mp4,Arson,1,1-52,one_based_inclusive,frame,,true,\nn2,n2.mp4,Normal,0,,one_based_inclusive,frame,,true,\n"
)


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """The folder of room split with one data set."""
    tables = tmp_path / "split" / "mini" / "tables"
    write_json(tables / "facts.json", FACTS)
    write_text(tables / "train.csv", TRAIN)
    write_text(tables / "test.csv", TEST)
    return tmp_path / "split"


def metadata_of(split: Path, tmp_path: Path) -> list[Path]:
    """The metadata of a generated data set and of the ledger of claims."""
    out = tmp_path / "reports" / "mini" / "data_card"
    data.write(data.Settings(dataset="mini", kind="mini_crime"), {"split": split}, out)
    claims = tmp_path / "reports" / "tables" / "claims_metadata.json"
    ledger.write(ledger.Settings(), {"claims": LEDGER}, claims)
    return [out.with_suffix(".json"), claims]


def cells(page: str) -> list[list[str]]:
    """The cells of all tables of a Markdown page, by line."""
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]


def test_a_data_card_counts_what_is_there(split: Path, tmp_path: Path) -> None:
    """Videos by part and class, the lists, what it is not for; its metadata names the tables with their sha256."""
    document = json.loads(metadata_of(split, tmp_path)[0].read_text())
    page = (tmp_path / "reports" / "mini" / "data_card.md").read_text()
    files = {one["@id"]: one for one in document["distribution"]}
    test = split / "mini" / "tables" / "test.csv"

    assert ["Arson", "1", "1"] in cells(page)
    assert ["train", "1", "1"] in cells(page)
    assert "- Drawn from seed 0." in page
    assert "No footage, no real person" in page
    assert "`Anomaly_Test.txt`: generated; sha256 `abc`" in page
    assert ("../../split/mini/tables/test.csv", sha256(test)) == tuple(
        files["test.csv"][name] for name in ("contentUrl", "sha256")
    )
    assert "../../split/mini/raw/Videos/**/*.mp4" == files["media-1"]["includes"]
    assert "drawn by a program" in document["rai:personalSensitiveInformation"]


def test_the_metadata_has_every_column(split: Path, tmp_path: Path) -> None:
    """The ledger's columns are those of a claim; those of the split tables are in the files."""
    dataset, claims = (json.loads(path.read_text()) for path in metadata_of(split, tmp_path))
    columns = {
        records["@id"]: [field["source"]["extract"]["column"] for field in records["field"]]
        for records in (*dataset["recordSet"], *claims["recordSet"])
    }

    assert list(Claim.model_fields) == columns["claims"]
    assert TRAIN.splitlines()[0].split(",") == columns["train"]
    assert set(columns["test"]) < set(TEST.splitlines()[0].split(","))


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_mlcroissant_reads_the_metadata(split: Path, tmp_path: Path) -> None:
    """The format's own library finds no error, and reads every row of each table.

    It warns of one thing: what is generated anew on each machine has no day on which it was published.
    """
    mlcroissant = pytest.importorskip("mlcroissant")
    dataset, claims = (mlcroissant.Dataset(jsonld=path) for path in metadata_of(split, tmp_path))

    for found in (dataset, claims):
        assert set() == found.metadata.ctx.issues.errors
        assert ["datePublished" in text for text in found.metadata.ctx.issues.warnings] == [True]
    assert [b"a2", b"n2"] == [row["test/video_id"] for row in dataset.records("test")]
    assert len(read_ledger()) == len(list(claims.records("claims")))


def row(**changes: Any) -> dict[str, Any]:
    """A row of results.csv."""
    head = {"variant": "v", "level": "frame", "model": "rtfm", "features": "f", "extractor_weights": "kinetics ab"}
    head |= {"supervision": "weak", "selection": "last", "threshold_rule": "youden on validation", "subset": "all"}
    head |= {"ground_truth": "canonical", "n_train": 2, "n_validation": 1, "n_videos": 40, "n_anomalous": 20}
    values = {name: {"value": 0.25, "low": 0.125, "high": 0.5} for name in METRICS}
    values["frame_ap"] = {"value": None, "low": None, "high": None}
    return {**result_row(head, [values]), "arithmetic": "portable", "provenance": "abc", **changes}


def card(tmp_path: Path, split: Path, cost: dict[str, Any] | None, kind: str = "mini_crime", **changes: Any) -> str:
    """The model card of one variant with one seed."""
    write_json(tmp_path / "train/v/seed0/config.json", {"epoch": 7, "seed": 0})
    write_json(tmp_path / "evaluate/v/seed0/metrics.json", {"protocol": {"threshold": {"value": 0.5}}})
    paths = {"split": split, "train": tmp_path / "train", "evaluate": tmp_path / "evaluate"}
    settings = model.Settings(dataset="mini", kind=kind, variants=[], seeds=[0], extractors={"f": ["i3d", "frames"]})
    return model.model_card(ReportInputs(paths, {}, [0]), settings, row(**changes), cost, "no measurement")


def test_a_model_card_says_what_is_known(split: Path, tmp_path: Path) -> None:
    """Metrics with intervals, seconds flagged in an hour, cost with the load of the machine, licences, misuse."""
    cost = {"params": 1000, "extractor_params": 500, "macs_per_frame": 2.0e6, "end_to_end_fps": 30.0}
    page = card(tmp_path, split, cost | {"measured_on": "here", "cpu_share": 0.5})

    assert ["frame_auc", "0.250 [0.125, 0.500]", "higher"] in cells(page)
    assert ["far_at_threshold", "0.250 [0.125, 0.500]", "lower"] in cells(page)
    assert "Undefined here: frame_ap." in page
    assert "25.0% of the frames of normal test videos: 900 seconds of each hour" in page
    assert "Threshold: youden on validation: 0.5 (seed 0)." in page
    assert "Epoch: 7 (seed 0), chosen by last." in page
    assert "1,000 parameters; with the extractor 1,500." in page
    assert "in 50% of the time; other programs took the rest: the speed is too low." in page
    assert "`i3d`: Apache-2.0 for `network: inception`; none stated for `network: resnet50`." in page
    assert "Data: MIT" in page
    assert "say nothing about real videos" in page
    assert "an alarm is a reason to look, and no evidence" in page


def test_a_model_card_of_real_data(split: Path, tmp_path: Path) -> None:
    """No licence is invented, no cost either; random weights are no result."""
    page = card(tmp_path, split, None, "ucf_crime", extractor_weights="random (seed 4)", far_at_threshold=None)

    assert "Not measured: no measurement." in page
    assert "the people in them were not asked" in page
    assert "random numbers, no licence" in page
    assert "It is no result." in page
    assert "drawn by a program" not in page
    assert "seconds of each hour" not in page


def test_own_videos_have_no_page_of_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No claim is about a user's own videos; with another data set beside them the page has that one's rows alone."""
    monkeypatch.chdir(tmp_path)
    write_text(tmp_path / "params.yaml", PARAMS)
    both = {part.key: part for part in Plan.read(Path("params.yaml")).reports.parts()}
    monkeypatch.setattr("stages.plan.report.OWN_VIDEOS", "mini_crime")
    own = {part.key: part for part in Plan.read(Path("params.yaml")).reports.parts()}

    assert {"claims", "claims_metadata"} == set(both) - set(own)
    assert "claims.md" in both["overview"].settings["beside"]
    assert "claims.md" not in own["overview"].settings["beside"]
    assert both["overview"].settings["variants"] == both["claims"].settings["variants"]
    model.Settings.model_validate(read_json_of(both["cards.mini_crime"].settings))
    assert "reports/mini_crime/data_card.json" in both["data_card.mini_crime"].files


def read_json_of(settings: Any) -> Any:
    """Settings as they come back from a file."""
    write_json(Path("settings.json"), settings)
    return read_json(Path("settings.json"))
