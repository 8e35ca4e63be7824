"""What happens around a run: refuse wrong data before it, wake stale rules, sum up the failures after it."""

import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import vad.models
from stages.plan import SECTIONS, Plan
from vad import registry
from vad.errors import VadError, listing
from vad.ledger.staleness import refresh
from vad.schema.params import Variant
from vad.splits.tables import validation_ids
from vad.splits.video import Video

LOGS = Path("logs")
STORE = SECTIONS / "stat.json"
STARTED = time.time()


def preflight(plan: Plan) -> None:
    """Refuse wrong lists and missing files, all at once, and wake the rules of artefacts that are no longer right.

    Raises: VadError with every problem of every data set.
    """
    problems = list(_problems(plan))
    if problems:
        raise VadError("\n".join(problems))
    plan.list_artefacts()
    stale = {item.artefact for item in refresh(STORE)}
    if stale:
        print(f"{len(stale)} artefact(s) to look at again, e.g. {min(stale)}", file=sys.stderr)


def _problems(plan: Plan) -> Iterator[str]:
    """What is wrong with each data set, and with each feature table that is used with it."""
    absent = dict(_absent(plan))
    yield from absent.values()
    for dataset in sorted({d for _, d in plan.pairs} - set(absent)):
        try:
            videos = plan.videos(dataset)
        except VadError as error:
            yield f"datasets.{dataset}: {error}"
            continue
        if problems := list(_untrainable(plan, dataset, videos)):
            mend = "Mend the data set's lists or its validation part, or remove these variants."
            yield listing(f"data set {dataset}", problems, mend)
        for features in (f for f, d in plan.pairs if d == dataset):
            try:
                sources = plan.sources(features, dataset)
            except VadError as error:
                yield f"features.{features}: {error}"
                continue
            braces = [path for paths in sources.values() for path in paths if "{" in path or "}" in path]
            if braces:
                where = f"data set {dataset}: braces in paths mean wildcards to Snakemake"
                yield listing(where, braces, "Rename these files or folders.")
            uncounted = [v.video_id for v in videos if v.split == "test" and v.n_frames is None]
            if plan.imported(features) and plan.vectors_entry(features)["rows"] == "bag" and uncounted:
                yield listing(
                    f"features {features} with data set {dataset}: rows are parts of a whole video of unknown length",
                    [f"{video_id}: no frame count" for video_id in uncounted],
                    f"State frames per video: set datasets.{dataset}.frame_counts to a file that has them.",
                )


def _absent(plan: Plan) -> Iterator[tuple[str, str]]:
    """The installed data sets whose root is no folder, each with the key that says so."""
    for name in plan.datasets:
        dataset = plan.dataset(name)
        if not plan.generated(name) and not dataset.root.is_dir():
            mend = f"Set it to the folder of the data set, or to null. {getattr(dataset, 'GET', '')}"
            yield name, f"datasets.{name}.root: {dataset.root}: no such folder. {mend}".rstrip()


def _untrainable(plan: Plan, dataset: str, videos: Sequence[Video]) -> Iterator[str]:
    """Why the variants of a data set cannot be trained or tested on its lists."""
    train = [video for video in videos if video.split == "train"]
    variants = {name: plan.params.variants[name] for name in plan.variants}
    variants = {name: variant for name, variant in variants.items() if variant.dataset == dataset}
    lists = (("train", len(train)), ("test", len(videos) - len(train)))
    for split in (split for split, size in lists if not size):
        yield f"no {split} videos, for variants {', '.join(variants)}"
    if train:
        parts = _parts(plan.dataset(dataset), train)
        yield from (problem for name, variant in variants.items() for problem in _lacking(name, variant, parts))


def _parts(dataset: Any, train: Sequence[Video]) -> dict[str, Counter[int]]:  # noqa: ANN401 - a plugin
    """How many videos of each label the fit and the validation part will have."""
    chosen = validation_ids(train, dataset.config.validation, getattr(dataset, "same_side", ()))
    return {
        "fit": Counter(video.label for video in train if video.video_id not in chosen),
        "validation": Counter(video.label for video in train if video.video_id in chosen),
    }


def _lacking(name: str, variant: Variant, parts: Mapping[str, Counter[int]]) -> Iterator[str]:
    """The labels that a variant's training needs and a part does not have."""
    supervision = registry.supervision(vad.models, variant.model)
    by_label = variant.train.select_by in ("video_auc", "video_ap")
    needs = {
        "fit": [0, 1] if supervision == "weak" else [0] if supervision == "normal_only" else [],
        "validation": [0, 1] if supervision == "weak" or by_label else [0] if supervision == "normal_only" else [],
    }
    for part, labels in needs.items():
        if absent := [("normal", "anomalous")[label] for label in labels if not parts[part][label]]:
            yield f"variant {name}: no {' and no '.join(absent)} videos in the {part} part of the train list"


def remember() -> None:
    """After a run: note size and time of every file that was read, so that a later replacement is seen."""
    refresh(STORE, after_run=True)


def failures() -> str:
    """After a failed run: the errors of its jobs, each once, without the command lines around them."""
    found: dict[str, list[str]] = {}
    for log in sorted(LOGS.rglob("*.log")):
        text = log.read_text(encoding="utf-8", errors="replace")
        if log.stat().st_mtime < STARTED or not text:
            continue
        _, mark, message = text.rpartition("error: ")
        if mark or "Traceback" in text:
            words = message.strip() if mark else f"{text.strip().splitlines()[-1]}{_place(text)}"
            found.setdefault(words, []).append(log.as_posix())
    return "\n".join(f"error: {words}\n  (log: {', '.join(logs)})" for words, logs in found.items())


def _place(traceback: str) -> str:
    """The last line of the project's own in a traceback: where an error that nobody foresaw came from."""
    frames = re.findall(r'File ".*?((?:vad|stages)/[^"]+)", line (\d+)', traceback)
    return f" ({frames[-1][0]}, line {frames[-1][1]})" if frames else ""
