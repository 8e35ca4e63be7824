"""The steps of `vad.video.augment` by DALI's own operators, inside the pipeline that decodes.

Colours are changed by arithmetic on frames, not by `color_twist`, which holds contrast around the middle of the range
where torchvision holds it around a frame's mean grey, and which rounds where torchvision cuts. On the same pictures
mirror, brightness and contrast then give torchvision's bytes, crop and saturation differ by one level of 255 at most
(tests/video/test_dali_augment.py). Hue is left to torchvision: DALI turns colours by a matrix, torchvision in HSV, and
the two differ by up to 143 levels.
"""

from types import ModuleType
from typing import Any

from vad.video.draws import Draws

GREY = (0.2989, 0.587, 0.114)
"""torchvision's weights of red, green and blue."""


def augment_in_pipeline(dali: ModuleType, frames: Any, draws: Draws, height: int, width: int) -> Any:  # noqa: ANN401
    """Frames changed by the values of a copy, but for the hue.

    Args:
        dali: the module `nvidia.dali`.
        frames: a node of a pipeline, RGB bytes of layout FHWC, on any device.
        draws: how the pictures are changed.
        height: of the pictures, in pixels.
        width: of the pictures, in pixels.

    Returns: the node of the changed frames, of the same size, type and layout.
    """
    fn, types = dali.fn, dali.types
    if (box := draws.box(height, width)) != (0, 0, height, width):
        frames = fn.slice(frames, start=(box.top, box.left), shape=(box.height, box.width), axis_names="HW")
        linear = types.INTERP_LINEAR
        frames = fn.resize(frames, resize_y=height, resize_x=width, interp_type=linear, antialias=False)
    if draws.flip:
        frames = fn.flip(frames, horizontal=1)
    if draws.brightness != 1:
        frames = _blend(dali, frames, draws.brightness)
    if draws.contrast != 1:
        mean = fn.reductions.mean(_grey(dali, frames), axis_names="HWC", keep_dims=True)
        frames = _blend(dali, frames, draws.contrast, mean)
    if draws.saturation != 1:
        frames = _blend(dali, frames, draws.saturation, _grey(dali, frames))
    return frames


def _grey(dali: ModuleType, frames: Any) -> Any:  # noqa: ANN401
    """The grey of each pixel as a whole number, cut down to it as torchvision does: one channel."""
    # Channel by channel: a constant of three weights would have DALI's full number of samples also in the last run.
    red, green, blue = (dali.fn.slice(frames, start=channel, shape=1, axis_names="C") for channel in range(3))
    return dali.math.floor(red * GREY[0] + green * GREY[1] + blue * GREY[2])


def _blend(dali: ModuleType, frames: Any, ratio: float, other: Any = 0.0) -> Any:  # noqa: ANN401
    """The sum of ratio x frames and (1 - ratio) x other, cut down to whole levels from 0 to 255 as torchvision does."""
    levels = dali.math.floor(frames * ratio + other * (1 - ratio))
    return dali.fn.cast(levels, dtype=dali.types.UINT8)
