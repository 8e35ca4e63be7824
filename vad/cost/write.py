"""Measure what one head, one extractor or the image networks cost, and write it.

Nothing else should run beside it: that would be measured too.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torchvision.models  # noqa: F401 - loaded before anything is measured, never inside a measured process
from pydantic import Field

from vad.artefacts.features import read_features
from vad.artefacts.files import write_json
from vad.cost import parts
from vad.cost.measure import run_isolated
from vad.extractors._base import Source, load_extractor
from vad.schema.base import Section
from vad.schema.report import Efficiency


class Settings(Section):
    """What is measured, and how."""

    kind: Literal["head", "extractor", "references"]
    efficiency: Efficiency
    dataset: str = ""
    features: str = ""
    """The features entry that the measured head reads."""
    model: str = ""
    model_args: dict[str, Any] = Field(default={})
    extractor: dict[str, Any] = Field(default={})
    """The settings of the extractor, its name under `extractor`."""


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Measure one part and write it as JSON.

    Args:
        settings: what is measured, and how.
        paths: `features` is a feature file, for a head; `video` is a video, for an extractor.
        out: the JSON file.
    """
    parts.get_ready()
    write_json(out, _measure(settings, paths))


def _measure(settings: Settings, paths: Mapping[str, Path]) -> dict[str, Any]:
    """The cost of one part, each in a process of its own."""
    how = settings.efficiency
    if settings.kind == "head":
        model, model_args = settings.model, settings.model_args
        return run_isolated(lambda: parts.head(model, model_args, read_features(paths["features"]), how))
    if settings.kind == "extractor":
        plugin, video = load_extractor(settings.extractor), paths["video"]
        return run_isolated(lambda: parts.extractor(plugin, Source(video.stem, (video,)), how))
    return {
        title: run_isolated(lambda name=name: parts.reference(name, how)) for title, name in parts.REFERENCES.items()
    }
