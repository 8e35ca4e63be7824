"""Bags and windows: what they hold, and that their order depends on the generator alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests import clips
from vad.engine.batches import BagSet, WindowSet, seed_for
from vad.engine.parts import Part, crops_of, with_copies
from vad.errors import DatasetError, FeatureError
from vad.models._base import Bags, Windows


def numbered(lengths: list[int], labels: list[int], crops: int = 0) -> Part:
    """Videos of one channel whose values name the video (hundreds), the crop (tenths) and the row (units)."""
    features = []
    for video, rows in enumerate(lengths):
        values = 100.0 * video + np.arange(rows, dtype=np.float32)[:, None]
        if crops:
            values = np.stack([values + 0.1 * crop for crop in range(crops)], axis=1)
        features.append(values.astype(np.float32))
    return Part(features, labels)


def generator(seed: int = 0) -> torch.Generator:
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


def test_seeds_of_neighbouring_numbers_differ() -> None:
    """(seed, epoch, step) gives one seed, and another for any other triple; it fits torch."""
    seeds = {seed_for(a, b, c) for a in range(5) for b in range(5) for c in range(5)}

    assert 125 == len(seeds)
    assert seed_for(1, 2, 3) == seed_for(1, 2, 3)
    assert max(seeds) < 2**63


def test_videos_can_come_from_short_to_long() -> None:
    """The samples that a random order draws, in each class by frames; rows stand in where frames are not known."""
    rows = [5, 2, 9, 4, 7, 3, 8, 6]
    part = numbered(rows, [0, 1] * 4)
    frames = replace(part, lengths=[100 - length for length in rows])

    def order(part: Part, **settings: bool) -> list[list[int]]:
        batches = list(BagSet(part, 2).draw(2, 3, generator(1), **settings))
        videos = torch.stack([batch.features[:, 0, 0] for batch in batches]).div(100).long()
        return [videos[:, side].flatten().tolist() for side in (slice(0, 2), slice(2, 4))]

    plain, by_rows, by_frames = order(part), order(part, by_length=True), order(frames, by_length=True)

    assert [sorted(side) for side in plain] == [sorted(side) for side in by_rows] == [sorted(s) for s in by_frames]
    assert by_rows == [sorted(side, key=lambda video: rows[video]) for side in by_rows]
    assert by_frames == [sorted(side, key=lambda video: -rows[video]) for side in by_frames]
    assert plain != by_rows != by_frames


def test_a_batch_may_hold_all_crops_of_its_videos() -> None:
    """Two normal and two anomalous videos a step, each with its three crops in their order; in a sweep all of them."""
    data = BagSet(numbered([4] * 6, [0, 1] * 3, crops=3), 4, crops_together=True)
    (batch,) = data.draw(2, 1, generator())
    first = batch.features[:, 0, 0].reshape(4, 3)
    videos = first[:, 0].div(100).round()

    assert 3 == batch.crops
    assert torch.allclose(first, 100 * videos[:, None] + torch.tensor([0.0, 0.1, 0.2]))
    assert [0, 0, 1, 1] == (videos % 2).tolist() == batch.labels[::3].tolist()
    assert 2 == data.steps(2)
    assert 18 == sum(len(part.labels) for part in data.sweep(2))
    assert {3} == {part.crops for part in data.sweep(2)}
    assert 1 == data.take(torch.tensor([4])).crops


def test_together_needs_as_many_crops_of_each_video() -> None:
    """One of three and one of two."""
    one, two = (numbered([4], [label], crops=crops).features[0] for label, crops in ((0, 3), (1, 2)))

    with pytest.raises(FeatureError, match="videos of 2 and 3 crops"):
        BagSet(Part([one, two], [0, 1]), 4, crops_together=True)


def test_crops_are_samples_of_their_own() -> None:
    """[rows, crops, dim] gives one sample per crop, with the video's label."""
    data = BagSet(numbered([4, 4], [0, 1], crops=3), 4)

    assert (6, 4, 1) == tuple(data.features.shape)
    assert [0, 0, 0, 1, 1, 1] == data.video.tolist()
    assert [0.0, 0.0, 0.0, 1.0, 1.0, 1.0] == data.labels.tolist()
    assert 3 == len(crops_of(np.zeros((4, 3, 1), np.float32)))


