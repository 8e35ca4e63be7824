"""Score one video with a trained run: features as room features makes them, scores as room infer gives them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64

from vad.alarms.make import Alarm, make_alarms
from vad.artefacts.features import features_width
from vad.engine.build import on_device, restored
from vad.engine.score import ScoredPlaces, frames_of_windows, over_frames, score_video
from vad.engine.score import ScoredVideo as VideoScores
from vad.engine.score_run import expansion, folded
from vad.errors import FeatureError, MediaError
from vad.evaluation.judged_video import VideoTruth
from vad.evaluation.operating_points import calibrated
from vad.extractors._base import Source, load_extractor, make_features
from vad.extractors._network_run import NetworkExtractor
from vad.models._base import VideoModel
from vad.nn.exact import full_float32
from vad.schema.evaluate import Alarms
from vad.scoring.inputs import GivenVideo
from vad.scoring.kept_maps import KeptMaps
from vad.scoring.runs import TrainedRun
from vad.scoring.window_stream import score_crops
from vad.video.decode import RestartError, Rules, open_by_pyav
from vad.video.lengths import FrameTimes, constant_rate, frame_times

MOSTLY = 0.5
"""Share of a video under alarm above which its threshold is called into question."""
IMAGE_FPS = 25.0
"""Frames a second where neither the video nor the user states any."""


@dataclass(frozen=True, eq=False)
class ScoredVideo:
    """The scores of one video, and all that a page about it needs.

    Attributes:
        video_id: safe as a file name.
        path: the video file, or the folder of images.
        shown: the path, or the address of a stream, for messages and results.
        status: `ok`; `INSUFFICIENT` = too short for the model, so that there are no scores; `failed` = not readable.
        frames: numbers of the scored frames in the video, from 0: all, or every so many.
        times: when each of them is shown, in seconds from the first frame on.
        scores: of each of them, as stored by room infer; higher = more anomalous, any range.
        video_score: of the whole video; None without scores.
        threshold: a frame is flagged when its score is at least this; None where none is known.
        alarms: flagged stretches; their frames count positions in `frames`.
        fps: scored frames a second; None where it is not known.
        every: every how many frames of the video one was scored.
        rules: what its decoder accepted.
        alarm_settings: how scores became alarms.
        run: name of the run, such as `mstsm_segments/seed0`.
        chosen: why this run was taken.
        threshold_rule: how the threshold was chosen; empty without one.
        problem: why there are no scores; empty for `ok`.
        notes: what a reader of the scores must know.
        report: how the video was decoded and what made its features, for JSON.
        places: maps of where in the picture scores come from, a few of the whole video; None = not asked for or not
            known.
    """

    video_id: str
    path: Path
    shown: str
    status: Literal["ok", "INSUFFICIENT", "failed"]
    run: str
    chosen: str
    frames: Int64[np.ndarray, "frames"] = field(default_factory=lambda: np.zeros(0, np.int64))
    times: Float[np.ndarray, "frames"] = field(default_factory=lambda: np.zeros(0))
    scores: Float32[np.ndarray, "frames"] = field(default_factory=lambda: np.zeros(0, np.float32))
    video_score: float | None = None
    threshold: float | None = None
    alarms: list[Alarm] = field(default_factory=list)
    fps: float | None = None
    every: int = 1
    rules: Rules = field(default_factory=Rules)
    alarm_settings: Alarms = field(default_factory=Alarms)
    threshold_rule: str = ""
    problem: str = ""
    notes: list[str] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    places: ScoredPlaces | None = None

    @property
    def seconds(self) -> float:
        """From the first scored frame to the end of the last one."""
        return self.end_of(len(self.times)) if len(self.times) else 0.0

    @property
    def flagged(self) -> bool | None:
        """Whether the video's score reaches the threshold; None where one of them is not known."""
        return None if self.video_score is None or self.threshold is None else self.video_score >= self.threshold

    def end_of(self, position: int) -> float:
        """When the frame before a position stops being shown, in seconds.

        Args:
            position: in `frames`, 1 to their number.
        """
        if position < len(self.times):
            return float(self.times[position])
        return float(self.times[-1]) + (1 / self.fps if self.fps else 0.0)


class Made(NamedTuple):
    """What was made of a video: how many frames and rows it has, its report, and its scores if it is long enough."""

    n_frames: int
    rows: int
    report: dict[str, Any]
    scores: VideoScores | None


