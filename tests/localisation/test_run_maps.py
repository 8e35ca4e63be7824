"""Ground truth as room split writes it, and what room evaluate says of the maps of runs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.localisation.given import boxes
from vad.errors import ArtefactError, DatasetError
from vad.evaluation.bootstrap import interval
from vad.localisation.geometry import Geometry
from vad.localisation.map_files import read_maps, write_maps
from vad.localisation.maps import VideoMaps
from vad.localisation.metrics import METRICS
from vad.localisation.run_maps import NOT_STATIC, RunMaps
from vad.localisation.truth import BoxTruth, Truth
from vad.localisation.truth_files import mask_images
from vad.localisation.truth_tables import UNKNOWN, read_truth, write_truth
from vad.schema.evaluate import Bootstrap

DRAWS = Bootstrap(resamples=20)
GEOMETRY = Geometry(8, 8, 4, 4)


def masks(folder: Path, seed: int = 0, frames: int = 4) -> Truth:
    """Random mask images of 9 x 7 pixels; the first has no anomalous pixel."""
    folder.mkdir()
    drawn = np.random.default_rng(seed).random((frames, 9, 7)) < 0.3
    drawn[0] = False
    for number, mask in enumerate(drawn, 1):
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"{number:03}.png")
    return mask_images(folder)


def test_masks_come_back(tmp_path: Path) -> None:
    """The same regions in the same order, as packed bits inside their boxes; equal masks are equal bytes."""
    truth = masks(tmp_path / "gt")
    for name in ("a.npz", "b.npz"):
        write_truth(tmp_path / name, truth)
    found = read_truth(tmp_path / "a.npz", UNKNOWN)

    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert (found.height, found.width, found.annotated()) == (9, 7, None)
    for frame in range(4):
        assert np.array_equal(found.regions(frame).masks, truth.regions(frame).masks)
        assert np.array_equal(found.regions(frame).tracks, truth.regions(frame).tracks)
    assert not len(found.regions(0).tracks)
    with pytest.raises(DatasetError, match="4 masks, none for frame 4"):
        found.regions(4)


@pytest.mark.parametrize("sparse", [False, True])
def test_boxes_come_back_in_a_picture_of_known_size(sparse: bool, tmp_path: Path) -> None:
    """Written without the size of the picture, which is known once the video is decoded."""
    rows = [(3, 1, 0, 0, 2, 2), (5, 2, 1.5, 1, 4, 3)]
    write_truth(tmp_path / "v.npz", boxes(rows, *UNKNOWN, sparse))
    found, wanted = read_truth(tmp_path / "v.npz", (4, 4)), boxes(rows, sparse=sparse)

    assert isinstance(found, BoxTruth)
    assert (found.height, found.width, found.sparse) == (4, 4, sparse)
    assert np.array_equal(found.regions(5).masks, wanted.regions(5).masks)
    assert np.array_equal(found.tracks, wanted.tracks)


def test_damaged_truth_is_refused(tmp_path: Path) -> None:
    """A file that room split did not write."""
    (tmp_path / "v.npz").write_bytes(b"PK")

    with pytest.raises(ArtefactError, match="no readable ground truth"):
        read_truth(tmp_path / "v.npz", (4, 4))


def stored(folder: Path, seed: int = 0, skill: float = 1.0, normal: int = 1) -> Path:
    """Maps of five test videos (the first three anomalous in cell 1, 1) and of normal validation videos."""
    random = np.random.default_rng(seed)
    for name in (*"abcde", *(f"val{number}" for number in range(normal))):
        maps = random.random((6, 4, 4)).astype(np.float32)
        if name in "abc":
            maps[2:, 1, 1] += skill
        write_maps(folder / f"{name}.npz", VideoMaps(maps, np.arange(6), GEOMETRY))
    return folder


def truth(folder: Path) -> Path:
    """Boxes of the anomalous videos a and b; of c nothing is known."""
    for name in "ab":
        rows = [(frame, 1, 2, 2, 4, 4) for frame in range(2, 6)]
        write_truth(folder / f"{name}.npz", boxes(rows, *UNKNOWN))
    return folder


def test_runs_are_judged_beside_maps_without_pixels(tmp_path: Path) -> None:
    """A run with skill, one without; rows that look at no pixel are the same for both, but for the mean map."""
    judge = RunMaps(dict(a=1, b=1, c=1, d=0, e=0), truth(tmp_path / "truth"), DRAWS)
    found = [judge.evaluate(stored(tmp_path / f"{skill}.maps", skill=skill)) for skill in (2.0, 0.0)]
    good, bad = (one.document for one in found if one)

    assert [good[name] for name in ("videos", "anomalous", "frames", "without_truth")] == [4, 2, 24, 1]
    assert list(good["metrics"]) == list(METRICS)
    assert good["metrics"]["box_hit"]["value"] == 1.0
    assert good["metrics"]["pixel_auc"]["value"] == 1.0
    assert bad["metrics"]["pixel_auc"]["value"] < 0.7
    assert good["no_pixel"]["uniform"]["pixel_auc"]["value"] == 0.5
    for name in ("uniform", "centre"):
        assert good["no_pixel"][name] == bad["no_pixel"][name]
    assert good["no_pixel"]["static"]["pixel_auc"]["value"] is not None
    assert good["by_video"] == {name: {"pixel_auc": 1.0, "box_hit": 1.0} for name in "ab"}


def test_draws_are_those_behind_the_intervals(tmp_path: Path) -> None:
    """Each row has the value and one number for each draw; metrics of a video are those of it alone."""
    folder = truth(tmp_path / "truth")
    write_truth(folder / "c.npz", boxes([(0, 1, 0, 0, 2, 2)], *UNKNOWN))
    found = RunMaps(dict(a=1, b=1, c=1, d=0, e=0), folder, DRAWS).evaluate(stored(tmp_path / "0.maps"))
    alone = RunMaps(dict(a=1), folder, DRAWS).evaluate(tmp_path / "0.maps")

    assert found is not None
    assert alone is not None
    assert {f"{row}.{name}" for row in ("model", "uniform", "centre", "static") for name in METRICS} == {*found.draws}
    for row, own in {"model": found.document["metrics"], "static": found.document["no_pixel"]["static"]}.items():
        values = found.draws[f"{row}.pixel_auc"]
        assert len(values) == 1 + DRAWS.resamples
        assert values[0] == own["pixel_auc"]["value"]
        assert interval(values[1:], DRAWS.coverage)[:2] == (own["pixel_auc"]["low"], own["pixel_auc"]["high"])
    assert found.document["by_video"]["a"] == {
        name: pytest.approx(alone.document["metrics"][name]["value"]) for name in ("pixel_auc", "box_hit")
    }


def test_further_maps_are_measured_alike(tmp_path: Path) -> None:
    """A perfect map of attention has pixel_auc 1, whatever the maps behind the scores; all else stays as it is.

    Its own mean map is that of its normal videos. A folder without maps is no further map.
    """
    folder, labels, maps = truth(tmp_path / "truth"), dict(a=1, b=1, d=0, e=0), stored(tmp_path / "0.maps", skill=0.0)
    plain = RunMaps(labels, folder, DRAWS).evaluate(maps)
    stored(maps / "attention_4x4", skill=2.0)
    (maps / "attention_4x4/c.npz").unlink()
    (maps / ".ipynb_checkpoints").mkdir()
    found = RunMaps(labels, folder, DRAWS).evaluate(maps)

    assert plain is not None
    assert found is not None
    assert "further" not in plain.document
    further = found.document.pop("further")
    assert found.document == plain.document
    assert ["attention_4x4", "attention_4x4 static"] == list(further)
    assert list(further["attention_4x4"]) == list(METRICS)
    assert further["attention_4x4"]["pixel_auc"]["value"] == 1.0
    mean = read_maps(maps / "attention_4x4/val0.npz").maps.mean(0)
    below = 24 * np.sum(mean < mean[1, 1]) + 0.5 * 16  # in 24 maps; the anomalous cell itself is normal in 16 of them
    assert further["attention_4x4 static"]["pixel_auc"]["value"] == pytest.approx(below / (24 * 16 - 8))
    assert {*found.draws} - {*plain.draws} == {f"{row}.{name}" for row in further for name in METRICS}

    (maps / "attention_4x4/val0.npz").unlink()
    without = RunMaps(labels, folder, DRAWS).evaluate(maps)
    assert without is not None
    assert NOT_STATIC == without.document["further"]["attention_4x4 static"]["pixel_auc"]["reason"]
    (maps / "attention_4x4/d.npz").unlink()
    with pytest.raises(ArtefactError, match=r"(?s)attention_4x4.*d: no maps"):
        RunMaps(labels, folder, DRAWS).evaluate(maps)


def test_each_run_has_what_it_has_without_others(tmp_path: Path) -> None:
    """Counts of the ground truth are shared between runs, scores are not; maps of other frames share nothing."""
    folder, labels = truth(tmp_path / "truth"), dict(a=1, b=1, d=0, e=0)
    first, second = stored(tmp_path / "0.maps", 0), stored(tmp_path / "1.maps", 1)
    later = VideoMaps(np.eye(4, dtype=np.float32)[None].repeat(2, 0), np.array([1, 3]), GEOMETRY)
    write_maps(second / "a.npz", later)
    judge = RunMaps(labels, folder, DRAWS)
    shared = [judge.evaluate(each) for each in (first, second)]

    for found, maps in zip(shared, (first, second), strict=True):
        alone = RunMaps(labels, folder, DRAWS).evaluate(maps)
        assert found is not None
        assert alone is not None
        assert found.document == alone.document
    assert shared[1] is not None
    assert shared[1].document["frames"] == 20


def test_test_videos_without_truth_are_not_in_the_mean_map(tmp_path: Path) -> None:
    """The mean map is that of normal validation videos, whether or not it is known where a test video is anomalous."""
    labels, maps = dict(a=1, b=1, c=1, d=0, e=0), stored(tmp_path / "0.maps", skill=9)
    found = RunMaps(labels, truth(tmp_path / "truth"), DRAWS).evaluate(maps)
    (maps / "c.npz").unlink()
    without = RunMaps(labels, tmp_path / "truth", DRAWS).evaluate(maps)

    assert found is not None
    assert without is not None
    assert found.document == without.document


def test_what_is_missing(tmp_path: Path) -> None:
    """Without truth of an anomalous video, or maps, nothing is said; without normal videos there is no mean map."""
    labels, folder = dict(a=1, d=0), truth(tmp_path / "truth")
    maps = stored(tmp_path / "0.maps", normal=0)
    for name in "bce":
        (maps / f"{name}.npz").unlink()

    assert RunMaps(labels, tmp_path / "absent", DRAWS).evaluate(maps) is None
    assert RunMaps(labels, folder, DRAWS).evaluate(tmp_path / "absent.maps") is None
    found = RunMaps(labels, folder, DRAWS).evaluate(maps)
    assert found is not None
    assert {entry["reason"] for entry in found.document["no_pixel"]["static"].values()} == {NOT_STATIC}

    (maps / "d.npz").unlink()
    with pytest.raises(ArtefactError, match="d: no maps"):
        RunMaps(labels, folder, DRAWS).evaluate(maps)
