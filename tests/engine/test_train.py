"""The training loop: the same seed gives the same weights, also across a kill; validation alone selects."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor, nn

from tests.project import ROOT
from vad.engine import checkpoints
from vad.engine.batches import BagSet
from vad.engine.build import build, on_device
from vad.engine.parts import Part, with_copies
from vad.engine.schedule import learning_rate, optimiser_for, without_adversary
from vad.engine.train import Trained, best_epoch, train
from vad.errors import DatasetError, ParamsError, VadError
from vad.models import c3d_mil
from vad.models._base import Bags
from vad.schema.train import Train

WIDTH = 6
MODELS = {
    "c3d_mil": {"bag_segments": 4, "hidden_width": 8, "middle_width": 4},
    "mstsm": {"bag_segments": 4},
    "lstm_memory_ae": {"window": 3, "stride": 1, "hidden_width": 8, "latent_width": 4, "memory_slots": 5},
}
PICTURES = {
    "mnad": {"width": 2, "memory_slots": 4, "window": 3, "gates": True},
    "frame_pred": {"width": 2, "window": 3},
}
"""Models that read pictures: one that changes its memory while it trains, one with an adversary."""
SELECT = {
    **{"c3d_mil": "video_auc", "mstsm": "video_auc", "lstm_memory_ae": "validation_loss"},
    **{"mnad": "last", "frame_pred": "last"},
}
PRECISIONS = ("float32", "bfloat16", "float16")


def settings(**changes: Any) -> Train:
    """A short schedule."""
    return Train.model_validate({"lr": 0.01, "epochs": 4, "batch": 2, **changes})


def part(seed: int, videos: int = 8) -> Part:
    """Videos of different lengths, every other one anomalous: its middle row is shifted."""
    rng = np.random.default_rng(seed)
    features = [rng.normal(size=(int(rng.integers(2, 9)), WIDTH)).astype(np.float32) for _ in range(videos)]
    for video in features[1::2]:
        video[len(video) // 2] += 2.0
    return Part(features, [0, 1] * (videos // 2))


def clips(seed: int) -> Part:
    """Four normal videos of random pictures."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(4, 7, 4)
    return Part([rng.integers(0, 256, (n, 3, 16, 16), dtype=np.uint8) for n in lengths], [0] * 4)


def new(name: str, seed: int) -> nn.Module:
    """A small model of either kind."""
    return build(name, PICTURES[name], 3, seed) if name in PICTURES else build(name, MODELS[name], WIDTH, seed)


def run(name: str, seed: int = 0, checkpoint: Path | None = None, **changes: Any) -> Trained:
    """Build and train one small model."""
    plan = settings(**{"select_by": SELECT[name], **changes})
    return train(build(name, MODELS[name], WIDTH, seed), part(0), part(1), plan, seed, checkpoint=checkpoint)


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """All weights equal to the last bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("name", MODELS)
def test_a_seed_fixes_everything(name: str) -> None:
    """Twice the same seed: the same weights and history; another seed: others."""
    first, again, other = run(name), run(name), run(name, seed=1)

    assert same(first.state, again.state)
    assert first.history == again.history
    assert not same(first.state, other.state)


def test_a_curriculum_shows_short_videos_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each epoch anew; the weights are others than with a random order."""
    lengths = [len(features) for features in part(0).features]
    seen: list[int] = []

    def note(model: nn.Module, batch: Bags) -> dict[str, Tensor]:
        if model.training:
            rows = (batch.features[:, None] == whole).flatten(2).all(dim=2).int().argmax(dim=1)
            seen.append(max(lengths[video] for video in rows.tolist()[1:]))
        return plain(model, batch)

    whole = BagSet(part(0), 4).features
    plain = c3d_mil.Model.loss
    monkeypatch.setattr(c3d_mil.Model, "loss", note)
    ordered, drawn = (run("c3d_mil", curriculum=name, batch=1, epochs=2) for name in ("length", "off"))
    steps = len(seen) // 4

    assert all(sorted(epoch) == epoch for epoch in (seen[:steps], seen[steps : 2 * steps]))
    assert seen[: 2 * steps] != seen[2 * steps :]
    assert not same(ordered.state, drawn.state)


