"""For `folder`: from the rows of the table of labels to the videos."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vad.artefacts.fingerprint import image_files
from vad.datasets._folder_media import MediaIndex
from vad.datasets._folder_table import Row
from vad.datasets._frame_labels import read_frame_labels
from vad.errors import DatasetError, MediaError
from vad.splits.video import Intervals, Video


@dataclass(frozen=True)
class Place:
    """Where a video and its frame labels lie; `path` is relative to `root`."""

    video_id: str
    path: str
    frame_labels: Path | None
    root: Path
    n_images: int | None = None
    """Images of a video that is a folder of images; None = it is a file."""


def by_video(rows: Sequence[Row], media: MediaIndex, problems: list[str]) -> dict[str, list[Row]]:
    """The rows of each video, by its path below the folder of videos."""
    groups: dict[str, list[Row]] = defaultdict(list)
    listed = {path for row in rows for path in media.called(row.video)}
    for row in rows:
        try:
            groups[media.find(row.video, listed)].append(row)
        except ValueError as error:
            problems.append(f"line {row.line}: {error}")
    for path, group in groups.items():
        problems += _disagreements(path, group)
    return dict(groups)


def _disagreements(path: str, rows: Sequence[Row]) -> Iterable[str]:
    """Contradictions between the rows of one video, and rows that repeat another one."""
    first, seen = rows[0], {rows[0].interval}
    for row in rows[1:]:
        place = f"line {row.line}: {path}"
        for column, value in row.of_video().items():
            if value != (before := first.of_video()[column]):
                yield f"{place}: {column} {value!r}, but {before!r} on line {first.line}"
        if None in (row.interval, first.interval):
            yield f"{place} is already on line {first.line}; several rows need an interval each"
        elif row.interval in seen:
            yield f"{place}: the same interval twice"
        seen.add(row.interval)


def video(rows: Sequence[Row], place: Place, carved: bool, problems: list[str], notes: list[str]) -> Video:
    """One video.

    Args:
        rows: its rows, at least one.
        place: its files.
        carved: whether the validation part is drawn from the train rows (no row says `val`).
        problems: receives contradictions.
        notes: receives merged intervals.
    """
    first = rows[0]
    intervals = _merged([row.interval for row in rows if row.interval])
    if len(intervals) < sum(row.interval is not None for row in rows):
        notes.append(f"{place.video_id}: overlapping intervals merged to {len(intervals)}")
    if first.split != "test":
        part = "" if carved else "validation" if first.split == "val" else "fit"
        label = first.label if first.label is not None else int(bool(intervals))
        return Video(place.video_id, place.path, "train", label, _class(first, label), part=part)
    label, labelled = _test_label(rows, place, problems)
    return Video(
        place.video_id,
        place.path,
        "test",
        label,
        _class(first, label),
        intervals,
        unit=first.unit,
        frame_labels=place.frame_labels.relative_to(place.root).as_posix() if place.frame_labels else "",
        frame_level=label == 0 or labelled,
    )


def _test_label(rows: Sequence[Row], place: Place, problems: list[str]) -> tuple[int, bool]:
    """Label of a test video, and whether its anomalous frames are marked."""
    first, marked = rows[0], any(row.interval for row in rows)
    label = 1 if first.label is None and marked else first.label
    where = f"line {first.line}: {place.video_id}"
    if place.frame_labels is None:
        if label is None:
            problems.append(f"{where}: a test video needs a label, an interval or frame labels")
        return label or 0, marked
    if marked:
        problems.append(f"{where}: intervals and {place.frame_labels.name}. Keep one of them")
    try:
        labels = read_frame_labels(place.frame_labels, None)
    except DatasetError as error:
        problems.append(str(error))
        return label or 0, True
    anomalous = int(labels.any())
    if (n_frames := _frames(place, len(labels))) != len(labels):
        have = f"{len(labels)} labels in {place.frame_labels.name}, but the video has {n_frames} frames"
        problems.append(f"{where}: {have}. Every frame needs one label, counted with this decoder")
    if label is not None and label != anomalous:
        marks = f"{place.frame_labels.name} marks {'some' if anomalous else 'no'} frames"
        problems.append(f"{where}: label {label}, but {marks}")
    return anomalous, True


def _frames(place: Place, expected: int) -> int:
    """Frames of a video; as many as are expected where it cannot be read, which another stage says."""
    if place.n_images is not None:
        return place.n_images
    from vad.video.lengths import frames_of  # the codec library takes its time to import

    try:
        return frames_of(place.root / place.path, expected)
    except MediaError:
        return expected


def in_frames(video: Video, root: Path, rule: str, fps: float | None, notes: list[str]) -> Video:
    """A video whose intervals in seconds are frames, placed by the time at which each frame is shown.

    Args:
        video: of any unit; one in frames is returned as it is.
        root: that its path is relative to.
        rule: how the intervals of the data set count frames.
        fps: frames a second of folders of images.
        notes: receives the videos whose frame rate changes.

    Raises: MediaError for a video that cannot be read.
    """
    if video.unit == "frame":
        return video
    from vad.video.lengths import constant_rate, frame_times

    path = root / video.path
    times = constant_rate(len(image_files(path)), fps or 0) if path.is_dir() else frame_times(path)
    if times.variable:
        steps = " to ".join(f"{1000 * step:.0f}" for step in times.steps)
        notes.append(f"{video.video_id}: variable frame rate ({steps} ms a frame), seconds placed by each frame's time")
    first, last = {"zero_based_half_open": (0, 0), "zero_based_inclusive": (0, -1)}.get(rule, (1, 0))
    frames = (times.frames_between(*interval) for interval in video.intervals)
    intervals = tuple((float(begin + first), float(stop + last)) for begin, stop in frames)
    return replace(video, intervals=intervals, unit="frame")


def _merged(intervals: Sequence[tuple[float, float]]) -> Intervals:
    """Sorted intervals, overlapping ones joined."""
    merged: list[tuple[float, float]] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _class(row: Row, label: int) -> str:
    return row.class_name or ("anomaly" if label else "normal")


def remarks(
    videos: Sequence[Video], rows: Sequence[Row], unlisted: Collection[str], spare: Collection[Path]
) -> list[str]:
    """What a reader of the results should know about the table as a whole."""
    presumed = sum(row.split != "test" and row.label is None and row.interval is None for row in rows)
    ignored = len({row.video for row in rows if row.split != "test" and row.interval})
    bare = [video.video_id for video in videos if not video.frame_level]
    notes = [f"{presumed} train videos without label: presumed normal"] if presumed else []
    notes += [f"intervals of {ignored} train videos are not used: only their labels are"] if ignored else []
    notes += [f"no frame labels, video level only: {', '.join(bare)}"] if bare else []
    notes += [f"not in the table, not used: {', '.join(sorted(unlisted))}"] if unlisted else []
    notes += [f"frame labels that are not used: {', '.join(sorted(file.name for file in spare))}"] if spare else []
    return notes
