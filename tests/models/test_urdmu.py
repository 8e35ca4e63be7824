"""UR-DMU: size, attention, memory and uncertainty by hand, the loss from its definition."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from vad.cost.count import Parameters, macs, parameters
from vad.engine.batches import set_for
from vad.engine.build import build
from vad.engine.expansion import resample
from vad.engine.parts import Part
from vad.engine.score import video_scores
from vad.models import urdmu
from vad.models._base import Bags

LABELS = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0])
NEARNESS = urdmu.nearness
SMALL = {"bag_segments": 20, "width": 6, "heads": 2, "head_width": 3, "memory_slots": 17, "scorer_width": 4}


def random_bags(steps: int = 20) -> torch.Tensor:
    """Five bags of five channels."""
    return torch.randn(5, steps, 5, generator=torch.Generator().manual_seed(0))


def made(**args: Any) -> urdmu.Model:
    """A small model in eval mode, always from the same seed."""
    return build("urdmu", {**SMALL, **args}, 5).eval()


@pytest.mark.parametrize(
    ("dim", "values", "steps", "count"),
    [
        (1024, 6_492_929, 200, 1_431_987_200),
        (1024, 6_492_929, 100, 685_273_600),
        (1024, 6_492_929, 32, 212_602_880),
        (1408, 7_082_753, 200, 1_549_952_000),
    ],
)
def test_counts(dim: int, values: int, steps: int, count: int) -> None:
    """Parameters, and multiply-adds by the formulas linear and quadratic in the number of steps."""
    model, rows = build("urdmu", {}, dim), torch.randn(1, steps, dim)
    linear = {1024: 6_545_536, 1408: 7_135_360}[dim]

    assert Parameters(values, values) == parameters(model)
    assert linear * steps + 3_072 * steps**2 == count == macs(model, rows)


def test_long_videos_cost_what_the_formula_says() -> None:
    """Reading in parts changes neither scores nor cost."""
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        build("urdmu", {}, 1024)(torch.randn(1, 2500, 1024))

    assert 6_545_536 * 2500 + 3_072 * 2500**2 == counter.get_total_flops() // 2


def test_reading_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty steps at once or seven at a time."""
    model = made()
    whole = model.score(random_bags()).positions
    monkeypatch.setattr(urdmu, "QUERIES", 7)

    torch.testing.assert_close(whole, model.score(random_bags()).positions)


