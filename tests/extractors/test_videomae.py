"""VideoMAE V2 features: the published size and names, fixed positions, torch's own encoder as an oracle."""

from math import cos, sin
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from tests import videos
from vad.artefacts.files import sha256
from vad.errors import FeatureError
from vad.extractors.videomae import Config, Extractor
from vad.networks.videomae import EPSILON, Block, Shape, VisionTransformer, positions

SIZES = {"width": 24, "depth": 2, "heads": 3, "mlp": 40, "patch": 14, "size": 28}
SMALL = {**SIZES, "weights": "random", "device": "cpu"}
SHAPE = Shape(24, 2, 3, 40, 14)
ENDS = ("weight", "bias")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One segment and 3 frames."""
    return videos.write_video(tmp_path_factory.mktemp("clips") / "clip.mp4", videos.scene(19))


def shaken(network: nn.Module) -> dict[str, Tensor]:
    """Values as after training: no norm or bias is left at nought or one."""
    torch.manual_seed(3)
    with torch.no_grad():
        for value in network.parameters():
            value.add_(torch.randn_like(value) / 5)
    return dict(network.state_dict())


@pytest.mark.parametrize(
    ("preset", "tokens", "dim", "params", "macs"),
    [
        ("g", 2048, 1408, 1_011_610_752, 2_542_790_508_544),
        ("b", 1568, 768, 86_227_200, 180_344_586_240),
        ("s", 1568, 384, 21_879_936, 56_877_907_968),
    ],
)
def test_counts(preset: str, tokens: int, dim: int, params: int, macs: int) -> None:
    """The published parameters and multiply-adds of the giant one; the smaller ones' by their sizes."""
    config = Config.model_validate({"preset": preset, "weights": "random"})
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = VisionTransformer(config.shape).eval()
        vectors = network(torch.empty(1, 3, 16, 224, 224))

    assert params == sum(value.numel() for value in network.parameters())
    assert macs == counter.get_total_flops() // 2
    assert ((tokens, dim), (1, dim)) == (network.positions.shape, vectors.shape)
    assert dim == Extractor(config).dim


@pytest.mark.parametrize(("preset", "width", "depth", "mlp"), [("g", 1408, 40, 6144), ("b", 768, 12, 3072)])
def test_parameters_are_those_of_the_paper_by_hand(preset: str, width: int, depth: int, mlp: int) -> None:
    """Patches, depth times (attention, linear layers, two norms), the last norm."""
    shape = Config.model_validate({"preset": preset, "weights": "random"}).shape
    block = 4 * width**2 + 3 * width + 2 * width * mlp + mlp + width + 4 * width
    with torch.device("meta"):
        found = sum(value.numel() for value in VisionTransformer(shape).parameters())

    assert (3 * 2 * shape.patch**2 + 1) * width + depth * block + 2 * width == found


def test_names_are_those_of_the_checkpoint() -> None:
    """All of them, for one block; positions are fixed, so no file has them."""
    block = {f"{part}.{end}" for part in ("norm1", "norm2", "attn.proj", "mlp.fc1", "mlp.fc2") for end in ENDS}
    block |= {"attn.q_bias", "attn.v_bias", "attn.qkv.weight"}
    rest = {"patch_embed.proj.weight", "patch_embed.proj.bias", "fc_norm.weight", "fc_norm.bias"}

    assert {f"blocks.0.{name}" for name in block} | rest == set(VisionTransformer(SHAPE._replace(depth=1)).state_dict())


def test_positions_by_hand() -> None:
    """Sine and cosine in turns; a pair of columns has one speed, 1 / 100 in the middle of four columns."""
    expected = [[sin(k), cos(k), sin(k / 100), cos(k / 100)] for k in range(3)]

    assert torch.allclose(torch.tensor(expected), positions(3, 4))


def test_a_block_is_torchs_encoder_layer() -> None:
    """With norms in front, GELU, and no bias of the keys."""
    block = Block(SHAPE).eval()
    values = shaken(block)
    bias = torch.cat([values["attn.q_bias"], torch.zeros(24), values["attn.v_bias"]])
    oracle = nn.TransformerEncoderLayer(24, 3, 40, 0.0, nn.GELU(), EPSILON, batch_first=True, norm_first=True)
    names = {"norm1": "norm1", "norm2": "norm2", "attn.proj": "self_attn.out_proj", "mlp.fc1": "linear1"}
    names |= {"mlp.fc2": "linear2"}
    renamed = {f"{new}.{end}": values[f"{old}.{end}"] for old, new in names.items() for end in ENDS}
    renamed |= {"self_attn.in_proj_weight": values["attn.qkv.weight"], "self_attn.in_proj_bias": bias}
    oracle.load_state_dict(renamed)
    tokens = torch.randn(2, 5, 24)

    assert torch.allclose(oracle(tokens), block(tokens), atol=1e-5)


