"""Run by test_against_ssvad.py with another Python, which has py-ssvad-metrics: counts and areas for given maps.

Takes the path of an `.npz` (maps 0..1, boxes as rows of frame, track and whole-numbered edges); prints JSON.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from ssvad_metrics.criteria import CurrentCriteriaAccumulator
from ssvad_metrics.data_schema import VADAnnotation


def annotation(maps: np.ndarray, tracks: list[int], folder: Path, is_gt: bool) -> VADAnnotation:
    """One video in the form of the package."""
    frames = []
    for number, (one, track) in enumerate(zip(maps, tracks, strict=True), 1):
        np.save(folder / f"{is_gt}{number}.npy", one.astype(np.float32))
        path = str(folder / f"{is_gt}{number}.npy")
        frames.append({"frame_id": number, "pixel_level_scores_map": path, "anomaly_track_id": track})
    head = {"frames_count": len(maps), "frame_height": maps.shape[1], "frame_width": maps.shape[2], "frames": frames}
    flags = {"is_gt": is_gt, "is_anomalous_regions_available": True, "is_anomaly_track_id_available": is_gt}
    return VADAnnotation(**head, **flags)


def main(given: Path) -> None:
    """Print the counts at the package's thresholds, and its two areas."""
    with np.load(given) as file:
        maps, rows = file["maps"], file["boxes"]
    truth, tracks = np.zeros_like(maps), [-1] * len(maps)
    for frame, track, left, top, right, bottom in rows:
        truth[frame, top:bottom, left:right], tracks[frame] = 1, int(track)
    criteria = CurrentCriteriaAccumulator()
    with tempfile.TemporaryDirectory() as folder:
        criteria.update(
            annotation(maps, [-1] * len(maps), Path(folder), False), annotation(truth, tracks, Path(folder), True)
        )
        areas = criteria.summarize()
    counts = vars(criteria)["_CurrentCriteriaAccumulator__per_thr_calcs_accum"]
    print(json.dumps({"counts": [[thr, n.ntp, n.nfp, n.ntpt] for thr, n in counts.items()], "areas": areas}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
