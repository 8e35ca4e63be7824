"""The runs of a data set with what alarms are made from: judged test videos, threshold, frame rates."""

from collections.abc import Sequence
from typing import NamedTuple

from vad.artefacts.scores import read_scores
from vad.evaluation.annotations import read_labels
from vad.evaluation.baselines import NO_PIXEL, THRESHOLDS
from vad.evaluation.conventions import scored_under
from vad.evaluation.ground_truth import convention
from vad.evaluation.judged_video import JudgedVideo, VideoTruth
from vad.evaluation.operating_points import calibrated
from vad.report.inputs import ReportInputs, whole_variants
from vad.schema.evaluate import NEED_BOTH_LABELS, Evaluate
from vad.splits.tables import read_test

LABELS = "labels"
"""The oracle whose scores are the frame labels: what alarms of these settings can reach at best."""
OPERATING = {
    **THRESHOLDS,
    LABELS: 1.0,
    "centre": 0.5,
    "video_oracle": 1.0,
    "video_oracle_centre": 2.5,
    "label_oracle_32": 0.5,
}
"""Rows without a model that have an operating point: `centre` flags the middle half of every video."""


class ScoredRun(NamedTuple):
    """The test videos of one run, or of a row without a model, and its operating point."""

    name: str
    """Of the variant or row."""
    kind: str
    """`variant`, `no pixel` or `oracle`."""
    seed: int | None
    """None for a row without a model."""
    videos: list[JudgedVideo]
    threshold: float | None
    rule: str
    """How the threshold was chosen; empty for a row without a model."""


def frame_rates(inputs: ReportInputs, dataset: str) -> dict[str, float | None]:
    """Frames per second of the test videos of a data set by video id; None = not known."""
    scored = read_scores(inputs.scores(inputs.first_variant(dataset), inputs.seeds[0])).videos
    return {name: video.fps for name, video in scored.items() if video.part == "test"}


def scored_runs(inputs: ReportInputs, dataset: str, config: Evaluate, seeds: Sequence[int]) -> list[ScoredRun]:
    """Every run of a data set that scores frames, variants in the order of params.yaml.

    Args:
        inputs: the runs; those with a broken chain of records are left out.
        dataset: name of the data set.
        config: ground truth, and the calibration of the threshold.
        seeds: of the runs.
    """
    test = read_test(inputs.table(dataset, "test.csv"))
    labelled = read_labels(test, inputs.table(dataset, "frame_labels"))
    rules = convention(config.ground_truth)
    found = []
    for variant in whole_variants(inputs)[0]:
        if inputs.variants[variant].dataset != dataset:
            continue
        for seed in seeds:
            file = read_scores(inputs.scores(variant, seed))
            if file.level == "video":
                continue
            chosen = inputs.metrics(variant, seed)["protocol"]["threshold"]
            normal_only = config.threshold.rule in NEED_BOTH_LABELS and not chosen["n_anomalous"]
            settings = config.threshold_normal_only if normal_only else config.threshold
            videos = calibrated(scored_under(test, labelled, file, rules).videos, settings.calibrate_frames)
            rule = f"{chosen['rule']} on {chosen['chosen_on']}"
            found.append(ScoredRun(variant, "variant", seed, videos, chosen["value"], rule))
    return found


def rows_without_model(inputs: ReportInputs, dataset: str, config: Evaluate) -> list[ScoredRun]:
    """Rows that look at no pixel, and oracles.

    Args:
        inputs: the runs, whose score files say how long the videos are.
        dataset: name of the data set.
        config: ground truth, and the seed of the row `random`.
    """
    rules = convention(config.ground_truth)
    rows = inputs.baselines(dataset, rules, config.bootstrap.seed)
    truth = inputs.truth(dataset, rules)
    if all(video.labels is not None for video in truth if video.label):
        rows[LABELS] = [_labels(video) for video in truth]
    kinds = {name: "no pixel" if name in NO_PIXEL else "oracle" for name in rows}
    return [ScoredRun(name, kinds[name], None, videos, OPERATING.get(name), "") for name, videos in rows.items()]


def _labels(video: VideoTruth) -> JudgedVideo:
    return video.scored(video.frame_truth(), video.label)
