"""A small report for tests of its pages, written by hand: two data sets, one of them with hostile names."""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.pages.given import HOSTILE, jpeg, picture
from vad.site.index import Settings, write
from vad.site.names import page_files

VARIANTS = {"one": ("good", "poor", "plain"), "two": ("whole",)}
"""By data set; `whole` scores whole videos only."""
VIDEOS = {"one": ["Abuse001", "Normal001", HOSTILE.replace("/", "")], "two": ["a", "b"]}
AREAS = {"good": 0.9, "poor": 0.7, "plain": 0.8, "whole": 0.6}
FILES = ("one/results.csv", "one/cards/good.md", "one/figures/roc_video.png", "tables/claims.csv", "published/t.csv")


def write_report(folder: Path) -> Path:
    """Write the report and its page.

    Returns: the page of all results.
    """
    reports, data = folder / "reports", folder / "data"
    for dataset, variants in VARIANTS.items():
        _dataset(folder, dataset, variants)
    claims = [
        {"id": f"C{i}", "system": HOSTILE, "claim": "AUC", "value": "0.9", "unit": "", "level": "video", "data": "test"}
        | {"selection": "test", "verdict": verdict, "reason": HOSTILE, "ours": "0.8"}
        | {"ours_metric": "video_auc", "ours_variant": "good", "ours_data": "one (not the data of the claim)"}
        for i, verdict in enumerate(("verified", "unsupported", "unsupported"))
    ]
    _csv(reports / "tables/claims.csv", claims)
    alarms = [{"dataset": "one", "variant": "good", "kind": "variant", "n_events": 3, **_metric("event_f1_10", 0.5)}]
    _csv(reports / "tables/alarms.csv", alarms)
    places = [{"dataset": "one", "variant": "good", **_metric("pixel_auc", 0.6)}]
    _csv(reports / "tables/localisation.csv", places)
    rows = [{"kind": "ours", "variant": "good", "system": "", **_metric("video_auc", 0.8)}]
    rows += [{"kind": "published", "variant": "", "system": HOSTILE, "video_auc": "0.89 (unsupported)"}]
    rows += [{"kind": "not installed", "variant": "absent"}]
    _csv(reports / "published/t.csv", rows)
    (reports / "published/t.md").write_text("# A table. Data: one\n")
    for name in FILES:
        path = reports / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(jpeg(picture()))
    for dataset, videos in VIDEOS.items():
        for name in page_files(videos):
            path = reports / "site" / dataset / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    rooms = {room: data / room for room in ("split", "train", "infer", "evaluate")}
    places_of = {**rooms, "reports": reports, "plots": data / "plots", "tsne": data / "tsne"}
    write(settings(), places_of, reports / "site/index.html")
    return reports / "site/index.html"


def digest(kind: str, place: str) -> str:
    """A hash of its own for each kind (key, code, input) and each place of a record."""
    return hashlib.sha256(f"{kind} {place}".encode()).hexdigest()


def settings(**changes: Any) -> Settings:
    """What the page is made from."""
    entries = [
        {"name": variant, "dataset": dataset, "features": "xfeat", "model": "mstsm", "imported": False}
        for dataset, variants in VARIANTS.items()
        for variant in variants
    ]
    given = {"seeds": [0, 1], "variants": entries, "baselines": ["plain"], "synthetic": ["one"], "files": list(FILES)}
    return Settings.model_validate({**given, "skipped": {"other": HOSTILE}, **changes})


def _metric(name: str, value: float) -> dict[str, Any]:
    ends = {"": 0.0, "_low": -0.05, "_high": 0.05}
    return {f"{name}{end}": value + shift for end, shift in ends.items()} | {f"{name}_std": 0.01}


