"""What room report reads, by variant and seed, and the rows that whole chains of records give."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stages.room import typed
from vad.artefacts.files import read_json
from vad.artefacts.scores import read_scores
from vad.evaluation.annotations import read_labels, truth_of
from vad.evaluation.baselines import rows
from vad.evaluation.ground_truth import Convention, convention
from vad.evaluation.judged_video import JudgedVideo
from vad.ledger.records import broken_links, record_path
from vad.report.tables import result_row
from vad.schema.evaluate import Evaluate
from vad.splits.tables import read_test


@dataclass(frozen=True)
class ReportInputs:
    """Where everything lies that the report reads, by variant and seed."""

    args: argparse.Namespace
    slice: dict

    @property
    def seeds(self) -> list[int]:
        """The seeds of params.yaml."""
        return self.slice["seeds"]

    @cached_property
    def variants(self) -> dict[str, dict]:
        """The variants that ran, in the order of params.yaml, with data set, features and model."""
        return {row["name"]: row for row in self.slice["variants"] if row["name"] not in self.slice["skipped"]}

    def metrics(self, variant: str, seed: int) -> Path:
        """The metrics folder of a run."""
        return self.args.metrics / variant / f"seed{seed}"

    def training(self, variant: str, seed: int) -> Path:
        """The folder of a trained run."""
        return self.args.train / variant / f"seed{seed}"

    def scores(self, variant: str, seed: int) -> Path:
        """The score file of a run."""
        return self.args.infer / variant / f"seed{seed}.npz"

    def map(self, variant: str, name: str) -> Path:
        """A file of a variant's t-SNE: points.csv or about.json."""
        return self.args.own / "tsne" / variant / name

    @cached_property
    def patch_maps(self) -> dict[str, Path]:
        """The folder of patch maps of each variant that has them."""
        return {v: self.args.own / "heat_maps" / v for v, entry in self.variants.items() if entry["maps_patches"]}

    def table(self, dataset: str, name: str) -> Path:
        """A split table of a data set."""
        return self.args.split / dataset / "tables" / name

    def baselines(self, dataset: str, rules: Convention | None = None) -> dict[str, list[JudgedVideo]]:
        """The test videos of a data set as every baseline and oracle scores them, under params.yaml's convention."""
        config = typed(Evaluate, self.slice["evaluate"])
        variant = next(v for v, entry in self.variants.items() if entry["dataset"] == dataset)
        scored = {k: v for k, v in read_scores(self.scores(variant, self.seeds[0])).videos.items() if v.part == "test"}
        lengths, fps = {k: v.n_frames for k, v in scored.items()}, {k: v.fps for k, v in scored.items()}
        test = read_test(self.table(dataset, "test.csv"))
        labelled = read_labels(test, self.table(dataset, "frame_labels"))
        truth = truth_of(test, lengths, fps, rules or convention(config.ground_truth), labelled)
        return rows(truth.videos, config.bootstrap.seed)


def whole_rows(shelf: ReportInputs) -> tuple[list[dict], dict[str, list[str]]]:
    """One row per variant whose chains are whole; the broken links of the others."""
    found, broken = [], {}
    for variant in shelf.variants:
        links = [link for seed in shelf.seeds for link in broken_links(shelf.metrics(variant, seed))]
        if links:
            broken[variant] = list(dict.fromkeys(links))
            continue
        runs = [read_json(shelf.metrics(variant, seed) / "metrics.json") for seed in shelf.seeds]
        found.append(result_row(_head(shelf, variant, runs[0]), [run["metrics"] for run in runs]))
    return found, broken


def _head(shelf: ReportInputs, variant: str, run: Mapping[str, Any]) -> dict[str, Any]:
    """What a row is: every choice that can move its numbers."""
    entry, protocol, counts = shelf.variants[variant], run["protocol"], run["metrics"]["counts"]
    facts = read_json(shelf.table(entry["dataset"], "facts.json"))
    scores, threshold = protocol["scores"], protocol["threshold"]
    keys = [read_json(record_path(shelf.metrics(variant, seed)))["key"][:12] for seed in shelf.seeds]
    return {
        "variant": variant,
        "dataset": entry["dataset"],
        "subset": facts.get("subset") or "all",
        "model": entry["model"],
        "features": entry["features"],
        "extractor_weights": scores["extractor_weights"],
        "supervision": scores["supervision"],
        "level": protocol["level"],
        "seeds": " ".join(map(str, shelf.seeds)),
        "selection": scores["selection"],
        "threshold_rule": f"{threshold['rule']} on {threshold['chosen_on']}",
        "ground_truth": protocol["ground_truth"]["preset"],
        "frame_labels": facts.get("frame_labels", "list"),
        "expansion": scores["expansion"],
        "crops": scores["crops"],
        "scoring": "; ".join(f"{name}: {value}" for name, value in scores["scoring"].items()),
        "score_norm": run["metrics"]["frame_auc_pvnorm"].get("score_norm"),
        "video_score": scores["video_score"],
        "smooth_sigma": scores["smooth_sigma"],
        "interval_unit": run["metrics"]["frame_auc"].get("interval_unit", "videos"),
        "n_train": facts["n_train"],
        "n_validation": facts["n_validation"],
        **{name: counts[name] for name in ("n_videos", "n_anomalous", "n_frames", "n_positive", "resamples")},
        "provenance": " ".join(keys),
    }
