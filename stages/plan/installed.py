"""What is there to work with: data sets, features and variants that can run here, and their videos and files."""

from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import vad.models
from stages.devices import wants_gpu
from stages.plan import paths
from vad import registry
from vad.datasets._base import BaseDataset, load_dataset
from vad.extractors._base import BaseExtractor, load_extractor
from vad.installed import missing
from vad.schema.base import Arithmetic
from vad.schema.params import Params, Variant
from vad.schema.train import Imported
from vad.splits.tables import parts_of
from vad.splits.video import Video


class Installed:
    """The entries of params.yaml whose data is on this machine.

    Args:
        params: the checked params.yaml.
    """

    def __init__(self, params: Params) -> None:
        self.params = params

    # -- variants ----------------------------------------------------------------------------------------------

    @cached_property
    def variants(self) -> list[str]:
        """The variants that can run here, in the order of params.yaml."""
        return [name for name, variant in self.params.variants.items() if not missing(self.params, variant)]

    @cached_property
    def skipped(self) -> dict[str, str]:
        """The other variants, each with the reason."""
        return {name: reason for name, v in self.params.variants.items() if (reason := missing(self.params, v))}

    def variant(self, name: str) -> Variant:
        """One entry of `variants`."""
        return self.params.variants[name]

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """(features, data set) pairs that a variant needs."""
        return sorted({(v.features, v.dataset) for v in map(self.variant, self.variants)})

    def has_maps(self, variant: str) -> bool:
        """True if room infer stores where in a picture the scores of a variant come from."""
        return self.variant(variant).infer.maps

    def is_baseline(self, variant: str) -> bool:
        """True if the model is a plain method that the others are compared with."""
        return registry.stated(vad.models, self.variant(variant).model, "is_baseline") is True

    def makes_pictures(self, variant: str) -> bool:
        """True if the model of a variant predicts or rebuilds frames, which the report shows."""
        return registry.stated(vad.models, self.variant(variant).model, "makes_pictures") is True

    def given_weights(self, variant: str) -> list[Path]:
        """The user's own files of weights that a variant is made from, or starts with."""
        train = self.variant(variant).train
        entries = train.weights if isinstance(train, Imported) else train.start
        return [Path(entry.file).expanduser() for entry in entries if entry.file]

    # -- data sets ---------------------------------------------------------------------------------------------

    @cache  # noqa: B019 - one object per process
    def dataset(self, name: str) -> BaseDataset:
        """The data set plugin of an entry."""
        return load_dataset(self.params.datasets[name].model_dump(), paths.raw(name))

    def root(self, dataset: str) -> Path:
        """The folder of an installed data set."""
        root = self.dataset(dataset).root
        assert root is not None, dataset
        return root

    def kind(self, dataset: str) -> str:
        """The plugin file of a data set."""
        return self.params.datasets[dataset].kind

    @cached_property
    def datasets(self) -> list[str]:
        """The data sets that are installed; one that the project makes itself only if a variant uses it."""
        used = {self.variant(name).dataset for name in self.variants}
        return [
            name
            for name in self.params.datasets
            if self.dataset(name).root is not None and (name in used or not self.generated(name))
        ]

    @cached_property
    def reported(self) -> list[str]:
        """The data sets that a variant can run on: each has a report of its own."""
        used = {self.variant(name).dataset for name in self.variants}
        return [name for name in self.datasets if name in used]

    def generated(self, dataset: str) -> bool:
        """True if the project itself makes the videos of a data set."""
        return self.dataset(dataset).GENERATED

    def arithmetic(self, dataset: str) -> Arithmetic:
        """In which way features, training and scoring of a data set are computed."""
        return self.dataset(dataset).config.arithmetic

    def raw_records(self, dataset: str) -> list[str]:
        """What Snakemake makes before it makes anything from videos: the record of a generated data set.

        It covers every video. A user's own videos are nothing that Snakemake makes: the look before a run sees what
        changed in them.
        """
        return [paths.record(paths.raw(dataset))] if self.generated(dataset) else []

    @cache  # noqa: B019 - one object per process
    def videos(self, dataset: str) -> list[Video]:
        """The videos of a data set, from its lists."""
        plugin = self.dataset(dataset)
        return plugin.videos(self._available(dataset)) if self.partial(dataset) else plugin.videos()

    @cache  # noqa: B019 - one object per process
    def fit_videos(self, dataset: str) -> list[Video]:
        """The videos of the train list that models are trained on: only these may have copies."""
        plugin = self.dataset(dataset)
        train = [video for video in self.videos(dataset) if video.split == "train"]
        fit, _ = parts_of(train, plugin.config.validation, plugin.same_side)
        return [video for video in train if video.video_id in fit]

    def partial(self, dataset: str) -> bool:
        """True if a data set is cut down to the videos whose features are there."""
        return self.params.datasets[dataset].model_dump().get("subset", "all") == "available"

    def _available(self, dataset: str) -> Callable[[Video], bool]:
        """Answers whether every imported feature table that is used with a data set has a video."""
        tables = [self.imported_features(f) for f, d in self.pairs if d == dataset and self.imported(f)]
        return lambda video: all(
            table.has(video.video_id, video.n_frames if video.split == "train" else None) for table in tables
        )

    # -- features ----------------------------------------------------------------------------------------------

    def features_entry(self, name: str) -> dict[str, Any]:
        """The checked settings of a features entry; no plugin is imported for them (torch takes seconds)."""
        return self.params.features[name].model_dump()

    def plain_entry(self, name: str) -> dict[str, Any]:
        """The settings behind the plain features of an entry: whatever is done to copies changes none of them."""
        return {key: value for key, value in self.features_entry(name).items() if key != "augment"}

    def copies(self, features: str) -> int:
        """How many copies each video of the fit part has."""
        augment = self.features_entry(features).get("augment") or {}
        return augment.get("copies", 0)

    def copy_entry(self, features: str) -> dict[str, Any] | None:
        """The settings behind each copy, not how many there are: one more leaves the others. None without copies."""
        if not self.copies(features):
            return None
        entry = self.features_entry(features)
        return {**entry, "augment": {key: value for key, value in entry["augment"].items() if key != "copies"}}

    def vectors_entry(self, name: str) -> dict[str, Any]:
        """The settings of the extractor that makes the vectors: the entry, or the one inside it."""
        entry = self.features_entry(name)
        return dict(entry.get("vectors", entry))

    def extractors(self, name: str) -> list[str]:
        """The plugin files of a features entry: its own and the one inside it."""
        return list(dict.fromkeys([self.params.features[name].extractor, self.vectors_entry(name)["extractor"]]))

    def needs_gpu(self, features: str) -> bool:
        """True if a features entry runs on a GPU: it asks for one, or takes one that is there."""
        return wants_gpu(self.features_entry(features))

    def imported(self, features: str) -> bool:
        """True if vectors are read from files instead of computed from videos."""
        return self.vectors_entry(features)["extractor"] == "imported"

    @cache  # noqa: B019 - one object per process
    def imported_features(self, features: str) -> BaseExtractor:
        """The reader of a table of published features."""
        return load_extractor(self.vectors_entry(features))

    @property
    def extracted(self) -> list[tuple[str, str]]:
        """The (features, data set) pairs whose features are computed from videos."""
        return [(f, d) for f, d in self.pairs if not self.imported(f)]

    @cache  # noqa: B019 - one object per process
    def sources(self, features: str, dataset: str) -> dict[str, list[str]]:
        """The files that the features of each video are made from: the video, published feature files, or both."""
        videos, files = self.videos(dataset), {}
        if not self.imported(features) or "vectors" in self.features_entry(features):
            files = {v.video_id: [str(self.root(dataset) / v.path)] for v in videos}
        if self.imported(features):
            found = self.imported_features(features).sources([v.video_id for v in videos])
            return {k: [*files.get(k, []), *map(str, each)] for k, each in found.items()}
        return files
