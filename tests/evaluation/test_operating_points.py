"""Operating points are chosen on validation videos alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.metrics import f1_score, roc_curve

from vad.errors import ArtefactError, DatasetError
from vad.evaluation.evaluate import evaluate
from vad.evaluation.judged_video import JudgedVideo, VideoTruth
from vad.evaluation.operating_points import RULES, calibrated, choose_threshold, validation_area
from vad.schema.evaluate import Evaluate, Threshold


def part(normal: list[float], anomalous: list[float]) -> list[JudgedVideo]:
    """A validation part: labels and video scores, no frame."""
    pairs = [(0, s) for s in normal] + [(1, s) for s in anomalous]
    return [
        VideoTruth(video_id=f"v{i}", class_name="", label=label, n_frames=0).scored(None, score)
        for i, (label, score) in enumerate(pairs)
    ]


@pytest.mark.parametrize(
    ("rule", "value", "expected", "name"),
    [
        ("youden", None, 0.6, "youden"),
        ("max_f1", None, 0.3, "max_f1"),
        ("far", 0.25, 0.6, "far<=0.25"),
        ("far", 0.5, 0.3, "far<=0.5"),
        ("quantile", 0.5, 0.25, "quantile=0.5"),
    ],
)
def test_rules(rule: str, value: float | None, expected: float, name: str) -> None:
    """Each rule on four normal and four anomalous videos, with where it came from."""
    found = choose_threshold(part([0.1, 0.2, 0.3, 0.7], [0.3, 0.6, 0.6, 0.9]), Threshold(rule=rule, value=value))

    assert expected == pytest.approx(found.value)
    assert (name, "validation", 4, 4) == (found.rule, found.chosen_on, found.n_anomalous, found.n_normal)


def test_far_above_every_score() -> None:
    """When the highest score flags too many normals, the threshold lies just above it."""
    found = choose_threshold(part([0.5, 0.5], []), Threshold(rule="far", value=0.1))

    assert np.nextafter(0.5, 1) == found.value


@pytest.mark.parametrize("seed", range(20))
def test_youden_and_f1_are_the_best_of_scikit_learn(seed: int) -> None:
    """On random scores with ties no other distinct score does better."""
    rng = np.random.default_rng(seed)
    labels, scores = rng.permutation([0, 1] * 10), rng.integers(0, 8, 20) / 8
    fpr, tpr, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    youden = RULES["youden"](scores, labels == 1, 0.0)
    best = max(f1_score(labels, scores >= t, zero_division=0) for t in np.unique(scores))

    assert (tpr - fpr)[1:].max() == pytest.approx((tpr - fpr)[thresholds == youden][0])
    assert best == pytest.approx(f1_score(labels, scores >= RULES["max_f1"](scores, labels == 1, 0.0)))


def test_fixed_needs_no_video() -> None:
    """A fixed threshold comes from params and says so."""
    found = choose_threshold([], Threshold(rule="fixed", value=0.5))

    assert (0.5, "params") == (found.value, found.chosen_on)


@pytest.mark.parametrize(
    ("rule", "value", "videos", "message"),
    [
        ("youden", None, part([0.1], []), "no anomalous video.*Use rule far or quantile"),
        ("max_f1", None, part([], [0.1]), "no normal video"),
        ("far", 0.1, part([], [0.1]), "no normal video"),
        ("quantile", 0.9, [], "no normal video"),
    ],
)
def test_a_missing_class_is_named(rule: str, value: float | None, videos: list[JudgedVideo], message: str) -> None:
    """A part that lacks a class of video the rule needs is an error."""
    with pytest.raises(DatasetError, match=message):
        choose_threshold(videos, Threshold(rule=rule, value=value))


def test_normal_videos_alone_take_the_second_rule() -> None:
    """A part without anomalous videos uses the rule for it, by name; any other part, or a rule that fits, does not."""
    second = Threshold(rule="quantile", value=0.5)
    found = choose_threshold(part([0.1, 0.2, 0.6], []), Threshold(), normal_only=second)
    mixed = choose_threshold(part([0.1], [0.9]), Threshold(), normal_only=second)
    fits = choose_threshold(part([0.1, 0.2], []), Threshold(rule="far", value=0.5), normal_only=second)

    assert ("quantile=0.5", "validation (normal videos only)", 0.2) == (found.rule, found.chosen_on, found.value)
    assert ("youden", "validation") == (mixed.rule, mixed.chosen_on)
    assert ("far<=0.5", "validation") == (fits.rule, fits.chosen_on)


def test_the_second_rule_must_do_without_anomalous_videos() -> None:
    """Youden and F1 cannot be the rule for normal videos alone."""
    with pytest.raises(ValidationError, match="threshold_normal_only cannot use rule youden"):
        Evaluate(threshold_normal_only=Threshold())


@pytest.mark.parametrize(("rule", "value"), [("youden", 0.5), ("far", None), ("quantile", 1.5), ("fixed", None)])
def test_a_wrong_number_is_refused(rule: str, value: float | None) -> None:
    """The rule's number must be there, in range, and only where it means something."""
    with pytest.raises(ValidationError, match=f"rule {rule}"):
        Threshold(rule=rule, value=value)