class KilledError(Exception):
    """Stands for the process being killed."""


def kill_at(model: nn.Module, call: int) -> None:
    """Make the model's loss stop the process at its n-th call."""
    calls, loss = iter(range(call)), model.loss

    def dying(batch: Any) -> dict[str, Tensor]:
        if next(calls, None) is None:
            raise KilledError
        return loss(batch)

    model.loss = dying


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("name", [*MODELS, *PICTURES])
def test_a_killed_run_goes_on_bit_identically(name: str, precision: str, tmp_path: Path) -> None:
    """Killed inside an epoch and started again, a run ends with the weights of one never stopped.

    The state of a memory, of an adversary and its optimiser, and of the loss's scale belong to it.
    """
    plan = settings(
        **{"select_by": SELECT[name], "scheduler": "cosine", "warmup_epochs": 1, "optimiser": "adamw", "epochs": 5},
        precision=precision,
    )
    fit, validation = (clips(0), clips(1)) if name in PICTURES else (part(0), part(1))
    whole = train(new(name, 3), fit, validation, plan, 3)
    path = tmp_path / "checkpoint.pt"
    model = new(name, 3)
    kill_at(model, 29 if name in PICTURES else 17)
    with pytest.raises(KilledError):
        train(model, fit, validation, plan, 3, checkpoint=path)
    kept = checkpoints.load(path)["history"]
    resumed = train(new(name, 3), fit, validation, plan, 3, checkpoint=path)

    assert 0 < len(kept) < 5
    assert same(whole.state, resumed.state)
    assert whole.history == resumed.history
    assert whole.epoch == resumed.epoch
    assert [path, checkpoints.previous(path)] == sorted(tmp_path.iterdir())


@pytest.mark.parametrize("name", MODELS)
def test_every_epoch_can_be_kept_and_chooses_nothing(name: str) -> None:
    """The weights of each epoch can be read when it ends, the chosen one among them; the run is the same without."""
    plan, kept, model = settings(select_by=SELECT[name], epochs=4), {}, new(name, 2)

    def keep(epoch: int) -> None:
        kept[epoch] = {key: value.clone() for key, value in model.state_dict().items()}

    told = train(model, part(0), part(1), plan, 2, after_epoch=keep)
    silent = train(new(name, 2), part(0), part(1), plan, 2)

    assert [1, 2, 3, 4] == list(kept)
    assert same(kept[told.epoch], told.state)
    assert same(silent.state, told.state)


def test_an_adversary_has_an_optimiser_of_its_own() -> None:
    """The main one leaves it alone; its rate is a share of train.lr; its loss stands apart from train_loss."""
    plan, model = settings(select_by="last", epochs=1), new("frame_pred", 0)
    before = {name: value.clone() for name, value in model.adversary.state_dict().items()}
    main = {
        id(value) for group in optimiser_for(without_adversary(model), plan).param_groups for value in group["params"]
    }
    still = build("frame_pred", {**PICTURES["frame_pred"], "adversary_lr_ratio": 1e-12}, 3, 0)
    row = train(model, clips(0), clips(1), plan, 0).history[0]
    train(still, clips(0), clips(1), plan, 0)

    assert {id(value) for value in model.generator.parameters()} == main
    assert any(not torch.equal(before[name], value) for name, value in model.adversary.state_dict().items())
    for name, value in still.adversary.state_dict().items():
        torch.testing.assert_close(before[name], value, atol=1e-10, rtol=0)
    assert row["adversary_true"] > 0
    assert row["adversary_predicted"] > 0
    assert row["train_intensity"] + row["train_gradient"] + row["train_adversarial"] == pytest.approx(row["train_loss"])


