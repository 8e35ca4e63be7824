"""Score videos of yours with a trained run: a score for each frame, alarms, a figure and a summary."""

import argparse
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vad.errors import StorageError, VadError
from vad.ledger import arithmetic
from vad.scoring.inputs import GivenVideo, given_videos
from vad.scoring.progress import Progress, shown_progress
from vad.scoring.runs import find_run

if TYPE_CHECKING:
    from vad.scoring.video import ScoredVideo, Scorer


def add_flags(flags: argparse.ArgumentParser) -> None:
    """Add the flags of the verb to a parser."""
    flags.add_argument("videos", nargs="+", help="video files, folders of videos, folders of images")
    flags.add_argument("--out", type=Path, required=True, help="folder for the results")
    which = flags.add_mutually_exclusive_group()
    which.add_argument("--variant", help="a trained variant; default the best validated one")
    which.add_argument("--run", type=Path, help="folder of a trained run, such as data/train/VARIANT/seed0")
    flags.add_argument("--every", type=_count, default=1, help="use every so many frames; default all")
    flags.add_argument(
        "--fps",
        type=_number(0.01, 1000, "number of frames a second"),
        help="frames a second of images, and of videos whose frames have no times; default the header of the video,"
        " else 25",
    )
    flags.add_argument(
        "--previews",
        choices=["none", "blur", "full"],
        default="none",
        help="what the pages show of the footage: nothing (default), pictures in which no face can be made out, or all",
    )
    flags.add_argument(
        "--portable",
        action="store_true",
        help="compute as the runs of generated data sets do: the same bits on every CPU, slower",
    )
    flags.add_argument(
        "--follow",
        action="store_true",
        help="score one video while it comes: a file that grows, or http:// or rtsp:// of this machine; alarms are"
        " printed as JSON lines, SIGINT or SIGTERM ends it",
    )
    flags.add_argument(
        "--wait",
        type=_number(0.1, 86400, "number of seconds"),
        default=10.0,
        help="with --follow: end after so many seconds without data; over rtsp:// a signal may take as long to end it",
    )
    flags.add_argument(
        "--allow-host", action="append", default=[], metavar="HOST", help="with --follow: another machine that is asked"
    )


def run(args: argparse.Namespace) -> int:
    """Score the videos one after the other; one that fails does not stop the others.

    Returns: exit code 0, or 1 if a video could not be read; one that is too short is no failure.

    Raises: VadError if no run can score them, or if nothing is there to score; StorageError at once.
    """
    if args.portable and arithmetic.in_force() != "portable":
        # Libraries read these variables when they are loaded, and some are: a new process takes over.
        os.execve(sys.executable, [sys.executable, "-m", "vad", *sys.argv[1:]], {**os.environ, **arithmetic.PORTABLE})
    if args.follow:
        return _follow(args)
    if streams := [word for word in args.videos if "://" in word]:
        raise VadError(f"{streams[0]}: a stream is scored while it comes. Add --follow.")
    found = find_run(args.variant, args.run)
    videos = given_videos([Path(word) for word in args.videos], args.out)
    print(f"{found.name} scores {len(videos)} video(s): {found.chosen}")
    # Torch takes seconds to import: errors of the command line are shown before.
    from vad.pages.overview import OverviewRow, write_overview
    from vad.scoring.page import INDEX, write_page_of
    from vad.scoring.video import ScoredVideo, Scorer
    from vad.scoring.write import SUMMARY, write_summaries, write_video

    scorer, done, rows = Scorer(found, args.every, args.fps, maps=args.previews != "none"), [], []
    with shown_progress() as progress:
        for video in videos:
            try:
                result = _scored(scorer, video, progress)
            except StorageError:
                raise
            except VadError as error:
                problem = str(error)
                result = ScoredVideo(
                    video.video_id, video.path, video.shown, "failed", found.name, found.chosen, problem=problem
                )
            write_video(args.out, result)
            done.append(result)
            try:
                content = write_page_of(args.out, result, args.previews)
            except StorageError:
                raise
            except VadError as error:
                result.notes.append(f"the page has no pictures: {error}")
                content = write_page_of(args.out, result, "none")
            rows.append(
                OverviewRow.of(content, f"{result.video_id}.html", "" if result.status == "ok" else result.status)
            )
            # After each video: a command that is stopped leaves what it has done.
            write_summaries(args.out, done)
            write_overview(args.out / INDEX, rows)
            print(_line(result), flush=True)
    failed = [one for one in done if one.status == "failed"]
    print(f"Open {args.out / INDEX} in a browser, or run: vad view {args.out}. All numbers: {args.out / SUMMARY}")
    if failed:
        print(f"error: {len(failed)} of {len(done)} videos failed:", file=sys.stderr)
        for one in failed:
            print(f"  - {one.problem}", file=sys.stderr)
    return 1 if failed else 0


def _follow(args: argparse.Namespace) -> int:
    """Score one stream until it ends; stdout has nothing but the alarms."""
    from vad.scoring.live_input import address_of

    if len(args.videos) > 1 or args.previews != "none":
        raise VadError("--follow scores one stream, and its page has no pictures. Give one video, no --previews.")
    address = address_of(args.videos[0], args.allow_host)
    found = find_run(args.variant, args.run, live=True)
    print(f"{found.name} follows {address.shown}: {found.chosen}", file=sys.stderr, flush=True)
    from vad.scoring.follow import follow

    result = follow(found, address, args)
    for note in result.notes:
        print(f"note: {note}", file=sys.stderr)
    print(f"{_line(result)}. Results: {args.out}", file=sys.stderr)
    return 0


def _scored(scorer: "Scorer", video: GivenVideo, progress: Progress) -> "ScoredVideo":
    """Score one video and show how far it is."""
    progress.begin(video.video_id, scorer.expected_frames(video))
    try:
        return scorer.score(video, progress.advance)
    finally:
        progress.end()


def _line(video: "ScoredVideo") -> str:
    """The line that is printed when a video is done."""
    if video.status != "ok":
        return f"{video.video_id}: {video.status} ({video.problem})"
    alarms = "no threshold" if video.threshold is None else f"{len(video.alarms)} alarm(s)"
    return f"{video.video_id}: {len(video.scores)} frames, score {video.video_score:.4g}, {alarms}"


def _count(word: str) -> int:
    """A whole number >= 1 of the command line."""
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word!r} is no whole number from 1 on")
    return int(word)


def _number(low: float, high: float, what: str) -> Callable[[str], float]:
    """A parser of numbers of the command line.

    Args:
        low: the lowest that is taken.
        high: the highest.
        what: the number, for the message.
    """

    def parse(word: str) -> float:
        """The number in a word."""
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{word!r} is no {what} from {low:g} to {high:g}")
        return value

    return parse