def test_scores_that_are_not_finite_name_the_video() -> None:
    """A NaN among the validation scores is an error, not a threshold."""
    with pytest.raises(ArtefactError, match="v1: video score nan"):
        choose_threshold(part([0.1], [float("nan")]), Threshold())


def framed(name: str, label: int, scores: list[float]) -> JudgedVideo:
    """A video with frame scores."""
    truth = VideoTruth(video_id=name, class_name="", label=label, n_frames=len(scores))
    return truth.scored(np.array(scores), max(scores))


def test_blocks_of_normal_videos() -> None:
    """The highest score of each block counts, the short last one too; anomalous videos are not read."""
    videos = [framed("a", 0, [1, 2, 3, 4, 5]), framed("b", 0, [6, 0]), framed("c", 1, [99, 99])]
    half = choose_threshold(videos, Threshold(rule="block_quantile", value=0.5, block_frames=2))
    # Maxima 2, 4, 5 and 6 in 7 s: 1,029 alarms an hour are two of them.
    alarms = Threshold(rule="alarms_per_hour", value=1029.0, block_frames=2)
    found = choose_threshold(videos, alarms, fps={"a": 1.0, "b": 1.0, "c": None})
    none = choose_threshold(
        videos, Threshold(rule="alarms_per_hour", value=0.0, block_frames=2), fps={"a": 1.0, "b": 1}
    )

    assert (4.5, "quantile=0.5 of blocks of 2 frames", 1, 2) == (
        half.value,
        half.rule,
        half.n_anomalous,
        half.n_normal,
    )
    assert (5.0, "alarms<=1029/h in blocks of 2 frames") == (found.value, found.rule)
    assert np.nextafter(6.0, 7) == none.value


def test_alarms_an_hour_of_videos_shorter_than_a_block() -> None:
    """Four seconds of video, one alarm: 900 an hour, however many frames a block may have."""
    videos = [framed(name, 0, [score]) for name, score in zip("abcd", (1.0, 2.0, 3.0, 4.0), strict=True)]
    rule = Threshold(rule="alarms_per_hour", value=900.0, block_frames=300)

    assert choose_threshold(videos, rule, fps=dict.fromkeys("abcd", 1.0)).value == 4.0


def test_alarms_an_hour_need_a_frame_rate() -> None:
    """Imported features have none: the error names the video and the rule to use instead."""
    with pytest.raises(DatasetError, match=r"no frame rate is known of b\. Use rule block_quantile"):
        choose_threshold(
            [framed("a", 0, [1.0]), framed("b", 0, [1.0])],
            Threshold(rule="alarms_per_hour", value=1.0),
            fps={"a": 25.0},
        )


def test_an_assumed_frame_rate_is_named_where_it_is_used() -> None:
    """Half the videos at 1 and half at an assumed 2 frames a second are 3 s: 1,200 alarms an hour are one of them."""
    videos = [framed(name, 0, [score]) for name, score in zip("abcd", (1.0, 2.0, 3.0, 4.0), strict=True)]
    rule = Threshold(rule="alarms_per_hour", value=1200.0)
    assumed = choose_threshold(videos, rule, fps={"a": 1.0, "b": 1.0, "c": None}, assumed_fps=2.0)
    known = choose_threshold(videos, rule, fps=dict.fromkeys("abcd", 1.0), assumed_fps=2.0)

    assert (4.0, "alarms<=1200/h in blocks of 300 frames (2 frames/s where no rate is known)") == (
        assumed.value,
        assumed.rule,
    )
    assert "alarms<=1200/h in blocks of 300 frames" == known.rule


