"""The one entry: every metric with its level, its interval, and a reason where it is undefined."""

import json
import random
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from vad.evaluation.evaluate import _blocks, evaluate
from vad.evaluation.judged_video import JudgedVideo, VideoTruth
from vad.evaluation.metrics import METRICS
from vad.schema.evaluate import Bootstrap

DRAWS = Bootstrap(resamples=60)
FRAME_LEVEL = [name for name, metric in METRICS.items() if metric.level == "frame"]


def video(name: str, labels: list[int], scores: list[float], class_name: str = "Arson") -> JudgedVideo:
    """A video with frame labels and its highest score as video score."""
    one = VideoTruth(
        video_id=name,
        class_name=class_name,
        label=int(any(labels)),
        n_frames=len(labels),
        labels=np.array(labels),
    )
    return one.scored(np.array(scores, float), max(scores))


@pytest.fixture
def videos() -> list[JudgedVideo]:
    """Twelve anomalous videos of two classes and eight normal ones."""
    rng = np.random.default_rng(0)
    made = []
    for i in range(20):
        labels = [0, 0, 1, 1, 0] if i < 12 else [0] * (4 + i % 3)
        scores = np.round(8 * rng.random(len(labels)) + 6 * np.array(labels)) / 16
        made.append(video(f"v{i:02}", labels, scores.tolist(), "Arson" if i < 8 else "Abuse" if i < 12 else "Normal"))
    return made


def test_every_metric_is_there_and_json(videos: list[JudgedVideo]) -> None:
    """All metrics have a value inside their interval, and the result is JSON without NaN."""
    found = evaluate(videos, 0.5, DRAWS)

    assert set(METRICS) | {"counts", "classes"} == set(json.loads(json.dumps(found, allow_nan=False)))
    assert all(found[name]["low"] <= found[name]["value"] <= found[name]["high"] for name in METRICS)
    assert {
        "n_videos": 20,
        "n_anomalous": 12,
        "n_normal": 8,
        "n_frames": 99,
        "n_positive": 24,
        "resamples": 60,
        "undefined_replicates": 0,
    } == found["counts"]


def test_the_order_of_videos_changes_nothing(videos: list[JudgedVideo]) -> None:
    """Shuffled videos give the same numbers and the same intervals."""
    shuffled = random.Random(1).sample(videos, len(videos))

    assert evaluate(videos, 0.5, DRAWS) == evaluate(shuffled, 0.5, DRAWS)


def test_monotone_scores_rank_the_same(videos: list[JudgedVideo]) -> None:
    """Any range of scores is welcome: a shift and a scale move no ranking metric."""
    moved = [v.scored(v.scores * 8 - 64, v.video_score * 8 - 64) for v in videos]
    names = ("frame_auc", "frame_auc_pvnorm", "frame_ap", "recall_at_far_1pct", "video_auc")

    assert [evaluate(videos)[n] for n in names] == [evaluate(moved)[n] for n in names]


def test_without_threshold_or_bootstrap(videos: list[JudgedVideo]) -> None:
    """Threshold metrics say why they are undefined; intervals are None."""
    found = evaluate(videos)

    assert {"value": None, "low": None, "high": None, "reason": "no threshold"} == found["video_f1"]
    assert "no threshold" == found["far_at_threshold"]["reason"]
    assert (None, None) == (found["frame_auc"]["low"], found["frame_auc"]["high"])


def test_normal_videos_only() -> None:
    """Without a positive, only false alarms and specificity remain; nothing is 0 or NaN instead."""
    found = evaluate([video("a", [0, 0], [0.1, 0.9]), video("b", [0, 0], [0.2, 0.3])], 0.5, DRAWS)

    assert 0.25 == found["far_at_threshold"]["value"]
    assert "no positive frames" == found["frame_auc"]["reason"]
    assert "no videos with both classes of frame" == found["frame_auc_macro"]["reason"]
    assert "no anomalous videos" == found["video_auc"]["reason"]
    assert "no positive frames" == found["recall_at_far_1pct"]["reason"]
    assert 0 == found["frame_precision"]["value"]
    json.dumps(found, allow_nan=False)


