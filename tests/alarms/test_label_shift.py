"""Labels that are moved, and what a page says of it."""

import numpy as np
import pytest

from tests.alarms.test_measure import block, film
from vad.alarms.label_shift import MOVES, OF_EVENTS, OF_FRAMES, moved_labels, shift_rows, summary
from vad.alarms.scored import ScoredRun
from vad.schema.evaluate import Evaluate

PLAIN = Evaluate.model_validate({"alarms": {"min_seconds": 0, "merge_seconds": 0, "hysteresis": 0}})


def spans(*parts: tuple[int, int], length: int = 20) -> np.ndarray:
    """Labels that are 1 in some spans."""
    labels = np.zeros(length, np.int8)
    for start, end in parts:
        labels[start:end] = 1
    return labels


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        ("earlier", [(2, 7)]),
        ("later", [(8, 13)]),
        ("longer", [(2, 13)]),
        ("shorter", [(7, 8)]),  # 8 to 7: the middle frame is kept
    ],
)
def test_ends_move(move: str, expected: list[tuple[int, int]]) -> None:
    """An event of five frames by three."""
    assert spans(*expected).tolist() == moved_labels(spans((5, 10)), 3, MOVES[move]).tolist()


def test_moved_events_stay_in_the_video() -> None:
    """They are cut at its ends; one that would leave it keeps its first or last frame. Two may join."""
    assert spans((0, 1), (5, 7)).tolist() == moved_labels(spans((0, 3), (10, 12)), 5, MOVES["earlier"]).tolist()
    assert spans((19, 20)).tolist() == moved_labels(spans((17, 20)), 5, MOVES["later"]).tolist()
    assert spans((0, 14)).tolist() == moved_labels(spans((2, 4), (8, 10)), 4, MOVES["longer"]).tolist()
    assert [0] * 20 == moved_labels(spans(), 4, MOVES["longer"]).tolist()


def run(name: str, start: int) -> ScoredRun:
    """One event of 20 frames at 100 with an alarm of 20 frames, and a normal video."""
    videos = [film("a", block(300, (start, start + 20, 2)), [(100, 120)]), film("n", block(300))]
    return ScoredRun(name, "variant", 0, videos, 1.0, "fixed")


def test_changes_are_against_the_labels_as_they_are() -> None:
    """An alarm that hits exactly: 8 frames later 12 of 28 frames are common, 16 frames later 4 of 36."""
    rows = {(r["metric"], r["frames"], r["move"]): r for r in shift_rows("set", run("x", 100), PLAIN, {})}

    assert {*OF_FRAMES, *OF_EVENTS} == {metric for metric, _, _ in rows}
    assert (1, 1, 0) == tuple(rows["event_f1_30", 8, "later"][k] for k in ("value", "moved", "change"))
    assert -1 == rows["event_f1_30", 16, "later"]["change"]
    assert 0 == rows["event_f1_10", 16, "later"]["change"]
    assert 8 / 25 == rows["delay_median_s", 8, "earlier"]["change"] == rows["delay_median_s", 8, "longer"]["change"]
    assert 0 > rows["frame_auc", 8, "later"]["change"]


def test_pairs_that_change_order_are_counted() -> None:
    """One alarm hits the event, the other 16 frames behind it hits where the event moves to."""
    rows = [row for one in (run("x", 100), run("y", 116)) for row in shift_rows("set", one, PLAIN, {})]
    lines = {(line[0], line[1]): line[2:] for line in summary(rows)}

    assert "1.000" == lines["event_f1_30", "± 16"][1]
    assert "2.000" == lines["event_f1_30", "± 16"][2]
    assert "1 of 1" == lines["event_f1_30", "± 16"][3]
    assert "0 of 1" == lines["event_f1_30", "± 8"][3]


def test_one_variant_has_no_pair() -> None:
    """Its own changes stand, and nothing is said of differences."""
    line = next(line for line in summary(shift_rows("set", run("x", 100), PLAIN, {})) if line[0] == "frame_auc")

    assert ("-", "0 of 0") == (line[4], line[5])
