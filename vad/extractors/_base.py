"""The base class of all extractors: what an extractor may define, with the default of each hook.

An extractor is one file of this folder with `Config` and `Extractor`; see docs/adding-an-extractor.md.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int, Shaped

import vad.extractors
from vad import registry
from vad.artefacts.features import FeatureFile
from vad.artefacts.fingerprint import fingerprint
from vad.errors import FeatureError
from vad.schema.base import Section
from vad.video import decode
from vad.video.decode import OpenVideo, Reader, RestartError, Rules, open_by_pyav
from vad.video.draws import Draws

SEE = registry.PAGES["extractors"]


@dataclass(frozen=True)
class Source:
    """What the features of one video are made from.

    Attributes:
        video_id: the video's id in its data set.
        paths: the video (a file, or a folder of images), published feature files in the order of crops, or both: then
            the video comes first.
        n_frames: frames as the data set's lists state them; None where no list does.
        open_video: opens a video; a measurement may count and time the frames on their way.
        draws: how the pictures are changed, for a copy of a training video; None = not at all.
        every: every how many frames of the video one is used, as if the video had only these; 1 = all.
        watch: called with the number of frames that were just passed on, for a progress bar.
    """

    video_id: str
    paths: tuple[Path, ...]
    n_frames: int | None = None
    open_video: OpenVideo = decode.open_video
    draws: Draws | None = None
    every: int = 1
    watch: Callable[[int], None] | None = None

    @property
    def video(self) -> Path:
        """The video file, or the folder of images."""
        return self.paths[0]

    def open(self, height: int, width: int, rules: Rules, short_side: int | None = None) -> Reader:
        """The reader of the video, with frames of height x width pixels. See `vad.video.decode.open_video`."""
        reader = self.open_video(self.video, height, width, rules, short_side)
        if self.every > 1 or self.watch:
            from vad.video.batches import SampledReader  # torch takes seconds to import

            reader = SampledReader(reader, self.every, self.watch)
        if self.draws is None:
            return reader
        from vad.video.augment import augmented  # torch takes seconds to import

        return augmented(reader, self.draws)


@dataclass(frozen=True)
class RowStream:
    """The rows of one video as they are made, so that none has to be kept.

    Attributes:
        rows: some rows at a time, in their order; at least one in total.
        step: frames from the start of one row to the start of the next.
        reader: of the video; its count and its report are complete after the last row.
        identity: what made the rows, for the report.
    """

    rows: Iterator[Shaped[np.ndarray, "rows dim *more"]]
    step: int
    reader: Reader
    identity: Mapping[str, Any]

    def bounds(self, rows: int) -> Int[np.ndarray, " rows+1"]:
        """As those of a `FeatureFile`, of so many rows; after the last row."""
        return np.append(np.arange(rows) * self.step, self.reader.n_frames).astype(np.int64)

    def report(self, video: Path) -> dict[str, Any]:
        """As that of a `FeatureFile`; after the last row."""
        return {"video_sha256": fingerprint(video), "decode": self.reader.report, "extractor": dict(self.identity)}


class BaseExtractor:
    """Turns one video into one feature file. Building an extractor loads nothing: the first `extract` does.

    One with a network inherits from `vad.extractors._network_run.NetworkExtractor`. A network is kept as an attribute,
    so that its cost can be measured.

    Attributes:
        config: settings of the features entry.
        dim: width of one feature vector, or channels of a map or image.
    """

    config: Section
    dim: int
    _base: ClassVar[type | None] = None
    """The base class whose hooks count, where it is another than this one."""

    def __init__(self, config: Section) -> None:
        self.config = config

    def __init_subclass__(cls, adds_hooks: bool = False) -> None:
        """Refuse a plugin with a public name that no caller knows: a misspelled hook would do nothing, silently.

        A class that `adds_hooks` is a base class itself: those that inherit from it are compared with it.
        """
        if adds_hooks:
            cls._base = cls
        else:
            registry.require_known_hooks(cls, cls._base or BaseExtractor)

    def extract(self, source: Source) -> FeatureFile:
        """The features of one video.

        Raises: MediaError for a video that cannot be read completely; FeatureError for weights, device or published
            features that are not what the settings say.
        """
        raise FeatureError(f"{type(self).__module__}: Extractor has no method extract(source). Define it.")

    def stream(self, source: Source) -> RowStream | None:
        """The rows of `extract`, each once, as they are made. By default None: they are only known all together.

        With it `vad score` needs no more memory for a long video than for a short one.

        Raises: as `extract`, also while the rows are taken.
        """
        return None

    def identity(self) -> dict[str, Any]:
        """What two feature files must share to be compared, besides the decoder's versions; JSON, kept in the report.

        By default the extractor's name and all its settings, but for those of copies: they change no plain video.
        """
        settings = self.config.model_dump(mode="json", exclude={"augment"})
        return {"name": type(self).__module__.rpartition(".")[2], **settings}

    def sources(self, video_ids: Iterable[str]) -> dict[str, list[Path]]:
        """The published feature files of each video, in the order of crops. By default none.

        Raises: FeatureError with every video whose files are missing or cannot be used.
        """
        return {video_id: [] for video_id in video_ids}

    def has(self, video_id: str, n_frames: int | None = None) -> bool:
        """Whether a video's features can be made; asked where a data set keeps only videos that have features.

        Args:
            video_id: of any video of the data set.
            n_frames: of a train video, which may be left out if its features do not fit; None = do not compare.
        """
        return True

    def examine(self, n_frames: Mapping[str, int | None]) -> list[str]:
        """What is wrong with published features as far as their names and headers say; asked before a run.

        Args:
            n_frames: frames of each video as the lists state them, by id; None where no list does.
        """
        return []


def load_extractor(entry: Mapping[str, Any]) -> BaseExtractor:
    """The extractor of a features entry: its name under `extractor`, beside it its settings as JSON values.

    Raises: ParamsError for an unknown name, VadError for a module that is no extractor.
    """
    settings = dict(entry)
    module = registry.find(vad.extractors, settings.pop("extractor"))
    plugin = registry.plugin_class(module, "Extractor", BaseExtractor)
    return plugin(module.Config.model_validate_json(json.dumps(settings)))


def make_features(extractor: BaseExtractor, source: Source) -> FeatureFile:
    """The features of one video, of the width that the extractor announces and of all frames of the video.

    A video whose decoder failed on the way is begun again with PyAV, so that no file holds frames of two decoders. The
    features of a copy state in their report how its pictures were changed.

    Raises: FeatureError for another width or number of frames, and what `extract` raises.
    """
    try:
        file = extractor.extract(source)
    except RestartError as error:
        file = extractor.extract(replace(source, open_video=open_by_pyav(error.instead_of)))
    made = f"{source.video}: {registry.file_of(type(extractor))} made"
    if file.dim != extractor.dim:
        raise FeatureError(f"{made} features {file.dim} wide, its dim is {extractor.dim}. Correct it. {SEE}")
    decoded = file.report.get("decode", {}).get("frames_decoded")
    # What was decoded is the truth; the count of a list stands in where no video was read.
    count, origin = (source.n_frames, "its list states") if decoded is None else (decoded, "the video has")
    if count not in (None, file.n_frames):
        fix = "Set bounds[-1] to the number of frames of the whole video."
        raise FeatureError(f"{made} bounds that end at frame {file.n_frames}, {origin} {count} frames. {fix} {SEE}")
    return file if source.draws is None else replace(file, report={**file.report, "augment": source.draws.report()})
