"""The formulas agree with scikit-learn, with brute force, and with the published confusions."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from vad.errors import VadError
from vad.evaluation import metrics
from vad.evaluation.bootstrap import replicate_weights
from vad.evaluation.curves import _at_thresholds, pr_points, roc_points
from vad.evaluation.evaluate import Measured, evaluate
from vad.evaluation.judged_video import JudgedVideo, VideoTruth
from vad.evaluation.metrics import METRICS
from vad.evaluation.score_set import ROWS_AT_ONCE, Curve, _curve
from vad.evaluation.thresholds import MOST_THRESHOLDS, Thresholds, average_precision, roc_area
from vad.schema.evaluate import Bootstrap

NAMES_WITHOUT_LEVEL = {"ano", "pr", "recall", "fpr", "far"}
"""First words of well-known metrics of frames, whose names do not begin with the level."""
BY_CURVE = [name for name, metric in METRICS.items() if metric.by_curve]


def draw(seed: int, n_frames: int = 200, n_thresholds: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Random scores with many ties, and random labels with both classes."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n_frames) % 5 == 0)
    return np.floor(rng.normal(size=n_frames) * n_thresholds / 4 + labels * 2), labels


def exact(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positive and negative counts at all distinct scores, one row."""
    counts = Thresholds.of(scores, labels, np.zeros(len(scores), int), 1, most=None)
    return counts.positive, counts.negative


def curve(scores: np.ndarray, labels: np.ndarray) -> Curve:
    """The same as a curve whose negatives are all of normal videos."""
    positive, negative = exact(scores, labels)
    return Curve(positive, negative, negative)


@pytest.mark.parametrize("seed", range(10))
def test_areas_equal_scikit_learn_on_ties(seed: int) -> None:
    """ROC area, average precision and the trapezoid equal scikit-learn's."""
    scores, labels = draw(seed)
    counts = exact(scores, labels)
    precision, recall, _ = precision_recall_curve(labels, scores)

    assert roc_auc_score(labels, scores) == pytest.approx(roc_area(*counts)[0], abs=1e-12)
    assert average_precision_score(labels, scores) == pytest.approx(average_precision(*counts)[0], abs=1e-12)
    assert auc(recall, precision) == pytest.approx(metrics.pr_auc_trapezoid(curve(scores, labels))[0], abs=1e-12)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("limit", [0.0, 0.05, 0.25, 0.5, 1.0])
def test_operating_points_equal_brute_force(seed: int, limit: float) -> None:
    """Recall at a false alarm rate and false positives at a recall, over all distinct thresholds."""
    scores, labels = draw(seed)
    found = curve(scores, labels)
    points = [(np.mean(scores[labels] >= t), np.mean(scores[~labels] >= t)) for t in [*np.unique(scores), np.inf]]

    assert max(r for r, f in points if f <= limit) == pytest.approx(metrics.recall_at_far(found, limit)[0])
    assert min(f for r, f in points if r >= limit) == pytest.approx(
        metrics.fpr_at_recall(found, limit)[0] if limit else 0.0
    )


def test_recall_at_far_is_zero_when_the_top_is_false() -> None:
    """A constant score flags everything or nothing: at 1 % it can only flag nothing."""
    found = curve(np.zeros(10), np.arange(10) < 3)

    assert 0 == metrics.recall_at_far(found, 0.01)[0]
    assert 1 == metrics.fpr_at_recall(found, 0.8)[0]


