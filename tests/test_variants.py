"""The command `vad variants`, and which variants can run here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import vad.models
from tests.project import PARAMS, ROOT
from vad import registry
from vad.__main__ import main
from vad.documentation import with_differences
from vad.errors import ParamsError
from vad.installed import missing, unset_root
from vad.params import load
from vad.variants import rows, table

WIDTH = 120


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small params.yaml, checked once for all tests."""
    folder = tmp_path_factory.mktemp("variants")
    (folder / "params.yaml").write_text(PARAMS)
    load(folder / "params.yaml", folder / ".params/resolved.json")
    return folder


@pytest.fixture
def folder(checked: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same as the current folder."""
    monkeypatch.chdir(checked)
    return checked


def test_every_variant_with_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names in the order of the file, the line where each begins, and why one cannot run."""
    lines = PARAMS.splitlines()
    assert main(["variants", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert [row["variant"] for row in found] == ["mil", "ae", "mil_ucf"]
    assert [lines[row["line"] - 1] for row in found] == ["  mil:", "  ae:", "  mil_ucf:"]
    assert [row["installed"] for row in found] == ["yes", "yes", "datasets.ucf_crime.root is null"]
    assert found[1]["model"] == "lstm_memory_ae"
    assert [row["refit"] for row in found] == ["-", "-", "-"]


@pytest.mark.parametrize(("more", "shown"), [("refit: true", "yes"), ("select: {folds: 3}", "3 folds")])
def test_who_trains_on_all_videos(tmp_path: Path, more: str, shown: str) -> None:
    """The column `refit` says whether the whole train list is used, and by how many folds the epoch is chosen."""
    (tmp_path / "params.yaml").write_text(PARAMS.replace("train: {", f"train: {{{more}, ", 1))
    found = rows(tmp_path / "params.yaml", word="mil")

    assert found[0].refit == shown
    assert table(found).splitlines()[1].split()[5] == shown.split()[0]


@pytest.mark.parametrize(
    ("word", "names"),
    [("mil", ["mil", "mil_ucf"]), ("LSTM", ["ae"]), ("ucf_crime", ["mil_ucf"]), ("xfeat", ["mil", "ae", "mil_ucf"])],
)
def test_a_word_filters(folder: Path, capsys: pytest.CaptureFixture[str], word: str, names: list[str]) -> None:
    """A part of name, model, data set or features, in upper or lower case."""
    assert main(["variants", word]) == 0

    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == names


def test_what_differs_stands_below_a_row(tmp_path: Path) -> None:
    """In one line of its own, and in the JSON; an entry that says nothing has none."""
    text = PARAMS.replace("  mil_ucf:\n", "  mil_ucf:\n    differs: equal but for its width\n")
    (tmp_path / "params.yaml").write_text(text)
    found = rows(tmp_path / "params.yaml")

    assert [row.differs for row in found] == ["", "", "equal but for its width"]
    assert table(found).splitlines()[-1] == "    differs: equal but for its width"
    assert len(table(found).splitlines()) == 5


def test_what_differs_is_one_line(tmp_path: Path) -> None:
    """A second line, or none at all, is refused."""
    for value in ('"a\\nb"', '""'):
        (tmp_path / "params.yaml").write_text(PARAMS.replace("  mil_ucf:\n", f"  mil_ucf:\n    differs: {value}\n"))

        with pytest.raises(ParamsError, match=r"variants\.mil_ucf\.differs"):
            load(tmp_path / "params.yaml")


def test_every_entry_at_a_published_size_says_what_differs() -> None:
    """Those on data sets that are not generated, and no other: the small ones are explained by docs/tuning.md.

    Plain baselines are nobody's publication.
    """
    params = load(ROOT / "params.yaml")
    generated = {name for name, entry in params.datasets.items() if entry.kind.startswith("mini_")}
    saying = {name for name, variant in params.variants.items() if variant.differs}

    plain = {
        name for name in params.variants if registry.stated(vad.models, params.variants[name].model, "is_baseline")
    }
    assert saying == {name for name, variant in params.variants.items() if variant.dataset not in generated} - plain


def test_the_page_of_variants_is_current() -> None:
    """What each entry differs in, as params.yaml has it; `make docs` puts it there."""
    page = (ROOT / "docs/variants.md").read_text()

    assert page == with_differences(page, load(ROOT / "params.yaml").variants), "run: make docs"


def test_no_such_word_is_an_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the nearest variant."""
    assert main(["variants", "mil_ufc"]) == 2

    assert "Did you mean 'mil_ucf'?" in capsys.readouterr().err


def test_the_shipped_table_is_narrow() -> None:
    """Every variant on one line of a usual terminal, columns below each other."""
    found = rows(ROOT / "params.yaml")
    head, *shown = table(found).splitlines()
    lines = [line for line in shown if not line.startswith(" ")]

    assert len(lines) == len(found) >= 40
    assert [line for line in shown if len(line) > WIDTH] == []
    assert [line for line in lines if len(line) > WIDTH] == []
    assert all(line[head.index("installed") - 2 : head.index("installed")] == "  " for line in lines)


def test_features_without_a_root_are_missing(tmp_path: Path) -> None:
    """Imported features, also those nested in clips, need their folder; the sentence names the key."""
    nested = "features:\n  xfeat: {extractor: clips, size: 64, vectors: {extractor: imported, root: null, dim: 4}}"
    (tmp_path / "params.yaml").write_text(PARAMS.replace("features:\n  xfeat: {extractor: xfeat, size: 64}", nested, 1))
    params = load(tmp_path / "params.yaml")
    variant = params.variants["mil"]

    assert unset_root(params, variant) == "features.xfeat.root"
    assert missing(params, variant) == "features xfeat are not installed (features.xfeat.root is null)"
    assert missing(params, params.variants["mil_ucf"]).startswith("data set ucf_crime is not installed (datasets.ucf")


def test_a_known_answer_needs_no_torch(folder: Path) -> None:
    """The list is printed without torch, which takes seconds to import."""
    code = "import sys; from vad.__main__ import main; main(['variants']); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT)}, check=False)

    assert done.returncode == 0
