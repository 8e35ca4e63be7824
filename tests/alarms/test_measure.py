"""Metrics of alarms on cases that are counted by hand."""

from collections.abc import Sequence

import numpy as np
import pytest

from vad.alarms.make import Spans
from vad.alarms.match import matched, overlapping
from vad.alarms.measure import MOST_THRESHOLDS, NAMES, AlarmSet, _thresholds, measure
from vad.evaluation.judged_video import JudgedVideo
from vad.schema.evaluate import Alarms, Bootstrap

PLAIN = Alarms(min_seconds=0, merge_seconds=0, hysteresis=0, fps=1)


def film(name: str, scores: Sequence[float], events: Sequence[tuple[int, int]] | None = ()) -> JudgedVideo:
    """A video with events; () = a normal one, None = an anomalous one without frame labels."""
    labels = np.zeros(len(scores), np.int8)
    for start, end in events or ():
        labels[start:end] = 1
    return JudgedVideo(
        video_id=name,
        class_name="",
        label=int(events != ()),
        n_frames=len(scores),
        labels=None if events is None or events == () else labels,
        scores=np.array(scores, float),
        video_score=float(max(scores)),
    )


def block(length: int, *alarms: tuple[int, int, float]) -> list[float]:
    """Scores that are 0 but for some spans (start, end, score)."""
    scores = np.zeros(length)
    for start, end, score in alarms:
        scores[start:end] = score
    return scores.tolist()


def spans(*parts: tuple[int, int]) -> Spans:
    """Spans of one video."""
    start, end = np.array(parts, np.int64).reshape(-1, 2).T
    return Spans(start, end, np.zeros(len(start), np.int64))


def values(videos: Sequence[JudgedVideo], threshold: float | None = 1.0, settings: Alarms = PLAIN) -> dict:
    """The value of each metric, without intervals."""
    return {name: entry.get("value") for name, entry in measure(videos, threshold, settings, {}).items()}


def test_overlap_is_common_frames_by_frames_of_both() -> None:
    """0-10 and 5-15 share 5 of 15 frames; spans that only touch share none."""
    pairs = overlapping(spans((0, 10), (20, 30)), spans((5, 15), (15, 20), (22, 24)))

    assert [(0, 0), (1, 2)] == list(zip(pairs.alarm.tolist(), pairs.event.tolist(), strict=True))
    assert [5 / 15, 2 / 10] == pytest.approx(pairs.iou.tolist())


def test_alarm_with_the_highest_peak_chooses_first() -> None:
    """Two alarms in one event: the higher one finds it although it overlaps less; the other finds nothing."""
    pairs = overlapping(spans((0, 6), (7, 10)), spans((0, 10)))

    assert ([False, True], [True]) == tuple(map(list, matched(pairs, np.array([2.0, 3.0]), 1, 0.3)))
    assert ([True, False], [True]) == tuple(map(list, matched(pairs, np.array([2.0, 3.0]), 1, 0.5)))


def test_one_alarm_finds_one_event() -> None:
    """An alarm over two events takes the one with the larger overlap."""
    pairs = overlapping(spans((0, 20)), spans((0, 4), (10, 16)))

    assert ([True], [False, True]) == tuple(map(list, matched(pairs, np.array([1.0]), 2, 0.1)))


def test_precision_recall_and_f1_by_hand() -> None:
    """Three alarms, two events: one overlaps .5, one overlaps .2, one lies in a normal video."""
    videos = [
        film("a", block(100, (10, 15, 2)), [(10, 20)]),  # 5 of 10
        film("b", block(100, (50, 52, 3)), [(50, 60)]),  # 2 of 10
        film("n", block(3600, (0, 5, 4))),
    ]
    found = values(videos)

    assert [2 / 3, 2 / 3, 1 / 3, 1 / 3] == pytest.approx([found[f"event_precision_{t}"] for t in (10, 20, 30, 50)])
    assert [1, 1, 0.5, 0.5] == pytest.approx([found[f"event_recall_{t}"] for t in (10, 20, 30, 50)])
    assert [4 / 5, 4 / 5, 2 / 5, 2 / 5] == pytest.approx([found[f"event_f1_{t}"] for t in (10, 20, 30, 50)])
    # By peak: false (4), b (3), a (2). At .1 precision is 1/2 and 2/3 where an event is found; at .5 only a counts.
    assert [(1 / 2 + 2 / 3) / 2, 1 / 3 / 2] == pytest.approx([found["event_ap_10"], found["event_ap_50"]])
    # 5 of 3,600 frames at 1 frame a second
    assert [1, 5 / 3600] == pytest.approx([found["false_alarms_per_hour"], found["false_alarm_time"]])


