"""STPVAD: size of the head, cross-attention, which clip is looked at, and scores at their own places."""

from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import Float
from pydantic import ValidationError
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tests.clips import noise, numbered
from vad.artefacts.clips import BagClips
from vad.cost.count import parameters
from vad.engine.batches import BagSet
from vad.engine.build import build
from vad.engine.expansion import resample
from vad.engine.parts import Part
from vad.engine.score import score_video, video_scores
from vad.engine.train import train
from vad.errors import FeatureError
from vad.models import stpvad, urdmu
from vad.models._base import Bags
from vad.schema.infer import Infer
from vad.schema.train import Train

SMALL = {
    "bag_segments": 20,
    "score_full_length": False,
    "stage1": {"width": 8, "head_width": 4, "scorer_width": 4},
    "head": {"width": 6, "heads": 2, "head_width": 3, "scorer_width": 4, "cross_heads": 2, "cross_head_width": 4},
    "encoder": {
        **{"clip_frames": 4, "image_height": 32, "image_width": 48, "tubelet_frames": 2},
        **{"embed": 12, "depth": 2, "heads": 2, "prune_before": [1], "token_ratio": [0.5]},
    },
}
SQUARE = {**SMALL, "encoder": {**SMALL["encoder"], "image_width": 32}}
LABELS = torch.tensor([1.0, 0.0, 0.0, 1.0])


def made(**args: Any) -> stpvad.Model:
    """A small model in eval mode for square clips, always from the same seed."""
    return build("stpvad", {**SQUARE, **args}, 5).eval()


def batch(bags: int = 4) -> Bags:
    """Random videos of 20 segments, each with 20 rows of clips."""
    features = torch.randn(bags, 20, 5, generator=torch.Generator().manual_seed(0))
    return Bags(features, LABELS[:bags], BagClips([noise(20, seed=seed) for seed in range(bags)]))


@pytest.mark.parametrize(
    ("tokens", "dim", "keys", "settings", "values", "count"),
    [
        (512, 1536, 32, {}, 10_431_745, 5_683_347_456),
        (512, 1536, 13, {}, 10_431_745, 5_653_463_040),
        (512, 1536, 13, {"cross_attention": False}, 7_279_361, 4_559_273_984),
        (128, 6144, 32, {}, 17_509_633, 2_200_977_408),
        (128, 6144, 13, {}, 17_509_633, 2_178_564_096),
        (128, 6144, 13, {"cross_attention": False}, 14_357_249, 1_894_793_216),
        (64, 3072, 13, {}, 12_791_041, 781_524_992),
    ],
)
def test_counts(tokens: int, dim: int, keys: int, settings: dict[str, Any], values: int, count: int) -> None:
    """Parameters and multiply-adds of the head for every published size and for the small preset."""
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        head = stpvad.TokenNetwork(stpvad.TokenHead.model_validate(settings), dim, 1024).eval()
        head(torch.empty(1, tokens, dim), torch.empty(1, keys, 1024))

    assert values == parameters(head).total
    assert count == counter.get_total_flops() // 2


@pytest.mark.parametrize(("frames", "encoder", "head"), [(2, 90_696_006, 10_431_745), (8, 97_483_590, 17_509_633)])
def test_defaults_are_the_published_networks(frames: int, encoder: int, head: int) -> None:
    """All three networks of a default model on 1024-d features."""
    with torch.device("meta"):
        model = build("stpvad", {"encoder": {"tubelet_frames": frames}}, 1024)

    assert 6_492_929 == parameters(model.stage1).total
    assert encoder == parameters(model.encoder).total
    assert head == parameters(model.head).total
    assert 6_492_929 + encoder + head == parameters(model).total


def test_cross_attention_by_hand() -> None:
    """Loops over heads and tokens; only the tokens are normalised; both parts are added."""
    torch.manual_seed(0)
    config = stpvad.TokenHead(width=3, cross_heads=2, cross_head_width=4, dropout=0.0)
    cross, tokens, segments = stpvad.CrossAttention(config, 5), torch.randn(1, 3, 6), torch.randn(1, 2, 5)
    query, key, value = cross.query(cross.norm(tokens))[0], cross.key(segments)[0], cross.value(segments)[0]
    reads = torch.zeros(3, 8)
    for token in range(3):
        for part in (slice(0, 4), slice(4, 8)):
            weights = torch.softmax(key[:, part] @ query[token, part] / 2, dim=0)
            reads[token, part] = weights @ value[:, part]
    between = tokens[0] + cross.out(reads)

    torch.testing.assert_close(between + cross.ff(between), cross(tokens, segments)[0])


