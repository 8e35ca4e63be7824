"""MSTSM: presets, each switch, and the parts by hand."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from vad.cost.count import Parameters, macs, parameters
from vad.engine.build import build
from vad.errors import FeatureError, ParamsError
from vad.models import mstsm
from vad.models._base import Bags


def random_bags(bags: int = 4, segments: int = 32, width: int = 8) -> torch.Tensor:
    """Random features."""
    return torch.randn(bags, segments, width, generator=torch.Generator().manual_seed(0))


def made(width: int = 8, **args: Any) -> mstsm.Model:
    """A model in eval mode, always from the same seed."""
    return build("mstsm", args, width).eval()


def test_presets_fill_what_is_not_given() -> None:
    """The preset's value unless the key is given; both survive a round trip."""
    claim = mstsm.Config(preset="claim")
    given = mstsm.Config(preset="claim", shift_stride=2, level="frame")

    assert ("statistics", "video", 5, "center16", True) == (
        *(claim.inputs, claim.level, claim.shift_stride),
        *(claim.decoder_target, claim.score_fusion),
    )
    assert ("statistics", "frame", 2) == (given.inputs, given.level, given.shift_stride)
    assert ("features", "frame", 1, "pooled") == (
        *(mstsm.Config().inputs, mstsm.Config().level),
        *(mstsm.Config().shift_stride, mstsm.Config().decoder_target),
    )
    assert given == mstsm.Config.model_validate(given.model_dump())


def test_unknown_preset_is_refused() -> None:
    """Its name and the known ones are in the message."""
    with pytest.raises(ParamsError, match="preset"):
        build("mstsm", {"preset": "clam"}, 8)


def test_statistics_by_hand() -> None:
    """Mean of each half, and the length of the step from the segment before; the first step is 0."""
    features = torch.tensor([[[1.0, 3.0, 5.0, 9.0], [1.0, 6.0, 9.0, 9.0]]])
    values = made(4, preset="claim")._inputs(features)

    assert [[[2.0, 3.5], [7.0, 9.0], [0.0, 5.0]]] == values.tolist()


def test_the_third_statistic_may_be_a_distance() -> None:
    """Mahalanobis distance to the fit part; the two means stay, and no parameter is added."""
    fit = torch.randn(6, 32, 4, generator=torch.Generator().manual_seed(0))
    model = made(4, preset="claim", third_statistic="distance")
    model.prepare(fit)
    plain = made(4, preset="claim")

    values = model._inputs(fit)

    assert torch.equal(plain._inputs(fit)[:, :2], values[:, :2])
    assert model.distance is not None
    assert torch.equal(model.distance(fit), values[:, 2])
    assert sum(p.numel() for p in plain.parameters()) == sum(p.numel() for p in model.parameters())


def test_statistics_need_an_even_width() -> None:
    """An odd width has no halves."""
    with pytest.raises(FeatureError, match="width is 7"):
        build("mstsm", {"preset": "claim"}, 7)


def test_center16_needs_16_segments() -> None:
    """A shorter bag has no 16 middle steps."""
    with pytest.raises(ParamsError, match="bag_segments >= 16"):
        build("mstsm", {"preset": "claim", "bag_segments": 15}, 8)


@pytest.mark.parametrize(("stride", "later", "earlier"), [(1, [0, 1, 2, 3], [2, 3, 4, 0]), (5, [0] * 4, [0] * 4)])
def test_shift_by_hand(stride: int, later: list[int], earlier: list[int]) -> None:
    """A first share of the channels adds the past, a second the future; zeros from outside."""
    values = torch.tensor([[[1.0, 2.0, 3.0, 4.0]] * 4])
    block = mstsm.ShiftBlock(4, 4, mstsm.Config(shift_stride=stride, n_div=4))
    shifted = block.shift(values)[0]
    own = torch.tensor([1.0, 2.0, 3.0, 4.0])

    assert (own + torch.tensor(later)).tolist() == shifted[0].tolist()
    assert (own + torch.tensor(earlier)).tolist() == shifted[1].tolist()
    assert [own.tolist()] * 2 == shifted[2:].tolist()


