"""STPVAD: UR-DMU with a second stage that looks at the pixels of each video's most informative segment.

Stage 1 is UR-DMU on segment vectors. The most informative segment of each video (the one that fits best the memory of
the video's label) is cut out as a clip and turned into tokens (`_dtfe`); a second network of UR-DMU's shape scores the
tokens, which also read the video's chosen segments by cross-attention. All three are trained together.

Paper: the SST-WSVADL project (Sara-Esam/SST-WSVADL), without a paper of its own; stage 1: Zhou et al., UR-DMU, AAAI
2023; tokens: Li et al., STPrivacy, ICCV 2023.
Borrowed: nothing; written from the papers and a description of the released network (Apache-2.0), own code.
Differs: the released cross-attention mixes the segments of different videos and cannot run at test; here every clip
reads its own video's segments, in test those that fit the abnormal memory best, whatever the label. `score: both`,
`ratio_loss_weight` and `stage1_steps` are ours; published are `stage1`, 0 and 0. Tokens keep the order of their
places. The release also draws one of the top segments, or takes several: not offered. Its `pretrained_path` (stage 1
starts from trained weights) is `train.start` with `part: stage1`; its `resize` is `size` of the clips with
`encoder.image_height` and `image_width`. `stage2: patches` puts another second stage, of ours, in the place of encoder
and head (`_patches`): it reads no segment, and nothing but the clips decides its maps.
"""

from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from pydantic import Field, model_validator
from torch import Tensor, nn

from vad.artefacts.clips import BagClips, Clips, SegmentMap
from vad.errors import FeatureError
from vad.models import urdmu
from vad.models._base import Bags, Scores, VideoModel, device_of
from vad.models._dtfe import Encoder, TokenEncoder, Tokens
from vad.models._patches import Patches, PatchNetwork, described
from vad.nn import losses
from vad.nn.standardise import Standardise
from vad.schema.base import Count, NotNegative, Section

CLIPS = 8
"""Clips that go through stage 2 at once when videos are scored; bounds memory, not results."""
HELD = 2**31
"""Bytes of what stage 2 on patches knows of the videos it trains on, kept from step to step; bounds memory alone."""


class TokenHead(urdmu.DualMemory):
    """Settings of the network that scores tokens; the defaults are the published ones."""

    cross_attention: bool = Field(default=True, description="tokens read the chosen segments of their video")
    cross_heads: Count = Field(default=8, description="heads of the cross-attention")
    cross_head_width: Count = Field(default=64, description="channels of one of its heads")