def test_weights_of_very_long_videos_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many positions read at once as the bound allows, and at least one; the scores are the same."""
    model, lengths = made(), []
    whole = model.score(random_bags()).positions
    monkeypatch.setattr(urdmu, "nearness", lambda *given: (lengths.append(len(given[0])), NEARNESS(*given))[1])
    for most in (2 * 20 * 3, 1):
        monkeypatch.setattr(urdmu, "WEIGHTS", most)
        torch.testing.assert_close(whole, model.score(random_bags()).positions)

    assert {3, 2, 1} == set(lengths)


@pytest.mark.parametrize("select_full_length", [False, True])
def test_epochs_are_chosen_by_bags_or_by_rows(select_full_length: bool) -> None:
    """By bags unless it is asked for: the score of one, of a video of 90 rows, is what validation sees."""
    model = made(select_full_length=select_full_length)
    rows = np.random.default_rng(0).normal(size=(90, 5)).astype(np.float32)
    bag = resample(rows, 90 if select_full_length else 20)
    found = video_scores(model, set_for(model, Part([rows], [1])))

    np.testing.assert_allclose(model.score(torch.from_numpy(bag)[None]).video.detach(), found, rtol=1e-5)


def test_nearness_by_hand() -> None:
    """exp(-distance / e), rows that sum to 1."""
    one, two = math.exp(-1 / math.e), math.exp(-2 / math.e)
    expected = [
        [1 / (1 + one + two), one / (1 + one + two), two / (1 + one + two)],
        [one / (1 + 2 * one), 1 / (1 + 2 * one), one / (1 + 2 * one)],
        [two / (1 + one + two), one / (1 + one + two), 1 / (1 + one + two)],
    ]

    np.testing.assert_allclose(expected, urdmu.nearness(torch.arange(3.0), torch.arange(3.0)), rtol=1e-6)


def test_released_nearness_by_hand() -> None:
    """The same weights, each divided by the sum of its column; for some of the places as for all."""
    table = [[math.exp(-abs(i - j) / math.e) for j in range(40)] for i in range(40)]
    sums = [sum(row[j] for row in table) for j in range(40)]
    expected = [[value / total for value, total in zip(row, sums, strict=True)] for row in table]
    every = torch.arange(40.0)
    found = urdmu.nearness(every, every, "released")

    np.testing.assert_allclose(expected, found, rtol=1e-5)
    np.testing.assert_allclose(expected[7:9], urdmu.nearness(every[7:9], every, "released"), rtol=1e-5)
    assert found[0].sum() < 0.9
    assert abs(found[20].sum() - 1) < 0.01


def test_local_norm_changes_the_ends_of_a_video() -> None:
    """Released weights by default; the two settings agree in the middle of a long video."""
    features = torch.randn(1, 90, 5, generator=torch.Generator().manual_seed(1))
    plain, row = (made(blocks=1, **args)(features).hidden[0].detach() for args in ({}, {"local_norm": "row"}))

    torch.testing.assert_close(plain[40:50], row[40:50])
    assert not torch.allclose(plain[0], row[0], atol=1e-3)


def test_attention_by_hand() -> None:
    """Loops over heads and steps: likeness decides what is read first, nearness what is read second."""
    config = urdmu.Config(width=4, heads=2, head_width=3, dropout=0.0, local_norm="row")
    attention, values = urdmu.GlobalLocalAttention(config), torch.randn(1, 5, 4)
    parts = attention.project(values)[0].detach().numpy().reshape(5, 4, 2, 3)
    rows = []
    for i in range(5):
        for head in range(2):
            query, keys, read, near = parts[i, 0, head], parts[:, 1, head], parts[:, 2, head], parts[:, 3, head]
            likeness = np.exp(keys @ query / math.sqrt(3))
            distance = np.exp(-np.abs(np.arange(5) - i) / math.e)
            rows += [likeness @ read / likeness.sum(), distance @ near / distance.sum()]
    expected = attention.out(torch.tensor(np.concatenate(rows).reshape(5, 12)).float())

    torch.testing.assert_close(expected, attention(values)[0])


def test_memory_by_hand() -> None:
    """Sigmoid weights that need not sum to 1; the fit is the mean of the 17 // 16 + 1 = 2 highest."""
    memory = urdmu.Memory(17, 4)
    nn.init.zeros_(memory.slots)
    with torch.no_grad():
        memory.slots[3], memory.slots[9] = torch.tensor([2.0, 0, 0, 0]), torch.tensor([0, 6.0, 0, 0])
    read = memory(torch.tensor([[[1.0, 1.0, 5.0, 7.0]]]))
    first, second = 1 / (1 + math.exp(-1)), 1 / (1 + math.exp(-3))

    assert (first + second) / 2 == pytest.approx(read.fit.item())
    np.testing.assert_allclose([2 * first, 6 * second, 0, 0], read.vector[0, 0].detach(), rtol=1e-6)


@pytest.mark.parametrize(("count", "chosen"), [(1, 1), (15, 1), (16, 2), (60, 4), (200, 13)])
def test_top_count(count: int, chosen: int) -> None:
    """One in sixteen, and one more."""
    assert chosen == urdmu.top_count(count)


def test_uncertainty_by_hand() -> None:
    """Noise times exp(log variance / 2), for normal videos, in training."""
    model, mean = made(), torch.full((5, 20, 6), 3.0)
    log_variance = torch.full((5, 20, 6), 2 * math.log(0.1))
    torch.manual_seed(1)
    noise = torch.randn(5, 20, 6)
    torch.manual_seed(1)
    sampled = model.train().sample(mean, log_variance, LABELS)

    torch.testing.assert_close((mean + 0.1 * noise)[LABELS == 0], sampled[LABELS == 0])
    assert torch.equal(mean[LABELS == 1], sampled[LABELS == 1])
    assert torch.equal(mean, model.eval().sample(mean, log_variance, LABELS))
    assert torch.equal(mean, model.train().sample(mean, None, None))


def test_labels_change_no_score_in_eval_mode() -> None:
    """What training does for normal videos has no part in scoring."""
    model = made()

    torch.testing.assert_close(model(random_bags()).scores, model(random_bags(), LABELS).scores)


