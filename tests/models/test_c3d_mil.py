"""C3D-MIL: the loss from its definition, each switch, and what it reaches on real features."""

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from tests.project import REAL_DATA
from vad.engine.build import build
from vad.engine.parts import Part
from vad.engine.train import train
from vad.models import c3d_mil
from vad.models._base import Bags
from vad.schema.train import Train

REAL = REAL_DATA / "ucf_crime_c3d/ucf_c3d_dev.npz"

LABELS = torch.tensor([0.0, 1.0, 0.0, 1.0])


def random_bags() -> torch.Tensor:
    """Four bags of six segments."""
    return torch.randn(4, 6, 5, generator=torch.Generator().manual_seed(0))


def made(**args: Any) -> c3d_mil.Model:
    """A small model in eval mode, always from the same seed."""
    return build("c3d_mil", {"bag_segments": 6, **args}, 5).eval()


def test_loss_from_its_definition() -> None:
    """Written out as loops over normal videos, anomalous videos and segments."""
    model = made()
    scores = model(random_bags()).tolist()
    normal, anomalous = [max(scores[0]), max(scores[2])], [max(scores[1]), max(scores[3])]
    ranking = sum(max(0, 1 - a + n) for n in normal for a in anomalous) / 2
    smooth = sum((b - a) ** 2 for bag in (scores[1], scores[3]) for a, b in pairwise(bag))
    size = sum(float((value**2).sum()) for key, value in model.state_dict().items() if key.endswith("weight"))
    terms = {key: value.item() for key, value in model.loss(Bags(random_bags(), LABELS)).items()}

    assert {
        "ranking": pytest.approx(ranking),
        "smoothness": pytest.approx(8e-5 * smooth),
        "sparsity": pytest.approx(8e-5 * (sum(scores[1]) + sum(scores[3]))),
        "weights": pytest.approx(0.001 * size),
    } == terms


def test_loss_of_the_re_implementation_from_its_definition() -> None:
    """Over pairs: the mean of hinge and both weighted sums over segments; lengths of the layers with biases."""
    model = made(hinge="paired", regularisation_reduction="mean", weight_norm="length")
    torch.nn.init.constant_(model.middle.bias, 0.5)
    scores = model(random_bags()).tolist()
    each = [
        (max(0, 1 - max(a) + max(n)), 8e-5 * sum((y - x) ** 2 for x, y in pairwise(a)), 8e-5 * sum(a))
        for n, a in ((scores[0], scores[1]), (scores[2], scores[3]))
    ]
    layers = [torch.cat([value.flatten() for value in layer.parameters()]).detach() for layer in model._layers()]
    terms = {key: value.item() for key, value in model.loss(Bags(random_bags(), LABELS)).items()}

    assert {
        "ranking": pytest.approx(np.mean([pair[0] for pair in each])),
        "smoothness": pytest.approx(np.mean([pair[1] for pair in each])),
        "sparsity": pytest.approx(np.mean([pair[2] for pair in each])),
        "weights": pytest.approx(0.001 * sum(float(np.linalg.norm(layer)) for layer in layers)),
    } == terms


def test_order_of_a_batch_has_no_meaning() -> None:
    """Labels travel with bags; shuffling both changes nothing."""
    model, order = made(), torch.tensor([3, 0, 2, 1])
    plain = model.loss(Bags(random_bags(), LABELS))
    shuffled = model.loss(Bags(random_bags()[order], LABELS[order]))

    torch.testing.assert_close(plain, shuffled)


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"hinge": "paired"}, {"ranking"}),
        ({"margin": 2.0}, {"ranking"}),
        ({"regularisation_reduction": "mean"}, {"smoothness", "sparsity"}),
        ({"smoothness_weight": 1.0}, {"smoothness"}),
        ({"sparsity_weight": 1.0}, {"sparsity"}),
        ({"weight_regularisation": 1.0}, {"weights"}),
        ({"weight_norm": "length"}, {"weights"}),
        ({"middle_activation": "relu"}, {"ranking", "smoothness", "sparsity"}),
        ({"normalise_rows": False}, {"ranking", "smoothness", "sparsity"}),
    ],
)
def test_every_switch_changes_its_terms(change: dict[str, Any], changed: set[str]) -> None:
    """A switch changes the terms that it is about, and no other."""
    batch = Bags(random_bags(), LABELS)
    plain, switched = made().loss(batch), made(**change).loss(batch)

    assert changed == {name for name in plain if not torch.allclose(plain[name], switched[name], atol=0)}


def test_rows_are_scaled_to_length_one() -> None:
    """The length of a row has no effect unless switched off."""
    features = random_bags()

    torch.testing.assert_close(made()(features), made()(90 * features))
    assert not torch.allclose(made(normalise_rows=False)(features), made(normalise_rows=False)(90 * features))


def test_widths_are_settings() -> None:
    """Hidden and middle width set the layers."""
    model = made(hidden_width=7, middle_width=3)

    assert [(7, 5), (3, 7), (1, 3)] == [tuple(layer.weight.shape) for layer in model._layers()]


def test_dropout_acts_in_training_only() -> None:
    """Training passes differ by dropout, and are equal without it."""
    noisy, still = made().train(), made(dropout=0.0).train()

    assert not torch.equal(noisy(random_bags()), noisy(random_bags()))
    assert torch.equal(still(random_bags()), still(random_bags()))


def test_settings_survive_json() -> None:
    """The stored settings rebuild the same Config."""
    config = c3d_mil.Config(hinge="paired", weight_regularisation=0.0)

    assert config == c3d_mil.Config.model_validate(json.loads(config.model_dump_json()))


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_file(), reason="the C3D features of 244 UCF-Crime videos are not beside the checkout")
def test_ranks_real_videos() -> None:
    """Published settings, 25 steps on four fifths of 244 official train videos: video_auc on the rest."""
    with np.load(REAL, allow_pickle=False) as pack:
        names, features = pack["names"], pack["feat"].astype(np.float32)
    labels = [int("Normal" not in name) for name in names]
    parts = [Part([features[i] for i in rows], [labels[i] for i in rows]) for rows in np.split(_order(names), [195])]
    plan = Train(optimiser="adagrad", lr=0.01, epochs=5, steps_per_epoch=5, batch=30, select_by="last")
    history = train(build("c3d_mil", {}, 4096), parts[0], parts[1], plan, 0).history

    assert history[-1]["video_auc"] > 0.8


def _order(names: np.ndarray) -> np.ndarray:
    """A fixed random order, without one of two names of the same video."""
    order = np.random.default_rng(0).permutation(len(names))
    return order[names[order] != "Robbery138_x264"]
