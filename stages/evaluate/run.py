"""Room evaluate: every metric of each run with its interval, under a named ground-truth convention."""

from collections.abc import Sequence
from pathlib import Path

from stages.room import command_line, make, parser, settings, typed
from vad.artefacts.files import write_json, write_text
from vad.artefacts.scores import read_scores
from vad.evaluation.annotations import read_labels
from vad.evaluation.run_metrics import evaluate_run
from vad.ledger.records import Job
from vad.schema.evaluate import Evaluate
from vad.splits.tables import read_test, read_train


def main(argv: Sequence[str] | None) -> None:
    """Evaluate the runs whose score files are given; a run whose metrics are up to date is kept."""
    flags = parser(__doc__)
    flags.add_argument("--scores", type=Path, nargs="+", required=True, help="score files, one for each run")
    flags.add_argument("--train", type=Path, required=True, help="train.csv")
    flags.add_argument("--test", type=Path, required=True, help="test.csv")
    flags.add_argument("--labels", type=Path, required=True, help="folder of frame labels; need not exist")
    args = flags.parse_args(argv)
    config = typed(Evaluate, settings(args.section))
    labels = sorted(args.labels.glob("*.npy"))

    def write(scores: Path, out: Path) -> None:
        test = read_test(args.test)
        found = evaluate_run(read_scores(scores), read_train(args.train), test, read_labels(test, args.labels), config)
        write_json(out / "metrics.json", found.document)
        write_text(out / "curves.csv", found.curves.to_csv(index=False, lineterminator="\n"))

    for scores in args.scores:
        out = args.out / scores.stem
        job = Job("evaluate", out, args.section, args.code, [scores, args.train, args.test, *labels])
        make(job, lambda scores=scores, out=out: write(scores, out))


if __name__ == "__main__":
    command_line(main)
