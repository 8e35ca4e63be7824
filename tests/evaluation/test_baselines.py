"""Rows that use no pixel, and oracles, have their known values."""

import csv

import numpy as np
import pytest

from tests.project import REAL_DATA
from vad.evaluation.baselines import NO_PIXEL, ORACLES, centre, label_oracle, random_scores, rows
from vad.evaluation.evaluate import evaluate
from vad.evaluation.ground_truth import PRESETS, Annotation, frame_labels
from vad.evaluation.judged_video import VideoTruth

DATA = REAL_DATA
PED2 = {
    "lengths": [180, 180, 150, 180, 150, 180, 180, 180, 120, 150, 180, 180],
    "starts": [61, 95, 1, 31, 1, 1, 46, 1, 1, 1, 1, 88],
    "ends": [180, 180, 146, 180, 129, 159, 180, 180, 120, 150, 180, 180],
}
"""The test clips of UCSD Ped2: facts, 1-based inclusive."""


def truth(name: str, labels: list[int], class_name: str = "Arson") -> VideoTruth:
    """A video with frame labels; anomalous when any frame is."""
    frames = np.array(labels, np.int8)
    return VideoTruth(video_id=name, class_name=class_name, label=int(any(labels)), n_frames=len(labels), labels=frames)


def values(videos: list[VideoTruth], row: str, *names: str) -> list[float]:
    """Metrics of one row, in percent, two decimals."""
    found = evaluate(rows(videos)[row])
    return [round(100 * found[name]["value"], 2) for name in names]


def test_a_constant_score_is_chance() -> None:
    """Constant scores: area one half, average precision = share of positives."""
    videos = [truth("a", [0, 0, 1, 1]), truth("b", [0] * 4)]

    assert [50.0, 25.0, 50.0, 50.0, 50.0] == values(
        videos, "constant", "frame_auc", "frame_ap", "ano_auc", "frame_auc_macro", "frame_auc_balanced"
    )


def test_a_video_oracle_cannot_localise() -> None:
    """V is perfect between videos and chance inside them: 4 of 6 negatives below, 2 tied."""
    videos = [truth("a", [0, 0, 1, 1]), truth("b", [0] * 4)]

    assert [83.33, 50.0, 50.0, 100.0] == values(videos, "video_oracle", "frame_auc", "ano_auc", "frame_ap", "video_auc")


def test_shapes_of_the_priors() -> None:
    """Centre, length and position scores by hand."""
    video = truth("a", [0, 0, 1, 1, 0])

    assert [0, 0.5, 1, 0.5, 0] == centre(5).tolist()
    assert [1] == centre(1).tolist()
    assert [0.2] * 5 == NO_PIXEL["inverse_length"](video).tolist()
    assert [0, 1, 2, 3, 4] == NO_PIXEL["frame_index"](video).tolist()
    assert [0, 0.25, 0.5, 0.75, 1] == NO_PIXEL["relative_position"](video).tolist()
    assert np.allclose(centre(5) - 0.5 * np.log(5), NO_PIXEL["centre_minus_length"](video))
    assert np.allclose(2.2, ORACLES["video_oracle_inverse_length"](video))
    assert np.allclose(2 + centre(5), ORACLES["video_oracle_centre"](video))


def test_label_oracle_is_the_mean_of_its_bag() -> None:
    """Two bags of three frames; and a video shorter than its bags is perfect."""
    assert np.allclose([1 / 3] * 3 + [2 / 3] * 3, label_oracle(truth("a", [0, 0, 1, 1, 1, 0]), bags=2))
    assert [0, 1, 0] == label_oracle(truth("a", [0, 1, 0])).tolist()


def test_random_scores_depend_on_seed_and_id_only() -> None:
    """The same video gets the same scores in any list; another seed or id gets others."""
    video = truth("a", [0] * 9)

    assert random_scores(video, 1).tolist() == random_scores(video, 1).tolist()
    assert random_scores(video, 1).tolist() != random_scores(video, 2).tolist()
    assert random_scores(video, 1).tolist() != random_scores(truth("b", [0] * 9), 1).tolist()
    assert rows([video], 1)["random"][0].scores.tolist() == random_scores(video, 1).tolist()


