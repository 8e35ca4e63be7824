"""What happens around a run: refuse wrong data before it, find stale artefacts, note afterwards what was read."""

import atexit
import contextlib
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import vad.models
from stages.failures import STARTED
from stages.plan import paths, state
from stages.plan.asked import Asked
from stages.plan.installed import Installed
from vad import registry
from vad.datasets._base import BaseDataset
from vad.errors import VadError, listing
from vad.ledger.staleness import CLOCK_TOLERANCE, Findings, refresh
from vad.schema.params import Variant
from vad.schema.train import BY_LABEL, Imported, Train
from vad.splits.folds import LABELS
from vad.splits.tables import parts_of
from vad.splits.video import Video

FUTURE = "Set this machine's clock right, or give them today's time: touch FILE (nothing is computed again for that)."


def preflight(asked: Asked) -> "Start":
    """Refuse wrong data, write what the run reads, and start the rules of artefacts that are no longer right.

    Raises: VadError with every problem of every data set.
    """
    write_plan(asked)
    found = refresh(asked.artefacts, paths.STAT)
    refuse_future([Path(name) for name in found.late])
    if stale := {item.artefact for item in found.stale}:
        print(f"{len(stale)} artefact(s) to look at again, e.g. {min(stale)}", file=sys.stderr)
    if found.absent and found.present:
        of = f"{len(found.absent)} of {len(found.absent) + found.present} artefacts are absent, e.g. {found.absent[0]}"
        print(f"{of}: they are made now. (What a DVC remote has, `dvc pull` fetches.)", file=sys.stderr)
    return Start(asked, found, state.stamp())


@dataclass(frozen=True)
class Start:
    """What was found before a run, and so what it is asked for.

    Args:
        asked: what params.yaml asks for.
        found: by the look at all artefacts.
        stamp: of what Snakemake decides by.
    """

    asked: Asked
    found: Findings
    stamp: str

    def targets(self, skip: bool) -> list[str]:
        """The inputs of rule `all`: the records of room report, and those of everything that is absent.

        Snakemake makes no file that nothing waits for: what was deleted behind a finished report would stay away.

        Args:
            skip: ask for nothing if everything is there and right, and the last whole run saw the same params, lists,
                code and rules: Snakemake then needs not compare the times of thousands of files.
        """
        nothing = not self.found.stale and not self.found.absent
        if skip and nothing and state.whole_run() == self.stamp:
            return [state.WHOLE_RUN.as_posix()]  # rule `all` without any input would run
        # A run of no job ends without a word to `remember`; rules or lists may have changed and nothing with them.
        note = [state.NOTED.as_posix()] if skip and nothing else []
        # In an empty folder room report waits for everything anyway.
        absent = self.found.absent if self.found.present else []
        return list(dict.fromkeys([*self.asked.reports.records(), *map(paths.record, absent), *note]))

    def remember(self, whole: bool) -> None:
        """After a run: note size and time of every file that was read, so that a later replacement is seen.

        Args:
            whole: the run was asked for everything.
        """
        found = refresh(self.asked.artefacts, paths.STAT, started=STARTED)
        if found.stale:
            names = sorted({item.artefact for item in found.stale})
            what = "are no longer what they should be: something they hang on changed during the run"
            print(f"{len(names)} artefact(s) {what}, e.g. {names[0]}. Run snakemake again.", file=sys.stderr)
        elif whole and not found.absent:
            state.save_whole_run(self.stamp)


def write_plan(asked: Asked) -> None:
    """Write everything below `.params`, after a look at the data.

    Raises: VadError with every problem of every data set, or naming files that are dated in the future.
    """
    if problems := list(_problems(asked.installed)):
        raise VadError("\n".join(problems))
    refuse_future(asked.sources())
    asked.write()


def refuse_future(files: Sequence[Path]) -> None:
    """Refuse files or folders whose time is later than now.

    Snakemake would call them newer than whatever is made from them, and delete what it made.

    Raises: VadError naming each with its time.
    """
    found, latest = [], time.time() + CLOCK_TOLERANCE
    for path in files:
        with contextlib.suppress(OSError):
            when = path.stat().st_mtime
            if when > latest:
                found.append(f"{path}: {time.strftime('%Y-%m-%d %H:%M', time.localtime(when))}")
    if found:
        raise VadError(listing("files dated in the future", found, FUTURE))


