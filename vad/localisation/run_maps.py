"""How well the maps of one run say where anomalies are, beside maps that look at no pixel."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vad.errors import ArtefactError, listing
from vad.localisation.judged_maps import JudgedMaps
from vad.localisation.map_files import read_maps
from vad.localisation.maps import VideoMaps, centre, mean_map, static, uniform
from vad.localisation.metrics import METRICS, evaluate
from vad.localisation.truth import BoxTruth
from vad.localisation.truth_tables import read_truth
from vad.schema.evaluate import Bootstrap

NOT_STATIC = "no normal validation video has maps, or their maps differ in size"


class RunMaps:
    """Evaluates the maps of the runs of one variant: what they share is counted once.

    Args:
        labels: of each test video, 0 normal, 1 anomalous, by video id.
        truth: folder with the ground truth of anomalous test videos; those without a file are left out.
        bootstrap: of the intervals.
    """

    def __init__(self, labels: Mapping[str, int], truth: Path, bootstrap: Bootstrap) -> None:
        self.truth, self.bootstrap = truth, bootstrap
        self.labels = {name: label for name, label in sorted(labels.items()) if not label or self._file(name).is_file()}
        self.without_truth = len(labels) - len(self.labels)
        self._judged: dict[str, JudgedMaps] = {}
        self._same_for_all: dict[str, Any] = {}

    def _file(self, video_id: str) -> Path:
        return self.truth / f"{video_id}.npz"

    def evaluate(self, folder: Path) -> dict[str, Any] | None:
        """The metrics of one run with intervals over videos, and those of each map that looks at no pixel.

        Args:
            folder: with the maps of the run, those of normal validation videos included.

        Returns: for JSON; None where the ground truth of no anomalous video is known, or the run has no maps.

        Raises: ArtefactError naming every test video without maps; DatasetError for masks that do not fit.
        """
        if not any(self.labels.values()) or not folder.is_dir():
            return None
        paths = {path.stem: path for path in sorted(folder.glob("*.npz"))}
        if missing := [f"{name}: no maps" for name in self.labels if name not in paths]:
            raise ArtefactError(listing(str(folder), missing, "Make the scores of this run again."))
        videos = [self._beside_truth(name, read_maps(paths[name])) for name in self.labels]
        normal = [read_maps(path) for name, path in paths.items() if name not in self.labels]
        return {
            "metrics": evaluate(videos, self.bootstrap),
            "no_pixel": {
                "uniform": self._for_all(videos, "uniform", uniform),
                "centre": self._for_all(videos, "centre", centre),
                "static": self._static(videos, normal),
            },
            "videos": len(videos),
            "anomalous": sum(self.labels.values()),
            "frames": sum(len(video.judged) for video in videos),
            "without_truth": self.without_truth,
        }

    def _beside_truth(self, name: str, maps: VideoMaps) -> JudgedMaps:
        """The maps of one video beside its ground truth, which is counted once for all runs."""
        if (known := self._judged.get(name)) is not None:
            return known.beside(maps)
        size, label = (maps.geometry.height, maps.geometry.width), self.labels[name]
        truth = read_truth(self._file(name), size) if label else BoxTruth.none(*size)
        found = JudgedMaps(name, label, maps, truth)
        self._judged[name] = found.beside(uniform(maps))  # without its maps, which belong to one run
        return found

    def _for_all(
        self, videos: list[JudgedMaps], name: str, made: Callable[[VideoMaps], VideoMaps]
    ) -> dict[str, dict[str, Any]]:
        """The metrics of maps that depend on frames and sizes alone: the same for all runs of a variant."""
        if any(video.judged is not self._judged[video.video_id].judged for video in videos):
            return evaluate([video.beside(made(video.maps)) for video in videos], self.bootstrap)
        if name not in self._same_for_all:
            self._same_for_all[name] = evaluate([video.beside(made(video.maps)) for video in videos], self.bootstrap)
        return self._same_for_all[name]

    def _static(self, videos: list[JudgedMaps], normal: list[VideoMaps]) -> dict[str, dict[str, Any]]:
        """The metrics of the mean map of normal videos that are not test videos."""
        cells = {video.maps.shape[1:] for video in (*normal, *(v.maps for v in videos))}
        if len(cells) != 1 or not any(len(video.maps) for video in normal):
            return {name: {"value": None, "low": None, "high": None, "reason": NOT_STATIC} for name in METRICS}
        mean = mean_map(normal).astype(np.float32)
        return evaluate([video.beside(static(video.maps, mean)) for video in videos], self.bootstrap)
