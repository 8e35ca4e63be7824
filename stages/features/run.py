"""Room features: turn each video of a batch, or its published feature file, into one feature file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import vad.extractors
from stages.room import command_line, make, parser, settings, typed
from vad import registry
from vad.artefacts.features import FeatureFile, write_features
from vad.artefacts.files import read_json
from vad.errors import VadError, listing
from vad.ledger.records import Job
from vad.splits.video import Video


def main(argv: Sequence[str] | None) -> None:
    """Run one batch; a video that fails does not stop the others, and all failures are reported together."""
    flags = parser(__doc__)
    flags.add_argument("--batch", type=Path, required=True, help="the videos of this job, as JSON")
    args = flags.parse_args(argv)
    entry = settings(args.section)
    module = registry.find(vad.extractors, entry.pop("extractor"))
    extractor = module.Extractor(typed(module.Config, entry))
    problems, replaced = [], []
    for video in read_json(args.batch):
        out = args.out / f"{video['video_id']}.npz"
        facts = {"n_frames": video["n_frames"]}
        job = Job("features", out, args.section, args.code, [Path(p) for p in video["sources"]], facts)
        job.take_back()
        was_there = out.is_file()
        try:
            if make(job, lambda video=video, out=out: write_features(out, _extract(extractor, video))) and was_there:
                replaced.append(job)
        except VadError as error:
            problems.append(str(error))
    if problems:
        for job in replaced:
            job.set_aside()
        raise VadError(listing(f"features ({args.batch.stem})", problems, "The other videos of this job are done."))


def _extract(extractor: Any, video: dict) -> FeatureFile:  # noqa: ANN401 - a plugin
    """One video through the extractor; published features are loaded, alone or beside the video's pixels."""
    named = Video(video["video_id"], "", "train", 0, "", n_frames=video["n_frames"])
    if hasattr(extractor, "load"):
        return extractor.load(named)
    path = Path(video["sources"][0])
    return extractor.extract_named(path, named) if hasattr(extractor, "extract_named") else extractor.extract(path)


if __name__ == "__main__":
    command_line(main)