def _dataset(folder: Path, dataset: str, variants: Sequence[str]) -> None:
    reports, data = folder / "reports" / dataset, folder / "data"
    tables = data / "split" / dataset / "tables"
    tests = [{"video_id": name, "class": HOSTILE, "label": i % 2} for i, name in enumerate(VIDEOS[dataset])]
    _csv(tables / "test.csv", tests)
    facts = {"n_train": 4, "n_validation": 2, "n_test": len(tests), "notes": []}
    _json(tables / "facts.json", {**facts, "labels": {"test": {"anomalous": 1}}})
    results, costs = [], []
    for variant in variants:
        level = "video" if variant == "whole" else "frame"
        head = {"variant": variant, "dataset": dataset, "model": "mstsm", "features": "xfeat", "level": level}
        head |= {"supervision": "weak", "extractor_weights": "xfeat", "decoder": "PyAV", "arithmetic": "portable"}
        results.append({**head, **_metric(f"{level}_auc", AREAS[variant])})
        costs.append({"variant": variant, "kind": "variant", "params": 1000, "extractor_params": 10, "fps": 30})
        costs[-1] |= {"end_to_end_fps": 300, "measured_on": HOSTILE, "cpu_share": 1.0, "macs_per_second": 1e9}
        _runs(data, variant)
    _csv(reports / "results.csv", results)
    unseen = {"row": "constant", "kind": "no pixel", "dataset": dataset, **_metric("frame_auc", 0.5)}
    _csv(reports / "baselines.csv", [unseen])
    _csv(reports / "efficiency.csv", costs)
    pairs = [
        ("good", "plain", 0.12, True, True, 4),
        ("good", "poor", 0.2, True, False, 0),
        ("poor", "plain", -0.1, False, False, 0),
    ]
    compared = [
        {"first": one, "second": two, "metric": "frame_auc", "difference": d, "low": d - 0.05, "high": d + 0.05}
        | {"p": 0.01, "differs": differs, "differs_holm": holm, "reason": "", "from_frame": start}
        for one, two, d, differs, holm, start in pairs
    ]
    compared.append({"first": "good", "second": "constant", "metric": "frame_auc", "reason": HOSTILE, "from_frame": 0})
    _csv(reports / "significance.csv", compared if dataset == "one" else [])


def _runs(data: Path, variant: str) -> None:
    """Plot data, map and records of a variant."""
    steps = np.linspace(0, 1, 5)
    for kind, x, y in (("roc", "fpr", "tpr"), ("pr", "recall", "precision")):
        _csv(data / "plots" / kind / f"{variant}.csv", [{x: v, y: v, "seed": s} for s in (0, 1) for v in steps])
    losses = [{"epoch": e, "train_loss": 1 / e, "validation_loss": 2 / e, "seed": s} for e in (1, 2) for s in (0, 1)]
    _csv(data / "plots/training" / f"{variant}.csv", losses if variant != "plain" else [])
    videos = next(VIDEOS[dataset] for dataset, names in VARIANTS.items() if variant in names)
    points = [
        {"video_id": name, "frame": 8 * i, "class": "", "label": i % 2, "score": 0.5, "x": i, "y": -i}
        for i, name in enumerate(videos)
    ]
    _csv(data / "tsne" / variant / "points.csv", points)
    _json(data / "tsne" / variant / "about.json", {"unit": "step", "of": 9, "perplexity": 5.0, "seed": 0, "points": 3})
    for seed in (0, 1):
        _json(data / "train" / variant / f"seed{seed}/config.json", {"epoch": 1 + seed})
        for place in (
            f"train/{variant}/seed{seed}",
            f"infer/{variant}/seed{seed}.npz",
            f"evaluate/{variant}/seed{seed}",
        ):
            environment = {"machine": "linux", "python": "3.11", "libraries": {"torch": "2"}}
            record = {"key": digest("key", place), "code": {"sha256": digest("code", place)}}
            record["inputs"] = {"data/test.csv": digest("input", place)}
            _json(data / f"{place}.prov.json", {**record, "environment": environment, "section": {"content": {"a": 1}}})


def _csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def _json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
