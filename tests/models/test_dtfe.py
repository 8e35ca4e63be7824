"""STPVAD's token encoder: size and cost, attention that leaves tokens out, predictors, and what is dropped."""

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from vad.cost.count import parameters
from vad.models import _dtfe as dtfe

EIGHT = {"tubelet_frames": 8}
OFF = {"prune_before": [], "token_ratio": []}
FALLING = {"token_ratio": [0.7, 0.5, 0.3]}
SMOKE = {
    **{"embed": 96, "depth": 3, "heads": 3, "prune_before": [1], "tubelet_frames": 4},
    **{"image_height": 64, "image_width": 64},
}
TINY = {
    **{"clip_frames": 4, "image_height": 32, "image_width": 48, "tubelet_frames": 2},
    **{"embed": 12, "heads": 2, "depth": 3, "prune_before": [1, 2], "token_ratio": [0.7, 0.4]},
}


def made(**settings: Any) -> dtfe.TokenEncoder:
    """A tiny encoder in eval mode, always from the same seed: 2 tubelets of 2 x 3 tokens."""
    torch.manual_seed(0)
    return dtfe.TokenEncoder(dtfe.Encoder.model_validate(TINY | settings)).eval()


def video(clips: int = 2) -> Tensor:
    """Coloured noise for the tiny encoder."""
    return torch.rand(clips, 3, 4, 32, 48, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("settings", "values", "count"),
    [
        ({}, 90_696_006, 50_999_132_160),
        (FALLING, 90_696_006, 31_053_778_944),
        (OFF, 87_810_816, 49_526_341_632),
        (EIGHT, 97_483_590, 12_749_783_040),
        (EIGHT | FALLING, 97_483_590, 7_940_779_008),
        (EIGHT | OFF, 94_598_400, 12_381_585_408),
        ({"image_height": 240, "image_width": 320}, 92_145_990, None),
        (SMOKE | {"token_ratio": [1.0]}, 950_234, 62_303_232),
        (SMOKE | {"token_ratio": [0.5]}, 950_234, 44_608_512),
    ],
)
def test_counts(settings: dict[str, Any], values: int, count: int | None) -> None:
    """Parameters and multiply-adds of every published size and of the small preset."""
    config = dtfe.Encoder.model_validate(settings)
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        encoder = dtfe.TokenEncoder(config).eval()
        encoder(torch.empty(1, 3, 16, config.image_height, config.image_width))

    assert values == parameters(encoder).total
    assert count in (None, counter.get_total_flops() // 2)


def test_masked_softmax_by_hand() -> None:
    """Token 1 is dropped: the others do not read it, it reads itself and what is kept."""
    likeness = torch.tensor([[1.0, 2.0, 3.0], [0.5, 0.0, 1.0], [0.0, 4.0, 0.0]])
    weights = dtfe.masked_softmax(likeness[None, None], torch.tensor([[1.0, 0.0, 1.0]]))[0, 0].numpy()
    e = np.exp
    expected = np.array(
        [[e(1), 0, e(3)], [e(0.5), e(0.0), e(1)], [e(0.0), 0, e(0.0)]],
    )

    np.testing.assert_allclose(expected / expected.sum(axis=1, keepdims=True), weights, atol=2e-5)


def test_masking_equals_removal() -> None:
    """Kept tokens get the same values whether the others are masked or not there at all."""
    block, values = made().blocks[0], torch.randn(1, 6, 12)
    kept = [0, 2, 3, 5]
    keep = torch.zeros(1, 6).index_fill(1, torch.tensor(kept), 1.0)

    torch.testing.assert_close(block(values[:, kept], None), block(values, keep)[:, kept], atol=1e-4, rtol=1e-4)


def test_predictor_by_hand() -> None:
    """A third is the token's own, a third its tubelet's mean, a third the clip's, over kept tokens."""
    torch.manual_seed(0)
    predictor, values = dtfe.Predictor(12, 2), torch.randn(1, 6, 12)
    keep = torch.tensor([[1.0, 0.0, 1.0, 1.0, 1.0, 0.0]])
    embedded = predictor.embed(values)[0]
    rows = []
    for token in range(6):
        same = [i for i in range(6) if i // 3 == token // 3 and keep[0, i]]
        every = [i for i in range(6) if keep[0, i]]
        rows.append(torch.cat([embedded[token, :4], embedded[same, 4:8].mean(dim=0), embedded[every, 8:].mean(dim=0)]))
    expected = predictor.judge(torch.stack(rows))

    torch.testing.assert_close(expected, predictor(values, keep)[0])
    torch.testing.assert_close(torch.ones(6), predictor(values, keep)[0].exp().sum(dim=-1))


def test_prune_by_hand() -> None:
    """The two best of each tubelet stay, in the order of their places, vectors with them."""
    values = torch.arange(6.0)[None, :, None].expand(1, 6, 12)
    index = torch.tensor([[10, 11, 12, 20, 21, 22]])
    judged = torch.tensor([[-3.0, -1.0, -2.0, -1.0, -5.0, -0.5]])
    kept, places = made().prune(values, index, judged, 2)

    assert [[11, 12, 20, 22]] == places.tolist()
    assert [1.0, 2.0, 3.0, 5.0] == kept[0, :, 0].tolist()


@pytest.mark.parametrize(
    ("settings", "per_tubelet"),
    [({}, 2), ({"token_ratio": [0.5, 0.5]}, 3), ({"token_ratio": [0.34, 0.01]}, 1), ({"token_ratio": [1.0, 1.0]}, 6)],
)
def test_ratios_keep_so_many_of_each_tubelet(settings: dict[str, Any], per_tubelet: int) -> None:
    """int(6 x ratio) of 6, at least one, of every tubelet of every clip; places rise and are not repeated."""
    tokens = made(**settings)(video())
    tubelets = tokens.preserve_index // 6

    assert (2, 2 * per_tubelet, 2 * 16 * 16 * 3) == tuple(tokens.vectors.shape)
    assert [[0] * per_tubelet + [1] * per_tubelet] * 2 == tubelets.tolist()
    assert (tokens.preserve_index.diff(dim=1) > 0).all()
    assert [] == tokens.keeps


def test_ratio_of_one_drops_nothing() -> None:
    """The same vectors as of the encoder without predictors."""
    full, off = made(token_ratio=[1.0, 1.0]), made(**OFF)
    off.load_state_dict({k: v for k, v in full.state_dict().items() if not k.startswith("predictors")})

    torch.testing.assert_close(full(video()).vectors, off(video()).vectors)


def test_training_masks_and_keeps_every_place() -> None:
    """All tokens come out; a token that was dropped once stays dropped; the draw follows torch's seed."""
    encoder = made().train()
    torch.manual_seed(3)
    tokens = encoder(video(8))
    torch.manual_seed(3)
    again = encoder(video(8))
    first, second = tokens.keeps

    assert (8, 12) == tuple(tokens.vectors.shape[:2]) == tuple(first.shape)
    assert {0.0, 1.0} == set(first.round(decimals=5).flatten().tolist())
    assert (second <= first).all()
    assert 0 < second.sum() < first.sum() < first.numel()
    assert torch.equal(tokens.vectors, again.vectors)


def test_evaluation_draws_nothing() -> None:
    """Another seed changes nothing in eval mode, and clips do not mix."""
    encoder = made()
    torch.manual_seed(1)
    first = encoder(video())
    torch.manual_seed(2)
    again = encoder(video()[1:])

    torch.testing.assert_close(first.vectors[1:], again.vectors)
    assert torch.equal(first.preserve_index[1:], again.preserve_index)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"clip_frames": 5}, "no multiple of tubelet_frames"),
        ({"embed": 14}, "no multiple of 3 and of heads"),
        ({"prune_before": [2, 1]}, "rising order"),
        ({"prune_before": [1, 3]}, "blocks 0 to 2"),
        ({"token_ratio": [0.5]}, "one number for each place"),
        ({"token_ratio": [0.5, 0.7]}, "none above the one before"),
        ({"token_ratio": [1.0, 0.0]}, "between 0 and 1"),
    ],
)
def test_settings_that_do_not_fit(settings: dict[str, Any], words: str) -> None:
    """Each is refused by its words."""
    with pytest.raises(ValidationError, match=words):
        made(**settings)


