"""The base class of all data sets: what a data set may define, with the default of each hook.

A data set is one file of this folder with `Config` and `Dataset`; see docs/datasets.md.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from pydantic import Field

import vad.datasets
from vad import registry
from vad.datasets._frame_labels import read_frame_labels
from vad.errors import DatasetError
from vad.localisation.truth import BoxTruth, Truth
from vad.schema.base import Arithmetic, Section
from vad.splits.video import Intervals, Validation, Video

Available = Callable[[Video], bool]
"""Whether a video may be kept; asked by a data set that keeps only videos whose features are there."""
ARITHMETIC = (
    "of its features, training and scoring: portable = the same bits on every x86-64 CPU with AVX2, on the CPU alone;"
    " native = as fast as this machine can, a GPU included (docs/protocol.md)"
)


class GeneratedSettings(Section):
    """Settings of a data set that the project makes itself."""

    validation: Validation = Field(
        default_factory=Validation, description="part of the train list that is held back for selection"
    )
    arithmetic: Arithmetic = Field(default="portable", description=ARITHMETIC)


class UserSettings(Section):
    """Settings of a data set in a user's folder."""

    root: str | None = Field(default=None, description="folder of the data set; null = not installed")
    validation: Validation = Field(
        default_factory=Validation, description="part of the train list that is held back for selection"
    )
    arithmetic: Arithmetic = Field(default="native", description=ARITHMETIC)


class SearchedSettings(UserSettings):
    """Settings of a data set whose videos may lie in any folder below the root."""

    follow_links: bool = Field(
        default=False, description="read what links below root lead to, such as folders on another disk"
    )


class BaseDataset:
    """The videos of one data set, as its lists state them.

    Attributes:
        config: settings of the data set's entry.
        home: folder that a generated data set lies in; others do not use it.
        interval_rule: how `Video.intervals` count frames, one of `vad.splits.tables.INTERVAL_RULES`.
        same_side: groups of ids that a validation part must not separate (one video under two names).
        GENERATED: the project itself makes the videos, by `generate`.
        GET: where a user gets the data, one sentence for messages.
    """

    config: GeneratedSettings | UserSettings
    home: Path
    interval_rule: str = "zero_based_half_open"
    same_side: Sequence[Collection[str]] = ()
    GENERATED: bool = False
    GET: str = ""

    def __init__(self, config: GeneratedSettings | UserSettings, home: Path) -> None:
        """Keep settings and folder; nothing is read or written."""
        self.config, self.home = config, home

    def __init_subclass__(cls) -> None:
        """Refuse a plugin with a public name that no caller knows: a misspelled hook would do nothing, silently."""
        registry.require_known_hooks(cls, BaseDataset)

    @property
    def root(self) -> Path | None:
        """Folder that all paths of a video are relative to; None when the data set is not installed."""
        if not isinstance(self.config, UserSettings):
            return self.home
        return None if self.config.root is None else Path(self.config.root).expanduser()

    def lists(self) -> list[Path]:
        """The files that the videos and labels are read from. By default none.

        Raises: DatasetError naming every file that is not there.
        """
        return []

    def videos(self, available: Available | None = None) -> list[Video]:
        """All videos. Called in every start of Snakemake, so it must be fast.

        Args:
            available: for a data set with a setting `subset`: which videos to keep; None = all.

        Raises: DatasetError with every problem of the lists.
        """
        raise DatasetError(f"{type(self).__module__}: Dataset has no method videos(available=None). Define it.")

    def parsed(self, available: Available | None = None) -> list[Video]:
        """The videos as room split reads them, where that takes too long for every start. By default `videos`."""
        return self.videos(available)

    def labels_of(self, video: Video) -> UInt8[np.ndarray, " frames"]:
        """One label a frame of a test video with `frame_labels`, 1 = anomalous. By default from that file below root.

        Raises: DatasetError for a file that does not hold one label a frame.
        """
        return read_frame_labels(self._installed() / video.frame_labels, None)

    def truth_of(self, video: Video, size: tuple[int, int]) -> Truth | None:
        """Where a test video is anomalous in its frames; None = not known. By default known of normal videos only.

        Args:
            video: of the test list.
            size: height and width of its picture in pixels, as decoded; masks have their own size, and the edges of
                boxes do not depend on it.

        Raises: DatasetError for a file that cannot be read.
        """
        return None if video.label else BoxTruth.none(*size)

    def boxed(self) -> dict[str, Intervals]:
        """Frames near a box that a person drew, from 0, ends excluded, by video id. By default none.

        Those of the validation part may choose an epoch; those of the test list are compared with its labels.

        Raises: DatasetError with every problem of the boxes.
        """
        return {}

    def facts(self, available: Available | None = None) -> dict[str, Any]:
        """What was read, for facts.json.

        Returns: `lists` ({file name: {sha256, official (true, false; null where no official file exists), what}}),
            `notes` (sentences for readers of the results) and `subset` (null, or words that results must carry).
        """
        return {"lists": {}, "notes": [], "subset": None}

    def generate(self, workers: int) -> None:
        """Make the videos, then the lists, below `home`; only for a data set with GENERATED.

        Args:
            workers: processes to use.
        """
        raise DatasetError(f"{type(self).__module__}: this data set is not generated. Set its root to your copy.")

    def _installed(self) -> Path:
        """The root, which must be there.

        Raises: DatasetError that says where the data can be had.
        """
        root = self.root
        if root is None or not root.is_dir():
            fix = "Set root of this data set to its folder, or to null."
            raise DatasetError(f"{root}: no such folder. {fix} {self.GET}".rstrip())
        return root


def load_dataset(entry: Mapping[str, Any], home: Path) -> BaseDataset:
    """The data set of an entry: its name under `kind`, beside it its settings as JSON values.

    Args:
        entry: of `datasets` in params.yaml.
        home: where a generated data set lies.

    Raises: ParamsError for an unknown kind, VadError for a module that is no data set.
    """
    settings = dict(entry)
    module = registry.find(vad.datasets, settings.pop("kind"))
    plugin = registry.plugin_class(module, "Dataset", BaseDataset)
    return plugin(module.Config.model_validate_json(json.dumps(settings)), home)
