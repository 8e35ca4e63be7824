"""The two ledgers agree: DVC's stages depend on the files that tell Snakemake's rules what changed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from stages.plan import paths, slices
from stages.plan.report import CLAIMS
from tests.project import PARAMS, ROOT, Plan

DVC = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder with the tiny params and the code in reach."""
    monkeypatch.chdir(tmp_path)
    for name in ("stages", "vad"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "params.yaml").write_text(PARAMS)
    return tmp_path


def leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every leaf of params.yaml that can be changed on its own (not names and plugins)."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*path, key))
    elif path[-1] not in {"kind", "extractor", "model", "dataset", "features", "preset", "optimiser", "root"}:
        yield path


def changed(value: Any) -> Any:
    """Another valid value of the same kind."""
    words = {"max": "mean", "video_auc": "video_ap", "validation_loss": "last"}
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return [*value, 7]
    return words[value] if isinstance(value, str) else value * 2 or 1


def seen(params: Path) -> dict[tuple[str, str], Any]:
    """What each job may see, as it is written before a run."""
    plan = Plan.read(params)
    return {(room, key): value for room, key, value in slices.slices(plan.installed, plan.reports)}


def stages(tree: dict[str, Any]) -> dict[tuple[str, str], dict[str, list[str]]]:
    """Every stage of dvc.yaml with its `outs` and `deps`, by room and entry of params.yaml."""
    found = {}
    for room, stage in DVC.items():
        body = stage.get("do", stage)
        entries = tree[stage["foreach"].strip("${}")] if "foreach" in stage else {room: {}}
        for key, item in entries.items():
            fill = {"${key}": key, **{f"${{item.{name}}}": value for name, value in item.items()}}
            paths_ = {"outs": [path for out in body["outs"] for path in out], "deps": body["deps"]}
            for old, new in fill.items():
                paths_ = {kind: [path.replace(old, str(new)) for path in each] for kind, each in paths_.items()}
            found[room, key] = paths_
    return found


def test_every_leaf_is_in_a_slice(workplace: Path) -> None:
    """Each leaf of params.yaml, changed by itself, changes what some job may see, and nothing of another entry.

    `seeds` adds runs instead of changing a slice: left out.
    """
    tree = YAML(typ="safe").load(PARAMS)
    before = seen(workplace / "params.yaml")
    wrong, tried = {}, 0
    for leaf in (leaf for leaf in leaves(tree) if leaf[0] != "seeds"):
        other = YAML(typ="safe").load(PARAMS)
        place = other
        for key in leaf[:-1]:
            place = place[key]
        place[leaf[-1]] = changed(place[leaf[-1]])
        with (workplace / "other.yaml").open("w") as stream:
            YAML().dump(other, stream)
        after = seen(workplace / "other.yaml")
        tried += 1
        rooms = {k for k in before if before[k] != after[k] and k[0] != "report"}
        expected = {
            "datasets": {("split", leaf[1])},
            "features": {("features", leaf[1])},
            "variants": {("infer" if "infer" in leaf else "train", leaf[1])},
            "evaluate": {("evaluate", variant) for variant in tree["variants"]},
            "report": set(),
        }[leaf[0]]
        if rooms != expected or before == after:
            wrong[".".join(leaf)] = rooms

    assert tried > 25
    assert wrong == {}


def test_a_stage_depends_on_what_its_jobs_may_see(workplace: Path) -> None:
    """The slice and the code hash of each job are in the deps of the DVC stage of the same room and entry."""
    plan = Plan.read(workplace / "params.yaml")
    tree = YAML(typ="safe").load(PARAMS)
    found = stages(tree)
    code = {paths.code_of(*name) for name, _ in slices.code(plan.installed, plan.reports)}
    lost = []
    for room, key, _ in slices.slices(plan.installed, plan.reports):
        deps = found[room, "report" if room == "report" else key.removesuffix(".copies")]["deps"]
        if not any(Path(paths.slice_of(room, key)).is_relative_to(dep) for dep in deps):
            lost.append((room, key))
    for stage, each in found.items():
        written = [dep for dep in each["deps"] if dep.startswith(".params/code/")]
        if stage[0] != "plan" and not any(
            path == dep or path.startswith(f"{dep}/") for path in code for dep in written
        ):
            lost.append(stage)

    assert lost == []
    seeds = paths.list_of("train", "seeds")
    assert all(seeds in DVC[room]["do"]["deps"] for room in ("train", "infer", "evaluate"))


