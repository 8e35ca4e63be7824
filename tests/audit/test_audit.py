"""Each spoiled score file is recognised for what it is, and a clean one for nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.audit.given import exam, frames, joined, labels, segments
from vad.audit.files import Submission, _crops_first
from vad.audit.official import OfficialList
from vad.audit.report import as_data
from vad.audit.run import Audit, audit
from vad.errors import ArtefactError
from vad.evaluation.ground_truth import PRESETS, Convention
from vad.schema.evaluate import Bootstrap

ANNOTATION, DERIVED = "class words (temporal annotation)", "anomalous, then normal"


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> OfficialList:
    """Thirty test videos of five classes and none."""
    return exam(tmp_path_factory.mktemp("exam"))


def by_video(official: OfficialList, arrays: dict[str, np.ndarray], **given: object) -> Audit:
    """Audit of scores by video."""
    return audit(Submission("test", arrays), official, **given)  # type: ignore[arg-type]


def vector(official: OfficialList, scores: np.ndarray, order: tuple[str, ...] | None = None, **given: object) -> Audit:
    """Audit of one vector."""
    return audit(Submission("test", {}, scores, order), official, **given)  # type: ignore[arg-type]


def evidence(found: Audit, code: str) -> dict:
    """The evidence of the one finding of a kind."""
    (one,) = [finding for finding in found.findings if finding.code == code]
    return dict(one.evidence)


def codes(found: Audit) -> set[str]:
    """What was found."""
    return {finding.code for finding in found.findings}


def test_clean_scores_have_nothing_to_say(official: OfficialList) -> None:
    """Frame scores in the range of probabilities: their form and their resolution, nothing else."""
    found = by_video(official, frames(official))

    assert {"form_frames", "segments_repeated"} == codes(found)
    assert json.dumps(as_data(found), allow_nan=False)


def test_the_area_is_that_of_scikit_learn(official: OfficialList) -> None:
    """The canonical row is the micro area over all true frames, joined by video."""
    scores, truth = frames(official), labels(official, PRESETS["canonical"])
    found = by_video(official, dict(reversed(scores.items())))

    assert roc_auc_score(joined(truth, official.ids), joined(scores, official.ids)) == pytest.approx(
        found.rows[0]["frame_auc"]
    )


def test_every_convention_has_its_lengths(official: OfficialList) -> None:
    """Frames and positives of each row are those of its labels."""
    found = by_video(official, segments(official))
    rows = {row["ground_truth"]: (row["n_frames"], row["n_positive"]) for row in found.rows}
    expected = {}
    for name, rules in PRESETS.items():
        truth = joined(labels(official, rules), official.ids)
        expected[name] = (len(truth), int(truth.sum()))

    assert expected == {name: pair for name, pair in rows.items() if name in PRESETS}


def test_intervals_on_demand(official: OfficialList) -> None:
    """With draws every value lies inside its interval."""
    row = by_video(official, frames(official), bootstrap=Bootstrap(resamples=30)).rows[0]

    assert row["frame_auc_low"] <= row["frame_auc"] <= row["frame_auc_high"]


def test_video_level_scores(official: OfficialList) -> None:
    """One score a video, or the same on all of its frames, is said to be video level."""
    best = {name: np.array([s.max()]) for name, s in frames(official).items()}
    spread = {name: np.full(official.n_frames[name], s[0]) for name, s in best.items()}

    assert {"form_video", "video_level"} == codes(by_video(official, best))
    assert {"form_frames", "video_level"} == codes(by_video(official, spread))
    assert by_video(official, best).rows[0] == by_video(official, spread).rows[0]
    assert {"constant_videos": 30, "videos": 30} == evidence(by_video(official, spread), "video_level")


def test_per_video_min_max(official: OfficialList) -> None:
    """Scores that run from 0 to 1 in each video give the same area with and without that scaling."""
    scaled = {name: (s - s.min()) / np.ptp(s) for name, s in frames(official).items()}
    found = by_video(official, scaled)

    assert {"videos_from_0_to_1": 30, "videos_that_vary": 30} == evidence(found, "per_video_min_max")
    assert found.rows[0]["frame_auc_pvnorm"] == found.rows[0]["frame_auc"]


@pytest.mark.parametrize("scale", [1.0, 1e-4])
def test_noise_does_not_hide_video_level(official: OfficialList, scale: float) -> None:
    """One score a video with noise far below its range stays video level, whatever the range."""
    rng = np.random.default_rng(4)
    scores = {name: scale * (rng.random() + 1e-9 * rng.normal(size=n)) for name, n in official.n_frames.items()}

    assert {"constant_videos": 30, "videos": 30} == evidence(by_video(official, scores), "video_level")


@pytest.mark.parametrize(
    ("names", "code", "counts"),
    [
        (("Normal",), "min_max_by_label", (0, 15)),
        (("A", "F", "R", "V"), "min_max_by_label", (15, 0)),
        (("Vandalism",), "min_max_in_some", (3, 0)),
        (("Abuse", "Normal_Videos_00"), "min_max_in_some", (3, 10)),
    ],
)
def test_min_max_in_some_videos(
    official: OfficialList, names: tuple[str, ...], code: str, counts: tuple[int, int]
) -> None:
    """Scaling of the videos of one label, of one class, or of others is said, with how many there are of each."""
    scaled = {name: s * 0.9 for name, s in frames(official).items()}
    scaled |= {name: (s - s.min()) / np.ptp(s) for name, s in scaled.items() if name.startswith(names)}
    found = evidence(by_video(official, scaled), code)

    assert counts == (found["anomalous"], found["normal"])


def test_test_set_min_max(official: OfficialList) -> None:
    """One scale for the whole test set is another finding."""
    whole = joined(frames(official), official.ids)
    scaled = {name: (s - whole.min()) / np.ptp(whole) for name, s in frames(official).items()}

    assert "test_set_min_max" in codes(by_video(official, scaled))
    assert "per_video_min_max" not in codes(by_video(official, scaled))


def test_reversed_polarity(official: OfficialList) -> None:
    """Normality scores have the mirrored area."""
    found = by_video(official, {name: -s for name, s in frames(official).items()})
    straight = by_video(official, frames(official)).rows[0]["frame_auc"]

    assert straight == pytest.approx(evidence(found, "polarity")["mirrored"])
    assert 1 - straight == pytest.approx(evidence(found, "polarity")["frame_auc"])


@pytest.mark.parametrize(
    ("cut", "form"),
    [(lambda s, n: s[: n // 16], "segments_floor"), (lambda s, n: np.repeat(s, 16)[: n // 16 * 16], "floor16")],
)
def test_dropped_tails(official: OfficialList, cut: object, form: str) -> None:
    """Partial last segments without a score: as many frames as lengths say, positives counted."""
    found = by_video(official, {name: cut(s, official.n_frames[name]) for name, s in segments(official).items()})  # type: ignore[operator]
    short = {name: n % 16 for name, n in official.n_frames.items() if n % 16}

    assert f"form_{form}" in codes(found)
    assert (sum(short.values()), len(short)) == tuple(evidence(found, "dropped_tails")[k] for k in ("frames", "videos"))


def test_tails_scored_zero(official: OfficialList) -> None:
    """The last n % 32 frames at 0 are the tail rule of one published code, two more segments that of another."""
    ekosman, sultani = ({name: s.copy() for name, s in frames(official).items()} for _ in range(2))
    for name, n in official.n_frames.items():
        ekosman[name][n // 32 * 32 :] = 0
        sultani[name][(n // 16 - 1) * 16 :] = 0
    uneven = [n % 32 for n in official.n_frames.values() if n % 32]

    assert sum(uneven) == evidence(by_video(official, ekosman), "zero_tail_ekosman")["frames"]
    assert "zero_tail_sultani" in codes(by_video(official, sultani))


def test_sparse_scores_are_no_zero_tails(official: OfficialList) -> None:
    """Scores that are 0 at both ends are just sparse."""
    sparse = {name: np.where(labels(official, PRESETS["canonical"])[name], 0.7, 0) for name in official.ids}
    sparse = {name: s + np.where(np.arange(len(s)) == len(s) // 2, 0.1, 0) for name, s in sparse.items()}

    assert not {"zero_tail_ekosman", "zero_tail_sultani"} & codes(by_video(official, sparse))


@pytest.mark.parametrize("axis", ["crops first", "crops last", "crop by crop", "step by step"])
def test_crops_not_averaged(official: OfficialList, axis: str) -> None:
    """Ten scores where one belongs are averaged and said, however they lie."""
    rng = np.random.default_rng(1)
    tables = {name: np.clip(s + rng.normal(size=(10, len(s))) / 50, 0, 1) for name, s in segments(official).items()}
    lie = {
        "crops first": lambda t: t,
        "crops last": lambda t: t.T,
        "crop by crop": lambda t: t.ravel(),
        "step by step": lambda t: t.T.ravel(),
    }[axis]
    found = by_video(official, _crops_first({name: lie(t) for name, t in tables.items()}))

    assert {"crops": 10} == evidence(found, "crops_not_averaged")
    mean = by_video(official, {name: t.mean(0) for name, t in tables.items()})
    assert mean.rows[0]["frame_auc"] == pytest.approx(found.rows[0]["frame_auc"])


def test_a_subset_is_said(official: OfficialList) -> None:
    """Videos without scores are counted; the metrics are of the others."""
    some = dict(list(frames(official).items())[:20])
    found = by_video(official, some)

    assert {"absent": 10, "listed": 30} == evidence(found, "subset")
    assert sum(map(len, some.values())) == found.rows[0]["n_frames"]


def test_frame_counts_of_another_decoder(official: OfficialList) -> None:
    """A frame more in most videos is still one score per frame; the surplus is said."""
    found = by_video(official, {name: np.append(s, s[-1]) for name, s in frames(official).items()})

    assert {"videos": 30, "scores_missing": 0, "scores_too_many": 30} == evidence(found, "other_lengths")
    assert "(30 scores too many)" in next(f.text for f in found.findings if f.code == "other_lengths")
    assert by_video(official, frames(official)).rows[0] == found.rows[0]


def test_a_video_of_another_length_is_left_out(official: OfficialList) -> None:
    """Scores of a wrong length are not stretched; their video is left out by name."""
    scores = frames(official)
    scores["Arson001_x264"] = scores["Arson001_x264"][:50]
    found = by_video(official, scores)

    assert {"videos": 1} == evidence(found, "left_out")
    assert (30, 29) == tuple(evidence(found, "form_frames")[k] for k in ("videos", "videos_of_this_form"))
    assert "absent" in evidence(found, "subset")


@pytest.mark.parametrize(("first", "second"), [(segments, frames), (frames, segments)])
def test_mixed_forms_are_refused(official: OfficialList, first: object, second: object) -> None:
    """Some videos as frames and some as segments: an error with the videos of each, not a table of a part of them."""
    mixed = first(official) | {name: s for name, s in second(official).items() if name.startswith("Normal")}  # type: ignore[operator]

    with pytest.raises(ArtefactError, match="scores of 2 forms are mixed") as caught:
        by_video(official, mixed)
    assert "15 videos: one score per frame; " in str(caught.value)
    assert "15 videos: one score per 16-frame segment, rounded up; " in str(caught.value)


def test_one_video_of_another_form_is_left_out(official: OfficialList) -> None:
    """A single video of another form is left out, and its form is said."""
    name = official.ids[0]
    found = by_video(official, segments(official) | {name: frames(official)[name]})
    (text,) = [f.text for f in found.findings if f.code == "left_out"]

    assert f"{name} {official.n_frames[name]} instead of" in text
    assert "(one score per frame)" in text


def test_dropped_first_frames(official: OfficialList) -> None:
    """Prediction models score no first frames: recognised by the same difference in every video."""
    found = by_video(official, {name: s[4:] for name, s in frames(official).items()})

    assert "form_dropped_4" in codes(found)
    assert sum(official.n_frames.values()) == found.rows[0]["n_frames"]


@pytest.mark.parametrize("whole", ["by video", "vector", "vector in another order"])
@pytest.mark.parametrize(
    ("form", "kept"), [("dropped_4", slice(4, None)), ("dropped_4_last", slice(None, -4))], ids=["first", "last"]
)
def test_steps_show_which_frames_are_missing(official: OfficialList, whole: str, form: str, kept: slice) -> None:
    """The first or the last frames: the changes of the score decide, and every score stays on its frame."""
    scores = {name: s[kept] for name, s in frames(official).items()}
    order = official.orders()[ANNOTATION] if "order" in whole else official.ids
    found = by_video(official, scores) if whole == "by video" else vector(official, joined(scores, order))
    missing = (4, 0) if kept.start else (0, 4)
    held = {name: np.pad(s, missing, mode="edge") for name, s in scores.items()}

    assert f"form_{form}" in codes(found)
    assert 1.0 == evidence(found, "missing_frames")[form]
    assert by_video(official, held).rows[0] == found.rows[0]


@pytest.mark.parametrize("kept", [slice(4, None), slice(None, -4)], ids=["first", "last"])
def test_where_nothing_shows_which_frames_are_missing(official: OfficialList, kept: slice) -> None:
    """Scores that change on every frame: both readings are named, and which one is assumed."""
    rng = np.random.default_rng(3)
    found = by_video(official, {name: rng.random(n)[kept] for name, n in official.n_frames.items()})
    (form,) = [f.text for f in found.findings if f.code == "form_dropped_4"]

    assert "without the first 4 of each video (assumed) or frames without the last 4 of each video" in form
    assert {"dropped_4": 0.0, "dropped_4_last": 0.0} == evidence(found, "missing_frames_in_doubt")


@pytest.mark.parametrize("order", [ANNOTATION, DERIVED])
def test_steps_show_the_order_of_a_vector(official: OfficialList, order: str) -> None:
    """True lengths: changes lie on segment bounds in the right order only, so the order is found without a list."""
    mixed = joined(frames(official), official.orders()[order])
    found = vector(official, mixed)

    assert order == evidence(found, "order")["fits"]
    assert by_video(official, frames(official)).rows[0] == found.rows[0]


def test_a_list_settles_the_order(official: OfficialList) -> None:
    """With its list a vector in any order is read by id."""
    order = tuple(np.random.default_rng(5).permutation(official.ids))
    found = vector(official, joined(frames(official), order), order)

    assert "list given" == evidence(found, "order_as_used")["order"]
    assert by_video(official, frames(official)).rows[0] == found.rows[0]


def test_whole_segments_leave_the_order_in_doubt(official: OfficialList) -> None:
    """With padded lengths any order is aligned: a better area elsewhere is a doubt, not a verdict."""
    oracle = {name: one.astype(float) for name, one in labels(official, PRESETS["rtfm"]).items()}
    found = vector(official, joined(oracle, official.orders()[ANNOTATION]))

    assert "order" not in codes(found)
    assert ANNOTATION == evidence(found, "order_in_doubt")["fits"]


@pytest.mark.parametrize("lie", ["table", "by step", "by video", "by crop"])
def test_crops_in_another_order(official: OfficialList, lie: str) -> None:
    """Ten crops that were not averaged, however they lie, leave the same doubt about their order as averaged ones."""
    rng = np.random.default_rng(6)
    oracle = {name: one[::16] + 1e-3 for name, one in labels(official, PRESETS["rtfm"]).items()}
    tables = {name: s + rng.normal(size=(10, len(s))) / 50 for name, s in oracle.items()}
    order = official.orders()[ANNOTATION]
    whole = np.concatenate([tables[name] for name in order], axis=1)
    scores = {
        "table": whole,
        "by step": whole.T.ravel(),
        "by video": joined({name: t.ravel() for name, t in tables.items()}, order),
        "by crop": whole.ravel(),
    }[lie]
    found = vector(official, scores)
    right = by_video(official, {name: t.mean(0) for name, t in tables.items()}).rows[0]["frame_auc"]

    assert {"crops": 10} == evidence(found, "crops_not_averaged")
    assert (ANNOTATION, pytest.approx(right)) == tuple(
        evidence(found, "order_in_doubt")[k] for k in ("fits", "frame_auc_there")
    )


def test_scores_and_labels_in_two_orders(official: OfficialList) -> None:
    """By position the area is that of the two vectors as they are; by video it is the true one."""
    rules = Convention("one_based_inclusive")
    scores, truth = joined(frames(official), official.ids), joined(labels(official, rules), official.orders()[DERIVED])
    found = evidence(vector(official, scores, labels=truth), "labels_order")
    right = joined(labels(official, rules), official.ids)

    assert DERIVED == found["labels_in"]
    assert roc_auc_score(truth, scores) == pytest.approx(found["frame_auc_by_position"])
    assert roc_auc_score(right, scores) == pytest.approx(found["frame_auc_by_id"])


@pytest.mark.parametrize("interval", ["one_based_inclusive", "zero_based_inclusive", "zero_based_half_open"])
@pytest.mark.parametrize("length", ["true", "ceil16", "floor16"])
def test_labels_tell_their_convention(official: OfficialList, interval: str, length: str) -> None:
    """All nine combinations are recognised, without a frame of difference."""
    truth = joined(labels(official, Convention(interval, length)), official.orders()[DERIVED])  # type: ignore[arg-type]
    found = evidence(by_video(official, frames(official), labels=truth), "labels_convention")

    assert (interval, length, DERIVED, 0) == tuple(found[k] for k in ("interval", "length", "order", "differ"))


def test_labels_of_some_classes_only(official: OfficialList) -> None:
    """Classes without a positive frame are named, and the rest still decides order and convention."""
    whole = labels(official, PRESETS["rtfm"])
    kept = {name: one * name.startswith(("Abuse", "Arson", "Fight")) for name, one in whole.items()}
    found = by_video(official, frames(official), labels=joined(kept, official.orders()[ANNOTATION]))
    partial = evidence(found, "labels_partial")

    assert ["Abuse", "Arson", "Fighting"] == partial["classes"]
    assert (joined(kept, official.ids).sum(), joined(whole, official.ids).sum()) == (
        partial["positive"],
        partial["official"],
    )
    assert 0 == evidence(found, "labels_convention")["differ"]


@pytest.mark.parametrize("length", ["true", "ceil16"])
def test_labels_of_videos_on_every_frame(official: OfficialList, length: str) -> None:
    """1 on every frame of anomalous videos is no convention: it is said what it is, and the area is of that."""
    rules = Convention(length=length)  # type: ignore[arg-type]
    whole = {v.video_id: np.full(rules.frames(official.n_frames[v.video_id]), v.label) for v in official.videos}
    found = by_video(official, segments(official), labels=joined(whole, official.orders()[DERIVED]))
    shown = evidence(found, "labels_video_level")
    scores = joined(
        {name: np.repeat(s, 16)[: len(whole[name])] for name, s in segments(official).items()}, official.ids
    )
    area = roc_auc_score(joined(whole, official.ids), scores)

    assert (length, DERIVED, 0) == tuple(shown[k] for k in ("length", "order", "differ"))
    assert not {"labels_convention", "labels_inverted"} & codes(found)
    assert area == pytest.approx(evidence(found, "labels_area")["frame_auc_by_id"])


def test_inverted_and_foreign_labels(official: OfficialList) -> None:
    """1 for normal is said to be inverted; a length of no convention is said to fit none."""
    truth = joined(labels(official, PRESETS["canonical"]), official.ids)

    assert "labels_inverted" in codes(by_video(official, frames(official), labels=1 - truth))
    assert "labels_length" in codes(by_video(official, frames(official), labels=truth[:-1]))


def test_thirty_two_steps(official: OfficialList) -> None:
    """32 scores per video cover the frames that `frame * 32 // n` says; repeated over frames they are recognised."""
    rng = np.random.default_rng(2)
    bags = {name: rng.random(32) for name in official.ids}
    spread = {
        name: s[np.arange(n) * 32 // n] for (name, s), n in zip(bags.items(), official.n_frames.values(), strict=True)
    }

    assert "form_bag32" in codes(by_video(official, bags))
    assert "bags_repeated" in codes(by_video(official, spread))
    assert by_video(official, bags).rows[0] == by_video(official, spread).rows[0]


def test_padded_scores_are_taken_as_they_are(official: OfficialList) -> None:
    """Scores of a convention's own length keep their own padding under it."""
    padded = {name: np.arange(-(-n // 16) * 16) / 2000 for name, n in official.n_frames.items()}
    found = {row["ground_truth"]: row["frame_auc"] for row in by_video(official, padded).rows}
    truth = joined(labels(official, PRESETS["rtfm"]), official.ids)

    assert roc_auc_score(truth, joined(padded, official.ids)) == pytest.approx(found["rtfm"])


def test_the_path_stands_in_the_result(official: OfficialList, tmp_path: Path) -> None:
    """Source and data set are said."""
    found = audit(Submission(str(tmp_path), frames(official)), official)

    assert (str(tmp_path), "exam") == (found.source, found.dataset)
