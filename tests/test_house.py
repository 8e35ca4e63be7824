"""The house keeps its own rules: one word in five places, labels that are true, imports in one direction."""

import ast
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from vad.documentation import pages, with_results

ROOT = Path(__file__).parents[1]
ROOMS = re.findall(r'include: "stages/(\w+)/rules.smk"', (ROOT / "Snakefile").read_text())
DVC = YAML(typ="safe").load(ROOT / "dvc.yaml")
MODULES = sorted((ROOT / "vad").rglob("*.py"))
STAGES = {"stpvad.py": {"vad.models.urdmu"}}
"""Models that hold another whole one as their first stage."""
TORCH_FREE = (
    *("evaluation.conventions", "evaluation.significance", "claims.arithmetic", "audit.run", "published.tables"),
    *("published.assemble", "params", "artefacts.files", "artefacts.features", "evaluation.evaluate", "report.tables"),
    *("ledger.staleness", "ledger.records", "splits.tables", "schema.params", "evaluation.baselines"),
)


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
    """Folders, includes, DVC stages, section names and data folders are the same six words."""
    folders = {path.parent.name for path in (ROOT / "stages").glob("*/rules.smk")}

    assert set(ROOMS) == folders
    assert list(DVC["stages"]) == ROOMS


@pytest.mark.parametrize("room", ROOMS)
def test_label_says_what_the_rules_do(room: str) -> None:
    """Each room opens with its label, and every folder that its rules write is named there."""
    text = (ROOT / "stages" / room / "rules.smk").read_text()
    label = ast.get_docstring(ast.parse(text[: text.index('"""', 3) + 3])) or ""

    assert label.startswith(f"Room: {room}. ")
    assert [word for word in ("Reads:", "Writes:", "Params:", "Needs:") if word not in label] == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_rule_names_its_causes(room: str) -> None:
    """Code, params slice and wake file are inputs of every rule; each rule has log, benchmark, threads, resources."""
    text = (ROOT / "stages" / room / "rules.smk").read_text()
    rules = re.split(r"\n\s*rule\b", text)[1:]
    needed = ("code=", "section=", "wake=", "log:", "benchmark:", "threads:", "resources:", "mem_mb=", "update(")

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
    """Nothing in vad imports stages; models import layers and losses, not each other, but for a first stage."""
    wrong = [(path.name, name) for path in MODULES for name in imports(path) if name.split(".")[0] == "stages"]
    models = sorted((ROOT / "vad" / "models").glob("[a-z]*.py"))
    names = {f"vad.models.{path.stem}" for path in models}
    wrong += [(path.name, name) for path in models for name in imports(path) & names - STAGES.get(path.name, set())]

    assert wrong == []


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


def test_readme_shows_the_results_of_the_pipeline() -> None:
    """The tables in the README are those of reports/tables/results.md; `make docs` puts them there."""
    readme, results = ((ROOT / name).read_text() for name in ("README.md", "reports/tables/results.md"))

    assert readme == with_results(readme, results), "run: make docs"
    assert "| c3d_mil" in readme
