"""A page of each test video of a data set with the scores of its variants, and the list of these pages."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vad.alarms.make import make_alarms, rule_frames
from vad.alarms.scored import ScoredRun, frame_rates, scored_runs
from vad.artefacts.scores import ScoreFile, read_scores
from vad.evaluation.ground_truth import convention
from vad.evaluation.judged_video import JudgedVideo, VideoTruth
from vad.evaluation.operating_points import validation_area
from vad.pages.content import AlarmRule, PageContent, Peak, peak_frames
from vad.pages.overview import OverviewRow, write_overview
from vad.pages.shell import PAGE_SCRIPTS, PAGE_STYLES, write_shared
from vad.pages.video_page import write_choices
from vad.report.inputs import JudgedSettings, ReportInputs
from vad.schema.base import Id
from vad.schema.evaluate import Alarms
from vad.site.names import INDEX, MOST_VARIANTS, SHARED, page_name

NO_FRAMES = "No variant of this data set scores frames: there is nothing to draw over time."
"""The note on a video where nothing was scored: in the list of videos and in its page."""


class Settings(JudgedSettings):
    """Data set, variants and seeds, and how scores become alarms."""

    dataset: Id


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write `<video>_scores.html` for each test video, their list `index.html` and the folder `assets`.

    Args:
        settings: data set, variants, seeds, ground truth and alarms.
        paths: the folders `split`, `infer` and `evaluate`.
        out: the folder of the pages.
    """
    inputs = ReportInputs.of(settings, paths)
    runs = scored_runs(inputs, settings.dataset, settings.evaluate, inputs.seeds[:1])
    files = {run.name: read_scores(inputs.scores(run.name, inputs.seeds[0])) for run in runs}
    runs, why = best_first(runs, files, inputs.table(settings.dataset, "train.csv"))
    rates = frame_rates(inputs, settings.dataset)
    rows = []
    for video in inputs.truth(settings.dataset, convention(settings.evaluate.ground_truth)):
        shown = {
            run.name: _content(run, one, files[run.name], rates[video.video_id], settings.evaluate.alarms)
            for run in runs
            for one in run.videos
            if one.video_id == video.video_id
        }
        write_choices(out / page_name(video.video_id), shown or {"": _without_scores(video)}, SHARED)
        if shown:
            first = next(iter(shown.values()))
            rows.append(OverviewRow.of(first, page_name(video.video_id), note=video.class_name))
        else:
            rows.append(OverviewRow(video.video_id, page_name(video.video_id), 0.0, None, 0, 0.0, note=NO_FRAMES))
    title = f"{settings.dataset}: test videos" + (f", scored by {runs[0].name} ({why})" if runs else "")
    write_overview(out / INDEX, rows, title, up=f"../{INDEX}")
    write_shared(out / SHARED, [*PAGE_SCRIPTS, *PAGE_STYLES])


def best_first(runs: Sequence[ScoredRun], files: Mapping[str, ScoreFile], train: Path) -> tuple[list[ScoredRun], str]:
    """At most `MOST_VARIANTS` runs, the best validated one in front, and why it stands there; test videos never count.

    Args:
        runs: in the order of params.yaml.
        files: their scores, by variant.
        train: train.csv of the data set.
    """
    areas = {}
    for run in runs:
        area = validation_area(train, {name: one.video for name, one in files[run.name].videos.items()})
        areas[run.name] = -1.0 if area is None else area
    if all(area < 0 for area in areas.values()):
        return list(runs[:MOST_VARIANTS]), "the first one of params.yaml: no validation compares them"
    ranked = sorted(runs, key=lambda run: -areas[run.name])
    return ranked[:MOST_VARIANTS], "the best on validation videos"


def _content(run: ScoredRun, video: JudgedVideo, file: ScoreFile, fps: float | None, settings: Alarms) -> PageContent:
    """What the page of a video shows for one variant."""
    assert video.scores is not None  # runs of whole videos are left out
    scores = np.asarray(video.scores, np.float64)
    rate, dropped = fps or settings.fps, file.videos[video.video_id].dropped
    threshold = None if run.threshold is None else video.own_threshold(run.threshold)
    alarms = [] if threshold is None else make_alarms(scores, threshold, settings, rate)
    lengths = rule_frames(settings, rate)
    notes = [f"class {video.class_name}; scored by {run.name}, seed {run.seed}; threshold: {run.rule}"]
    if dropped:
        notes.append(f"the first {dropped} frames have no score and are left out: frame 0 here is frame {dropped}")
    if fps is None:
        notes.append(f"frames per second are not known: times are those of {rate:g} frames per second")
    return PageContent(
        video_id=video.video_id,
        times=np.arange(len(scores)) / rate,
        scores=scores,
        threshold=threshold,
        alarms=alarms,
        rule=AlarmRule(settings.hysteresis, merge_frames=lengths.gap, min_frames=lengths.shortest),
        fps=rate,
        labels=_labels(video, len(scores)),
        notes=notes,
        peaks=[Peak(frame) for frame in peak_frames(scores, alarms)],
        index=INDEX,
    )


def _labels(video: VideoTruth, frames: int) -> np.ndarray | None:
    """The label of each frame; None for an anomalous video of which only that is known."""
    if video.labels is None and video.label:
        return None
    return video.frame_truth()[:frames]


def _without_scores(video: VideoTruth) -> PageContent:
    return PageContent(video.video_id, np.zeros(0), np.zeros(0), None, notes=[NO_FRAMES], index=INDEX)
