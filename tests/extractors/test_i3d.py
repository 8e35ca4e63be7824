"""I3D features: published sizes and names, TensorFlow's padding, the inflated 2D networks as oracles, crops."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from tests import videos
from vad.artefacts.files import sha256
from vad.errors import FeatureError
from vad.extractors.i3d import Config, Extractor
from vad.networks.i3d_inception import BRANCHES, EPSILON, Inception, Unit, own_name, same
from vad.networks.i3d_resnet import ResNet50
from vad.nn.exact import one_exact_thread

SMALL = {"weights": "random", "width": 44, "height": 40, "size": 32, "device": "cpu"}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One segment and 3 frames."""
    return videos.write_video(tmp_path_factory.mktemp("clips") / "clip.mp4", videos.scene(19))


def counted(build: type[nn.Module]) -> tuple[int, int]:
    """Parameters and multiply-adds for one crop of a segment."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = build().eval()
        network(torch.empty(1, 3, 16, 224, 224))
    return sum(value.numel() for value in network.parameters()), counter.get_total_flops() // 2


def trained(network: nn.Module, example: Tensor) -> dict[str, Tensor]:
    """Values as after training: batch norms that know the spread of their maps. Without counters, as published."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm3d):
            layer.momentum = None
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
    network.train()
    with one_exact_thread(), torch.inference_mode():
        network(example)
    network.eval()
    return {name: value for name, value in network.state_dict().items() if "tracked" not in name}