@pytest.mark.parametrize("changes", [{"lr": 0.02}, {"epochs": 3}])
def test_a_checkpoint_of_other_settings_is_not_taken_up(changes: dict[str, Any], tmp_path: Path) -> None:
    """With other settings the run starts anew, as if there were no checkpoint."""
    path = tmp_path / "checkpoint.pt"
    run("c3d_mil", checkpoint=path)

    assert same(run("c3d_mil", **changes).state, run("c3d_mil", checkpoint=path, **changes).state)


def test_a_checkpoint_of_other_data_is_not_taken_up(tmp_path: Path) -> None:
    """One changed value in the data starts the run anew."""
    path, changed, plan = tmp_path / "checkpoint.pt", part(0), settings()
    changed.features[0][0, 0] += 1.0
    run("c3d_mil", checkpoint=path)
    fresh = train(build("c3d_mil", MODELS["c3d_mil"], WIDTH), changed, part(1), plan, 0)
    again = train(build("c3d_mil", MODELS["c3d_mil"], WIDTH), changed, part(1), plan, 0, checkpoint=path)

    assert same(fresh.state, again.state)


def with_shifted_copy(part: Part, by: float) -> Part:
    """A part with one copy, whose values are shifted."""
    return with_copies(part, [Part([features + np.float32(by) for features in part.features], part.labels)])


@pytest.mark.parametrize("name", ["c3d_mil", "lstm_memory_ae"])
def test_training_draws_from_copies(name: str, tmp_path: Path) -> None:
    """Other weights than without, the same ones again, also across a kill; a checkpoint of other copies is ignored."""
    plan, path = settings(select_by=SELECT[name], epochs=5), tmp_path / "checkpoint.pt"
    fit = with_shifted_copy(part(0), 0.5)

    def trained(fit: Part, checkpoint: Path | None = None) -> Trained:
        return train(new(name, 0), fit, part(1), plan, 0, checkpoint=checkpoint)

    whole, plain = trained(fit), trained(part(0))
    model = new(name, 0)
    kill_at(model, 17)
    with pytest.raises(KilledError):
        train(model, fit, part(1), plan, 0, checkpoint=path)
    assert path.is_file()
    resumed = trained(fit, path)

    assert not same(whole.state, plain.state)
    assert same(whole.state, resumed.state)
    assert whole.history == resumed.history
    other = with_shifted_copy(part(0), 0.7)
    assert same(trained(other).state, trained(other, path).state)
    assert same(plain.state, trained(with_copies(part(0), [part(0)])).state)


def test_a_loss_that_is_no_number_names_its_step(tmp_path: Path) -> None:
    """NaN in the third step of the second epoch: named with its terms, and no new checkpoint."""
    model = build("c3d_mil", MODELS["c3d_mil"], WIDTH)
    loss, calls = model.loss, []

    def broken(batch: Any) -> dict[str, Tensor]:
        calls.append(model.training)
        terms = loss(batch)
        return terms if sum(calls) < 5 else {**terms, "ranking": terms["ranking"] * float("nan")}

    model.loss = broken
    plan = settings(steps_per_epoch=2)
    with pytest.raises(VadError, match=r"epoch 3, step 1: .*ranking nan"):
        train(model, part(0), part(1), plan, 0, checkpoint=tmp_path / "checkpoint.pt")

    assert 2 == len(checkpoints.load(tmp_path / "checkpoint.pt")["history"])


def test_history_has_a_row_per_epoch() -> None:
    """Each row names epoch, learning rate, loss terms, validation criteria and diagnostics."""
    rows = run("mstsm").history
    terms = ["focal", "reconstruction", "memory"]

    assert [1, 2, 3, 4] == [row["epoch"] for row in rows]
    assert {
        *("epoch", "lr", "train_loss", "validation_loss", "video_auc", "video_ap", "read_entropy"),
        *(f"train_{term}" for term in terms),
    } == set(rows[0])
    assert sum(rows[0][f"train_{term}"] for term in terms) == pytest.approx(rows[0]["train_loss"])


