"""Copies with changed pictures: what is drawn, what it depends on, and what is done to the frames."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor
from torchvision.transforms import v2

from tests import videos
from vad.extractors._base import Source, make_features
from vad.extractors.clips import Config as ClipsConfig
from vad.extractors.clips import Extractor as ClipsExtractor
from vad.extractors.frames import Config, Extractor
from vad.extractors.xfeat import Config as XFeatConfig
from vad.extractors.xfeat import Extractor as XFeatExtractor
from vad.schema.augment import Augment
from vad.video.augment import TOGETHER, AugmentedReader, augment
from vad.video.batches import BatchReader, batches
from vad.video.decode import PyAVReader, Reader
from vad.video.draws import Box, Draws, draw

RANGES = Augment(copies=2, brightness=0.4, contrast=0.3, saturation=2.0, hue=0.1, crop=0.6, flip=0.5)
NEUTRAL = Draws(1)
LEVEL = 1
"""Rounding: where a result is nearly whole, the layout in memory decides by the last bit which level it is cut to."""


def frames(count: int = 4, height: int = 24, width: int = 32) -> Tensor:
    """Frames of a scene."""
    return torch.from_numpy(np.stack(list(videos.scene(count, height, width))))


def apart(one: Tensor, other: Tensor) -> int:
    """The largest difference in levels of 255."""
    return int((one.int() - other.int()).abs().max())


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight frames."""
    return videos.write_video(tmp_path_factory.mktemp("clips") / "clip.mp4", videos.scene(8))


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        Augment,
        brightness=st.floats(0, 3),
        contrast=st.floats(0, 3),
        saturation=st.floats(0, 3),
        hue=st.floats(0, 0.5),
        crop=st.floats(0.01, 1),
        flip=st.floats(0, 1),
        seed=st.integers(0, 2**40),
    ),
    st.text("abcXYZ019_-", min_size=1, max_size=20),
    st.integers(1, 9),
    st.tuples(st.integers(1, 400), st.integers(1, 400)),
)
def test_draws_stay_in_their_ranges(ranges: Augment, video_id: str, copy: int, shape: tuple[int, int]) -> None:
    """Factors, turns and sides; the part that is cut out lies inside a picture of any size."""
    drawn, (height, width) = draw(ranges, video_id, copy), shape
    box = drawn.box(height, width)

    for name in ("brightness", "contrast", "saturation"):
        spread = getattr(ranges, name)
        assert max(0, 1 - spread) <= getattr(drawn, name) <= 1 + spread
    assert -ranges.hue <= drawn.hue <= ranges.hue
    assert ranges.crop <= drawn.side <= 1
    assert 1 <= box.height <= height
    assert 1 <= box.width <= width
    assert 0 <= box.top <= height - box.height
    assert 0 <= box.left <= width - box.width


def test_draws_depend_on_seed_video_and_copy_alone() -> None:
    """Equal ones give equal values; how many copies there are, and another range of one kind, move no other value."""
    one = draw(RANGES, "a", 1)
    others = [draw(RANGES, "b", 1), draw(RANGES, "a", 2), draw(RANGES.model_copy(update={"seed": 1}), "a", 1)]
    wider = draw(RANGES.model_copy(update={"copies": 9, "contrast": 0.9}), "a", 1)

    assert one == draw(RANGES, "a", 1)
    assert 4 == len({drawn.brightness for drawn in (one, *others)})
    assert one == replace(wider, contrast=one.contrast)
    assert wider.contrast != one.contrast


def test_draws_are_spread_over_their_range() -> None:
    """Over many videos: both ends come near, the middle is the middle, and half of them are mirrored."""
    drawn = [draw(RANGES, f"video{number}", 1) for number in range(400)]
    factors = [each.brightness for each in drawn]

    assert 0.6 <= min(factors) < 0.62
    assert 1.38 < max(factors) <= 1.4
    assert np.mean(factors) == pytest.approx(1, abs=0.05)
    assert np.mean([each.flip for each in drawn]) == pytest.approx(0.5, abs=0.1)


def test_nothing_set_changes_nothing() -> None:
    """Every default means no change: the frames are equal."""
    drawn = draw(Augment(), "a", 1)

    assert torch.equal(augment(drawn, frames()), frames())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"hue": 0.6}, "0.5"), ({"crop": 0.0}, "greater than 0"), ({"flip": 1.5}, "1"), ({"copies": 0}, "1")],
)
def test_ranges_are_checked(wrong: dict[str, float], words: str) -> None:
    """A hue of more than half a turn, an empty crop, a probability above 1, no copy."""
    with pytest.raises(ValidationError, match=words):
        Augment.model_validate(wrong)


def test_a_mirrored_picture_is_exact() -> None:
    """Columns in reverse order, and twice is none."""
    mirror = replace(NEUTRAL, flip=True)

    assert torch.equal(augment(mirror, frames()), frames().flip(2))
    assert torch.equal(augment(mirror, augment(mirror, frames())), frames())


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "hue"])
@pytest.mark.parametrize("value", [0.3, 1.4])
def test_colours_mean_what_color_jitter_means(name: str, value: float) -> None:
    """Against torchvision's own transform with a range of one value."""
    value = value - 1 if name == "hue" and value > 1 else value
    jitter = v2.ColorJitter(**{name: (value, value)})
    expected = torch.stack([jitter(frame.permute(2, 0, 1)).permute(1, 2, 0) for frame in frames()])

    assert apart(augment(replace(NEUTRAL, **{name: value}), frames()), expected) <= LEVEL
    assert apart(expected, frames()) > 10


