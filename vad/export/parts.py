"""The two networks of a variant, extractor and head, with a real input for each."""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from vad.artefacts.features import FeatureFile
from vad.engine.batches import set_for
from vad.engine.parts import Part
from vad.errors import VadError
from vad.export.calibration import CALIBRATION_SEGMENTS
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


class EdgeExtractor:
    """An extractor as it would run on an edge device: on the CPU in float32, one segment at a time.

    Args:
        entry: a features entry, `extractor` and its settings. Of one that holds another, the one inside it is taken.

    Raises: VadError for features that no network makes.
    """

    def __init__(self, entry: Mapping[str, Any]) -> None:
        inner = dict(entry.get("vectors", entry))
        plain = {"device": "cpu", "precision": "float32", "engine": "torch", "batch_frames": 1}
        known = load_extractor(inner)
        if not isinstance(known, NetworkExtractor):
            raise VadError(
                f"vad export: the extractor {inner['extractor']} has no network of its own that could be written"
            )
        # Copies for training have changed pictures, which nothing else does.
        kept = {key: value for key, value in inner.items() if key not in ("augment", "decoder_device")}
        extractor = load_extractor({**kept, **plain})
        assert isinstance(extractor, NetworkExtractor)
        self.extractor = extractor

    @property
    def network(self) -> nn.Module:
        """The network."""
        return self.extractor.network

    def inputs(self, video: Path, most: int = 1) -> list[Shaped[Tensor, "1 frames height width 3"]]:
        """What the network gets for the first segments of a video, at most so many; of several crops the first one.

        Raises: MediaError for a video that cannot be read.
        """
        extractor, found = self.extractor, []
        cut = extractor.cut
        for frames in islice(batches(extractor.open(Source(video.stem, (video,))), cut.segment, cut.stride), most):
            given: list[Tensor] = []

            def note(_: nn.Module, inputs: tuple[Tensor, ...], given: list[Tensor] = given) -> None:
                given.append(inputs[0])

            with extractor.network.register_forward_pre_hook(note), torch.no_grad():
                extractor.run(extractor.fill(frames)[None])
            found.append(given[0].contiguous())
        return found

    def calibration(self, videos: Sequence[Path]) -> list[Shaped[Tensor, "1 frames height width 3"]]:
        """Inputs of the network from the first segments of videos."""
        return [each for video in videos for each in self.inputs(video, CALIBRATION_SEGMENTS)]

    def features(self, video: Path) -> FeatureFile:
        """The features of a video."""
        return make_features(self.extractor, Source(video.stem, (video,)))


def head_part(model: VideoModel, file: FeatureFile) -> Exported:
    """The head of a model, and the first bag or window of features.

    Raises: VadError for models that need more than features.
    """
    model = model.eval()
    if model.uses_clips or model.reads == "images":
        raise VadError(
            f"vad export: {type(model).__module__} reads images too; heads of vectors or maps can be written"
        )
    return Exported(Head(model), set_for(model, Part([file.features], [0])).sample()[:1].contiguous())