def test_linear_layers_start_as_released() -> None:
    """A spread of .02 and biases 0; the embedding, a convolution, as torch makes it."""
    encoder = dtfe.TokenEncoder(dtfe.Encoder(depth=2, prune_before=[1], token_ratio=[1.0], embed=96, heads=3))
    layers = [layer for layer in encoder.modules() if isinstance(layer, nn.Linear)]

    assert 2 * 4 + 4 + 1 == len(layers)
    assert all(0.018 < layer.weight.std() < 0.022 for layer in layers if layer.weight.numel() > 1000)
    assert all(layer.bias.abs().max() == 0 for layer in layers)
    assert encoder.embed.bias is not None
    assert encoder.embed.bias.abs().max() > 0


@pytest.mark.parametrize(("patch", "grid"), [(8, (2, 4, 6)), (16, (2, 2, 3)), (4, (2, 8, 12))])
def test_patches_of_any_size_cover_the_picture(patch: int, grid: tuple[int, int, int]) -> None:
    """Each token is the values of its own pixels and no others, in rows and columns of a picture that is not square."""
    encoder = made(patch_size=patch, prune_before=[], token_ratio=[])
    with torch.no_grad():
        plain, changed = video(1), video(1)
        changed[:, :, 2:, patch : 2 * patch, 2 * patch : 3 * patch] += 1
        moved = (encoder.embed(changed) - encoder.embed(plain)).abs().sum(dim=1)[0]

    assert grid == encoder.config.grid
    assert (2 * patch * patch * 3, grid[0] * grid[1] * grid[2]) == (
        encoder(plain).vectors.shape[2],
        encoder(plain).vectors.shape[1],
    )
    assert [[1, 1, 2]] == moved.nonzero().tolist()


def test_patches_must_fill_the_picture() -> None:
    """A rest would not be seen."""
    with pytest.raises(ValidationError, match="image_height 32 and image_width 48 must be multiples of patch_size 12"):
        made(patch_size=12)
