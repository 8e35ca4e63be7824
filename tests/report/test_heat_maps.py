"""Which frames are shown, which clip a map is of, and where on the picture each patch lies."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.clips import noise, numbered
from vad.artefacts.clips import BagClips
from vad.artefacts.features import FeatureFile
from vad.engine.build import build
from vad.engine.expansion import resample
from vad.errors import FeatureError
from vad.evaluation.judged_video import VideoTruth
from vad.report.heat_maps import heat_maps, places, shown

ARGS = {
    "bag_segments": 20,
    "score_full_length": False,
    "stage1": {"width": 8, "head_width": 4, "scorer_width": 4},
    "head": {"width": 6, "heads": 2, "head_width": 3, "scorer_width": 4, "cross_heads": 2, "cross_head_width": 4},
    "encoder": {
        **{"clip_frames": 4, "image_height": 32, "image_width": 32, "tubelet_frames": 2},
        **{"embed": 12, "depth": 1, "heads": 2, "prune_before": [], "token_ratio": []},
    },
}


def made(**changes: Any) -> Any:
    """A small model for clips of 4 frames, always from the same seed."""
    return build("stpvad", {**ARGS, **changes}, 5)


def video(name: str, class_name: str, label: int, labels: list[int] | None = None) -> VideoTruth:
    """A video of ten frames."""
    marks = None if labels is None else np.array(labels)
    return VideoTruth(video_id=name, class_name=class_name, label=label, n_frames=10, labels=marks)


def test_frames_follow_from_list_and_annotation() -> None:
    """The first of each class at its first annotated frame, then the first normal video; the middle without marks."""
    marked = [0, 0, 0, 1, 1, 0, 1, 0, 0, 0]
    videos = [
        video("n1", "Normal", 0),
        video("b1", "Burglary", 1, marked),
        video("b2", "Burglary", 1, [1] * 10),
        video("n2", "Normal", 0),
        video("a1", "Arson", 1),
        video("c1", "Abuse", 1, [0] * 10),
    ]
    many = [video(str(number), f"class{number}", 1) for number in range(9)]

    assert [("b1", 3), ("a1", 5), ("c1", 5), ("n1", 5)] == [(p.video.video_id, p.frame) for p in places(videos)]
    assert ["0", "1", "2", "3", "4"] == [p.video.video_id for p in places(many)]
    assert [] == places([])


def file(rows: int, every: int = 4) -> FeatureFile:
    """Random features whose clips have the grey 20 row + frame; a row begins every so many frames."""
    values = np.random.default_rng(0).normal(size=(rows, 5)).astype(np.float32)
    return FeatureFile(values, np.arange(rows + 1) * every, clips=numbered(rows))


@pytest.mark.parametrize(
    ("rows", "frame", "expected", "grey"),
    [
        (7, 13, 13, 20 * 3 + 1),
        (7, 27, 27, 20 * 6 + 3),
        (7, 999, 27, 20 * 6 + 3),
        # A bag of 20 for 40 rows looks at every second one: the nearest frame of the clip before.
        (40, 13, 11, 20 * 2 + 3),
        (40, 8, 8, 20 * 2),
    ],
)
def test_the_frame_is_one_that_the_model_looks_at(rows: int, frame: int, expected: int, grey: int) -> None:
    """The picture is the clip's own at that frame, and the frame's number is right."""
    found = shown(made(), file(rows), frame)

    assert expected == found.frame
    assert (32, 32, 3) == found.image.shape
    assert (grey % 256) == pytest.approx(int(found.image[0, 0, 0]), abs=1)


def test_a_clip_past_the_end_shows_the_last_frame() -> None:
    """A row of two frames has a clip of four, whose end repeats: the number stays inside the video."""
    short = FeatureFile(np.ones((1, 5), np.float32), np.array([0, 2]), clips=numbered(1))

    assert 1 == shown(made(), short, 9).frame


@pytest.mark.parametrize("full_length", [False, True])
def test_the_map_is_that_of_the_frame(full_length: bool) -> None:
    """The tubelet of the frame, of the segment's own clip, spread over the picture; the mean over crops."""
    model = made(score_full_length=full_length).eval()
    values = np.random.default_rng(1).normal(size=(10, 2, 5)).astype(np.float32)
    clips = noise(10)
    found = shown(model, FeatureFile(values, np.arange(11) * 4, clips=clips), 4 * 6 + 3)
    length, segment = (10, 6) if full_length else (20, 13)
    with torch.no_grad():
        maps = [
            model.patch_maps(
                torch.from_numpy(resample(values[:, crop], length))[None], BagClips([clips]), torch.tensor([segment])
            )[0, 1]
            for crop in (0, 1)
        ]
    expected = np.kron(((maps[0] + maps[1]) / 2).numpy(), np.ones((16, 16)))

    np.testing.assert_array_equal(clips.frames(6)[3], found.image)
    np.testing.assert_allclose(expected, found.heat, rtol=1e-5)


def test_features_without_images_are_refused() -> None:
    """There is nothing to show."""
    with pytest.raises(FeatureError, match="hold no images"):
        shown(made(), FeatureFile(np.ones((3, 5), np.float32), np.arange(4) * 4), 0)


def test_heat_maps_by_hand() -> None:
    """Each patch covers its pixels, each tubelet its frames; blended maps stay in range and keep the corners."""
    patches = torch.tensor([[[[0.0, 1.0]], [[0.5, 0.0]]]])
    nearest = heat_maps(patches, 4, 2, 4)
    blended = heat_maps(patches, 4, 2, 4, "bilinear")

    assert [[0.0, 0.0, 1.0, 1.0]] * 2 == nearest[0, 1].tolist()
    assert [[0.5, 0.5, 0.0, 0.0]] * 2 == nearest[0, 2].tolist()
    assert [[0.0, 0.25, 0.75, 1.0]] * 2 == blended[0, 0].tolist()