def inflated(flat: Tensor, like: Tensor) -> Tensor:
    """A 2D kernel in the middle frame of a 3D one, zeros around it: it sees single frames."""
    if flat.ndim < 4:
        return flat
    deep = torch.zeros_like(like)
    deep[:, :, deep.shape[2] // 2] = flat
    return deep


def test_counts_of_inception() -> None:
    """12,287,264 parameters and 27,787,569,152 multiply-adds to the average pool."""
    assert (12_287_264, 27_787_569_152) == counted(Inception)


def test_counts_of_resnet50() -> None:
    """Torchvision's 2D one, 4 more 7 x 7 kernels at the start, 2 more of the first convolution in 9 blocks."""
    flat = torchvision.models.resnet50()
    wider = [flat.layer1[0], flat.layer1[1], flat.layer1[2], flat.layer2[0], flat.layer2[2]]
    wider += [flat.layer3[0], flat.layer3[2], flat.layer3[4], flat.layer4[1]]
    expected = sum(value.numel() for name, value in flat.named_parameters() if not name.startswith("fc"))
    expected += 4 * flat.conv1.weight.numel() + 2 * sum(block.conv1.weight.numel() for block in wider)  # type: ignore[union-attr]

    assert expected == counted(ResNet50)[0]


def test_names_are_those_of_the_checkpoint() -> None:
    """Units of a stem and of the four branches; the first 7 x 7 x 7."""
    values = Inception().state_dict()

    assert (64, 3, 7, 7, 7) == values["Conv3d_1a_7x7.conv3d.weight"].shape
    assert (128, 96, 3, 3, 3) == values["Mixed_3b.b1b.conv3d.weight"].shape
    assert (32, 192, 1, 1, 1) == values["Mixed_3b.b3b.conv3d.weight"].shape
    assert {"Mixed_3b.b1a.bn.running_var", "Mixed_4f.b2a.bn.bias", "Mixed_5c.b0.conv3d.weight"} <= set(values)
    assert not any(name.endswith("conv3d.bias") for name in values)


def test_padding_is_same_with_the_odd_place_behind() -> None:
    """16 places under a window of 7 with stride 2: two before, three behind; else alike on both sides."""
    ones = torch.ones(1, 1, 16, 15, 4)
    padded = same(ones, (7, 3, 3), (2, 2, 1))[0, 0]

    assert (16 + 5, 15 + 2, 4 + 2) == padded.shape
    assert [0] * 2 + [1] * 16 + [0] * 3 == padded[:, 3, 3].tolist()
    assert [0] + [1] * 15 + [0] == padded[5, :, 3].tolist()
    assert [0] + [1] * 4 + [0] == padded[5, 3].tolist()


def test_flavours_differ_by_what_batch_norm_adds_to_the_variance() -> None:
    """By hand for a unit that doubles a constant map of variance .01: 2 / sqrt(.01 + epsilon)."""
    for flavour, epsilon in EPSILON.items():
        unit = Inception(flavour).Mixed_5c.b0
        torch.nn.init.constant_(unit.conv3d.weight, 2 / 832)
        torch.nn.init.constant_(unit.bn.running_var, 0.01)
        with torch.inference_mode():
            found = unit.eval()(torch.ones(1, 832, 1, 1, 1))

        assert torch.allclose(torch.tensor(2 / (0.01 + epsilon) ** 0.5), found)
        assert {epsilon} == {norm.eps for norm in Inception(flavour).modules() if isinstance(norm, nn.BatchNorm3d)}

    assert {"deepmind": 1e-3, "urdmu": 1e-5} == EPSILON


def test_names_of_the_other_conversion() -> None:
    """Of model_rgb.pth: the stem, a unit of each kind of branch, the classifier; own names stay."""
    names = {
        "conv3d_1a_7x7.conv3d.weight": "Conv3d_1a_7x7.conv3d.weight",
        "conv3d_2c_3x3.batch3d.running_mean": "Conv3d_2c_3x3.bn.running_mean",
        "mixed_3b.branch_0.conv3d.weight": "Mixed_3b.b0.conv3d.weight",
        "mixed_4f.branch_1.0.batch3d.bias": "Mixed_4f.b1a.bn.bias",
        "mixed_4f.branch_1.1.batch3d.weight": "Mixed_4f.b1b.bn.weight",
        "mixed_5c.branch_2.0.conv3d.weight": "Mixed_5c.b2a.conv3d.weight",
        "mixed_5c.branch_2.1.conv3d.weight": "Mixed_5c.b2b.conv3d.weight",
        "mixed_5c.branch_3.1.batch3d.running_var": "Mixed_5c.b3b.bn.running_var",
        "conv3d_0c_1x1.conv3d.bias": "logits.conv3d.bias",
    }

    assert names == {name: own_name(name) for name in names}
    assert [] == [name for name in Inception().state_dict() if own_name(name) != name]


def test_both_conversions_load(clip: Path, tmp_path: Path) -> None:
    """The same values under both forms of names give the same features; another flavour gives others."""
    values = trained(Inception(), torch.rand(1, 3, 16, 32, 32)) | {"logits.conv3d.weight": torch.ones(2)}
    theirs = {"conv3d_0c_1x1.conv3d.weight": torch.ones(2)}
    for name, value in values.items():
        other = name.replace("Mixed_", "mixed_").replace("Conv3d_", "conv3d_").replace(".bn.", ".batch3d.")
        for branch, unit in BRANCHES.items():
            other = other.replace(f".{unit}.", f".branch_{branch}.")
        theirs |= {} if name.startswith("logits") else {other: value}
    features = []
    for state, flavour in ((values, "deepmind"), (theirs, "deepmind"), (theirs, "urdmu")):
        torch.save(state, tmp_path / "i3d.pt")
        named = {"weights": str(tmp_path / "i3d.pt"), "weights_sha256": sha256(tmp_path / "i3d.pt")}
        made = Extractor(Config.model_validate({**SMALL, **named, "flavour": flavour})).extract(videos.source(clip))
        features.append(made.features)
        assert flavour == made.report["extractor"]["flavour"]

    assert set(theirs).isdisjoint(values)
    assert np.array_equal(features[0], features[1])
    assert not np.array_equal(features[1], features[2])


def test_a_strided_unit_sees_what_lies_behind_its_place() -> None:
    """Four places under a window of 3 with stride 2 are seen at 0 to 2 and 2 to 4, not at -1 to 1 and 1 to 3."""
    unit = Unit(1, 1, 3, 2).eval()
    torch.nn.init.ones_(unit.conv3d.weight)
    maps = torch.zeros(1, 1, 1, 1, 4)
    maps[..., 1] = 1
    maps[..., 2] = 10
    found = unit(maps)[0, 0, 0, 0]

    assert torch.allclose(torch.tensor([11.0, 10.0]), found * (1 + 1e-3) ** 0.5)


def test_inception_is_googlenet_for_single_frames() -> None:
    """With 2D kernels in the middle frame and a video that stands still, but for the padding of the first layer."""
    torch.manual_seed(1)
    flat = torchvision.models.googlenet(aux_logits=False, transform_input=False, init_weights=False).double().eval()
    flat.fc, flat.dropout = nn.Identity(), nn.Identity()  # type: ignore[assignment]
    flat.conv1.conv = nn.Conv2d(3, 64, 7, 2, bias=False).double()  # type: ignore[assignment]
    pictures = torch.rand(4, 3, 32, 32, dtype=torch.float64)
    padded = nn.functional.pad(pictures, (2, 3, 2, 3))
    values, network = trained(flat, padded), Inception().double().eval()
    names = (name for name in network.state_dict() if "tracked" not in name)
    pairs = zip(names, values.values(), strict=True)
    network.load_state_dict({n: inflated(v, network.state_dict()[n]) for n, v in pairs}, strict=False)
    with one_exact_thread(), torch.inference_mode():
        expected, found = flat(padded), network(pictures[:, :, None].expand(-1, -1, 4, -1, -1))

    assert expected.std(0).mean() > 0.05
    assert torch.allclose(expected, found, atol=1e-6)


def test_resnet50_is_the_2d_one_for_single_frames() -> None:
    """The same for the other network; its first maximum has no padding."""
    torch.manual_seed(1)
    flat = torchvision.models.resnet50().double().eval()
    flat.fc, flat.maxpool = nn.Identity(), nn.MaxPool2d(3, 2)  # type: ignore[assignment]
    pictures = torch.rand(4, 3, 32, 32, dtype=torch.float64)
    values, network = trained(flat, pictures), ResNet50().double().eval()
    like = network.state_dict()
    assert set(values) == {name for name in like if "tracked" not in name}
    network.load_state_dict({n: inflated(v, like[n]) for n, v in values.items()}, strict=False)
    with one_exact_thread(), torch.inference_mode():
        expected, found = flat(pictures), network(pictures[:, :, None].expand(-1, -1, 8, -1, -1))

    assert expected.std(0).mean() > 0.05
    assert torch.allclose(expected, found, atol=1e-6)


@pytest.mark.parametrize(("network", "dim", "head"), [("inception", 1024, "logits.conv3d"), ("resnet50", 2048, "fc")])
def test_a_published_file_loads(network: str, dim: int, head: str, clip: Path, tmp_path: Path) -> None:
    """Its classifier is left out, counters of batch norms may be missing; segments and crops are axes."""
    body = {"inception": Inception, "resnet50": ResNet50}[network]()
    values = trained(body, torch.rand(1, 3, 16, 32, 32)) | {
        f"{head}.weight": torch.ones(2),
        f"{head}.bias": torch.ones(2),
    }
    torch.save(values, tmp_path / "i3d.pt")
    named = {"weights": str(tmp_path / "i3d.pt"), "weights_sha256": sha256(tmp_path / "i3d.pt")}
    one, five = (
        Extractor(Config.model_validate({**SMALL, **named, "network": network, "crops": crops})).extract(
            videos.source(clip)
        )
        for crops in (1, 5)
    )

    assert ((2, dim), (2, 5, dim)) == (one.features.shape, five.features.shape)
    assert dim == one.dim == five.dim
    assert [0, 16, 19] == one.bounds.tolist()
    assert np.array_equal(one.features, five.features[:, 0])
    assert not np.array_equal(five.features[:, 0], five.features[:, 1])
    assert "file" == one.report["extractor"]["weights"]


def test_ten_crops_are_five_and_their_mirror_images(clip: Path) -> None:
    """Equal bytes for equal settings; the report names crops and random weights."""
    ten, again = (
        Extractor(Config.model_validate({**SMALL, "crops": 10})).extract(videos.source(clip)) for _ in range(2)
    )

    assert (2, 10, 1024) == ten.features.shape
    assert np.array_equal(ten.features, again.features)
    assert not np.array_equal(ten.features[:, 0], ten.features[:, 5])
    assert ["centre", "centre, mirrored"] == ten.report["extractor"]["crops"][::5]
    assert "random" == ten.report["extractor"]["weights"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 300}, "cannot be cut out of 340 x 256"),
        ({"network": "resnet50"}, "'kinetics' is none of random"),
        ({"weights": "i3d.pt"}, "needs its weights_sha256"),
        ({"weights": "random", "network": "resnet50", "flavour": "urdmu"}, "is one of network inception"),
    ],
)
def test_settings_without_sense_are_refused(settings: dict[str, object], message: str) -> None:
    """Before anything runs; nothing is published for resnet50 in this form."""
    with pytest.raises(ValueError, match=message):
        Config.model_validate(settings)


def test_a_wrong_file_is_refused(clip: Path, tmp_path: Path) -> None:
    """Another sha256, no file, another network: each error says which names fit."""
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "i3d.pt")
    right = sha256(tmp_path / "i3d.pt")
    cases = [
        ("i3d.pt", "0" * 64, "expected 000"),
        ("none.pt", "0" * 64, "No such file"),
        ("i3d.pt", right, "Missing key"),
    ]
    for name, digits, message in cases:
        with pytest.raises(FeatureError, match=f"(?s){message}.*rgb_imagenet.pt fit, and"):
            Extractor(Config(weights=str(tmp_path / name), weights_sha256=digits)).extract(videos.source(clip))
