"""Fast replicates equal naive ones; intervals are seeded, stratified and paired."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from vad.errors import ArtefactError
from vad.evaluation.bootstrap import hanley_mcneil, interval, multiplicities, replicate_weights
from vad.evaluation.evaluate import Measured
from vad.evaluation.judged_video import Frames, JudgedVideo, VideoTruth, check_same
from vad.evaluation.pair_counts import PairCounts
from vad.schema.evaluate import Bootstrap


def random_videos(seed: int, step: float = 0.5) -> list[JudgedVideo]:
    """Six anomalous and five normal videos with tied scores, ids in order."""
    rng = np.random.default_rng(seed)
    videos = []
    for i in range(11):
        n_frames = int(rng.integers(5, 30))
        labels = ((rng.random(n_frames) < 0.4) & (i < 6)).astype(np.int8)
        scores = np.round((rng.normal(size=n_frames) + labels) / step) * step
        one = VideoTruth(
            video_id=f"v{i:02}", class_name="abc"[i % 3], label=int(i < 6), n_frames=n_frames, labels=labels
        )
        videos.append(one.scored(scores, scores.max()))
    return videos


def frames_of(videos: list[JudgedVideo]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of all frames, joined the simple way."""
    return np.concatenate([v.labels for v in videos]), np.concatenate([v.scores for v in videos])


def table(videos: list[JudgedVideo]) -> PairCounts:
    """Pair counts of the videos."""
    frames = Frames.of(videos)
    return PairCounts.of(frames.scores, frames.positive, frames.sizes)


@pytest.mark.parametrize("seed", range(20))
def test_pair_counts_equal_scikit_learn_on_ties(seed: int) -> None:
    """With every video once, the table gives scikit-learn's area, for all videos and for each."""
    videos = random_videos(seed)
    pairs = table(videos)

    assert roc_auc_score(*frames_of(videos)) == pytest.approx(pairs.auc(np.ones((1, 11)))[0], abs=1e-12)
    for video, own in zip(videos, pairs.own(), strict=True):
        if len(np.unique(video.labels)) == 2:
            assert roc_auc_score(video.labels, video.scores) == pytest.approx(own, abs=1e-12)
        else:
            assert np.isnan(own)


def test_pair_counts_by_hand() -> None:
    """Two videos: positives 2 and 3 against negatives 1, 2 and 3, 5."""
    scores, positive = np.array([2.0, 3, 1, 2, 3, 5]), np.array([True, True, False, False, False, False])
    pairs = PairCounts.of(scores, positive, np.array([4, 2]))

    assert [[3.5, 0.5], [0, 0]] == pairs.right.tolist()
    assert [2, 0] == pairs.positives.tolist()


def test_pair_counts_without_positives() -> None:
    """No positive frame anywhere: undefined, without a warning."""
    pairs = PairCounts.of(np.arange(4.0), np.zeros(4, bool), np.array([2, 2]))

    assert np.isnan(pairs.auc(np.ones((1, 2)))).all()


def naive(videos: list[JudgedVideo]) -> dict[str, float]:
    """Metrics of a list of videos, in which a video may stand several times, by concatenation."""
    labels, scores = frames_of(videos)
    anomalous = [v for v in videos if v.label]
    both = [v for v in videos if len(np.unique(v.labels)) == 2]
    normal = np.concatenate([v.scores for v in videos if not v.label])
    scaled = np.concatenate([(v.scores - v.scores.min()) / (np.ptp(v.scores) or 1) for v in videos])
    sizes = np.concatenate([np.full(v.n_frames, v.n_frames) for v in videos])
    points = [t for t in [*np.unique(scores), np.inf] if np.mean(normal >= t) <= 0.01]
    flagged = scores >= 0.5
    video_labels, video_scores = [v.label for v in videos], [v.video_score for v in videos]
    return {
        "frame_auc": roc_auc_score(labels, scores),
        "frame_auc_macro": np.mean([roc_auc_score(v.labels, v.scores) for v in both]),
        "frame_auc_pvnorm": roc_auc_score(labels, scaled),
        "frame_auc_balanced": roc_auc_score(labels, scores, sample_weight=1 / sizes),
        "ano_auc": roc_auc_score(*frames_of(anomalous)),
        "frame_ap": average_precision_score(labels, scores),
        "recall_at_far_1pct": max(np.mean(scores[labels == 1] >= t) for t in points),
        "fpr_at_recall_80pct": min(
            np.mean(scores[labels == 0] >= t) for t in np.unique(scores) if np.mean(scores[labels == 1] >= t) >= 0.8
        ),
        "far_at_threshold": np.mean(normal >= 0.5),
        "frame_tp": float((flagged & (labels == 1)).sum()),
        "frame_fp": float((flagged & (labels == 0)).sum()),
        "frame_precision": np.mean(labels[flagged]),
        "video_auc": roc_auc_score(video_labels, video_scores),
        "video_ap": average_precision_score(video_labels, video_scores),
    }


@pytest.mark.parametrize("seed", range(5))
def test_replicates_equal_naive_ones(seed: int) -> None:
    """Each replicate equals scikit-learn on the concatenated resample, the value on the videos themselves."""
    videos = random_videos(seed)
    weights = replicate_weights([v.label for v in videos], Bootstrap(resamples=15, seed=seed))
    found = Measured.of(videos, weights, 0.5, "frame").values

    for row, weight in enumerate(weights.astype(int)):
        drawn = [v for v, times in zip(videos, weight, strict=True) for _ in range(times)]
        for name, value in naive(drawn).items():
            assert value == pytest.approx(found[name][row], abs=1e-12), name


def test_resamples_keep_the_strata() -> None:
    """Each stratum keeps its number of videos, and the seed decides the draw."""
    strata = [1] * 3 + [0] * 5
    drawn = multiplicities(strata, Bootstrap(resamples=50, seed=7))

    assert (50, 8) == drawn.shape
    assert {3} == set(drawn[:, :3].sum(1))
    assert {5} == set(drawn[:, 3:].sum(1))
    assert np.array_equal(drawn, multiplicities(strata, Bootstrap(resamples=50, seed=7)))
    assert not np.array_equal(drawn, multiplicities(strata, Bootstrap(resamples=50, seed=8)))


def test_percentile_interval() -> None:
    """Percentiles of the defined replicates; the others are counted."""
    assert (2.5, 97.5, 0) == pytest.approx(interval(np.arange(101.0), 0.95))
    assert (1, 1, 2) == interval(np.array([1, np.nan, 1, np.nan]), 0.95)
    assert (None, None, 2) == interval(np.full(2, np.nan), 0.95)


def test_hanley_mcneil() -> None:
    """The published video-level area on 140 and 150 videos lies between 87.7 and 94.7."""
    found = hanley_mcneil(0.9118, 140, 150)

    assert (0.0179, 0.877, 0.947) == (round(found.error, 4), round(found.low, 3), round(found.high, 3))
    assert (0, 1, 1) == hanley_mcneil(1.0, 5, 5)


def test_a_comparison_needs_the_same_videos() -> None:
    """Other videos or other labels cannot be paired, and all are listed."""
    videos = random_videos(0)
    other = VideoTruth(video_id="v00", class_name="a", label=1, n_frames=2, labels=np.array([0, 1]))

    with pytest.raises(ArtefactError, match=r"(?s)2 problem.*v10: in one of the two.*v00: the labels differ"):
        check_same(videos, [other.scored(np.zeros(2), 0.0), *videos[1:-1]])