def test_telling_segments_follow_the_label() -> None:
    """Best fit of the abnormal memory in anomalous and unlabelled videos, of the normal one in normal videos."""
    model = made()
    first = model.stage1(batch().features)
    fits = [fit.argsort(dim=1, descending=True)[:, :2] for fit in (first.abnormal.fit, first.normal.fit)]

    assert torch.equal(torch.where(LABELS[:, None] > 0, *fits), model._informative(first, LABELS))
    assert torch.equal(fits[0], model._informative(first))


@pytest.mark.parametrize(("rule", "shift"), [("exact", 0), ("upstream", 1)])
def test_loss_looks_at_the_most_telling_clip(monkeypatch: pytest.MonkeyPatch, rule: str, shift: int) -> None:
    """The clip of each video is that of its most telling segment, colours 0..1; `upstream` is a row early."""
    model, seen = made(segment_map=rule), []
    clips = BagClips([numbered(20, first=10), numbered(40, first=10)])
    monkeypatch.setattr(model.encoder, "forward", lambda video: seen.append(video) or 1 / 0)
    data = Bags(batch(2).features, LABELS[:2], clips)
    with pytest.raises(ZeroDivisionError):
        model.loss(data)
    chosen = model._informative(model.stage1(data.features), data.labels)[:, 0].tolist()
    rows = [max(chosen[0] - shift, 0), max(2 * chosen[1] - shift, 0)]
    values = [[(10 + 20 * row + frame) % 256 for frame in range(4)] for row in rows]

    assert (2, 3, 4, 32, 32) == tuple(seen[0].shape)
    np.testing.assert_allclose(values, (seen[0][:, 0, :, 0, 0] * 255).numpy(), atol=1e-3)


def test_loss_is_the_sum_of_two_stages() -> None:
    """UR-DMU's terms on the segments and on the tokens, which read the video's own segments."""
    model, data = made(), batch()
    terms = model.loss(data)
    first = model.stage1(data.features, data.labels)
    telling = model._informative(first, data.labels)
    frames = torch.from_numpy(data.clips.frames(range(4), telling[:, 0].tolist(), 20))
    tokens = model.encoder(frames.permute(0, 4, 1, 2, 3).float() / 255).vectors
    read = torch.stack([first.fused[bag, telling[bag]] for bag in range(4)])
    second = model.head(tokens, read, data.labels)
    expected = {f"stage1_{name}": term for name, term in model.stage1.terms(first, data.labels).items()}
    expected |= {f"stage2_{name}": term for name, term in model.head.memories.terms(second, data.labels).items()}

    torch.testing.assert_close(expected, terms)


def test_stage_one_is_urdmu() -> None:
    """The same weights give UR-DMU's scores, and its loss terms under their names."""
    model, data = made(), batch()
    plain = build("urdmu", {"bag_segments": 20, **SMALL["stage1"]}, 5).eval()
    plain.load_state_dict(
        model.stage1.state_dict()
        | {f"standardise.{k}": torch.full((5,), v) for k, v in {"mean": 0.0, "scale": 1.0}.items()}
    )
    found = {k.removeprefix("stage1_"): v for k, v in model.loss(data).items() if k.startswith("stage1_")}

    torch.testing.assert_close(plain.score(data.features).positions, model.score(data.features).positions)
    torch.testing.assert_close(plain.loss(data), found)


def test_stage_one_can_go_ahead() -> None:
    """For `stage1_steps` training steps there are its terms alone; the count is part of the state."""
    model, data = made(stage1_steps=2).train(), batch()
    stages = [{name[:6] for name in model.loss(data)} for _ in range(3)]
    again = made(stage1_steps=2)
    again.load_state_dict(model.state_dict())

    assert [{"stage1"}, {"stage1"}, {"stage1", "stage2"}] == stages
    assert {"stage1", "stage2"} == {name[:6] for name in made(stage1_steps=9).eval().loss(data)}
    assert {"stage1", "stage2"} == {name[:6] for name in again.train().loss(data)}


