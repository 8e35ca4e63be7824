"""What is written before a run: each job's slice of params, the code behind it, and lists of videos.

A slice and a code file are inputs of the rules, rewritten only when their text changes: so both tools see a changed
setting or a changed line of code without any memory of their own, and a reworded docstring starts nothing.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stages.plan import paths
from stages.plan.installed import Installed
from stages.plan.jobs import Jobs, copies_key
from stages.plan.report import Reports
from vad.artefacts.files import canonical_json, write_text
from vad.ledger.arithmetic import identity
from vad.ledger.code import PYTHON, code_files, code_hash
from vad.ledger.staleness import Wanted
from vad.schema.base import Arithmetic


def write(installed: Installed, jobs: Jobs, reports: Reports) -> None:
    """Write everything below `.params` that a run reads, and the folders that DVC expects."""
    _replace(paths.SLICES, {Path(paths.slice_of(*name)): value for *name, value in slices(installed, reports)})
    _replace(paths.CODE, {Path(paths.code_of(*name)): value for name, value in code(installed, reports)})
    _replace(paths.LISTS, {Path(paths.list_of(*name)): value for name, value in lists(installed, jobs, reports)})
    make_folders(installed)


def slices(installed: Installed, reports: Reports) -> Iterator[tuple[str, str, Any]]:
    """(room, key, slice): exactly what each job may see."""
    tree = installed.params.model_dump(mode="json")
    for key, entry in tree["datasets"].items():
        yield "split", key, entry
    for key in tree["features"]:
        yield "features", key, installed.plain_entry(key)
        # For every entry, null without copies: a stage of dvc.yaml cannot depend on a file that may be absent.
        yield "features", copies_key(key), installed.copy_entry(key)
    for key, entry in tree["variants"].items():
        section = {name: entry[name] for name in ("dataset", "features", "model", "model_args", "train")}
        if copies := installed.copies(entry["features"]):
            section["copies"] = copies
        # What a start is made by: a change of it changes this variant too, also for DVC, which knows no other link.
        if starts := [start["variant"] for start in entry["train"].get("start", []) if start["variant"]]:
            section["starts"] = {name: tree["variants"][name] for name in starts}
        yield "train", key, section
        yield "infer", key, entry["infer"]
        yield "evaluate", key, tree["evaluate"]
    yield from reports.slices()


def code(installed: Installed, reports: Reports) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """((room, key), code files and hash): a room's own script, and the plugins that it loads by name."""
    params = installed.params
    plugins = {("split", installed.kind(d)): [f"datasets/{installed.kind(d)}"] for d in params.datasets}
    plugins |= {("features", f): [f"extractors/{e}" for e in installed.extractors(f)] for f in params.features}
    models = {variant.model for variant in params.variants.values()}
    plugins |= {(room, model): [f"models/{model}"] for room in ("train", "infer") for model in sorted(models)}
    plugins |= {("evaluate", "evaluate"): []}
    for (room, key), names in plugins.items():
        yield (room, key), _listed([Path("stages", room, "run.py"), *(Path("vad", f"{name}.py") for name in names)])
    for key, entries in reports.code().items():
        yield ("report", key), _listed(entries)


def _listed(entries: list[Path]) -> dict[str, Any]:
    files = code_files(*entries)
    return {"files": [path.as_posix() for path in files], "python": PYTHON, "sha256": code_hash(files)}


def lists(installed: Installed, jobs: Jobs, reports: Reports) -> Iterator[tuple[tuple[str, str], Any]]:
    """((room, key), list): videos of partial data sets and feature jobs, seeds, parts of the report's jobs."""
    yield ("train", "seeds"), jobs.seeds
    for dataset in installed.datasets:
        if installed.partial(dataset):
            yield ("split", dataset), sorted(video.video_id for video in installed.videos(dataset))
    for batch in jobs.batches():
        sources = installed.sources(batch.features, batch.dataset)
        copy = {"copy": batch.copy} if batch.copy else {}
        yield (
            ("features", batch.key),
            [
                {"video_id": v.video_id, "sources": sources[v.video_id], "n_frames": v.n_frames, **copy}
                for v in batch.videos
            ],
        )
    for name, value in reports.lists():
        yield ("report", name), value


def wanted(installed: Installed, jobs: Jobs, reports: Reports) -> dict[str, Wanted]:
    """Everything that params.yaml asks for, by artefact: anything else that has a record is an orphan."""
    # As JSON, in which the records keep it: no tuples.
    content = {(room, key): json.loads(canonical_json(value)) for room, key, value in slices(installed, reports)}

    def by_slice(room: str, key: str, arithmetic: Arithmetic = "portable") -> Wanted:
        slice_of, recheck = Path(paths.slice_of(room, key)), Path(paths.recheck(room, key))
        return Wanted(content[room, key], slice_of, recheck, identity(arithmetic))

    def of_variant(room: str, name: str) -> Wanted:
        return by_slice(room, name, installed.arithmetic(installed.variant(name).dataset))

    generated = filter(installed.generated, installed.datasets)
    plan = {paths.raw(d).as_posix(): by_slice("split", d, installed.arithmetic(d)) for d in generated}
    plan |= {paths.tables(d).as_posix(): by_slice("split", d) for d in installed.datasets}
    for batch in jobs.batches():
        # A recheck file for each job: one damaged file starts one job.
        one = by_slice("features", batch.section, installed.arithmetic(batch.dataset))
        one = replace(one, recheck=Path(paths.recheck("features", batch.key)))
        plan |= dict.fromkeys(batch.files, one)
    for room, by in (("train", of_variant), ("infer", of_variant), ("evaluate", by_slice)):
        plan |= {run: by(room, name) for name in installed.variants for run in jobs.runs(room, name)}
    for bundle in reports.bundles():
        plan |= {part.out: by_slice("report", part.key, bundle.arithmetic) for part in bundle.parts}
    return plan


def make_folders(installed: Installed) -> None:
    """Folders that DVC lists as outputs or inputs also where a variant has nothing to write yet (not installed)."""
    params = installed.params
    folders = [paths.tables(dataset) for dataset in params.datasets]
    folders += [paths.DATA / "features" / features for features in params.features]
    for name, variant in params.variants.items():
        folders.append(paths.feature_folder(variant.features, variant.dataset))
        folders += [paths.DATA / room / name for room in ("train", "infer", "evaluate")]
    folders += [paths.LISTS / "features" / name for name in params.features]
    for folder in (*folders, paths.DATA / "report"):
        folder.mkdir(parents=True, exist_ok=True)


def _replace(folder: Path, wanted: Mapping[Path, Any]) -> None:
    """Write the files of a folder whose text changed, and remove those of entries that are gone."""
    for path in set(folder.rglob("*.json")) - set(wanted):
        path.unlink()
    for path, value in wanted.items():
        _write(path, value)


def keep_rechecks(wanted: set[Path]) -> None:
    """Have these recheck files and no others; an existing one stays as it is."""
    for path in set((paths.GENERATED / "recheck").rglob("*.json")) - wanted:
        path.unlink()
    for path in wanted:
        if not path.is_file():
            write_text(path, "{}\n")


def _write(path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    """Write JSON only when its text changed: a fresh file time means a changed setting."""
    text = canonical_json(value)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
