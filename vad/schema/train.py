"""The section `train` of a variant: how it is trained, or which released weights it has instead."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from vad.schema.base import Count, Id, NotNegative, Positive, Section

Device = Literal["auto", "cpu", "cuda"]
BY_LABEL = ("video_auc", "video_ap", "validation_frame_auc")
"""Criteria that choose the epoch and need normal and anomalous validation videos."""


class WeightsFile(Section):
    """A file of weights that others have trained, and the part of the model that it is for."""

    file: str = Field(min_length=1, description="path of a torch or safetensors file, from the project's folder")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of that file; another content is an error")
    part: str = Field(
        default="",
        description="part of the model that the file is for, where one file is not enough; empty = the whole model",
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        description="the run that it is for; null = the runs of all seeds that have no file of their own",
    )


class Imported(Section):
    """Weights that others have trained: nothing is trained (stage `train` only renames and checks them)."""

    weights: list[WeightsFile] = Field(
        min_length=1, description="the released files, each `{file, sha256, part, seed}` (docs/imported-weights.md)"
    )
    device: Device = Field("auto", description="where scoring runs, as for training")

    def of_seed(self, seed: int) -> list[WeightsFile]:
        """The files for the run of a seed, one for each part: one of its own goes before one for all seeds."""
        own = {file.part for file in self.weights if file.seed == seed}
        return [file for file in self.weights if file.seed == seed or (file.seed is None and file.part not in own)]

    @model_validator(mode="after")
    def _one_file_each(self) -> "Imported":
        places = [(file.part, file.seed) for file in self.weights]
        for part, seed in places:
            if places.count((part, seed)) > 1:
                of = f"part {part}" if part else "the whole model"
                runs = "all seeds" if seed is None else f"seed {seed}"
                raise ValueError(f"two files of weights for {of} and {runs}. Remove one, or set part or seed")
        return self


class Start(Section):
    """Where the weights come from with which the training of a model, or of one of its parts, starts."""

    variant: Id | None = Field(None, description="another variant: its run of the same seed; or null")
    file: str | None = Field(None, description="path of a released torch or safetensors file; or null")
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$", description="of that file")
    part: str = Field("", description="part of the model that starts so, such as stage1; empty = the whole model")

    @model_validator(mode="after")
    def _one_source(self) -> "Start":
        if (self.variant is None) == (self.file is None):
            raise ValueError("a start needs either variant or file")
        if (self.file is None) != (self.sha256 is None):
            raise ValueError("file and sha256 go together")
        return self


class Select(Section):
    """Cross-validation inside the train list, for lists so short that one validation part chooses by chance."""

    folds: int = Field(
        0,
        ge=0,
        description="parts of the train list; each is held out once while the others train, the epoch is the best by"
        " the mean of their criteria, and the model is then trained on all videos; 0 = the validation part chooses",
    )

    @field_validator("folds")
    @classmethod
    def _more_than_one(cls, folds: int) -> int:
        if folds == 1:
            raise ValueError("must be 0 or at least 2: with one fold nothing is left to train on")
        return folds


class Train(Section):
    """How one variant is trained (stage `train`)."""

    optimiser: Literal["adam", "adamw", "adagrad", "adadelta"] = Field("adam", description="optimiser")
    lr: Positive = Field(description="peak learning rate")
    weight_decay: NotNegative = Field(0.0, description="weight decay")
    scheduler: Literal[
        "constant", "cosine", "cosine_by_epoch", "cosine_after_warmup", "step", "drop", "upstream_inert"
    ] = Field(
        "constant",
        description="learning rate over time; cosine falls with every step and reaches lr_min at the end of training,"
        " cosine_by_epoch falls after every epoch; cosine_after_warmup = the released STEAD schedule, whose cosine"
        " takes all of `epochs` after the warm-up, so that training ends before lr_min, and whose steps have the rate"
        " of the step before; drop = lr for step_epochs, then lr_min; upstream_inert = the released MSTSM schedule,"
        " which never moves from its warm-up start",
    )
    warmup_epochs: NotNegative = Field(0, description="epochs of linear warm-up (the cosines)")
    warmup_start: float = Field(0.1, ge=0, le=1, description="share of lr at which the warm-up starts")
    lr_min: NotNegative = Field(0.0, description="learning rate at the end of the cosine, or after the drop")
    step_epochs: Count = Field(10, description="epochs between halvings of lr (step), or before the drop (drop)")
    epochs: Count = Field(description="passes over the training part")
    steps_per_epoch: Count | None = Field(None, description="optimiser steps per epoch; null = one pass over the data")
    batch: Count = Field(description="videos per class (weak supervision) or windows (normal only) per step")
    curriculum: Literal["off", "length"] = Field(
        "off",
        description="order of an epoch's bags: off = random; length = from short videos to long ones, in each class"
        " (MemTSM-Net's text; its released loader shuffles after sorting, so there it has no effect)",
    )
    grad_clip: Positive | None = Field(None, description="largest gradient norm; null = off")
    select_by: Literal["video_auc", "video_ap", "validation_frame_auc", "validation_loss", "last"] = Field(
        "video_auc",
        description="validation criterion that chooses the epoch; validation_frame_auc needs frame labels of the"
        " validation part (datasets.*.boxes); last = keep the last epoch",
    )
    select: Select = Field(default_factory=lambda: Select.model_validate({}), description="how the epoch is chosen")
    refit: bool = Field(
        False,
        description="once the epoch is chosen, train a new model on fit and validation part for as many steps; the"
        " threshold stays that of the first training, whose validation videos were held out (select.folds always does)",
    )
    device: Device = Field(
        "auto", description="where training and scoring run; auto = cuda if there is one; cuda without one is an error"
    )
    precision: Literal["float32", "float16", "bfloat16"] = Field(
        "float32",
        description="arithmetic of the training steps; float16, bfloat16 = mixed precision, faster and smaller on a GPU"
        " (weights, validation and scoring stay float32; float16 scales the loss)",
    )
    patience: Count | None = Field(None, description="epochs without a better criterion before stopping; null = never")
    keep_epochs: int = Field(
        0,
        ge=0,
        description="keep the weights of every n-th epoch, of the last and of the chosen one, for the table that says"
        " what choosing the epoch on the test list would have given; disk, memory and scoring time grow with the number"
        " of epochs kept; 1 = every epoch, 0 = the chosen one only",
    )
    start: list[Start] = Field(
        default=[],
        description="weights with which training starts, each `{variant}` or `{file, sha256}` with its `part`;"
        " [] = drawn from the seed",
    )

    @model_validator(mode="after")
    def _choices_go_together(self) -> "Train":
        if self.select_by == "last" and self.patience:
            raise ValueError("patience does not go with select_by last, which has no criterion. Remove one of the two")
        if self.select.folds and self.patience:
            raise ValueError("patience does not go with select.folds: every fold has to train all epochs")
        if self.select.folds and self.select_by == "validation_frame_auc":
            raise ValueError("validation_frame_auc does not go with select.folds: only the validation part has boxes")
        return self


def _kind(train: Any) -> str:  # noqa: ANN401 - any YAML value
    """Which of the two a section `train` is."""
    imported = isinstance(train, Imported) or (isinstance(train, Mapping) and "weights" in train)
    return "[imported]" if imported else "[trained]"


TrainOrImported = Annotated[
    Annotated[Train, Tag("[trained]")] | Annotated[Imported, Tag("[imported]")], Discriminator(_kind)
]
"""The section `train` of a variant; `explain` leaves the tags out of paths."""