class Scorer:
    """A trained run that scores videos one after the other; extractor and model are loaded once.

    Args:
        run: as `vad.scoring.runs.find_run` found it.
        every: every how many frames of a video one is used, >= 1.
        fps: frames a second of folders of images, and of videos whose frames have no times, where it counts more than
            the header of the video; None = as the header says, else 25.
        together: frames that go through the network of the extractor at once; None = as the run says.
        maps: whether to keep maps of where scores come from, of models that have them.
    """

    def __init__(
        self,
        run: TrainedRun,
        every: int = 1,
        fps: float | None = None,
        together: int | None = None,
        maps: bool = False,
    ) -> None:
        self.run, self.every, self.fps = run, every, fps
        torch.set_num_threads(1)
        full_float32()
        batch = {"batch_frames": together} if together and "batch_frames" in run.features else {}
        self._extractor = load_extractor({**run.features, **batch})
        model, config = restored(run.folder)
        self._model = folded(on_device(model, config["section"]["train"]["device"]))
        self._dim = config["feature_dim"]
        self._maps = maps and self._model.scores_places

    def expected_frames(self, video: GivenVideo) -> int | None:
        """How many frames are probably read of a video, for a progress bar; None where only decoding would say.

        An extractor that keeps pictures beside its vectors reads the video twice.
        """
        if video.path.is_dir():
            return None
        try:
            passes = 2 if "vectors" in self.run.features else 1
            return passes * -(-len(frame_times(video.path).ticks) // self.every)
        except MediaError:
            return None

    def score(self, video: GivenVideo, watch: Callable[[int], None] | None = None) -> ScoredVideo:
        """Score one video; what was learned from earlier ones is forgotten.

        Args:
            video: a file or a folder of images.
            watch: called with the number of frames that were just read.

        Raises: MediaError for a video that cannot be read completely; FeatureError for features that do not fit the
            model, or scores that are not finite.
        """
        if video.refused:
            raise MediaError(f"{video.path}: {video.refused}")
        source = Source(video.video_id, (video.path,), every=self.every, watch=watch)
        try:
            made = self._made(source)
        except RestartError as error:
            made = self._made(replace(source, open_video=open_by_pyav(error.instead_of)))
        return self._result(video, made, *self._times(video.path, made.n_frames, made.report))

    def _result(
        self,
        video: GivenVideo,
        made: Made,
        times: Float[np.ndarray, "frames"],
        fps: float,
        notes: list[str],
    ) -> ScoredVideo:
        """All that is known of a video: its scores under the threshold of the run.

        Args:
            video: which one.
            made: its scores.
            times: when each scored frame is shown, in seconds.
            fps: scored frames a second.
            notes: what was assumed of its times.
        """
        common = {"run": self.run.name, "chosen": self.run.chosen, "report": made.report}
        needed, found = frames_needed(self.run.features, self._model), made.scores
        if made.n_frames < needed or found is None:
            problem = f"{made.n_frames} frames, the model needs {needed}"
            return ScoredVideo(video.video_id, video.path, video.shown, "INSUFFICIENT", problem=problem, **common)
        scores, value = found.frames.astype(np.float32), found.video
        threshold = self._threshold(video.video_id, scores, value, found.dropped)
        level = self._model.level
        alarms: list[Alarm] = []
        if threshold is not None:
            shown = scores if level == "frame" else np.full(len(scores), value)
            alarms = make_alarms(shown, threshold, self.run.alarms, fps)
            if (share := sum(alarm.end - alarm.start for alarm in alarms) / len(scores)) > MOSTLY:
                doubt = "the threshold was chosen on other videos and may not fit this camera"
                notes = [*notes, f"{share:.0%} of the frames are under alarm: {doubt}"]
        return ScoredVideo(
            video.video_id,
            video.path,
            video.shown,
            "ok",
            frames=np.arange(made.n_frames, dtype=np.int64) * self.every,
            times=times,
            scores=scores,
            video_score=value,
            threshold=threshold,
            alarms=alarms,
            fps=fps,
            every=self.every,
            rules=config if isinstance(config := self._extractor.config, Rules) else Rules(),
            alarm_settings=self.run.alarms,
            threshold_rule=self.run.threshold_rule if threshold is not None else "",
            places=found.places,
            notes=[*self.run.notes, *notes, *self._notes(made.rows, found.dropped, fps, made.n_frames)],
            **common,
        )

    def _made(self, source: Source) -> Made:
        """The scores of a video, in as much memory as the model needs at once where it scores windows."""
        self._model.reset_memory()
        if self._model.sampling == "windows" and (stream := self._extractor.stream(source)) is not None:
            maps = KeptMaps() if self._maps else None
            crops, rows = score_crops(self._model, (self._fitting(source.video, batch) for batch in stream.rows), maps)
            bounds, report = stream.bounds(rows), stream.report(source.video)
            scores = over_frames(self._model, crops, bounds, self.run.infer)
            places = maps and maps.of_frames(frames_of_windows(self._model, bounds))
            return Made(int(bounds[-1]), rows, report, scores._replace(places=places))
        file = make_features(self._extractor, source)
        self._fitting(source.video, file.features)
        made = Made(file.n_frames, len(file.features), file.report, None)
        if file.n_frames < frames_needed(self.run.features, self._model):
            return made
        with torch.inference_mode():
            scores = score_video(self._model, file.features, file.bounds, self.run.infer, file.clips, self._maps)
        if scores.places:
            maps = KeptMaps()
            maps.add(scores.frames[scores.places.frames], scores.places.maps)
            scores = scores._replace(places=maps.of_frames(scores.places.frames))
        return made._replace(scores=scores)

    def _fitting(self, video: Path | str, features: np.ndarray) -> np.ndarray:
        """The same features, if they are as wide as the model expects; `video` is for the message."""
        if (width := features_width(features)) != self._dim:
            raise FeatureError(f"{video}: features are {width} wide, the model expects {self._dim}.")
        return features

    def _threshold(
        self, video_id: str, scores: Float32[np.ndarray, "frames"], value: float, dropped: int
    ) -> float | None:
        """The threshold of the run in the scores of this video."""
        if self.run.threshold is None or not self.run.calibrate_frames:
            return self.run.threshold
        truth = VideoTruth(video_id=video_id, class_name="", label=0, n_frames=len(scores) - dropped)
        (video,) = calibrated([truth.scored(scores[dropped:], value)], self.run.calibrate_frames)
        return video.own_threshold(self.run.threshold)

    def _times(
        self, path: Path, n_frames: int, report: dict[str, Any]
    ) -> tuple[Float[np.ndarray, "frames"], float, list[str]]:
        """When each scored frame is shown, how many are scored a second, and what was assumed."""
        decoded = (report.get("decode") or {}).get("fps")
        found: FrameTimes | None = None
        if not path.is_dir():
            try:
                found = frame_times(path)
            except MediaError:
                found = None  # it was decoded: only its times are not known
        last = (n_frames - 1) * self.every
        rate = self._rate(decoded)
        notes = []
        if found is None or len(found.ticks) <= last:
            notes.append(self._without_times(decoded))
            found = constant_rate(last + 1, rate)
        elif found.variable:
            notes.append("its frame rate changes: times are those of its frames")
        ticks = found.ticks[: last + 1 : self.every]
        seconds = ticks * float(found.tick)
        return seconds, self._scored_rate(seconds, rate), notes

    def _scored_rate(self, seconds: Float[np.ndarray, "frames"], rate: float) -> float:
        """Scored frames a second: the mean by their times; a single frame counts by `rate`, of the whole video."""
        span = float(seconds[-1])
        return (len(seconds) - 1) / span if span > 0 else rate / self.every

    def _rate(self, header: float | None) -> float:
        """Frames a second of a video whose frames have no times, `header` being what its header says of them."""
        return self.fps or header or IMAGE_FPS

    def _without_times(self, header: float | None) -> str:
        """The note on a video whose frames have no times."""
        origin = "by --fps" if self.fps else "as its header states" if header else "assumed: --fps sets it"
        return f"its frames have no times of their own: {self._rate(header):g} frames a second ({origin})"

    def _notes(self, rows: int, dropped: int, fps: float, n_frames: int) -> list[str]:
        """What a reader of these scores must know about the model."""
        model, notes = self._model, []
        if self.every > 1:
            notes.append(f"one of {self.every} frames was used: the run was trained on another rate of frames")
        if model.level == "video":
            notes.append("the model scores whole videos: all frames have the video's score")
        elif model.sampling == "bags" and not model.scores_own_rows and rows > model.bag_segments:
            seconds = n_frames / model.bag_segments / fps
            notes.append(f"the model cuts each video into {model.bag_segments} parts, here of {seconds:.3g} s each")
        if dropped:
            notes.append(f"the first {dropped} frames have no score of their own: they show that of the next frame")
        notes.append(f"scores are spread over frames by: {expansion(model, self.run.infer)}")
        return notes


def frames_needed(entry: Mapping[str, Any], model: VideoModel) -> int:
    """The fewest frames of a video that a model can score without repeating some: one row, or one window of rows.

    Args:
        entry: of `features`; its extractor makes the rows.
        model: scores them.
    """
    extractor = load_extractor(entry.get("vectors", entry))
    stride = getattr(extractor.config, "frame_stride", 1)
    row = extractor.cut.step if isinstance(extractor, NetworkExtractor) else stride
    return row * (model.window if model.sampling == "windows" else 1)