def test_targets() -> None:
    """Mean over time, the 16 middle steps (8 to 23 of 32), or all."""
    values = torch.arange(32.0).expand(1, 8, 32)

    assert 15.5 == made()._target(values)[0, 0].item()
    assert list(range(8, 24)) == made(decoder_target="center16")._target(values)[0, 0].tolist()
    assert list(range(32)) == made(decoder_target="full")._target(values)[0, 0].tolist()


def test_memory_reads_by_cosine() -> None:
    """Softmax of the cosines: without effect of lengths, sharper at lower temperature."""
    memory = mstsm.Memory(2, 2, 1.0)
    memory.slots.data = torch.tensor([[3.0, 0.0], [0.0, 0.5]])
    weights = memory(torch.tensor([[7.0, 0.0]]))[1][0]
    memory.temperature = 0.1
    sharp = memory(torch.tensor([[7.0, 0.0]]))[1][0]

    assert math.e / (math.e + 1) == pytest.approx(weights[0].item())
    assert math.exp(10) / (math.exp(10) + 1) == pytest.approx(sharp[0].item())


def test_frame_scores_use_the_video_path_on_each_step() -> None:
    """16 step scores for 32 segments; with all steps alike the step score is the video's."""
    model, features = made(), random_bags()
    scores = model.score(features)
    pooled = model(features).positions.mean(dim=1, keepdim=True)

    assert (4, 16) == tuple(scores.positions.shape)
    torch.testing.assert_close(scores.video[:, None], torch.sigmoid(model._read(pooled).logit))


def test_loss_is_put_together_as_stated() -> None:
    """Focal + .5 reconstruction + .01 mean of the Gram matrix, recomputed from the forward pass."""
    model, labels = made(), torch.tensor([0.0, 0.0, 1.0, 1.0])
    terms, out = model.loss(Bags(random_bags(), labels)), model(random_bags())
    entropy = functional.binary_cross_entropy_with_logits(out.read.logit, 0.9 * labels + 0.05, reduction="none")

    torch.testing.assert_close((0.85 * (1 - (-entropy).exp()) ** 2 * entropy).mean(), terms["focal"])
    torch.testing.assert_close(0.5 * ((out.reconstruction - out.target) ** 2).mean(), terms["reconstruction"])
    torch.testing.assert_close(0.01 * (out.read.latent @ out.read.latent.T).mean(), terms["memory"])


@pytest.mark.parametrize(
    ("term", "change"),
    [
        ("reconstruction", {"reconstruction_weight": 1.0}),
        ("memory", {"memory_weight": 0.02}),
    ],
)
def test_loss_weights_scale_their_term(term: str, change: dict[str, float]) -> None:
    """Doubling a weight doubles its term and no other."""
    batch = Bags(random_bags(), torch.tensor([0.0, 0.0, 1.0, 1.0]))
    plain, doubled = made().loss(batch), made(**change).loss(batch)

    assert 2.0 == pytest.approx((doubled[term] / plain[term]).item())
    assert all(torch.equal(plain[name], doubled[name]) for name in plain if name != term)


@pytest.mark.parametrize(
    "change",
    [{"focal_alpha": 0.5}, {"focal_gamma": 1.0}, {"label_smoothing": 0.0}, {"focal_alpha_mode": "balanced"}],
)
def test_focal_settings_change_the_focal_term(change: dict[str, Any]) -> None:
    """Each setting of the focal loss reaches it."""
    batch = Bags(random_bags(), torch.tensor([0.0, 0.0, 1.0, 1.0]))

    assert not torch.equal(made().loss(batch)["focal"], made(**change).loss(batch)["focal"])


