"""The scores of a bag on the frames of its video as the published MATLAB code of Sultani et al. spreads them.

Numpy only; stages infer and evaluate both use it.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

CLIP_FRAMES = 16
"""Frames of a C3D clip."""


def matlab_bounds(clips: int, segments: int) -> Int[ndarray, " bounds"]:
    """`round(linspace(1, clips, segments + 1))`, counted from 1; halves are rounded up, as MATLAB does.

    Args:
        clips: of the video, >= 1.
        segments: of the bag, >= 1.
    """
    return (2 * np.arange(segments + 1, dtype=np.int64) * (clips - 1) + 3 * segments) // (2 * segments)


def sultani_m(segments: Float[ndarray, " segments"], n_frames: int) -> Float[ndarray, " frames"]:
    """Convention `sultani_m`: the score of each bag segment on its clips of 16 frames.

    Segment i, from 0, covers the clips t[i] to t[i+1] - 1 of t = `matlab_bounds`, or clip t[i] alone where those are
    none; later segments overwrite earlier ones. So no segment covers the last clip of a video of 18 clips or more: its
    frames have score 0, whatever the range of the scores, and the frames behind it repeat that.

    Paper: Sultani, Chen, Shah, CVPR 2018, as its released evaluation (Evaluate_Anomaly_Detector.m) does it.

    Args:
        segments: one score for each segment of the bag, in the order of time.
        n_frames: of the video, >= 1. Of fewer than 16, the first frames of one clip are taken.
    """
    clips = max(n_frames // CLIP_FRAMES, 1)
    bounds = matlab_bounds(clips, len(segments))
    by_clip = np.zeros(clips)
    for score, start, stop in zip(segments, bounds[:-1] - 1, bounds[1:] - 1, strict=True):
        by_clip[start : max(stop, start + 1)] = score
    frames = np.repeat(by_clip, CLIP_FRAMES)[:n_frames]
    return np.concatenate([frames, np.full(n_frames - len(frames), frames[-1])])
