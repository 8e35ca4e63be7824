"""What every model must do; a new file in `vad/models` is tested by existing."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import vad.models
from tests.clips import noise
from vad import registry
from vad.artefacts.clips import BagClips
from vad.engine.batches import set_for
from vad.engine.build import build
from vad.engine.parts import Part
from vad.engine.score import video_scores
from vad.engine.train import train
from vad.errors import ParamsError
from vad.models import _contract as contract
from vad.models._base import Bags, Scores, VideoModel, Windows
from vad.schema.train import Train

WIDTH = 16
SIDE = 16
PRESETS: dict[str, list[dict[str, Any]]] = {
    "mstsm": [
        {"preset": "claim"},
        {"preset": "claim", "third_statistic": "distance"},
        {"temporal_attention": False, "channel_weights": False, "memory": False},
    ],
    "stpvad": [{"ratio_loss_weight": 2.0, "segment_map": "upstream"}, {"stage2": "patches"}],
    "stead": [
        {"level": "frame", "layout": "permute", "standardise_grid": [2, 2, 1]},
        {"preset": "base", "convolution_width": 4},
    ],
    "mnad": [{"gates": True}, {"gates": True, "train_gates": False}, {"method": "reconstruction"}],
}
"""Settings to test beside a model's defaults."""

SMALL: dict[str, dict[str, Any]] = {
    "rtfm": {"branch_width": 8, "context_width": 4, "hidden_width": 16, "middle_width": 8, "dropout": 0.2},
    "urdmu": {"bag_segments": 20, "width": 32, "head_width": 8, "scorer_width": 16, "dropout": 0.2},
    "stpvad": {
        "bag_segments": 20,
        "stage1": {"width": 32, "head_width": 8, "scorer_width": 16, "dropout": 0.2},
        "encoder": {
            **{"clip_frames": 4, "image_height": 32, "image_width": 32, "tubelet_frames": 2},
            **{"embed": 12, "depth": 2, "heads": 2, "prune_before": [1], "token_ratio": [0.5]},
        },
        "head": {"width": 8, "head_width": 4, "scorer_width": 4, "cross_heads": 2, "cross_head_width": 4},
    },
    "stead": {
        **{"groups": 2, "heads": 2, "convolution_width": 8},
        **{"attention_width": 8, "attention_blocks": 1, "dropout": 0.2},
    },
    "mnad": {"width": 4},
    "frame_pred": {"width": 4},
}
"""Sizes of models that would take minutes at their defaults."""

MAPS = {"stead": (4, 2, 2, 1)}
"""Rows of models that read maps, channels first, of WIDTH values; other models read vectors of WIDTH."""

FROZEN = {("mnad", False): "gates."}
"""Parameters by model and `train_gates` that a released setting leaves at their initial values."""

UNUSED = {("stead", "base"): ["input.0.weight", "input.0.bias", "input.1.weight", "input.1.bias"]}
"""Parameters by model and preset that a published layout carries without using them."""

EVERY = [
    (name, {**SMALL.get(name, {}), **args})
    for name in registry.names(vad.models)
    for args in [{}, *PRESETS.get(name, [])]
]
every_model = pytest.mark.parametrize(("name", "args"), EVERY)
UNTRAINED = ("pca", "frame_difference")
"""Models without parameters: what they know comes from `prepare`."""
trained_models = pytest.mark.parametrize(
    ("name", "args"), [(name, args) for name, args in EVERY if name not in UNTRAINED]
)


def made(name: str, args: dict[str, Any], seed: int = 0) -> VideoModel:
    """A model for rows of its shape."""
    return build(name, args, row_of(name)[0], seed)


def row_of(name: str) -> tuple[int, ...]:
    """Shape of a row of a model's features; the first number is its feature_dim."""
    return (3, SIDE, SIDE) if reads_images(name) else MAPS.get(name, (WIDTH,))


def reads_images(name: str) -> bool:
    """Whether a model reads rows of pixels."""
    return registry.find(vad.models, name).Model.reads == "images"


