"""Intervals become frame labels under a named convention."""

import csv

import numpy as np
import pytest
from pydantic import ValidationError

from tests.project import REAL_DATA
from vad.errors import DatasetError
from vad.evaluation.ground_truth import PRESETS, Annotation, Convention, convention, fit_scores, frame_labels
from vad.schema.evaluate import GroundTruth

UCF_TABLE = REAL_DATA / "ucf_crime" / "test_table.csv"


def ones(labels: np.ndarray) -> list[int]:
    """Positions of the anomalous frames."""
    return np.flatnonzero(labels).tolist()


def label(
    *intervals: tuple[float | int, float | int],
    n_frames: int = 20,
    rules: Convention | None = None,
    **given: object,
) -> np.ndarray:
    """Labels of one video."""
    one = Annotation("a", n_frames, intervals, **given)
    return frame_labels([one], rules or PRESETS["canonical"])["a"].labels


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ("one_based_inclusive", [2, 3, 4]),
        ("zero_based_inclusive", [3, 4, 5]),
        ("zero_based_half_open", [3, 4]),
    ],
)
def test_interval_rules(interval: str, expected: list[int]) -> None:
    """Each rule reads `3 5` as its name says, as the list's own rule and as the convention's."""
    assert expected == ones(label((3, 5), rule=interval))
    assert expected == ones(label((3, 5), rules=Convention(interval)))


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ("one_based_inclusive", [8, 10, 4]),
        ("zero_based_half_open", [6, 8, 3]),
        ("zero_based_inclusive", [7, 10, 4]),
    ],
)
def test_nine_combinations_by_hand(interval: str, expected: list[int]) -> None:
    """Positives of 1-4 and 17-22 in 20 frames under every interval rule and length rule."""
    rules = [Convention(interval, length) for length in ("true", "ceil16", "floor16")]

    assert expected == [int(label((1, 4), (17, 22), rules=rule).sum()) for rule in rules]
    assert [20, 32, 16] == [len(label((1, 4), (17, 22), rules=rule)) for rule in rules]


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("canonical", (20, 8)),
        ("sultani", (20, 8)),
        ("rtfm", (32, 10)),
        ("vadclip", (32, 8)),
        ("ekosman", (20, 6)),
    ],
)
def test_presets_by_hand(preset: str, expected: tuple[int, int]) -> None:
    """Frames and positives of the same video under every preset."""
    labels = label((1, 4), (17, 22), rules=PRESETS[preset])

    assert expected == (len(labels), int(labels.sum()))


@pytest.mark.parametrize(("length", "expected"), [("true", 20), ("ceil16", 32), ("floor16", 16)])
def test_length_rules(length: str, expected: int) -> None:
    """Labels have exactly the length of the rule, and int8 as their type."""
    labels = label((19, 20), rules=Convention(length=length))

    assert (expected,) == labels.shape
    assert np.int8 == labels.dtype
    assert ([] if length == "floor16" else [18, 19]) == ones(labels)


def test_whole_segments_keep_their_length() -> None:
    """A multiple of 16 is neither padded nor cut."""
    assert [32, 32, 32] == [Convention(length=rule).frames(32) for rule in ("true", "ceil16", "floor16")]


def test_clipped_ends_are_counted() -> None:
    """An end past the last frame is clipped and counted; one that starts past it is counted twice over."""
    found = frame_labels([Annotation("a", 10, [(8, 12), (1, 10), (11, 11), (-1, -1)])], PRESETS["canonical"])["a"]

    assert (2, 1) == (found.clipped, found.outside)
    assert list(range(10)) == ones(found.labels)


def test_padding_is_not_past_the_end() -> None:
    """Under ceil16 an end inside the padding labels padded frames."""
    found = frame_labels([Annotation("a", 10, [(8, 12)])], Convention(length="ceil16"))["a"]

    assert 0 == found.clipped
    assert [7, 8, 9, 10, 11] == ones(found.labels)


def test_seconds_cover_every_touched_frame() -> None:
    """Seconds become floor(start * fps) : ceil(end * fps), whatever the interval rule."""
    assert [2, 3, 4] == ones(label((0.5, 0.95), unit="second", fps=5.0))
    assert [2, 3, 4] == ones(label((0.5, 0.95), unit="second", fps=5.0, rules=PRESETS["rtfm"]))


def test_overlaps_merge_and_placeholders_are_none() -> None:
    """Overlapping intervals label a frame once; -1 -1 labels nothing."""
    assert [0, 1, 2, 3] == ones(label((1, 3), (2, 4)))
    assert [] == ones(label((-1, -1), (-1, -1)))


def test_zero_based_list_read_by_a_one_based_rule() -> None:
    """A start of 0 is clipped to the first frame instead of wrapping to the end."""
    assert [0, 1] == ones(label((0, 2), rule="zero_based_half_open", rules=PRESETS["sultani"]))


def test_frame_label_arrays() -> None:
    """One label a frame is taken as it is, and fitted like scores."""
    given = np.array([0, 1, 1])

    assert [1, 2] == ones(label(n_frames=3, frames=given))
    assert list(range(1, 16)) == ones(label(n_frames=3, frames=given, rules=PRESETS["rtfm"]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"intervals": [(5, 3)]}, "start after end"),
        ({"intervals": [(0, 3)]}, "before 1"),
        ({"intervals": [(-1, 3)]}, "before 1"),
        ({"intervals": [(-2, -2)]}, "before 1"),
        ({"intervals": [(-1, 3)], "rule": "zero_based_inclusive"}, "before 0"),
        ({"intervals": [(1.5, 3)]}, "whole numbers"),
        ({"intervals": [(float("nan"), 3)]}, "not finite"),
        ({"intervals": [(1, 3)], "unit": "second"}, "fps is None"),
        ({"frames": np.zeros(9)}, "9 frame labels, 10 decoded"),
        ({"frames": np.full(10, 2)}, "other than 0 and 1"),
        ({"n_frames": 0}, "at least 1"),
    ],
)
def test_bad_annotations_name_the_video(given: dict, message: str) -> None:
    """Each impossible annotation is an error that names its video."""
    with pytest.raises(DatasetError, match=f"Arson011: .*{message}"):
        frame_labels([Annotation(**{"video_id": "Arson011", "n_frames": 10} | given)], PRESETS["canonical"])