class Config(Section):
    """Settings of STPVAD; the defaults are the published ones, for a GPU."""

    bag_segments: int = Field(200, ge=2, description="segments to which each training video is resampled")
    score_full_length: bool = Field(True, description="score each stored row (published), or the resampled bag")
    select_full_length: bool = Field(
        False, description="with score_full_length: choose epochs by scores of the stored rows too, not of the bag"
    )
    standardise: bool = Field(False, description="feature channels in units of their spread over the fit part")
    stage1: urdmu.DualMemory = Field(default_factory=urdmu.DualMemory, description="the network on segment vectors")
    encoder: Encoder = Field(default_factory=Encoder, description="the network that turns a clip into tokens")
    head: TokenHead = Field(default_factory=TokenHead, description="the network on tokens")
    stage2: Literal["tokens", "patches"] = Field(
        "tokens",
        description="tokens = published: encoder and head; patches = ours, which sees pixels alone (of `encoder` only"
        " the size of the clips counts then)",
    )
    patches: Patches = Field(default_factory=lambda: Patches.model_validate({}), description="stage 2 on patches")
    ratio_loss_weight: NotNegative = Field(
        0.0, description="weight of (kept share - token_ratio)^2; 0 = published, 2 = DynamicViT"
    )
    stage1_steps: int = Field(
        0, ge=0, description="training steps of stage 1 alone before the joint ones; no epoch among them has a stage 2"
    )
    segment_map: SegmentMap = Field(
        "exact", description="a segment's clip: the first row that it was made of, or the released arithmetic"
    )
    score: Literal["stage1", "both"] = Field(
        "stage1", description="stage1 = published; both = plus the best tokens' mean score of the segment's clip"
    )

    @model_validator(mode="after")
    def _weight_has_a_term(self) -> "Config":
        if self.ratio_loss_weight and not self.encoder.prune_before:
            raise ValueError("ratio_loss_weight needs places in encoder.prune_before")
        return self

    @model_validator(mode="after")
    def _patches_fit(self) -> "Config":
        patches, clips = self.patches, self.encoder
        if self.stage2 == "tokens":
            return self
        problems = []
        if clips.image_height % patches.patch_size or clips.image_width % patches.patch_size:
            size = f"{clips.image_height} x {clips.image_width} (encoder.image_height, image_width)"
            problems.append(f"patches.patch_size {patches.patch_size} does not divide clips of {size}")
        if patches.frames > clips.clip_frames:
            problems.append(f"patches.frames {patches.frames} is above encoder.clip_frames {clips.clip_frames}")
        if self.ratio_loss_weight:
            problems.append("ratio_loss_weight goes with the encoder's tokens, which patches replace")
        if self.stage1_steps and not patches.train_stage1:
            problems.append("stage1_steps needs patches.train_stage1: no step trains stage 1")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class CrossAttention(nn.Module):
    """Tokens read segments, then pass two linear layers; both are added to them."""

    def __init__(self, config: TokenHead, key_width: int) -> None:
        """Build the layers."""
        super().__init__()
        width, inner = 2 * config.width, config.cross_heads * config.cross_head_width
        self.heads = config.cross_heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, inner, bias=False)
        self.key, self.value = (nn.Linear(key_width, inner, bias=False) for _ in range(2))
        self.out = nn.Sequential(nn.Linear(inner, width), nn.Dropout(config.dropout))
        self.ff = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, width // 2),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(width // 2, width),
            nn.Dropout(config.dropout),
        )

    def forward(
        self, tokens: Float[Tensor, "clips tokens width"], segments: Float[Tensor, "clips chosen key_width"]
    ) -> Float[Tensor, "clips tokens width"]:
        """The tokens after both parts; segments are not normalised."""
        query, key, value = (
            values.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for values in (self.query(self.norm(tokens)), self.key(segments), self.value(segments))
        )
        weights = torch.softmax(query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5, dim=-1)
        tokens = tokens + self.out((weights @ value).transpose(1, 2).flatten(2))
        return tokens + self.ff(tokens)


class TokenNetwork(nn.Module):
    """UR-DMU's network on the tokens of a clip, with cross-attention before its scorer."""

    def __init__(self, config: TokenHead, token_dim: int, key_width: int) -> None:
        """Build the layers."""
        super().__init__()
        self.memories = urdmu.Network(config, token_dim)
        self.cross = CrossAttention(config, key_width) if config.cross_attention else None

    def forward(
        self,
        tokens: Float[Tensor, "clips tokens dim"],
        segments: Float[Tensor, "clips chosen key_width"],
        labels: Float[Tensor, " clips"] | None = None,
    ) -> urdmu.Output:
        """Score each token, 0..1."""
        cross = self.cross
        return self.memories(tokens, labels, None if cross is None else lambda fused: cross(fused, segments))


class TokenScores(NamedTuple):
    """Scores 0..1 of the tokens that stayed, and their places."""

    scores: Float[Tensor, "clips tokens"]
    preserve_index: Int[Tensor, "clips tokens"]