def entropy(values: np.ndarray, label: int) -> float:
    """Mean cross-entropy against one label."""
    return -float(np.log(values if label else 1 - values).mean())


def test_loss_from_its_definition() -> None:
    """Written out over videos; the third normal video has no partner in triplet and distance."""
    model = made()
    out = model(random_bags(), LABELS)
    terms = {key: value.item() for key, value in model.loss(Bags(random_bags(), LABELS)).items()}
    scores, hidden, mean, log_variance = (
        part.detach().numpy() for part in (out.scores, out.hidden, out.normal_mean, out.log_variance)
    )
    (fit_a, read_a), (fit_n, read_n) = ([part.detach().numpy() for part in read] for read in (out.abnormal, out.normal))

    def top(values: np.ndarray) -> np.ndarray:
        return np.argsort(values)[-2:]

    def unit(vector: np.ndarray) -> np.ndarray:
        return vector / np.linalg.norm(vector)

    triplet, distance = [], []
    for normal, anomalous in ((1, 0), (3, 2)):
        anchor = unit(hidden[normal][top(fit_n[normal])].mean(axis=0))
        positive = unit(hidden[anomalous][top(fit_n[anomalous])].mean(axis=0))
        negative = unit(hidden[anomalous][top(fit_a[anomalous])].mean(axis=0))
        gaps = [np.linalg.norm(anchor - other + 1e-6) for other in (positive, negative)]
        triplet.append(max(0, gaps[0] - gaps[1] + 1))
        lengths = [
            np.linalg.norm(read_a[anomalous][top(fit_a[anomalous])].mean(axis=0)),
            np.linalg.norm(read_n[normal][top(fit_n[normal])].mean(axis=0)),
        ]
        distance.append(max(0, 100 - lengths[0] + lengths[1]))
    best = np.array([bag[top(bag)].mean() for bag in scores])
    found = np.array([bag[top(bag)].mean() for bag in fit_a[[0, 2]]])
    left = np.array([1 - np.sort(bag)[:2].mean() for bag in fit_n[[0, 2]]])
    inner = (1 + log_variance - mean**2 - np.exp(log_variance))[[1, 3, 4]]
    expected = {
        "classification": (2 * entropy(best[[0, 2]], 1) + 3 * entropy(best[[1, 3, 4]], 0)) / 5,
        "anomalous_fit_abnormal": 0.1 * entropy(found, 1),
        "anomalous_leave_normal": 0.1 * entropy(left, 1),
        "normal_fit_normal": 0.1 * entropy(fit_n[[1, 3, 4]], 1),
        "normal_leave_abnormal": 0.1 * entropy(fit_a[[1, 3, 4]], 0),
        "triplet": 0.1 * np.mean(triplet),
        "kl": 0.001 * -0.5 * inner.sum(axis=1).mean(),
        "distance": 1e-4 * np.mean(distance),
    }

    assert {name: pytest.approx(value, rel=1e-4) for name, value in expected.items()} == terms


def test_order_of_a_batch_has_no_meaning() -> None:
    """Labels travel with bags: normals and anomalous ones may be mixed, only pairs keep their order."""
    model, order = made(), torch.tensor([1, 0, 3, 4, 2])
    plain = model.loss(Bags(random_bags(), LABELS))
    shuffled = model.loss(Bags(random_bags()[order], LABELS[order]))

    torch.testing.assert_close(plain, shuffled)


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"kl_axis": "feature"}, {"kl"}),
        ({"kl_weight": 1.0}, {"kl"}),
        ({"triplet_weight": 1.0}, {"triplet"}),
        ({"triplet_margin": 2.0}, {"triplet"}),
        ({"distance_weight": 1.0}, {"distance"}),
        ({"distance_margin": 1.0}, {"distance"}),
    ],
)
def test_every_switch_changes_its_terms(change: dict[str, Any], changed: set[str]) -> None:
    """A switch changes the terms that it is about, and no other."""
    batch = Bags(random_bags(), LABELS)
    plain, switched = made().loss(batch), made(**change).loss(batch)

    assert changed == {name for name in plain if not torch.allclose(plain[name], switched[name], atol=0)}