def test_training_is_deterministic() -> None:
    """Twice the same seed, the same weights, also of the two networks that look at clips; they have moved."""
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(9, 5)).astype(np.float32) for _ in range(8)]
    parts = [
        Part(rows[:4], [0, 1] * 2, [noise(9, seed=i) for i in range(4)]),
        Part(rows[4:], [0, 1] * 2, [noise(9)] * 4),
    ]
    plan = Train(lr=1e-2, epochs=2, steps_per_epoch=3, batch=2, select_by="last")
    first, again = (train(build("stpvad", SQUARE, 5, seed=1), *parts, plan, 0).state for _ in range(2))
    start = build("stpvad", SQUARE, 5, seed=1).state_dict()
    moved = {name.split(".")[0] for name in start if not torch.equal(start[name], first[name])}

    assert all(torch.equal(first[name], again[name]) for name in first)
    assert {"stage1", "encoder", "head", "trained_steps"} == moved
    assert 6 == int(first["trained_steps"])


def test_ratio_term_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weight times the mean square of what the kept shares are off; nothing to be off by at test."""
    encoder = {**SQUARE["encoder"], "depth": 3, "prune_before": [1, 2], "token_ratio": [0.5, 0.25]}
    model = made(ratio_loss_weight=2.0, encoder=encoder).train()
    keeps = [torch.tensor([[1.0, 1, 1, 0], [1, 1, 1, 1]]), torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0]])]
    vectors = torch.zeros(2, 4, model.config.encoder.token_dim)
    index = torch.arange(4).expand(2, -1)
    monkeypatch.setattr(model.encoder, "forward", lambda _: stpvad.Tokens(vectors, index, keeps))
    found = model.loss(batch(2))["ratio"].item()

    assert 2 * ((7 / 8 - 1 / 2) ** 2 + (1 / 8 - 1 / 4) ** 2) / 2 == pytest.approx(found)
    assert 0 == made(ratio_loss_weight=2.0).loss(batch(2))["ratio"].item()
    assert "ratio" not in made().loss(batch(2))


def test_scores_return_to_their_own_place() -> None:
    """By hand: places in any order, two dropped, 2 tubelets of 1 x 3 patches."""
    scored = stpvad.TokenScores(
        torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]]), torch.tensor([[4, 0, 5, 2], [0, 1, 3, 4]])
    )
    expected = [[[[0.2, 0.0, 0.4]], [[0.0, 0.1, 0.3]]], [[[0.5, 0.6, 0.0]], [[0.7, 0.8, 0.0]]]]

    torch.testing.assert_close(torch.tensor(expected), stpvad.in_place(scored, (2, 1, 3)))


def token_maps(
    model: stpvad.Model, data: Bags, segments: list[int], clips: BagClips | None = None
) -> Float[Tensor, "segments tubelets rows columns"]:
    """Scores of the tokens of some segments' clips of the first video, each at its place."""
    first, chosen = model.stage1(data.features), torch.tensor(segments)
    scored = model._tokens(first, data.features, clips or data.clips, 0, chosen)
    return stpvad.in_place(scored, model.config.encoder.grid)


def test_token_maps_show_what_the_head_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that answers with a token's own place puts this number there; dropped tokens are 0."""
    model = build("stpvad", SMALL, 5).eval()
    clips = BagClips([noise(20)])
    frames = torch.rand(2, 3, 4, 32, 48)
    monkeypatch.setattr(model, "_clips", lambda *_: frames)
    index = model.encoder(frames).preserve_index
    monkeypatch.setattr(model.head, "forward", lambda *_: type("Out", (), {"scores": index + 100.0}))
    maps = token_maps(model, batch(1), [3, 0], clips)
    expected = torch.zeros(2, 12)
    for clip in range(2):
        expected[clip, index[clip]] = index[clip] + 100.0

    assert (2, 2, 2, 3) == tuple(maps.shape)
    assert [3, 3] == (maps > 0).sum(dim=(2, 3))[0].tolist()
    assert torch.equal(expected.reshape(2, 2, 2, 3), maps)


def test_token_maps_do_not_depend_on_company() -> None:
    """A clip's map is the same alone, in another order, and twice."""
    model, data = made(), batch(1)
    with torch.no_grad():
        both = token_maps(model, data, [3, 7])
        turned = token_maps(model, data, [7, 3])
        alone = token_maps(model, data, [3])

    torch.testing.assert_close(both.flip(0), turned)
    torch.testing.assert_close(both[:1], alone)
    assert not torch.allclose(both[0], both[1])


def clip_scores(model: stpvad.Model, data: Bags, bag: int) -> Tensor:
    """Mean of the best tokens of every segment's clip of a video, one clip at a time."""
    first = model.stage1(data.features)
    telling = first.abnormal.fit[bag].topk(2).indices
    scores = []
    for segment in range(20):
        frames = torch.from_numpy(data.clips.frames([bag], [segment], 20)).permute(0, 4, 1, 2, 3)
        out = model.head(model.encoder(frames.float() / 255).vectors, first.fused[bag : bag + 1, telling])
        scores.append(urdmu.top_mean(out.scores)[0])
    return torch.stack(scores)


