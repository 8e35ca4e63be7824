"""Room split: make a generated data set (`raw`), or parse the official lists into split tables (`tables`)."""

from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree

from stages.room import command_line, make, parser, settings
from vad.artefacts.files import read_json, write_array
from vad.datasets._base import BaseDataset, load_dataset
from vad.ledger.records import Job
from vad.localisation import truth_tables
from vad.splits.tables import TEST_BOXES, VALIDATION_BOXES, read_train, write_intervals, write_tables


def main(argv: Sequence[str] | None) -> None:
    """Run one job of the room."""
    flags = parser(__doc__)
    flags.add_argument("what", choices=["raw", "tables"])
    flags.add_argument("--home", type=Path, default=Path(), help="where a generated data set lies (tables)")
    flags.add_argument("--lists", type=Path, nargs="*", default=[], help="the lists that are read (tables)")
    flags.add_argument("--available", type=Path, nargs="*", default=[], help="JSON of ids to keep (tables of a subset)")
    flags.add_argument("--workers", type=int, default=1, help="processes that render (raw)")
    args = flags.parse_args(argv)
    dataset = load_dataset(settings(args.section), args.out if args.what == "raw" else args.home)
    job = Job("split", args.out, args.section, args.code, [*args.lists, *args.available])
    if args.what == "raw":
        make(job, lambda: dataset.generate(args.workers))
    else:
        make(job, lambda: _tables(dataset, args.available, args.out))


def _tables(dataset: BaseDataset, available: Sequence[Path], out: Path) -> None:
    """Parse the lists and write the tables, with labels of frames and places of anomalies where these are known."""
    kept = {video_id for path in available for video_id in read_json(path)}
    keep = (lambda video: video.video_id in kept) if available else None
    videos = dataset.parsed(keep)
    for video in videos:
        if video.frame_labels and video.split == "test":
            write_array(out / "frame_labels" / f"{video.video_id}.npy", dataset.labels_of(video))
    rmtree(out / truth_tables.FOLDER, ignore_errors=True)
    for video in videos:
        if video.split == "test" and video.label and (truth := dataset.truth_of(video, truth_tables.UNKNOWN)):
            truth_tables.write_truth(out / truth_tables.FOLDER / f"{video.video_id}.npz", truth)
    write_tables(
        out,
        videos,
        validation=dataset.config.validation,
        interval_rule=dataset.interval_rule,
        facts=dataset.facts(keep),
        same_side=dataset.same_side,
    )
    boxed, train = dataset.boxed(), read_train(out / "train.csv")
    held_back = set(train.loc[train["part"] == "validation", "video_id"])
    tested = {video.video_id for video in videos if video.split == "test"}
    for name, ids in ((VALIDATION_BOXES, held_back), (TEST_BOXES, tested)):
        write_intervals(out / name, {video_id: boxed[video_id] for video_id in ids & boxed.keys()})


if __name__ == "__main__":
    command_line(main)
