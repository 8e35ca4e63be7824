"""The shape of params.yaml: what each section may hold, with unit and range.

Plugin settings (a data set's, an extractor's, a model's) are checked by the `Config` of the plugin's own
module; here they are open mappings. Imports no torch, so that Snakemake parses fast.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=200)]
"""A name that becomes part of a path, a stage name or a shell word."""

Fraction = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """Base of every section and plugin Config: unknown keys, loose types, NaN and later changes are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Train(Section):
    """How one variant is trained (room `train`)."""

    optimiser: Literal["adam", "adamw", "adagrad", "adadelta"] = Field("adam", description="optimiser")
    lr: Positive = Field(description="peak learning rate")
    weight_decay: NotNegative = Field(0.0, description="weight decay")
    scheduler: Literal["constant", "cosine", "step", "drop", "upstream_inert"] = Field(
        "constant",
        description="learning rate over time; drop = lr for step_epochs, then lr_min; upstream_inert = the released"
        " MSTSM schedule, which never moves from its warm-up start",
    )
    warmup_epochs: NotNegative = Field(0, description="epochs of linear warm-up (cosine only)")
    warmup_start: float = Field(0.1, ge=0, le=1, description="share of lr at which the warm-up starts")
    lr_min: NotNegative = Field(0.0, description="learning rate at the end of the cosine, or after the drop")
    step_epochs: Count = Field(10, description="epochs between halvings of lr (step), or before the drop (drop)")
    epochs: Count = Field(description="passes over the training part")
    steps_per_epoch: Count | None = Field(None, description="optimiser steps per epoch; null = one pass over the data")
    batch: Count = Field(description="videos per class (weak supervision) or windows (normal only) per step")
    grad_clip: Positive | None = Field(None, description="largest gradient norm; null = off")
    select_by: Literal["video_auc", "video_ap", "validation_loss", "last"] = Field(
        "video_auc", description="validation criterion that chooses the epoch; last = keep the last epoch"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where training and scoring run; auto = cuda if there is one; cuda without one is an error"
    )
    patience: Count | None = Field(None, description="epochs without a better criterion before stopping; null = never")
    keep_epochs: int = Field(
        0,
        ge=0,
        description="keep the weights of every n-th epoch too, of the last and of the chosen one, so that the report"
        " can say what choosing the epoch on the test list would have given (disk, memory and scoring time: times the"
        " epochs kept); 1 = of all, 0 = of none",
    )


class Infer(Section):
    """How a trained variant scores a video (room `infer`)."""

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


class Variant(Section):
    """One row of the tables: a model with its data, settings and schedule."""

    dataset: Id
    features: Id
    model: Id
    model_args: dict[str, Any] = Field(description="settings of the model's own Config; {} for its defaults")
    train: Train
    infer: Infer


class Dataset(Section):
    """A data set; every other key is checked by the Config of `vad/datasets/<kind>.py`."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)
    kind: Id


class Features(Section):
    """A feature table; every other key is checked by the Config of `vad/extractors/<extractor>.py`."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)
    extractor: Id


class Bootstrap(Section):
    """Intervals: videos are drawn with replacement inside the two strata (anomalous, normal)."""

    resamples: Count = Field(default=1000, description="draws; each gives one value of every metric")
    seed: int = Field(default=0, ge=0, description="seed of the draws, and of the baseline `random`")
    level: Fraction = Field(default=0.95, description="two-sided percentile interval")
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
"""Threshold rules that normal videos alone cannot answer."""


class Threshold(Section):
    """The operating point, chosen on the validation part alone."""

    rule: Literal["youden", "max_f1", "far", "quantile", "fixed"] = Field(
        default="youden",
        description="youden = largest TPR - FPR; max_f1 = largest F1; far = at most this share of normal"
        " videos flagged; quantile = of the scores of normal videos; fixed = a number; all on validation videos",
    )
    value: float | None = Field(
        default=None, description="alpha for far, q for quantile, the threshold itself for fixed; null otherwise"
    )

    @model_validator(mode="after")
    def _value_fits_rule(self) -> "Threshold":
        if (self.rule in NEED_BOTH_LABELS) != (self.value is None):
            raise ValueError(f"rule {self.rule} {'takes no value' if self.value is not None else 'needs a value'}")
        if self.rule in {"far", "quantile"} and not 0 <= (self.value or 0) <= 1:
            raise ValueError(f"rule {self.rule} needs a share from 0 to 1")
        return self


