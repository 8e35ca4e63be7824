"""The house keeps its own rules: one word in five places, labels that are true, imports in one direction."""

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import vad.models
from vad import registry
from vad.documentation import against_baselines, pages, with_results

ROOT = Path(__file__).parents[1]
ROOMS = re.findall(r'include: "stages/(\w+)/rules.smk"', (ROOT / "Snakefile").read_text())
DVC = YAML(typ="safe").load(ROOT / "dvc.yaml")
MODULES = sorted((ROOT / "vad").rglob("*.py"))
LEVELS = (
    ("errors", "interrupts"),
    ("schema", "nn", "networks", "synthetic"),
    ("registry", "artefacts", "synthetic_events"),
    ("ledger", "video", "splits", "models", "pages"),
    ("evaluation",),
    ("localisation",),
    ("engine", "datasets"),
    ("extractors", "drawing"),
    ("cost",),
    ("report",),
    ("alarms",),
    ("claims", "predictions", "heat_maps"),
    ("cards", "site"),
    ("schedules", "installed", "without_torch"),
    ("starts_check",),
    ("params_check",),
    ("params",),
    ("published", "audit", "documentation", "variants", "export", "import_weights", "scoring"),
    ("__main__",),
)
"""The packages and modules of vad: each may import those of lower levels."""
MOST_MODULES = 16
"""In one folder: more cannot be seen at a glance."""
REGISTRIES = [ROOT / "vad" / name for name in ("models", "extractors", "datasets")]
"""Each file without an underscore is a plugin."""
STAGES = {"stpvad.py": {"vad.models.urdmu"}}
"""Models that hold another whole one as their first stage."""
TORCH_FREE = (
    *("evaluation.conventions", "evaluation.significance", "claims.arithmetic", "audit.run", "published.tables"),
    *("published.assemble", "params", "artefacts.files", "artefacts.features", "evaluation.evaluate", "report.tables"),
    *("ledger.staleness", "ledger.records", "splits.tables", "schema.params", "evaluation.baselines"),
)


def packages(path: Path) -> set[str]:
    """The packages and modules of vad that a module imports anywhere, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} if node.module != "vad" else {f"vad.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in found if name.startswith("vad.")}


def imports(path: Path) -> set[str]:
    """The top-level imports of a module (not those inside functions)."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_one_word_in_five_places() -> None:
    """Folders, includes, DVC stages (after `plan`), section names and data folders are the same six words."""
    folders = {path.parent.name for path in (ROOT / "stages").glob("*/rules.smk")}

    assert set(ROOMS) == folders
    assert list(DVC["stages"]) == ["plan", *ROOMS]


@pytest.mark.parametrize("room", ROOMS)
def test_label_says_what_the_rules_do(room: str) -> None:
    """Each room opens with its label, and every folder that its rules write is named there."""
    text = (ROOT / "stages" / room / "rules.smk").read_text()
    label = ast.get_docstring(ast.parse(text[: text.index('"""', 3) + 3])) or ""

    assert label.startswith(f"Room: {room}. ")
    assert [word for word in ("Reads:", "Writes:", "Params:", "Needs:") if word not in label] == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_rule_names_its_causes(room: str) -> None:
    """Code, slice and recheck file are inputs of every rule; each rule has log, threads, resources."""
    text = (ROOT / "stages" / room / "rules.smk").read_text()
    rules = re.split(r"\n\s*rule\b", text)[1:]
    needed = ("code=", "section=", "recheck=", "log:", "threads:", "resources:", "mem_mb=", "update(")

    assert rules
    assert [(i, word) for i, rule in enumerate(rules) for word in needed if word not in rule] == []


def test_dvc_never_deletes_outputs() -> None:
    """Every DVC output persists: DVC would otherwise delete all features for one new video."""
    lost = []
    for name, stage in DVC["stages"].items():
        body = stage.get("do", stage)
        for out in [*body.get("outs", []), *body.get("metrics", [])]:
            ((path, options),) = out.items()
            if not options.get("persist"):
                lost.append((name, path))

    assert lost == []


