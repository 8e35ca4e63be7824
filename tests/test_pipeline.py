"""All six rooms on tiny generated videos, through Snakemake and through DVC, and every way to keep a stale result."""

import csv
import json
import math
import os
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from tests.pages.given import data_of
from tests.project import Project
from vad.artefacts.scores import read_scores

pytestmark = pytest.mark.pipeline
MIL = ["data/evaluate/mil/seed0", "data/infer/mil/seed0.npz", "data/train/mil/seed0"]
SITE = ["reports/site/index.html", "reports/site/mini_crime"]
"""Pages for a browser, which are not in git."""
AE = [path.replace("/mil", "/ae") for path in MIL]


def before_report(made: list[str]) -> list[str]:
    """What rooms before report made."""
    return [path for path in made if not path.startswith(("reports/", "data/report/"))]


def test_first_run_makes_every_artefact(finished: Project) -> None:
    """One record for each artefact, tables with one row per variant, and the skipped variant named."""
    results = (finished.folder / "reports/tables/results.csv").read_text().splitlines()
    overview = (finished.folder / "reports/tables/results.md").read_text()
    page = (finished.folder / "reports/mini_crime/results.md").read_text()
    features = list((finished.folder / "data/features/xfeat/mini_crime").glob("*.npz"))

    assert [line.split(",")[0] for line in results] == ["variant", "mil", "ae"]
    assert len(features) == 12
    assert "mil_ucf: data set ucf_crime is not installed" in overview
    assert (finished.folder / "reports/mini_crime/results.csv").read_text().splitlines() == results
    assert "mil_ucf" not in page
    assert "video_oracle" in page


def test_first_run_links_everything_in_a_report(finished: Project) -> None:
    """Every link of a page leads to a file: those of a data set's first page, and of the overview."""
    for page in ("mini_crime/index.md", "tables/results.md"):
        path = finished.folder / "reports" / page
        links = re.findall(r"\]\(([^)]+)\)", path.read_text())

        assert links
        assert [link for link in links if not (path.parent / link).is_file()] == []


def test_first_run_has_a_page_of_everything(finished: Project) -> None:
    """It links files that are there, and a page of each test video, which draws the variant that scores frames."""
    site = finished.folder / "reports/site"
    data = json.loads(data_of(site / "index.html"))
    videos = data["datasets"]["mini_crime"]["videos"]
    pages = [site / "mini_crime" / name for name in data["datasets"]["mini_crime"]["pages"].values()]

    assert len(videos) == len(pages) > 0
    assert [name for name in data["files"] if not (finished.folder / "reports" / name).is_file()] == []
    assert {"mil", "ae"} <= {row["name"] for row in data["datasets"]["mini_crime"]["rows"]}
    assert [path.name for path in pages if not json.loads(data_of(path))["choices"][0]["curve"]] == []


def test_first_run_tells_classes_apart(finished: Project) -> None:
    """A row per variant and class of the test list, with the numbers of its metrics."""
    reports = finished.folder / "reports"
    metrics = json.loads((finished.folder / "data/evaluate/mil/seed0/metrics.json").read_text())["metrics"]
    with (reports / "mini_crime/classes.csv").open() as stream:
        rows = {row["class"]: row for row in csv.DictReader(stream) if row["variant"] == "mil"}

    assert metrics["classes"].keys() == rows.keys()
    for name, row in rows.items():
        expected = metrics["classes"][name]["class_auc_vs_normal"]["value"]
        assert expected == pytest.approx(float(row["class_auc_vs_normal"]), abs=1e-6)
    assert "Against 2 normal test videos" in (reports / "mini_crime/classes.md").read_text()


def test_first_run_says_what_variants_cost(finished: Project) -> None:
    """A row per variant, with extractor and end-to-end speed, then the image networks; page and figure beside it."""
    report = finished.folder / "reports/mini_crime"
    with (report / "efficiency.csv").open() as stream:
        rows = {row["variant"]: row for row in csv.DictReader(stream)}
    networks = ["MobileNetV2", "ResNet18", "ViT-B/16", "Tiny YOLOv4"]

    assert ["mil", "ae", *networks] == list(rows)
    assert int(rows["mil"]["flops"]) == 2 * int(rows["mil"]["macs"]) == 2 * 32 * (128 * 8 + 8 * 32 + 32)
    assert 0 < float(rows["mil"]["end_to_end_fps"]) < float(rows["mil"]["head_fps"])
    assert float(rows["ae"]["macs_per_frame_extractor"]) > float(rows["ae"]["macs_per_frame_head"])
    assert rows["mil"]["measured_on"]
    assert "neither counted nor measured" in (report / "efficiency.md").read_text()
    assert (report / "figures/efficiency.png").is_file()
    with (report / "edge.csv").open() as stream:
        networks = {(row["part"], row["name"]): row for row in csv.DictReader(stream)}
    assert [("extractor", "xfeat"), ("head", "mil"), ("head", "ae")] == list(networks)
    assert all(float(row["torch_ms"]) > 0 for row in networks.values())
    with (finished.folder / "reports/tables/claims.csv").open() as stream:
        (speed,) = (row for row in csv.DictReader(stream) if row["id"] == "M06")
    assert "times as fast as X3D-M" in speed["computed"]


