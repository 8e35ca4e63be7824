"""The section `infer` of a variant."""

from typing import Literal

from pydantic import Field

from vad.schema.base import Count, NotNegative, Section


class Infer(Section):
    """How a trained variant scores a video (stage `infer`)."""

    smooth_sigma: NotNegative = Field(0.0, description="Gaussian smoothing of frame scores, in frames; 0 = off")
    video_score: Literal["max", "mean", "topk_mean", "model"] = Field(
        "max", description="one score per video from its frame scores; model = the model's own video score"
    )
    topk: Count = Field(16, description="frames in topk_mean")
    bag_frames: Literal["exact", "sultani_m"] = Field(
        "exact",
        description="how the scores of a bag are spread over frames: exact = to the rows that each segment was made of;"
        " sultani_m = as the MATLAB code of Sultani et al., which rounds bounds over 16-frame clips and leaves the last"
        " clip and what follows at 0 (models that score bags only)",
    )
    first_frames: Literal["hold", "drop"] = Field(
        "hold",
        description="frames before the first predicted one: hold = they get its score, drop = evaluation leaves them"
        " and their labels out (as MNAD and FramePred are published; models that predict frames only)",
    )
    maps: bool = Field(
        False,
        description="store where in the pictures of test and normal validation videos scores come from, and further"
        " maps that the model has (gates of MNAD), so that evaluation says how well anomalies are localised (models"
        " with scores_places only)",
    )
