"""RTFM: size, parts by hand, the loss from its definition."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from vad.cost.count import Parameters, macs, parameters
from vad.engine.build import build
from vad.models import rtfm
from vad.models._base import Bags

LABELS = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0])
SMALL = {"bag_segments": 6, "branch_width": 4, "context_width": 3, "hidden_width": 6, "middle_width": 4}


def random_bags(segments: int = 6) -> torch.Tensor:
    """Five bags of five channels."""
    return torch.randn(5, segments, 5, generator=torch.Generator().manual_seed(0))


def made(**args: Any) -> rtfm.Model:
    """A small model in eval mode with its non-local branch open, always from the same seed."""
    model = build("rtfm", {**SMALL, **args}, 5).eval()
    nn.init.constant_(model.context.whole[2].norm.weight, 0.5)
    return model


def test_counts() -> None:
    """24,718,849 parameters and 791 M multiply-adds per crop at 32 x 2048."""
    model = build("rtfm", {}, 2048)

    assert Parameters(24_718_849, 24_718_849) == parameters(model)
    assert 791_154_688 == macs(model, torch.randn(1, 32, 2048))


def test_non_local_starts_as_the_identity() -> None:
    """The scale of what is added is 0 before training."""
    block, values = rtfm.NonLocal(5, 3).eval(), random_bags().transpose(1, 2)

    assert torch.equal(values, block(values))


@pytest.mark.parametrize("steps", [2, 6])
def test_non_local_by_hand(steps: int) -> None:
    """Sum over steps of (query . key) / steps times value, in either order of the product."""
    block, values = rtfm.NonLocal(5, 3).eval(), random_bags(steps)[0]
    nn.init.constant_(block.norm.weight, 2.0)
    query, key, value = (
        values @ layer.weight[:, :, 0].T + layer.bias for layer in (block.query, block.key, block.value)
    )
    read = torch.stack([sum((q @ k) * v for k, v in zip(key, value, strict=True)) / steps for q in query])
    out = 2 * (read @ block.out.weight[:, :, 0].T + block.out.bias) / (1 + 1e-5) ** 0.5

    torch.testing.assert_close(values + out, block(values.T[None])[0].T)


def test_branches_see_one_two_and_four_steps_far() -> None:
    """An impulse at step 10 reaches the steps that each dilation says."""
    impulse = torch.zeros(1, 1, 21)
    impulse[0, 0, 10] = 1
    reached = []
    for branch in rtfm.TemporalContext(1, 1, 1).dilated:
        nn.init.ones_(branch[0].weight)
        nn.init.zeros_(branch[0].bias)
        reached.append(torch.nonzero(branch.eval()(impulse)[0, 0]).flatten().tolist())

    assert [[9, 10, 11], [8, 10, 12], [6, 10, 14]] == reached


def test_chosen_are_the_longest_features() -> None:
    """Score and feature of a video are means over its three steps of the greatest magnitude."""
    model, features = made(), random_bags()
    hidden = model.context(features.transpose(1, 2)).transpose(1, 2).detach().numpy()
    out = model(features)
    for bag, steps, score, feature in zip(hidden, out.positions, out.chosen_score, out.chosen_feature, strict=True):
        best = np.argsort(np.linalg.norm(bag, axis=1))[-3:]

        np.testing.assert_allclose(bag[best].mean(axis=0), feature.detach(), rtol=1e-4)
        assert steps.detach()[best.copy()].mean().item() == pytest.approx(score.item())


def test_fewer_steps_than_chosen() -> None:
    """A video of two rows stands for itself."""
    out = made()(random_bags(2))

    torch.testing.assert_close(out.positions.mean(dim=1), out.chosen_score)


class FirstTwo(nn.Module):
    """In place of dropout: keeps features, and of the segments to choose from only the first two."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Features have three axes, the choice two."""
        return values if values.ndim == 3 else values * (torch.arange(values.shape[1]) < 2)


def test_dropped_segments_are_not_chosen() -> None:
    """However long their features are; without dropout others are chosen."""
    model = made(chosen=2)
    plain = model(random_bags())
    model.dropout = FirstTwo()
    out = model(random_bags())

    torch.testing.assert_close(out.positions[:, :2].mean(dim=1), out.chosen_score)
    assert not torch.allclose(plain.chosen_score, out.chosen_score)


def test_dropout_acts_in_training_only() -> None:
    """Training passes differ, scoring ones do not."""
    model = made().train()

    assert not torch.equal(model(random_bags()).positions, model(random_bags()).positions)
    assert torch.equal(model.eval()(random_bags()).positions, model(random_bags()).positions)


