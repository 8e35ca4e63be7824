"""The formulas agree with scikit-learn, with brute force, and with the published confusions."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score

from vad.evaluation import metrics
from vad.evaluation import thresholds as levels
from vad.evaluation.frame_metrics import ROWS_AT_ONCE, _curve
from vad.evaluation.thresholds import Levels


def draw(seed: int, n_frames: int = 200, n_levels: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Random scores with many ties, and random labels with both classes."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n_frames) % 5 == 0)
    return np.floor(rng.normal(size=n_frames) * n_levels / 4 + labels * 2), labels


def exact(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positive and negative counts at all distinct scores, one row."""
    levels = Levels.of(scores, labels, np.zeros(len(scores), int), 1, most=None)
    return levels.positive, levels.negative


@pytest.mark.parametrize("seed", range(10))
def test_areas_equal_scikit_learn_on_ties(seed: int) -> None:
    """ROC area, average precision and the trapezoid equal scikit-learn's."""
    scores, labels = draw(seed)
    counts = exact(scores, labels)
    precision, recall, _ = precision_recall_curve(labels, scores)

    assert roc_auc_score(labels, scores) == pytest.approx(levels.roc_area(*counts)[0], abs=1e-12)
    assert average_precision_score(labels, scores) == pytest.approx(levels.average_precision(*counts)[0], abs=1e-12)
    assert auc(recall, precision) == pytest.approx(levels.precision_areas(*counts)[1][0], abs=1e-12)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("limit", [0.0, 0.05, 0.25, 0.5, 1.0])
def test_operating_points_equal_brute_force(seed: int, limit: float) -> None:
    """Recall at a false alarm rate and false positives at a recall, over all distinct thresholds."""
    scores, labels = draw(seed)
    counts = exact(scores, labels)
    points = [(np.mean(scores[labels] >= t), np.mean(scores[~labels] >= t)) for t in [*np.unique(scores), np.inf]]

    assert max(r for r, f in points if f <= limit) == pytest.approx(metrics.recall_at_far(*counts, limit)[0])
    assert min(f for r, f in points if r >= limit) == pytest.approx(
        metrics.fpr_at_recall(*counts, limit)[0] if limit else 0.0
    )


def test_recall_at_far_is_zero_when_the_top_is_false() -> None:
    """A constant score flags everything or nothing: at 1 % it can only flag nothing."""
    counts = exact(np.zeros(10), np.arange(10) < 3)

    assert 0 == metrics.recall_at_far(*counts, 0.01)[0]
    assert 1 == metrics.fpr_at_recall(*counts, 0.8)[0]


def test_one_class_only_is_undefined() -> None:
    """Without positives or negatives the formulas say NaN, never 0."""
    scores = np.arange(4.0)
    no_positive, no_negative = exact(scores, np.zeros(4, bool)), exact(scores, np.ones(4, bool))

    assert np.isnan(levels.roc_area(*no_positive)[0])
    assert np.isnan(levels.average_precision(*no_positive)[0])
    assert np.isnan(metrics.recall_at_far(*no_positive, 0.01)[0])
    assert np.isnan(metrics.recall_at_far(*no_negative, 0.01)[0])
    assert np.isnan(metrics.fpr_at_recall(*no_positive, 0.8)[0])
    assert np.isnan(metrics.fpr_at_recall(*no_negative, 0.8)[0])
    assert np.isnan(levels.roc_area(*no_negative)[0])
    assert 1 == levels.average_precision(*no_negative)[0]


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
    found = metrics.confusion("video", zero, zero, four, zero)

    assert {"video_precision", "video_recall", "video_f1"} == {k for k, v in found.items() if np.isnan(v[0])}
    assert 1 == found["video_accuracy"][0]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("gap", [0.5, 1.5, 3.0])
def test_merged_levels_are_within_a_thousandth(seed: int, gap: float) -> None:
    """Merging 200,000 distinct scores into about 4,096 groups moves no curve metric by 0.001."""
    rng = np.random.default_rng(seed)
    video = np.repeat(np.arange(40), 5000)
    labels = (rng.random(200_000) < 0.2) & (video < 20)
    scores = rng.normal(size=200_000) + gap * labels + rng.normal(size=40)[video] / 3
    weights = np.concatenate([np.ones((1, 40)), rng.multinomial(40, np.full(40, 1 / 40), 3)]).astype(float)
    made = [_curve(Levels.of(scores, labels, video, 40, most), weights, np.arange(40) >= 20) for most in (None, 4096)]

    assert 4096 >= Levels.of(scores, labels, video, 40).positive.shape[1]
    for name, values in made[0].items():
        assert np.abs(values - made[1][name]).max() < 1e-3, name


def test_few_levels_are_not_merged() -> None:
    """Up to the limit every distinct score stays a level, highest first."""
    levels = Levels.of(np.array([3.0, 1, 2, 3]), np.array([True, False, False, False]), np.zeros(4, int), 1, most=3)

    assert [[1, 0, 0]] == levels.positive.tolist()
    assert [[1, 1, 1]] == levels.negative.tolist()


def test_blocks_of_replicates_are_small() -> None:
    """A block of level counts stays under 8 MB."""
    assert ROWS_AT_ONCE * levels.MOST_LEVELS * 8 < 8e6


def test_evaluation_imports_no_torch() -> None:
    """The evaluation library is usable where torch is not installed."""
    names = "baselines, bootstrap, evaluate, frame_metrics, ground_truth, metrics, operating_points"
    code = f"import sys\nfrom vad.evaluation import {names}\nsys.exit('torch' in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
