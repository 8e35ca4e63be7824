"""The section `evaluate` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from vad.schema.base import Count, Fraction, Section


class Bootstrap(Section):
    """Intervals by bootstrap: videos are drawn with replacement, the anomalous and the normal ones apart."""

    resamples: Count = Field(default=1000, description="draws; each gives one value of every metric")
    seed: int = Field(default=0, ge=0, description="seed of the draws, and of the baseline `random`")
    coverage: Fraction = Field(default=0.95, description="share of the draws that lie inside an interval (percentiles)")
    block_frames: Count = Field(
        default=300, description="with fewer than 5 test videos, runs of this many frames are drawn instead of videos"
    )


class GroundTruth(Section):
    """How annotated intervals become frame labels: a preset by name, or an interval and a length rule."""

    preset: Literal["canonical", "sultani", "rtfm", "vadclip", "ekosman", "custom"] = Field(
        default="canonical",
        description="a convention by name (docs/protocol.md); canonical = as the list itself counts, true frame counts;"
        " custom = the two keys below",
    )
    interval: Literal["one_based_inclusive", "zero_based_inclusive", "zero_based_half_open"] | None = Field(
        default=None,
        description="how start and end are read (custom only); null = as the list counts",
    )
    length: Literal["true", "ceil16", "floor16"] | None = Field(
        default=None,
        description="frames that count (custom; vadclip takes ceil16 and floor16): all, or the next multiple of 16"
        " above or below; null = true, vadclip: ceil16",
    )

    @model_validator(mode="after")
    def _presets_fix_their_rules(self) -> "GroundTruth":
        free = self.preset == "custom" or (self.preset == "vadclip" and self.interval is None and self.length != "true")
        if not free and (self.interval, self.length) != (None, None):
            raise ValueError(f"preset {self.preset} fixes interval and length; use preset custom to set them")
        if self.preset == "custom" and (self.interval, self.length) == (None, None):
            raise ValueError("preset custom needs interval, length or both")
        return self


NEED_BOTH_LABELS = ("youden", "max_f1")
"""Threshold rules that need normal and anomalous validation videos."""


SHARES = ("far", "quantile", "block_quantile")
"""Threshold rules with a share of 1 as their number."""


class Threshold(Section):
    """The operating point, chosen on the validation part only."""

    rule: Literal["youden", "max_f1", "far", "quantile", "block_quantile", "alarms_per_hour", "fixed"] = Field(
        default="youden",
        description="youden = largest TPR - FPR; max_f1 = largest F1; far = at most this share of normal"
        " videos flagged; quantile = of the scores of normal videos; block_quantile = of the highest scores of blocks"
        " of frames of normal videos; alarms_per_hour = at most so many blocks with a flagged frame in an hour of"
        " normal videos; fixed = a number; all on validation videos",
    )
    value: float | None = Field(
        default=None,
        description="alpha for far, q for quantile and block_quantile, alarms for alarms_per_hour, the threshold itself"
        " for fixed; null otherwise",
    )
    block_frames: Count = Field(
        default=300,
        description="frames of a block, the last one of a video may be shorter (block_quantile, alarms_per_hour)",
    )
    calibrate_frames: int = Field(
        default=0,
        ge=0,
        description="so many first frames of each video, also of the test list, are presumed normal: its scores are"
        " compared with the threshold in units of their spread above their median, for cameras and hours that differ;"
        " 0 = off; no effect on models that score whole videos",
    )

    @model_validator(mode="after")
    def _value_fits_rule(self) -> "Threshold":
        if (self.rule in NEED_BOTH_LABELS) != (self.value is None):
            raise ValueError(f"rule {self.rule} {'takes no value' if self.value is not None else 'needs a value'}")
        if self.rule in SHARES and not 0 <= (self.value or 0) <= 1:
            raise ValueError(f"rule {self.rule} needs a share from 0 to 1")
        if self.rule == "alarms_per_hour" and (self.value or 0) < 0:
            raise ValueError("rule alarms_per_hour needs a number of alarms, 0 or more")
        return self


class Alarms(Section):
    """How frames at or above the threshold become alarms; the same for the test list and for videos of one's own."""

    min_seconds: float = Field(default=0.25, ge=0, description="alarms that are shorter are dropped; 0 = none is")
    merge_seconds: float = Field(
        default=0.5, ge=0, description="alarms with at most this time between them are one; 0 = none are joined"
    )
    hysteresis: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.25,
        description="an alarm starts at the threshold and goes on until the score has fallen below it by this share"
        " of the way to the median score of the video; 0 = it ends below the threshold",
    )
    fps: float = Field(
        default=25.0,
        gt=0,
        description="frames per second of videos with no known frame rate, also for threshold rule alarms_per_hour",
    )


class Evaluate(Section):
    """Settings of room `evaluate`."""

    ground_truth: GroundTruth = Field(default_factory=GroundTruth)
    threshold: Threshold = Field(default_factory=Threshold)
    threshold_normal_only: Threshold = Field(
        default=Threshold(rule="quantile", value=0.95),
        description="takes the place of a `threshold` that needs both labels where the validation part is all normal",
    )
    bootstrap: Bootstrap = Field(default_factory=Bootstrap)
    alarms: Alarms = Field(default_factory=Alarms)
    curve_points: Annotated[int, Field(ge=10, le=2000)] = Field(
        default=200, description="points kept of each ROC and PR curve"
    )

    @model_validator(mode="after")
    def _normal_videos_suffice(self) -> "Evaluate":
        if (rule := self.threshold_normal_only.rule) in NEED_BOTH_LABELS:
            raise ValueError(f"threshold_normal_only cannot use rule {rule}, which needs both labels")
        return self
