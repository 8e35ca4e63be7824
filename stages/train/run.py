"""Room train: fit every seed of one variant; the validation part of the train list chooses the epoch of each."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from stages.devices import Turn, wants_gpu
from stages.room import command_line, make, parser, settings, typed
from vad.artefacts.features import file_name
from vad.artefacts.files import locked, read_json
from vad.errors import StorageError, VadError, listing
from vad.ledger.arithmetic import threads_of
from vad.ledger.records import Job, record_path
from vad.schema.train import Imported, Train
from vad.splits.tables import VALIDATION_BOXES, in_part, read_intervals, read_train

if TYPE_CHECKING:
    from vad.engine.import_run import VariantImport
    from vad.engine.train_run import VariantTraining


def main(argv: Sequence[str] | None) -> None:
    """Train the seeds one after the other; one that fails does not stop the others, all failures are reported.

    Raises: VadError with the problems of all seeds, or at once if another process trains the same variant;
        StorageError at once.
    """
    flags = parser(__doc__)
    flags.add_argument("--videos", type=Path, required=True, help="train.csv")
    flags.add_argument("--features", type=Path, required=True, help="folder of feature files")
    flags.add_argument("--seeds", type=int, nargs="+", required=True)
    flags.add_argument(
        "--starts", type=Path, nargs="*", default=[], help="folders of variants whose runs it starts from"
    )
    flags.add_argument("--threads", type=int, default=1)
    args = flags.parse_args(argv)
    threads = threads_of(args.threads)
    table = read_train(args.videos)
    files = [args.features / file_name(video_id) for video_id in table["video_id"]]
    boxes = args.videos.with_name(VALIDATION_BOXES)
    copies = copies_of(args.features, table, settings(args.section).get("copies", 0))

    plan = schedule(settings(args.section)["train"])
    turn = Turn()

    @cache
    def training() -> "VariantTraining":
        section = {**settings(args.section), **features_entry(files[0])}
        turn.take(wants_gpu(section["train"]))
        # Torch takes seconds to import: only a job that has work to do waits for it.
        from vad.engine.train_run import VariantTraining

        marked = read_intervals(boxes)
        return VariantTraining(section, typed(Train, section["train"]), table, files, copies, args.out, marked)

    @cache
    def importing() -> "VariantImport":
        section = {**settings(args.section), **features_entry(files[0])}
        turn.take(wants_gpu(section["train"]))
        from vad.engine.import_run import VariantImport

        return VariantImport(section, typed(Imported, section["train"]), table, files, args.out)

    def one(job: Job, weights: list[Path]) -> None:
        if isinstance(plan, Imported):
            importing().run(job.facts["seed"], threads, job.artefact)
        else:
            training().run(job.facts["seed"], threads, job.artefact, job.key, weights)

    replaced: list[Job] = []
    problems: dict[str, list[int]] = {}
    with locked(args.out), turn:
        try:
            for seed in args.seeds:
                out = args.out / f"seed{seed}"
                weights = given_weights(plan, args.starts, seed)
                inputs = [args.videos, *files, *chain(*copies), *weights, *[boxes] * boxes.is_file()]
                facts = {"seed": seed, **({"threads": threads} if threads > 1 else {})}
                job = Job("train", out, args.section, args.code, inputs, facts)
                job.take_back()
                was_there = out.is_dir()
                try:
                    if make(job, lambda job=job, weights=weights: one(job, weights)) and was_there:
                        replaced.append(job)
                except StorageError:  # the other seeds would meet it too
                    raise
                except VadError as error:
                    problems.setdefault(str(error), []).append(seed)
            if problems:
                lines = [f"seed {', '.join(map(str, seeds))}: {text}" for text, seeds in problems.items()]
                failed = sum(map(len, problems.values()))
                rest = "The other seeds of the variant are done." if failed < len(args.seeds) else ""
                raise VadError(listing(f"variant {args.out.name}", lines, rest))
        except BaseException:
            # Snakemake puts the earlier versions of all seeds back when a job fails or is interrupted.
            for job in replaced:
                job.set_aside()
            raise


def features_entry(file: Path) -> dict[str, Any]:
    """What the config of a run says of its features, so that its folder is all that scoring another video needs.

    The entry is that of the record beside a feature file: no part of the params slice of a training, because a setting
    that leaves all features equal (such as a device) trains nothing again.

    Args:
        file: one of the feature files.

    Returns: the whole entry under `features_entry`; nothing for a file without a record.
    """
    record = record_path(file)
    return {"features_entry": read_json(record)["section"]["content"]} if record.is_file() else {}


def schedule(section: Mapping[str, Any]) -> Train | Imported:
    """A section `train`, typed."""
    return typed(Imported, section) if "weights" in section else typed(Train, section)


def given_weights(plan: Train | Imported, starts: Sequence[Path], seed: int) -> list[Path]:
    """The files of weights that the run of a seed reads: all that it has, or one for each start of its training.

    Args:
        plan: how its weights come about.
        starts: folders of the variants that `plan` names.
        seed: of the run.
    """
    if isinstance(plan, Imported):
        return [Path(file.file).expanduser() for file in plan.of_seed(seed)]
    folders = {folder.name: folder for folder in starts}
    return [
        Path(start.file).expanduser()
        if start.file
        else folders[str(start.variant)] / f"seed{seed}" / "weights.safetensors"
        for start in plan.start
    ]


def copies_of(folder: Path, table: pd.DataFrame, count: int) -> list[list[Path]]:
    """The feature files of each copy of the videos of the fit part, in the order of the train list."""
    fit = table.loc[in_part(table, "fit"), "video_id"]
    return [[folder / file_name(video_id, copy) for video_id in fit] for copy in range(1, count + 1)]


if __name__ == "__main__":
    command_line(main)
