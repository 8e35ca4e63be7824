"""The pictures that a trained model makes of some frames of its test videos."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from vad.artefacts.features import OpenFeatures, open_features
from vad.artefacts.npy import StoredArray
from vad.drawing.pictures import Shown
from vad.engine.build import Restored
from vad.engine.expansion import unscored_frames
from vad.engine.score import score_place
from vad.models._base import VideoModel
from vad.predictions.frames import Chosen


def open_frames(folder: Path, video_id: str) -> OpenFeatures:
    """The frames of a video, which stay in their file until some are taken."""
    return open_features(folder / f"{video_id}.npz", most=0)


def unscored(model: VideoModel, bounds: Int[np.ndarray, " bounds"]) -> int:
    """How many frames at the start of a video have no score of their own."""
    return unscored_frames(bounds, model.window, score_place(model))


def window_of(
    rows: UInt8[np.ndarray, "rows dim height width"] | StoredArray, row: int, window: int
) -> UInt8[np.ndarray, "window dim height width"]:
    """The window that ends with a row; of a shorter video, filled up with its last row, as in training and scoring."""
    start = max(row - window + 1, 0)
    found = rows[start : start + window]
    return np.concatenate([found, np.repeat(found[-1:], window - len(found), axis=0)])


@torch.no_grad()
def shown(run: Restored, folder: Path, frames: Sequence[Chosen]) -> list[Shown]:
    """What a model makes of some frames; its memory is the trained one, whatever it learned while it scored.

    Args:
        run: a model with `makes_pictures`, put into eval mode.
        folder: of the feature files.
        frames: which ones.

    Raises: FeatureError for a damaged file.
    """
    model, found = run.model.eval(), []
    for chosen in frames:
        file = open_frames(folder, chosen.video_id)
        row = int(np.searchsorted(file.bounds, chosen.frame, "right")) - 1
        window = window_of(file.features, row, model.window)
        out = model.pictures(torch.from_numpy(window)[None])
        attention = tuple(values[0].numpy() for values in out.attention)
        found.append(Shown(window[:-1].transpose(0, 2, 3, 1), _image(out.target), _image(out.picture), attention))
    return found


def _image(pictures: Float[Tensor, "1 3 height width"]) -> Float[np.ndarray, "height width 3"]:
    """The first picture, channels last, its values inside 0..1."""
    return pictures[0].clamp(0, 1).permute(1, 2, 0).numpy()
