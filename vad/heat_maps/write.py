"""The figure of a variant's score maps: frame, ground truth, map and overlay of three test videos."""

from collections.abc import Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from vad.artefacts.files import read_json
from vad.artefacts.scores import read_scores
from vad.datasets._base import BaseDataset, load_dataset
from vad.drawing.heat_maps import HeatMap, heat_map_figure
from vad.heat_maps.choice import Chosen, annotated_place, chosen_videos, highest_place
from vad.localisation.geometry import Geometry
from vad.localisation.judged_maps import JudgedMaps
from vad.localisation.map_files import read_maps
from vad.report.figures import save
from vad.schema.base import Id, Section
from vad.splits.video import Video
from vad.video.decode import Rules, open_video

RANKED_BY = "pixel_auc"
RULE = (
    f"anomalous test videos with the highest, median and lowest {RANKED_BY} of their own; of each the annotated frame"
    " whose map has the highest cell"
)
RULE_WITHOUT_TRUTH = (
    "test videos with the highest, median and lowest score (no ground truth of places); of each the map with the"
    " highest cell"
)
AS_STORED = Rules(policy="tolerant", max_corrupt_frac=1, apply_rotation=False)
"""Maps are tied to the pixels of the picture as it is stored; what is damaged was judged when features were made."""


class Settings(Section):
    """Whose maps are drawn, of which data set, and points per inch."""

    variant: Id
    seed: int
    entry: dict[str, Any]
    """Of the data set in params.yaml."""
    dpi: int


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Draw the best, the median and the worst test video; no model runs.

    Args:
        settings: variant, seed, data set and resolution.
        paths: the files `scores` and `metrics` and the folder `maps` of the run, and the folder `home` of the data set.
        out: the PNG file.
    """
    dataset = load_dataset(settings.entry, paths["home"])
    videos = {video.video_id: video for video in dataset.videos() if video.split == "test"}
    judged = (read_json(paths["metrics"]).get("localisation") or {}).get("by_video", {})
    chosen = chosen_videos({name: found[RANKED_BY] for name, found in judged.items()})
    rule, key = (RULE, RANKED_BY) if chosen else (RULE_WITHOUT_TRUTH, "score")
    if not chosen:
        scored = read_scores(paths["scores"]).videos
        chosen = chosen_videos({name: scored[name].video for name in videos if name in scored})
    rows = [_row(one, key, dataset, videos[one.video_id], paths["maps"], settings) for one in chosen]
    title = f"{settings.variant}, seed {settings.seed}: where the score comes from, one colour scale\n{rule}"
    save(out, heat_map_figure(title, rows), settings.dpi)


def _row(chosen: Chosen, key: str, dataset: BaseDataset, video: Video, folder: Path, settings: Settings) -> HeatMap:
    """The frame of a chosen video that is shown."""
    maps = read_maps(folder / f"{video.video_id}.npz")
    shape = maps.geometry
    truth = dataset.truth_of(video, (shape.height, shape.width)) if key == RANKED_BY else None
    judged = None if truth is None else JudgedMaps(video.video_id, video.label, maps, truth)
    place, frame = highest_place(maps) if judged is None else annotated_place(judged)
    rank = chosen.rank if judged else chosen.rank.replace("best", "highest").replace("worst", "lowest")
    words = f"{rank}\n{video.video_id}\n{video.class_name}\nframe {frame}\n{key} {chosen.value:.3f}"
    picture = picture_at(_file(dataset, video), frame, shape)
    regions = None if truth is None else truth.regions(frame).masks
    return HeatMap(words, picture, regions, shape.to_picture(maps.maps[place : place + 1])[0])


def _file(dataset: BaseDataset, video: Video) -> Path:
    assert dataset.root is not None, video
    return dataset.root / video.path


def picture_at(path: Path, frame: int, shape: Geometry) -> UInt8[np.ndarray, "height width 3"]:
    """A frame of a video as it is stored, in the size that its ground truth has.

    Args:
        path: a video file or a folder of images.
        frame: from 0.
        shape: says height and width.

    Raises: MediaError for a video that cannot be read.
    """
    # Only the first frame and the wanted one are converted.
    with closing(open_video(path, shape.height, shape.width, AS_STORED).frames(max(frame, 1))) as frames:
        return next(islice(frames, min(frame, 1), None)).copy()