def test_a_table_depends_on_its_own_settings(workplace: Path) -> None:
    """A table sees the variants of its data set, and how scores are evaluated only where it evaluates them."""
    found = {key: set(value) for (room, key), value in seen(workplace / "params.yaml").items() if room == "report"}

    assert {"dataset", "seeds", "variants"} == found["classes.mini_crime"] == found["selection_gap.mini_crime"]
    assert {"baselines", "dataset", "evaluate", "seeds", "variants"} == found["significance.mini_crime"]
    assert {"dataset", "features", "ground_truth", "tsne"} == found["tsne.mil"]
    assert {"beside", "reports", "seeds", "skipped", "variants"} == found["overview"]
    assert {"dpi", "evaluate", "seeds", "skipped", "variants"} == found["alarms"]
    assert {"evaluate", "seeds", "skipped", "variants"} == found["label_shift"]


def test_a_generated_data_set_is_made_only_for_a_variant(workplace: Path) -> None:
    """Without a variant nothing of it is a target; with one its frames enter as folders, watched by one record."""
    idle = PARAMS.replace("datasets:\n", "datasets:\n  mini_walk: {kind: mini_walk}\n")
    Path("params.yaml").write_text(idle)
    unused = Plan.read(Path("params.yaml"))
    Path("params.yaml").write_text(idle.replace("dataset: ucf_crime", "dataset: mini_walk"))
    installed, jobs, reports = Plan.read(Path("params.yaml"))
    batches = [batch for batch in jobs.batches() if batch.dataset == "mini_walk"]
    parts = {part.key: part for part in reports.parts()}
    extractor = parts["extractor.xfeat.mini_walk"].reads

    assert (["mini_crime"], ["mini_walk", "mini_crime"]) == (unused.installed.datasets, installed.datasets)
    assert [] == dict(unused.jobs.targets())["split"]["mini_walk"]
    assert batches
    assert ["data/split/mini_walk/raw.prov.json"] == installed.raw_records("mini_walk")
    assert [] == installed.raw_records("ucf_crime")
    assert ["data/split/mini_walk/raw/Train/Train001"] == installed.sources("xfeat", "mini_walk")["Train001"]
    assert "data/split/mini_walk/raw/Test/Test001" in extractor.files
    assert not [path for path in extractor.watched if path.startswith("data/split/mini_walk/raw/")]


DRAWN = {"alarms", "figures.mini_crime", "plots.ae", "plots.mil"}
SEEDED = {
    *("claims", "classes.mini_crime", "conventions.mini_crime", "index.mini_crime", "overview"),
    *("results.mini_crime", "selection_gap.mini_crime", "significance.mini_crime", "cards.mini_crime", "label_shift"),
    *("site", "site.mini_crime"),
}


EDGE = {"edge_head.mil", "edge_head.ae", "edge_extractor.xfeat.mini_crime"}


