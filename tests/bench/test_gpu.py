"""The measurements on a GPU: every line runs in toy sizes on a CPU; time, failures and bars are handled as promised."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bench import gpu
from bench.gpu_features import put_channels_first
from bench.gpu_rows import COLUMNS, Row, Table, rate_of
from bench.gpu_training import Size, full_size, generated, vector_shape


@pytest.fixture
def table(tmp_path: Path) -> Any:
    """A table with a minute of time, written into `out`."""
    made = Table(60.0, {"GPU": "none", "CUDA": None}, tmp_path / "out")
    yield made
    made.close()


def test_everything_runs_in_toy_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No row fails; nothing is judged; the rows are printed, and written as JSON and Markdown."""
    code = gpu.main(["--cpu", "--out", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    content = json.loads((tmp_path / "out/gpu.json").read_text())
    parts = {row["part"] for row in content["rows"]}
    markdown = (tmp_path / "out/gpu.md").read_text()

    assert 0 == code, printed
    assert {"decode 1 at a time", "decode + resize 2 at a time", "network alone", "end to end"} <= parts
    assert {"train", "score", "end to end, PyAV"} <= parts
    assert all(row["rate"] > 0 for row in content["rows"])
    assert {} == content["bars"]
    assert "not judged: xfeat float32: end to end is" in printed
    assert markdown.count("\n| ") == len(content["rows"]) + 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_without_a_gpu_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, exit code 2."""
    assert 2 == gpu.main([])
    assert "error: torch sees no GPU" in capsys.readouterr().err


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With what to install, before anything is loaded."""
    monkeypatch.setattr(gpu, "MODULES", {"no_such_module_here": "some-package"})

    assert 2 == gpu.main(["--cpu"])
    assert "pip install --no-deps some-package\n" in capsys.readouterr().err


def test_a_row_that_fails_stops_nothing(table: Table, tmp_path: Path) -> None:
    """Its error is its note; the next row is measured; the program will end with 1."""

    def fail() -> float:
        raise RuntimeError("out of\nmemory")

    rates = [table.add(Row("a", "b"), fail), table.add(Row("c", "d"), lambda: 1234.0)]
    rows = json.loads((tmp_path / "out/gpu.json").read_text())["rows"]

    assert [None, 1234.0] == rates
    assert 1 == table.failed
    assert "failed: RuntimeError: out of memory" == rows[0]["note"]
    assert ("c", "d", "", "1,234", "frames/s", "-", "-", "") == table.rows[1].cells
    assert len(COLUMNS) == len(table.rows[1].cells)


def test_no_row_begins_after_the_end(table: Table) -> None:
    """It is left out, which is no failure."""
    table.end = time.monotonic()

    assert table.add(Row("a", "b"), lambda: 1.0) is None
    assert ("left out: no time left", 0) == (table.rows[0].note, table.failed)


def test_bars_are_judged(table: Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Printed with ok or MISS, and written."""
    table.judge("fast", True)
    table.judge("small", False)

    assert capsys.readouterr().out == "ok   fast\nMISS small\n"
    assert {"fast": True, "small": False} == json.loads((tmp_path / "out/gpu.json").read_text())["bars"]


def test_a_rate_leaves_out_the_first_call() -> None:
    """It finds memory and algorithms."""
    pauses = iter([0.2, 0.0])

    def work() -> float:
        time.sleep(next(pauses))
        return 1.0

    assert rate_of(work, 0.0) > 10


def test_channels_first_gives_the_same_rows() -> None:
    """Only the order of memory is another one."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 3)).to(memory_format=torch.channels_last)
    pictures = torch.randn(2, 12, 12, 3).permute(0, 3, 1, 2)
    expected = network(pictures)
    put_channels_first(network)
    found = network(pictures)

    assert torch.allclose(expected, found, atol=1e-5)
    assert (False, True) == (expected.is_contiguous(), found.is_contiguous())


def test_full_size_variants_are_those_of_real_data() -> None:
    """All of them, each with its whole schedule."""
    variants = full_size()

    assert {"mnad_ped2", "frame_pred_ped2", "stpvad_ucf", "rtfm_ucf"} <= set(variants)
    assert not {"mnad", "c3d_mil"} & set(variants)
    assert all({"lr", "epochs", "batch"} <= set(variant["train"]) for variant in variants.values())


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"extractor": "xfeat"}, (5, 128)),
        ({"extractor": "clips"}, (5, 128)),
        ({"extractor": "imported", "dim": 4096, "format": "sultani_text"}, (5, 4096)),
        ({"extractor": "imported", "dim": 1024, "format": "crops_files"}, (5, 10, 1024)),
        ({"extractor": "imported", "dim": 2048, "layout": "segments_crops_dim"}, (5, 10, 2048)),
        ({"extractor": "imported", "dim": 192, "layout": "dim_space"}, (1, 192, 16, 10, 10)),
    ],
)
def test_shapes_of_generated_features(entry: dict[str, Any], expected: tuple[int, ...]) -> None:
    """As the extractor of the entry gives them."""
    assert expected == vector_shape(entry, 5)


def test_generated_clips_have_an_image_for_every_frame() -> None:
    """Of the entry's size, for each row."""
    part = generated(full_size()["stpvad_ucf"], Size(videos=1, rows=2))

    assert part.clips is not None
    assert (2, 17) == part.clips[0].offsets.shape
    assert [0, 1] == part.labels
