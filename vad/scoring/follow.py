"""Score a video while it is coming: alarms as JSON lines as they come, all other results when it ends."""

import json
import signal
import sys
from argparse import Namespace
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Shaped

from vad.artefacts.files import write_text
from vad.engine.expansion import unscored_frames, video_score
from vad.engine.score import ScoredVideo as VideoScores
from vad.engine.score import score_place
from vad.errors import DatasetError, VadError, storage_errors
from vad.extractors._base import RowStream, Source
from vad.interrupts import SIGNALS
from vad.pages.overview import OverviewRow, write_overview
from vad.scoring.inputs import GivenVideo
from vad.scoring.live_input import Address, LiveInput
from vad.scoring.live_scores import AlarmEvent, FrameScores, LiveAlarms
from vad.scoring.page import INDEX, write_page_of
from vad.scoring.runs import TrainedRun
from vad.scoring.video import Made, ScoredVideo, Scorer, frames_needed
from vad.scoring.write import write_summaries, write_video

TOGETHER = 16
"""Frames that go through the network of an extractor together: more would delay alarms."""


def follow(found: TrainedRun, address: Address, args: Namespace) -> ScoredVideo:
    """Score a stream until it ends or SIGINT or SIGTERM comes, and write the results.

    Args:
        found: the run; its model reads windows.
        address: what is followed.
        args: flags of the command line.

    Raises: MediaError for a stream that cannot be opened, or in which no frame comes; StorageError.
    """
    live = LiveInput(address, args.wait)
    args.out.mkdir(parents=True, exist_ok=True)
    with _stopped_by_signals(live):
        lines = args.out / f"{address.video_id}_alarms.jsonl"
        result = Follower(found, live, args.every, args.fps, lines).run_to_the_end()
    write_video(args.out, result)
    row = OverviewRow.of(write_page_of(args.out, result, "none"), f"{result.video_id}.html", result.problem)
    write_summaries(args.out, [result])
    write_overview(args.out / INDEX, [row])
    return result


@contextmanager
def _stopped_by_signals(live: LiveInput) -> Iterator[None]:
    """Within the block the first signal ends the stream; a second one ends this process at once."""
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def stop(*_: object) -> None:
        restore()
        live.stop()

    for number in SIGNALS:
        signal.signal(number, stop)
    try:
        yield
    finally:
        restore()