@pytest.mark.parametrize(
    ("old", "new", "touched"),
    [
        ("lr: 0.001", "lr: 0.002", set()),
        ("{video_score: max}\n  ae", "{video_score: mean}\n  ae", set()),
        ("seeds: [0]", "seeds: [0, 1]", DRAWN | SEEDED),
        ("{hidden_width: 8}", "{hidden_width: 9}", {"head.mil", "edge_head.mil", "sizes"}),
        ("size: 64", "size: 96", {"extractor.xfeat.mini_crime", "edge_extractor.xfeat.mini_crime", "sizes"}),
        ("dpi: 50", "dpi: 60", DRAWN),
        ("dpi: 50", "dpi: 50, tsne: {points: 20}", {"tsne.mil", "tsne.ae"}),
        ("dpi: 50", "dpi: 50, published: {memtsm_2: [mil]}", {"overview", "site"}),
        (
            "dpi: 50",
            "dpi: 50, efficiency: {frames: 9}",
            {"head.mil", "head.ae", "extractor.xfeat.mini_crime", "references", "video_networks", *EDGE},
        ),
        ("dpi: 50", "dpi: 50, edge: []", EDGE),
    ],
)
def test_what_the_report_measures_again(workplace: Path, old: str, new: str, touched: set[str]) -> None:
    """Costs follow from model, features and settings of the measurement: not from training, inference or seeds."""
    before = seen(workplace / "params.yaml")
    (workplace / "other.yaml").write_text(PARAMS.replace(old, new))
    after = seen(workplace / "other.yaml")

    assert PARAMS.count(old) == 1
    assert touched == {key for room, key in before if room == "report" and before[room, key] != after[room, key]}


def test_a_published_table_depends_on_its_own_rows(workplace: Path) -> None:
    """Metrics and scores of its variants that can run, their split tables, and the costs that it shows: no more."""
    chosen = "{memtsm_1: [ae], memtsm_2: [mil, mil_ucf], memtsm_5: [ae], memtsm_4: [mil], memtsm_3: []}"
    Path("params.yaml").write_text(PARAMS.replace("dpi: 50", f"published: {chosen}"))
    reports = Plan.read(Path("params.yaml")).reports
    watched = {b.name: sorted(set(b.watched) - {CLAIMS}) for b in reports.bundles() if b.name.startswith("table_")}
    tables = "data/split/mini_crime/tables.prov.json"
    runs = ["data/evaluate/mil/seed0.prov.json", "data/infer/mil/seed0.npz.prov.json"]
    extractor = "reports/efficiency/extractor.xfeat.mini_crime.json.prov.json"
    parts = {name: f"reports/efficiency/{name}.json.prov.json" for name in ("head.mil", "head.ae", "references")}

    assert ["memtsm_1", "memtsm_2", "memtsm_4", "memtsm_5"] == list(reports.published)
    assert [tables] == watched["table_memtsm_1"]
    assert sorted([tables, *runs]) == watched["table_memtsm_2"]
    assert sorted([tables, *runs, parts["head.mil"], extractor]) == watched["table_memtsm_4"]
    assert sorted([tables, parts["head.ae"], extractor, parts["references"]]) == watched["table_memtsm_5"]
    assert "reports/published/memtsm_5.prov.json" in reports.records()


def test_every_output_belongs_to_exactly_one_stage(workplace: Path) -> None:
    """Each artefact that Snakemake writes lies in the outputs of one DVC stage, and its inputs in that stage's deps."""
    installed, jobs, reports = Plan.read(Path("params.yaml"))
    found = stages(YAML(typ="safe").load(PARAMS))
    train, test = (jobs.feature_files("mil", split) for split in ("train", "test"))
    video = next(iter(installed.sources("xfeat", "mini_crime").values()))[0]
    made = {
        ("split", "mini_crime"): (["data/split/mini_crime/tables/train.csv", video], []),
        ("features", "xfeat"): (train, [video]),
        ("train", "mil"): (jobs.weights("mil"), train),
        ("infer", "mil"): (jobs.runs("infer", "mil"), [*jobs.weights("mil"), *test]),
        ("evaluate", "mil"): (jobs.runs("evaluate", "mil"), jobs.runs("infer", "mil")),
        ("report", "report"): (
            [path for part in reports.parts() for path in (part.out, *part.files)],
            [path for part in reports.parts() for path in part.reads.files if path != CLAIMS],
        ),
    }
    for owner, (outputs, inputs) in made.items():
        for path in outputs:
            owners = [s for s, each in found.items() if any(Path(path).is_relative_to(out) for out in each["outs"])]
            assert owners == [owner]
        # What room report makes of its own parts is made by the same stage.
        deps = [*found[owner]["deps"], *(found[owner]["outs"] if owner[0] == "report" else [])]
        for path in inputs:
            assert any(Path(path).is_relative_to(dep) for dep in deps), (owner, path)