def test_anomalous_videos_only() -> None:
    """Sets like Ped2 have no normal test video: false alarm metrics are undefined, areas are not."""
    found = evaluate([video("a", [0, 1], [0.1, 0.9]), video("b", [1, 1], [0.2, 0.3])], 2.0, DRAWS)

    assert "no normal videos" == found["far_at_threshold"]["reason"]
    assert "no normal videos" == found["recall_at_far_1pct"]["reason"]
    assert "no normal videos" == found["video_auc"]["reason"]
    assert "no frames at or above the threshold" == found["frame_precision"]["reason"]
    assert "no videos at or above the threshold" == found["video_precision"]["reason"]
    assert (1, 2, ["b"]) == tuple(found["frame_auc_macro"][key] for key in ("n_used", "n_total", "left_out"))
    assert 5 < found["counts"]["undefined_replicates"] < 25


def test_missing_frame_labels_are_named(videos: list[JudgedVideo]) -> None:
    """An anomalous video without frame labels leaves video level and false alarms, and is named."""
    bare = VideoTruth(video_id="bare", class_name="Arson", label=1, n_frames=2).scored(np.zeros(2), 0.0)
    found, labelled = evaluate([*videos, bare], 0.5, DRAWS), evaluate(videos, 0.5)

    undefined = {name for name in METRICS if found[name].get("reason") == "no frame labels: bare"}
    assert set(FRAME_LEVEL) - {"far_at_threshold"} == undefined
    assert labelled["far_at_threshold"]["value"] == found["far_at_threshold"]["value"]
    assert found["video_auc"]["value"] is not None
    assert (None, {}) == (found["counts"]["n_positive"], found["classes"])
    assert "no threshold" == evaluate([*videos, bare])["far_at_threshold"]["reason"]


def test_normal_videos_need_no_labels(videos: list[JudgedVideo]) -> None:
    """A normal video without frame labels is all normal."""
    bare = [
        VideoTruth(video_id=v.video_id, class_name=v.class_name, label=v.label, n_frames=v.n_frames).scored(
            v.scores, v.video_score
        )
        for v in videos
        if not v.label
    ]

    assert evaluate(videos, 0.5) == evaluate([*(v for v in videos if v.label), *bare], 0.5)


def test_video_level_model(videos: list[JudgedVideo]) -> None:
    """One score per video: frame metrics are undefined for that reason, video metrics are the same."""
    whole = [v.scored(None, v.video_score) for v in videos]
    found = evaluate(whole, 0.5, DRAWS, level="video")

    assert {"video-level model"} == {found[name]["reason"] for name in FRAME_LEVEL}
    assert evaluate(videos, 0.5, DRAWS)["video_auc"] == found["video_auc"]
    assert found["counts"]["n_frames"] is None


def test_scores_that_a_model_normalised_are_for_one_metric(videos: list[JudgedVideo]) -> None:
    """`frame_auc_pvnorm` is the area of the model's own normalised scores, and says so; nothing else reads them."""
    rng = np.random.default_rng(5)
    own = [replace(v, normalised=rng.random(v.n_frames)) for v in videos]
    plain, found = evaluate(videos, 0.5, DRAWS), evaluate(own, 0.5, DRAWS)
    labels = np.concatenate([v.frame_truth() for v in own])
    expected = roc_auc_score(labels, np.concatenate([v.normalised for v in own]))

    assert expected == pytest.approx(found["frame_auc_pvnorm"]["value"])
    assert ["per_video", "per_video_components"] == [r["frame_auc_pvnorm"]["score_norm"] for r in (plain, found)]
    assert {**plain, "frame_auc_pvnorm": 0} == {**found, "frame_auc_pvnorm": 0}


def test_a_constant_video_does_not_break_per_video_scaling(videos: list[JudgedVideo]) -> None:
    """Constant videos are all 0 under per-video scaling, and counted."""
    found = evaluate([*videos, video("flat", [0, 1], [0.5, 0.5])])["frame_auc_pvnorm"]

    assert 1 == found["n_constant"]
    assert 0.5 < found["value"] < 1