def test_both_adds_the_clips_scores() -> None:
    """Segment score of stage 1 plus the mean of the best tokens of its own clip, for each video of a batch."""
    model, plain, data = made(score="both"), made(), batch(2)
    model.load_state_dict(plain.state_dict())
    with torch.no_grad():
        scores = model.score(data.features, data.clips)
        expected = torch.stack([clip_scores(model, data, bag) for bag in range(2)])
        expected = expected + plain.score(data.features).positions

    torch.testing.assert_close(expected, scores.positions)
    torch.testing.assert_close(urdmu.top_mean(expected), scores.video)
    assert ["1", "1 + 2 (ours), epoch chosen by stage 1"] == [m.protocol()["stages"] for m in (plain, model)]


@pytest.mark.parametrize("rule", ["exact", "upstream"])
def test_segments_of_one_row_share_a_clip(monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    """A video of 7 rows in a bag of 20: each of its clips is scored once, and every segment gets its own clip's."""
    model, scored = made(score="both", segment_map=rule), []
    data = Bags(batch(1).features, LABELS[:1], BagClips([noise(7)]))
    first = model.stage1(data.features)
    with torch.no_grad():
        each = [model._tokens(first, data.features, data.clips, 0, torch.tensor([s])).scores for s in range(20)]
    forward = model.encoder.forward
    monkeypatch.setattr(model.encoder, "forward", lambda video: scored.append(len(video)) or forward(video))
    with torch.no_grad():
        steps = model.score(data.features, data.clips).positions[0]

    torch.testing.assert_close(first.scores[0] + torch.cat([urdmu.top_mean(scores) for scores in each]), steps)
    assert 7 == sum(scored)


def test_both_trains_to_the_same_weights() -> None:
    """Stage 1 chooses the epoch: what scores in the end leaves no trace in the weights or the criterion."""
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(9, 5)).astype(np.float32) for _ in range(8)]
    parts = [Part(rows[i : i + 4], [0, 1] * 2, [noise(9, seed=i)] * 4) for i in (0, 4)]
    plan = Train(lr=1e-2, epochs=3, steps_per_epoch=2, batch=2)
    one, both = (train(build("stpvad", {**SQUARE, "score": s}, 5, seed=1), *parts, plan, 0) for s in ("stage1", "both"))

    assert one.history == both.history
    assert all(torch.equal(one.state[name], both.state[name]) for name in one.state)


@pytest.mark.parametrize("full_length", [False, True])
def test_inference_hands_over_the_clips(full_length: bool) -> None:
    """A video of 30 rows is scored with the clips of its own rows; without them, where an epoch is chosen."""
    model = made(score="both", score_full_length=full_length)
    rows, clips = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32), noise(30)
    whole = rows if full_length else resample(rows, 20)
    with torch.no_grad():
        steps = model.score(torch.from_numpy(whole)[None], BagClips([clips])).positions[0]
    frames = score_video(model, rows, np.arange(31) * 16, Infer(), clips).frames
    part = BagSet(Part([rows, rows], [0, 1], [noise(30, seed=1), clips]), 20)
    scores = video_scores(model, part)

    assert 480 == len(frames)
    assert float(steps[0]) == pytest.approx(frames[0])
    assert float(steps[-1]) == pytest.approx(frames[-1])
    assert scores[0] == scores[1]


def test_features_without_images_are_refused() -> None:
    """In the loss, and in scores that need them; stage 1 alone scores without."""
    data = batch(2)
    for work in (
        lambda: made().loss(Bags(data.features, data.labels)),
        lambda: made(score="both").score(data.features),
    ):
        with pytest.raises(FeatureError, match="hold no images"):
            work()

    assert (2,) == tuple(made().score(data.features).video.shape)


def test_clips_of_another_size_are_refused() -> None:
    """The message names both sizes."""
    with pytest.raises(FeatureError, match="4x32x32, its encoder takes 4x32x48"):
        build("stpvad", SMALL, 5).loss(batch(2))


def test_a_weight_without_a_term_is_refused() -> None:
    """A ratio loss without predictors would do nothing."""
    with pytest.raises(ValidationError, match="ratio_loss_weight needs places"):
        stpvad.Config.model_validate({"ratio_loss_weight": 2.0, "encoder": {"prune_before": [], "token_ratio": []}})
