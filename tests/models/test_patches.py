"""Stage 2 on patches: its numbers by hand, its terms by hand, and that a small training finds what moves alone."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import Float
from pydantic import ValidationError
from torch import Tensor

from tests.clips import noise
from vad.artefacts.clips import BagClips, Clips, encode_jpeg
from vad.engine.build import build
from vad.engine.parts import Part
from vad.engine.train import train
from vad.models import stpvad
from vad.models._base import OWN, Bags, VideoModel
from vad.models._patches import ENERGIES, SIGNED, Patches, PatchNetwork, background, described, numbers, ranking
from vad.schema.train import Train

SMALL = {
    "bag_segments": 6,
    "score_full_length": False,
    "stage1": {"width": 8, "head_width": 4, "scorer_width": 4},
    "encoder": {"clip_frames": 4, "image_height": 32, "image_width": 32},
    "stage2": "patches",
    "patches": {"patch_size": 8, "mean_clips": 0, "mean_patches": 0},
}
NAMES = [*ENERGIES, *SIGNED]


def made(score: str = "stage1", **patches: Any) -> stpvad.Model:
    """A small model in eval mode, always from the same seed; with weights as if it were trained."""
    model = build("stpvad", {**SMALL, "score": score, "patches": {**SMALL["patches"], **patches}}, 5).eval()
    with torch.no_grad():
        for weight in model.patches.layers.parameters():
            weight.copy_(torch.linspace(-1, 1, weight.numel()).view_as(weight))
    return model


def grey(values: list[Tensor]) -> Tensor:
    """One clip of grey pictures, colours 0..1."""
    return torch.stack(values)[None, :, None].expand(-1, -1, 3, -1, -1)


def test_numbers_by_hand() -> None:
    """One pixel goes 0, .3, .2 before a background of .1; its neighbours are 0. Red and blue differ in the second."""
    pictures = [torch.zeros(3, 3) for _ in range(3)]
    for picture, value in zip(pictures, (0.0, 0.3, 0.2), strict=True):
        picture[1, 1] = value
    usual = torch.full((3, 3, 3), 0.1)
    found = dict(zip(NAMES, numbers(grey(pictures), usual)[0, :, 1, 1].tolist(), strict=True))
    beside = dict(zip(NAMES, numbers(grey(pictures), usual)[0, :, 1, 0].tolist(), strict=True))
    expected = {"motion": 0.2, "most_motion": 0.3, "least_motion": 0.1, "foreground": 0.2, "acceleration": 0.4}
    expected |= {"brighter": 0.15, "darker": 0.05, "lighter_than_background": 0.2, "darker_than_background": 0.0}
    expected |= {"hue_of_foreground": 0.0, "hue_of_motion": 0.0, "brightness": 0.5 / 3, "deviation": 1 / 9}
    expected |= {"squared_change": 0.05, "bright_motion": 0.035, "edges_across": 0.0, "new_edges": 0.0}
    colourful = torch.zeros(1, 3, 3, 3, 3)
    colourful[0, 1:, 0] = 0.6
    hues = dict(zip(NAMES, numbers(colourful, torch.zeros(3, 3, 3))[0, :, 1, 1].tolist(), strict=True))

    assert {**found, **expected} == pytest.approx(found, abs=1e-6)
    assert (0.1, 0.0) == pytest.approx((beside["darker_than_background"], beside["motion"]))
    shown = ("hue_of_foreground", "hue_of_motion", "saturation", "saturated_motion", "warm_motion")
    assert (0.6, 0.3, 0.4, 0.03, 0.06) == pytest.approx(tuple(hues[name] for name in shown))


def test_background_is_the_median_over_the_video() -> None:
    """What is there in one clip of three is not."""
    clips = torch.full((3, 4, 3, 2, 2), 51, dtype=torch.uint8)
    clips[1] = 255

    assert torch.equal(torch.full((3, 2, 2), 0.2), background(clips))


def test_means_over_neighbours() -> None:
    """In time the ends are repeated; in the picture only patches that exist count."""
    clips = torch.zeros(3, 4, 3, 4, 4, dtype=torch.uint8)
    clips[0, :, :, :2, :2] = 255
    brightness = NAMES.index("brightness")
    each, in_time, around = (
        described(clips, Patches(patch_size=2, mean_clips=t, mean_patches=p))[:, brightness]
        for t, p in ((0, 0), (1, 0), (0, 1))
    )

    torch.testing.assert_close(torch.tensor([1.0, 0.0, 0.0]), each[:, 0, 0])
    torch.testing.assert_close(torch.tensor([2 / 3, 1 / 3, 0.0]), in_time[:, 0, 0])
    torch.testing.assert_close(torch.full((2, 2), 0.25), around[0])


def test_ranking_by_hand() -> None:
    """The mean over all pairs; it falls as anomalous ones rise."""
    pairs = [1 + b - a for a in (2.0, 0.0) for b in (-1.0, 0.5, 1.0)]
    expected = sum(math.log1p(math.exp(pair)) for pair in pairs) / 6

    assert expected == pytest.approx(ranking(torch.tensor([-1.0, 0.5, 1.0]), torch.tensor([2.0, 0.0]), 1.0).item())


def test_terms_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the patches of all normal videos together, and the mean of the best half of each anomalous video."""
    network = PatchNetwork(Patches(top_share=0.5, normal_share=0.5, margin=0.0))
    logits = torch.tensor([[[0.0, 1.0]], [[4.0, 2.0]], [[-1.0, 3.0]], [[5.0, 0.0]]])
    monkeypatch.setattr(network, "forward", lambda values: logits - network.threshold)
    videos = [torch.zeros(1, 27, 1, 2), torch.zeros(2, 27, 1, 2), torch.zeros(1, 27, 1, 2)]
    found = network.loss(videos, torch.tensor([0.0, 1.0, 0.0]))
    soft = lambda value: math.log1p(math.exp(value))  # noqa: E731
    anomalous, normals = (4 + 3) / 2, (5.0, 1.0)

    assert sum(soft(b - anomalous) for b in normals) / 2 == pytest.approx(found["ranking"].item())
    expected = (soft(2 - anomalous) + sum(soft(b - 2) for b in normals) / 2) / 2
    assert expected == pytest.approx(found["threshold"].item())
    assert [0.0, 0.0] == [term.item() for term in network.loss(videos, torch.zeros(3)).values()]


