"""Vectors of another extractor, and beside each of them the pixels: 16 small frames a row, as JPEG images.

For models that look at both (STPVAD). JPEG loses a little, and makes random access to many hours of video
possible; decoding happens when a model asks for a clip (`vad.artefacts.clips`).
Differs: the released STPVAD cuts its frames out of the videos while it trains.
"""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import PIL
from pydantic import Field, JsonValue, ValidationError, field_validator

import vad.extractors
from vad import registry
from vad.artefacts.clips import Clips, encoded
from vad.artefacts.features import FeatureFile
from vad.artefacts.fingerprint import fingerprint
from vad.errors import FeatureError, ParamsError
from vad.schema.base import Count
from vad.splits.video import Video
from vad.video.decode import Reader, Rules


class Config(Rules):
    """Settings of the images, what the decoder accepts for them, and the extractor of the vectors."""

    frames: Count = Field(default=16, description="images of a row, from its first frame on")
    size: Annotated[int, Field(ge=16, le=1024, multiple_of=16)] = Field(
        default=128, description="frames are squashed to size x size pixels"
    )
    quality: Annotated[int, Field(ge=1, le=100)] = Field(default=90, description="quality of the JPEG images")
    vectors: dict[str, JsonValue] = Field(
        description="a whole features entry: extractor (any but clips) and its settings"
    )

    @field_validator("vectors")
    @classmethod
    def _a_features_entry(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """The entry with the defaults of its extractor filled in."""
        settings = dict(value)
        name = settings.pop("extractor", None)
        if name == "clips":
            raise ValueError("clips cannot hold clips: name the extractor of the vectors")
        try:
            config = registry.find(vad.extractors, str(name)).Config
            return {"extractor": name, **config.model_validate(settings).model_dump(mode="json")}
        except ParamsError as error:
            raise ValueError(str(error)) from error
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, e['loc'])) or name}: {e['msg']}" for e in error.errors()]
            raise ValueError("; ".join(problems)) from error


class Extractor:
    """Videos to vectors and images. Building it costs nothing; the video is decoded once for each of the two."""

    def __init__(self, config: Config) -> None:
        self.config = config
        settings: dict[str, Any] = dict(config.vectors)
        module = registry.find(vad.extractors, settings.pop("extractor"))
        self.vectors = module.Extractor(module.Config.model_validate(settings))
        self.dim: int = self.vectors.dim

    def extract_named(self, path: Path, video: Video) -> FeatureFile:
        """Vectors and images of one video; `video` says which published features are its own.

        The images of a row are `frames` consecutive frames from its first one on; past the end of the video the
        last frame is repeated. Equal input gives equal bytes with the same versions of FFmpeg and Pillow.

        Raises: MediaError for a video that cannot be read completely; FeatureError when its vectors are of
            another number of frames.
        """
        config = self.config
        reader = Reader(path, config.size, config.size, config)
        images = [encoded(frame, config.quality) for frame in reader.frames()]
        file = self._vectors(path, video, len(images))
        places = np.minimum(file.bounds[:-1, None] + np.arange(config.frames), len(images) - 1)
        clips = Clips.of([[images[place] for place in row] for row in places])
        report = {"video_sha256": fingerprint(path), "decode": reader.report, **file.report, "clips": self._identity()}
        return FeatureFile(file.features, file.bounds, report, clips)

    def _vectors(self, path: Path, video: Video, n_frames: int) -> FeatureFile:
        """The vectors of a video of so many frames."""
        stated = n_frames if video.n_frames is None else video.n_frames
        if hasattr(self.vectors, "load"):
            file = self.vectors.load(Video(video.video_id, "", "train", 0, "", n_frames=stated))
        else:
            file = self.vectors.extract(path)
        if file.n_frames != n_frames:
            raise FeatureError(
                f"{path}: {n_frames} frames, its vectors are of {file.n_frames}. Check the frame counts of the data"
                " set, and that policy is the same for images and vectors."
            )
        return file

    def _identity(self) -> dict[str, Any]:
        """What two files must share for their images to be compared."""
        config = self.config
        return {
            "frames": config.frames,
            "resize": f"swscale bilinear, squashed to {config.size}x{config.size}",
            "jpeg": f"quality {config.quality}, 4:2:0",
            "pillow": PIL.__version__,
        }
