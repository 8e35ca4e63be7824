"""One run from its score file to the metrics document."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.test_conventions import run, table
from vad.artefacts.scores import ScoreFile, StoredScores
from vad.errors import ArtefactError
from vad.evaluation.conventions import NAMED, scored_under
from vad.evaluation.evaluate import evaluate
from vad.evaluation.run_metrics import evaluate_run, validation_videos
from vad.schema.evaluate import Alarms, Bootstrap, Evaluate, GroundTruth, Threshold

TRAIN = pd.DataFrame(
    [("p", "", "Arson", 1, "validation"), ("q", "", "Normal", 0, "validation"), ("r", "", "Normal", 0, "fit")],
    columns=["video_id", "path", "class", "label", "part"],
)
CONFIG = Evaluate(bootstrap=Bootstrap(resamples=20))


@pytest.fixture
def file() -> ScoreFile:
    """Scores of five test videos and two validation videos, and of two epochs of which the first is the chosen one."""
    rng = np.random.default_rng(0)
    scores = run({name: rng.random(20 + 7 * i) for i, name in enumerate("abcde")})
    other = run({name: rng.random(20 + 7 * i) for i, name in enumerate("abcde")})
    validation = {name: StoredScores(np.arange(5.0), score, "validation") for name, score in (("p", 0.8), ("q", 0.3))}
    return replace(scores, videos=scores.videos | validation, epochs={1: scores.videos, 2: other.videos})


def test_the_document_of_a_run(file: ScoreFile) -> None:
    """The threshold is from validation; metrics, conventions and gap are those of the parts, and all is JSON."""
    document, curves = evaluate_run(file, TRAIN, table(), {}, CONFIG)
    videos = scored_under(table(), {}, file, NAMED["canonical"]).videos

    assert json.loads(json.dumps(document, allow_nan=False))
    assert (0.8, "validation") == tuple(document["protocol"]["threshold"][key] for key in ("value", "chosen_on"))
    assert evaluate(videos, 0.8, CONFIG.bootstrap) == document["metrics"]
    assert 0.95 == document["protocol"]["bootstrap"]["coverage"]
    assert 2 == document["selection_gap"]["frame_auc"]["epochs"]
    assert {"roc", "pr", "scores_normal", "scores_anomalous"} == set(curves["curve"])


def test_a_threshold_of_videos_that_were_trained_on_is_named(file: ScoreFile) -> None:
    """Where nothing is held back, the row says on what the threshold was chosen."""
    reused = TRAIN.replace({"part": {"validation": "both"}})
    threshold = evaluate_run(file, reused, table(), {}, CONFIG).document["protocol"]["threshold"]

    assert (0.8, "train videos that were trained on") == (threshold["value"], threshold["chosen_on"])


@pytest.mark.parametrize("preset", ["canonical", "rtfm", "ekosman"])
def test_conventions_do_not_depend_on_the_one_in_use(file: ScoreFile, preset: str) -> None:
    """Each named convention has the result that it has when it is measured by itself."""
    config = CONFIG.model_copy(update={"ground_truth": GroundTruth(preset=preset)})
    document, _ = evaluate_run(file, TRAIN, table(), {}, config)

    assert list(NAMED) == list(document["conventions"])
    for name, rules in NAMED.items():
        videos = scored_under(table(), {}, file, rules).videos
        assert evaluate(videos, 0.8, CONFIG.bootstrap, per_class=False) == document["conventions"][name], name


def test_a_run_that_scores_bags_has_the_convention_of_bags(file: ScoreFile) -> None:
    """By the expansion that its score file names; its labels are those of `sultani`."""
    bags = replace(file, protocol={"expansion": "bag_over_segments"})
    found = evaluate_run(bags, TRAIN, table(), {}, CONFIG).document["conventions"]

    assert [*NAMED, "sultani_m"] == list(found)
    assert found["sultani"]["counts"] == found["sultani_m"]["counts"]
    assert found["sultani"]["frame_auc"] != found["sultani_m"]["frame_auc"]


def test_no_conventions_without_intervals_or_frames(file: ScoreFile) -> None:
    """A model of whole videos, and a list in seconds, have no conventions to compare."""
    whole = replace(file, level="video")

    assert {} == evaluate_run(whole, TRAIN, table(), {}, CONFIG).document["conventions"]
    assert {} == evaluate_run(file, TRAIN, table(unit="second"), {}, CONFIG).document["conventions"]


def test_a_validation_video_without_a_score_is_named(file: ScoreFile) -> None:
    """A score file of another train list is refused, with every missing video."""
    videos = {name: stored for name, stored in file.videos.items() if name not in "pq"}

    with pytest.raises(ArtefactError, match=r"(?s)2 problem.*p: no score.*q: no score"):
        validation_videos(TRAIN, replace(file, videos=videos))


def test_all_videos_that_were_held_out_choose_the_threshold(file: ScoreFile) -> None:
    """With folds the fit part has held-out scores too; the row says what the threshold was chosen on."""
    more = {"r": StoredScores(np.zeros(5), 0.9, "validation")}
    folds = replace(file, videos=file.videos | more, protocol={**file.protocol, "threshold_on": "3 folds"})
    document, _ = evaluate_run(folds, TRAIN, table(), {}, CONFIG)
    threshold = document["protocol"]["threshold"]

    assert ("3 folds", 1, 2) == (threshold["chosen_on"], threshold["n_anomalous"], threshold["n_normal"])


def test_calibration_moves_only_what_is_at_the_threshold(file: ScoreFile) -> None:
    """The same areas; other flags; the row names the calibration. Conventions of equal segments take it over."""
    rule = Threshold(rule="block_quantile", value=0.9, block_frames=5, calibrate_frames=3)
    config = CONFIG.model_copy(update={"threshold": rule})
    plain, _ = evaluate_run(file, TRAIN, table(), {}, CONFIG)
    found, _ = evaluate_run(file, TRAIN, table(), {}, config)

    assert found["metrics"]["frame_auc"] == plain["metrics"]["frame_auc"]
    assert found["metrics"]["frame_tp"] != plain["metrics"]["frame_tp"]
    assert found["protocol"]["threshold"]["rule"].endswith("calibrated on its first 3 frames")


def test_whole_videos_are_not_said_to_be_calibrated(file: ScoreFile) -> None:
    """A model of whole videos has no first frames: its rule does not name them."""
    rule = Threshold(rule="far", value=0.5, calibrate_frames=3)
    config = CONFIG.model_copy(update={"threshold": rule})
    found, _ = evaluate_run(replace(file, level="video"), TRAIN, table(), {}, config)

    assert "far<=0.5" == found["protocol"]["threshold"]["rule"]


def test_a_missing_frame_rate_is_that_of_alarms(file: ScoreFile) -> None:
    """Published features have no frame rate: `evaluate.alarms.fps` is taken, and the row says so."""
    rule = Threshold(rule="alarms_per_hour", value=1.0, block_frames=5)
    config = CONFIG.model_copy(update={"threshold": rule, "alarms": Alarms(fps=30)})
    found, _ = evaluate_run(file, TRAIN, table(), {}, config)

    assert found["protocol"]["threshold"]["rule"].endswith("5 frames (30 frames/s where no rate is known)")
