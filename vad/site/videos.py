"""A page of each test video of a data set with the scores of its variants, and the list of these pages."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vad.alarms.make import make_alarms, rule_frames
from vad.alarms.scored import ScoredRun, frame_rates, scored_runs
from vad.artefacts.scores import ScoreFile, read_scores
from vad.evaluation.ground_truth import convention
from vad.evaluation.judged_video import JudgedVideo, VideoTruth
from vad.evaluation.thresholds import Thresholds, roc_area
from vad.pages.content import AlarmRule, PageContent, Peak, peak_frames
from vad.pages.overview import OverviewRow, write_overview
from vad.pages.shell import PAGE_SCRIPTS, PAGE_STYLES, write_shared
from vad.pages.video_page import write_choices
from vad.report.inputs import JudgedSettings, ReportInputs
from vad.schema.base import Id
from vad.schema.evaluate import Alarms
from vad.site.names import INDEX, SHARED, page_name
from vad.splits.tables import read_train

MOST_VARIANTS = 50
"""In one page: with more, the first ones of params.yaml are shown."""
NO_FRAMES = "No variant of this data set scores frames: there is nothing to draw over time."


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
    runs = scored_runs(inputs, settings.dataset, settings.evaluate, inputs.seeds[:1])[:MOST_VARIANTS]
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
    """The runs with the best validated one in front, and why it stands there; test videos never count.

    Args:
        runs: in the order of params.yaml.
        files: their scores, by variant.
        train: train.csv of the data set.
    """
    table = read_train(train)
    held = table[table["part"] == "validation"]  # those that were trained on as well (`both`) say nothing
    labels = dict(zip(held["video_id"], held["label"], strict=True))
    if len(set(labels.values())) < 2:
        return list(runs), "the first one of params.yaml: no validation compares them"
    return sorted(runs, key=lambda run: -_area(files[run.name], labels)), "the best on validation videos"


def _area(file: ScoreFile, labels: Mapping[str, int]) -> float:
    """Video-level ROC AUC on held-back videos; -1 where none of them is scored."""
    scored = [(file.videos[name].video, label == 1) for name, label in labels.items() if name in file.videos]
    scores, positive = np.array([score for score, _ in scored]), np.array([label for _, label in scored])
    if len(set(positive.tolist())) < 2:
        return -1.0
    counts = Thresholds.of(scores, positive, np.zeros(len(scores), np.int64), 1)
    return float(roc_area(counts.positive, counts.negative)[0])


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
