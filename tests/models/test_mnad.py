"""MNAD: published sizes, the memory by hand, gates, and scoring that changes the memory."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from vad.cost.count import macs, parameters
from vad.engine.build import build
from vad.engine.score import score_video
from vad.errors import ParamsError
from vad.models import mnad
from vad.models._base import OWN, Windows
from vad.schema.infer import Infer

SIDE = 16
KEYS = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
QUERIES = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])


def made(seed: int = 0, **args: Any) -> mnad.Model:
    """A small model in eval mode, always from the same seed."""
    return build("mnad", {"width": 4, **args}, 3, seed).eval()


def pictures(frames: int, seed: int = 0) -> np.ndarray:
    """One video of random frames."""
    return np.random.default_rng(seed).integers(0, 256, (frames, 3, SIDE, SIDE), dtype=np.uint8)


def windows(count: int, steps: int = 5, seed: int = 0) -> torch.Tensor:
    """Random windows of bytes."""
    return torch.from_numpy(pictures(count * steps, seed).reshape(count, steps, 3, SIDE, SIDE))


@pytest.mark.parametrize(
    ("args", "expected", "operations"),
    [
        ({}, 15_650_819, 46_479_179_776),
        ({"method": "reconstruction"}, 17_195_267, 49_763_319_808),
        ({"gates": True}, 15_810_092, 47_002_943_488),
    ],
)
def test_published_size(args: dict[str, Any], expected: int, operations: int) -> None:
    """Parameters (without the release's unused batch norm) and multiply-adds of a frame of 256 x 256."""
    with torch.device("meta"):
        model = build("mnad", args, 3).eval()
        window = torch.zeros(1, model.config.window, 3, 256, 256, dtype=torch.uint8)
    with FlopCounterMode(display=False) as counter:
        model(window)

    assert expected == parameters(model).total
    assert operations == counter.get_total_flops() // 2


def test_gates_size() -> None:
    """The three gates alone."""
    with torch.device("meta"):
        model = build("mnad", {"gates": True, "train_gates": False}, 3)

    assert 159_273 == parameters(model.gates).total == parameters(model).total - parameters(model).trainable


def test_the_counter_leaves_nothing_out() -> None:
    """Every operation with parameters is counted; scoring costs the distance to the keys on top."""
    model = made(gates=True)
    cells, width, slots = (SIDE // 8) ** 2, 32, 10

    assert macs(model, windows(1)) + cells * width * slots == macs(model, windows(1), method="score")


def test_keys_are_drawn_to_their_queries() -> None:
    """The second query counts exp(.8 - 1) for the first key; each other one is the best of its own key."""
    share = np.exp(-0.2)
    first = np.array([1 + 1 + 0.8 * share, 0.6 * share])
    expected = np.stack([first / np.linalg.norm(first), [0.0, 1.0]])

    np.testing.assert_allclose(expected, mnad.updated_keys(KEYS, QUERIES), rtol=1e-6)


def test_shares_are_those_of_the_softmax_over_all_queries() -> None:
    """By the definition: softmax over the queries, divided by its largest, which may belong to another key."""
    keys = torch.tensor([[1.0, 0.0], [0.8, 0.6], [-1.0, 0.0]])
    queries = torch.tensor([[0.96, 0.28], [0.0, 1.0], [0.6, 0.8]])
    products = (queries @ keys.T).numpy()
    softmax = np.exp(products) / np.exp(products).sum(axis=0)
    new = keys.numpy().copy()
    for query, slot in enumerate([0, 1, 1]):
        new[slot] += softmax[query, slot] / softmax[:, slot].max() * queries[query].numpy()
    new /= np.linalg.norm(new, axis=1, keepdims=True)
    updated = mnad.updated_keys(keys, queries)

    np.testing.assert_allclose(new, updated, rtol=1e-5)
    assert keys[2].tolist() == updated[2].tolist()


def test_memory_terms_by_hand() -> None:
    """Only the second query is away from its key (.2, -.6), and only there the other key is not 1 farther."""
    compact, separate = mnad.memory_terms(KEYS, QUERIES, 1.0)

    assert (0.04 + 0.36) / 6 == pytest.approx(compact.item())
    assert (np.hypot(0.2, 0.6) - np.hypot(0.8, 0.4) + 1) / 3 == pytest.approx(separate.item(), abs=1e-5)


def test_training_moves_the_keys_and_nothing_else_does() -> None:
    """A training step's loss updates the keys by its queries; in eval mode, and when scoring, they stay."""
    model = made().train()
    before = model.keys.clone()
    queries = model(windows(2)).queries.flatten(0, 1)
    expected = mnad.updated_keys(before, queries)
    model.loss(Windows(windows(2)))
    moved = model.keys.clone()
    model.eval().loss(Windows(windows(2, seed=1)))
    model.score(windows(2, seed=2))

    torch.testing.assert_close(expected, moved)
    assert not torch.equal(before, moved)
    assert torch.equal(moved, model.keys)
    assert "keys" in model.state_dict()
    np.testing.assert_allclose(np.ones(10), moved.norm(dim=1), rtol=1e-6)


def test_loss_terms() -> None:
    """Mean squared error in -1..1, and the weighted memory terms."""
    model = made(compact_weight=0.3, separate_weight=0.2, separate_margin=0.5)
    out = model(windows(2))
    compact, separate = mnad.memory_terms(model.keys, out.queries.flatten(0, 1), 0.5)
    terms = model.loss(Windows(windows(2)))

    assert ["prediction", "compact", "separate"] == list(terms)
    torch.testing.assert_close(((out.picture - out.target) ** 2).mean(), terms["prediction"])
    torch.testing.assert_close(0.3 * compact, terms["compact"])
    torch.testing.assert_close(0.2 * separate, terms["separate"])


def test_the_target_is_not_seen() -> None:
    """Prediction: the last frame changes the target alone. Reconstruction: target and picture."""
    one, other = windows(1), windows(1)
    other[:, -1] = 255 - other[:, -1]
    predicted = made()
    again = made(method="reconstruction")

    assert torch.equal(predicted(one).picture, predicted(other).picture)
    assert not torch.equal(predicted(one).target, predicted(other).target)
    assert not torch.equal(again(one[:, -1:]).picture, again(other[:, -1:]).picture)


def test_reading_the_memory() -> None:
    """With keys that are all alike, what is read is that key; its decoder sees it beside the queries."""
    model = made()
    key = nn.functional.normalize(torch.arange(32.0), dim=0)
    seen = []
    model.decoder.first.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    out = model(windows(1), key.expand(10, 32))

    torch.testing.assert_close(key.view(1, 32, 1, 1).expand(1, 32, 2, 2), seen[0][:, 32:])
    torch.testing.assert_close(out.queries.transpose(1, 2).reshape(1, 32, 2, 2), seen[0][:, :32])


def test_open_gates_change_nothing() -> None:
    """With every gate at 1 the gated network is the plain one; closed, it is another."""
    plain, gated = made(), made(gates=True)
    gated.load_state_dict(plain.state_dict(), strict=False)
    for gate in gated.gates:
        nn.init.zeros_(gate.weigh[1].weight)
        nn.init.constant_(gate.weigh[1].bias, 50.0)
    opened = gated(windows(2)).picture
    for gate in gated.gates:
        nn.init.constant_(gate.weigh[1].bias, -50.0)

    torch.testing.assert_close(plain(windows(2)).picture, opened)
    assert not torch.allclose(opened, gated(windows(2)).picture)


def test_gates_are_maps_of_the_skips() -> None:
    """One gate a place, 0..1, at the full, half and quarter size of the picture."""
    model, sizes = made(gates=True), []
    for gate in model.gates:
        gate.register_forward_hook(lambda _, given, found: sizes.append(tuple(found.shape)))
    model(windows(1))

    assert [(1, 1, 4, 4), (1, 1, 8, 8), (1, 1, 16, 16)] == sizes


@pytest.mark.parametrize("test_update", [True, False])
def test_gates_are_noted_beside_the_maps_of_the_scores(test_update: bool) -> None:
    """One map a score of each gate, as large as the gate; scores are the same with and without."""
    model, video, bounds = made(gates=True, test_update=test_update, update_threshold=9.0), pictures(7), np.arange(8)
    plain = score_video(model, video, bounds, Infer())
    model.reset_memory()
    found = score_video(model, video, bounds, Infer(), places=True)
    seen = torch.from_numpy(np.stack([video[start : start + 5] for start in range(3)]))

    assert plain.places is plain.further is None
    assert found.places is not None
    assert found.further is not None
    assert np.array_equal(plain.frames, found.frames)
    assert {f"attention_{side}x{side}": (3, side, side) for side in (4, 8, 16)} == {
        name: each.maps.shape for name, each in found.further.items()
    }
    assert all(np.array_equal(found.places.frames, each.frames) for each in found.further.values())
    for attention, each in zip(model.pictures(seen).attention, found.further.values(), strict=True):
        same = slice(0, 1) if test_update else slice(None)  # later windows see a memory that has learned
        torch.testing.assert_close(attention[same], torch.from_numpy(each.maps[same]))


def test_without_gates_no_further_map_is_noted() -> None:
    """Nor is anything computed where nobody wants maps."""
    assert {} == score_video(made(), pictures(6), np.arange(7), Infer(), places=True).further

    model = made(gates=True)
    model.noted_maps = noted = {}
    model.score(windows(2))
    model.noted_maps = None
    assert [OWN, "attention_4x4", "attention_8x8", "attention_16x16"] == list(noted)
    model.note_maps(lambda: pytest.fail("computed"), "attention_4x4")


def test_untrained_gates_stay() -> None:
    """`train_gates: false` is the release: the optimiser never sees the gates."""
    model = made(gates=True, train_gates=False).train()
    torch.stack(list(model.loss(Windows(windows(2))).values())).sum().backward()

    assert {False} == {value.requires_grad for value in model.gates.parameters()}
    assert {None} == {value.grad for value in model.gates.parameters()}


def test_weighted_error_by_hand() -> None:
    """A value that is right has weight 0; two wrong ones are weighed by 1 - exp(-error); all right is 0."""
    target = torch.zeros(1, 1, 1, 3)
    picture = torch.tensor([0.0, 1.0, 2.0]).view(1, 1, 1, 3)
    weights = 1 - np.exp([-0.25, -1.0])
    queries = torch.zeros(1, 1, 2)

    assert (weights @ [0.25, 1.0]) / weights.sum() == pytest.approx(
        mnad.weighted_error(mnad.Output(picture, target, queries))
    )
    assert mnad.weighted_error(mnad.Output(target, target, queries)) == 0.0


def test_mix_by_hand() -> None:
    """.6 of the scaled picture error and .4 of the scaled distance; an empty range counts 0."""
    components = torch.tensor([[-20.0, 0.1], [-30.0, 0.3]])
    ranges = torch.tensor([[-30.0, -20.0], [0.1, 0.5]])
    flat = torch.tensor([[-30.0, -20.0], [0.1, 0.1]])

    assert [0.6, 0.2] == pytest.approx(made().mix(components, ranges).tolist())
    assert [0.6, 0.0] == pytest.approx(made().mix(components, flat).tolist())
    assert [0.7, 0.15] == pytest.approx(made(method="reconstruction").mix(components, ranges).tolist())


@torch.no_grad()
def test_constants_come_from_calibration() -> None:
    """On the windows that it was calibrated with, each component runs from 0 to 1; the constants are saved."""
    model, given = made(), windows(20)
    model.calibrate(given)
    components = model._components(model(given))

    assert "ranges" in model.state_dict()
    np.testing.assert_allclose(components.amin(dim=0), model.ranges[:, 0], rtol=1e-5)
    np.testing.assert_allclose(components.amax(dim=0), model.ranges[:, 1], rtol=1e-5)
    torch.testing.assert_close(model.mix(components, model.ranges), model.score(given).video)


@torch.no_grad()
@pytest.mark.parametrize("threshold", [0.0, 2.0])
def test_memory_learns_from_normal_looking_frames_alone(threshold: float) -> None:
    """With a threshold that no error passes the memory stays; with one above all, each frame moves it in turn."""
    model, given = made(update_threshold=threshold), windows(4)
    trained, keys, expected = model.keys.clone(), model.keys, []
    for window in given.split(1):
        out = model(window, keys)
        expected.append(model._components(out, keys))
        keys = mnad.updated_keys(keys, out.queries.flatten(0, 1)) if threshold else keys
    found = model.score_sequence(given)
    later = model.score_sequence(given)
    model.reset_memory()

    # Equal but for the last bits: the encoder takes all windows at once.
    torch.testing.assert_close(torch.cat(expected), found, rtol=1e-4, atol=1e-6)
    assert (threshold == 0.0) == torch.equal(found, later)
    assert torch.equal(found, model.score_sequence(given))
    assert torch.equal(trained, model.keys)


@pytest.mark.parametrize(("changes", "carried"), [({}, True), ({"memory_reset": "per_video"}, False)])
def test_memory_carries_over_unless_reset(changes: dict[str, Any], carried: bool) -> None:
    """A video scored after another one: other scores as published, the same with `memory_reset: per_video`."""
    bounds = np.arange(9)
    model = made(update_threshold=2.0, **changes)
    alone = score_video(model, pictures(8), bounds, Infer()).frames
    model.reset_memory()
    score_video(model, pictures(8, seed=1), bounds, Infer())
    after = score_video(model, pictures(8), bounds, Infer()).frames

    assert carried != np.array_equal(alone, after)
    assert {"test_update": "on", "memory_reset": changes.get("memory_reset", "never")} == model.protocol()


def test_without_update_the_order_means_nothing() -> None:
    """`test_update: false`: windows at once, the same scores again."""
    model = made(test_update=False)
    first = score_video(model, pictures(8), np.arange(9), Infer()).frames
    score_video(model, pictures(8, seed=1), np.arange(9), Infer())

    assert np.array_equal(first, score_video(model, pictures(8), np.arange(9), Infer()).frames)
    assert {"test_update": "off"} == model.protocol()


def test_reconstruction_has_its_own_published_settings() -> None:
    """What the user gives wins over them."""
    config = mnad.Config.model_validate({"method": "reconstruction", "psnr_share": 0.5})

    assert (1, 0.01, 0.01, 0.015, 0.5) == (
        *(config.window, config.compact_weight, config.separate_weight, config.update_threshold),
        config.psnr_share,
    )


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"window": 1}, "at least 2 frames"),
        ({"method": "reconstruction", "window": 5}, "1 frame"),
        ({"method": "reconstruction", "gates": True}, "gates need the skip connections"),
        ({"train_gates": False}, "without gates"),
        ({"test_update": False, "memory_reset": "per_video"}, "means nothing"),
        ({"width": 5}, "width"),
        ({"memory_slots": 1}, "memory_slots"),
    ],
)
def test_settings_that_mean_nothing_are_refused(args: dict[str, Any], words: str) -> None:
    """Each with what is wrong."""
    with pytest.raises(ParamsError, match=words):
        build("mnad", args, 3)
