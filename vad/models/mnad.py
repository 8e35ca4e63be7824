"""MNAD: the next frame (or the frame itself) from an encoder, a memory of normal patterns and a decoder.

Paper: Park et al., "Learning Memory-guided Normality for Anomaly Detection", CVPR 2020; the gates are those of
the attention-gated MNAD project (no publication known to us).
Borrowed: nothing; written from a description of the published network's behaviour.
Differs: the batch norm of 512 channels that the release builds and never calls is left out; frames come as RGB
and are turned to BGR here, which decides nothing but where initial weights fall; the last, smaller batch of an
epoch is used; keys are saved with the weights; the plain score is scaled by constants of the validation part (the
published one, by each video's own range, is only the metric `frame_auc_pvnorm`); the gates are trained
(`train_gates: false` = as released).
"""

from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from vad.models._base import Pictures, Scores, VideoModel, Windows
from vad.nn.pictures import error_maps, peak_error, shown_rgb, signed_bgr, squared_error
from vad.schema.base import Count, NotNegative, Positive, Section

RECONSTRUCTION: dict[str, Any] = {
    "window": 1,
    "compact_weight": 0.01,
    "separate_weight": 0.01,
    "update_threshold": 0.015,
    "psnr_share": 0.7,
}
"""What `method: reconstruction` sets where the user does not, as published."""

AT_ONCE = 8
"""Windows that `calibrate` holds as numbers; bounds memory, not results."""


