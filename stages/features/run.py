"""Room features: turn each video of a batch, or its published feature file, into one feature file.

In a batch of copies the pictures are changed by the values that are drawn for each video and copy.
"""

from collections.abc import Sequence
from pathlib import Path

from stages.room import command_line, make, parser, settings, typed
from vad.artefacts.features import file_name, write_features
from vad.artefacts.files import read_json
from vad.errors import VadError, grouped, listing
from vad.extractors._base import Source, load_extractor, make_features
from vad.ledger.records import Job
from vad.schema.augment import Augment
from vad.video.draws import draw


def main(argv: Sequence[str] | None) -> None:
    """Run one batch; a video that fails does not stop the others, and all failures are reported together."""
    flags = parser(__doc__)
    flags.add_argument("--batch", type=Path, required=True, help="the videos of this job, as JSON")
    args = flags.parse_args(argv)
    section = settings(args.section)
    extractor = load_extractor(section)
    problems, replaced = [], []
    videos = read_json(args.batch)
    for video in videos:
        video_id, copy = video["video_id"], video.get("copy", 0)
        out = args.out / file_name(video_id, copy)
        facts = {"n_frames": video["n_frames"], **({"copy": copy} if copy else {})}
        draws = draw(typed(Augment, section["augment"]), video_id, copy) if copy else None
        source = Source(video_id, tuple(Path(p) for p in video["sources"]), video["n_frames"], draws=draws)
        job = Job("features", out, args.section, args.code, list(source.paths), facts)
        job.take_back()
        was_there = out.is_file()
        try:
            made = make(job, lambda source=source, out=out: write_features(out, make_features(extractor, source)))
            if made and was_there:
                replaced.append(job)
        except VadError as error:
            # Without its own paths, so that the same problem of many videos is said once.
            text = str(error).removeprefix(f"{source.video}: ").removeprefix(f"{out}: ")
            problems.append((str(source.video), text))
    if problems:
        for job in replaced:
            job.set_aside()
        rest = "The other videos of this job are done." if len(problems) < len(videos) else ""
        raise VadError(listing(f"features ({args.batch.stem})", grouped(problems), rest))


if __name__ == "__main__":
    command_line(main)