def test_delay_is_from_the_start_of_the_event_to_its_first_alarm() -> None:
    """Delays of 0 (the alarm was there before), 3 and 30 s, and one event without an alarm."""
    videos = [
        film("a", block(100, (5, 15, 2)), [(10, 20)]),
        film("b", block(100, (43, 45, 2)), [(40, 60)]),
        film("c", block(100, (70, 71, 2), (75, 80, 2)), [(40, 80), (90, 95)]),
    ]
    found = values(videos)

    assert found["delay_median_s"] == 3
    assert [1 / 4, 2 / 4, 2 / 4] == [found[f"found_within_{s}s"] for s in (1, 5, 10)]


def test_delay_counts_in_seconds() -> None:
    """30 frames are one second at 30 frames a second; an even number of delays has the mean of the middle two."""
    videos = [film("a", block(300, (60, 90, 2)), [(30, 90)]), film("b", block(300, (30, 90, 2)), [(30, 90)])]
    found = measure(videos, 1.0, PLAIN, {"a": 30.0, "b": 30.0})

    assert found["delay_median_s"]["value"] == 0.5
    assert found["found_within_1s"]["value"] == 1.0


def test_recall_at_false_alarms_per_hour_by_hand() -> None:
    """An hour of normal video with false alarms at 3 and at 2: with one allowed, only what scores above 2 is found.

    At the threshold 0 there is one alarm that never ends; it does not count as one false alarm an hour.
    """
    videos = [
        film("a", block(100, (10, 20, 2.5)), [(10, 20)]),
        film("b", block(100, (10, 20, 1)), [(10, 20)]),
        film("n", block(3600, (0, 5, 3), (50, 55, 2))),
    ]

    assert (0.5, 1.0) == (values(videos)["recall_at_1_per_hour"], values(videos)["recall_at_10_per_hour"])
    assert values(videos, threshold=None)["recall_at_1_per_hour"] == 0.5  # no operating point is needed


def test_labels_as_scores_are_perfect() -> None:
    """An oracle has every event at once, and no false alarm."""
    videos = [film("a", block(100, (10, 20, 1)), [(10, 20)]), film("n", block(100))]
    found = values(videos)

    assert {1.0} == {v for name, v in found.items() if name.startswith(("event", "found", "recall"))}
    assert {0} == {found["delay_median_s"], found["false_alarms_per_hour"], found["false_alarm_time"]}


def test_constant_alarm_finds_events_and_raises_false_alarms() -> None:
    """Every frame flagged: no delay, but little overlap, and one false alarm in each normal video."""
    found = values([film("a", [1.0] * 100, [(10, 20)]), film("n", [1.0] * 360)])

    assert (0, 10, 1) == (found["delay_median_s"], found["false_alarms_per_hour"], found["false_alarm_time"])
    assert (1.0, 0.0) == (found["event_recall_10"], found["event_recall_20"])


def test_undefined_has_a_reason() -> None:
    """No number stands for what cannot be known."""
    event, normal = film("a", block(9, (0, 3, 1)), [(0, 3)]), film("n", block(9))
    cases = {
        ("event_recall_10", "no threshold"): ([event, normal], None),
        ("recall_at_1_per_hour", "no normal videos"): ([event], 1.0),
        ("false_alarms_per_hour", "no normal videos"): ([event], 1.0),
        ("event_ap_30", "no events"): ([normal], 1.0),
        ("event_precision_10", "no alarms"): ([event, normal], 9.0),
        ("delay_median_s", "no event with an alarm"): ([event, film("n", block(9, (0, 1, 9)))], 9.0),
        ("event_f1_10", "no frame labels: a"): ([film("a", block(9), None), normal], 1.0),
    }
    for (name, reason), (videos, threshold) in cases.items():
        found = measure(videos, threshold, PLAIN, {})[name]
        assert (None, reason) == (found["value"], found["reason"]), name


