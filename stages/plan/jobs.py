"""The jobs of the rooms split to evaluate: what each reads and writes."""

from collections.abc import Iterator
from dataclasses import dataclass

from stages.devices import wants_gpu
from stages.plan import memory, paths
from stages.plan.installed import Installed
from stages.plan.memory import Shape, shape_of
from vad.artefacts.features import file_name
from vad.ledger.arithmetic import shell_words
from vad.schema.train import Train
from vad.splits.video import Video

VIDEOS_PER_JOB = 32
"""At most: several videos share the seconds that Python and torch take to start."""
IMPORTS_PER_JOB = 128
"""Of published features, at most: one takes a few hundredths of a second."""
JOBS_WANTED = 4
"""At least, for data sets of few videos: every core should have work."""


@dataclass(frozen=True)
class Batch:
    """The videos of one data set that one job extracts, as they are (copy 0) or as a copy with changed pictures."""

    features: str
    dataset: str
    number: int
    videos: tuple[Video, ...]
    copy: int = 0

    @property
    def name(self) -> str:
        """A rule name."""
        return f"features.{self.features}.{self._number}"  # a dot is in no id: names cannot collide

    @property
    def key(self) -> str:
        """The name of its list of videos, in a folder per features entry."""
        return f"{self.features}/{self._number}"

    @property
    def section(self) -> str:
        """The name of the params slice that it may see."""
        return copies_key(self.features) if self.copy else self.features

    @property
    def files(self) -> list[str]:
        """The feature files that it makes."""
        folder = paths.feature_folder(self.features, self.dataset)
        return [f"{folder}/{file_name(video.video_id, self.copy)}" for video in self.videos]

    @property
    def _number(self) -> str:
        return f"{self.dataset}.{f'copy{self.copy}.' if self.copy else ''}{self.number}"


def copies_key(features: str) -> str:
    """The name of the params slice behind the copies of a features entry."""
    return f"{features}.copies"