ROWS = [
    {"epoch": 1, "video_auc": 0.8, "video_ap": 0.9, "validation_loss": 3.0},
    {"epoch": 2, "video_auc": 0.9, "video_ap": 0.7, "validation_loss": 2.0},
    {"epoch": 3, "video_auc": 0.9, "video_ap": 0.7, "validation_loss": 1.0},
    {"epoch": 4, "video_auc": 0.9, "video_ap": 0.7, "validation_loss": 1.0},
    {"epoch": 5, "video_auc": 0.7, "video_ap": 0.7, "validation_loss": 0.5},
]


@pytest.mark.parametrize(
    ("select_by", "expected"), [("video_auc", 3), ("video_ap", 1), ("validation_loss", 5), ("last", 5)]
)
def test_ties_go_to_lower_loss_then_earlier(select_by: str, expected: int) -> None:
    """Equal criteria: the lower validation loss; equal losses: the earlier epoch."""
    assert expected == best_epoch(ROWS, select_by)


def test_the_weights_of_the_chosen_epoch_are_returned() -> None:
    """They are those of a run that ends with the chosen epoch."""
    chosen = run("c3d_mil", epochs=8, select_by="video_ap", lr=0.1)
    ended = run("c3d_mil", epochs=chosen.epoch, select_by="last", lr=0.1)

    assert chosen.epoch < 8
    assert same(ended.state, chosen.state)


def test_patience_stops() -> None:
    """Two epochs without a better criterion end the run."""
    result = run("c3d_mil", epochs=50, patience=2, lr=1e-9)

    assert 1 <= result.epoch == len(result.history) - 2 < 48


def test_validation_does_not_train() -> None:
    """Another validation part changes which epoch is chosen, never the weights of an epoch."""
    plan = settings(select_by="last")
    first = train(build("mstsm", MODELS["mstsm"], WIDTH), part(0), part(1), plan, 0)
    second = train(build("mstsm", MODELS["mstsm"], WIDTH), part(0), part(2), plan, 0)
    first.state.pop("ranges"), second.state.pop("ranges")

    assert same(first.state, second.state)


def test_normal_only_training_never_sees_anomalous_videos() -> None:
    """Changing the anomalous videos of both parts changes neither weights nor the choice."""

    def result(factor: float) -> Trained:
        fit, validation = part(0), part(1)
        for features in (*fit.features[1::2], *validation.features[1::2]):
            features *= factor
        model = build("lstm_memory_ae", MODELS["lstm_memory_ae"], WIDTH)
        return train(model, fit, validation, settings(select_by="validation_loss"), 0)

    one, other = result(0.0), result(5.0)

    assert same(one.state, other.state)
    assert one.epoch == other.epoch
    assert one.history[0]["video_auc"] != other.history[0]["video_auc"]


def test_normal_videos_alone_are_enough_for_normal_only() -> None:
    """Without anomalous validation videos the video criteria are empty."""
    normal = Part(part(0).features, [0] * 8)
    model = build("lstm_memory_ae", MODELS["lstm_memory_ae"], WIDTH)
    result = train(model, normal, normal, settings(select_by="validation_loss"), 0)

    assert result.history[-1]["video_auc"] is None
    assert result.history[-1]["video_ap"] is None


def test_all_problems_are_named_at_once() -> None:
    """A validation part that cannot select, empty parts, and data of another kind than the model reads."""
    one_class, empty = Part(part(0).features, [0] * 8), Part([], [])
    weak = build("c3d_mil", MODELS["c3d_mil"], WIDTH)
    normal_only = build("lstm_memory_ae", MODELS["lstm_memory_ae"], WIDTH)

    with pytest.raises(ParamsError, match="needs normal and anomalous videos"):
        train(weak, part(0), one_class, settings(), 0)
    with pytest.raises(ParamsError, match=r"normal-only(.|\n)*fit part is empty(.|\n)*validation part is empty"):
        train(normal_only, empty, empty, settings(), 0)
    with pytest.raises(ParamsError, match="orders whole videos"):
        run("lstm_memory_ae", curriculum="length")
    with pytest.raises(ParamsError, match="reads images"):
        train(new("mnad", 0), part(0), part(1), settings(select_by="last"), 0)
    with pytest.raises(ParamsError, match="not images"):
        train(normal_only, clips(0), clips(1), settings(select_by="last"), 0)
    with pytest.raises(DatasetError, match="8 normal and 0 anomalous"):
        train(weak, one_class, part(1), settings(), 0)


