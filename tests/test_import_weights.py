"""The command `vad import-weights`: what it says of a file, keeps and writes."""

import re
from pathlib import Path

import pytest
import torch

from tests.models import released_names as names
from tests.project import PARAMS, REAL_DATA
from vad.__main__ import main
from vad.artefacts.files import sha256
from vad.engine.fitting import fitting
from vad.import_weights import with_entries
from vad.params import load

STEAD = REAL_DATA / "weights/stead_888tiny.pkl"
ENTRY = {"file": "data/raw/weights/x.pth", "sha256": "ab" * 32}


def released(shapes: names.Shapes) -> dict[str, torch.Tensor]:
    """Values of given names and shapes, which take no room."""
    return {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with params.yaml, in which a variant is like a released model, and the released file."""
    monkeypatch.chdir(tmp_path)
    as_published = PARAMS.replace("{window: 2, stride: 1, hidden_width: 8, latent_width: 4, memory_slots: 3}", "{}")
    (tmp_path / "params.yaml").write_text(as_published)
    torch.save(released(names.lstm_memory_ae()), tmp_path / "vad.pth")
    return tmp_path


def test_it_prints_the_entry_and_keeps_the_file(project: Path, capsys: pytest.CaptureFixture) -> None:
    """Nothing is written into params.yaml unless asked."""
    before = (project / "params.yaml").read_text()

    assert 0 == main(["import-weights", "vad.pth", "--as", "published", "--like", "ae"])
    said = capsys.readouterr().out

    assert "vad.pth: fills 13 values of lstm_memory_ae, features 960 wide" in said
    assert f"- file: data/raw/weights/vad.pth\n          sha256: {sha256(project / 'vad.pth')}" in said
    assert before == (project / "params.yaml").read_text()
    assert (project / "vad.pth").read_bytes() == (project / "data/raw/weights/vad.pth").read_bytes()


def test_it_writes_the_entry(project: Path, capsys: pytest.CaptureFixture) -> None:
    """A new variant stands behind the one that it copies; every other line is as it was, and the file is right."""
    before = (project / "params.yaml").read_text()

    assert 0 == main(["import-weights", "vad.pth", "--as", "published", "--like", "ae", "--seed", "0", "--write"])
    text = (project / "params.yaml").read_text()
    variant = load(project / "params.yaml").variants["published"]

    assert "variant published takes these weights" in capsys.readouterr().out
    assert ["mil", "ae", "published", "mil_ucf"] == list(load(project / "params.yaml").variants)
    assert before == "".join(_without(text.splitlines(keepends=True), "  published:", 11))
    assert [0] == [file.seed for file in variant.train.weights]  # type: ignore[union-attr]
    # The variant itself may take a further file, or the file of another seed; one of the same place gives way.
    for seed in ("1", "1"):
        assert 0 == main(["import-weights", "vad.pth", "--as", "published", "--seed", seed, "--write"])
    assert [0, 1] == [f.seed for f in load(project / "params.yaml").variants["published"].train.weights]  # type: ignore[union-attr]


def test_a_model_in_two_files(project: Path, capsys: pytest.CaptureFixture) -> None:
    """MNAD's keys lie in a file of their own; without them the network is not whole."""
    params = (project / "params.yaml").read_text().replace("model: lstm_memory_ae", "model: mnad")
    (project / "params.yaml").write_text(params)
    shapes = names.mnad()
    torch.save(torch.zeros(shapes.pop("keys")), project / "keys.pt")
    torch.save({"model": released(shapes)}, project / "mnad.pth")

    assert 2 == main(["import-weights", "mnad.pth", "--as", "ae"])
    assert "keys: missing" in capsys.readouterr().err
    assert 0 == main(["import-weights", "mnad.pth", "keys=keys.pt", "--as", "ae", "--write"])
    said = capsys.readouterr().out
    assert "of no use: 5 (encoder.moduleBatchNorm" in said
    files = load(project / "params.yaml").variants["ae"].train.weights  # type: ignore[union-attr]
    assert [("mnad.pth", ""), ("keys.pt", "keys")] == [(Path(file.file).name, file.part) for file in files]


def test_two_files_need_their_parts(project: Path, capsys: pytest.CaptureFixture) -> None:
    """Without a part both would be the whole model; nothing is copied or written."""
    assert 2 == main(["import-weights", "vad.pth", "vad.pth", "--as", "ae", "--write"])
    assert "two files for the same part of the model. Name the part of each: PART=FILE." in capsys.readouterr().err
    assert not (project / "data").exists()


def _without(lines: list[str], first: str, count: int) -> list[str]:
    """Lines without a block and the blank line before it."""
    start = next(number for number, line in enumerate(lines) if line.startswith(first))
    return lines[: start - 1] + lines[start + count :]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--as", "new"], "no variant 'new' in params.yaml. Name one to copy"),
        (["--as", "new", "--like", "aee"], "no variant 'aee'.*Did you mean 'ae'"),
        (["--as", "mil", "--like", "ae"], "variant 'mil' is in params.yaml already"),
        (["--as", "mil"], "the first 5 of .*No settings of model c3d_mil were found"),
    ],
)
def test_what_cannot_be_is_refused(
    project: Path, capsys: pytest.CaptureFixture, words: list[str], message: str
) -> None:
    """Each with what to do; no file is copied."""
    assert 2 == main(["import-weights", "vad.pth", *words])
    assert re.search(message, capsys.readouterr().err, re.DOTALL)
    assert not (project / "data").exists()