def test_paired_batches_hold_both_classes() -> None:
    """Each step has `batch` normal and `batch` anomalous bags, and labels stay with their bags."""
    data = BagSet(numbered([4] * 7, [0, 0, 0, 0, 0, 1, 1]), 4)
    batches = list(data.draw(2, 3, generator()))

    assert 3 == data.steps(2)
    assert 3 == len(batches)
    for batch in batches:
        video = (batch.features[:, 0, 0] // 100).long()
        assert [0.0, 0.0, 1.0, 1.0] == sorted(batch.labels.tolist())
        assert (video >= 5).float().tolist() == batch.labels.tolist()


def test_a_pass_uses_each_video_of_the_larger_class_once() -> None:
    """6 normal videos, 2 a step, 3 steps: each once; the smaller class comes round again."""
    data = BagSet(numbered([4] * 8, [0, 0, 0, 0, 0, 0, 1, 1]), 4)
    drawn = [int(bag[0, 0] // 100) for batch in data.draw(2, data.steps(2), generator()) for bag in batch.features]

    assert [0, 1, 2, 3, 4, 5, 6, 6, 6, 7, 7, 7] == sorted(drawn)


def test_order_follows_the_generator() -> None:
    """The same generator seed gives the same batches, another seed gives others."""
    data = BagSet(numbered([4] * 20, [0, 1] * 10), 4)

    def order(seed: int) -> list[float]:
        return [float(bag[0, 0]) for batch in data.draw(3, 4, generator(seed)) for bag in batch.features]

    assert order(0) == order(0)
    assert order(0) != order(1)


@pytest.mark.parametrize("labels", [[0] * 5 + [1] * 2, [0] * 2 + [1] * 5, [0, 1, 0, 1, 0, 1, 1]])
def test_a_sweep_shows_each_bag_once_with_both_classes(labels: list[int]) -> None:
    """A validation pass covers the part once, and no batch lacks a class."""
    data = BagSet(numbered([4] * 7, labels), 4)
    batches = list(data.sweep(1))
    seen = sorted(int(bag[0, 0] // 100) for batch in batches for bag in batch.features)

    assert list(range(7)) == seen
    assert {(0.0, 1.0)} == {tuple(sorted(set(batch.labels.tolist()))) for batch in batches}


def test_one_class_cannot_be_paired() -> None:
    """A part without anomalous videos is refused with its counts."""
    data = BagSet(numbered([4] * 3, [0, 0, 0]), 4)

    with pytest.raises(DatasetError, match="3 normal and 0 anomalous"):
        data.steps(2)


def test_clips_stay_with_their_videos() -> None:
    """Each bag of a batch, crops too, has the clips of its own video; a part without clips gives none."""
    part = replace(numbered([4, 6], [0, 1], crops=2), clips=[clips.numbered(4), clips.numbered(6, first=100)])
    data = BagSet(part, 3)
    (batch,) = data.sweep(2)
    moved = batch.to(torch.device("cpu"))
    assert moved.clips is not None
    values = moved.clips.frames(range(4), [2] * 4, 3)[:, 0, 0, 0, 0].tolist()

    assert [0, 0, 100, 100] == (batch.features[:, 0, 0] // 100 * 100).int().tolist()
    assert [40, 40, 180, 180] == values
    assert BagSet(numbered([4, 6], [0, 1]), 3).take(torch.arange(2)).clips is None


def test_windows_are_cut_where_they_should() -> None:
    """Windows of 3 every 2 rows; the short video is padded with its last row; no window crosses videos."""
    data = WindowSet(numbered([7, 2], [0, 0]), 3, 2)
    cut = data.take(torch.arange(len(data.starts)))[:, :, 0].tolist()

    assert [[0.0, 1.0, 2.0], [2.0, 3.0, 4.0], [4.0, 5.0, 6.0], [100.0, 101.0, 101.0]] == cut
    assert [0, 0, 0, 1] == data.video.tolist()


def test_windows_of_images_stay_bytes() -> None:
    """Rows of pixels are kept as they were given, not copied; no window crosses videos; a short one is padded."""
    clips = [np.arange(n * 12, dtype=np.uint8).reshape(n, 3, 2, 2) for n in (4, 2)]
    data = WindowSet(Part(clips, [0, 0]), 3, 1)
    cut = data.take(torch.arange(3))

    assert torch.uint8 == cut.dtype
    assert np.shares_memory(clips[0], data.rows[0].numpy())
    assert [[0, 12, 24], [12, 24, 36], [0, 12, 12]] == cut[:, :, 0, 0, 0].tolist()


def test_the_sample_of_large_windows_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Constants are taken from as many windows as fit the bound, evenly chosen, and from at least one."""
    data = WindowSet(Part([np.zeros((12, 3, 2, 2), np.uint8)], [0]), 3, 1)
    sizes = []
    for limit in (36 * 10, 36 * 5, 1):
        monkeypatch.setattr("vad.engine.batches.SAMPLE_BYTES", limit)
        sizes.append(len(data.sample()))

    assert [10, 5, 1] == sizes


def test_windows_of_crops_do_not_mix() -> None:
    """Each crop has its own windows."""
    data = WindowSet(numbered([3], [0], crops=2), 3, 1)
    cut = data.take(torch.arange(2))[:, :, 0]

    assert [0, 1] == data.crop.tolist()
    np.testing.assert_allclose([[0.0, 1.0, 2.0], [0.1, 1.1, 2.1]], cut)


def test_training_windows_are_normal_only() -> None:
    """Windows of anomalous videos are never drawn, but are there to be scored."""
    data = WindowSet(numbered([6, 6], [0, 1]), 3, 1)
    drawn = [value for batch in data.draw(3, 5, generator()) for value in batch.features.flatten().tolist()]
    swept = [value for batch in data.sweep(3) for value in batch.features.flatten().tolist()]

    assert 8 == len(data.starts)
    assert max(drawn) < 100
    assert max(swept) < 100


def test_a_pass_over_windows_uses_each_once() -> None:
    """5 windows in batches of 2: 2, 2 and 1, each window once; then a new order."""
    data = WindowSet(numbered([7], [0]), 3, 1)
    batches = list(data.draw(2, 6, generator()))
    first = [int(window[0, 0]) for batch in batches[:3] for window in batch.features]
    second = [int(window[0, 0]) for batch in batches[3:] for window in batch.features]

    assert [2, 2, 1] == [len(batch.features) for batch in batches[:3]]
    assert [0, 1, 2, 3, 4] == sorted(first) == sorted(second)
    assert first != second


def test_windows_without_normal_videos_are_refused() -> None:
    """Normal-only training needs normal videos."""
    data = WindowSet(numbered([6], [1]), 3, 1)

    with pytest.raises(DatasetError, match="none"):
        data.steps(2)


def test_batches_move_to_a_device() -> None:
    """A batch keeps its values on another device (here the same one)."""
    batch = Bags(torch.ones(2, 3, 4), torch.tensor([0.0, 1.0])).to(torch.device("cpu"))

    assert (2, 3, 4) == tuple(batch.features.shape)
    assert [0.0, 1.0] == batch.labels.tolist()


def copied(part: Part, copies: int) -> Part:
    """A part whose copies have the same values, and the number of the copy as tenths."""
    others = [Part([f + np.float32(0.1 * n) for f in part.features], part.labels) for n in range(1, copies + 1)]
    return with_copies(part, others)


def versions(batch: Bags | Windows) -> list[int]:
    """Which version each sample of a batch is; its rows must be of one."""
    tenths = (batch.features * 10).round().long() % 10
    assert (tenths == tenths[:, :1]).all()
    return tenths[:, 0, 0].tolist()


@pytest.mark.parametrize("kind", ["bags", "windows"])
def test_each_sample_has_one_version_an_epoch(kind: str) -> None:
    """All versions come with about equal frequency, another one in another epoch; the order is that without copies."""
    part = numbered([4] * 300, [0, 1] * 150 if kind == "bags" else [0] * 300)
    plain, data = (
        BagSet(each, 4) if kind == "bags" else WindowSet(each, 4, 4) for each in (part, copied(part, copies=2))
    )

    def epoch(data: BagSet | WindowSet, seed: int) -> tuple[list[int], list[int]]:
        """The videos in their order, twice over all of them, and the version of each."""
        drawn = list(data.draw(10, 2 * data.steps(10), generator(seed)))
        return [int(b // 100) for each in drawn for b in each.features[:, 0, 0]], [
            v for each in drawn for v in versions(each)
        ]

    order, chosen = epoch(data, 0)
    again = dict(zip(order, chosen, strict=True))
    counts = np.bincount(list(again.values()))

    assert epoch(plain, 0) == (order, [0] * 600)
    assert chosen == [again[video] for video in order]
    assert (order, chosen) == epoch(data, 0)
    assert chosen != epoch(data, 1)[1]
    assert 3 == len(counts)
    assert counts.min() > 75


def test_copies_are_for_training_batches_alone() -> None:
    """Constants, validation passes and scores use the samples as they are."""
    bags, windows = BagSet(copied(numbered([4, 4], [0, 1]), 1), 4), WindowSet(copied(numbered([4], [0]), 1), 2, 2)

    assert {0} == {v for data in (bags, windows) for batch in data.sweep(4) for v in versions(batch)}
    assert torch.equal(bags.sample(), BagSet(numbered([4, 4], [0, 1]), 4).sample())
    assert torch.equal(windows.sample(), WindowSet(numbered([4], [0]), 2, 2).sample())


def test_clips_follow_the_version() -> None:
    """The images of a bag are those of the copy that its features are of."""
    plain = replace(numbered([2] * 20, [0, 1] * 10), clips=[clips.numbered(2)] * 20)
    copy = Part([f + np.float32(0.1) for f in plain.features], plain.labels, [clips.numbered(2, first=100)] * 20)
    (batch,) = BagSet(with_copies(plain, [copy]), 2).draw(10, 1, generator())
    assert batch.clips is not None
    values = batch.clips.frames(range(20), [0] * 20, 2)[:, 0, 0, 0, 0].tolist()

    assert {0, 1} == set(versions(batch))
    assert [100 * version for version in versions(batch)] == values


def test_a_copy_of_another_shape_is_refused() -> None:
    """The error names the copy and both shapes."""
    with pytest.raises(FeatureError, match=r"copy 1 of 1 video.*\(3, 1\) instead of \(4, 1\)"):
        with_copies(numbered([4], [0]), [numbered([3], [0])])
