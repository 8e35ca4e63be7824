"""DeepMIL: size, the loss from its definition, and each switch."""

from itertools import pairwise
from typing import Any

import pytest
import torch

from vad.cost.count import Parameters, macs, parameters
from vad.engine.build import build
from vad.models import deepmil
from vad.models._base import Bags

LABELS = torch.tensor([0.0, 1.0, 0.0, 1.0])


def random_bags() -> torch.Tensor:
    """Four bags of six segments."""
    return torch.randn(4, 6, 5, generator=torch.Generator().manual_seed(0))


def made(**args: Any) -> deepmil.Model:
    """A small model in eval mode, always from the same seed."""
    return build("deepmil", {"bag_segments": 6, **args}, 5).eval()


def test_counts() -> None:
    """541,249 parameters and 17.3 M multiply-adds at 32 x 1024."""
    model = build("deepmil", {}, 1024)

    assert Parameters(541_249, 541_249) == parameters(model)
    assert 17_302_528 == macs(model, torch.randn(1, 32, 1024))


def test_loss_from_its_definition() -> None:
    """The i-th normal meets the i-th anomalous bag; sums inside a bag, means over bags."""
    model = made()
    scores = model(random_bags()).tolist()
    normal, anomalous = [max(scores[0]), max(scores[2])], [max(scores[1]), max(scores[3])]
    ranking = sum(max(0, 1 - a + n) for n, a in zip(normal, anomalous, strict=True)) / 2
    smooth = sum((b - a) ** 2 for bag in (scores[1], scores[3]) for a, b in pairwise(bag)) / 2
    terms = {key: value.item() for key, value in model.loss(Bags(random_bags(), LABELS)).items()}

    assert {
        "ranking": pytest.approx(ranking),
        "smoothness": pytest.approx(8e-5 * smooth),
        "sparsity": pytest.approx(8e-5 * (sum(scores[1]) + sum(scores[3])) / 2),
    } == terms


def test_middle_layer_has_a_relu() -> None:
    """Unlike the 2018 original: with no positive middle unit only the last bias is left."""
    model = made()
    for parameter in model.layers[3].parameters():
        torch.nn.init.constant_(parameter, -1.0)

    assert torch.equal(torch.full((4, 6), 0.5), model(random_bags()))


@pytest.mark.parametrize(("released", "dropped"), [(False, False), (True, True)])
def test_dropout_after_the_sigmoid(released: bool, dropped: bool) -> None:
    """The quirk zeroes whole segment scores, in training only, and is off by default."""
    model = made(dropout_after_sigmoid=released)

    assert dropped == bool((model.train()(random_bags()) == 0).any())
    assert not (model.eval()(random_bags()) == 0).any()
    assert not deepmil.Config().dropout_after_sigmoid


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"margin": 2.0}, {"ranking"}),
        ({"smoothness_weight": 1.0}, {"smoothness"}),
        ({"sparsity_weight": 1.0}, {"sparsity"}),
        ({"normalise_rows": True}, {"ranking", "smoothness", "sparsity"}),
    ],
)
def test_every_switch_changes_its_terms(change: dict[str, Any], changed: set[str]) -> None:
    """A switch changes the terms that it is about, and no other."""
    batch = Bags(random_bags(), LABELS)
    plain, switched = made().loss(batch), made(**change).loss(batch)

    assert changed == {name for name in plain if not torch.allclose(plain[name], switched[name], atol=0)}
