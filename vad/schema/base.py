"""Types and the base class that every section of params.yaml and every plugin's Config share."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=200)]
"""A name that becomes part of a path, a stage name or a shell word."""
Fraction = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Arithmetic = Literal["portable", "native"]
"""portable = the same bits on every x86-64 CPU with AVX2; native = the fastest that this CPU or GPU can do."""


class Section(BaseModel):
    """Base of every section and plugin Config: unknown keys, loose types, NaN and later changes are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
