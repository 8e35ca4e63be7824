"""The page of latencies at batch 1."""

from pathlib import Path
from typing import Any

import pytest

from vad.artefacts.files import write_json
from vad.report import edge
from vad.report.inputs import Entry

MACHINE = {"processor": "P", "gpu": None, "threads": 1, "torch": "2"}


@pytest.fixture
def costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Measured networks of two variants; that of a third is missing."""
    fast = {"latency_ms": 1.5, "difference": 2e-6, "cpu_share": 0.9}
    head: dict[str, Any] = {"input": [32, 128], "latency_ms": 0.5, "cpu_share": 0.8, "machine": MACHINE, "load": 0.25}
    images = {name: {"why": "it looks at images"} for name in ("onnx", "openvino")}
    body = {**head, "input": [16, 224, 224, 3], "latency_ms": 40.0, "load": 1.0}
    failed = {"why": "the converter fails: a. b"}
    write_json(tmp_path / "edge_head.one.json", {**head, "formats": {"onnx": fast, "openvino": fast}})
    write_json(tmp_path / "edge_head.two.json", {**head, "formats": images})
    found = {"onnx": failed, "openvino": fast, "openvino_int8": {**fast, "difference": 0.0188}}
    write_json(tmp_path / "edge_extractor.xfeat.mine.json", {**body, "formats": found})
    pixels = {"machine": MACHINE, "load": 0.1, "formats": {}, "why": "no network makes these features"}
    write_json(tmp_path / "edge_extractor.frames.mine.json", pixels)
    monkeypatch.setattr(edge, "broken_links", lambda path: [] if path.is_file() else [f"{path.name}: no record"])
    return tmp_path


def entry(name: str, features: str = "xfeat", imported: bool = False) -> Entry:
    """A variant."""
    return Entry(name=name, dataset="mine", features=features, model="m", imported=imported)


def test_latencies_stand_beside_their_differences(costs: Path) -> None:
    """Extractors once each, then heads; what has no latency has a reason, and machine and load are stated."""
    variants = [entry("one"), entry("two", "frames"), entry("three", imported=True)]
    settings = edge.Settings(dataset="mine", variants=variants)
    edge.write(settings, {"costs": costs}, costs / "edge")
    text, table = (costs / "edge.md").read_text(), (costs / "edge.csv").read_text().splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]

    assert ["xfeat", "16 x 224 x 224 x 3", "40 ms", "-", "1.5 ms (2.0e-06)", "1.5 ms (1.9e-02)"] in cells
    assert ["frames", "-", "-", "-", "-", "-"] in cells
    assert ["one", "32 x 128", "0.5 ms", "1.5 ms (2.0e-06)", "1.5 ms (2.0e-06)"] in cells
    assert ["two", "32 x 128", "0.5 ms", "-", "-"] in cells
    assert ",".join(edge.COLUMNS) == table[0]
    assert ["extractor,xfeat", "extractor,frames", "head,one", "head,two"] == [
        ",".join(line.split(",")[:2]) for line in table[1:]
    ]
    assert "- P, 1 thread, torch 2; load 0.1 to 1.0; a processor worked for at least 80 % of the time" in text
    assert "- two: ONNX Runtime and OpenVINO: it looks at images." in text
    assert "- xfeat: ONNX Runtime: the converter fails: a. b." in text
    assert "- head three: edge_head.three.json: no record" in text


def test_without_any_latency_there_is_no_table(costs: Path) -> None:
    """The page says what is missing."""
    rows, missing = edge.read_rows(costs, [entry("nine", imported=True)])

    assert [] == rows
    assert "nine" in edge.edge_page("mine", rows, missing)
