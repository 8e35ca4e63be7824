"""Vectors of another extractor, and beside each of them the pixels: 16 small frames a row, as JPEG images.

For models that look at both (STPVAD). JPEG loses a little, and makes random access to many hours of video
possible; decoding happens when a model asks for a clip (`vad.artefacts.clips`).
Differs: the released STPVAD cuts its frames out of the videos while it trains.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import PIL
from pydantic import Field, JsonValue, ValidationError, field_validator, model_validator

import vad.extractors
from vad import registry
from vad.artefacts.clips import Clips, encode_jpeg
from vad.artefacts.features import FeatureFile
from vad.artefacts.fingerprint import fingerprint
from vad.artefacts.origin import decoder_of
from vad.errors import FeatureError, ParamsError, PluginError
from vad.extractors._base import BaseExtractor, Source, load_extractor
from vad.schema.base import Count
from vad.video.decode import Rules, frames_identity

Side = Annotated[int, Field(ge=16, le=1024)]

PLACED = ("as_stored", "rotation", "mirrored")
"""What a decode report says of how pictures lie in the stored ones; maps over the images are placed by it."""


class Config(Rules):
    """Settings of the images, what the decoder accepts for them, and the extractor of the vectors."""

    frames: Count = Field(default=16, description="images of a row, from its first frame on")
    size: Side | Annotated[list[Side], Field(min_length=2, max_length=2)] = Field(
        default=128, description="frames are squashed to size x size pixels, or to [height, width]"
    )
    quality: Annotated[int, Field(ge=1, le=100)] = Field(default=90, description="quality of the JPEG images")
    vectors: dict[str, JsonValue] = Field(
        description="a whole features entry: extractor (any but clips) and its settings"
    )

    @property
    def height_and_width(self) -> tuple[int, int]:
        """Of the images, in pixels."""
        height, width = self.size if isinstance(self.size, list) else (self.size, self.size)
        return height, width

    @field_validator("vectors")
    @classmethod
    def _a_features_entry(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """The entry with the defaults of its extractor filled in."""
        settings = dict(value)
        name = settings.pop("extractor", None)
        if name == "clips":
            raise ValueError("clips cannot hold clips: name the extractor of the vectors")
        try:
            module = registry.find(vad.extractors, str(name))
            registry.plugin_class(module, "Extractor", BaseExtractor)
            config = module.Config.model_validate(settings)
            if getattr(config, "augment", None):
                raise ValueError("augment belongs to the clips entry: images and vectors are changed alike")
            return {"extractor": name, **config.model_dump(mode="json", exclude={"augment"})}
        except PluginError:
            raise
        except ParamsError as error:
            raise ValueError(str(error)) from error
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, e['loc'])) or name}: {e['msg']}" for e in error.errors()]
            raise ValueError("; ".join(problems)) from error

    @model_validator(mode="after")
    def _copies_need_pictures(self) -> "Config":
        if self.augment and self.vectors["extractor"] == "imported":
            raise ValueError("augment changes the pictures of a video, published vectors stay as they are: remove it")
        return self


class Extractor(BaseExtractor):
    """Videos to vectors and images. Building it costs nothing; the video is decoded once for each of the two."""

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._vectors = load_extractor(config.vectors)
        self.dim = self._vectors.dim

    def extract(self, source: Source) -> FeatureFile:
        """Vectors and images of one video; its published features, where there are any, are `source.paths[1:]`.

        The images of a row are `frames` consecutive frames from its first one on; past the end of the video the
        last frame is repeated. Equal input gives equal bytes with the same versions of FFmpeg and Pillow.

        Raises: MediaError for a video that cannot be read completely; FeatureError when its vectors are of
            another number of frames.
        """
        config = self.config
        reader = source.open(*config.height_and_width, config)
        images = [encode_jpeg(frame, config.quality) for frame in reader.frames()]
        file = self._vectors_of(source, len(images))
        places = np.minimum(file.bounds[:-1, None] + np.arange(config.frames), len(images) - 1)
        clips = Clips.of([[images[place] for place in row] for row in places])
        decoded = {"decode": reader.report, **file.report, "clips": self._identity_of_images()}
        placed = [[report.get(name) for name in PLACED] for report in (decoded["decode"], reader.report)]
        if decoder_of([decoded]) != decoder_of([{"decode": reader.report}]) or placed[0] != placed[1]:
            decoded["decode_clips"] = reader.report  # another decoder than that of the vectors, or turned otherwise
        return FeatureFile(file.features, file.bounds, {"video_sha256": fingerprint(source.video), **decoded}, clips)

    def identity(self) -> dict[str, Any]:
        """That of the vectors, and how the images are made."""
        return {**self._vectors.identity(), "clips": self._identity_of_images()}

    def sources(self, video_ids: Iterable[str]) -> dict[str, list[Path]]:
        """The published files of the vectors."""
        return self._vectors.sources(video_ids)

    def has(self, video_id: str, n_frames: int | None = None) -> bool:
        """Whether the vectors can be made."""
        return self._vectors.has(video_id, n_frames)

    def examine(self, n_frames: Mapping[str, int | None]) -> list[str]:
        """What is wrong with the published vectors."""
        return self._vectors.examine(n_frames)

    def _vectors_of(self, source: Source, n_frames: int) -> FeatureFile:
        """The vectors of a video of so many frames: from its published features, else from the video."""
        stated = n_frames if source.n_frames is None else source.n_frames
        file = self._vectors.extract(replace(source, paths=source.paths[1:] or source.paths, n_frames=stated))
        if file.n_frames != n_frames:
            raise FeatureError(
                f"{source.video}: {n_frames} frames, its vectors are of {file.n_frames}. Check the frame counts of the"
                " data set, and that policy is the same for images and vectors."
            )
        return file

    def _identity_of_images(self) -> dict[str, Any]:
        """What two files must share for their images to be compared."""
        config = self.config
        height, width = config.height_and_width
        pixels = frames_identity(config, f"squashed to {height}x{width}")
        return {
            "frames": config.frames,
            **{name: value for name, value in pixels.items() if name != "colour"},  # JPEG has colours of its own
            "jpeg": f"quality {config.quality}, 4:2:0",
            "pillow": PIL.__version__,
        }