class Follower(Scorer):
    """A trained run on one stream.

    Args:
        run: as `vad.scoring.runs.find_run` found it.
        live: the stream.
        every: every how many frames of it one is used, >= 1.
        fps: frames a second, as of `Scorer`.
        lines: the file that gets a line for each start and end of an alarm. What an earlier run wrote there stays
            until the first row.
    """

    def __init__(self, run: TrainedRun, live: LiveInput, every: int, fps: float | None, lines: Path) -> None:
        super().__init__(run, every, fps, together=TOGETHER)
        self._live, self._lines = live, lines
        self._scores = array("f")
        self._alarms: LiveAlarms | None = None
        self._dropped = 0
        self._own: float | None = None
        self._no_alarms = ""
        self._seen, self._latest = 0, -np.inf

    def run_to_the_end(self) -> ScoredVideo:
        """Everything that is known of the stream when it has ended."""
        self._model.eval()
        self._model.reset_memory()
        address = self._live.address
        source = Source(address.video_id, (Path(address.shown),), open_video=self._live.reader, every=self.every)
        stream = self._extractor.stream(source)
        if stream is None:
            raise VadError(f"{self.run.name}: its extractor reads whole videos. Take another variant.")
        made = self._made_while_it_comes(stream, source)
        report = made.report["decode"]
        notes = [f"followed {address.shown} until {self._live.why}"]
        if damaged := report["corrupt"] + report["errors"]:
            notes.append(f"{damaged} frames or packets of the stream were damaged")
        rate = self._rate_so_far(report.get("fps"))
        if np.isnan(span := self._span()):
            notes.append(self._without_times(report.get("fps")))
        elif span > 0:
            notes.append(f"{rate:.4g} frames a second, by the times of its frames")
        if self._no_alarms:
            notes.append(self._no_alarms)
        shown = "" if address.protocol == "file" else address.shown
        video = GivenVideo(source.video_id, source.video, address=shown)
        seconds = self._seconds(made.n_frames, rate)
        return self._result(video, made, seconds, self._scored_rate(seconds, rate), notes)

    def _made_while_it_comes(self, stream: RowStream, source: Source) -> Made:
        """The scores of the stream; alarms are written on the way."""
        scores, window = FrameScores(self._model, self.run.infer, stream.step), self._model.window
        if self.run.infer.first_frames == "drop":
            bounds = np.arange(window + 1) * stream.step
            self._dropped = unscored_frames(bounds, window, score_place(self._model))
        rows, before = 0, None
        for batch in stream.rows:
            if self._fitting(self._live.address.shown, batch).ndim == 3:
                raise VadError(f"{self.run.name}: reads several crops of a picture. Take a variant that reads one.")
            rows += len(batch)
            if before is None:
                write_text(self._lines, "")
            else:
                self._take(scores.add(before), stream)
            before = batch
        assert before is not None, "a reader without a frame raises"
        n_frames, report = stream.reader.n_frames, {"decode": stream.reader.report, "extractor": dict(stream.identity)}
        self._dropped = min(self._dropped, n_frames - 1)  # of a video that is shorter than a window
        self._take(scores.end(before, n_frames), stream, last=True)
        found = np.frombuffer(self._scores, np.float32).astype(float)
        value = video_score(found[self._dropped :], scores.highest, self.run.infer)
        return Made(n_frames, rows, report, VideoScores(found, value, None, self._dropped))

    def _take(self, new: Shaped[np.ndarray, " new"], stream: RowStream, last: bool = False) -> None:
        """Keep the scores of the next frames, and write the alarms that start or end with them."""
        self._scores.extend(new)
        too_short = last and len(self._scores) < frames_needed(self.run.features, self._model)
        if self.run.threshold is None or self._no_alarms or too_short:
            return
        rate = self._rate_so_far(stream.reader.report.get("fps"))
        wanted = self.run.calibrate_frames + self._dropped if self.run.calibrate_frames else 0
        if self._alarms is None and (last or len(self._scores) > wanted):
            new = np.array(self._scores, np.float32)
            highest = float(new.max(initial=0))
            self._own = self._threshold(self._live.address.video_id, new, highest, self._dropped)
            if self._own is None:
                print(self._no_alarms, file=sys.stderr, flush=True)
                return
            self._alarms = LiveAlarms(self._own, self.run.alarms, rate / self.every)
        if self._alarms is not None:
            self._alarms.count_seconds_by(rate / self.every)
            for event in self._alarms.add(new, lambda: float(np.median(np.array(self._scores))), last):
                line = json.dumps(self._line(event, rate))
                with storage_errors(self._lines), self._lines.open("a", encoding="utf-8") as file:
                    print(line, file=file)
                print(line, flush=True)

    def _threshold(
        self, video_id: str, scores: Float32[np.ndarray, "frames"], value: float, dropped: int
    ) -> float | None:
        """As of `Scorer`; None if first frames without spread calibrate none: the stream goes on without alarms."""
        try:
            return super()._threshold(video_id, scores, value, dropped)
        except DatasetError as error:
            self._no_alarms = f"no alarms: {error}"
            return None

    def _line(self, event: AlarmEvent, rate: float) -> dict[str, Any]:
        """An event for JSON."""
        seconds = self._seconds(event.end, rate)
        line: dict[str, Any] = {
            "event": event.event,
            "video_id": self._live.address.video_id,
            "alarm": event.alarm,
            "start_source_frame": event.start * self.every,
            "start_s": round(float(seconds[event.start]), 3),
        }
        if event.event == "end":
            line |= {"end_source_frame": (event.end - 1) * self.every, "end_s": round(float(seconds[-1]), 3)}
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        return {**line, "peak_score": event.peak, "threshold": self._own, "written_at": at}

    def _rate_so_far(self, header: float | None) -> float:
        """Frames a second of the stream so far: the mean by their times, else by `_rate`."""
        span = self._span()
        return (self._seen - 1) / span if span > 0 else self._rate(header)

    def _span(self) -> float:
        """Seconds from the first frame of the stream to the latest so far; NaN where one does not say when it is shown.

        Each time is looked at once: a stream may last for days.
        """
        times = self._live.times
        self._latest = float(np.max([self._latest, *times[self._seen :]]))
        self._seen = len(times)
        return self._latest - times[0]

    def _seconds(self, n_frames: int, rate: float) -> Float[np.ndarray, " n_frames"]:
        """When each of the first scored frames is shown, from the first one on; never earlier than the one before."""
        times = np.array(self._live.times[: n_frames * self.every])[:: self.every]
        if np.isnan(times).any():
            return np.arange(n_frames) * self.every / rate
        return np.maximum.accumulate(times - times[0])
