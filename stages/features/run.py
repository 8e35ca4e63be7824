"""Room features: turn each video of a batch, or its published feature file, into one feature file.

Each video is decoded by a process of its own: if it crashes, that video fails and the others are done.

In a batch of copies the pictures are changed by the values that are drawn for each video and copy.

On a GPU several videos are worked on at a time, in threads that share the network: while it works on a batch of one,
others are decoded. The features of a video, and its errors, are the same either way.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from stages.devices import Turn, wants_gpu
from stages.room import command_line, make, parser, settings, typed
from vad.artefacts.features import file_name, write_features
from vad.artefacts.files import read_json
from vad.errors import StorageError, VadError, grouped, listing
from vad.extractors._base import BaseExtractor, Source, load_extractor, make_features
from vad.ledger.records import Job
from vad.schema.augment import Augment
from vad.video.draws import draw

GPU_VIDEOS = 2
"""Videos at a time on a GPU, at least: decoder and network cannot both be busy with fewer."""
MOST_VIDEOS = 8
"""Videos at a time where the GPU decodes: no card has more than 8 hardware decoders, and one decodes one video."""
VIDEO_BYTES = 2**33
"""Memory of a GPU for each of these videos: its decoded frames, and its batch in the network."""


class Outcome(NamedTuple):
    """What became of one video."""

    job: Job
    replaced: bool = False
    """Whether features that were there before were made anew."""
    problem: tuple[str, str] | None = None
    """The video and what is wrong with it."""


def main(argv: Sequence[str] | None, videos_at_a_time: int | None = None) -> None:
    """Run one batch; a video that fails does not stop the others, and all failures are reported together.

    Args:
        argv: the flags; None = those of the command line.
        videos_at_a_time: >= 1; None = as the settings say.

    Raises: VadError with the problems of all videos.
    """
    flags = parser(__doc__)
    flags.add_argument("--batch", type=Path, required=True, help="the videos of this job, as JSON")
    args = flags.parse_args(argv)
    section, videos = settings(args.section), read_json(args.batch)
    with Turn() as turn:
        gpu = turn.take(wants_gpu(section))
        extractor = load_extractor(section)

        outcomes: dict[str, Outcome] = {}

        def work(video: Mapping[str, Any]) -> None:
            """Make the feature file of one video, or of a copy of it."""
            video_id, copy = video["video_id"], video.get("copy", 0)
            draws = draw(typed(Augment, section["augment"]), video_id, copy) if copy else None
            source = Source(video_id, tuple(Path(p) for p in video["sources"]), video["n_frames"], draws=draws)
            out = args.out / file_name(video_id, copy)
            facts = {"n_frames": video["n_frames"], **({"copy": copy} if copy else {})}
            job = Job("features", out, args.section, args.code, list(source.paths), facts)
            outcomes[video_id] = extract(extractor, source, job)

        at_a_time = videos_at_a_time or (together(section, memory_of_gpu()) if gpu else 1)
        try:
            if at_a_time == 1:
                for video in videos:
                    work(video)
            else:
                with ThreadPoolExecutor(at_a_time) as threads:
                    list(threads.map(work, videos))  # also raises what a thread raised
            in_order = [outcomes[video["video_id"]] for video in videos]
            if problems := [outcome.problem for outcome in in_order if outcome.problem]:
                rest = "The other videos of this job are done." if len(problems) < len(videos) else ""
                raise VadError(listing(f"features ({args.batch.stem})", grouped(problems), rest))
        except BaseException:
            # Snakemake puts the earlier versions of all videos back when a job fails or is interrupted.
            for outcome in outcomes.values():
                if outcome.replaced:
                    outcome.job.set_aside()
            raise


def together(section: Mapping[str, Any], memory: int) -> int:
    """How many videos are worked on at a time on a GPU.

    Args:
        section: a features entry, maybe with another one in `vectors`.
        memory: of the GPU, in bytes.
    """
    if wanted := section.get("vectors", section).get("videos_at_a_time"):
        return wanted
    if section.get("decoder") != "dali" or section.get("decoder_device") == "cpu":
        return GPU_VIDEOS
    return min(MOST_VIDEOS, max(GPU_VIDEOS, round(memory / VIDEO_BYTES)))


def memory_of_gpu() -> int:
    """The memory of this process's GPU in bytes; 0 if torch sees none."""
    import torch  # an extractor without a network may not have loaded it

    return torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else 0


def extract(extractor: BaseExtractor, source: Source, job: Job) -> Outcome:
    """The feature file of one video, unless it is there and right."""
    job.take_back()
    was_there = job.artefact.is_file()
    try:
        made = make(job, lambda: write_features(job.artefact, make_features(extractor, source)))
    except StorageError:
        raise  # a full disk is no fault of the video, and the next one would not fit either
    except VadError as error:
        # Without its own paths, so that the same problem of many videos is said once.
        text = str(error).removeprefix(f"{source.video}: ").removeprefix(f"{job.artefact}: ")
        return Outcome(job, problem=(str(source.video), text))
    return Outcome(job, replaced=made and was_there)


if __name__ == "__main__":
    command_line(main)
