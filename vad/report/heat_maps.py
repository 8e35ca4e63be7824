"""Where in a picture a model sees an anomaly: which frames are shown, and maps of patch scores over them.

The test list and its annotation alone decide which frames are shown; scores have no influence on the choice.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor
from torch.nn import functional

from vad.artefacts.clips import BagClips
from vad.artefacts.features import FeatureFile, read_features
from vad.artefacts.files import write_array, write_json, write_text
from vad.artefacts.scores import read_scores
from vad.engine.build import restored
from vad.engine.expansion import resample
from vad.engine.parts import crops_of
from vad.engine.score import bag_length
from vad.errors import FeatureError
from vad.evaluation.ground_truth import convention
from vad.evaluation.judged_video import VideoTruth
from vad.models._base import VideoModel
from vad.report.inputs import label_at, truth_of_test
from vad.schema.base import Id, Section
from vad.schema.evaluate import GroundTruth

CLASSES = 5
"""Anomalous classes that are shown, one video each; more do not fit beside each other."""


class Place(NamedTuple):
    """A frame (index from 0) of a video."""

    video: VideoTruth
    frame: int


class Shown(NamedTuple):
    """A frame, and over each of its pixels the score of the patch there, 0..1."""

    frame: int
    image: UInt8[ndarray, "height width rgb"]
    heat: Float[ndarray, "height width"]


def places(videos: Sequence[VideoTruth]) -> list[Place]:
    """Of the first video of each of the first classes its first annotated frame; of the first normal video its middle.

    An anomalous video without an annotated frame shows its middle, too.

    Args:
        videos: test videos in the order of the list.
    """
    anomalous = [video for video in videos if video.label == 1]
    names = list(dict.fromkeys(video.class_name for video in anomalous))[:CLASSES]
    chosen = [next(video for video in anomalous if video.class_name == name) for name in names]
    chosen += [video for video in videos if video.label == 0][:1]
    return [Place(video, _first_annotated(video)) for video in chosen]


def _first_annotated(video: VideoTruth) -> int:
    annotated = np.flatnonzero(video.frame_truth())
    return int(annotated[0]) if len(annotated) else video.n_frames // 2


@torch.no_grad()
def shown(model: VideoModel, file: FeatureFile, frame: int) -> Shown:
    """The frame that a model's segment shows there, and the map of its patches; the mean over the vectors' crops.

    Where one segment stands for several rows, the frame is the nearest of the clip that the model looks at.

    Args:
        model: one with `patch_maps`; put into eval mode.
        file: features with clips.
        frame: index from 0.

    Raises: FeatureError for features without clips, or of another size than the model's.
    """
    if file.clips is None:
        raise FeatureError("these features hold no images. Use a features entry of extractor clips.")
    model.eval()
    rows = len(file.features)
    length = bag_length(model, rows)
    clips = BagClips([file.clips])
    looked_at = np.array(clips.rows(0, length, model.segment_map))
    row = int(np.searchsorted(file.bounds, min(frame, file.n_frames - 1), "right")) - 1
    segment = max(int(np.searchsorted(looked_at, row, "right")) - 1, 0)
    first, images = int(file.bounds[looked_at[segment]]), file.clips.frames(int(looked_at[segment]))
    last = min(len(images), file.n_frames - first) - 1  # a clip at the end of a video repeats its last frame
    inside = min(max(frame - first, 0), last)
    bags = [torch.from_numpy(resample(crop, length, model.bag_pool))[None] for crop in crops_of(file.features)]
    device = next(model.parameters()).device
    maps = [model.patch_maps(bag.to(device), clips, torch.tensor([segment])) for bag in bags]
    heat = heat_maps(torch.stack(maps).mean(dim=0), *images.shape[:3])[0, inside]
    return Shown(first + inside, images[inside], heat.cpu().numpy())


def heat_maps(
    patches: Float[Tensor, "clips tubelets rows columns"],
    frames: int,
    height: int,
    width: int,
    mode: Literal["nearest", "bilinear"] = "nearest",
) -> Float[Tensor, "clips frames height width"]:
    """Patch maps over the pixels of a clip.

    Args:
        patches: one map for each tubelet.
        frames: of the clip, a multiple of the tubelets; the frames of a tubelet share its map.
        height: of the pictures, in pixels.
        width: of the pictures, in pixels.
        mode: `nearest` shows the patches as they are, `bilinear` blends them.
    """
    over = functional.interpolate(
        patches, (height, width), mode=mode, align_corners=None if mode == "nearest" else False
    )
    return over.repeat_interleave(frames // patches.shape[1], dim=1)


class Settings(Section):
    """Which run is looked at, and how annotated intervals become frame labels."""

    dataset: Id
    features: Id
    ground_truth: GroundTruth


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write the chosen frames of a trained run, the map over each, and what each is.

    Args:
        settings: the ground truth; test list and annotation choose the frames.
        paths: the folders `run`, `features` and `labels`, and the files `scores` and `test`.
        out: the folder for frames.csv, images.npy, maps.npy and about.json.
    """
    torch.set_num_threads(1)
    scored = read_scores(paths["scores"]).videos
    videos = truth_of_test(paths["test"], paths["labels"], scored, convention(settings.ground_truth))
    model, config = restored(paths["run"])
    rows, images, maps = [], [], []
    for video, wanted in places(videos):
        file = read_features(paths["features"] / f"{video.video_id}.npz", config["feature_dim"])
        found = shown(model, file, wanted)
        score = float(scored[video.video_id].frames[found.frame])
        rows.append((video.video_id, video.class_name, found.frame, label_at(video, found.frame), score))
        images.append(found.image)
        maps.append(found.heat.astype(np.float32))
    table = pd.DataFrame(rows, columns=["video_id", "class", "frame", "label", "score"])
    write_text(out / "frames.csv", table.to_csv(index=False, lineterminator="\n", float_format="%.6g"))
    write_array(out / "images.npy", np.stack(images))
    write_array(out / "maps.npy", np.stack(maps))
    write_json(out / "about.json", {"seed": config["seed"], "epoch": config["epoch"]})