class Model(VideoModel):
    """The three networks: segments, clip to tokens, tokens."""

    supervision = "weak"
    sampling = "bags"
    level = "frame"
    uses_clips = True
    scores_places = True

    config: Config

    def __init__(self, config: Config, feature_dim: int) -> None:
        """Build the layers."""
        super().__init__()
        self.config = config
        self.standardise = Standardise(feature_dim)
        self.stage1 = urdmu.Network(config.stage1, feature_dim)
        self.patches = PatchNetwork(config.patches) if config.stage2 == "patches" else None
        if self.patches is None:
            self.encoder = TokenEncoder(config.encoder)
            self.head = TokenNetwork(config.head, config.encoder.token_dim, 2 * config.stage1.width)
        self._described: dict[tuple[int, int], tuple[Clips, Tensor]] = {}
        """What is known of the patches of videos, by the identity of their clips and the length of their bag."""
        self.trained_steps: Tensor
        self.register_buffer("trained_steps", torch.tensor(0))

    @property
    def scores_own_rows(self) -> bool:
        """Where `score_full_length` is set."""
        return self.config.score_full_length

    @property
    def selects_own_rows(self) -> bool:
        """Where `select_full_length` is set too: attention over all rows of long videos, after each epoch, is slow."""
        return self.config.score_full_length and self.config.select_full_length

    @property
    def segment_map(self) -> SegmentMap:
        """The setting of this name."""
        return self.config.segment_map

    def prepare(self, features: Float[Tensor, "bags segments dim"]) -> None:
        """Take the constants of `standardise` from the fit part."""
        if self.config.standardise:
            self.standardise.fit(features)

    def loss(self, batch: Bags) -> dict[str, Tensor]:
        """UR-DMU's terms of stage 1, then, after `stage1_steps`, those of stage 2 and of the kept shares.

        Without `patches.train_stage1` there are only those of stage 2 on patches.

        Raises: FeatureError for features without clips.
        """
        if self.patches is not None and not self.patches.config.train_stage1:
            return self._patch_terms(self.patches, batch)
        first = self.stage1(self.standardise(batch.features), batch.labels)
        terms = {f"stage1_{name}": term for name, term in self.stage1.terms(first, batch.labels).items()}
        if self.training:
            self.trained_steps += 1
            if self.trained_steps <= self.config.stage1_steps:
                return terms
        if self.patches is not None:
            return terms | self._patch_terms(self.patches, batch)
        chosen = self._informative(first, batch.labels)
        bags = torch.arange(len(chosen))
        tokens = self.encoder(self._clips(batch.clips, bags, chosen[:, 0], batch.features))
        out = self.head(tokens.vectors, _gather(first.fused, chosen), batch.labels)
        terms |= {f"stage2_{name}": term for name, term in self.head.memories.terms(out, batch.labels).items()}
        if self.config.ratio_loss_weight:
            terms["ratio"] = self.config.ratio_loss_weight * self._ratio(tokens)
        return terms

    def _patch_terms(self, network: PatchNetwork, batch: Bags) -> dict[str, Tensor]:
        """The terms of stage 2 on patches, which looks at every clip of a bag; a video is decoded once in training."""
        clips, length, held = _given(batch.clips), batch.features.shape[1], self._described
        videos = []
        for bag, video in enumerate(clips.videos):
            key = (id(video), length)
            if key not in held:
                found = self._describe(network, clips, bag, length)
                if sum(values.nbytes for _, values in held.values()) < HELD:
                    held[key] = (video, found)  # the clips too: their identity is theirs while they are there
            else:
                found = held[key][1]
            videos.append(found.to(batch.features.device))
        return {f"patches_{name}": term for name, term in network.loss(videos, batch.labels).items()}

    def _describe(
        self, network: PatchNetwork, clips: BagClips, bag: int, length: int
    ) -> Float[Tensor, "clips numbers rows columns"]:
        """What stage 2 on patches knows of one video: its patches in each different clip of its bag, in their order.

        Raises: FeatureError for clips of another size than the encoder's.
        """
        wanted, video = self.config.encoder, clips.videos[bag]
        rows = sorted(set(clips.rows(bag, length, self.config.segment_map)))
        places = np.linspace(0, wanted.clip_frames - 1, network.config.frames).round().astype(int).tolist()
        frames = np.stack([video.frames(row, places) for row in rows])
        self._require_size((video.offsets.shape[1] - 1, *frames.shape[2:4]))
        return described(torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 1, 4, 2, 3))), network.config)

    def _patch_maps(
        self, network: PatchNetwork, clips: BagClips, bag: int, length: int
    ) -> Float[Tensor, "segments rows columns"]:
        """Scores 0..1 of the patches of each segment's clip of one video; segments of one row have the same."""
        rows = clips.rows(bag, length, self.config.segment_map)
        of_segments = np.unique(rows, return_inverse=True)[1]
        values = self._describe(network, clips, bag, length).to(device_of(self))
        return torch.sigmoid(network(values))[torch.from_numpy(of_segments)]

    def _informative(
        self, first: urdmu.Output, labels: Float[Tensor, " bags"] | None = None
    ) -> Int[Tensor, "bags chosen"]:
        """The most informative segments of each video, the best first: 13 of 200.

        They fit best the abnormal memory in anomalous videos and in videos without a label, the normal one in normal.
        """
        found = urdmu.top_positions(first.abnormal.fit)
        if labels is None:
            return found
        return torch.where(labels[:, None] > 0.5, found, urdmu.top_positions(first.normal.fit))

    def _ratio(self, tokens: Tokens) -> Float[Tensor, ""]:
        """Mean over places of (kept share of a batch's tokens - wanted share)^2; 0 at test, where they are equal."""
        gaps = [keep.mean() - ratio for keep, ratio in zip(tokens.keeps, self.config.encoder.token_ratio, strict=False)]
        return losses.mean_or_zero(torch.stack([gap**2 for gap in gaps]) if gaps else tokens.vectors.new_zeros(0))

    def _clips(
        self,
        clips: BagClips | None,
        bags: Int[Tensor, " clips"],
        segments: Int[Tensor, " clips"],
        features: Float[Tensor, "bags segments dim"],
    ) -> Float[Tensor, "clips rgb frames height width"]:
        """The clips of some segments, colours 0..1, where the features are."""
        frames = _given(clips).frames(bags.tolist(), segments.tolist(), features.shape[1], self.config.segment_map)
        self._require_size(frames.shape[1:4])
        pixels = torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 4, 1, 2, 3)))
        return pixels.to(features.device).float() / 255

    def _require_size(self, size: tuple[int, ...]) -> None:
        """Refuse clips of another size than the settings say.

        Args:
            size: frames of a clip, and their height and width.

        Raises: FeatureError naming both sizes.
        """
        encoder = self.config.encoder
        wanted = (encoder.clip_frames, encoder.image_height, encoder.image_width)
        if size != wanted:
            raise FeatureError(
                f"model stpvad: clips are {'x'.join(map(str, size))}, its encoder takes {'x'.join(map(str, wanted))}"
                " (frames, height, width). Set model_args.encoder, or size of the features."
            )

    def score(self, features: Float[Tensor, "bags segments dim"], clips: BagClips | None = None) -> Scores:
        """Segment scores: 0..1 from stage 1, with `score: both` 0..2; the video's is the mean of its highest."""
        first = self.stage1(self.standardise(features))
        scores = first.scores
        if self.config.score == "both" or self.noted_maps is not None:
            own = torch.stack([self._clip_scores(first, features, clips, bag) for bag in range(len(features))])
            scores = scores + own if self.config.score == "both" else scores
        return Scores(urdmu.top_mean(scores), scores)

    def score_for_selection(
        self, features: Float[Tensor, "bags segments dim"], clips: BagClips | None = None
    ) -> Scores:
        """Scores of stage 1, as released: both settings of `score` choose the same epoch and so the same weights."""
        scores = self.stage1(self.standardise(features)).scores
        return Scores(urdmu.top_mean(scores), scores)

    def embeddings(self, features: Float[Tensor, "bags segments dim"]) -> Float[Tensor, "bags segments fused"]:
        """The input of stage 1's scorer for each segment: its vector, and the sum of its reads from both memories."""
        return self.stage1(self.standardise(features)).fused

    def protocol(self) -> dict[str, str]:
        """Which stages gave the scores."""
        both = "1 + 2 (ours), epoch chosen by stage 1" if self.patches is None else "1 + patches (ours)"
        return {"stages": "1" if self.config.score == "stage1" else both}

    def _clip_scores(
        self,
        first: urdmu.Output,
        features: Float[Tensor, "bags segments dim"],
        clips: BagClips | None,
        bag: int,
    ) -> Float[Tensor, " segments"]:
        """Mean of the best tokens of each segment's clip, 0..1; segments of the same row have the same clip.

        The map of a clip is the mean over its tubelets.
        """
        clips, length = _given(clips), features.shape[1]
        if self.patches is not None:
            maps = self._patch_maps(self.patches, clips, bag, length)
            self.note_maps(lambda: maps)
            return urdmu.top_mean(maps.flatten(1))
        _, index, group = np.unique(
            clips.rows(bag, length, self.config.segment_map), return_index=True, return_inverse=True
        )
        parts = torch.from_numpy(index).split(CLIPS)
        found = [self._tokens(first, features, clips, bag, part) for part in parts]
        of_segments = torch.from_numpy(group)
        self.note_maps(lambda: torch.cat([in_place(t, self.config.encoder.grid).mean(1) for t in found])[of_segments])
        return torch.cat([urdmu.top_mean(tokens.scores) for tokens in found])[of_segments]

    def _tokens(
        self,
        first: urdmu.Output,
        features: Float[Tensor, "bags segments dim"],
        clips: BagClips | None,
        bag: int,
        segments: Int[Tensor, " chosen"],
    ) -> TokenScores:
        """Score the tokens of the clips of some segments of one video."""
        tokens = self.encoder(self._clips(clips, torch.full_like(segments, bag), segments, features))
        read = _gather(first.fused, self._informative(first))[bag].expand(len(segments), -1, -1)
        return TokenScores(self.head(tokens.vectors, read).scores, tokens.preserve_index)

    # Of the release's three files, parts `stage1`, `encoder` and `head`; `stage1` also from a run of model urdmu.
    released_names = (
        (r"^stage1\.standardise\.", "standardise."),
        (r"^head\.cross_attention\.cross_attn\.to_q\.", "head.cross.query."),
        (r"^head\.cross_attention\.cross_attn\.to_out\.", "head.cross.out."),
        (r"^head\.cross_attention\.cross_attn\.", "head.cross."),
        (r"^head\.cross_attention\.norm1\.", "head.cross.norm."),
        (r"^head\.cross_attention\.norm2\.", "head.cross.ff.0."),
        (r"^head\.cross_attention\.ff\.0\.", "head.cross.ff.1."),
        (r"^head\.cross_attention\.ff\.3\.", "head.cross.ff.4."),
        (r"^head\.(?!cross\.|memories\.)", "head.memories."),
        (r"^encoder\.patch_embed\.proj\.", "encoder.embed."),
        (r"^encoder\.pos_embed$", "encoder.position"),
        (r"^encoder\.blocks\.(\d+)\.norm1\.", r"encoder.blocks.\1.norm."),
        (r"^encoder\.blocks\.(\d+)\.attn\.qkv\.", r"encoder.blocks.\1.attention.project."),
        (r"^encoder\.blocks\.(\d+)\.attn\.proj\.", r"encoder.blocks.\1.attention.out."),
        (r"^encoder\.blocks\.(\d+)\.norm2\.", r"encoder.blocks.\1.mlp.0."),
        (r"^encoder\.blocks\.(\d+)\.mlp\.fc1\.", r"encoder.blocks.\1.mlp.1."),
        (r"^encoder\.blocks\.(\d+)\.mlp\.fc2\.", r"encoder.blocks.\1.mlp.3."),
        (r"^encoder\.norm_recon\.", "encoder.out.0."),
        (r"^encoder\.head_recon\.", "encoder.out.1."),
        (r"^encoder\.score_predictor\.(\d+)\.in_conv\.", r"encoder.predictors.number\1.embed."),
        (r"^encoder\.score_predictor\.(\d+)\.out_conv\.", r"encoder.predictors.number\1.judge."),
        *urdmu.Model.released_names,
    )
    not_released = (*VideoModel.not_released, "trained_steps")

    def from_released(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Predictors are numbered in the release, named by their places here; keys and values are two layers here."""
        places = {f"encoder.predictors.number{n}.": place for n, place in enumerate(self.config.encoder.prune_before)}
        found: dict[str, Tensor] = {}
        for name, value in state.items():
            if name == "head.cross.to_kv.weight":
                found["head.cross.key.weight"], found["head.cross.value.weight"] = value.chunk(2)
                continue
            number = next((start for start in places if name.startswith(start)), None)
            rest = name.removeprefix(number or "")
            found[f"encoder.predictors.{places[number]}.{rest}" if number else name] = value
        return found


def _given(clips: BagClips | None) -> BagClips:
    """The clips of a batch, which these features must have."""
    if clips is None:
        raise FeatureError("model stpvad: these features hold no images. Use a features entry of extractor clips.")
    return clips


def _gather(
    values: Float[Tensor, "bags segments width"], index: Int[Tensor, "bags chosen"]
) -> Float[Tensor, "bags chosen width"]:
    """The vectors of the chosen segments."""
    return values.gather(1, index[..., None].expand(-1, -1, values.shape[2]))


def in_place(scored: TokenScores, grid: tuple[int, int, int]) -> Float[Tensor, "clips tubelets rows columns"]:
    """Token scores back at their places; 0 where a token was dropped."""
    tubelets, rows, columns = grid
    empty = scored.scores.new_zeros(len(scored.scores), tubelets * rows * columns)
    return empty.scatter(1, scored.preserve_index, scored.scores).unflatten(1, (tubelets, rows, columns))