def test_first_run_maps_embeddings(finished: Project) -> None:
    """A figure per variant, and its points: videos of the test list, labels 0 or 1, a place in the plane."""
    reported = finished.folder / "data/report"
    with (finished.folder / "data/split/mini_crime/tables/test.csv").open() as stream:
        test = {row["video_id"] for row in csv.DictReader(stream)}
    for variant in ("mil", "ae"):
        with (reported / f"plots/tsne/{variant}.csv").open() as stream:
            points = list(csv.DictReader(stream))

        assert (reported / f"figures/{variant}_tsne.png").is_file()
        assert test == {point["video_id"] for point in points}
        assert {point["label"] for point in points} <= {"0", "1"}
        assert all(math.isfinite(float(point[axis])) for point in points for axis in "xy")


def test_kept_epochs_are_scored(finished: Project) -> None:
    """The test videos by both epochs; the chosen one's are the scores that count, the other's differ."""
    scores = read_scores(finished.folder / "data/infer/mil/seed0.npz")
    chosen = json.loads((finished.folder / "data/train/mil/seed0/config.json").read_text())["epoch"]
    tested = {name: video.frames for name, video in scores.videos.items() if video.part == "test"}

    assert {1, 2} == set(scores.epochs)
    assert len(tested) == 4
    for number, videos in scores.epochs.items():
        assert tested.keys() == videos.keys()
        same = [np.array_equal(tested[name], video.frames) for name, video in videos.items()]
        assert all(same) if number == chosen else not any(same)


def test_second_run_does_nothing(project: Project) -> None:
    """No job starts; a dry run after a change leaves no trace, so that nothing starts when the change is taken back."""
    project.edit("params.yaml", "lr: 0.001", "lr: 0.002")
    before = {
        path: path.read_bytes() for path in (project.folder / ".params").rglob("*.json") if "state" not in path.parts
    }
    planned = project.run("snakemake", "-n", "-q", "host").stdout
    after = {
        path: path.read_bytes() for path in (project.folder / ".params").rglob("*.json") if "state" not in path.parts
    }
    project.edit("params.yaml", "lr: 0.002", "lr: 0.001")
    done = project.run("snakemake", "--cores", "2")

    assert "train: ae" in planned
    assert before == after
    assert "Nothing to be done" in done.stdout + done.stderr


def test_a_published_table_makes_what_it_needs_alone(project: Project) -> None:
    """With both variants out of date, the table of one makes that one, no map and no report; then nothing is left.

    How a video is scored is a matter of room infer: no training.
    """
    before = (project.folder / "reports/published/memtsm_2.csv").read_text()
    project.edit("params.yaml", "infer: {video_score: max}\n  ae", "infer: {video_score: mean}\n  ae")
    project.edit("params.yaml", "lr: 0.001", "lr: 0.002")
    made = project.snakemake("table_memtsm_2")
    page, tex, after = ((project.folder / f"reports/published/memtsm_2.{e}").read_text() for e in ("md", "tex", "csv"))

    assert made == [*(path for path in MIL if "train" not in path), "reports/published/memtsm_2"]
    assert project.snakemake("table_memtsm_2") == []
    assert before != after
    assert page.startswith("# MemTSM-Net, table 2: metrics. Data: mini_crime (synthetic)\n")
    assert "- mil_ucf: data set ucf_crime is not installed" in page
    assert r"\caption{MemTSM-Net, table 2: metrics. mini\_crime (synthetic)}" in tex