def features_for(model: VideoModel, samples: int, seed: int = 0) -> Tensor:
    """Random input of a model, by its sampling and its rows."""
    generator = torch.Generator().manual_seed(seed)
    steps = model.config.bag_segments if model.sampling == "bags" else model.config.window
    name = type(model).__module__.rpartition(".")[2]
    if reads_images(name):
        return torch.randint(0, 256, (samples, steps, *row_of(name)), generator=generator, dtype=torch.uint8)
    return torch.randn(samples, steps, *row_of(name), generator=generator)


def batch_for(model: VideoModel, samples: int) -> Bags | Windows:
    """A random training batch of a model, by its sampling; the second half of bags is anomalous."""
    features = features_for(model, samples)
    if model.sampling == "bags":
        clips = BagClips([noise(4, seed=seed) for seed in range(samples)]) if model.uses_clips else None
        return Bags(features, (torch.arange(samples) >= samples / 2).float(), clips)
    return Windows(features)


@every_model
def test_says_what_it_is(name: str, args: dict[str, Any]) -> None:
    """The contract is kept; every setting is described; the paper is named."""
    module, model = registry.find(vad.models, name), made(name, args)

    assert [] == list(contract.problems(module))
    assert model.level in contract.WORDS["level"]
    assert [] == [key for key, field in module.Config.model_fields.items() if not field.description]
    assert {"Paper:", "Differs:"} <= set(module.__doc__.split())


@every_model
@pytest.mark.parametrize("samples", [1, 4])
def test_loss_is_finite(name: str, args: dict[str, Any], samples: int) -> None:
    """Named terms, each a finite number, also for a batch of one."""
    model = made(name, args)
    terms = model.loss(batch_for(model, samples))

    assert terms
    assert all(term.shape == () and torch.isfinite(term) for term in terms.values())


@trained_models
def test_every_parameter_gets_a_gradient(name: str, args: dict[str, Any]) -> None:
    """None is left out, and no weight gets only zeros, once gates that start at zero are open."""
    model = made(name, args)
    for gate in (value for value in model.parameters() if not value.any()):
        nn.init.normal_(gate)
    torch.stack(list(model.loss(batch_for(model, 4)).values())).sum().backward()
    missing = [key for key, value in model.named_parameters() if value.requires_grad and value.grad is None]
    dead = [
        key
        for key, value in model.named_parameters()
        if value.ndim > 1 and value.grad is not None and not value.grad.any()
    ]

    frozen = [key for key, value in model.named_parameters() if not value.requires_grad]
    named = FROZEN.get((name, args.get("train_gates", True)))

    assert UNUSED.get((name, args.get("preset", "")), []) == missing
    assert [] == dead
    assert [key for key, _ in model.named_parameters() if named and key.startswith(named)] == frozen


@every_model
@pytest.mark.parametrize("samples", [1, 3])
def test_score_shape(name: str, args: dict[str, Any], samples: int) -> None:
    """One finite score per sample, and at level frame one per step."""
    model = made(name, args).eval()
    scores = model.score(features_for(model, samples))
    steps = scores.positions if scores.positions is None else tuple(scores.positions.shape[:1])

    assert isinstance(scores, Scores)
    assert (samples,) == tuple(scores.video.shape)
    assert torch.isfinite(scores.video).all()
    assert (samples,) == steps if model.sampling == "bags" and model.level == "frame" else steps is None


@every_model
def test_eval_is_deterministic_and_batches_do_not_mix(name: str, args: dict[str, Any]) -> None:
    """Twice the same scores, and the same alone as in a batch."""
    model = made(name, args).eval()
    features = features_for(model, 3)
    first, again = model.score(features).video, model.score(features).video

    assert torch.equal(first, again)
    torch.testing.assert_close(first[1:2], model.score(features[1:2]).video)


@every_model
def test_rebuilt_from_weights_and_json(name: str, args: dict[str, Any]) -> None:
    """State dict and the JSON of the settings give the same scores; buffers included."""
    model = made(name, args, 1).eval()
    features = features_for(model, 2)
    with torch.no_grad():
        model.calibrate(features_for(model, 5, seed=1))
    config = json.loads(json.dumps(model.config.model_dump()))
    again = made(name, config, 2).eval()
    again.load_state_dict({key: value.clone() for key, value in model.state_dict().items()})

    assert config == again.config.model_dump()
    assert torch.equal(model.score(features).video, again.score(features).video)