_started: list[Callable[[], object]] = []
"""What answers for the workflow that this process has read last, if any, whether it started jobs."""


def jobs_started() -> bool:
    """Whether Snakemake ran jobs in this process, or would have where there were any: no dry run, `--summary`, ..."""
    return any(started() for started in _started)


@contextlib.contextmanager
def undo_unless(started: Callable[[], object]) -> Iterator[None]:
    """When the process ends, put `.params` back as it was before this block, unless jobs were started.

    Without it a dry run would write what makes a later run start rules that have nothing to do. Whether this is a dry
    run is not known while the Snakefile is read: hence at the end.

    Args:
        started: answers at the end of the process if it started jobs, or would have where there were any.
    """
    before = _contents()
    _started[:] = [started]
    try:
        yield
    finally:
        written = {path: content for path, content in _contents().items() if before.get(path) != content}
        atexit.register(lambda: None if started() else _put_back(before, written))


Content = tuple[bytes, int]
"""Bytes and time of a file."""


def _contents() -> dict[Path, Content]:
    """Every file below `.params` but for what is only kept so that it is not read again."""
    files = [path for path in paths.GENERATED.rglob("*") if path.is_file() and path not in paths.KEPT]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def _put_back(before: Mapping[Path, Content], written: Mapping[Path, Content]) -> None:
    """Restore files that were written, unless another process has changed them since, and files that were removed."""
    for path, content in written.items():
        if path.is_file() and (path.read_bytes(), path.stat().st_mtime_ns) == content and path not in before:
            path.unlink()
    for path, (data, when) in before.items():
        now = (path.read_bytes(), path.stat().st_mtime_ns) if path.is_file() else None
        if now is None or (path in written and now == written[path]):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            os.utime(path, ns=(when, when))


def _problems(installed: Installed) -> Iterator[str]:
    """What is wrong with each data set, and with each feature table that is used with it."""
    absent = dict(_absent(installed))
    yield from absent.values()
    yield from _absent_weights(installed)
    for dataset in sorted({d for _, d in installed.pairs} - set(absent)):
        try:
            videos = installed.videos(dataset)
        except VadError as error:
            yield f"datasets.{dataset}: {error}"
            continue
        if problems := list(_untrainable(installed, dataset, videos)):
            fix = "Correct the data set's lists or its validation part, or remove these variants."
            yield listing(f"data set {dataset}", problems, fix)
        for features in (f for f, d in installed.pairs if d == dataset):
            try:
                sources = installed.sources(features, dataset)
            except VadError as error:
                yield f"features.{features}: {error}"
                continue
            braces = [path for paths in sources.values() for path in paths if "{" in path or "}" in path]
            if braces:
                where = f"data set {dataset}: braces in paths mean wildcards to Snakemake"
                yield listing(where, braces, "Rename these files or folders.")
            if installed.imported(features):
                yield from _published(installed, features, dataset, videos)


def _published(installed: Installed, features: str, dataset: str, videos: Sequence[Video]) -> Iterator[str]:
    """What is wrong with published features for the videos of a data set."""
    where = f"features {features} with data set {dataset}"
    counts = {video.video_id: video.n_frames for video in videos}
    if problems := installed.imported_features(features).examine(counts):
        yield listing(where, problems, f"Correct features.{features}, or the frame counts of datasets.{dataset}.")
    tested = [video for video in videos if video.split == "test"]
    uncounted = [video.video_id for video in tested if video.n_frames is None]
    bag = installed.vectors_entry(features)["rows"] == "bag"
    # Where a video lies there, features are placed in its decoded frames, or by whole segments from its start.
    unplaced = any(video.intervals and not video.path for video in tested)
    if uncounted and (bag or unplaced):
        what = "rows are parts of a whole video" if bag else "the test list has intervals in frames of a video"
        yield listing(
            f"{where}: {what} of unknown length",
            [f"{video_id}: no frame count" for video_id in uncounted],
            f"State frames per video: set datasets.{dataset}.frame_counts to a file that has them.",
        )