class Jobs:
    """Inputs and outputs of jobs.

    Args:
        installed: what can run here.
    """

    def __init__(self, installed: Installed) -> None:
        self.installed = installed
        self.seeds = installed.params.seeds

    def batches(self) -> Iterator[Batch]:
        """Every feature job: those of all videos, then those of each copy of the videos of the fit part."""
        for features, dataset in self.installed.pairs:
            for copy in range(self.installed.copies(features) + 1):
                videos = self.installed.fit_videos(dataset) if copy else self.installed.videos(dataset)
                size = max(min(self._most_videos(features), len(videos) // JOBS_WANTED), 1)
                for number, start in enumerate(range(0, len(videos), size)):
                    yield Batch(features, dataset, number, tuple(videos[start : start + size]), copy)

    def features_minutes(self, batch: Batch) -> int:
        """How long a feature job may take, in minutes: generous, a scheduler ends what takes longer."""
        return 10 + len(batch.videos) * (10 if self._reads_videos(batch.features) else 1)

    def _most_videos(self, features: str) -> int:
        """How many videos one job takes at most."""
        return VIDEOS_PER_JOB if self._reads_videos(features) else IMPORTS_PER_JOB

    def _reads_videos(self, features: str) -> bool:
        """False where an entry only reads published features."""
        return not self.installed.imported(features) or "vectors" in self.installed.features_entry(features)

    def feature_files(self, variant: str, *splits: str) -> list[str]:
        """The plain feature files of the given lists (`train`, `test`), as a variant uses them."""
        folder, videos = self.feature_folder(variant), self.installed.videos(self.installed.variant(variant).dataset)
        chosen = [video.video_id for split in splits for video in videos if video.split == split]
        return [f"{folder}/{file_name(video_id)}" for video_id in chosen]

    def copy_files(self, variant: str) -> list[str]:
        """The feature files of the copies from which a variant's training draws."""
        entry, folder = self.installed.variant(variant), self.feature_folder(variant)
        numbers = range(1, self.installed.copies(entry.features) + 1)
        chosen = self.installed.fit_videos(entry.dataset) if numbers else []
        return [f"{folder}/{file_name(video.video_id, copy)}" for video in chosen for copy in numbers]

    def feature_records(self, variant: str, split: str) -> list[str]:
        """What Snakemake makes before a variant is trained (`train`, with copies) or scored (`test`)."""
        files = self.feature_files(variant, split) + (self.copy_files(variant) if split == "train" else [])
        return list(map(paths.record, files))

    def feature_folder(self, variant: str) -> str:
        """The folder of feature files that a variant reads."""
        entry = self.installed.variant(variant)
        return paths.feature_folder(entry.features, entry.dataset).as_posix()

    def tables(self, variant: str) -> str:
        """The split tables of a variant's data set."""
        return paths.tables(self.installed.variant(variant).dataset).as_posix()

    def runs(self, room: str, variant: str) -> list[str]:
        """What a room makes of each seed of a variant; nothing if the variant cannot run here."""
        seeds = self.seeds if variant in self.installed.variants else []
        return [paths.run(room, variant, seed) for seed in seeds]

    def records(self, room: str, *variants: str) -> list[str]:
        """The records of what a room makes of each seed of some variants."""
        return [paths.record(run) for variant in variants for run in self.runs(room, variant)]

    def starts(self, variant: str) -> list[str]:
        """The variants from whose runs the training of a variant starts."""
        train = self.installed.variant(variant).train
        names = [start.variant for start in train.start if start.variant] if isinstance(train, Train) else []
        return list(dict.fromkeys(names))

    def weights(self, variant: str) -> list[str]:
        """Weights and config of every trained run of a variant."""
        return [
            f"{run}/{name}" for name in ("weights.safetensors", "config.json") for run in self.runs("train", variant)
        ]

    def shape(self, variant: str) -> Shape:
        """The size of the features that a variant reads."""
        entry = self.installed.variant(variant)
        return self.shape_of_features(entry.features, entry.dataset)

    def shape_of_features(self, features: str, dataset: str) -> Shape:
        """The size of an entry's features of a data set."""
        videos, copies = len(self.installed.videos(dataset)), self.installed.copies(features)
        return shape_of(self.installed.vectors_entry(features), videos, copies)

    def train_mb(self, variant: str) -> int:
        """Memory that training of a variant asks for, in MB."""
        return memory.train_mb(self.shape(variant))

    def infer_mb(self, variant: str) -> int:
        """Memory that scoring of a variant asks for, in MB."""
        return memory.infer_mb(self.shape(variant))

    def features_mb(self, batch: Batch) -> int:
        """Memory that a feature job asks for, in MB."""
        return memory.features_mb(self.shape_of_features(batch.features, batch.dataset))

    def gpus(self, variant: str) -> int:
        """GPUs that training and scoring of a variant ask for; portable arithmetic is that of CPUs."""
        entry = self.installed.variant(variant)
        return int(self.installed.arithmetic(entry.dataset) == "native" and wants_gpu(entry.train.model_dump()))

    def batch_gpus(self, batch: Batch) -> int:
        """GPUs that a feature job asks for."""
        return int(self.installed.arithmetic(batch.dataset) == "native" and self.installed.needs_gpu(batch.features))

    def environment(self, variant: str) -> str:
        """The environment variables of the jobs that train and score a variant, as a shell reads them."""
        return shell_words(self.installed.arithmetic(self.installed.variant(variant).dataset))

    def code(self, room: str, variant: str) -> str:
        """The code behind what rooms train and infer make of a variant: the room's own and its model's."""
        return paths.code_of(room, self.installed.variant(variant).model)

    def targets(self) -> Iterator[tuple[str, dict[str, list[str]]]]:
        """(room, {entry: its records}): what the stages of dvc.yaml ask for, and what stands in each room."""
        params, installed = self.installed.params, self.installed
        tables = {d: [paths.record(paths.tables(d))] if d in installed.datasets else [] for d in params.datasets}
        yield "split", tables
        made: dict[str, list[str]] = {features: [] for features in params.features}
        for batch in self.batches():
            made[batch.features] += map(paths.record, batch.files)
        yield "features", made
        for room in ("train", "infer", "evaluate"):
            yield room, {v: self.records(room, v) for v in params.variants}