@every_model
def test_unknown_settings_are_refused(name: str, args: dict[str, Any]) -> None:
    """All problems at once, with the known names."""
    with pytest.raises(ParamsError, match=r"2 problem(.|\n)*Known: "):
        made(name, {**args, "no_such_setting": 1, "memory_slot": 3})


def waves(seed: int, row: tuple[int, ...]) -> Part:
    """Normal videos of slow waves; anomalous ones (every other) leave them for a fifth of their length.

    They leave them in half of the channels: a step common to all is lost on models that normalise vectors.
    """
    rng = np.random.default_rng(seed)
    features = []
    for video in range(24):
        rows = int(rng.integers(20, 40))
        slow = np.sin(np.arange(rows)[:, None] / 5 + np.arange(WIDTH) + rng.uniform(0, 6))
        values = 0.5 * slow + 0.1 * rng.normal(size=(rows, WIDTH))
        start = int(rng.integers(0, rows - rows // 5))
        values[start : start + rows // 5, : WIDTH // 2] += 2.0 * (video % 2)
        features.append(values.astype(np.float32).reshape(rows, *row))
    return Part(features, [0, 1] * 12)


def walks(seed: int) -> Part:
    """Clips of a bright square that walks slowly; in anomalous ones (every other) it stands out and jumps a while."""
    rng = np.random.default_rng(seed)
    videos = []
    for video in range(24):
        rows = int(rng.integers(12, 20))
        clip = np.full((rows, 3, SIDE, SIDE), 60, np.uint8)
        start = int(rng.integers(4, rows - 4))
        for row in range(rows):
            odd = video % 2 and start <= row < start + 4
            top, left = rng.integers(0, SIDE - 4, 2) if odd else (6, row % (SIDE - 4))
            clip[row, :, top : top + 4, left : left + 4] = 250 if odd else 140
        videos.append(clip)
    return Part(videos, [0, 1] * 12)


@cache
def videos(name: str) -> list[Part]:
    """Three parts with another seed each, as a model reads them; with clips where it uses them."""
    parts = [walks(seed) if reads_images(name) else waves(seed, row_of(name)) for seed in range(3)]
    if made(name, SMALL.get(name, {})).uses_clips:
        parts = [replace(part, clips=[noise(len(rows)) for rows in part.features]) for part in parts]
    return parts


@every_model
def test_anomalous_videos_score_higher(name: str, args: dict[str, Any]) -> None:
    """After a short training on separable videos, new anomalous ones rank above normal ones; a rebuilt model agrees."""
    model = made(name, args)
    select_by = "video_auc" if model.supervision == "weak" else "validation_loss"
    epochs = 5 if reads_images(name) or model.uses_clips else 8  # steps on pictures take longer and learn faster
    plan = Train(lr=1e-3, epochs=epochs, steps_per_epoch=10, batch=8, select_by=select_by)
    parts = videos(name)
    state = train(model, parts[0], parts[1], plan, 0).state
    rebuilt = made(name, args, 1)
    for same in (model, rebuilt):
        same.load_state_dict(state)
    scores, again = (video_scores(same.eval(), set_for(same, parts[2])) for same in (model, rebuilt))
    anomalous, normal = scores[1::2], scores[::2]

    assert np.array_equal(scores, again), "the state dict does not hold all that scores need: register_buffer it"
    assert np.mean(anomalous[:, None] > normal[None, :]) > 0.9


@trained_models
def test_mixed_precision_trains(name: str, args: dict[str, Any]) -> None:
    """The first steps cost what they cost in float32, within 5 percent; weights and memories stay float32."""
    fit, validation, _ = videos(name)
    plan = {"lr": 1e-4, "epochs": 1, "steps_per_epoch": 2, "batch": 4, "select_by": "last"}
    full, *halves = (
        train(made(name, args), fit, validation, Train(**plan, precision=precision), 0)
        for precision in ("float32", "bfloat16", "float16")
    )

    for half in halves:
        assert full.history[0]["train_loss"] == pytest.approx(half.history[0]["train_loss"], rel=0.05)
        assert [v.dtype for v in full.state.values()] == [v.dtype for v in half.state.values()]
        assert not all(torch.equal(full.state[key], half.state[key]) for key in full.state)
