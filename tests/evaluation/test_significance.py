"""Paired differences over draws of videos and seeds: who differs, who cannot be compared."""

import numpy as np
import pytest
from scipy.stats import norm

from vad.evaluation.bootstrap import multiplicities
from vad.evaluation.evaluate import evaluate
from vad.evaluation.judged_video import JudgedVideo, VideoTruth
from vad.evaluation.significance import _drawn, _p, corrected, differences
from vad.schema.evaluate import Bootstrap

DRAWS = Bootstrap(resamples=200)


def run(seed: int, skill: float, n_videos: int = 24, dropped: int = 0) -> list[JudgedVideo]:
    """Scored videos, half of them anomalous; the labels depend on the number of the video alone."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(n_videos):
        labels = np.zeros(40, np.int8)
        labels[10 : 20 + i % 3] = i % 2
        scores = rng.normal(size=40) + skill * labels
        truth = VideoTruth(
            video_id=f"v{i:02}", class_name="Arson" if i % 2 else "Normal", label=i % 2, n_frames=40, labels=labels
        )
        found.append(truth.scored(scores, scores.max()).cut(dropped))
    return found


def variant(skill: float, seeds: tuple[int, ...] = (0, 1, 2), **given: int) -> tuple:
    """A contestant with one run per seed."""
    return "frame", [run(seed, skill, **given) for seed in seeds]


def by_metric(rows: list[dict], metric: str = "frame_auc") -> dict:
    """The one row of a metric."""
    (row,) = [row for row in rows if row["metric"] == metric]
    return row


def test_a_clear_difference_is_found() -> None:
    """Skill against none: the difference is that of the means, and its interval leaves 0 out."""
    contestants = {"good": variant(2.0), "poor": variant(0.0, (3, 4, 5))}
    row = by_metric(differences(contestants, DRAWS))
    means = [np.mean([evaluate(one)["frame_auc"]["value"] for one in runs]) for _, runs in contestants.values()]

    assert means[0] - means[1] == pytest.approx(row["difference"])
    assert 0 < row["low"] < row["difference"] < row["high"]
    assert (True, True) == (row["differs"], row["differs_holm"])
    assert "normal tail" == row["p_by"]
    assert 0 < row["p"] < 1 / 200


def test_p_by_replicates_and_by_their_normal_tail() -> None:
    """Counted where enough lie beyond 0; else the two-sided tail at the value, in units of the spread."""
    counted = np.concatenate([np.full(20, -1.0), np.full(180, 1.0)])
    far = np.concatenate([np.full(100, 3.0), np.full(100, 5.0)])

    assert (pytest.approx(42 / 201), "replicates") == _p(counted, 0.8)
    assert (pytest.approx(2 * norm.sf(4.0)), "normal tail") == _p(far, 4.0)
    assert (1.0, "replicates") == _p(np.zeros(200), 0.0)


def test_many_pairs_can_still_differ_after_holm() -> None:
    """A difference of ten spreads holds over 120 pairs, which 2 / 1001 never would."""
    p, _ = _p(np.random.default_rng(0).normal(10, 1, 1000), 10.0)
    rows = [{"metric": "frame_auc", "p": p}, *({"metric": "frame_auc", "p": 0.9} for _ in range(119))]

    assert [True] + [False] * 119 == [row["differs_holm"] for row in corrected(rows, 0.05)]


def test_equal_skill_does_not_differ() -> None:
    """Other seeds of one skill: the interval holds 0."""
    row = by_metric(differences({"a": variant(1.0, (0, 1, 2)), "b": variant(1.0, (3, 4, 5))}, DRAWS))

    assert row["low"] < 0 < row["high"]
    assert (False, False) == (row["differs"], row["differs_holm"])


def test_the_same_runs_differ_by_nothing() -> None:
    """A variant of one seed against itself: the same draws of videos, so every replicate is 0."""
    row = by_metric(differences({"a": variant(1.0, (7,)), "b": variant(1.0, (7,))}, DRAWS))

    assert (0, 0, 0, 1.0) == (row["difference"], row["low"], row["high"], row["p"])
    assert not row["differs"]


def test_seeds_widen_the_interval() -> None:
    """Two seeds that disagree: without their draw the interval would be narrower."""
    one, two = run(0, 0.2), run(1, 1.5)
    wide = by_metric(differences({"a": ("frame", [one, two]), "b": variant(1.0, (9,))}, DRAWS))
    narrow = by_metric(differences({"a": ("frame", [one, one]), "b": variant(1.0, (9,))}, DRAWS))

    assert wide["high"] - wide["low"] > 1.3 * (narrow["high"] - narrow["low"])


def test_order_of_videos_changes_nothing() -> None:
    """The videos of a run may come in any order."""
    straight = {"a": variant(1.0), "b": variant(0.5)}
    turned = {name: (level, [one[::-1] for one in runs]) for name, (level, runs) in straight.items()}

    assert differences(straight, DRAWS) == differences(turned, DRAWS)


def test_pairs_are_compared_on_the_frames_that_both_score() -> None:
    """A model that leaves out four first frames: the other one is judged without these frames too."""
    rows = differences({"a": variant(1.0), "b": variant(1.0, (3, 4, 5), dropped=4)}, DRAWS)
    cut = differences({"a": variant(1.0, dropped=4), "b": variant(1.0, (3, 4, 5), dropped=4)}, DRAWS)
    whole = by_metric(differences({"a": variant(1.0), "b": variant(1.0, (3, 4, 5))}, DRAWS))

    assert by_metric(cut) == by_metric(rows)
    assert 4 == by_metric(rows)["from_frame"]
    assert whole["difference"] != by_metric(rows)["difference"]
    assert (0, 0) == (whole["from_frame"], by_metric(rows, "video_auc")["from_frame"])


def test_other_frames_cannot_be_compared() -> None:
    """Videos that end at other frames, and labels that differ."""
    short = [[video.cut(0, 30) for video in one] for one in variant(1.0)[1]]
    rows = differences({"a": variant(1.0), "b": ("frame", short)}, DRAWS)

    assert "not the same videos and frames" == by_metric(rows)["reason"]
    assert by_metric(rows)["differs"] is None
    assert by_metric(rows, "video_auc")["difference"] is not None


def test_a_part_of_a_video_knows_where_it_begins() -> None:
    """Parts of parts count from the whole video."""
    video = run(0, 1.0)[0]

    assert (0, 4, 9) == (video.first_frame, video.cut(4).first_frame, video.cut(4, 30).cut(5).first_frame)
    assert 21 == video.cut(4, 30).cut(5).n_frames


def test_few_videos_and_video_level() -> None:
    """Fewer than five videos cannot be compared; a video-level model has video metrics only."""
    few = differences({"a": variant(1.0, n_videos=4), "b": variant(0.0, n_videos=4)}, DRAWS)
    whole = differences({"a": ("video", [run(0, 1.0)]), "b": variant(1.0)}, DRAWS)

    assert {"fewer than 5 videos"} == {row["reason"] for row in few}
    assert {"video_auc", "video_ap"} == {row["metric"] for row in whole}


def test_other_metrics_can_be_told() -> None:
    """The metrics that are asked for, and no others."""
    rows = differences({"a": variant(2.0), "b": variant(0.0)}, DRAWS, ["frame_auc_pvnorm"])

    assert ["frame_auc_pvnorm"] == [row["metric"] for row in rows]
    assert rows[0]["low"] > 0


def test_holm_by_hand() -> None:
    """Of 0.01, 0.02 and 0.04 the bounds 0.05/3, 0.05/2 and 0.05 let all pass; of 0.01, 0.03, 0.04 the first alone."""
    rows = [[{"metric": "frame_auc", "p": p} for p in ps] for ps in ((0.04, 0.01, 0.02), (0.04, 0.01, 0.03))]
    rows[1].append({"metric": "frame_auc", "p": None})

    assert [True, True, True] == [row["differs_holm"] for row in corrected(rows[0], 0.05)]
    assert [False, True, False, None] == [row["differs_holm"] for row in corrected(rows[1], 0.05)]


def test_drawn_means_lie_between_the_seeds() -> None:
    """A replicate is the mean of seeds drawn in that replicate."""
    values = np.stack([np.arange(50.0), np.arange(50.0) + 10])
    drawn = _drawn(values, np.random.default_rng(0))

    assert {0.0, 5.0, 10.0} == set(drawn - np.arange(50.0))
    assert 24 == multiplicities([i % 2 for i in range(24)], DRAWS)[0].sum()