def test_tokens_lie_in_the_order_of_time_height_width() -> None:
    """The position is added to the token of its two frames and its patch: without blocks, the mean of both."""
    network = VisionTransformer(SHAPE._replace(depth=0), 4, 28).eval()
    clip = torch.rand(1, 3, 4, 28, 28)
    weight, bias = (network.state_dict()[f"patch_embed.proj.{end}"] for end in ENDS)
    cubes = [
        clip[0, :, time : time + 2, top : top + 14, left : left + 14]
        for time in (0, 2)
        for top in (0, 14)
        for left in (0, 14)
    ]
    tokens = torch.stack([(weight * cube).sum((1, 2, 3, 4)) + bias for cube in cubes]) + positions(8, 24)
    expected = nn.functional.layer_norm(tokens.mean(0), (24,), eps=EPSILON)

    assert torch.allclose(expected, network(clip)[0], atol=1e-5)


def test_rows_are_segments(clip: Path) -> None:
    """A row per 16 frames, the last filled up; equal bytes for equal settings; the report names random weights."""
    file, again = (Extractor(Config.model_validate(SMALL)).extract(videos.source(clip)) for _ in range(2))
    normalised = Extractor(Config.model_validate({**SMALL, "normalise": "imagenet"})).extract(videos.source(clip))

    assert (2, 24) == file.features.shape
    assert [0, 16, 19] == file.bounds.tolist()
    assert np.array_equal(file.features, again.features)
    assert not np.allclose(file.features, normalised.features, atol=1e-3)
    assert ("random", "none") == tuple(file.report["extractor"][key] for key in ("weights", "normalisation"))


def test_a_published_file_loads(clip: Path, tmp_path: Path) -> None:
    """In its wrapper, without its classifier; rows are those of the values in it."""
    body = VisionTransformer(SHAPE, 16, 28).eval()
    values = shaken(body) | {"head.weight": torch.ones(710, 24), "head.bias": torch.ones(710)}
    torch.save({"module": values}, tmp_path / "vit.pth")
    named = {"weights": str(tmp_path / "vit.pth"), "weights_sha256": sha256(tmp_path / "vit.pth")}
    extractor = Extractor(Config.model_validate({**SMALL, **named}))
    file = extractor.extract(videos.source(clip))
    still = torch.full((1, 16, 28, 28, 3), 51, dtype=torch.uint8)
    with torch.inference_mode():
        expected = body(torch.full((1, 3, 16, 28, 28), 0.2)).numpy()

    assert ("file", named["weights_sha256"]) == tuple(
        file.report["extractor"][key] for key in ("weights", "weights_sha256")
    )
    assert np.allclose(expected, extractor.network(still), atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "Field required"),
        ({"weights": "kinetics"}, "'kinetics' is none of random"),
        ({"weights": "vit.pth", "preset": "s"}, "needs its weights_sha256"),
        ({"weights": "random", "size": 225}, "multiple of patch"),
        ({"weights": "random", "heads": 3}, "multiple of heads"),
    ],
)
def test_settings_without_sense_are_refused(settings: dict[str, object], message: str) -> None:
    """Before anything runs; the giant one's weights are published under no address."""
    with pytest.raises(ValueError, match=message):
        Config.model_validate(settings)


def test_a_wrong_file_is_refused(clip: Path, tmp_path: Path) -> None:
    """Another sha256, no file, another size: each error says which names fit."""
    torch.save(VisionTransformer(SHAPE, 16, 28).state_dict(), tmp_path / "vit.pth")
    right = sha256(tmp_path / "vit.pth")
    cases = [
        ({}, "vit.pth", "0" * 64, "expected 000"),
        ({}, "none.pth", right, "No such file"),
        ({"mlp": 41}, "vit.pth", right, "size mismatch"),
    ]
    for sizes, name, digits, message in cases:
        config = {**SMALL, **sizes, "weights": str(tmp_path / name), "weights_sha256": digits}
        with pytest.raises(FeatureError, match=f"(?s)extractor videomae.*{message}.*distilled files fit"):
            Extractor(Config.model_validate(config)).extract(videos.source(clip))