def test_steps_per_epoch_overrides_a_pass() -> None:
    """One step an epoch or six: other weights."""
    short, long = run("c3d_mil", epochs=1, steps_per_epoch=1), run("c3d_mil", epochs=1, steps_per_epoch=6)

    assert not same(short.state, long.state)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "adagrad", "adadelta"])
def test_every_optimiser_trains(optimiser: str) -> None:
    """By name, with its own learning rate and weight decay."""
    plan = settings(optimiser=optimiser, weight_decay=0.1)
    made = optimiser_for(nn.Linear(2, 2).parameters(), plan)
    result = run("c3d_mil", optimiser=optimiser)

    assert optimiser == type(made).__name__.lower()
    assert (0.01, 0.1) == (made.param_groups[0]["lr"], made.param_groups[0]["weight_decay"])
    assert result.history[-1]["train_loss"] != result.history[0]["train_loss"]


def test_gradients_are_clipped() -> None:
    """Gradients of almost no length leave the weights where they were; without clipping they move."""
    start = build("c3d_mil", MODELS["c3d_mil"], WIDTH).state_dict()["first.weight"]
    clipped, free = run("c3d_mil", grad_clip=1e-12), run("c3d_mil")

    assert (clipped.state["first.weight"] - start).abs().max() < 1e-3
    assert (free.state["first.weight"] - start).abs().max() > 1e-2


@pytest.mark.parametrize(
    ("scheduler", "epoch", "expected"),
    [
        ("constant", 7.0, 1e-4),
        ("upstream_inert", 0.0, 1e-5),
        ("upstream_inert", 45.0, 1e-5),
        ("step", 4.9, 1e-4),
        ("step", 5.0, 5e-5),
        ("step", 12.0, 2.5e-5),
        ("drop", 4.9, 1e-4),
        ("drop", 5.0, 1e-6),
        ("drop", 40.0, 1e-6),
        ("cosine", 0.0, 1e-5),
        ("cosine", 2.0, 5.5e-5),
        ("cosine", 4.0, 1e-4),
        ("cosine", 27.0, (1e-4 + 1e-6) / 2),
        ("cosine", 50.0, 1e-6),
    ],
)
def test_learning_rate_over_time(scheduler: str, epoch: float, expected: float) -> None:
    """Warm-up from a tenth, half a cosine to lr_min, halvings, and the released schedule that never moves."""
    plan = settings(scheduler=scheduler, lr=1e-4, lr_min=1e-6, warmup_epochs=4, epochs=50, step_epochs=5)

    assert expected == pytest.approx(learning_rate(plan, epoch))


@pytest.mark.parametrize("epoch", [0, 1, 7, 59])
def test_a_cosine_by_epoch_is_that_of_torch(epoch: int) -> None:
    """MNAD's schedule: one rate within an epoch, that of torch's cosine annealing stepped after each epoch."""
    plan = settings(scheduler="cosine_by_epoch", lr=2e-4, epochs=60)
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2e-4)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=60)
    for _ in range(epoch):
        optimiser.step()
        theirs.step()

    assert learning_rate(plan, epoch) == learning_rate(plan, epoch + 0.99)
    assert theirs.get_last_lr()[0] == pytest.approx(learning_rate(plan, epoch))