def test_trap_fresh_clone(versioned: Project, tmp_path: Path) -> None:
    """Clone and pull, without any memory of Snakemake: only pages for a browser are made, which are not in git.

    A changed setting makes exactly its variant.

    `dvc metrics diff` and `dvc plots diff` then show what changed.
    """
    versioned.run("dvc", "remote", "modify", "storage", "url", str(tmp_path / "store"), "--local")
    versioned.run("dvc", "push", "-q")
    versioned.run("git", "clone", "-q", str(versioned.folder), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    clone.run("dvc", "remote", "modify", "storage", "url", str(tmp_path / "store"), "--local")
    clone.run("dvc", "pull", "-q")

    assert clone.snakemake() == SITE
    shutil.rmtree(clone.folder / ".snakemake")
    clone.edit("params.yaml", "lr: 0.001", "lr: 1.0")
    clone.edit("params.yaml", "window: 2", "window: 5")  # the tiny test list is ranked the same by any lr
    made = clone.repro()
    difference = json.loads(clone.run("dvc", "metrics", "diff", "--json").stdout)
    plots = json.loads(clone.run("dvc", "plots", "diff", "--json").stdout)

    assert before_report(made) == AE
    assert {"reports/efficiency/head.ae.json", "data/report/tsne/ae"} <= set(made)  # another window is another head
    assert not {"reports/efficiency/head.mil.json", "data/report/tsne/mil"} & set(made)
    assert "up to date" in clone.run("dvc", "status").stdout
    assert difference
    assert "errors" not in plots


def test_trap_a_b_a(versioned: Project, tmp_path: Path) -> None:
    """Params and Snakemake's memory say A, the files on disk are B's, an experiment's: they are made again.

    Both through every room before report, which has no part in this.
    """
    runs = "evaluate_ae", "evaluate_mil"
    project = versioned.copy(tmp_path / "project")
    metrics = project.folder / "data/evaluate/ae/seed0/metrics.json"
    before = metrics.read_text()
    project.run("dvc", "exp", "run", "-S", "variants.ae.train.lr=0.05", "-n", "other", "evaluate@ae")
    assert "lr: 0.05" in (project.folder / "params.yaml").read_text()
    project.run("git", "checkout", "-q", ".")
    project.run("dvc", "checkout", "-q")
    project.snakemake(*runs)
    project.run("dvc", "exp", "apply", "other")
    shutil.copy(versioned.folder / "params.yaml", project.folder / "params.yaml")

    assert project.snakemake(*runs) == AE
    assert metrics.read_text() == before


def test_trap_touch_on_a_dirty_workspace(project: Project) -> None:
    """`snakemake --touch` cannot make right what was made with other params: exactly that variant is made again."""
    project.edit("params.yaml", "lr: 0.001", "lr: 0.002")
    project.run("snakemake", "--cores", "1", "--touch")
    made = project.snakemake("report_mini_crime", "evaluate_mil")

    assert before_report(made) == AE
    assert [path for path in made if path.startswith("reports/efficiency")] == []


def test_trap_artefacts_that_are_not_what_their_record_says(project: Project) -> None:
    """An older file in place of another, a lost cost, a flipped bit: each is made again, and nothing else.

    Times differ from run to run: only the part that is lost is measured. A bit that keeps size and time is found by
    `vad verify` alone; the next run repairs exactly that file.
    """
    folder = project.folder / "data/features/xfeat/mini_crime"
    one, other = sorted(folder.glob("*.npz"))[:2]
    shutil.copy(other, one)
    os.utime(one, (time.time() - 10_000, time.time() - 10_000))
    part = project.folder / "reports/efficiency/head.mil.json"
    costs = {p: p.read_bytes() for p in part.parent.iterdir() if not p.name.startswith(part.name)}
    part.unlink()
    made = project.snakemake()

    assert before_report(made) == [f"data/features/xfeat/mini_crime/{one.name}"]
    assert "reports/efficiency/head.mil.json" in made
    assert {p: p.read_bytes() for p in costs} == costs

    weights = project.folder / "data/train/mil/seed0/weights.safetensors"
    stat, raw = weights.stat(), bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    blind = project.snakemake()
    found = project.run("python", "-m", "vad", "verify", check=False)

    assert blind == []
    assert found.returncode == 1
    assert "data/train/mil/seed0: content differs from its record" in found.stdout
    assert project.snakemake() == ["data/train/mil/seed0"]
    assert project.run("python", "-m", "vad", "verify").stdout.startswith("every artefact")


def test_a_broken_chain_is_not_printed(project: Project) -> None:
    """A row whose records do not lead back to today's params is left out, and the page says which link broke."""
    project.edit(".params/slices/train/mil.json", "0.01", "0.5")
    project.edit(".params/slices/report/results.mini_crime.json", '"resamples": 50', '"resamples": 51')
    project.run("python", "-m", "stages.report.run", "--parts", ".params/lists/report/tables.mini_crime.json")
    page = (project.folder / "reports/mini_crime/results.md").read_text()

    assert "mil: data/train/mil/seed0 was made with other params" in page
    assert (project.folder / "reports/mini_crime/results.csv").read_text().count("\n") == 2


def test_a_bad_video_is_named_and_the_others_stay(project: Project) -> None:
    """A truncated video: exit code not 0, one clear error, the features of the other videos are kept."""
    videos = sorted((project.folder / "data/split/mini_crime/raw/Videos").rglob("*.mp4"))
    videos[0].write_bytes(videos[0].read_bytes()[:2000])
    name = f"data/features/xfeat/mini_crime/{videos[0].stem}.npz"
    (project.folder / "data/split/mini_crime/raw.prov.json").unlink()
    batches = (project.folder / ".params/lists/features/xfeat").glob("*.json")
    rows = {row["video_id"]: row for batch in batches for row in json.loads(batch.read_text())}
    other = project.folder / f"data/features/xfeat/mini_crime/{videos[1].stem}.npz"
    other.unlink()
    project.write("batch.json", json.dumps([rows[videos[0].stem], rows[videos[1].stem]]))
    files = {"section": ".params/slices/features/xfeat.json", "code": ".params/code/features/xfeat.json"}
    arguments = {**files, "batch": "batch.json", "out": str(Path(name).parent)}
    flags = [word for name, value in arguments.items() for word in (f"--{name}", value)]
    done = project.run("python", "-m", "stages.features.run", *flags, check=False)

    assert done.returncode == 2
    assert videos[0].stem in done.stderr
    assert other.is_file()
    assert f"made data/features/xfeat/mini_crime/{other.name}" in done.stdout
    assert "Traceback" not in done.stderr
