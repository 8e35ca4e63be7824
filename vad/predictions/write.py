"""Figures of the pictures that the models of a data set predict or rebuild, on the same frames for all of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch
from matplotlib.figure import Figure

from vad.artefacts.files import write_text
from vad.artefacts.scores import read_scores
from vad.drawing import pictures
from vad.engine.build import restored
from vad.evaluation.ground_truth import convention
from vad.predictions.frames import RULE, Chosen, chosen_frames
from vad.predictions.made import open_frames, shown, unscored
from vad.report.figures import save
from vad.report.inputs import ReportInputs, RunSettings, label_at
from vad.schema.base import Id
from vad.schema.evaluate import GroundTruth


class Settings(RunSettings):
    """The variants of a data set whose models make pictures, the ground truth, and points per inch."""

    dataset: Id
    ground_truth: GroundTruth
    dpi: int


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write which frames are shown, how variants compare, and `<variant>_pictures.png`, `<variant>_frames.png`.

    Args:
        settings: data set, variants, seeds and ground truth; the first variant's scores choose the frames.
        paths: the folders `split`, `train`, `infer`, `evaluate`, `figures` and `comparison` (of comparison.png), and of
            each variant `features_<variant>`.
        out: the folder for frames.csv.
    """
    torch.set_num_threads(1)
    inputs, seed = ReportInputs.of(settings, paths), settings.seeds[0]
    names = list(inputs.variants)
    runs = {name: restored(inputs.run(name, seed)) for name in names}
    folders = {name: paths[f"features_{name}"] for name in names}
    videos = {video.video_id: video for video in inputs.truth(settings.dataset, convention(settings.ground_truth))}
    scored = {name: read_scores(inputs.scores(name, seed)).videos for name in names}
    first = names[0]
    starts = {name: unscored(runs[first].model, open_frames(folders[first], name).bounds) for name in videos}
    frames = chosen_frames({name: scored[first][name].frames for name in videos}, starts)
    made = {name: shown(run, folders[name], frames) for name, run in runs.items()}
    table = pd.DataFrame([{**c._asdict(), "class": videos[c.video_id].class_name} for c in frames])
    table["label"] = [label_at(videos[c.video_id], c.frame) for c in frames]
    scores = pd.DataFrame({name: [float(scored[name][c.video_id].frames[c.frame]) for c in frames] for name in names})
    table = table.join(scores.add_prefix("score_"))
    write_text(out / "frames.csv", table.to_csv(index=False, lineterminator="\n", float_format="%.6g"))
    largest = max(float(one.error.max()) for each in made.values() for one in each) or 1.0
    rule = RULE.format(variant=first, seed=seed)
    words = _words(frames, table["label"].tolist())
    title = f"{settings.dataset}, seed {seed}: the same frames by each variant\n{rule}"
    save(
        paths["comparison"] / "comparison.png",
        pictures.comparison_figure(title, words, made, scores, largest),
        settings.dpi,
    )
    for name, run in runs.items():
        title = f"{name}, seed {seed}, weights of epoch {run.config['epoch']}, memory as trained\n{rule}"
        own = [f"{text}\nscore {score:.3f}" for text, score in zip(words, scores[name], strict=True)]
        save(
            paths["figures"] / f"{name}_pictures.png",
            pictures.picture_figure(title, own, made[name], largest),
            settings.dpi,
        )
        save(paths["figures"] / f"{name}_frames.png", _decisions(inputs, name), settings.dpi)


def _words(frames: Sequence[Chosen], labels: Sequence[int]) -> list[str]:
    """What each frame is."""
    truth = ("normal", "anomalous")
    return [f"{c.rank}\n{c.video_id}\nframe {c.frame}: {truth[label]}" for c, label in zip(frames, labels, strict=True)]


def _decisions(inputs: ReportInputs, variant: str) -> Figure:
    """Frame-level confusion matrix and ROC curves of a variant."""
    runs = {seed: inputs.metrics(variant, seed) for seed in inputs.seeds}
    metrics = [run["metrics"] for run in runs.values()]
    counts = {name: sum(run[f"frame_{name}"]["value"] or 0 for run in metrics) for name in ("tp", "fp", "tn", "fn")}
    areas = [run["frame_auc"]["value"] for run in metrics]
    threshold = runs[inputs.seeds[0]]["protocol"]["threshold"]
    note = f"threshold: {threshold['rule']} on {threshold['chosen_on']}"
    area = None if None in areas else sum(areas) / len(areas)
    curves = {seed: inputs.curves(variant, seed) for seed in inputs.seeds}
    return pictures.decision_figure(f"{variant}: test frames", counts, curves, area, note)
