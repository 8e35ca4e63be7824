"""Room evaluate: every metric of each run with its interval, under a named ground-truth convention.

Of runs with maps it also says how well they localise, where the data set knows the place of anomalies.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from stages.room import command_line, make, parser, settings, typed
from vad.artefacts.files import atomic, write_json, write_text
from vad.artefacts.npy import write_npz
from vad.artefacts.scores import read_scores
from vad.evaluation.annotations import read_labels
from vad.evaluation.run_metrics import evaluate_run
from vad.ledger.records import Job, files_of
from vad.localisation.map_files import DRAWS, maps_folder
from vad.schema.evaluate import Evaluate
from vad.splits.tables import read_test, read_train

if TYPE_CHECKING:
    from vad.localisation.run_maps import RunMaps


def main(argv: Sequence[str] | None) -> None:
    """Evaluate the runs whose score files are given; a run whose metrics are up to date is kept."""
    flags = parser(__doc__)
    flags.add_argument("--scores", type=Path, nargs="+", required=True, help="score files, one for each run")
    flags.add_argument("--train", type=Path, required=True, help="train.csv")
    flags.add_argument("--test", type=Path, required=True, help="test.csv")
    flags.add_argument("--labels", type=Path, required=True, help="folder of frame labels; need not exist")
    flags.add_argument("--truth", type=Path, required=True, help="folder of places of anomalies; need not exist")
    args = flags.parse_args(argv)
    config = typed(Evaluate, settings(args.section))
    labels, truth = sorted(args.labels.glob("*.npy")), sorted(args.truth.glob("*.npz"))

    @cache
    def places() -> "RunMaps":
        """The ground truth of places, which all runs are compared with."""
        from vad.localisation.run_maps import RunMaps  # image filters, which runs without maps do not need

        test = read_test(args.test)
        return RunMaps(dict(zip(test["video_id"], test["label"], strict=True)), args.truth, config.bootstrap)

    def write(scores: Path, out: Path) -> None:
        """Write the metrics and the curves of one run, and the draws behind metrics of its maps."""
        test, maps = read_test(args.test), maps_folder(scores)
        found = evaluate_run(read_scores(scores), read_train(args.train), test, read_labels(test, args.labels), config)
        localisation = places().evaluate(maps) if truth and maps.is_dir() else None
        document = {**found.document, **({"localisation": localisation.document} if localisation else {})}
        write_json(out / "metrics.json", document)
        if localisation:
            with atomic(out / DRAWS) as stream:
                write_npz(stream, localisation.draws)
        else:
            (out / DRAWS).unlink(missing_ok=True)
        write_text(out / "curves.csv", found.curves.to_csv(index=False, lineterminator="\n"))

    for scores in args.scores:
        out, maps = args.out / scores.stem, files_of(maps_folder(scores))
        places_read = [*maps, *truth] if maps else []
        inputs = [scores, args.train, args.test, *labels, *places_read]
        job = Job("evaluate", out, args.section, args.code, inputs)
        make(job, lambda scores=scores, out=out: write(scores, out))


if __name__ == "__main__":
    command_line(main)