def test_missed_events_count_in_recall() -> None:
    """Without an alarm recall, F1, average precision and shares found in time are 0, not undefined."""
    found = values([film("a", block(9), [(0, 3)]), film("n", block(9))])

    assert {0.0} == {found[n] for n in NAMES if n.startswith(("event_recall", "event_f1", "event_ap", "found"))}


def test_calibrated_videos_count_in_their_own_units() -> None:
    """Zero 100 and unit 10: a score of 125 is 2.5."""
    scores = [100 + 10 * s for s in block(100, (10, 20, 2.5))]
    video = film("a", scores, [(10, 20)])
    own = type(video)(**{**vars(video), "zero": 100.0, "unit": 10.0})

    assert (1.0, 0.0) == tuple(values([own], threshold)["event_recall_50"] for threshold in (2.5, 2.6))


def noise(n_videos: int = 12, seed: int = 0) -> list[JudgedVideo]:
    """Random scores with a little skill; half of the videos have an event."""
    rng = np.random.default_rng(seed)
    events = [[(40, 80)] if i % 2 else () for i in range(n_videos)]
    return [
        film(f"v{i:02d}", (rng.normal(size=120) + np.isin(np.arange(120), range(40, 80)) * (i % 2)).tolist(), own)
        for i, own in enumerate(events)
    ]


def test_intervals_hold_replicates_of_videos() -> None:
    """A replicate equals the metric of the drawn videos, computed anew."""
    videos = noise()
    weights = np.ones((2, 12))
    weights[1] = [2, 0, 1, 1, 1, 3, 0, 0, 1, 2, 1, 0]
    one = AlarmSet(videos, 0.5, PLAIN, {}, weights)
    drawn = [v for v, n in zip(videos, weights[1].astype(int), strict=True) for _ in range(n)]
    other = AlarmSet(drawn, 0.5, PLAIN, {})

    for overlap in (0.1, 0.3):
        for name, found in one.at_overlap(overlap).items():
            assert found[1] == pytest.approx(other.at_overlap(overlap)[name][0]), name
    assert one.false_alarm_time()[1] == pytest.approx(other.false_alarm_time()[0])
    assert one.delay_median()[1] == other.delay_median()[0]
    assert one.found_within(5)[1] == pytest.approx(other.found_within(5)[0])
    assert one.false_alarms_per_hour()[1] == pytest.approx(other.false_alarms_per_hour()[0])


def test_intervals_are_around_values() -> None:
    """Seeded; a handful of videos has none."""
    found = measure(noise(), 0.5, PLAIN, {}, Bootstrap(resamples=200))

    assert found == measure(noise(), 0.5, PLAIN, {}, Bootstrap(resamples=200))
    assert all(found[name]["low"] <= found[name]["value"] <= found[name]["high"] for name in NAMES)
    assert measure(noise(4), 0.5, PLAIN, {}, Bootstrap())["event_recall_10"]["low"] is None


def test_order_of_videos_changes_nothing() -> None:
    """They are sorted by id."""
    assert measure(noise(), 0.5, Alarms(), {}) == measure(noise()[::-1], 0.5, Alarms(), {})


def test_thresholds_of_the_curve_are_few() -> None:
    """At most twice `MOST_THRESHOLDS`, from the highest score to the lowest; all of them where scores are few."""
    many = AlarmSet(noise(), None, PLAIN, {}).joined
    few = AlarmSet([film("a", [1, 2, 2, 3])], None, PLAIN, {}).joined
    chosen = _thresholds(many)

    assert len(chosen) <= 2 * MOST_THRESHOLDS
    assert (many.scores.max(), many.scores.min()) == (chosen[0], chosen[-1])
    assert _thresholds(few).tolist() == [3, 2, 1]