def test_order_and_threshold_are_learned_apart() -> None:
    """The threshold moves no weight, and the order of patches does not move the threshold."""
    network = made().patches.train()
    videos = [torch.randn(2, 27, 3, 3, generator=torch.Generator().manual_seed(n)) for n in range(4)]
    moved = {}
    for name, term in network.loss(videos, torch.tensor([0.0, 1.0, 0.0, 1.0])).items():
        network.zero_grad()
        term.backward(retain_graph=True)
        moved[name] = {n for n, p in network.named_parameters() if p.grad is not None and p.grad.abs().max() > 1e-6}

    assert {"ranking": {"layers.0.weight"}, "threshold": {"threshold"}} == moved


def film(seed: int, anomalous: bool) -> Clips:
    """Six clips of noise before a still wall; in normal videos a grey thing moves, in anomalous ones a red one too."""
    rng = np.random.default_rng(seed)
    wall = np.repeat(np.repeat(rng.integers(60, 120, (8, 8, 1)), 4, 0), 4, 1).repeat(3, 2)
    rows = []
    for row in range(6):
        pictures = []
        for frame in range(4):
            picture = wall + rng.integers(0, 6, wall.shape)
            picture[24:32, (4 * row + 2 * frame) % 24 :][:, :8] = 160
            if anomalous and row in (2, 3):
                picture[8:16, 16 + frame : 22 + frame] = (250, 20, 20)
            pictures.append(encode_jpeg(picture.astype(np.uint8), 90))
        rows.append(pictures)
    return Clips.of(rows)


def maps_of(
    model: VideoModel, features: Float[Tensor, "1 segments dim"], clips: BagClips
) -> Float[Tensor, "segments rows columns"]:
    """The maps that a model notes behind the scores of one video, one for each segment."""
    model.noted_maps = noted = {}
    model.score(features, clips)
    model.noted_maps = None
    return torch.cat(noted[OWN])


