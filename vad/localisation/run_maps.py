"""How well the maps of one run say where anomalies are, beside maps that look at no pixel."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64

from vad.errors import ArtefactError, listing
from vad.evaluation.thresholds import Values
from vad.localisation.judged_maps import JudgedMaps
from vad.localisation.map_files import read_maps
from vad.localisation.maps import NO_PIXEL, OWN, STATIC, VideoMaps, centre, mean_map, static, uniform
from vad.localisation.metrics import METRICS, SpatialScores, draws, entries, replicates
from vad.localisation.truth import BoxTruth
from vad.localisation.truth_tables import read_truth
from vad.schema.evaluate import Bootstrap

BY_VIDEO = ("pixel_auc", "box_hit")
"""Metrics of single videos."""
NOT_STATIC = "no normal validation video has maps, or their maps differ in size"


class Localised(NamedTuple):
    """How well the maps of one run say where anomalies are."""

    document: dict[str, Any]
    """For JSON: metrics with intervals, those of each map that looks at no pixel and of further maps of the model, and
    metrics of single videos."""
    draws: dict[str, Float64[np.ndarray, "draws"]]
    """By `row.metric` the value, then one for each draw of videos; rows as in the document, `OWN` first."""


class RunMaps:
    """Evaluates the maps of the runs of one variant: what they share is counted once.

    Args:
        labels: of each test video, 0 normal, 1 anomalous, by video id.
        truth: folder with the ground truth of anomalous test videos; those without a file are left out.
        bootstrap: of the intervals.
    """

    def __init__(self, labels: Mapping[str, int], truth: Path, bootstrap: Bootstrap) -> None:
        self.truth, self.bootstrap, self._tested = truth, bootstrap, frozenset(labels)
        self.labels = {name: label for name, label in sorted(labels.items()) if not label or self._file(name).is_file()}
        self.without_truth = len(labels) - len(self.labels)
        self._judged: dict[str, JudgedMaps] = {}
        self._same_for_all: dict[str, dict[str, Values]] = {}

    def _file(self, video_id: str) -> Path:
        return self.truth / f"{video_id}.npz"

    def evaluate(self, folder: Path) -> Localised | None:
        """The metrics of one run with intervals over videos, also of maps that look at no pixel and of further maps.

        Args:
            folder: with the maps of the run, those of normal validation videos included, and a folder of each further
                map that its model notes.

        Returns: None where the ground truth of no anomalous video is known, or the run has no maps.

        Raises: ArtefactError naming every test video without maps; DatasetError for masks that do not fit.
        """
        if not any(self.labels.values()) or not folder.is_dir():
            return None
        videos = self._tested_videos(folder)
        counted = SpatialScores(videos)
        drawn = {
            OWN: draws(counted, self.bootstrap),
            "uniform": self._for_all(videos, "uniform", uniform),
            "centre": self._for_all(videos, "centre", centre),
            "static": self._static(videos, folder),
        }
        for place in sorted({path.parent for path in folder.glob("*/*.npz")}):
            # A gate may be open at one place whatever happens there: the mean map to compare with is its own.
            further = self._tested_videos(place)
            drawn[place.name] = draws(further, self.bootstrap)
            drawn[f"{place.name}{STATIC}"] = self._static(further, place)
        undefined = {"value": None, "low": None, "high": None, "reason": NOT_STATIC}
        found = {
            row: entries(values, len(videos), self.bootstrap) if values else {name: dict(undefined) for name in METRICS}
            for row, values in drawn.items()
        }
        document = {
            "metrics": found.pop(OWN),
            "no_pixel": {row: found.pop(row) for row in NO_PIXEL},
            **({"further": found} if found else {}),
            "by_video": _by_video(counted),
            "videos": len(videos),
            "anomalous": sum(self.labels.values()),
            "frames": sum(len(video.judged) for video in videos),
            "without_truth": self.without_truth,
        }
        joined = {f"{row}.{name}": each for row, values in drawn.items() for name, each in values.items()}
        return Localised(document, joined)

    def _tested_videos(self, folder: Path) -> list[JudgedMaps]:
        """The maps in a folder of all test videos, beside their ground truth."""
        if missing := [f"{name}: no maps" for name in self.labels if not (folder / f"{name}.npz").is_file()]:
            raise ArtefactError(listing(str(folder), missing, "Make the scores of this run again."))
        return [self._beside_truth(name, read_maps(folder / f"{name}.npz")) for name in self.labels]

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
    ) -> dict[str, Values]:
        """The draws of maps that depend on frames and sizes alone: the same for all runs of a variant."""
        if any(video.judged is not self._judged[video.video_id].judged for video in videos):
            return draws([video.beside(made(video.maps)) for video in videos], self.bootstrap)
        if name not in self._same_for_all:
            self._same_for_all[name] = draws([video.beside(made(video.maps)) for video in videos], self.bootstrap)
        return self._same_for_all[name]

    def _static(self, videos: list[JudgedMaps], folder: Path) -> dict[str, Values]:
        """The draws of the mean map of normal videos that are not test videos; none where there is no such map."""
        normal = [read_maps(path) for path in sorted(folder.glob("*.npz")) if path.stem not in self._tested]
        cells = {video.maps.shape[1:] for video in (*normal, *(v.maps for v in videos))}
        if len(cells) != 1 or not any(len(video.maps) for video in normal):
            return {}
        mean = mean_map(normal).astype(np.float32)
        return draws([video.beside(static(video.maps, mean)) for video in videos], self.bootstrap)


def _by_video(scores: SpatialScores) -> dict[str, dict[str, float | None]]:
    """Some metrics of each anomalous video by itself; None = undefined."""
    found = replicates(scores, np.eye(len(scores.videos)), BY_VIDEO)
    defined = {name: [None if np.isnan(value) else float(value) for value in values] for name, values in found.items()}
    return {
        video.video_id: {name: values[place] for name, values in defined.items()}
        for place, video in enumerate(scores.videos)
        if video.label
    }