def _absent(installed: Installed) -> Iterator[tuple[str, str]]:
    """The installed data sets whose root is no folder, each with the key that says so."""
    for name in installed.datasets:
        dataset = installed.dataset(name)
        if not dataset.GENERATED and not installed.root(name).is_dir():
            fix = f"Set it to the folder of the data set, or to null. {dataset.GET}"
            yield name, f"datasets.{name}.root: {dataset.root}: no such folder. {fix}".rstrip()


def _absent_weights(installed: Installed) -> Iterator[str]:
    """Files of weights that are not there, and seeds without one."""
    for name in installed.variants:
        for path in (path for path in installed.given_weights(name) if not path.is_file()):
            fix = "Put the released weights there (docs/imported-weights.md)."
            yield f"variants.{name}.train: {path}: no such file. {fix}"
        train = installed.variant(name).train
        if isinstance(train, Imported):
            for seed in (seed for seed in installed.params.seeds if not train.of_seed(seed)):
                yield f"variants.{name}.train.weights: no file for seed {seed}. Add one, or set its seed to null."


def _untrainable(installed: Installed, dataset: str, videos: Sequence[Video]) -> Iterator[str]:
    """Why the variants of a data set cannot be trained or tested on its lists."""
    train = [video for video in videos if video.split == "train"]
    variants = {name: installed.params.variants[name] for name in installed.variants}
    variants = {name: variant for name, variant in variants.items() if variant.dataset == dataset}
    lists = (("train", len(train)), ("test", len(videos) - len(train)))
    for split in (split for split, size in lists if not size):
        yield f"no {split} videos, for variants {', '.join(variants)}"
    if train:
        plugin = installed.dataset(dataset)
        parts = _parts(plugin, train)
        yield from (problem for name, variant in variants.items() for problem in _lacking(name, variant, parts))
        boxed, counts = plugin.boxed(), Counter(video.label for video in train)
        trained = [(name, one.train) for name, one in variants.items() if isinstance(one.train, Train)]
        for name, settings in trained:
            if settings.select_by == "validation_frame_auc" and not boxed:
                yield f"variant {name}: validation_frame_auc needs boxes of the train list. Set boxes of this data set"
            for label, word in enumerate(LABELS):
                if 0 < counts[label] < settings.select.folds:
                    lists = f"{counts[label]} {word} videos in the train list, {settings.select.folds} folds"
                    yield f"variant {name}: {lists}. Set fewer train.select.folds"


def _parts(dataset: BaseDataset, train: Sequence[Video]) -> dict[str, Counter[int]]:
    """How many videos of each label the fit and the validation part will have."""
    parts = parts_of(train, dataset.config.validation, dataset.same_side)
    counts = [Counter(video.label for video in train if video.video_id in part) for part in parts]
    return dict(zip(("fit", "validation"), counts, strict=True))


def _lacking(name: str, variant: Variant, parts: Mapping[str, Counter[int]]) -> Iterator[str]:
    """The labels that a variant's training needs and a part does not have."""
    supervision = registry.supervision(vad.models, variant.model)
    by_label = isinstance(variant.train, Train) and variant.train.select_by in BY_LABEL
    needs = {
        "fit": [0, 1] if supervision == "weak" else [0] if supervision == "normal_only" else [],
        "validation": [0, 1] if supervision == "weak" or by_label else [0] if supervision == "normal_only" else [],
    }
    for part, labels in needs.items():
        if absent := [LABELS[label] for label in labels if not parts[part][label]]:
            yield f"variant {name}: no {' and no '.join(absent)} videos in the {part} part of the train list"


def stop_timers() -> None:
    """End a run at once: Snakemake's process would wait for the timers with which it looks for jobs again.

    Each look starts another timer (of `max-jobs-per-timespan` in profiles/default), even when nothing is left to do.
    """
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()