def test_a_crop_is_resized_back() -> None:
    """The box by hand; the picture has its size again, and shows the box from edge to edge."""
    corner = replace(NEUTRAL, side=0.5, down=1.0, right=0.0)
    flat = torch.zeros(2, 24, 32, 3, dtype=torch.uint8)
    flat[:, 12:, :16] = 200

    assert Box(12, 0, 12, 16) == corner.box(24, 32)
    assert torch.equal(augment(corner, flat), torch.full_like(flat, 200))
    assert Box(0, 0, 24, 32) == NEUTRAL.box(24, 32)


def test_the_order_is_crop_mirror_brightness_contrast_saturation_hue() -> None:
    """All at once equals one after the other in this order, and no other order of two neighbours."""
    steps = [
        {"side": 0.5, "down": 0.3, "right": 0.1},
        {"flip": True},
        {"brightness": 1.9},
        {"contrast": 1.8},
        {"saturation": 1.7},
        {"hue": 0.2},
    ]

    def in_turn(order: list[dict]) -> Tensor:
        result = frames()
        for step in order:
            result = augment(replace(NEUTRAL, **step), result)
        return result

    together = augment(replace(NEUTRAL, **{k: v for step in steps for k, v in step.items()}), frames())
    assert apart(together, in_turn(steps)) <= LEVEL
    for place in (0, 2, 3, 4):  # mirroring and brightness can change places
        swapped = [*steps[:place], steps[place + 1], steps[place], *steps[place + 2 :]]
        assert apart(together, in_turn(swapped)) > 2 * LEVEL, place


def test_all_frames_of_a_copy_are_changed_alike() -> None:
    """Equal frames stay equal, also beyond the frames that are changed together."""
    still = frames(1).expand(TOGETHER + 3, -1, -1, -1)
    changed = augment(draw(RANGES, "a", 1), still)

    assert apart(changed, changed[:1]) <= LEVEL
    assert apart(changed, still) > 10


def test_a_reader_of_a_copy(clip: Path) -> None:
    """Frames one by one and in batches are those of the video, changed; report and count are the video's."""
    drawn = draw(RANGES, "clip", 1)
    plain, copy = PyAVReader(clip, 48, 64), AugmentedReader(PyAVReader(clip, 48, 64), drawn)
    expected = augment(drawn, torch.cat(list(batches(plain, 3, 2))))
    single = np.stack(list(AugmentedReader(PyAVReader(clip, 48, 64), drawn).frames(2)))
    together = torch.cat(list(batches(copy, 3, 2)))

    assert isinstance(copy, Reader)
    assert isinstance(copy, BatchReader)
    assert apart(together, expected) <= LEVEL
    assert apart(torch.from_numpy(single), expected) <= LEVEL
    assert (copy.n_frames, copy.report) == (plain.n_frames, plain.report)


def test_the_number_of_threads_changes_nothing() -> None:
    """Large frames, which torch would share out among threads; the number is as before afterwards."""
    large, drawn, before = frames(8, 240, 320), draw(RANGES, "a", 1), torch.get_num_threads()
    found = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(augment(drawn, large))
            assert threads == torch.get_num_threads()
    finally:
        torch.set_num_threads(before)

    assert torch.equal(*found)


def test_every_extractor_of_videos_takes_copies(clip: Path) -> None:
    """Frames, a network, and clips with the same change in images and vectors; the report says what was drawn."""
    drawn = draw(RANGES, "clip", 2)
    source = Source("clip", (clip,))
    inner = {"extractor": "xfeat", "size": 32, "segment_frames": 4, "device": "cpu"}
    vectors = XFeatConfig.model_validate({key: value for key, value in inner.items() if key != "extractor"})
    extractors = [
        Extractor(Config(size=16)),
        XFeatExtractor(vectors),
        ClipsExtractor(ClipsConfig(frames=4, size=32, vectors=inner)),
    ]
    files = [make_features(extractor, replace(source, draws=drawn)) for extractor in extractors]
    plain = [make_features(extractor, source) for extractor in extractors]

    for copy, video in zip(files, plain, strict=True):
        assert {**video.report, "augment": drawn.report()} == copy.report
        assert copy.features.shape == video.features.shape
        assert not np.array_equal(copy.features, video.features)
    _, network, clips = files
    assert np.array_equal(network.features, clips.features)
    assert clips.clips is not None
    assert plain[2].clips is not None
    assert not np.array_equal(clips.clips.frames(0), plain[2].clips.frames(0))


def test_clips_have_one_augment_for_images_and_vectors() -> None:
    """Not one of the vectors alone; and none where the vectors are published and cannot be changed."""
    inner = {"extractor": "xfeat", "size": 32}
    with pytest.raises(ValidationError, match="augment belongs to the clips entry"):
        ClipsConfig(vectors={**inner, "augment": {"flip": 0.5}})
    with pytest.raises(ValidationError, match="published vectors stay as they are"):
        ClipsConfig(vectors={"extractor": "imported", "dim": 4}, augment=Augment(flip=0.5))

    assert ClipsConfig(vectors=inner, augment=Augment(flip=0.5)).vectors == ClipsConfig(vectors=inner).vectors
