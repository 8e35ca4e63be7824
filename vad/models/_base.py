"""What every model is: the base class with all its hooks, and the batches and scores that go in and out.

A model file defines `class Model(VideoModel)`. The base class names every hook, says who calls it and when, and gives
its default. A public name of `Model` that is no hook is an error (`vad.models._contract`), so a misspelled hook cannot
be silently ignored; helpers of a model's own begin with an underscore.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal, NamedTuple, Protocol, cast

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from vad.artefacts.clips import BagClips, SegmentMap
from vad.schema.base import Section

Pool = Literal["mean", "max"]
MAP_SIDE = 32
"""Rows and columns of a score map that is stored, at most."""
OWN = "own"
"""The name of the map behind the scores; a model may note further ones under names of its own."""


@dataclass(frozen=True)
class Bags:
    """Whole videos (or one crop each) with video labels (0 normal, 1 anomalous), in any order.

    A segment is a vector, or a map with channels first.
    """

    features: Float[Tensor, "bags segments dim *space"]
    labels: Float[Tensor, " bags"]
    clips: BagClips | None = None
    """The images of the segments, where the features hold them; they stay on the CPU until a model decodes some."""
    crops: int = 1
    """So many bags in a row are the crops of one video; more than 1 only for a model that takes `crops_together`."""

    def to(self, device: torch.device) -> "Bags":
        """The same batch on a device."""
        return replace(self, features=self.features.to(device), labels=self.labels.to(device))


@dataclass(frozen=True)
class Windows:
    """Windows of consecutive rows of normal videos: vectors, or images as bytes."""

    features: Float[Tensor, "windows rows dim"] | UInt8[Tensor, "windows rows dim height width"]

    def to(self, device: torch.device) -> "Windows":
        """The same batch on a device."""
        return Windows(self.features.to(device))


class Scores(NamedTuple):
    """What `Model.score` returns, higher = more anomalous: one score per bag (or window), and one per position.

    A position is a place in time inside a bag that has a score of its own: a segment, or several of them in a model
    that pools over time. `positions` is None for windows and for models that only score the whole bag.
    """

    video: Float[Tensor, " bags"]
    positions: Float[Tensor, "bags positions"] | None


class Pictures(NamedTuple):
    """What `Model.pictures` returns: pictures that a model makes of windows, and what it tried to make."""

    picture: Float[Tensor, "windows 3 height width"]
    """RGB, 0..1."""
    target: Float[Tensor, "windows 3 height width"]
    """RGB, 0..1."""
    attention: tuple[Float[Tensor, "windows rows columns"], ...] = ()
    """How much each place of the model's maps counted, 0..1; from the smallest map. Empty for models without."""


class BagSettings(Protocol):
    """What the `Config` of a model with sampling `bags` has."""

    bag_segments: int


class WindowSettings(Protocol):
    """What the `Config` of a model with sampling `windows` has."""

    window: int
    stride: int