def test_every_row_scores_every_frame() -> None:
    """All rows are there, and only the label oracle needs frame labels."""
    video = truth("a", [0, 1, 1])
    unlabelled = VideoTruth(video_id="b", class_name="Arson", label=1, n_frames=3)

    assert [*NO_PIXEL, *ORACLES] == list(rows([video]))
    assert {"label_oracle_32"} == rows([video]).keys() - rows([unlabelled]).keys()
    assert all(len(v.scores) == 3 and v.video_score == v.scores.max() for (v,) in rows([video]).values())


@pytest.fixture(scope="module")
def official() -> list[VideoTruth]:
    """The 290 official test videos under the canonical convention."""
    table = DATA / "ucf_crime" / "test_table.csv"
    if not table.exists():
        pytest.skip("the UCF-Crime test table is not here")
    with table.open() as file:
        lines = list(csv.DictReader(file))
    parts = [[tuple(map(float, p.split("-"))) for p in line["segments"].split(";") if p] for line in lines]
    made = frame_labels(
        [Annotation(line["video"], int(line["n_frames"]), p) for line, p in zip(lines, parts, strict=True)],
        PRESETS["canonical"],
    )
    return [truth(line["video"], made[line["video"]].labels.tolist(), line["class"]) for line in lines]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("constant", [50.00, 7.59, 50.00, 50.00, 50.00, 53.79]),
        ("inverse_length", [65.15, 10.36, 57.24, 50.00, 47.55, 10.20]),
        ("centre", [61.87, 10.02, 63.42, 63.28, 62.32, 10.03]),
        ("centre_minus_length", [69.27, 12.00, 63.00, 63.27, 54.53, 12.00]),
        ("video_oracle", [81.58, 18.22, 50.00, 50.00, 78.68, 59.11]),
        ("video_oracle_inverse_length", [84.25, 20.80, 57.24, 50.00, 79.16, 20.62]),
        ("video_oracle_centre", [86.52, 24.06, 63.42, 63.27, 84.62, 24.07]),
        ("label_oracle_32", [99.95, 99.43, 99.87, 99.66, 99.95, 99.44]),
    ],
)
def test_known_rows_of_ucf_crime(official: list[VideoTruth], row: str, expected: list[float]) -> None:
    """The known values on the official lists, in percent."""
    names = ("frame_auc", "frame_ap", "ano_auc", "frame_auc_macro", "frame_auc_balanced", "pr_auc_trapezoid")

    assert expected == values(official, row, *names)


@pytest.mark.real_data
def test_three_giants_carry_the_video_oracle(official: list[VideoTruth]) -> None:
    """Without the three longest normals the video oracle falls to 75.59."""
    giants = sorted(official, key=lambda v: -v.n_frames)[:3]

    assert [75.59] == values([v for v in official if v not in giants], "video_oracle", "frame_auc")


def ped2(dropped: int) -> list[VideoTruth]:
    """The Ped2 test clips without their first frames."""
    made = frame_labels(
        [Annotation(f"{i:02}", n, [(s, e)]) for i, (n, s, e) in enumerate(zip(*PED2.values(), strict=True), 1)],
        PRESETS["canonical"],
    )
    return [truth(name, one.labels[dropped:].tolist()) for name, one in made.items()]


@pytest.mark.parametrize(
    ("dropped", "counts", "areas"), [(0, (2010, 1648), (74.15, 74.95)), (4, (1962, 1620), (73.94, 74.65))]
)
def test_ped2_position_rows(dropped: int, counts: tuple[int, int], areas: tuple[float, float]) -> None:
    """Frame index and relative position beat many a model on Ped2, with and without 4 dropped frames."""
    videos = ped2(dropped)
    found = evaluate(rows(videos)["frame_index"])

    assert counts == (found["counts"]["n_frames"], found["counts"]["n_positive"])
    assert areas == (
        *values(videos, "frame_index", "frame_auc"),
        *values(videos, "relative_position", "frame_auc"),
    )


def test_ped2_macro_uses_eight_of_twelve() -> None:
    """The four fully anomalous clips are left out of the macro area and named."""
    macro = evaluate(rows(ped2(0))["frame_index"])["frame_auc_macro"]

    assert (8, 12, ["08", "09", "10", "11"]) == (macro["n_used"], macro["n_total"], macro["left_out"])