def test_imports_go_one_way() -> None:
    """Packages import packages of lower levels only, so there is no circle; nothing in vad imports stages."""
    level = {name: number for number, names in enumerate(LEVELS) for name in names}
    wrong = []
    for path in MODULES:
        own = path.relative_to(ROOT / "vad").with_suffix("").parts[0]
        wrong += [(own, name) for name in packages(path) - {own} if own != "__init__" and level[name] >= level[own]]
    stages = [path.name for path in MODULES if any(name.split(".")[0] == "stages" for name in imports(path))]

    assert wrong == []
    assert stages == []


def test_models_do_not_import_each_other() -> None:
    """A model is read from its own file; helpers begin with an underscore, a first stage is the exception."""
    models = sorted((ROOT / "vad" / "models").glob("[a-z]*.py"))
    names = {f"vad.models.{path.stem}" for path in models}

    assert [(p.name, name) for p in models for name in imports(p) & names - STAGES.get(p.name, set())] == []


def too_many_modules(paths: Sequence[Path]) -> dict[str, int]:
    """The folders with more modules than can be seen at a glance; of a registry only the helpers count."""
    plugins = {path for path in paths if path.parent in REGISTRIES and not path.name.startswith("_")}
    folders = Counter(path.parent for path in {*paths} - plugins if path.name != "__init__.py")
    return {folder.name: n for folder, n in folders.items() if n > MOST_MODULES}


def test_folders_can_be_seen_at_a_glance() -> None:
    """Packages are one level deep, and none has many modules; plugins, which anybody may add, do not count."""
    full = too_many_modules([*MODULES, *(ROOT / "stages").rglob("*.py")])
    deep = [path.relative_to(ROOT).as_posix() for path in MODULES if len(path.relative_to(ROOT).parts) > 3]

    assert not full, f"{full}: more than {MOST_MODULES} modules in one folder. Join some, or make a second package."
    assert not deep, f"{deep}: a package inside a package of vad. Move it up: vad/PACKAGE/MODULE.py."


def test_plugins_do_not_fill_a_folder() -> None:
    """Any number of models may be added; helpers of models are counted, and so are modules of other packages."""
    models, nn = ROOT / "vad/models", ROOT / "vad/nn"
    plugins, helpers = ([models / f"{mark}m{i}.py" for i in range(MOST_MODULES + 1)] for mark in ("", "_"))

    assert too_many_modules([*plugins, *helpers[1:]]) == {}
    assert too_many_modules(helpers) == {"models": MOST_MODULES + 1}
    assert too_many_modules([nn / path.name for path in plugins]) == {"nn": MOST_MODULES + 1}


@pytest.mark.parametrize("module", TORCH_FREE)
def test_modules_that_snakemake_reads_import_no_torch(module: str) -> None:
    """The closure of top-level imports of these modules has no torch: parsing stays fast."""
    seen, waiting = set(), [f"vad.{module}"]
    while waiting:
        name = waiting.pop()
        path = ROOT / Path(*name.split(".")).with_suffix(".py")
        if name not in seen and path.is_file():
            seen.add(name)
            waiting += imports(path)
            assert not any(i.split(".")[0] == "torch" for i in imports(path)), path


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_importing_has_no_effect(path: Path) -> None:
    """Every module has a header, and calls nothing that prints or parses arguments when imported."""
    tree = ast.parse(path.read_text())
    calls = [
        ast.unparse(node.value.func)
        for node in tree.body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]

    assert ast.get_docstring(tree)
    assert set(calls) <= {"mpl.use", "sns.set_theme"}


