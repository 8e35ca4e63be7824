"""The whole of params.yaml.

Plugin settings (a data set's, an extractor's, a model's) are checked by the `Config` of the plugin's own
module; here they are open mappings.
"""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from vad.schema.base import Id, Section
from vad.schema.evaluate import Evaluate
from vad.schema.infer import Infer
from vad.schema.report import Report
from vad.schema.train import TrainOrImported


class Variant(Section):
    """One row of the tables: a model with its data, settings and schedule."""

    dataset: Id
    features: Id
    model: Id
    model_args: dict[str, Any] = Field(
        default={}, description="settings of the model's own Config; what is left out has its default"
    )
    train: TrainOrImported
    infer: Infer
    differs: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        pattern=r"^[^\n]+$",
        description="of an entry at a published size: in one line what differs from the publication, or `equal`; shown"
        " by `vad variants` and docs/variants.md, and changes no result",
    )


class Dataset(Section):
    """A data set; every other key is checked by the Config of `vad/datasets/<kind>.py`."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)
    kind: Id


class Features(Section):
    """A feature table; every other key is checked by the Config of `vad/extractors/<extractor>.py`."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)
    extractor: Id


class Params(Section):
    """The whole of params.yaml."""

    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    datasets: dict[Id, Dataset]
    features: dict[Id, Features]
    # Excluded from dumps: `load` puts each schedule in the place of its name, so that a variant's `train` is whole.
    schedules: dict[Id, dict[str, Any]] = Field(
        default={}, exclude=True, description="training settings by name; `train: {schedule: NAME}` takes them"
    )
    variants: dict[Id, Variant]
    # Required, {} for the defaults: dvc.yaml names both sections, and DVC stops at one that is not there.
    evaluate: Evaluate
    report: Report
