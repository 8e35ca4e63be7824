"""Room infer: score every frame of the validation and test videos, and store maps of where the scores come from."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from shutil import rmtree

import pandas as pd

from stages.devices import Turn, wants_gpu
from stages.room import command_line, make, parser, settings, typed
from vad.artefacts.files import read_json
from vad.artefacts.scores import write_scores
from vad.engine.kept_epochs import kept_epochs
from vad.ledger.arithmetic import threads_of
from vad.ledger.records import Job, files_of, trusted_hash
from vad.localisation.map_files import maps_folder
from vad.schema.infer import Infer
from vad.splits.tables import in_part, read_test, read_train


def main(argv: Sequence[str] | None) -> None:
    """Score the runs one after the other."""
    flags = parser(__doc__)
    flags.add_argument("--runs", type=Path, nargs="+", required=True, help="folders of the trained runs")
    flags.add_argument("--train", type=Path, required=True, help="train.csv")
    flags.add_argument("--test", type=Path, required=True, help="test.csv")
    flags.add_argument("--features", type=Path, required=True, help="folder of feature files")
    flags.add_argument("--threads", type=int, default=1)
    args = flags.parse_args(argv)
    train, test = read_train(args.train), read_test(args.test)
    infer = typed(Infer, settings(args.section))
    # Maps of normal validation videos say what a model gives to each place whatever happens there.
    mapped = {*test["video_id"], *train.loc[train["label"] == 0, "video_id"]} if infer.maps else set()

    def features_of(parts: Mapping[str, str]) -> list[Path]:
        return [args.features / f"{video_id}.npz" for video_id in parts]

    with Turn() as turn:

        def score(run: Path, out: Path) -> None:
            turn.take(wants_gpu(read_json(run / "config.json")["section"]["train"]))
            parts = parts_of(run, train, test)
            _score(run, parts, features_of(parts), infer, threads_of(args.threads), out, mapped)

        for run in args.runs:
            out = args.out / f"{run.name}.npz"
            weights = [run / "weights.safetensors", run / "config.json", *kept_epochs(run).values()]
            weights += sorted((run / "held_out").glob("*.safetensors"))
            for path in weights:
                trusted_hash(path)  # refused here, not after the work
            files = features_of(parts_of(run, train, test))
            inputs = [args.train, args.test, *weights, *files]
            job = Job("infer", out, args.section, args.code, inputs, also=[maps_folder(out)])
            make(job, lambda run=run, out=out: score(run, out))


def parts_of(run: Path, train: pd.DataFrame, test: pd.DataFrame) -> dict[str, str]:
    """The part of each video that a run scores: the videos that it held out, then the test list in its order."""
    held = read_json(run / "config.json").get("held_out", {})
    # With folds each video of the train list was held out once.
    out = [video_id for ids in held.values() for video_id in ids]
    chosen = train["video_id"].isin(out) if out else in_part(train, "validation")
    return dict.fromkeys(train.loc[chosen, "video_id"], "validation") | dict.fromkeys(test["video_id"], "test")


def _score(
    run: Path,
    parts: dict[str, str],
    files: Sequence[Path],
    infer: Infer,
    threads: int,
    out: Path,
    mapped: Collection[str] = (),
) -> None:
    """Write the score file of one run, and the maps of some videos in a folder beside it, further ones below that."""
    # Torch takes seconds to import: only a job that has work to do waits for it.
    from vad.engine.score_run import ListedVideo, score_run

    folder = maps_folder(out)
    rmtree(folder, ignore_errors=True)
    videos = [
        ListedVideo(video_id, part, path, folder / f"{video_id}.npz" if video_id in mapped else None)
        for (video_id, part), path in zip(parts.items(), files, strict=True)
    ]
    write_scores(out, score_run(run, videos, infer, threads))
    if written := files_of(folder):
        size = sum(path.stat().st_size for path in written)
        count = sum(path.parent == folder for path in written)
        further = sorted({path.parent.name for path in written} - {folder.name})
        besides = f", besides {', '.join(further)}" if further else ""
        print(f"maps of {count} videos{besides}: {size / 1e6:.1f} MB in {folder}", flush=True)


if __name__ == "__main__":
    command_line(main)
