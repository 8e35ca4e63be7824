"""The figure of a variant's score maps: frame, ground truth, map and overlay of three test videos."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from vad.artefacts.files import read_json
from vad.artefacts.scores import read_scores
from vad.drawing.heat_maps import HeatMap, heat_map_figure
from vad.heat_maps.choice import Chosen, annotated_place, chosen_videos, highest_place
from vad.localisation.geometry import Geometry
from vad.localisation.judged_maps import JudgedMaps
from vad.localisation.map_files import read_maps
from vad.localisation.truth_tables import read_truth
from vad.report.figures import save
from vad.schema.base import Id, Section
from vad.splits.tables import read_test
from vad.video.decode import Rules, open_video

RANKED_BY = "pixel_auc"
"""The localisation metric by which videos are chosen."""
RULE = (
    f"anomalous test videos with the highest, median and lowest {RANKED_BY} of their own; of each the annotated frame"
    " whose map has the highest cell"
)
"""How frames are chosen where it is known which places are anomalous."""
RULE_WITHOUT_TRUTH = (
    "test videos with the highest, median and lowest score (no ground truth of places); of each the frame whose map"
    " has the highest cell"
)
"""The same where it is not known."""
AS_STORED = Rules(policy="tolerant", max_corrupt_frac=1, apply_rotation=False)
"""Maps are tied to the pixels of the picture as it is stored; what is damaged was judged when features were made."""


class Settings(Section):
    """Whose maps are drawn, and points per inch."""

    variant: Id
    seed: int
    dpi: int


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Draw the best, the median and the worst test video; no model runs.

    Args:
        settings: variant, seed and resolution.
        paths: of the run the files `scores` and `metrics` and the folder `maps`; of the data set the file `test` and
            the folders `truth` (need not exist) and `videos`.
        out: the PNG file.
    """
    found = read_json(paths["metrics"]).get("localisation", {}).get("by_video", {})
    chosen = chosen_videos({name: own[RANKED_BY] for name, own in found.items()})
    known = bool(chosen)
    if not known:
        scored = read_scores(paths["scores"]).videos
        chosen = chosen_videos({name: video.video for name, video in scored.items() if video.part == "test"})
    test = read_test(paths["test"]).set_index("video_id")
    rows = [_row(one, test.loc[one.video_id], paths, known=known) for one in chosen]
    rule = RULE if known else RULE_WITHOUT_TRUTH
    title = f"{settings.variant}, seed {settings.seed}: where the score comes from\n{rule}"
    save(out, heat_map_figure(title, rows), settings.dpi)


def _row(chosen: Chosen, video: pd.Series, paths: Mapping[str, Path], *, known: bool) -> HeatMap:
    """The frame of a chosen video that is shown; `known` says that there is ground truth."""
    name = f"{chosen.video_id}.npz"
    maps = read_maps(paths["maps"] / name)
    shape, regions = maps.geometry, None
    if known:
        truth = read_truth(paths["truth"] / name, (shape.height, shape.width))
        place, frame = annotated_place(JudgedMaps(chosen.video_id, 1, maps, truth))
        regions = truth.regions(frame).masks
    else:
        place, frame = highest_place(maps)
    rank = chosen.rank if known else chosen.rank.replace("best", "highest").replace("worst", "lowest")
    value = f"{RANKED_BY if known else 'score'} {chosen.value:.3f}"
    words = f"{rank}\n{chosen.video_id}\n{video['class']}\nframe {frame}\n{value}"
    picture = picture_at(paths["videos"] / str(video["path"]), frame, shape)
    return HeatMap(words, picture, regions, shape.to_picture(maps.maps[place : place + 1])[0])


def picture_at(path: Path, frame: int, shape: Geometry) -> UInt8[np.ndarray, "height width 3"]:
    """A frame of a video as it is stored, in the size that its ground truth has.

    Args:
        path: a video file or a folder of images.
        frame: from 0.
        shape: says height and width.

    Raises: MediaError for a video that cannot be read.
    """
    # Only the first frame and the wanted one are converted.
    frames = open_video(path, shape.height, shape.width, AS_STORED).frames(max(frame, 1))
    return next(islice(frames, min(frame, 1), None))
