"""The two networks of a variant, extractor and head, with a real input for each."""

from pathlib import Path
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from vad.engine.batches import set_for
from vad.engine.build import restored
from vad.engine.parts import Part
from vad.errors import VadError
from vad.extractors._base import Source, load_extractor, make_features
from vad.extractors._network_run import NetworkExtractor
from vad.models._base import VideoModel
from vad.video.batches import batches


class Exported(NamedTuple):
    """A network, and an input for it."""

    network: nn.Module
    example: Tensor


class Head(nn.Module):
    """The scores of a model for one bag or window: that of the video, then that of each position if it has them."""

    def __init__(self, model: VideoModel) -> None:
        super().__init__()
        self.model = model.eval()

    def forward(self, sample: Float[Tensor, "1 rows dim"]) -> tuple[Tensor, ...]:
        """What `model.score` gives."""
        found = self.model.score(sample)
        return (found.video,) if found.positions is None else (found.video, found.positions)


def parts(entry: dict[str, Any], run: Path, video: Path) -> dict[str, Exported]:
    """The extractor for one segment of a video, and the trained head for the first bag or window of its features.

    Args:
        entry: the features entry of the variant, `extractor` and its settings.
        run: the folder that room train wrote.
        video: a video file with real frames.

    Raises: VadError for features that no network makes, and for models that need more than features; what reading the
        run or the video raises.
    """
    extractor = load_extractor({**entry, "device": "cpu", "precision": "float32", "engine": "torch", "batch_frames": 1})
    if not isinstance(extractor, NetworkExtractor):
        raise VadError(
            f"vad export: the extractor {entry['extractor']} has no network of its own that could be written"
        )
    model = restored(run).model.eval()
    if model.uses_clips or model.reads == "images":
        raise VadError(
            f"vad export: {type(model).__module__} reads images too; heads of vectors or maps can be written"
        )
    source = Source(video.stem, (video,))
    frames = next(batches(extractor.open(source), extractor.cut.segment, extractor.cut.stride))
    file = make_features(extractor, source)
    return {
        "extractor": Exported(extractor.network, extractor.fill(frames)[None].contiguous()),
        "head": Exported(Head(model), set_for(model, Part([file.features], [0])).sample()[:1].contiguous()),
    }
