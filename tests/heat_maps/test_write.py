"""The job that draws the best, the median and the worst test video from stored maps."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.localisation.given import boxes
from vad.artefacts.files import write_json
from vad.artefacts.scores import ScoreFile, StoredScores, write_scores
from vad.drawing.heat_maps import HeatMap
from vad.heat_maps import write as job
from vad.localisation.geometry import Geometry
from vad.localisation.map_files import write_maps
from vad.localisation.maps import VideoMaps
from vad.localisation.truth_tables import UNKNOWN, write_truth
from vad.splits.tables import write_tables
from vad.splits.video import Validation, Video

SETTINGS = job.Settings(variant="v", seed=3, dpi=30)


def a_run(folder: Path) -> dict[str, Path]:
    """Videos a to d of four frames of 4 x 6 pixels, frame i with the grey 10 x i; the box is in frames 1 and 2."""
    videos = [Video(f"t{n}", "", "train", n % 2, "Normal") for n in range(4)]
    for number, name in enumerate("abcd"):
        (folder / name).mkdir(parents=True)
        for frame in range(4):
            Image.new("RGB", (6, 4), (10 * frame,) * 3).save(folder / name / f"{frame:03d}.png")
        videos.append(Video(name, name, "test", 1, "Arson", intervals=((1.0, 3.0),)))
        maps = np.zeros((4, 2, 3), np.float32)
        maps[1:, 0, 0] = 0.25 + number, 0.5 + number, 0.75 + number
        write_maps(folder / f"maps/{name}.npz", VideoMaps(maps, np.arange(4), Geometry(4, 6, 2, 3)))
        write_truth(folder / f"truth/{name}.npz", boxes([(1, 1, 0, 0, 2, 2), (2, 1, 2, 2, 4, 4)], *UNKNOWN))
    scores = {name: StoredScores(np.zeros(4), n / 10, "test") for n, name in enumerate("abcd")}
    write_scores(
        folder / "scores.npz", ScoreFile("frame", {**scores, "t0": StoredScores(np.zeros(4), 9, "validation")})
    )
    split = {"validation": Validation(fraction=0.5), "interval_rule": "zero_based_half_open", "facts": {}}
    write_tables(folder / "split", videos, **split)
    places = {"maps": "maps", "truth": "truth", "videos": ".", "scores": "scores.npz", "metrics": "metrics.json"}
    return {**{name: folder / path for name, path in places.items()}, "test": folder / "split/test.csv"}


def drawn(paths: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[HeatMap]]:
    """Title and rows of the figure that the job draws."""
    given, plain = [], job.heat_map_figure
    monkeypatch.setattr(job, "heat_map_figure", lambda *parts: (given.append(parts), plain(*parts))[1])
    job.write(SETTINGS, paths, paths["maps"] / "figure.png")
    assert (paths["maps"] / "figure.png").stat().st_size > 1000
    return given[0]


def test_videos_follow_from_their_areas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Best b, median a, worst c; of each frame 2: frame 3 has a higher cell, but no box. d is not defined."""
    paths = a_run(tmp_path)
    areas = {"a": 0.5, "b": 0.75, "c": 0.25, "d": None}
    write_json(paths["metrics"], {"localisation": {"by_video": {k: {"pixel_auc": v} for k, v in areas.items()}}})
    title, rows = drawn(paths, monkeypatch)
    best = rows[0]

    assert "v, seed 3" in title
    assert "highest, median and lowest pixel_auc" in title
    assert "best\nb\nArson\nframe 2\npixel_auc 0.750" == best.words
    assert ["best\nb", "median\na", "worst\nc"] == ["\n".join(row.words.splitlines()[:2]) for row in rows]
    assert {20} == set(best.picture.ravel().tolist())
    assert best.regions is not None
    assert [[2, 2], [2, 3], [3, 2], [3, 3]] == np.argwhere(best.regions[0]).tolist()
    assert 1.5 == pytest.approx(best.scores[0, 0], abs=1e-3)
    assert 0 == pytest.approx(best.scores[3, 5], abs=1e-3)


def test_without_ground_truth_scores_choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test videos with the highest, the median and the lowest score, at the highest cell, wherever it is."""
    paths = a_run(tmp_path)
    write_json(paths["metrics"], {})
    title, rows = drawn(paths, monkeypatch)

    assert "no ground truth of places" in title
    assert ["highest\nd", "median\nb", "lowest\na"] == ["\n".join(row.words.splitlines()[:2]) for row in rows]
    assert rows[0].words.endswith("frame 3\nscore 0.300")
    assert [None, None, None] == [row.regions for row in rows]
    assert {30} == set(rows[0].picture.ravel().tolist())