class Evaluate(Section):
    """Room `evaluate`."""

    ground_truth: GroundTruth = Field(default_factory=GroundTruth)
    threshold: Threshold = Field(default_factory=Threshold)
    threshold_normal_only: Threshold = Field(
        default=Threshold(rule="quantile", value=0.95),
        description="takes the place of a `threshold` that needs both labels where the validation part is all normal",
    )
    bootstrap: Bootstrap = Field(default_factory=Bootstrap)
    curve_points: Annotated[int, Field(ge=10, le=2000)] = Field(
        default=200, description="points kept of each ROC and PR curve"
    )

    @model_validator(mode="after")
    def _normal_videos_suffice(self) -> "Evaluate":
        if (rule := self.threshold_normal_only.rule) in NEED_BOTH_LABELS:
            raise ValueError(f"threshold_normal_only cannot use rule {rule}, which needs both labels")
        return self


class Efficiency(Section):
    """How operations are counted and time is taken, on the first test video of each data set."""

    frames: Count = Field(default=240, description="first frames of the video that are decoded, extracted and scored")
    repeats: Count = Field(default=5, description="timed calls after the warm-up, of which the median counts; at most")
    budget: Positive = Field(default=2.0, description="seconds after which no further timed call is begun")


class Tsne(Section):
    """The map of each variant's embeddings (of the first seed, test videos) in two dimensions."""

    points: Annotated[int, Field(ge=10)] = Field(default=400, description="embeddings drawn at random, at most")
    perplexity: Positive = Field(default=30.0, description="neighbours that count, at most a third of the points")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(default=0, description="of the drawing and of t-SNE")


class Published(Section):
    """Which variants stand in which table of the five systems; a table without variants is not made.

    Rows are grouped by data set, in this order; where a table tells differences, the first row of a data set is what
    the others are compared with.
    """

    memtsm_1: list[Id] = Field(default=[], description="MemTSM-Net, table 1: categories of the variants' data sets")
    memtsm_2: list[Id] = Field(default=[], description="MemTSM-Net, table 2: metrics")
    memtsm_3: list[Id] = Field(default=[], description="MemTSM-Net, table 3: ROC areas beside previous work")
    memtsm_4: list[Id] = Field(default=[], description="MemTSM-Net, table 4: ROC area and parameters")
    memtsm_5: list[Id] = Field(default=[], description="MemTSM-Net, table 5: operations beside image networks")
    memtsm_6: list[Id] = Field(default=[], description="MemTSM-Net, table 6: parameters, operations, latency")
    mstsm_performance: list[Id] = Field(default=[], description="MSTSM, performance")
    mstsm_ablation: list[Id] = Field(default=[], description="MSTSM, ablation; differences from the first row")
    efficient_vad_metrics: list[Id] = Field(default=[], description="Efficient-VAD, metrics")
    efficient_vad_classification: list[Id] = Field(default=[], description="Efficient-VAD, classification report")
    efficient_vad_efficiency: list[Id] = Field(default=[], description="Efficient-VAD, efficiency")
    gated_mnad: list[Id] = Field(default=[], description="MNAD with and without gates; differences from the first row")
    urdmu_stages: list[Id] = Field(
        default=[], description="UR-DMU, stage 1 against both; differences from the first row"
    )


class Report(Section):
    """Room `report`."""

    dpi: Annotated[int, Field(ge=50, le=600)] = Field(default=120, description="points per inch of the figures")
    efficiency: Efficiency = Field(default_factory=Efficiency)
    tsne: Tsne = Field(default_factory=Tsne)
    published: Published = Field(default_factory=Published)


class Params(Section):
    """The whole of params.yaml."""

    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    datasets: dict[Id, Dataset]
    features: dict[Id, Features]
    variants: dict[Id, Variant]
    # Required, {} for the defaults: dvc.yaml names both sections, and DVC stops at one that is not there.
    evaluate: Evaluate
    report: Report