def test_calibration_counts_in_units_of_the_first_frames() -> None:
    """Two cameras at other levels and spreads have one threshold: 0 is the median, 1 the spread of their first frames.

    Frames after these move nothing.
    """
    first = [0.0, 1.0, 2.0, 3.0, 4.0]
    plain, moved = framed("a", 0, [*first, 9.0]), framed("b", 0, [*(10 + 5 * x for x in first), 55.0])
    one, other = calibrated([plain, moved], 5)
    rule = Threshold(rule="block_quantile", value=1.0, block_frames=6, calibrate_frames=5)
    found = choose_threshold([one, other], rule)

    assert (2.0, pytest.approx(1.4826)) == (one.zero, one.unit)
    assert one.own_threshold(found.value) == pytest.approx(9.0)
    assert other.own_threshold(found.value) == pytest.approx(55.0)
    assert found.rule.endswith(", each video calibrated on its first 5 frames")
    assert calibrated([plain], 0) == [plain]


@pytest.mark.parametrize("first", [[2.0, 2.0], [0.0, 0.0], [2.0, 2.0 + 1e-9]])
def test_first_frames_without_spread_are_no_unit(first: list[float]) -> None:
    """Scores divided by nothing, or by rounding, would be millions: the video is named, and what to do."""
    flat, other = framed("c", 0, [*first, 3.0]), framed("d", 0, [1.0, 2.0, 3.0])
    with pytest.raises(DatasetError, match=r"first 2 frames have no spread in 1 video\(s\): c\. Set more frames"):
        calibrated([other, flat], 2)

    assert calibrated([flat], 0) == [flat]


def test_metrics_at_a_threshold_are_in_the_units_of_each_video() -> None:
    """The threshold 1 flags what lies a unit above a video's own 0; areas stay those of the scores."""
    labels = np.array([0, 0, 1, 1])
    videos = [
        replace(framed(name, 1, [*np.array([0.0, 0.5, 1.0, 3.0]) * unit + zero]), labels=labels, zero=zero, unit=unit)
        for name, zero, unit in (("a", 0.0, 1.0), ("b", 50.0, 10.0))
    ]
    found = evaluate(videos, 1.0)

    assert [4.0, 0.0, 4.0, 0.0] == [found[f"frame_{name}"]["value"] for name in ("tp", "fp", "tn", "fn")]
    assert (1.0, 0.0) == (found["frame_recall"]["value"], found["frame_far"]["value"])
    assert found["frame_auc"]["value"] < 1


def test_only_held_back_videos_rank_a_run(tmp_path: Path) -> None:
    """Ties count one half; a video that was trained on as well says nothing; one label alone is no area."""
    rows = ["a,1,validation", "b,0,validation", "c,0,validation", "d,0,both", "e,0,fit"]
    text = "video_id,path,class,label,part\n" + "".join(
        f"{name},{name}.mp4,x,{rest}\n" for name, rest in (row.split(",", 1) for row in rows)
    )
    (tmp_path / "train.csv").write_text(text)
    scores = {"a": 0.5, "b": 0.5, "c": 0.1, "d": 0.9, "e": 0.9, "other": 1.0}

    assert 0.75 == validation_area(tmp_path / "train.csv", scores)
    assert None is validation_area(tmp_path / "train.csv", {"a": 0.5, "d": 0.1})
    assert None is validation_area(tmp_path / "train.csv", {})


@pytest.mark.parametrize(
    ("rule", "value"), [("block_quantile", 1.5), ("alarms_per_hour", -1.0), ("block_quantile", None)]
)
def test_a_wrong_number_of_a_block_rule_is_refused(rule: str, value: float | None) -> None:
    """Shares lie from 0 to 1, alarms are not negative, and both rules need their number."""
    with pytest.raises(ValidationError, match=f"rule {rule}"):
        Threshold(rule=rule, value=value)
