"""Region and track criteria agree with an independent implementation, py-ssvad-metrics 1.0.0.

It needs packages that this project does not use, so it lives in an environment of its own:

    python -m venv ../ssvad
    ../ssvad/bin/pip install py-ssvad-metrics==1.0.0 "pydantic<2" opencv-python-headless matplotlib
    VAD_SSVAD_PYTHON=../ssvad/bin/python pytest tests/localisation/test_against_ssvad.py

Counts are compared at its thresholds, one region a frame (it knows one track a frame), with maps at the size of the
picture. Areas are compared where they mean the same: it takes the curve as the thresholds give it, unsorted where two
have equally many false regions, and ends it where that number ends; so the curve must rise and reach one a frame.
"""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.localisation.given import boxes, judged
from vad.localisation.detections import Detections
from vad.localisation.metrics import evaluate

PYTHON = os.environ.get("VAD_SSVAD_PYTHON")
pytestmark = pytest.mark.skipif(not PYTHON, reason="VAD_SSVAD_PYTHON names no Python with py-ssvad-metrics")


def theirs(maps: np.ndarray, rows: np.ndarray, folder: Path) -> dict:
    """What the other implementation says."""
    np.savez(folder / "given.npz", maps=maps, boxes=rows)
    command = [str(PYTHON), str(Path(__file__).with_name("against_ssvad.py")), str(folder / "given.npz")]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True, env=environment).stdout)


@pytest.mark.parametrize("seed", range(3))
def test_counts_agree(seed: int, tmp_path: Path) -> None:
    """Regions found, false regions and tracks found are equal at each of its 103 thresholds."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, 10, (9, 2))
    rows = np.array([[f + 1, f // 3, x, y, x + 4 + f % 3, y + 3] for f, (x, y) in enumerate(starts)])
    maps = rng.random((12, 16, 16)).astype(np.float32) ** 3
    maps = np.maximum(maps, np.roll(maps, 1, 2))
    for frame, _, left, top, right, bottom in rows[::2]:
        maps[frame, top:bottom, left:right] += 0.3
    maps = np.minimum(maps, 1)
    found = theirs(maps, rows, tmp_path)
    thresholds = np.array([row[0] for row in found["counts"]])
    ours = Detections.of([judged(maps, boxes(rows.tolist(), 16, 16))], thresholds)

    assert np.stack([ours.found, ours.false, ours.tracks_found], -1)[0].tolist() == [r[1:] for r in found["counts"]]
    assert max(ours.false[0]) > 12
    assert 0 < ours.tracks_found[0].max()


def test_areas_agree(tmp_path: Path) -> None:
    """Ten frames with a box; at each lower score one more box is found and one more spot elsewhere is false."""
    maps = np.zeros((10, 16, 16), np.float32)
    rows = np.array([[frame, frame // 2, 0, 0, 4, 4] for frame in range(10)])
    for frame in range(10):
        maps[frame, 0:2, 0:2] = maps[frame, 10, 10] = 0.905 - 0.05 * frame
    found = theirs(maps, rows, tmp_path)["areas"]
    ours = evaluate([judged(maps, boxes(rows.tolist(), 16, 16))])

    assert ours["rbdc"]["value"] == pytest.approx(found["region_roc_auc"])
    assert ours["tbdc"]["value"] == pytest.approx(found["track_roc_auc"])