def test_one_class_only_is_undefined() -> None:
    """Without positives or negatives the formulas say NaN, never 0."""
    scores = np.arange(4.0)
    no_positive, no_negative = curve(scores, np.zeros(4, bool)), curve(scores, np.ones(4, bool))

    for one in (no_positive, no_negative):
        assert np.isnan(roc_area(one.positive, one.negative)[0])
        assert np.isnan(metrics.recall_at_far(one, 0.01)[0])
        assert np.isnan(metrics.fpr_at_recall(one, 0.8)[0])
    assert np.isnan(average_precision(no_positive.positive, no_positive.negative)[0])
    assert np.isnan(metrics.frame_ap(no_positive)[0])
    assert np.isnan(metrics.pr_auc_trapezoid(no_positive)[0])
    assert 1 == average_precision(no_negative.positive, no_negative.negative)[0]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((123, 36, 114, 17), {"precision": 0.7736, "recall": 0.8786, "accuracy": 0.8172, "f1": 0.8227}),
        ((128, 5, 45, 2), {"precision": 0.9624, "recall": 0.9846, "accuracy": 0.9611, "f1": 0.9734}),
    ],
)
def test_published_confusions(counts: tuple[int, ...], expected: dict[str, float]) -> None:
    """The two published sets of four rates follow from one confusion each."""
    found = metrics.rates(*(np.array([float(n)]) for n in counts))

    assert expected == {name: round(float(values[0]), 4) for name, values in found.items()}


def test_undefined_rates() -> None:
    """No prediction and no positive: precision, recall and F1 are undefined, accuracy is not."""
    zero, four = np.zeros(1), np.full(1, 4.0)
    found = metrics.rates(zero, zero, four, zero)

    assert {"precision", "recall", "f1"} == {k for k, v in found.items() if np.isnan(v[0])}
    assert 1 == found["accuracy"][0]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("gap", [0.5, 1.5, 3.0])
def test_merged_thresholds_are_within_a_thousandth(seed: int, gap: float) -> None:
    """Merging 200,000 distinct scores into about 4,096 groups moves no curve metric by 0.001."""
    rng = np.random.default_rng(seed)
    video = np.repeat(np.arange(40), 5000)
    labels = (rng.random(200_000) < 0.2) & (video < 20)
    scores = rng.normal(size=200_000) + gap * labels + rng.normal(size=40)[video] / 3
    weights = np.concatenate([np.ones((1, 40)), rng.multinomial(40, np.full(40, 1 / 40), 3)]).astype(float)
    true, merged = (
        _curve(Thresholds.of(scores, labels, video, 40, most), weights, np.arange(40) >= 20) for most in (None, 4096)
    )

    assert 4096 >= merged.positive.shape[1]
    for name in BY_CURVE:
        assert np.abs(METRICS[name].function(true) - METRICS[name].function(merged)).max() < 1e-3, name


def test_few_thresholds_are_not_merged() -> None:
    """Up to the limit every distinct score stays a threshold, highest first."""
    counts = Thresholds.of(np.array([3.0, 1, 2, 3]), np.array([True, False, False, False]), np.zeros(4, int), 1, most=3)

    assert [[1, 0, 0]] == counts.positive.tolist()
    assert [[1, 1, 1]] == counts.negative.tolist()


def test_blocks_of_replicates_are_small() -> None:
    """The counts of one block of replicates stay under 8 MB."""
    assert ROWS_AT_ONCE * MOST_THRESHOLDS * 8 < 8e6


def score_set(seed: int) -> list[JudgedVideo]:
    """Six anomalous and five normal videos."""
    rng = np.random.default_rng(seed)
    videos = []
    for i in range(11):
        labels = ((rng.random(30) < 0.4) & (i < 6)).astype(np.int8)
        scores = np.round(10 * rng.random(30) + 4 * labels) / 14
        one = VideoTruth(video_id=f"v{i:02}", class_name="a", label=int(i < 6), n_frames=30, labels=labels)
        videos.append(one.scored(scores, scores.max()))
    return videos