@pytest.mark.parametrize(
    "change",
    [
        {"first_activation": "relu"},
        {"shift_stride": 5},
        {"n_div": 4},
        {"temporal_shift": False},
        {"temporal_attention": False},
        {"channel_weights": False},
        {"memory": False},
        {"residual_inside_act": True},
        {"memory_temperature": 0.1},
        {"memory_slots": 7},
        {"normalise_rows": True},
        {"inputs": "statistics"},
        {"score_fusion": True},
    ],
)
def test_every_switch_changes_the_scores(change: dict[str, Any]) -> None:
    """With the same seed, a switch that is thrown gives other scores."""
    features = random_bags()

    assert not torch.allclose(made().score(features).video, made(**change).score(features).video, atol=1e-9)


def test_residual_inside_the_activation_by_hand() -> None:
    """GELU(inner + x) against GELU(inner) + x."""
    values = random_bags(1, 8, 16).transpose(1, 2)
    inside, outside = (
        mstsm.ShiftBlock(16, 16, mstsm.Config(residual_inside_act=inside, temporal_attention=False)).eval()
        for inside in (True, False)
    )
    inside.load_state_dict(outside.state_dict())
    inner = outside.norm(outside.convolution(outside.shift(values)))

    torch.testing.assert_close(functional.gelu(inner + values), inside(values))
    torch.testing.assert_close(functional.gelu(inner) + values, outside(values))


def test_calibration_scales_by_the_validation_part() -> None:
    """On the part it was calibrated on, the fused score is that of scores and errors scaled to 0..1."""
    model, features = made(preset="claim"), random_bags(6)
    with torch.no_grad():
        model.calibrate(features)
    out = model(features)
    raw = np.stack(
        [
            torch.sigmoid(out.read.logit).detach(),
            ((out.reconstruction - out.target) ** 2).mean((1, 2)).detach(),
        ]
    )
    low, high = raw.min(axis=1, keepdims=True), raw.max(axis=1, keepdims=True)
    score, error = (raw - low) / (high - low + 1e-6)
    expected = (0.6 + 0.2 * error) * score + (0.4 - 0.2 * error) * error

    np.testing.assert_allclose(expected, model.score(features).video.detach(), atol=1e-4)


def test_fusion_never_falls_with_the_error() -> None:
    """Also beyond the range of the validation part, a larger error gives a larger score."""
    model = made(preset="claim")
    errors = torch.linspace(-2, 6, 50)
    fused = model._fuse(torch.stack([torch.full_like(errors, 0.3), errors], dim=1))

    assert (fused.diff() > 0).all()


def test_masks_and_noise_only_in_training() -> None:
    """In eval nothing changes; in training spans of all channels become zero."""
    augment = mstsm.MaskAndNoise(mstsm.Config(mask_probability=1.0, noise_probability=0.0))
    values = torch.ones(200, 3, 36)
    masked = augment.train()(values)
    zeros = (masked[:, 0] == 0).sum(dim=1)

    assert torch.equal(values, augment.eval()(values))
    assert torch.equal(masked[:, 0], masked[:, 2])
    assert 2 <= zeros.min()
    assert 6 < zeros.max() <= 12