def test_padded_macro_area_by_definition(videos: list[JudgedVideo]) -> None:
    """The padded macro area equals scikit-learn on padded videos, and is refused outside [0, 1]."""
    padded = [roc_auc_score([0, *v.labels, 1], [0, *v.scores, 1]) for v in videos]
    wide = [v.scored(v.scores + 1, v.video_score) for v in videos]

    assert np.mean(padded) == pytest.approx(evaluate(videos)["frame_auc_macro_padded"]["value"])
    assert "no score range within [0, 1]" == evaluate(wide)["frame_auc_macro_padded"]["reason"]


def test_class_areas(videos: list[JudgedVideo]) -> None:
    """A class against its own normal frames and against all normal videos; no interval for few videos."""
    classes = evaluate(videos, None, DRAWS)["classes"]
    own = [v for v in videos if v.class_name == "Arson"]
    for name, chosen in (("class_auc_own", own), ("class_auc_vs_normal", [*own, *videos[12:]])):
        labels, scores = (np.concatenate([getattr(v, key) for v in chosen]) for key in ("labels", "scores"))

        assert roc_auc_score(labels, scores) == pytest.approx(classes["Arson"][name]["value"])

    assert ["Abuse", "Arson"] == list(classes)
    assert (4, 8) == (classes["Abuse"]["n_videos"], classes["Arson"]["n_videos"])
    assert "n too small" == classes["Abuse"]["class_auc_own"]["interval_reason"]
    assert classes["Arson"]["class_auc_own"]["low"] < classes["Arson"]["class_auc_own"]["high"]


def test_a_class_without_normal_frames() -> None:
    """A fully anomalous class is undefined against itself."""
    found = evaluate([video("a", [1, 1], [0.2, 0.3]), video("b", [0, 0], [0.1, 0.2], "Normal")])["classes"]["Arson"]

    assert "one class of frame only" == found["class_auc_own"]["reason"]
    assert 0.875 == found["class_auc_vs_normal"]["value"]


def _one_video(n_frames: int = 3000) -> JudgedVideo:
    """One test video whose scores are noisy and higher in its anomalous third."""
    labels = (np.arange(n_frames) // 100 % 3 == 1).astype(np.int8)
    scores = np.random.default_rng(0).normal(size=n_frames) + labels
    return JudgedVideo(
        video_id="only",
        class_name="Fire",
        label=1,
        n_frames=n_frames,
        labels=labels,
        scores=scores,
        video_score=float(scores.max()),
    )


def test_a_single_video_has_an_interval_over_blocks() -> None:
    """One video cannot be resampled: blocks of frames are, and the entry says so; other metrics say why not."""
    found = evaluate([_one_video()], 0.5, Bootstrap(resamples=200, block_frames=300))
    area = found["frame_auc"]

    assert area["interval_unit"] == "blocks of 300 frames"
    assert area["low"] < area["value"] < area["high"]
    assert area["value"] == pytest.approx(roc_auc_score(_one_video().labels, _one_video().scores))
    assert found["frame_auc_macro"]["interval_reason"] == "fewer than 5 videos"
    assert found["frame_auc_macro"]["low"] is None


def test_blocks_cover_a_video_once() -> None:
    """The blocks of a video are its frames in order, the last one shorter."""
    video = _one_video(700)
    blocks = _blocks(video, 300)

    assert [300, 300, 100] == [block.n_frames for block in blocks]
    np.testing.assert_array_equal(video.scores, np.concatenate([block.scores for block in blocks]))


def test_a_video_shorter_than_five_blocks_has_no_interval() -> None:
    """Four blocks are as little as four videos: no interval."""
    found = evaluate([_one_video(1200)], None, Bootstrap(resamples=50, block_frames=300))

    assert found["frame_auc"]["low"] is None
    assert found["frame_auc"]["interval_reason"] == "fewer than 5 videos"