def test_training_finds_what_only_anomalous_videos_have() -> None:
    """A thing in one place of some clips, under labels of whole videos alone: its patch ends highest, in new videos."""
    rows = [np.zeros((6, 5), np.float32)] * 12
    parts = [Part(rows[:n], [0, 1] * (n // 2), [film(k + n, k % 2 == 1) for k in range(n)]) for n in (12, 4)]
    model = build("stpvad", {**SMALL, "patches": {**SMALL["patches"], "top_share": 0.05}}, 5)
    plan = Train(lr=5e-2, epochs=1, steps_per_epoch=40, batch=6, select_by="last")
    model.load_state_dict(train(model, *parts, plan, 0).state)
    clips, normal = BagClips([film(90, anomalous=True)]), BagClips([film(91, anomalous=False)])
    with torch.inference_mode():
        maps = maps_of(model.eval(), torch.zeros(1, 6, 5), clips)
        others = maps_of(model, torch.zeros(1, 6, 5), normal)

    assert {(1, 2)} == {divmod(int(maps[row].argmax()), 4) for row in (2, 3)}
    assert maps[2:4].amax() > 0.5 > max(maps[[0, 1, 4, 5]].amax(), others.amax())


def test_maps_follow_the_clip_alone() -> None:
    """Another video's segments leave the maps as they are, bit by bit; another video's clips change them all."""
    model = made()
    segments = torch.randn(2, 1, 6, 5, generator=torch.Generator().manual_seed(0))
    clips, others = (BagClips([noise(6, seed=seed)]) for seed in (0, 1))
    with torch.inference_mode():
        maps = maps_of(model, segments[0], clips)
        swapped = maps_of(model, segments[1], clips)
        elsewhere = maps_of(model, segments[0], others)

    assert (6, 4, 4) == tuple(maps.shape)
    assert torch.equal(maps, swapped)
    assert all((maps - elsewhere).abs().amax(dim=(1, 2)) > 1e-3)


def test_published_maps_follow_the_segments() -> None:
    """The way by which the published second stage learns a video's label: its maps change with the segments."""
    encoder = {**SMALL["encoder"], "embed": 12, "depth": 2, "heads": 2, "prune_before": [], "token_ratio": []}
    head = {"width": 6, "heads": 2, "head_width": 3, "scorer_width": 4, "cross_heads": 2, "cross_head_width": 4}
    model = build("stpvad", {**SMALL, "stage2": "tokens", "encoder": encoder, "head": head}, 5).eval()
    segments = torch.randn(2, 1, 6, 5, generator=torch.Generator().manual_seed(0))
    clips = BagClips([noise(6)])
    with torch.inference_mode():
        maps = [maps_of(model, own, clips) for own in segments]

    assert (maps[0] - maps[1]).abs().amax() > 1e-5


def test_segments_of_one_row_share_a_map() -> None:
    """A video of 3 rows in a bag of 6; the score of a segment is the mean of its best patches, added to stage 1's."""
    model = made("both")
    features, clips = torch.randn(1, 6, 5, generator=torch.Generator().manual_seed(0)), BagClips([noise(3)])
    with torch.inference_mode():
        maps = maps_of(model, features, clips)
        scores = model.score(features, clips).positions
        best = maps.flatten(1).topk(2).values.mean(1)

    assert torch.equal(maps[::2], maps[1::2])
    torch.testing.assert_close(model.stage1(features).scores[0] + best, scores[0])


def test_each_video_is_decoded_once_in_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four of its sixteen images; another step reads what is kept."""
    model, read = made(frames=3), []
    frames = Clips.frames
    monkeypatch.setattr(
        Clips, "frames", lambda self, row, chosen: read.append(list(chosen)) or frames(self, row, chosen)
    )
    batch = Bags(torch.zeros(2, 6, 5), torch.tensor([0.0, 1.0]), BagClips([noise(3), noise(9, seed=1)]))
    first, again = (model.loss(batch) for _ in range(2))

    assert [[0, 2, 3]] * 9 == read
    torch.testing.assert_close(first, again)


def test_stage_one_may_stay_as_it_is() -> None:
    """Without `train_stage1` no term reaches it; with it, UR-DMU's terms are there."""
    batch = Bags(torch.randn(2, 6, 5), torch.tensor([0.0, 1.0]), BagClips([noise(6), noise(6, seed=1)]))
    still = made(train_stage1=False).train()
    sum(still.loss(batch).values()).backward()
    both = {name.split("_")[0] for name in made().train().loss(batch)}

    assert all(value.grad is None for value in still.stage1.parameters())
    assert {"stage1", "patches"} == both


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patches": {"patch_size": 5}}, "patch_size 5 does not divide clips of 32 x 32"),
        ({"patches": {"frames": 8}}, "frames 8 is above encoder.clip_frames 4"),
        ({"patches": {"train_stage1": False}, "stage1_steps": 3}, "stage1_steps needs patches.train_stage1"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], message: str) -> None:
    """The message says which."""
    with pytest.raises(ValidationError, match=message):
        stpvad.Config.model_validate({**SMALL, **settings})