@pytest.mark.parametrize(("probability", "share"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
def test_mask_probability_is_per_bag(probability: float, share: float) -> None:
    """That share of the bags has a mask."""
    torch.manual_seed(0)
    augment = mstsm.MaskAndNoise(mstsm.Config(mask_probability=probability, noise_probability=0.0)).train()
    masked = (augment(torch.ones(2000, 1, 32)) == 0).any(dim=2).float().mean()

    assert share == pytest.approx(masked.item(), abs=0.05)


def test_noise_has_the_given_size() -> None:
    """Sigma on that share of the bags, none on the others."""
    torch.manual_seed(0)
    config = mstsm.Config(mask_probability=0.0, noise_probability=0.7, noise_sigma=0.02)
    noise = mstsm.MaskAndNoise(config).train()(torch.zeros(2000, 3, 32))
    noisy = noise.flatten(1).any(dim=1)

    assert 0.7 == pytest.approx(noisy.float().mean().item(), abs=0.05)
    assert 0.02 == pytest.approx(noise[noisy].std().item(), rel=0.02)


def test_dropout_acts_in_training_only() -> None:
    """Two training passes differ by dropout alone, and are equal without it."""
    quiet = {"mask_probability": 0.0, "noise_probability": 0.0}
    noisy, still = made(**quiet).train(), made(**quiet, dropout=0.0).train()
    features = random_bags()

    assert not torch.equal(noisy(features).read.logit, noisy(features).read.logit)
    assert torch.equal(still(features).read.logit, still(features).read.logit)


@pytest.mark.parametrize(
    ("change", "values", "count"),
    [
        ({}, 159_347, 1_155_136),
        ({"temporal_shift": False}, 159_347, 1_155_136),
        ({"temporal_attention": False}, 154_129, 1_055_808),
        ({"channel_weights": False}, 150_995, 1_146_944),
        ({"memory": False}, 113_651, 1_096_768),
        ({"decoder": False, "score_fusion": False}, 113_987, 1_110_080),
    ],
)
def test_ablations_remove_their_part(change: dict[str, Any], values: int, count: int) -> None:
    """Parameters and multiply-adds of the claim's network fall by those of the part, by the widths of its layers."""
    model = build("mstsm", {"preset": "claim", **change}, 128)

    assert Parameters(values, values) == parameters(model)
    assert count == macs(model, torch.randn(1, 32, 128))


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"temporal_shift": False}, set()),
        ({"channel_weights": False}, set()),
        ({"memory": False}, {"memory"}),
        ({"decoder": False}, {"reconstruction"}),
        ({"memory": False, "decoder": False}, {"memory", "reconstruction"}),
    ],
)
def test_ablations_train(change: dict[str, Any], missing: set[str]) -> None:
    """The loss lacks the term of the part that is gone, and all that is left gets a gradient."""
    model = made(**change).train()
    terms = model.loss(Bags(random_bags(), torch.tensor([0.0, 0.0, 1.0, 1.0])))
    torch.stack(list(terms.values())).sum().backward()

    assert {"focal", "reconstruction", "memory"} - missing == set(terms)
    assert all(value.grad is not None and value.grad.any() for value in model.parameters() if value.ndim > 1)
    assert ("read_entropy" in made(**change).diagnose(random_bags())) != ("memory" in missing)


def test_blocks_without_shift_by_hand() -> None:
    """The convolution reads the values as they come."""
    values = random_bags(1, 8, 16).transpose(1, 2)
    block = mstsm.ShiftBlock(16, 16, mstsm.Config(temporal_shift=False, temporal_attention=False)).eval()

    torch.testing.assert_close(functional.gelu(block.norm(block.convolution(values))) + values, block(values))


def test_without_channel_weights_and_memory_the_scorer_reads_the_pooled_vector() -> None:
    """Nothing lies between the mean over time and the scorer."""
    model = made(channel_weights=False, memory=False)
    out = model(random_bags())

    torch.testing.assert_close(out.positions.mean(dim=1), out.read.mixed)


def test_weights_of_zero_leave_the_focal_term_alone() -> None:
    """The total is the focal loss, and the decoder is not trained."""
    model = made(reconstruction_weight=0.0, memory_weight=0.0)
    terms = model.loss(Bags(random_bags(), torch.tensor([0.0, 0.0, 1.0, 1.0])))
    total = torch.stack(list(terms.values())).sum()
    total.backward()

    assert total.item() == terms["focal"].item()
    assert not any(value.grad.any() for value in model.decoder.parameters())


def test_fusion_needs_the_decoder() -> None:
    """Preset claim mixes its error into the score, and says so."""
    with pytest.raises(ParamsError, match="without decoder set score_fusion: false"):
        build("mstsm", {"preset": "claim", "decoder": False}, 8)


def test_read_entropy_is_reported() -> None:
    """Between 0 and log(memory_slots), close to it for an untrained memory."""
    entropy = made().diagnose(random_bags())["read_entropy"]

    assert 0.95 * math.log(100) < entropy <= math.log(100) + 1e-5