def test_pickles_are_never_trusted() -> None:
    """No allow_pickle, no torch.load without weights_only, no unsafe YAML, no shell strings in Python."""
    bad = re.compile(r"allow_pickle=True|yaml\.load\(|shell=True|os\.system|\beval\(")
    found = [
        (path.name, line)
        for path in MODULES
        for line in path.read_text().splitlines()
        if bad.search(line.replace(".eval(", ""))
    ]
    loads = [
        (p.name, c)
        for p in MODULES
        for c in re.findall(r"torch\.load\([^)]*\)", p.read_text())
        if "weights_only=True" not in c
    ]

    assert found + loads == []


@pytest.mark.parametrize("name", ["params.md", "params.schema.json", "metrics.md"])
def test_generated_docs_are_current(name: str) -> None:
    """docs/params.* and docs/metrics.md say what the code says; `make docs` writes them."""
    assert (ROOT / "docs" / name).read_text() == pages()[name], "run: make docs"


def committed(name: str) -> str:
    """A file as it is in git's index: what was run since then does not matter."""
    done = subprocess.run(["git", "show", f":{name}"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("no git repository with this file")
    return done.stdout.decode()


def test_readme_shows_the_results_of_the_pipeline() -> None:
    """The rows in the committed README are those of the committed results; `make docs` puts them there."""
    readme, results, params = map(committed, ("README.md", "reports/tables/results.csv", "params.yaml"))
    tree = YAML(typ="safe").load(params)
    plain = [k for k, v in tree["variants"].items() if registry.stated(vad.models, v["model"], "is_baseline") is True]
    listed = subprocess.run(
        ["git", "ls-files", "reports/*/significance.csv"], cwd=ROOT, capture_output=True, check=True
    )
    files = {Path(name).parent.name: name for name in listed.stdout.decode().split()}
    below = against_baselines({name: committed(files[name]) for name in tree["datasets"] if name in files}, plain)

    assert readme == with_results(readme, results, tree["report"]["published"], below), (
        "run: make docs, then commit README.md with reports/"
    )
    assert readme.count("\n| ") == 6 + readme.count("\n| ", readme.index("<!-- /results -->"))


def test_readme_names_every_folder() -> None:
    """The tree in the README has every package of vad/ and every folder of stages/."""
    tree = (ROOT / "README.md").read_text().split("## What is where")[1]
    folders = [p for top in ("vad", "stages") for p in (ROOT / top).iterdir() if p.is_dir() and list(p.glob("*.py"))]

    assert [p.name for p in folders if not re.search(rf"^ +{p.name}/ ", tree, re.MULTILINE)] == []


@pytest.mark.parametrize(
    "name",
    [
        *("README.md", "CONTRIBUTING.md"),
        *(f"docs/{page}.md" for page in ("results", "variants", "commands", "your-data")),
    ],
)
def test_first_pages_are_narrow(name: str) -> None:
    """No line is wider than 120 characters: a table that is, no terminal shows."""
    assert [line for line in (ROOT / name).read_text().splitlines() if len(line) > 120] == []


def test_first_pages_link_to_what_is_there() -> None:
    """Every relative link of README, CONTRIBUTING and docs/ leads to a file or folder, but for what a run writes."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text())]

    lost = [(page.name, link) for page, link in links if not (page.parent / link).exists()]
    assert [(page, link) for page, link in lost if not link.startswith("reports/")] == []


def test_readme_has_the_two_commands() -> None:
    """A newcomer finds how to make everything and how to test it."""
    assert {"    make reproduce", "    make test"} <= set((ROOT / "README.md").read_text().splitlines())


def test_every_name_is_defined() -> None:
    """Outside of strings: inside, jaxtyping's axes look like names, so `make check` looks for none."""
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", "--output-format", "json"]
    found = json.loads(
        subprocess.run([*ruff, "vad", "stages", "bench"], cwd=ROOT, capture_output=True, text=True).stdout
    )
    places = [(Path(one["filename"]), one["location"]["row"], one["location"]["column"]) for one in found]
    before = {place: place[0].read_text().splitlines()[place[1] - 1][: place[2] - 1] for place in places}

    assert len(places) > 50
    assert [] == [place for place, text in before.items() if text.count('"') % 2 == 0]
