"""What the tables and figures of a report are made from: the runs of some variants, and rows from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pandas as pd

from vad.artefacts.files import read_json
from vad.artefacts.scores import read_scores
from vad.evaluation.annotations import read_labels, truth_of
from vad.evaluation.baselines import rows
from vad.evaluation.conventions import scored_under
from vad.evaluation.ground_truth import Convention, convention
from vad.evaluation.judged_video import JudgedVideo, VideoTruth
from vad.evaluation.significance import Contestants
from vad.ledger.chain import broken_links
from vad.ledger.records import computed_in, record_path
from vad.report.tables import result_row
from vad.schema.base import Id, Section
from vad.schema.evaluate import Evaluate
from vad.splits.tables import TEST_BOXES, read_intervals, read_test

UNSEEN = "centre_minus_length"
"""The row without a pixel that variants are compared with: the strongest of them on UCF-Crime."""


class Entry(Section):
    """What a report knows of one variant."""

    name: Id
    dataset: Id
    features: Id
    model: Id
    imported: bool
    """True if its features are read from published files instead of being computed from videos."""


class RunSettings(Section):
    """The variants and seeds whose runs are shown; a seed is a whole number from 0."""

    variants: list[Entry]
    seeds: list[int]


class JudgedSettings(RunSettings):
    """The same where scores are evaluated once more."""

    evaluate: Evaluate


@dataclass(frozen=True)
class ReportInputs:
    """The files of the runs that a table or figure is made from.

    Attributes:
        paths: folders by name: `split`, `train`, `infer`, `evaluate` (what these rooms wrote), `costs`, `tsne`.
        variants: what is known of each variant, in the order of params.yaml.
        seeds: of the runs.
    """

    paths: Mapping[str, Path]
    variants: Mapping[str, Entry]
    seeds: Sequence[int]

    @classmethod
    def of(cls, settings: RunSettings, paths: Mapping[str, Path]) -> Self:
        """The inputs that settings name."""
        return cls(paths, {entry.name: entry for entry in settings.variants}, settings.seeds)

    @cached_property
    def datasets(self) -> list[str]:
        """The data sets of the variants."""
        return list(dict.fromkeys(entry.dataset for entry in self.variants.values()))

    def run(self, variant: str, seed: int) -> Path:
        """The folder of a trained run."""
        return self.paths["train"] / variant / f"seed{seed}"

    def scores(self, variant: str, seed: int) -> Path:
        """The score file of a run."""
        return self.paths["infer"] / variant / f"seed{seed}.npz"

    def evaluated(self, variant: str, seed: int) -> Path:
        """The folder of the metrics and curves of a run."""
        return self.paths["evaluate"] / variant / f"seed{seed}"

    def metrics(self, variant: str, seed: int) -> dict[str, Any]:
        """The metrics file of a run."""
        return read_json(self.evaluated(variant, seed) / "metrics.json")

    def curves(self, variant: str, seed: int) -> pd.DataFrame:
        """The curves of a run: columns curve, x, y."""
        table = pd.read_csv(self.evaluated(variant, seed) / "curves.csv")
        return table.astype({"x": float, "y": float})  # an empty table has no types

    def history(self, variant: str, seed: int) -> pd.DataFrame:
        """The training curves of a run, a row per epoch."""
        return pd.read_csv(self.run(variant, seed) / "history.csv")

    def table(self, dataset: str, name: str) -> Path:
        """A file of the split tables of a data set."""
        return self.paths["split"] / dataset / "tables" / name

    def facts(self, dataset: str) -> dict[str, Any]:
        """What room split counted in the lists of a data set."""
        return read_json(self.table(dataset, "facts.json"))

    def first_variant(self, dataset: str) -> str:
        """The first variant of a data set; its score files say how long the videos are."""
        return next(name for name, entry in self.variants.items() if entry.dataset == dataset)

    def truth(self, dataset: str, rules: Convention) -> list[VideoTruth]:
        """The test videos of a data set with their frame labels, in the order of the list."""
        scored = read_scores(self.scores(self.first_variant(dataset), self.seeds[0])).videos
        return truth_of_test(self.table(dataset, "test.csv"), self.table(dataset, "frame_labels"), scored, rules)

    def baselines(self, dataset: str, rules: Convention, seed: int) -> dict[str, list[JudgedVideo]]:
        """The test videos of a data set as every baseline and oracle scores them.

        Args:
            dataset: name of the data set.
            rules: how annotated intervals become frame labels.
            seed: of the baseline `random`.
        """
        return rows(self.truth(dataset, rules), seed, read_intervals(self.table(dataset, TEST_BOXES)))


def truth_of_test(test: Path, labels: Path, scored: Mapping[str, Any], rules: Convention) -> list[VideoTruth]:
    """The videos of a test list with their frame labels, in the order of the list.

    Args:
        test: test.csv.
        labels: folder with the labels of each frame, for data sets that state them so; need not exist.
        scored: the scores of the videos by id; they say how many frames each has, and how many a second.
        rules: how annotated intervals become frame labels.
    """
    table = read_test(test)
    tested = {name: video for name, video in scored.items() if video.part == "test"}
    lengths, fps = ({k: getattr(v, name) for k, v in tested.items()} for name in ("n_frames", "fps"))
    return truth_of(table, lengths, fps, rules, read_labels(table, labels)).videos


def label_at(video: VideoTruth, frame: int) -> int:
    """1 if a frame (index from 0) is anomalous, else 0; the label of the video where frames have none."""
    if video.labels is None:
        return video.label
    return int(video.labels[min(frame, len(video.labels) - 1)])  # a convention may count fewer frames


def whole_variants(inputs: ReportInputs) -> tuple[list[str], dict[str, list[str]]]:
    """Which variants can be shown.

    Returns: the variants behind whose metrics there is a whole chain of records, and the broken links of the others.
    """
    broken = {}
    for variant in inputs.variants:
        links = [link for seed in inputs.seeds for link in broken_links(inputs.evaluated(variant, seed))]
        if links:
            broken[variant] = list(dict.fromkeys(links))
    return [variant for variant in inputs.variants if variant not in broken], broken


def whole_rows(inputs: ReportInputs) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """One row of the results for each variant that can be shown; the broken links of the others.

    A row has a column `copies` only where a variant was trained with some.
    """
    whole, broken = whole_variants(inputs)
    found = []
    for variant in whole:
        runs = [inputs.metrics(variant, seed) for seed in inputs.seeds]
        found.append(result_row(_head(inputs, variant, runs[0]), [run["metrics"] for run in runs]))
    if not any(row["copies"] for row in found):
        found = [{name: value for name, value in row.items() if name != "copies"} for row in found]
    return found, broken


def _head(inputs: ReportInputs, variant: str, run: Mapping[str, Any]) -> dict[str, Any]:
    """What a row is: every choice that can move its numbers."""
    entry, protocol, counts = inputs.variants[variant], run["protocol"], run["metrics"]["counts"]
    facts = inputs.facts(entry.dataset)
    scores, threshold = protocol["scores"], protocol["threshold"]
    keys = [read_json(record_path(inputs.evaluated(variant, seed)))["key"][:12] for seed in inputs.seeds]
    return {
        "variant": variant,
        "dataset": entry.dataset,
        "subset": facts.get("subset") or "all",
        "model": entry.model,
        "features": entry.features,
        "extractor_weights": scores["extractor_weights"],
        "decoder": scores["decoder"],
        "copies": scores.get("copies", 0),
        "arithmetic": _arithmetic(inputs, variant),
        "supervision": scores["supervision"],
        "level": protocol["level"],
        "seeds": " ".join(map(str, inputs.seeds)),
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


def _arithmetic(inputs: ReportInputs, variant: str) -> str:
    """In which arithmetic the runs of a variant were trained, each way once."""
    return "; ".join(dict.fromkeys(computed_in(inputs.run(variant, seed)) for seed in inputs.seeds))


def contestants_of(inputs: ReportInputs, dataset: str, variants: Sequence[str], config: Evaluate) -> Contestants:
    """The judged test videos of every run of some variants.

    Args:
        inputs: the runs.
        dataset: of the variants.
        variants: those that are compared, in this order.
        config: the ground truth.
    """
    test = read_test(inputs.table(dataset, "test.csv"))
    labelled = read_labels(test, inputs.table(dataset, "frame_labels"))
    rules = convention(config.ground_truth)
    found: Contestants = {}
    for variant in variants:
        files = [read_scores(inputs.scores(variant, seed)) for seed in inputs.seeds]
        runs = [scored_under(test, labelled, file, rules).videos for file in files]
        found[variant] = (files[0].level, runs)
    return found
