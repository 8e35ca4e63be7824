"""The section `train` of a variant."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from vad.schema.base import Count, NotNegative, Positive, Section


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
    select: Select = Field(default_factory=lambda: Select.model_validate({}), description="how the epoch is chosen")
    refit: bool = Field(
        False,
        description="once the epoch is chosen, train a new model on fit and validation part for as many steps; the"
        " threshold stays that of the first training, whose validation videos were held out (select.folds always does)",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
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

    @model_validator(mode="after")
    def _folds_train_all_epochs(self) -> "Train":
        if self.select.folds and self.patience:
            raise ValueError("patience does not go with select.folds: every fold has to train all epochs")
        return self
