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
    first_frames: Literal["hold", "drop"] = Field(
        "hold",
        description="frames before the first predicted one: hold = they get its score, drop = evaluation leaves them"
        " and their labels out (as MNAD and FramePred are published; models that predict frames only)",
    )
