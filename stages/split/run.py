"""Room split: make a generated data set (`raw`), or parse the official lists into split tables (`tables`)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import vad.datasets
from stages.room import command_line, make, parser, settings, typed
from vad import registry
from vad.artefacts.files import read_json, write_array
from vad.datasets._frame_labels import labels_of
from vad.ledger.records import Job
from vad.splits.tables import write_tables


def main(argv: Sequence[str] | None) -> None:
    """Run one job of the room."""
    flags = parser(__doc__)
    flags.add_argument("what", choices=["raw", "tables"])
    flags.add_argument("--home", type=Path, default=Path(), help="where a generated data set lies (tables)")
    flags.add_argument("--lists", type=Path, nargs="*", default=[], help="the lists that are read (tables)")
    flags.add_argument("--available", type=Path, nargs="*", default=[], help="JSON of ids to keep (tables of a subset)")
    flags.add_argument("--workers", type=int, default=1, help="processes that render (raw)")
    args = flags.parse_args(argv)
    entry = settings(args.section)
    module = registry.find(vad.datasets, entry.pop("kind"))
    config = typed(module.Config, entry)
    job = Job("split", args.out, args.section, args.code, [*args.lists, *args.available])
    if args.what == "raw":
        make(job, lambda: module.Dataset(config, args.out).generate(args.workers))
    else:
        make(job, lambda: _tables(module.Dataset(config, args.home), args.available, args.out))


def _tables(dataset: Any, available: Sequence[Path], out: Path) -> None:  # noqa: ANN401 - a plugin
    """Parse the lists and write the tables, with one label a frame where the data set has them."""
    kept = {video_id for path in available for video_id in read_json(path)}
    which = [lambda video: video.video_id in kept] if available else []
    videos = dataset.parsed() if hasattr(dataset, "parsed") else dataset.videos(*which)
    for video in videos:
        if video.frame_labels and video.split == "test":
            write_array(out / "frame_labels" / f"{video.video_id}.npy", labels_of(dataset, video))
    write_tables(
        out,
        videos,
        validation=dataset.config.validation,
        interval_rule=dataset.interval_rule,
        facts=dataset.facts(*which),
        same_side=getattr(dataset, "same_side", ()),
    )


if __name__ == "__main__":
    command_line(main)
