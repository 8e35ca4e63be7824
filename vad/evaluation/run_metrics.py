"""The metrics document and the curves of one run, from its score file and the tables of its data set."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Shaped

from vad.artefacts.scores import ScoreFile, StoredScores
from vad.errors import ArtefactError, listing
from vad.evaluation.conventions import annotated_by_intervals, join_scores, named_for, scored_under, under_all
from vad.evaluation.curves import curves
from vad.evaluation.evaluate import evaluate
from vad.evaluation.ground_truth import convention
from vad.evaluation.judged_video import JudgedVideo, VideoTruth
from vad.evaluation.operating_points import calibrated, choose_threshold, rule_for
from vad.evaluation.selection_gap import selection_gap
from vad.schema.evaluate import Evaluate
from vad.splits.tables import in_part


class RunMetrics(NamedTuple):
    """What room evaluate writes of one run."""

    document: dict[str, Any]
    """For JSON: `metrics`, `protocol` (how they were computed), `conventions` and `selection_gap`."""
    curves: pd.DataFrame
    """As `vad.evaluation.curves.curves` returns them."""


def evaluate_run(
    file: ScoreFile,
    train: pd.DataFrame,
    test: pd.DataFrame,
    labelled: Mapping[str, Shaped[np.ndarray, "frames"]],
    config: Evaluate,
) -> RunMetrics:
    """Choose the threshold on the validation videos of a run, then measure its test videos.

    Args:
        file: the scores of the run.
        train: `train.csv` as `vad.splits.tables.read_train` returns it; its validation part chooses the threshold.
        test: `test.csv` as `vad.splits.tables.read_test` returns it.
        labelled: labels of the test videos that have one for each frame instead of intervals, by video id.
        config: the section `evaluate` of params.yaml.

    Raises: ArtefactError or DatasetError when scores, lists and annotations do not fit together.
    """
    held_back = not (train["part"] == "both").any()
    chosen_on = file.protocol.get("threshold_on", "validation" if held_back else "train videos that were trained on")
    validation = validation_videos(train, file)
    settings, chosen_on = rule_for(validation, config.threshold, chosen_on, config.threshold_normal_only)
    first = settings.calibrate_frames if file.level == "frame" else 0
    settings = settings.model_copy(update={"calibrate_frames": first})
    fps = {name: score.fps for name, score in file.videos.items()}
    threshold = choose_threshold(calibrated(validation, first), settings, chosen_on, None, fps, config.alarms.fps)
    rules = convention(config.ground_truth)
    truth, videos, notes = scored_under(test, labelled, file, rules)
    videos = calibrated(videos, first)
    metrics = evaluate(videos, threshold.value, config.bootstrap, file.level)
    conventions: dict[str, Any] = {}
    if file.level == "frame" and annotated_by_intervals(test):
        every = named_for(file.protocol.get("expansion"))
        runs = {
            name: videos if named == rules else _in_units_of(videos, scored_under(test, labelled, file, named).videos)
            for name, named in every.items()
        }
        known = {name: metrics for name, named in every.items() if named == rules}
        conventions = under_all(runs, threshold.value, config.bootstrap, workers=1, known=known)
    # Only the scores differ between epochs: the labels are those of the chosen one.
    epochs = ((number, join_scores(truth, kept, file.level, rules)) for number, kept in file.epochs.items())
    document = {
        "metrics": metrics,
        "protocol": {
            "ground_truth": config.ground_truth.model_dump(mode="json"),
            "threshold": vars(threshold),
            "bootstrap": config.bootstrap.model_dump(mode="json"),
            "level": file.level,
            "scores": file.protocol,
            "notes": notes,
        },
        "conventions": conventions,
        "selection_gap": selection_gap(metrics, epochs, file.level),
    }
    return RunMetrics(document, curves(videos, file.level, config.curve_points))


def _in_units_of(calibrated: Sequence[JudgedVideo], videos: Sequence[JudgedVideo]) -> list[JudgedVideo]:
    """The same videos under another convention, which may give whole segments one score, with their calibration."""
    units = {video.video_id: (video.zero, video.unit) for video in calibrated}
    return [replace(video, zero=units[video.video_id][0], unit=units[video.video_id][1]) for video in videos]


def validation_videos(train: pd.DataFrame, file: ScoreFile) -> list[JudgedVideo]:
    """The videos of a train list that choose the threshold of a run, with their labels and its scores.

    These are the validation part, and what else was held out of a training (`vad.engine.refit`).

    Raises: ArtefactError naming every validation video without a score.
    """
    scored = {name: score for name, score in file.videos.items() if score.part == "validation"}
    chosen = in_part(train, "validation") | train["video_id"].isin(scored)
    rows = [row for row, mine in zip(train.to_dict("records"), chosen, strict=True) if mine]
    missing = [f"{row['video_id']}: no score" for row in rows if row["video_id"] not in scored]
    if missing:
        raise ArtefactError(listing("validation videos", missing, "Make the scores of this run again."))
    return [_validation_video(row, scored[row["video_id"]]) for row in rows]


def _validation_video(row: Mapping[str, Any], score: StoredScores) -> JudgedVideo:
    """One row of the train list with its scores, without the first frames that have none of their own."""
    frames = score.frames[score.dropped :]
    truth = VideoTruth(video_id=row["video_id"], class_name=row["class"], label=row["label"], n_frames=len(frames))
    return truth.scored(frames, score.video)