def test_loss_from_its_definition() -> None:
    """Written out over videos; the third normal video has no partner in the magnitude term."""
    model = made()
    out = model(random_bags())
    chosen, scores = out.chosen_score.tolist(), out.positions.tolist()
    lengths = out.chosen_feature.norm(dim=1).tolist()
    entropy = -sum(np.log(c if y else 1 - c) for c, y in zip(chosen, LABELS.tolist(), strict=True)) / 5
    gap = sum((abs(100 - lengths[a]) + lengths[n]) ** 2 for n, a in ((1, 0), (3, 2))) / 2
    smooth = sum((b - a) ** 2 for bag in (scores[0], scores[2]) for a, b in pairwise(bag))
    terms = {key: value.item() for key, value in model.loss(Bags(random_bags(), LABELS)).items()}

    assert {
        "classification": pytest.approx(entropy, rel=1e-5),
        "magnitude": pytest.approx(1e-4 * gap, rel=1e-5),
        "sparsity": pytest.approx(8e-3 * np.linalg.norm(scores[0] + scores[2]), rel=1e-5),
        "smoothness": pytest.approx(8e-4 * smooth, rel=1e-4),
    } == terms


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"magnitude_margin": 5.0}, {"magnitude"}),
        ({"magnitude_weight": 1.0}, {"magnitude"}),
        ({"sparsity_weight": 1.0}, {"sparsity"}),
        ({"smoothness_weight": 1.0}, {"smoothness"}),
        ({"chosen": 1}, {"classification", "magnitude"}),
    ],
)
def test_every_switch_changes_its_terms(change: dict[str, Any], changed: set[str]) -> None:
    """A switch changes the terms that it is about, and no other."""
    batch = Bags(random_bags(), LABELS)
    plain, switched = made().loss(batch), made(**change).loss(batch)

    assert changed == {name for name in plain if not torch.allclose(plain[name], switched[name], atol=0)}


def test_crops_of_a_video_choose_the_same_segments() -> None:
    """Written out: magnitudes and scores averaged over the three crops of a video, features crop by crop."""
    model = made(chosen=2)
    features = torch.randn(4 * 3, 6, 5, generator=torch.Generator().manual_seed(3))
    labels = torch.tensor([0.0, 1.0, 0.0, 1.0])
    hidden = model.context(features.transpose(1, 2)).transpose(1, 2).detach().numpy().reshape(4, 3, 6, 5)
    scores = model(features).positions.detach().numpy().reshape(4, 3, 6).mean(axis=1)
    best = np.argsort(np.linalg.norm(hidden, axis=3).mean(axis=1), axis=1)[:, -2:]
    chosen = [scores[video, best[video]].mean() for video in range(4)]
    lengths = [[np.linalg.norm(crop[best[video]].mean(axis=0)) for crop in hidden[video]] for video in range(4)]
    pairs = [
        (abs(100 - a) + n) ** 2
        for one, two in ((0, 1), (2, 3))
        for n, a in zip(lengths[one], lengths[two], strict=True)
    ]
    entropy = -sum(np.log(c if y else 1 - c) for c, y in zip(chosen, labels.tolist(), strict=True)) / 4
    smooth = sum((b - a) ** 2 for bag in (scores[1], scores[3]) for a, b in pairwise(bag))
    batch = Bags(features, labels.repeat_interleave(3), crops=3)
    terms = {key: value.item() for key, value in model.loss(batch).items()}

    assert {
        "classification": pytest.approx(entropy, rel=1e-5),
        "magnitude": pytest.approx(1e-4 * np.mean(pairs), rel=1e-5),
        "sparsity": pytest.approx(8e-3 * np.linalg.norm(scores[[1, 3]]), rel=1e-5),
        "smoothness": pytest.approx(8e-4 * smooth, rel=1e-4),
    } == terms


def test_a_crop_that_chooses_for_itself_gives_another_loss() -> None:
    """The two settings of `crops` see the same bags and differ."""
    features = torch.randn(4 * 3, 6, 5, generator=torch.Generator().manual_seed(3))
    labels = torch.tensor([0.0, 1.0, 0.0, 1.0]).repeat_interleave(3)
    together, separate = (made().loss(Bags(features, labels, crops=crops)) for crops in (3, 1))

    assert made().crops_together
    assert not made(crops="separate").crops_together
    assert all(not torch.allclose(together[name], separate[name]) for name in together)
