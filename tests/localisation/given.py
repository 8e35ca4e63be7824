"""Small maps and boxes that the tests of this folder share."""

from collections.abc import Sequence

import numpy as np

from vad.localisation.geometry import Geometry
from vad.localisation.judged_maps import JudgedMaps
from vad.localisation.maps import VideoMaps
from vad.localisation.truth import BoxTruth, Truth


def boxes(rows: Sequence[tuple[float, ...]], height: int = 4, width: int = 4, sparse: bool = False) -> BoxTruth:
    """Ground truth from rows of frame, track, left, top, right, bottom."""
    table = np.array(rows, float).reshape(len(rows), 6)
    frames, tracks = table[:, :2].astype(np.int64).T
    return BoxTruth(height, width, frames, tracks, table[:, 2:], sparse)


def judged(maps: np.ndarray, truth: Truth, geometry: Geometry | None = None, video_id: str = "v") -> JudgedMaps:
    """Maps of the first frames of a video, one cell a pixel unless a geometry is given."""
    maps = np.asarray(maps, np.float32)
    shape = geometry or Geometry(truth.height, truth.width, *maps.shape[1:])
    label = int(len(truth.regions(0).tracks) > 0 or len(getattr(truth, "frames", [])) > 0)
    return JudgedMaps(video_id, label, VideoMaps(maps, np.arange(len(maps)), shape), truth)