def test_the_size_of_a_block_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replicates are the same numbers whether one row of the weights or all rows are computed together."""
    videos = score_set(0)
    weights = replicate_weights([v.label for v in videos], Bootstrap(resamples=50))
    found = []
    for rows in (1, 7, 50):
        monkeypatch.setattr("vad.evaluation.score_set.ROWS_AT_ONCE", rows)
        found.append(Measured.of(videos, weights, 0.5, "frame").values)

    for name in METRICS:
        assert np.array_equal(found[0][name], found[1][name], equal_nan=True), name
        assert np.array_equal(found[0][name], found[2][name], equal_nan=True), name


def test_a_metric_alone_has_the_same_value() -> None:
    """Computing one metric gives the same bits as computing all of them."""
    videos = score_set(1)
    weights = replicate_weights([v.label for v in videos], Bootstrap(resamples=9))
    together = Measured.of(videos, weights, 0.5, "frame").values

    for name in METRICS:
        alone = Measured.of(videos, weights, 0.5, "frame", [name]).values
        assert [name] == list(alone)
        assert np.array_equal(together[name], alone[name], equal_nan=True), name


@pytest.mark.parametrize("seed", range(5))
def test_values_lie_in_the_range_of_their_unit(seed: int) -> None:
    """Shares lie in [0, 1], counts are whole numbers of frames or videos."""
    found = evaluate(score_set(seed), 0.5)
    most = {"share": 1, "frames": 330, "videos": 11}

    for name, metric in METRICS.items():
        assert 0 <= found[name]["value"] <= most[metric.unit], name
        assert metric.unit == "share" or found[name]["value"].is_integer(), name


def test_better_scores_are_better() -> None:
    """The true labels as scores are at least as good as random ones, in the direction that each entry states."""
    videos = score_set(2)
    right = [v.scored(v.labels.astype(float), v.label) for v in videos]
    worse, best = evaluate(videos, 0.5), evaluate(right, 0.5)

    for name, metric in METRICS.items():
        gain = best[name]["value"] - worse[name]["value"]
        assert gain >= 0 if metric.better == "higher" else gain <= 0, name


@pytest.mark.parametrize("seed", range(10))
def test_curves_have_the_points_of_scikit_learn(seed: int) -> None:
    """The points of both curves are the same bits as scikit-learn's, ties and straight parts included."""
    scores, labels = draw(seed, n_frames=int(np.random.default_rng(seed).integers(2, 300)))
    labels[:2] = True, False
    fpr, tpr, _ = roc_curve(labels, scores)
    precision, recall, _ = precision_recall_curve(labels, scores)
    counts = _at_thresholds(scores, labels)

    assert all(map(np.array_equal, (fpr, tpr), roc_points(*counts)))
    assert all(map(np.array_equal, (recall[::-1], precision[::-1]), pr_points(*counts)))


def test_every_entry_has_a_definition_and_its_level_in_its_name() -> None:
    """Names of video metrics say so; only known metrics of frames have a name without `frame_`."""
    other = {name for name, metric in METRICS.items() if not name.startswith(f"{metric.level}_")}

    unclear = [name for name, metric in METRICS.items() if not metric.meaning.endswith(".")]
    nameless = [
        name for name in other if METRICS[name].level == "video" or name.split("_")[0] not in NAMES_WITHOUT_LEVEL
    ]
    keys = [key for key, metric in METRICS.items() if key != metric.name]
    assert not unclear, f"METRICS {unclear}: the docstring of the function is the definition; write whole sentences."
    assert not nameless, f"METRICS {nameless}: a name begins with its level. Call it frame_NAME or video_NAME."
    assert not keys, f"METRICS {keys}: key and name differ. Write one for both."


@pytest.mark.parametrize("name", ["frame_auc", "pr_auc_trapezoid"])
def test_values_of_another_shape_are_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """One number instead of one for each row of the weights: the error names the metric and both shapes."""
    one_number = replace(METRICS[name], function=lambda counts: np.float64(0.5))
    monkeypatch.setitem(METRICS, name, one_number)

    with pytest.raises(VadError, match=rf"metric {name}: gave values of shape \(\), wanted \(\d+,\).*adding-a-metric"):
        evaluate(score_set(0), 0.5, Bootstrap(resamples=9))


def test_evaluation_imports_nothing_heavy() -> None:
    """Room evaluate starts fast: torch, scikit-learn and scipy, a second and more each, are not imported."""
    names = "baselines, bootstrap, evaluate, run_metrics, ground_truth, metrics, operating_points"
    heavy = "{'torch', 'sklearn', 'scipy'}"
    code = f"import sys\nfrom vad.evaluation import {names}\nsys.exit(len({heavy} & set(sys.modules)))"

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
