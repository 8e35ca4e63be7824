"""LSTM memory autoencoder: windows are rebuilt from prototypes of normal ones; the error is the score.

Paper: Efficient-VAD thesis project (no publication known to us).
Borrowed: nothing; written from a description of its behaviour.
Differs: any feature width; training uses every window (the published loop leaves out the last one); a video
shorter than one window is padded by repeating its last row (published: error 0); the L1 term, constant under
a softmax, is off.
"""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vad.models._base import Scores, VideoModel, Windows
from vad.nn import losses
from vad.nn.standardise import Standardise
from vad.schema.base import Count, NotNegative, Section


class Config(Section):
    """Settings of the LSTM memory autoencoder; the defaults are the published ones."""

    window: Count = Field(10, description="rows (extracted frames or segments) of a window")
    stride: Count = Field(5, description="rows between the starts of neighbouring windows")
    standardise: bool = Field(False, description="feature channels in units of their spread over the fit part")
    hidden_width: Count = Field(256, description="units between features and LSTM, and of the decoding LSTM")
    latent_width: Count = Field(64, description="units of the encoding LSTM, width of the prototypes")
    memory_slots: Count = Field(50, description="learned prototypes")
    dropout: float = Field(0.2, ge=0, lt=1, description="share of units dropped before the encoding LSTM")
    entropy_weight: NotNegative = Field(2e-4, description="weight of the entropy of the memory reads")
    l1_attention: NotNegative = Field(
        0.0,
        description="weight of the sum of absolute read weights; published 1e-3, without effect (always 1)",
    )
    window_smoothing: int = Field(
        5, ge=1, description="windows in the running mean of window errors, an odd number; 1 = off"
    )
    smoothing_edges: Literal["attenuated", "mean"] = Field(
        "attenuated",
        description="first and last windows: attenuated = missing neighbours count as 0 (published), mean ="
        " they are left out",
    )

    def model_post_init(self, _: object) -> None:
        """Refuse an even running mean, which has no centre."""
        if self.window_smoothing % 2 == 0:
            raise ValueError("window_smoothing must be odd")


class Output(NamedTuple):
    """A rebuilt window, its target, and the weights with which the memory was read."""

    reconstruction: Float[Tensor, "windows rows dim"]
    target: Float[Tensor, "windows rows dim"]
    read_weights: Float[Tensor, "windows rows slots"]


class Model(VideoModel):
    """Linear, LSTM, memory, LSTM, linear; the score of a window is its mean squared error, >= 0."""

    supervision = "normal_only"
    sampling = "windows"
    level = "frame"

    config: Config

    def __init__(self, config: Config, feature_dim: int) -> None:
        """Build the layers; prototypes uniform in +-1/sqrt(memory_slots)."""
        super().__init__()
        self.config = config
        self.standardise = Standardise(feature_dim)
        self.embed = nn.Sequential(nn.Linear(feature_dim, config.hidden_width), nn.ReLU(), nn.Dropout(config.dropout))
        self.encoder = nn.LSTM(config.hidden_width, config.latent_width, batch_first=True)
        spread = config.memory_slots**-0.5
        self.memory = nn.Parameter(torch.empty(config.memory_slots, config.latent_width).uniform_(-spread, spread))
        self.decoder = nn.LSTM(config.latent_width, config.hidden_width, batch_first=True)
        self.rebuild = nn.Linear(config.hidden_width, feature_dim)

    def prepare(self, features: Float[Tensor, "windows rows dim"]) -> None:
        """Take the constants of `standardise` from the fit part."""
        if self.config.standardise:
            self.standardise.fit(features)

    def forward(self, features: Float[Tensor, "windows rows dim"]) -> Output:
        """Rebuild each window from the prototypes that its rows read."""
        values = self.standardise(features)
        latent, _ = self.encoder(self.embed(values))
        weights = torch.softmax(latent @ self.memory.T, dim=-1)
        decoded, _ = self.decoder(weights @ self.memory)
        return Output(self.rebuild(decoded), values, weights)

    def loss(self, batch: Windows) -> dict[str, Tensor]:
        """Reconstruction error and entropy of the memory reads (few prototypes per row)."""
        out = self(batch.features)
        terms = {
            "reconstruction": functional.mse_loss(out.reconstruction, out.target),
            "entropy": self.config.entropy_weight * losses.read_entropy(out.read_weights),
        }
        if self.config.l1_attention:
            terms["l1_attention"] = self.config.l1_attention * out.read_weights.abs().sum(-1).mean()
        return terms

    def score(self, features: Float[Tensor, "windows rows dim"]) -> Scores:
        """Mean squared error of each window, >= 0, in squared units of the (standardised) features."""
        out = self(features)
        errors = (out.reconstruction - out.target) ** 2
        return Scores(errors.mean(dim=(1, 2)), None)

    def embeddings(self, features: Float[Tensor, "windows rows dim"]) -> Float[Tensor, "windows width"]:
        """The input of the decoder: the vectors read from the memory, averaged over the rows of each window."""
        return (self(features).read_weights @ self.memory).mean(dim=1)

    def smooth(self, scores: Float[Tensor, " windows"]) -> Float[Tensor, " windows"]:
        """Running mean of a video's window scores; the video's own score is the highest of the result."""
        width = self.config.window_smoothing
        attenuated = self.config.smoothing_edges == "attenuated"
        return functional.avg_pool1d(scores[None, None], width, 1, width // 2, count_include_pad=attenuated)[0, 0]

    @property
    def smoothing_reach(self) -> int:
        """Half of the running mean."""
        return self.config.window_smoothing // 2

    def diagnose(self, features: Float[Tensor, "windows rows dim"]) -> dict[str, float]:
        """Entropy of the memory reads in nats: log(memory_slots) = the memory says nothing."""
        return {"read_entropy": losses.read_entropy(self(features).read_weights).item()}

    released_names = (
        (r"^encoder_fc\.", "embed."),
        (r"^encoder_lstm\.", "encoder."),
        (r"^memory\.weight$", "memory"),
        (r"^decoder_lstm\.", "decoder."),
        (r"^decoder_fc\.", "rebuild."),
    )
