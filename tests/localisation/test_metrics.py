"""Localisation metrics: cases computed by hand, and against pictures at full size."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from tests.localisation.given import boxes, judged
from vad.errors import ArtefactError
from vad.localisation.detections import Detections, components
from vad.localisation.geometry import Geometry
from vad.localisation.judged_maps import JudgedMaps
from vad.localisation.maps import VideoMaps, centre, mean_map, static, uniform
from vad.localisation.metrics import METRICS, area_up_to, evaluate, replicates
from vad.localisation.pixel_counts import PixelCounts
from vad.localisation.truth import BoxTruth
from vad.schema.evaluate import Bootstrap

ROOT = Path(__file__).parents[2]


def values(*videos: JudgedMaps) -> dict[str, float | None]:
    """The value of each metric."""
    return {name: entry["value"] for name, entry in evaluate(videos).items()}


def spots(*cells: tuple[int, int, float], size: int = 4) -> np.ndarray:
    """One map with scores at some cells and 0 elsewhere."""
    found = np.zeros((size, size), np.float32)
    for row, column, score in cells:
        found[row, column] = score
    return found


def test_a_perfect_map() -> None:
    """The map is the box: every metric is 1."""
    found = values(judged(spots((1, 1, 1), (1, 2, 1))[None], boxes([(0, 1, 1, 1, 3, 2)])))

    assert found == {name: 1.0 for name in METRICS}


def test_pixel_areas_by_hand() -> None:
    """Two anomalous pixels at scores 3 and 1; of 14 others one at 2 and 13 at 0: 27 of 28 pairs are in order."""
    found = values(judged(spots((0, 0, 3), (0, 1, 1), (3, 3, 2))[None], boxes([(0, 1, 0, 0, 2, 1)])))

    assert found["pixel_auc"] == pytest.approx(27 / 28)
    assert found["pixel_ap"] == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)


def test_overlap_by_hand() -> None:
    """Points (false share, mean overlap): a region of 1 pixel, one of 4; 4 of 11 others flagged in between.

    Score 3: the small region and a quarter of the large one: (0, 0.625). Score 2: 4 others: (4/11, 0.625). Score 0:
    all. Up to 0.3 the overlap stays at 0.625.
    """
    one = spots((0, 0, 3), (2, 2, 3), *((0, column, 2) for column in (2, 3)), *((1, column, 2) for column in (2, 3)))
    found = values(judged(one[None], boxes([(0, 1, 0, 0, 1, 1), (0, 2, 2, 2, 4, 4)])))

    assert found["aupro"] == pytest.approx(0.625)


def test_overlap_without_skill() -> None:
    """A flat map: the curve is the diagonal, whose area up to 0.3 is 0.15 of the width."""
    found = values(judged(np.zeros((1, 4, 4)), boxes([(0, 1, 0, 0, 2, 2)])))

    assert found["aupro"] == pytest.approx(0.15)
    assert found["pixel_auc"] == 0.5
    assert found["pixel_ap"] == pytest.approx(4 / 16)
    assert found["box_hit"] == pytest.approx(4 / 16)


def test_regions_by_hand() -> None:
    """Two frames with a region each; the first is found at score 3, a false region comes at 2, the second region at 1.

    Points (false regions in a frame, share): (0, 1/2), (1/2, 1/2), (1/2, 1); at 0 all cells are one region, which has
    an intersection over union of 4/64 with each box and is false. Area up to 1: 1/4 + 1/2.
    """
    truth = boxes([(0, 7, 0, 0, 2, 2), (1, 7, 0, 0, 2, 2)], 8, 8)
    maps = np.stack([spots((0, 0, 3), (3, 3, 2), size=8), spots((0, 1, 1), size=8)])
    found = values(judged(maps, truth))

    assert found["rbdc"] == pytest.approx(0.75)
    assert found["tbdc"] == pytest.approx(1.0)  # half of its regions is more than a tenth


def test_a_tenth_of_a_track() -> None:
    """One of 10 regions detects the track; one of 11 does not."""
    for n_frames, share in ((10, 1.0), (11, 0.0)):
        truth = boxes([(frame, 3, 0, 0, 2, 2) for frame in range(n_frames)])
        maps = np.zeros((n_frames, 4, 4), np.float32)
        maps[0, 0, 0] = 1

        assert Detections.of([judged(maps, truth)], np.array([1.0])).tracks_found.tolist() == [[share]]


def test_a_large_box_is_found_by_a_flat_map() -> None:
    """A box of a quarter of the picture: flagging the whole picture detects it, without a false region."""
    assert values(judged(np.zeros((1, 4, 4)), boxes([(0, 1, 0, 0, 2, 2)])))["rbdc"] == 1.0


@pytest.mark.parametrize(("flagged", "found"), [(1, 1.0), (0, 0.0)])
def test_a_tenth_of_overlap(flagged: int, found: float) -> None:
    """A box of 10 pixels with one flagged pixel has an overlap of 0.1 and is detected; a pixel beside it is false."""
    one = np.zeros((1, 4, 10), np.float32)
    one[0, 0 if flagged else 2, 0] = 1
    counts = Detections.of([judged(one, boxes([(0, 1, 0, 0, 10, 1)], 4, 10))], np.array([1.0]))

    assert (counts.found.item(), counts.false.item()) == (found, 1 - found)


def test_one_detection_may_hit_two_regions_and_corners_touch() -> None:
    """Two boxes under one detected region are both found; two cells that touch at a corner are one false region."""
    one = spots((0, 0, 1), (0, 1, 1), (2, 2, 1), (3, 3, 1))
    counts = Detections.of([judged(one[None], boxes([(0, 1, 0, 0, 1, 1), (0, 2, 1, 0, 2, 1)]))], np.array([1.0]))

    assert (counts.found.item(), counts.false.item(), counts.tracks_found.item()) == (2, 1, 2)


def test_regions_of_neighbouring_frames_stay_apart() -> None:
    """The same place flagged in two frames is two false regions."""
    counts = Detections.of([judged(np.stack([spots((1, 1, 1))] * 2), BoxTruth.none(4, 4))], np.array([1.0]))

    assert counts.false.item() == 2


def test_highest_cells_share_a_hit() -> None:
    """Of two highest cells one lies in the box: half a hit. A frame without a box does not count."""
    maps = np.stack([spots((0, 0, 1), (3, 3, 1)), spots((3, 3, 9))])

    assert values(judged(maps, boxes([(0, 1, 0, 0, 1, 1)])))["box_hit"] == 0.5


def test_sparse_boxes_take_the_nearest_map() -> None:
    """Maps at frames 0 and 16: a box at frame 7 is compared with the first, at 9 with the second, at 25 with none."""
    truth = boxes([(frame, -1, 0, 0, 1, 1) for frame in (7, 8, 9, 25)], sparse=True)
    maps = VideoMaps(np.zeros((2, 4, 4), np.float32), np.array([0, 16]), Geometry(4, 4, 4, 4))

    assert JudgedMaps("v", 1, maps, truth).judged.tolist() == [[0, 7], [0, 8], [1, 9]]


def test_what_is_undefined_says_why() -> None:
    """A normal video has no region, nor has one without a map near a box; masks and sparse boxes have no track."""
    normal = evaluate([judged(np.zeros((1, 4, 4)), BoxTruth.none(4, 4))])
    far = evaluate([judged(np.zeros((1, 4, 4)), boxes([(20, 1, 0, 0, 2, 2)], sparse=True))])
    untracked = evaluate([judged(np.zeros((1, 4, 4)), boxes([(0, -1, 0, 0, 2, 2)]))])

    assert {name: entry.get("reason") for name, entry in normal.items()} == {
        name: metric.reason for name, metric in METRICS.items()
    }
    assert {entry["value"] for entry in far.values()} == {None}
    assert untracked["tbdc"] == {"value": None, "low": None, "high": None, "reason": "no tracks"}
    assert untracked["rbdc"]["value"] is not None


def random_videos(n_videos: int, crop: tuple[int, int, int, int] | None) -> list[JudgedMaps]:
    """Coarse random maps of pictures of 24 x 18, with two boxes in every other video."""
    rng = np.random.default_rng(5)
    videos = []
    for number in range(n_videos):
        rows = [(f, t, *(rng.integers(0, 9, 2) + 0.0), *rng.integers(10, 18, 2)) for f in range(3) for t in (1, 2)]
        truth = boxes(rows if number % 2 else [], 24, 18)
        maps = np.round(rng.random((3, 5, 4)), 1)
        videos.append(judged(maps, truth, Geometry(24, 18, 5, 4, crop=crop), f"v{number}"))
    return videos


@pytest.mark.parametrize("crop", [None, (2, 3, 20, 12)])
def test_cells_give_what_full_pictures_give(crop: tuple[int, int, int, int] | None) -> None:
    """Areas over pixels equal scikit-learn's over maps in pixels; what nobody scored comes last."""
    videos = random_videos(4, crop)
    scores = np.concatenate([np.nan_to_num(v.maps.geometry.to_picture(v.scores), nan=-1.0).ravel() for v in videos])
    labels = np.concatenate(
        [v.truth.regions(int(frame)).masks.any(0).ravel() for v in videos for frame in v.maps.frames]
    )
    found = values(*videos)

    assert found["pixel_auc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)
    assert found["pixel_ap"] == pytest.approx(average_precision_score(labels, scores), abs=1e-9)


def test_intervals_are_over_videos() -> None:
    """Replicates are those of the videos drawn; the value lies in its interval; few videos have none, and say so."""
    videos, weights = random_videos(6, None), np.array([[1.0] * 6, [0, 2, 1, 1, 0, 3]])
    drawn = replicates(videos, weights)
    again = replicates([videos[i] for i in (1, 1, 2, 3, 5, 5, 5)], np.ones((1, 7)))
    settings = Bootstrap(resamples=50)
    entries = evaluate(videos, settings)

    for name in METRICS:
        assert drawn[name][1] == pytest.approx(again[name][0], abs=1e-12), name
        assert entries[name]["low"] <= entries[name]["value"] <= entries[name]["high"], name
    assert evaluate(videos[:4], settings)["rbdc"]["interval_reason"] == "fewer than 5 videos"


def test_many_scores_are_merged() -> None:
    """Areas of merged scores lie near the exact ones."""
    rng = np.random.default_rng(0)
    videos = [judged(rng.random((4, 30, 30)), boxes([(0, 1, 3, 3, 20, 20)], 30, 30))]
    exact, merged = (PixelCounts.of(videos, most) for most in (10**6, 400))

    assert merged.positive.shape[1] < 401 < exact.positive.shape[1]
    assert merged.positive.sum() == exact.positive.sum()
    assert values(*videos)["pixel_auc"] == pytest.approx(
        roc_auc_score(
            np.concatenate([videos[0].truth.regions(f).masks.any(0).ravel() for f in range(4)]),
            videos[0].scores.ravel(),
        ),
        abs=1e-3,
    )


def test_area_by_hand() -> None:
    """From 0,0 straight to each point, then level; beyond the limit nothing counts."""
    curves = area_up_to(np.array([[0.0, 0.5], [0.5, 4.5]]), np.array([[0.5, 1.0], [0.5, 1.0]]), 1.0)

    assert curves.tolist() == pytest.approx([0.375 + 0.5, 0.125 + (0.5 + 0.5625) / 4])
    assert np.isnan(area_up_to(np.array([[0.0]]), np.array([[np.nan]]), 1.0)).all()


def test_maps_that_look_at_no_pixel() -> None:
    """The centre is highest in the middle, the mean map is the same everywhere, a flat map has no differences."""
    video = VideoMaps(np.arange(32.0).reshape(2, 4, 4), np.array([0, 5]), Geometry(40, 80, 4, 4))
    middle = centre(video).maps[0]
    mean = static(video, mean_map([video])).maps

    assert middle[1:3, 1:3].min() == middle.max() > middle[0, 1] == middle[1, 0] > middle[0, 0]
    assert mean.tolist() == [np.arange(8.0, 24.0).reshape(4, 4).tolist()] * 2
    assert np.ptp(uniform(video).maps) == 0


def test_wrong_maps_are_refused() -> None:
    """Frames that do not ascend, scores that are no numbers, another picture, no maps to average."""
    shape = Geometry(4, 4, 4, 4)
    with pytest.raises(ArtefactError, match="Sort the maps"):
        VideoMaps(np.zeros((2, 4, 4)), np.array([3, 3]), shape)
    with pytest.raises(ArtefactError, match="not finite"):
        VideoMaps(np.full((1, 4, 4), np.nan), np.array([0]), shape)
    with pytest.raises(ArtefactError, match="as large as its geometry"):
        VideoMaps(np.zeros((1, 3, 4)), np.array([0]), shape)
    with pytest.raises(ArtefactError, match=r"v: maps of a picture of \(4, 4\)"):
        judged(np.zeros((1, 4, 4)), BoxTruth.none(5, 4), shape)
    with pytest.raises(ArtefactError, match="0 sizes"):
        mean_map([])


def test_every_metric_is_documented() -> None:
    """docs/protocol.md defines each by name."""
    text = (ROOT / "docs" / "protocol.md").read_text()

    assert [name for name, metric in METRICS.items() if f"`{name}`" not in text or not metric.meaning] == []


@given(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_components_are_the_same_either_way(frames: int, rows: int, columns: int, seed: int) -> None:
    """Looking at flagged cells alone, or at whole maps: the same cells belong together."""
    random = np.random.default_rng(seed)
    flagged = np.flatnonzero(random.random(frames * rows * columns) < random.random())
    (one, n_one), (two, n_two) = (components(flagged, (frames, rows, columns), few) for few in (0, 1))
    pairs = set(zip(one.tolist(), two.tolist(), strict=True))

    assert n_one == n_two == len(pairs)


def test_maps_that_are_the_same_in_each_frame_are_counted_once() -> None:
    """A view of one map, and as many copies of it: the same values and replicates, for videos of several sizes."""
    random = np.random.default_rng(0)
    views, copies = [], []
    for number, (frames, side) in enumerate([(3, 8), (5, 8), (4, 6), (2, 8), (6, 8), (1, 8), (0, 8)]):
        rows = [(frame, 1, *random.integers(0, 3, 2), *random.integers(3, 6, 2)) for frame in range(frames)]
        truth, one = boxes(rows if number % 2 else [], side, side), random.integers(0, 9, (4, 4)).astype(np.float32)
        maps = VideoMaps(np.zeros((frames, 4, 4), np.float32), np.arange(frames), Geometry(side, side, 4, 4))
        views.append(JudgedMaps(f"v{number}", number % 2, static(maps, one), truth))
        copies.append(views[-1].beside(VideoMaps(views[-1].maps.maps.copy(), maps.frames, maps.geometry)))

    kinds = [(v.maps.still, c.maps.still) for v, c in zip(views, copies, strict=True)]
    assert kinds[:6] == [(True, False)] * 6
    assert evaluate(views, Bootstrap(resamples=20)) == evaluate(copies, Bootstrap(resamples=20))