class Config(Section):
    """Settings of MNAD; the defaults are the published ones. `method` fills in what is not given."""

    method: Literal["prediction", "reconstruction"] = Field(
        "prediction",
        description="prediction = the last frame of a window from the others; reconstruction = a frame from itself",
    )
    window: Count = Field(5, description="frames of a window, the predicted one included; reconstruction: 1")
    stride: Count = Field(1, description="frames between the starts of neighbouring windows")
    width: int = Field(64, ge=2, multiple_of=2, description="channels of the first block; the others have 2, 4, 8 x")
    gates: bool = Field(False, description="attention gates on the skip connections (prediction only)")
    train_gates: bool = Field(True, description="train the gates; false = they keep their initial weights (released)")
    memory_slots: int = Field(10, ge=2, description="prototypes (keys)")
    compact_weight: NotNegative = Field(
        0.1, description="weight of the distance of queries to their nearest key; reconstruction: 0.01"
    )
    separate_weight: NotNegative = Field(
        0.1, description="weight of the triplet term, nearest against second nearest key; reconstruction: 0.01"
    )
    separate_margin: Positive = Field(1.0, description="margin of the triplet term, in units of distance (0 to 2)")
    test_update: bool = Field(True, description="the memory goes on learning from test frames that look normal")
    memory_reset: Literal["never", "per_video"] = Field(
        "never",
        description="never = what is learned while testing carries over to the next video, so that the order of the"
        " list matters (published); per_video = each video starts with the trained memory",
    )
    update_threshold: NotNegative = Field(
        0.01, description="weighted squared error (0 to 1) below which a test frame is learned; reconstruction: 0.015"
    )
    psnr_share: float = Field(
        0.6,
        ge=0,
        le=1,
        description="share of the picture's error in the score, the rest is the distance to the nearest key;"
        " reconstruction: 0.7",
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in_the_method(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the user wrote
        if isinstance(given, dict) and given.get("method") == "reconstruction":
            return RECONSTRUCTION | given
        return given

    @model_validator(mode="after")
    def _nothing_without_effect(self) -> "Config":
        predicts = self.method == "prediction"
        if predicts != (self.window > 1):
            raise ValueError(f"method {self.method} needs a window of {'at least 2 frames' if predicts else '1 frame'}")
        if self.gates and not predicts:
            raise ValueError("gates need the skip connections of method prediction")
        if not (self.train_gates or self.gates):
            raise ValueError("train_gates: false means nothing without gates: true")
        if self.memory_reset == "per_video" and not self.test_update:
            raise ValueError("memory_reset: per_video means nothing with test_update: false")
        return self


class Output(NamedTuple):
    """A picture, its target, the queries to the memory (length 1 per cell), and how far each gate is open."""

    picture: Float[Tensor, "windows dim height width"]
    target: Float[Tensor, "windows dim height width"]
    queries: Float[Tensor, "windows cells width"]
    opened: tuple[Float[Tensor, "windows rows columns"], ...] = ()
    """0..1, from the smallest map."""


class Encoded(NamedTuple):
    """What the encoder makes of windows: cells of length 1, the target, and the maps of the three levels."""

    cells: Float[Tensor, "windows width rows columns"]
    target: Float[Tensor, "windows dim height width2"]
    largest: Tensor
    middle: Tensor
    smallest: Tensor


Keys = Float[Tensor, "slots width"]
Queries = Float[Tensor, "queries width"]


def updated_keys(keys: Keys, queries: Queries) -> Keys:
    """Keys moved towards the queries that are nearest to them, scaled to length 1, without gradient.

    Each query moves only its nearest key. Its weight is its softmax over all queries divided by the largest one, that
    is exp(own product - largest product of any query with that key).
    """
    products = queries.detach() @ keys.T
    nearest = functional.one_hot(products.argmax(dim=1), len(keys))
    shares = nearest * torch.exp(products - products.amax(dim=0))
    return functional.normalize(keys + shares.T @ queries.detach(), dim=1)


def two_nearest(keys: Keys, queries: Queries) -> tuple[Queries, Queries]:
    """The nearest and the second nearest key of each query, by their inner product."""
    found = (queries @ keys.T).topk(2, dim=1).indices
    return keys[found[:, 0]], keys[found[:, 1]]


def memory_terms(keys: Keys, queries: Queries, margin: float) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Mean squared distance to the nearest key, and how far the second nearest is not `margin` farther away; >= 0."""
    nearest, second = two_nearest(keys, queries)
    return (
        functional.mse_loss(queries, nearest),
        functional.triplet_margin_loss(queries, nearest, second, margin=margin),
    )


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]


def _double(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(*_block(inputs, outputs), *_block(outputs, outputs))


def _up(inputs: int, outputs: int) -> nn.Sequential:
    """Twice the height and width."""
    larger = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
    return nn.Sequential(larger, nn.BatchNorm2d(outputs), nn.ReLU())


class Encoder(nn.Module):
    """Height and width are halved three times; the deepest maps end without batch norm and without ReLU."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList([_double(inputs, width), _double(width, 2 * width), _double(2 * width, 4 * width)])
        self.deepest = nn.Sequential(*_block(4 * width, 8 * width), nn.Conv2d(8 * width, 8 * width, 3, padding=1))

    def forward(self, pictures: Float[Tensor, "windows channels height width"]) -> list[Tensor]:
        """The maps of the three levels, from the largest, and the deepest ones."""
        maps = []
        for level in self.levels:
            pictures = level(pictures)
            maps.append(pictures)
            pictures = functional.max_pool2d(pictures, 2)
        return [*maps, self.deepest(pictures)]


class Decoder(nn.Module):
    """Three doublings of height and width, with the encoder's maps concatenated (`skips`) or without."""

    def __init__(self, width: int, outputs: int, skips: bool) -> None:
        super().__init__()
        self.first = _double(16 * width, 8 * width)
        widths = [8 * width, 4 * width, 2 * width]
        self.ups = nn.ModuleList([_up(w, w // 2 if skips else w) for w in widths])
        self.levels = nn.ModuleList(
            [_double(8 * width, 4 * width), _double(4 * width, 2 * width), nn.Sequential(*_block(2 * width, width))]
        )
        self.last = nn.Sequential(*_block(width, width), nn.Conv2d(width, outputs, 3, padding=1), nn.Tanh())

    def forward(
        self, maps: Float[Tensor, "windows channels rows columns"], skips: list[Tensor]
    ) -> Float[Tensor, "windows dim height width"]:
        """A picture in -1..1; `skips` from the smallest, or empty."""
        maps = self.first(maps)
        for number, (up, level) in enumerate(zip(self.ups, self.levels, strict=True)):
            maps = level(torch.cat([up(maps), *skips[number : number + 1]], dim=1))
        return self.last(maps)


class Gate(nn.Module):
    """How much each place of a skip connection counts, 0..1, given what was read of the memory."""

    def __init__(self, signal_width: int, skip_width: int) -> None:
        super().__init__()
        inner = skip_width // 2
        self.signal = nn.Sequential(nn.Conv2d(signal_width, inner, 1), nn.BatchNorm2d(inner))
        self.skip = nn.Sequential(nn.Conv2d(skip_width, inner, 1), nn.BatchNorm2d(inner))
        self.weigh = nn.Sequential(nn.Conv2d(inner, 1, 1), nn.BatchNorm2d(1))

    def forward(
        self, read: Float[Tensor, "windows width rows columns"], skip: Float[Tensor, "windows dim height width2"]
    ) -> Float[Tensor, "windows 1 height width2"]:
        """One map, of the size of the skip connection."""
        return torch.sigmoid(self.weigh(functional.relu(_resized(self.signal(read), skip) + self.skip(skip))))


def _resized(maps: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(maps, like.shape[-2:], mode="bilinear", align_corners=False)


class Model(VideoModel):
    """Encoder, memory, decoder; the score mixes the picture's error and the distance to the nearest key."""

    supervision = "normal_only"
    sampling = "windows"
    level = "frame"
    reads = "images"
    predicts_last = True
    makes_pictures = True
    scores_places = True

    config: Config
    keys: Tensor

    def __init__(self, config: Config, feature_dim: int) -> None:
        """Build the layers; keys uniform in 0..1, then of length 1; a picture's sides are multiples of 8."""
        super().__init__()
        self.config = config
        width, predicts = config.width, config.method == "prediction"
        self.encoder = Encoder(feature_dim * max(config.window - 1, 1), width)
        self.decoder = Decoder(width, feature_dim, predicts)
        self.gates = nn.ModuleList([Gate(8 * width, w * width) for w in (4, 2, 1)] if config.gates else [])
        self.gates.requires_grad_(config.train_gates)
        self.register_buffer("keys", functional.normalize(torch.rand(config.memory_slots, 8 * width), dim=1))
        self.register_buffer("ranges", torch.tensor([[0.0, 1.0], [0.0, 1.0]]))
        self._test_keys: Tensor | None = None

    @property
    def resets_memory_per_video(self) -> bool:
        """Where `memory_reset` says so."""
        return self.config.memory_reset == "per_video"

    def forward(self, features: Tensor, keys: Tensor | None = None) -> Output:
        """Bytes [windows, window, 3, height, width] to the last frame of each window (or the frame itself).

        Args:
            features: RGB, 0..255.
            keys: the memory to read; None = the trained one.
        """
        return self._decoded(self._encoded(features), self.keys if keys is None else keys)

    def _encoded(self, features: Tensor) -> Encoded:
        """What does not depend on the memory."""
        frames = signed_bgr(features)
        *maps, deepest = self.encoder(frames[:, : max(self.config.window - 1, 1)].flatten(1, 2))
        return Encoded(functional.normalize(deepest, dim=1), frames[:, -1], *maps)

    def _decoded(self, encoded: Encoded, keys: Keys) -> Output:
        """What is read of a memory, and the pictures made with it."""
        cells, target, *maps = encoded
        queries = cells.flatten(2).transpose(1, 2)
        weights = torch.softmax(queries @ keys.T, dim=2).detach()
        read = (weights @ keys).transpose(1, 2).reshape(cells.shape)
        skips = maps[::-1] if self.config.method == "prediction" else []
        opened = [gate(read, skip) for gate, skip in zip(self.gates, skips, strict=True)] if self.gates else []
        if opened:
            skips = [skip * gate for gate, skip in zip(opened, skips, strict=True)]
            read = read * torch.stack([_resized(gate, read) for gate in opened]).mean(dim=0)
        picture = self.decoder(torch.cat([cells, read], dim=1), skips)
        return Output(picture, target, queries, tuple(gate[:, 0] for gate in opened))

    def loss(self, batch: Windows) -> dict[str, Tensor]:
        """Error of the picture, queries near their key and far from the next; in training the keys move after it."""
        out, config = self(batch.features), self.config
        queries = out.queries.flatten(0, 1)
        compact, separate = memory_terms(self.keys, queries, config.separate_margin)
        if self.training:
            self.keys.copy_(updated_keys(self.keys, queries))
        return {
            config.method: functional.mse_loss(out.picture, out.target),
            "compact": config.compact_weight * compact,
            "separate": config.separate_weight * separate,
        }

    def _components(self, out: Output, keys: Keys | None = None) -> Float[Tensor, "windows 2"]:
        """Per window: -PSNR in dB, and the mean squared distance of its queries to their nearest keys."""
        self.note_maps(lambda: error_maps(out.picture, out.target))
        for gate in out.opened:
            self.note_maps(lambda gate=gate: gate, "attention_{}x{}".format(*gate.shape[1:]))
        nearest, _ = two_nearest(self.keys if keys is None else keys, out.queries.flatten(0, 1))
        distance = ((out.queries - nearest.view_as(out.queries)) ** 2).mean(dim=(1, 2))
        return torch.stack([peak_error(out.picture, out.target), distance], dim=1)

    def mix(
        self, components: Float[Tensor, "windows 2"], ranges: Float[Tensor, "2 bounds"]
    ) -> Float[Tensor, " windows"]:
        """1 - regularity: the components scaled by their ranges (low, high) and weighed; 0 for an empty range."""
        low, high = ranges.unbind(dim=1)
        width = torch.where(high > low, high - low, torch.inf)
        share = self.config.psnr_share
        return ((components - low) / width) @ components.new_tensor([share, 1 - share])

    def score(self, features: Tensor) -> Scores:
        """The mixed score of each window by the trained memory, about 0..1 on normal windows."""
        return Scores(self.mix(self._components(self(features)), self.ranges), None)

    def embeddings(self, features: Tensor) -> Float[Tensor, "windows width"]:
        """The queries to the memory, averaged over the picture."""
        return self(features).queries.mean(dim=1)

    def score_sequence(self, features: Tensor) -> Float[Tensor, "windows 2"]:
        """Components of windows one after the other; with `test_update` the memory learns on the way.

        What is learned stays until `reset_memory`, and never enters the weights.
        """
        if not self.config.test_update:
            return self._components(self(features))
        rows = []
        # The encoder takes all windows at once, which costs half as much as one after the other.
        for window in zip(*(part.split(1) for part in self._encoded(features)), strict=True):
            keys = self.keys if self._test_keys is None else self._test_keys
            out = self._decoded(Encoded(*window), keys)
            rows.append(self._components(out, keys))
            if weighted_error(out) < self.config.update_threshold:
                self._test_keys = updated_keys(keys, out.queries.flatten(0, 1))
        return torch.cat(rows)

    def reset_memory(self) -> None:
        """Forget what was learned while testing."""
        self._test_keys = None

    def calibrate(self, features: Tensor) -> None:
        """Keep the range of both components on normal windows of the validation part."""
        found = torch.cat([self._components(self(windows)) for windows in features.split(AT_ONCE)])
        self.ranges.copy_(torch.stack([found.amin(dim=0), found.amax(dim=0)], dim=1))

    def pictures(self, features: Tensor) -> Pictures:
        """The predicted (or rebuilt) last frame of each window, the true one, and the gates' maps."""
        out = self(features)
        return Pictures(shown_rgb(out.picture), shown_rgb(out.target), out.opened)

    def protocol(self) -> dict[str, str]:
        """Whether and how long the memory learns while scoring."""
        if not self.config.test_update:
            return {"test_update": "off"}
        return {"test_update": "on", "memory_reset": self.config.memory_reset}

    released_names = (
        (r"^encoder\.moduleBatchNorm\.", None),  # the release builds it and never calls it
        (r"^memory\.", None),  # no values in the release; the keys are a file of their own, `part: keys`
        (r"^encoder\.moduleConv1\.", "encoder.levels.0."),
        (r"^encoder\.moduleConv2\.", "encoder.levels.1."),
        (r"^encoder\.moduleConv3\.", "encoder.levels.2."),
        (r"^encoder\.moduleConv4\.", "encoder.deepest."),
        (r"^decoder\.moduleConv\.", "decoder.first."),
        (r"^decoder\.moduleUpsample4\.", "decoder.ups.0."),
        (r"^decoder\.moduleUpsample3\.", "decoder.ups.1."),
        (r"^decoder\.moduleUpsample2\.", "decoder.ups.2."),
        (r"^decoder\.moduleDeconv3\.", "decoder.levels.0."),
        (r"^decoder\.moduleDeconv2\.", "decoder.levels.1."),
        (r"^decoder\.moduleDeconv1\.([01])\.", r"decoder.levels.2.\1."),
        (r"^decoder\.moduleDeconv1\.3\.", "decoder.last.0."),
        (r"^decoder\.moduleDeconv1\.4\.", "decoder.last.1."),
        (r"^decoder\.moduleDeconv1\.6\.", "decoder.last.3."),
        (r"^m_items$", "keys"),
    )

    def from_released(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Skip connections come after the maps from below here, before them in the release."""
        if self.config.method != "prediction":
            return state
        names = {f"decoder.levels.{level}.0.weight" for level in range(3)} & state.keys()
        return state | {name: torch.cat(state[name].chunk(2, dim=1)[::-1], dim=1) for name in names}


def weighted_error(out: Output) -> float:
    """Squared error of one picture (0..1), its values weighed by 1 - exp(-error): large errors count more."""
    errors = squared_error(out.picture, out.target)
    weights = 1 - torch.exp(-errors)
    return float((weights * errors).sum() / weights.sum().clamp_min(torch.finfo(errors.dtype).tiny))