def test_another_file_of_the_same_name_stays(project: Path, capsys: pytest.CaptureFixture) -> None:
    """What lies there may be what another variant is made from."""
    (project / "data/raw/weights").mkdir(parents=True)
    (project / "data/raw/weights/vad.pth").write_bytes(b"other")

    assert 2 == main(["import-weights", "vad.pth", "--as", "ae"])
    assert "another file of this name lies there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "args", "shapes", "width", "changes"),
    [
        ("urdmu", {}, names.urdmu(1408), 1408, {}),
        ("urdmu", {"memory_slots": 50}, names.urdmu(), 1024, {"memory_slots": 60}),
        ("lstm_memory_ae", {"latent_width": 8, "memory_slots": 9}, names.lstm_memory_ae(), 960, None),
        ("mstsm", {"preset": "segments"}, names.mstsm(), 128, {"preset": "claim"}),
        ("mnad", {}, names.mnad(prediction=False), 3, {"method": "reconstruction"}),
    ],
)
def test_settings_that_would_fit(
    model: str, args: dict, shapes: names.Shapes, width: int, changes: dict | None
) -> None:
    """The width of the features and the nearest settings are found from the shapes in the file."""
    with torch.device("meta"):
        given = {name: torch.empty(shape) for name, shape in shapes.items()}

    found = fitting(model, args, given)

    assert (0, changes if changes is not None else {"latent_width": 64, "memory_slots": 50}) == (
        *(found.problems, found.changes),
    )
    assert model == "mstsm" or width == found.width


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "variants:\n  a:\n    train: {lr: 1.0}  # slow\n    infer: {}\n  # About b.\n  b: {}\n",
            "variants:\n  a:\n    train:\n      weights:\n        - file: data/raw/weights/x.pth\n"
            f"          sha256: {'ab' * 32}\n    infer: {{}}\n  # About b.\n  b: {{}}\n",
        ),
        (
            "variants:\n  a:\n    infer: {}\n    train:\n      lr: 1.0\n      device: cpu\n\n  # About b.\n  b: {}\n",
            "variants:\n  a:\n    infer: {}\n    train:\n      weights:\n        - file: data/raw/weights/x.pth\n"
            f"          sha256: {'ab' * 32}\n      device: cpu\n\n  # About b.\n  b: {{}}\n",
        ),
    ],
)
def test_only_the_lines_of_train_change(old: str, new: str) -> None:
    """Comments of others stay where they are, whatever form the section has."""
    assert new == with_entries(old, "a", "a", [ENTRY])


def test_a_copy_stands_before_the_comment_of_the_next() -> None:
    """So that no comment changes the variant that it is about."""
    text = "variants:\n  a:\n    train: {lr: 1.0}\n    infer: {}\n\n  # About b.\n  b: {}\n"

    lines = with_entries(text, "new", "a", [ENTRY]).splitlines()

    assert ["    infer: {}", "", "  # About b.", "  b: {}"] == lines[-4:]
    assert ["", "  new:", "    train:"] == lines[4:7]


@pytest.mark.skipif(not STEAD.is_file(), reason="the released checkpoint of STEAD is not here")
def test_released_stead(project: Path, capsys: pytest.CaptureFixture) -> None:
    """The authors' file is of the small size: the other one is refused, with the preset that fits."""
    text = (project / "params.yaml").read_text()
    for preset in ("fast", "base"):
        model = f"    model: stead\n    model_args: {{preset: {preset}}}\n"
        (project / "params.yaml").write_text(text.replace("    model: c3d_mil\n    model_args: {}\n", model))
        code = main(["import-weights", str(STEAD), "--as", "mil_ucf"])
        said = capsys.readouterr()
        assert (0, 2)[preset == "base"] == code
        assert ("fills 51 values", "model_args {preset: fast}")[preset == "base"] in said.out + said.err
