"""Copies with changed pictures, through the rooms: who has them, who reads them, and what a changed setting reaches."""

import csv
from pathlib import Path

import numpy as np
import pytest

from stages.features.run import main as extract
from stages.infer.run import main as infer
from stages.plan import paths, slices
from stages.split.run import main as split
from stages.train.run import main as train
from tests.project import PARAMS, Plan, Project
from vad.artefacts.features import read_features
from vad.artefacts.files import read_json
from vad.artefacts.scores import read_scores

COPIES = "augment: {copies: 2, brightness: 0.4, hue: 0.1, crop: 0.7, flip: 0.5}"
WITH_COPIES = PARAMS.replace(
    "  xfeat: {extractor: xfeat, size: 64}\n",
    f"  xfeat: {{extractor: xfeat, size: 32, device: cpu}}\n"
    f"  jittered: {{extractor: xfeat, size: 32, device: cpu, {COPIES}}}\n",
)
SMALL = "train_videos: 8\n    test_videos: 4\n    seconds_min: 1.0\n    seconds_max: 2.0\n"


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A project whose weakly supervised variant reads features with copies; nothing is made yet."""
    params = WITH_COPIES.replace("features: xfeat\n    model: c3d_mil", "features: jittered\n    model: c3d_mil", 1)
    params = params.replace(SMALL, "train_videos: 8\n    test_videos: 4\n    seconds_min: 1.0\n    seconds_max: 1.0\n")
    monkeypatch.chdir(Project.new(tmp_path / "project", params).folder)
    return Plan.read(Path("params.yaml"))


def planned(old: str, new: str) -> Plan:
    """The plan after a changed setting, with its slices written."""
    text = Path("params.yaml").read_text()
    assert old in text
    Path("params.yaml").write_text(text.replace(old, new))
    plan = Plan.read(Path("params.yaml"))
    slices.write(*plan)
    return plan


def parts(plan: Plan) -> dict[str, str]:
    """Video id -> fit, validation or test, as the split tables say."""
    raw, tables = paths.raw("mini_crime"), paths.tables("mini_crime")
    given = [
        "--section",
        paths.slice_of("split", "mini_crime"),
        "--code",
        paths.code_of("split", "mini_crime"),
    ]
    split(["raw", *given, "--out", str(raw)])
    lists = map(str, plan.installed.dataset("mini_crime").lists())
    split(["tables", *given, "--home", str(raw), "--lists", *lists, "--out", str(tables)])
    with (tables / "train.csv").open() as train_list, (tables / "test.csv").open() as test_list:
        found = {row["video_id"]: row["part"] for row in csv.DictReader(train_list)}
        return found | {row["video_id"]: "test" for row in csv.DictReader(test_list)}


def extracted(plan: Plan, *features: str) -> dict[str, bytes]:
    """Run the feature jobs of some entries; the bytes of every feature file, by path."""
    for batch in plan.jobs.batches():
        if batch.features in features:
            section, code = paths.slice_of("features", batch.section), paths.code_of("features", batch.features)
            out = str(paths.feature_folder(batch.features, batch.dataset))
            listed = paths.list_of("features", batch.key)
            extract(["--section", section, "--code", code, "--batch", listed, "--out", out])
    return {path.as_posix(): path.read_bytes() for path in Path("data/features").rglob("*.npz")}


def trained(plan: Plan, out: str) -> bytes:
    """Train seed 0 of the weakly supervised variant; its weights."""
    given = ["--section", paths.slice_of("train", "mil"), "--code", plan.jobs.code("train", "mil")]
    data = ["--videos", f"{plan.jobs.tables('mil')}/train.csv", "--features", plan.jobs.feature_folder("mil")]
    train([*given, *data, "--seeds", "0", "--out", out])
    return Path(out, "seed0/weights.safetensors").read_bytes()


def test_copies_from_params_to_scores(plan: Plan) -> None:
    """Fit videos alone have copies; training draws from them, repeatably; scores come from the plain files alone."""
    slices.write(*plan)
    part = parts(plan)
    made = extracted(plan, "xfeat", "jittered")
    folder = paths.feature_folder("jittered", "mini_crime")
    copies = {f"{folder}/{video}.copy{n}.npz" for video, of in part.items() if of == "fit" for n in (1, 2)}
    plain = {f"{folder}/{video}.npz" for video in part}

    assert copies == set(plan.jobs.copy_files("mil"))
    assert {path for path in made if path.startswith(f"{folder}/")} == plain | copies
    assert {made[path] for path in plain} == {made[path.replace("/jittered/", "/xfeat/")] for path in plain}
    for path in copies:
        copy, video = read_features(Path(path)), read_features(Path(path.partition(".copy")[0] + ".npz"))
        assert copy.features.shape == video.features.shape
        assert np.array_equal(copy.bounds, video.bounds)
        assert not np.array_equal(copy.features, video.features)
        assert copy.report["augment"]["copy"] == int(path.split(".copy")[1][0])
        assert copy.report["extractor"] == video.report["extractor"]

    asked = slices.wanted(*plan)
    sections = {path: read_json(Path(f"{path}.prov.json"))["section"] for path in plain | copies}
    assert {path: asked[path].section for path in sections} == {p: s["content"] for p, s in sections.items()}

    first, again = trained(plan, "data/train/mil"), trained(plan, "again")
    record = read_json(Path("data/train/mil/seed0.prov.json"))
    assert first == again
    assert record["section"]["content"]["copies"] == 2
    assert {path for path in record["inputs"] if ".copy" in path} == copies

    given = ["--section", paths.slice_of("infer", "mil"), "--code", plan.jobs.code("infer", "mil")]
    tables = ["--train", f"{plan.jobs.tables('mil')}/train.csv", "--test", f"{plan.jobs.tables('mil')}/test.csv"]
    out = ["--features", str(folder), "--out", "data/infer/mil"]
    infer([*given, "--runs", "data/train/mil/seed0", *tables, *out])
    read = read_json(Path("data/infer/mil/seed0.npz.prov.json"))["inputs"]
    found = read_scores(Path("data/infer/mil/seed0.npz"))
    scored = set(found.videos)
    assert found.protocol["copies"] == 2  # a column of the results
    assert scored == {video for video, of in part.items() if of != "fit"}
    assert [path for path in read if ".copy" in path] == []

    without = planned("features: jittered", "features: xfeat")
    assert trained(without, "plain") != first
    assert without.jobs.copy_files("mil") == []


def test_what_a_changed_setting_reaches(plan: Plan) -> None:
    """Plain features never see the settings of copies; one copy more adds jobs and changes no slice but training's."""
    slices.write(*plan)

    def contents() -> dict[str, str]:
        return {path.as_posix(): path.read_text() for path in Path(".params").rglob("*.json")}

    def changed(before: dict[str, str]) -> set[str]:
        now = contents()
        return {path for path in now | before if now.get(path) != before.get(path) and "/state/" not in path}

    before = contents()
    assert '"augment"' not in before[paths.slice_of("features", "jittered")]
    assert before[paths.slice_of("features", "xfeat.copies")].strip() == "null"
    assert '"copies"' not in before[paths.slice_of("train", "ae")]

    more = planned("copies: 2", "copies: 3")
    new = {paths.list_of("features", batch.key) for batch in more.jobs.batches() if batch.copy == 3}
    assert changed(before) == {paths.slice_of("train", "mil"), *new}

    before = contents()
    planned("brightness: 0.4", "brightness: 0.3")
    assert changed(before) == {paths.slice_of("features", "jittered.copies")}


def test_snakemake_plans_the_copies(plan: Plan) -> None:
    """A dry run names the jobs of each copy; training waits for them, scoring does not."""
    planned_jobs = Project(Path.cwd()).run("snakemake", "-n", "-q", "host", "--", "train_mil").stdout

    assert "features: jittered of 1 videos of mini_crime, copy 1" in planned_jobs
    assert "features: jittered of 1 videos of mini_crime, copy 2" in planned_jobs
    assert len(plan.jobs.copy_files("mil")) == planned_jobs.count(", copy ")