def test_all_bad_annotations_at_once() -> None:
    """Two bad videos and a duplicate are reported together."""
    bad = [Annotation("a", 9, [(5, 3)]), Annotation("b", 9, [(0, 3)]), Annotation("c", 9), Annotation("c", 9)]

    with pytest.raises(DatasetError, match="3 problem") as caught:
        frame_labels(bad, PRESETS["canonical"])

    assert all(f"- {name}: " in str(caught.value) for name in "abc")


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Convention(length="ceil16"), [*range(20), *[19] * 12]),
        (Convention(length="floor16"), [*range(16)]),
        (Convention(), [*range(20)]),
        (Convention(zero_tail=True), [0] * 20),
    ],
)
def test_scores_are_held_cut_or_zeroed(rules: Convention, expected: list[int]) -> None:
    """Scores of 20 frames fit each convention; fewer than 32 frames are all tail."""
    assert expected == fit_scores(np.arange(20), rules).tolist()
    assert rules.frames(20) == len(fit_scores(np.arange(20), rules))


def test_ekosman_zeroes_the_tail_only() -> None:
    """The last n % 32 frames score 0 and the given array is left alone."""
    scores = np.full(70, 0.5)

    assert [0.5] * 64 + [0.0] * 6 == fit_scores(scores, PRESETS["ekosman"]).tolist()
    assert 0.5 == scores.min()


def test_settings_name_a_convention() -> None:
    """Presets, custom rules and the two lengths of vadclip."""
    assert Convention(None, "true") == convention(GroundTruth())
    assert Convention("zero_based_half_open", "floor16") == convention(GroundTruth(preset="vadclip", length="floor16"))
    assert Convention("zero_based_inclusive", "true") == convention(
        GroundTruth(preset="custom", interval="zero_based_inclusive")
    )


@pytest.mark.parametrize("given", [{"preset": "rtfm", "length": "true"}, {"preset": "custom"}])
def test_unnamed_mixtures_are_refused(given: dict) -> None:
    """A preset cannot be bent, and custom must say something."""
    with pytest.raises(ValidationError, match="custom"):
        GroundTruth(**given)


@pytest.fixture(scope="module")
def official() -> list[Annotation]:
    """The 290 official test videos with their frame counts."""
    if not UCF_TABLE.exists():
        pytest.skip("the UCF-Crime test table is not here")
    with UCF_TABLE.open() as file:
        return [
            Annotation(
                row["video"],
                int(row["n_frames"]),
                [tuple(map(float, part.split("-"))) for part in row["segments"].split(";") if part],
            )
            for row in csv.DictReader(file)
        ]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("interval", "positives"),
    [
        ("one_based_inclusive", (84_338, 84_345, 84_316)),
        ("zero_based_half_open", (84_182, 84_189, 84_160)),
        ("zero_based_inclusive", (84_331, 84_343, 84_309)),
    ],
)
def test_nine_combinations(official: list[Annotation], interval: str, positives: tuple[int, ...]) -> None:
    """Lengths and positives of every interval and length rule on the official lists."""
    made = [frame_labels(official, Convention(interval, length)) for length in ("true", "ceil16", "floor16")]
    totals = [sum(len(one.labels) for one in found.values()) for found in made]
    found = tuple(sum(int(one.labels.sum()) for one in found.values()) for found in made)

    assert [1_111_808, 1_114_144, 1_109_824] == totals
    assert positives == found


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("canonical", (1_111_808, 84_338)),
        ("sultani", (1_111_808, 84_338)),
        ("rtfm", (1_114_144, 84_343)),
        ("vadclip", (1_114_144, 84_189)),
        ("ekosman", (1_111_808, 84_182)),
    ],
)
def test_presets(official: list[Annotation], preset: str, expected: tuple[int, int]) -> None:
    """Lengths and positives of every preset on the official lists."""
    made = frame_labels(official, PRESETS[preset]).values()

    assert expected == (sum(len(one.labels) for one in made), sum(int(one.labels.sum()) for one in made))


@pytest.mark.real_data
def test_five_official_ends_are_clipped(official: list[Annotation]) -> None:
    """Exactly the five known ends lie past the last frame, none as a whole."""
    made = frame_labels(official, PRESETS["canonical"])

    assert {"Arson011", "Arson016", "Explosion033", "Fighting003", "Shooting015"} == {
        name.removesuffix("_x264") for name, one in made.items() if one.clipped
    }
    assert 5 == sum(one.clipped for one in made.values())
    assert 0 == sum(one.outside for one in made.values())


@pytest.mark.real_data
def test_ekosman_tail_on_the_official_lists(official: list[Annotation]) -> None:
    """The tail rule gives 4,192 frames score 0, 86 of them positive."""
    made = frame_labels(official, PRESETS["ekosman"])
    tails = [fit_scores(np.ones(one.n_frames), PRESETS["ekosman"]) == 0 for one in official]

    assert 4_192 == sum(int(tail.sum()) for tail in tails)
    assert 86 == sum(int(made[a.video_id].labels[t].sum()) for a, t in zip(official, tails, strict=True))
