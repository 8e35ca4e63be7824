"""Room infer: score every frame of the validation and test videos with the trained runs of a variant."""

from collections.abc import Sequence
from pathlib import Path

from stages.devices import Turn, wants_gpu
from stages.room import command_line, make, parser, settings, typed
from vad.artefacts.files import read_json
from vad.artefacts.scores import write_scores
from vad.engine.kept_epochs import kept_epochs
from vad.ledger.records import Job, trusted_hash
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
    parts = dict.fromkeys(train.loc[in_part(train, "validation"), "video_id"], "validation")
    parts |= dict.fromkeys(test["video_id"], "test")
    files = [args.features / f"{video_id}.npz" for video_id in parts]
    infer = typed(Infer, settings(args.section))
    with Turn() as turn:

        def score(run: Path, out: Path) -> None:
            turn.take(wants_gpu(read_json(run / "config.json")["section"]["train"]))
            _score(run, parts, files, infer, args.threads, out)

        for run in args.runs:
            out = args.out / f"{run.name}.npz"
            weights = [run / "weights.safetensors", run / "config.json", *kept_epochs(run).values()]
            for path in weights:
                trusted_hash(path)  # refused here, not after the work
            job = Job("infer", out, args.section, args.code, [args.train, args.test, *weights, *files])
            make(job, lambda run=run, out=out: score(run, out))


def _score(run: Path, parts: dict[str, str], files: Sequence[Path], infer: Infer, threads: int, out: Path) -> None:
    """Write the score file of one run."""
    # Torch takes seconds to import: only a job that has work to do waits for it.
    from vad.engine.score_run import ListedVideo, score_run

    videos = [ListedVideo(*video, path) for video, path in zip(parts.items(), files, strict=True)]
    write_scores(out, score_run(run, videos, infer, threads))


if __name__ == "__main__":
    command_line(main)