class VideoModel(nn.Module):
    """The base class of every model: hooks with their defaults.

    In shapes, `inputs` stands for what one call gets: bags [bags, segments, dim *space] or windows
    [windows, rows, dim] (or [windows, rows, 3, height, width], bytes), by `sampling`.
    """

    # What a model is, written as constants of the class.

    supervision: Literal["weak", "normal_only"]
    """Labels that training needs. Every model file states it as a constant: it is read without importing torch."""
    sampling: Literal["bags", "windows"]
    """Form of the input: bags of resampled segments, or windows of consecutive rows. `weak` goes with `bags`."""
    level: Literal["frame", "video"]
    """Whether frames get scores of their own or only whole videos. May be set from a setting `level` of the Config."""
    reads: Literal["vectors", "images"] = "vectors"
    """`images` = rows of pixels as bytes (extractor `frames`); `vectors` = feature vectors or maps."""
    bag_pool: Pool = "mean"
    """How the rows of a video become a bag segment: their mean, or their element-wise maximum."""
    uses_clips: bool = False
    """True = a bag model that also looks at pixels (extractor `clips`): `loss` and `score` get the clips of a batch."""
    is_baseline: bool = False
    """True = a plain method that the others are compared with (significance.md). Read without importing torch."""
    makes_pictures: bool = False
    """True = room report draws the model's `pictures`. Stated as a constant: it is read without importing torch."""
    scores_places: bool = False
    """True = the model gives `note_maps` a map for each score, so that `infer.maps` can store them.

    Stated as a constant: it is read without importing torch.
    """
    predicts_last: bool = False
    """True = the score of a window belongs to its last frame, not to its centre."""
    released_names: Sequence[tuple[str, str | None]] = ()
    """How names in the authors' checkpoints become names here: (regular expression, replacement), used one after the
    other on each name; None = the value is left out, the model has no use for it. Other names stay as they are.
    """
    not_released: Sequence[str] = ("standardise.", "distance.", "ranges")
    """Beginnings of names of values that no checkpoint of others needs to have: they are taken from the data."""

    # What a model was built with and what it holds.

    config: Section
    """The settings that it was built with; each model narrows the type to its own `Config`."""
    ranges: Float[Tensor, "components bounds"]
    """Buffer of a model with `score_sequence`: lowest and highest value of each component, taken in `calibrate`."""
    adversary: nn.Module | None
    """A network that is trained against the rest of the model by an optimiser of its own; None = there is none."""
    noted_maps: dict[str, list[Tensor]] | None
    """The maps of one crop by name, each list in the order of the scores; None = nobody wants them."""

    def __init__(self) -> None:
        """Start without an adversary, and without noting maps."""
        super().__init__()
        self.adversary = None
        self.noted_maps = None

    # What the engine reads of a model's settings.

    @property
    def bag_segments(self) -> int:
        """Segments to which a video is resampled; sampling `bags` needs this setting."""
        return cast("BagSettings", self.config).bag_segments

    @property
    def window(self) -> int:
        """Rows of a window; sampling `windows` needs this setting."""
        return cast("WindowSettings", self.config).window

    @property
    def stride(self) -> int:
        """Rows between the starts of neighbouring windows; sampling `windows` needs this setting."""
        return cast("WindowSettings", self.config).stride

    @property
    def scores_own_rows(self) -> bool:
        """Whether a bag model scores the rows of a video as they are instead of the resampled bag."""
        return False

    @property
    def selects_own_rows(self) -> bool:
        """Whether the scores that choose epochs are of a video's own rows. The default is as in `scores_own_rows`."""
        return self.scores_own_rows

    @property
    def crops_together(self) -> bool:
        """Whether a training batch of bags holds all crops of its videos; else each crop is drawn by itself."""
        return False

    @property
    def resets_memory_per_video(self) -> bool:
        """Whether `reset_memory` is called before each video that is scored, not only before each list."""
        return False

    @property
    def segment_map(self) -> SegmentMap:
        """Which row's clip shows a bag segment, for a model that `uses_clips`."""
        return "exact"

    @property
    def adversary_lr_ratio(self) -> float:
        """Learning rate of the adversary's optimiser as a share of `train.lr`."""
        return 1.0

    # What every model must define.

    def loss(self, batch: Bags | Windows) -> dict[str, Tensor]:
        """Loss terms by name, one number each, already weighted; training minimises their sum.

        Called with each training batch, and in eval mode without gradients with each validation batch.

        Args:
            batch: bags of both labels, or windows of normal videos; a model names the one that its `sampling` gives.
        """
        raise NotImplementedError

    def score(self, features: Tensor, clips: BagClips | None = None) -> Scores:
        """Scores of bags or windows, higher = more anomalous; in eval mode the same in every call.

        Called by inference for each video, and in validation unless `score_for_selection` is defined. The score of a
        sample must not depend on the others in the call.

        Args:
            features: [inputs].
            clips: the images of the bags; passed only to models that use clips, others leave the parameter out.
        """
        raise NotImplementedError

    # What a model may define.

    def prepare(self, features: Tensor) -> None:
        """Take constants of the fit part into buffers. The default takes none.

        Called once, before training, in eval mode and without gradients.

        Args:
            features: all bags of the fit part, or evenly chosen normal windows (at most 4,096).
        """

    def calibrate(self, features: Tensor) -> None:
        """Take constants of the validation part into buffers. The default takes none.

        Called before each validation, in eval mode and without gradients.

        Args:
            features: all bags of the validation part, or evenly chosen normal windows (at most 4,096).
        """

    def diagnose(self, features: Tensor) -> dict[str, float]:
        """Further numbers for the training history, by name. The default has none.

        Called after each validation, in eval mode and without gradients.

        Args:
            features: those of the first validation batch.
        """
        return {}

    def score_for_selection(self, features: Tensor, clips: BagClips | None = None) -> Scores:
        """Scores of bags by which epochs are chosen. The default is `score`.

        For models with a `score` that is too slow to run after every epoch, or that publish another criterion.
        """
        return self.score(features, clips) if self.uses_clips else self.score(features)

    def smooth(self, scores: Float[Tensor, " windows"]) -> Float[Tensor, " windows"]:
        """The scores of a video's windows after the model's own smoothing. The default leaves them as they are.

        Called in inference and in validation, for windows without `score_sequence`.
        """
        return scores

    @property
    def smoothing_reach(self) -> int:
        """How many windows before and after a window `smooth` reads for it."""
        return 0

    def score_sequence(self, features: Tensor) -> Float[Tensor, "windows components"]:
        """Components of the scores of consecutive windows, from which `mix` makes scores.

        Called by inference instead of `score`, with the windows of a video in their order; what the model remembers
        from one call to the next lasts until `reset_memory`.
        """
        raise NotImplementedError

    def mix(
        self, components: Float[Tensor, "windows components"], ranges: Float[Tensor, "components bounds"]
    ) -> Float[Tensor, " windows"]:
        """The scores of windows from the components of `score_sequence`.

        Called twice for each video: with `Model.ranges`, and with the ranges of the video itself.
        """
        raise NotImplementedError

    def reset_memory(self) -> None:
        """Forget what was learned while scoring. The default has learned nothing.

        Called before the validation list and before the test list are scored; see `resets_memory_per_video`.
        """

    def adversary_loss(self, batch: Bags | Windows) -> dict[str, Tensor]:
        """Loss terms of the adversary, like those of `loss`.

        Called for models with an `adversary` after each step on `loss`, with the same batch.
        """
        raise NotImplementedError

    def from_released(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The values of the authors' checkpoint in the order that the layers here have. The default changes none.

        Called when weights are imported, after `released_names`; shapes are not checked yet.

        Args:
            state: values by our names.
        """
        return state

    def protocol(self) -> dict[str, str]:
        """What a row of the results must say of the model's scoring. The default has nothing to say.

        Called once by inference; it ends in the column `scoring` of results.csv.
        """
        return {}

    def embeddings(self, features: Tensor) -> Float[Tensor, "inputs width"] | Float[Tensor, "bags positions width"]:
        """The vectors that scores are read from: one per position, or one per input where positions have no score.

        Called by room report for t-SNE, without gradients. Without it the features themselves are shown.
        """
        raise NotImplementedError

    def pictures(self, features: Tensor) -> Pictures:
        """The pictures that the model makes of windows of frames, beside the true ones. The default has none.

        Called by room report for models with `makes_pictures`, without gradients; the trained memory is used.

        Args:
            features: [windows, rows, 3, height, width], bytes, RGB.
        """
        raise NotImplementedError

    def note_maps(self, make: Callable[[], Float[Tensor, "scores rows columns"]], name: str = OWN) -> None:
        """Keep where in the picture scores come from, if room infer stores maps; nothing is computed otherwise.

        A model with `scores_places` calls it where it computes scores (`score`, `score_sequence`), and overrides
        nothing. With a name it keeps a further map of the same windows, such as attention.

        Args:
            make: gives one map for each window, or for each position of the one bag, in their order; higher = more
                anomalous (a further map: as the model says), any range. The cells of a map divide the picture that the
                model sees evenly.
            name: of a further map, small letters, digits and _; the default is the map behind the scores.
        """
        if self.noted_maps is not None:
            self.noted_maps.setdefault(name, []).append(pooled(make()).cpu())


def pooled(maps: Float[Tensor, "maps height width"], most: int = MAP_SIDE) -> Float[Tensor, "maps rows columns"]:
    """Maps with at most `most` rows and columns: the mean over equal cells, as many as divide the side evenly."""
    rows, columns = (max(n for n in range(1, most + 1) if side % n == 0) for side in maps.shape[1:])
    if maps.shape[1:] == (rows, columns):
        return maps
    return functional.avg_pool2d(maps, (maps.shape[1] // rows, maps.shape[2] // columns))


def defines(model: VideoModel, hook: Callable) -> bool:
    """Whether the class of a model defines a hook itself: `defines(model, VideoModel.embeddings)`."""
    return getattr(type(model), hook.__name__) is not hook


def device_of(model: VideoModel) -> torch.device:
    """The device of a model's weights or, where it has none, of its constants; the CPU where it has neither."""
    return next((value.device for value in chain(model.parameters(), model.buffers())), torch.device("cpu"))


def hooks() -> list[str]:
    """The public names of the base class, sorted: all that a model may define."""
    own = {*vars(VideoModel), *VideoModel.__annotations__}
    return sorted(name for name in own if not name.startswith("_"))
