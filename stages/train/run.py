"""Room train: fit every seed of one variant; the validation part of the train list chooses the epoch of each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
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
    """Make the run of each seed of one variant, by training or from weights that params.yaml names.

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
    room = Room(args.section, args.videos, args.features, args.out, threads)

    def job_of(seed: int) -> tuple[Job, list[Path]]:
        weights = given_weights(room.plan, args.starts, seed)
        facts = {"seed": seed, **({"threads": threads} if threads > 1 else {})}
        out = args.out / f"seed{seed}"
        return Job("train", out, args.section, args.code, room.inputs(weights), facts), weights

    with locked(args.out), room.turn:
        make_all(args.out.name, map(job_of, args.seeds), room.make)


class Room:
    """What the runs of all seeds share; torch and the features are loaded for the first run that is to be made."""

    def __init__(self, section: Path, videos: Path, features: Path, out: Path, threads: int) -> None:
        """Read the settings and the train list.

        Args:
            section: the params slice of the variant.
            videos: train.csv.
            features: folder of feature files.
            out: folder of the variant's runs.
            threads: CPU threads, >= 1.
        """
        self.settings, self.out, self.threads, self.videos = settings(section), out, threads, videos
        self.plan = schedule(self.settings["train"])
        self.table = read_train(videos)
        self.files = [features / file_name(video_id) for video_id in self.table["video_id"]]
        self.copies = copies_of(features, self.table, self.settings.get("copies", 0))
        self.boxes = videos.with_name(VALIDATION_BOXES)
        self.turn = Turn()

    def inputs(self, weights: Sequence[Path]) -> list[Path]:
        """Every file that a run depends on, with the weights that it starts with or is made of."""
        boxes = [self.boxes] * self.boxes.is_file()
        return [self.videos, *self.files, *chain(*self.copies), *weights, *boxes]

    def make(self, job: Job, weights: Sequence[Path]) -> None:
        """Make the run of one seed."""
        if isinstance(self.plan, Imported):
            self._importing.run(job.facts["seed"], self.threads, job.artefact)
        else:
            self._training.run(job.facts["seed"], self.threads, job.artefact, job.key, weights)

    @cached_property
    def _training(self) -> "VariantTraining":
        """Trains; all seeds read the features once."""
        section = self._section()
        # Torch takes seconds to import: only a job that has work to do waits for it.
        from vad.engine.train_run import VariantTraining

        plan, marked = typed(Train, section["train"]), read_intervals(self.boxes)
        return VariantTraining(section, plan, self.table, self.files, self.copies, self.out, marked)

    @cached_property
    def _importing(self) -> "VariantImport":
        """Makes runs of weights that others have trained."""
        section = self._section()
        from vad.engine.import_run import VariantImport

        return VariantImport(section, typed(Imported, section["train"]), self.table, self.files, self.out)

    def _section(self) -> dict[str, Any]:
        """The settings with those of the features; from here on a GPU is this process's own, if it wants one."""
        self.turn.take(wants_gpu(self.settings["train"]))
        return {**self.settings, **features_entry(self.files[0])}


def make_all(
    variant: str, jobs: Iterable[tuple[Job, list[Path]]], work: Callable[[Job, Sequence[Path]], object]
) -> None:
    """Make runs one after the other; one that fails does not stop the others, all failures are reported.

    Args:
        variant: for the message.
        jobs: each run with the files of weights that it reads.
        work: makes one.

    Raises: VadError with the problems of all seeds; StorageError at once.
    """
    replaced: list[Job] = []
    problems: dict[str, list[int]] = {}
    made = 0
    try:
        for job, weights in jobs:
            job.take_back()
            was_there = job.artefact.is_dir()
            try:
                if make(job, lambda job=job, weights=weights: work(job, weights)) and was_there:
                    replaced.append(job)
                made += 1
            except StorageError:  # the other seeds would meet it too
                raise
            except VadError as error:
                problems.setdefault(str(error), []).append(job.facts["seed"])
        if problems:
            lines = [f"seed {', '.join(map(str, seeds))}: {text}" for text, seeds in problems.items()]
            rest = "The other seeds of the variant are done." if made else ""
            raise VadError(listing(f"variant {variant}", lines, rest))
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
