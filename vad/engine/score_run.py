"""Score the videos of a list with a trained run: by its chosen epoch, the test videos by its kept epochs too."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch

from vad.artefacts.clips import Clips
from vad.artefacts.features import OpenFeatures, open_features
from vad.artefacts.origin import decoder_of, joined, weights_of
from vad.artefacts.scores import ScoreFile, StoredScores
from vad.engine.build import load_weights, on_device, restored
from vad.engine.kept_epochs import held_out_file, kept_epochs
from vad.engine.parts import READ_AT_ONCE, crops_of
from vad.engine.score import score_video
from vad.errors import ArtefactError, FeatureError
from vad.localisation.map_files import further_file, seen_in_video, write_maps
from vad.models._base import VideoModel, device_of
from vad.networks.convolutions import fold
from vad.nn.exact import full_float32
from vad.schema.infer import Infer


class ListedVideo(NamedTuple):
    """A video that is to be scored: its feature file, and the part it belongs to (`validation` or `test`)."""

    video_id: str
    part: str
    features: Path
    maps: Path | None = None
    """The file that the maps behind its scores are written to; None = none are kept. Further ones lie in folders
    beside it that have their names."""


@dataclass
class EpochScores:
    """A model with the weights of one epoch, and the scores that it gave so far."""

    model: VideoModel
    parts: tuple[str, ...]
    """It scores the videos of these parts."""
    only: frozenset[str] | None = None
    """It scores these videos alone; None = all of the parts."""
    videos: dict[str, StoredScores] = field(default_factory=dict)
    _last_part: str = ""

    def score(
        self, video: ListedVideo, file: OpenFeatures, clips: Clips | None, infer: Infer, mapped: bool = False
    ) -> None:
        """Score one video if it belongs to a part of this epoch.

        Args:
            video: which one.
            file: its features.
            clips: its images, shared by all epochs.
            infer: smoothing and the video's score.
            mapped: whether to write the maps that the model notes, where the video has a file for them.

        Raises: FeatureError naming the feature file.
        """
        if video.part not in self.parts or (self.only is not None and video.video_id not in self.only):
            return
        if video.part != self._last_part:
            self.model.reset_memory()  # a list is scored alike, whatever list was scored before it
            self._last_part = video.part
        maps = video.maps if mapped else None
        try:
            scores = score_video(self.model, file.features, file.bounds, infer, clips, maps is not None)
            if maps and scores.places:
                decode = file.report.get("decode_clips", file.report.get("decode", {}))
                write_maps(maps, seen_in_video(*scores.places, decode))
                for name, places in (scores.further or {}).items():
                    write_maps(further_file(maps, name), seen_in_video(*places, decode))
        except (FeatureError, ArtefactError) as error:
            raise FeatureError(f"{video.features}: {error}") from error
        fps = file.report.get("decode", {}).get("fps")
        self.videos[video.video_id] = StoredScores(
            scores.frames, scores.video, video.part, fps, scores.normalised, scores.dropped
        )


def score_run(run: Path, videos: list[ListedVideo], infer: Infer, threads: int) -> ScoreFile:
    """The scores of a trained run, and how they came to be.

    Args:
        run: the folder that room train wrote.
        videos: the validation videos, then the test videos in the order of the list: a memory that learns while it
            scores depends on the order.
        infer: smoothing and the video's score.
        threads: CPU threads, >= 1.

    Raises: ArtefactError for damaged weights or features; FeatureError for features that do not fit the model.
    """
    torch.set_num_threads(threads)
    full_float32()
    model, config = restored(run)
    on_device(model, config["section"]["train"]["device"])
    kept = kept_epochs(run)
    held_out = [
        EpochScores(_with_weights(model, held_out_file(run, int(number))), ("validation",), frozenset(ids))
        for number, ids in config.get("held_out", {}).items()
    ]
    # The chosen epoch has the chosen weights: its test videos need no second scoring.
    others = {
        epoch: EpochScores(_with_weights(model, path), ("test",))
        for epoch, path in kept.items()
        if epoch != config["epoch"]
    }
    # A model that was trained on the validation videos too would find them easy: others score these.
    chosen = EpochScores(folded(model), ("test",) if held_out else ("validation", "test"))
    crops, extractors, reports = set(), set(), []
    for video in videos:
        file = open_features(video.features, config["feature_dim"], READ_AT_ONCE)  # once for all epochs
        clips = file.clips.decoded_once() if file.clips and others else file.clips
        with torch.inference_mode():  # cheaper than no_grad where a model scores one window after the other
            for each in (*held_out, chosen):
                each.score(video, file, clips, infer, mapped=True)
            for each in others.values():
                each.score(video, file, clips, infer)
        crops.add(len(crops_of(file.features)))
        extractors.add(weights_of(file.report))
        reports.append(file.report)
    protocol = {
        "expansion": expansion(model, infer),
        "scoring": {**model.protocol(), **imported_weights(config)},
        "crops": max(crops),
        "extractor_weights": joined(extractors),
        "decoder": decoder_of(reports),
        "supervision": model.supervision,
        **_chosen_by(config["section"]["train"]),
        **infer.model_dump(mode="json", exclude={"maps"}),
    }
    # Only where training drew from copies of changed pictures: how many each video had.
    protocol |= {"copies": copies} if (copies := config["section"].get("copies")) else {}
    tested = {name: score for name, score in chosen.videos.items() if score.part == "test"}
    epochs = {epoch: others[epoch].videos if epoch in others else tested for epoch in kept}
    validation = {name: score for each in held_out for name, score in each.videos.items()}
    return ScoreFile(model.level, {**validation, **chosen.videos}, protocol, epochs)


def _chosen_by(train: Mapping[str, Any]) -> dict[str, str]:
    """What chose the epoch, and what the threshold may be chosen on if that is not the validation part."""
    if "weights" in train:
        return {"selection": "imported"}
    by = train["select_by"]
    if folds := train.get("select", {}).get("folds"):
        selection = f"{by}, mean of {folds} folds; refit on all train videos"
        return {"selection": selection, "threshold_on": f"{folds} folds of the train list, each held out once"}
    if train.get("refit"):
        return {
            "selection": f"{by}; refit on fit and validation part",
            "threshold_on": "validation, scored before the refit",
        }
    return {"selection": by}


def imported_weights(config: Mapping[str, Any]) -> dict[str, str]:
    """What a row of the results must say of a run that nobody trained here; nothing for others.

    Args:
        config: of the run.
    """
    files = config.get("imported", {}).get("files", [])
    named = [f"{Path(file['file']).name} (sha256 {file['sha256'][:8]})" for file in files]
    return {"weights": f"imported: {', '.join(named)}"} if named else {}


def _with_weights(model: VideoModel, path: Path) -> VideoModel:
    """A copy of a model with other weights; what it remembers from video to video is its own."""
    other = copy.deepcopy(model)
    load_weights(other, path)
    return folded(other)


def folded(model: VideoModel) -> VideoModel:
    """The same model; on a CPU one that looks at pictures has faster layers, whose results differ in the last bits."""
    if model.reads == "images" and device_of(model).type == "cpu":
        fold(model)
    return model


def expansion(model: VideoModel, infer: Infer) -> str:
    """How the scores of a model are spread over frames, in the words of docs/glossary.md."""
    if model.predicts_last and model.window > 1:
        return f"predict, first frames: {infer.first_frames}"
    if model.level == "video":
        return "none: one score per video"
    if model.scores_own_rows or model.predicts_last:
        return "rows: each feature row scored on its own frames"
    if infer.bag_frames == "sultani_m":
        return infer.bag_frames
    return {"bags": "bag_over_segments", "windows": "windows"}[model.sampling]
