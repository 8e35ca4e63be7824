"""The section `augment` of a features entry: extra feature tables of changed pictures, for training only."""

from typing import Annotated

from pydantic import Field

from vad.schema.base import Count, NotNegative, Section


class Augment(Section):
    """How many copies of each training video are made, and within which ranges their pictures are changed.

    One value of each kind is drawn for a video and copy, and holds for all its frames. brightness, contrast, saturation
    and hue mean what torchvision.transforms.v2.ColorJitter means by them.
    """

    copies: Count = Field(
        default=1,
        description="extra feature tables of each video of the fit part, from which training draws; each copy costs as"
        " much again as the plain videos of that part, in disk space, time of extraction and memory of training",
    )
    brightness: NotNegative = Field(
        default=0.0, description="pictures are multiplied by a factor from max(0, 1 - brightness) to 1 + brightness"
    )
    contrast: NotNegative = Field(
        default=0.0,
        description="differences from a frame's mean grey are multiplied by a factor from max(0, 1 - contrast) to"
        " 1 + contrast",
    )
    saturation: NotNegative = Field(
        default=0.0,
        description="differences from a pixel's own grey are multiplied by a factor from max(0, 1 - saturation) to"
        " 1 + saturation",
    )
    hue: Annotated[float, Field(ge=0, le=0.5)] = Field(
        default=0.0, description="colours are turned by -hue to hue, in turns of the colour circle"
    )
    crop: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0,
        description="smallest side of the part that is cut out, as a share of the picture's side; 1 = no crop",
    )
    flip: Annotated[float, Field(ge=0, le=1)] = Field(default=0.0, description="probability of mirroring left to right")
    seed: int = Field(default=0, ge=0, description="seed of the draws")