def test_an_adversary_steps_first() -> None:
    """As released: the main loss of the first step is judged by an adversary that has made its step."""
    plan = settings(select_by="last", epochs=1, steps_per_epoch=1, lr=0.01)
    fast, still = (build("frame_pred", PICTURES["frame_pred"] | {"adversary_lr_ratio": r}, 3, 0) for r in (0.5, 1e-12))
    rows = [train(model, clips(0), clips(1), plan, 0).history[0] for model in (fast, still)]

    assert rows[0]["train_intensity"] == rows[1]["train_intensity"]
    assert rows[0]["train_adversarial"] != pytest.approx(rows[1]["train_adversarial"], rel=1e-3)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, 2e-6),
        (1, 2e-6),
        (51, 2e-6 + 50 * 1.98e-6),
        (101, 2e-4),
        (1501, 4e-5 + 8e-5 * (1 + math.cos(math.pi * 1400 / 3000))),
        (2999, 4e-5 + 8e-5 * (1 + math.cos(math.pi * 2898 / 3000))),
    ],
)
def test_the_schedule_of_stead(step: int, expected: float) -> None:
    """Warm-up from a hundredth over 100 steps, then a cosine of 3,000 of which 2,900 are taken, each a step late."""
    published = yaml.safe_load((ROOT / "params.yaml").read_text())["schedules"]["stead_published"]

    assert expected == pytest.approx(learning_rate(Train(**published), step / 100, 1 / 100))


def test_stead_ends_above_the_floor_of_its_schedule() -> None:
    """At 4.05e-5, where the cosine that ends with training has 4.00e-5."""
    common: dict[str, Any] = {"lr": 2e-4, "lr_min": 4e-5, "warmup_epochs": 1, "epochs": 30, "batch": 8}
    last = [learning_rate(Train(scheduler=name, **common), 29.99, 0.01) for name in ("cosine_after_warmup", "cosine")]

    assert ["4.05e-05", "4.00e-05"] == [f"{rate:.2e}" for rate in last]


def test_the_schedule_reaches_the_optimiser() -> None:
    """The history shows the learning rate of each epoch's last step."""
    rows = run("c3d_mil", scheduler="step", step_epochs=2).history

    assert [0.01, 0.01, 0.005, 0.005] == [row["lr"] for row in rows]


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_that_is_not_there_is_an_error() -> None:
    """Asked for by name there is no silent fallback; auto takes the CPU."""
    model = build("c3d_mil", MODELS["c3d_mil"], WIDTH)
    with pytest.raises(ParamsError, match=r"train\.device is cuda"):
        on_device(model, "cuda")

    assert "cpu" == next(on_device(model, "auto").parameters()).device.type


@pytest.mark.gpu
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", [*MODELS, *PICTURES])
def test_trains_on_a_gpu(name: str, precision: str) -> None:
    """A finite history, and weights that come back to the CPU."""
    data = clips if name in PICTURES else part
    model = on_device(build(name, {**MODELS, **PICTURES}[name], 3 if name in PICTURES else WIDTH), "cuda")
    plan = settings(select_by=SELECT[name], epochs=2, precision=precision)
    trained = train(model, data(0), data(1), plan, 0)

    assert {"cpu"} == {value.device.type for value in trained.state.values()}
    assert np.isfinite([row["train_loss"] for row in trained.history]).all()


@pytest.mark.gpu
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ["mstsm", *PICTURES])
def test_a_killed_run_goes_on_bit_identically_on_a_gpu(
    name: str, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same weights as a run that was never stopped; whether batches are copied or held does not matter."""
    data = clips if name in PICTURES else part
    plan = settings(select_by=SELECT[name], epochs=3, precision=precision)
    whole = train(new(name, 3).cuda(), data(0), data(1), plan, 3)
    path, model = tmp_path / "checkpoint.pt", new(name, 3).cuda()
    kill_at(model, 11)
    monkeypatch.setattr("vad.engine.placement.HELD_SHARE", 0.0)
    with pytest.raises(KilledError):
        train(model, data(0), data(1), plan, 3, checkpoint=path)
    monkeypatch.undo()
    resumed = train(new(name, 3).cuda(), data(0), data(1), plan, 3, checkpoint=path)

    assert path.exists()
    assert same(whole.state, resumed.state)
    assert whole.history == resumed.history
