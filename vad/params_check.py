"""The check of params.yaml: its YAML, its shape, and what the plugins say of their own settings.

All problems are reported at once, with path, value, known names and the nearest one. As a program it reads params.yaml
from stdin and prints one line of JSON: {"params": ..., "notices": [...], "known": [...]}, {"error": ...}, or, where
torch is needed to say which of the two, {"torch": true}.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from io import StringIO
from types import ModuleType
from typing import Any

import yaml
from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent

import vad.datasets
import vad.extractors
import vad.models
from vad import registry, without_torch
from vad.datasets._base import BaseDataset
from vad.errors import ParamsError, PluginError, VadError, first_of, listing, nearest
from vad.extractors._base import BaseExtractor
from vad.models import _contract as contract
from vad.schedules import mapping, resolve
from vad.schema.explain import explain
from vad.schema.params import Params
from vad.schema.train import BY_LABEL, Train
from vad.starts_check import known_starts, starts_not_held_out, unfit_starts, wrong_starts

PLUGINS = {
    "datasets": ("kind", vad.datasets),
    "features": ("extractor", vad.extractors),
    "variants": ("model", vad.models),
}
NOT_PORTABLE = {
    "train": (("device", "cuda"), ("optimiser", "adadelta")),
    "features": (("device", "cuda"), ("decoder", "dali"), ("engine", "openvino")),
}
"""Settings whose bits depend on the machine: GPUs, MKL's square roots, and engines that were not compared."""
CLASSES = {"vad.datasets": ("Dataset", BaseDataset), "vad.extractors": ("Extractor", BaseExtractor)}
"""The class that each file of a package must have, and what it inherits from."""


def check(name: str, text: str, known: frozenset[str] = frozenset()) -> tuple[Params, list[str]]:
    """Check params.yaml and fill in schedules and the defaults of every plugin.

    Where the shape is wrong, the plugins still look at what the file says, so that one run shows every problem.

    Args:
        name: the file's name, for messages.
        text: what the file says.
        known: modules of plugins that are known to keep the contract of their package, and starts that fit.

    Returns: the resolved params, and one line for each kind of thing in the file that has no effect.

    Raises: ParamsError listing every problem: first those of the YAML itself, then all others; TorchNeededError where
        plugins are known and a training starts from trained weights.
    """
    resolved = resolve(_without_absent_rows(parsed := _parse(name, text)))
    tree, problems = resolved.tree, list(resolved.problems)
    found = []
    try:
        tree = Params.model_validate(tree).model_dump(mode="json")
    except ValidationError as error:
        found += explain(error, Params)
    found += _unknown_references(tree)
    # A plugin file is wrong once, however many entries use it.
    broken: dict[str, PluginError] = {}
    sections = {section: dict(_with_defaults(section, tree, found, broken, known)) for section in PLUGINS}
    found += dict.fromkeys(_not_portable(tree, sections))
    found += _refit_with_copies(tree)
    found += _nothing_held_back(tree, sections["datasets"])
    found += starts_not_held_out(mapping(tree.get("variants")))
    found += unfit_starts(sections["variants"], known)
    problems += [problem for problem in found if problem.partition(": ")[0] not in resolved.reported]
    problems += _double_rows(parsed)
    if problems:
        in_files = [f"{error.file}: {problem}" for error in broken.values() for problem in error.problems]
        raise ParamsError(listing(name, [*problems, *in_files]))
    if broken:
        raise ParamsError("\n".join(map(str, broken.values())))
    return Params.model_validate({**tree, **sections}), list(_notices(name, parsed, resolved.unused))


def _parse(name: str, text: str) -> dict[str, Any]:
    """YAML 1.2, no anchors, and no value that Snakemake's or DVC's YAML would read differently."""
    loader = YAML(typ="safe", pure=True)
    try:
        if any(
            isinstance(e, AliasEvent) or getattr(e, "anchor", None)
            for e in YAML(typ="safe", pure=True).parse(StringIO(text))
        ):
            raise ParamsError(f"{name}: anchors and aliases are not allowed. Write the value out.")
        tree = loader.load(text)
        other = yaml.safe_load(text)
    except (YAMLError, yaml.YAMLError) as error:
        raise ParamsError(f"{name}: not valid YAML. {error}") from error
    if not isinstance(tree, dict):
        raise ParamsError(f"{name}: empty or not a mapping. It needs {', '.join(Params.model_fields)}.")
    problems = [
        f"{where}: {a!r} in YAML 1.2 (DVC) but {b!r} in YAML 1.1. Write it so that both agree (1.0e-4, true, quotes)"
        for where, a, b in _differences(tree, other)
    ]
    if problems:
        raise ParamsError(listing(name, problems))
    return tree


def _differences(a: Any, b: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401 - any YAML value
    """Every leaf on which the two YAML dialects disagree."""
    if isinstance(a, dict) and isinstance(b, dict) and list(map(str, a)) == list(map(str, b)):
        for (key, x), y in zip(a.items(), b.values(), strict=True):
            yield from _differences(x, y, f"{where}.{key}" if where else str(key))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _differences(x, y, f"{where}[{i}]")
    elif type(a) is not type(b) or (a != b and a == a):  # NaN differs from itself: the schema refuses it by name
        yield where, a, b


def _with_defaults(
    section: str, tree: Mapping[str, Any], problems: list[str], broken: dict[str, PluginError], known: frozenset[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each entry of a section with the defaults of its plugin.

    What is wrong with an entry is added to `problems`, what is wrong with a plugin's file to `broken`.
    """
    word, package = PLUGINS[section]
    for key, entry in mapping(tree.get(section)).items():
        if not isinstance(plugin := mapping(entry).get(word), str):
            continue
        settings = entry.get("model_args") if section == "variants" else {k: v for k, v in entry.items() if k != word}
        where = f"{section}.{key}" + (".model_args" if section == "variants" else "")
        try:
            module = _plugin(package, plugin, known)
            if section == "variants":
                problems += _wrong_choice(key, entry, module)
            config = module.Config.model_validate(mapping(settings)).model_dump(mode="json")
        except PluginError as error:
            broken[error.file] = error
            continue
        except ParamsError as error:
            problems.append(f"{section}.{key}.{word}: {error}")
            continue
        except ValidationError as error:
            problems += explain(error, module.Config, where)
            continue
        if section == "variants":
            problems += _unscored_frames(key, entry, module, config)
            problems += [*_dropped(key, entry, module, config), *_spread(key, entry, module, config)]
            problems += _unmapped(key, entry, module)
        yield key, {**entry, "model_args": config} if section == "variants" else {word: plugin, **config}


def _plugin(package: ModuleType, name: str, known: frozenset[str]) -> ModuleType:
    """The module of a plugin that keeps the contract of its package.

    Raises: ParamsError for an unknown name, PluginError for a file that is wrong.
    """
    module = registry.find(package, name)
    if module.__name__ in known:
        return module
    if package is vad.models:
        if problems := list(contract.problems(module)):
            raise PluginError(f"vad/models/{name}.py", [f"{problem}." for problem in problems])
    else:
        registry.plugin_class(module, *CLASSES[package.__name__])
    return module


def _wrong_choice(key: str, entry: Mapping[str, Any], model: ModuleType) -> Iterator[str]:
    """A normal-only model that is asked for what needs both labels, or a model of windows for an order of videos."""
    if "weights" in (train := mapping(entry.get("train"))):
        return
    select_by = train.get("select_by", Train.model_fields["select_by"].default)
    if model.Model.supervision == "normal_only" and select_by in BY_LABEL:
        yield (
            f"variants.{key}.train.select_by: {select_by} needs video labels, model {entry['model']} trains on normal"
            " videos only. Set validation_loss or last"
        )
    if model.Model.sampling == "windows" and mapping(entry.get("train")).get("curriculum") == "length":
        yield (
            f"variants.{key}.train.curriculum: length orders whole videos, model {entry['model']} is trained on windows"
            " of them. Remove it"
        )


def _unscored_frames(key: str, entry: Mapping[str, Any], model: ModuleType, config: Mapping[str, Any]) -> Iterator[str]:
    """A model of whole videos that is asked to choose its epoch by scores of frames."""
    if mapping(entry.get("train")).get("select_by") == "validation_frame_auc" and _level(model, config) == "video":
        yield (
            f"variants.{key}.train.select_by: validation_frame_auc needs scores of frames, as set, model"
            f" {entry['model']} scores whole videos. Set video_auc, video_ap, validation_loss or last"
        )


def _level(model: ModuleType, config: Mapping[str, Any]) -> str | None:
    """Whether a model scores frames or whole videos: its setting `level`, or a constant of its class."""
    return config.get("level") or vars(model.Model).get("level")


def _dropped(key: str, entry: Mapping[str, Any], model: ModuleType, config: Mapping[str, Any]) -> Iterator[str]:
    """A model that scores every frame and is asked to drop the first ones."""
    unscored = model.Model.predicts_last and config["window"] > 1
    if mapping(entry.get("infer")).get("first_frames") == "drop" and not unscored:
        why = f"as set, model {entry['model']} scores every frame. Remove drop"
        yield f"variants.{key}.infer.first_frames: {why}"


def _spread(key: str, entry: Mapping[str, Any], model: ModuleType, config: Mapping[str, Any]) -> Iterator[str]:
    """A model without scores of bag segments that is asked to spread them by a published rule."""
    of_bags = model.Model.sampling == "bags" and config["bag_segments"] > 1 and not config.get("score_full_length")
    if mapping(entry.get("infer")).get("bag_frames") == "sultani_m" and not (
        of_bags and _level(model, config) == "frame"
    ):
        why = f"as set, model {entry['model']} gives no scores of bag segments. Remove sultani_m, or score the bag"
        yield f"variants.{key}.infer.bag_frames: {why}"


def _unmapped(key: str, entry: Mapping[str, Any], model: ModuleType) -> Iterator[str]:
    """A model without maps that is asked to store them."""
    if mapping(entry.get("infer")).get("maps") is True and not model.Model.scores_places:
        yield f"variants.{key}.infer.maps: model {entry['model']} has no maps behind its scores. Remove it"


def _unknown_references(tree: Mapping[str, Any]) -> Iterator[str]:
    """Duplicate seeds, and variants with a data set or features that the file does not have."""
    seeds = tree.get("seeds")
    if isinstance(seeds, list) and len(set(map(str, seeds))) != len(seeds):
        yield f"seeds: duplicate seed, got {seeds}"
    for key, variant in mapping(tree.get("variants")).items():
        for word, section in (("dataset", "datasets"), ("features", "features")):
            known, value = mapping(tree.get(section)), mapping(variant).get(word)
            if known and isinstance(value, str) and value not in known:
                yield f"variants.{key}.{word}: no {word} called {value!r}.{nearest(value, [str(k) for k in known])}"
    yield from wrong_starts(mapping(tree.get("variants")))


def _not_portable(tree: Mapping[str, Any], sections: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Settings of which the bits cannot be equal on every CPU, on a data set with portable arithmetic."""
    for key, variant in mapping(tree.get("variants")).items():
        dataset, features = (str(mapping(variant).get(word)) for word in ("dataset", "features"))
        if mapping(sections["datasets"].get(dataset)).get("arithmetic") != "portable":
            continue
        train, entry = mapping(mapping(variant).get("train")), mapping(sections["features"].get(features))
        chosen = [(f"variants.{key}.train", train, word, value) for word, value in NOT_PORTABLE["train"]]
        for part in (entry, mapping(entry.get("vectors"))):
            chosen += [(f"features.{features}", part, word, value) for word, value in NOT_PORTABLE["features"]]
        for where, settings, word, value in chosen:
            if settings.get(word) == value:
                yield (
                    f"{where}.{word}: {value} has other bits on other machines, and {dataset} has portable arithmetic."
                    f" Change it, or set datasets.{dataset}.arithmetic: native"
                )


def _refit_with_copies(tree: Mapping[str, Any]) -> Iterator[str]:
    """Variants that train on the whole train list, of which only the fit part has copies of changed pictures."""
    for key, variant in mapping(tree.get("variants")).items():
        train = mapping(mapping(variant).get("train"))
        word = "refit" if train.get("refit") else "select.folds" if mapping(train.get("select")).get("folds") else ""
        name = str(mapping(variant).get("features"))
        if word and mapping(mapping(mapping(tree.get("features")).get(name)).get("augment")).get("copies"):
            yield (
                f"variants.{key}.train.{word}: trains on videos that have no copies (features.{name}.augment.copies)."
                " Remove one of the two"
            )


def _nothing_held_back(tree: Mapping[str, Any], datasets: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Variants that choose their epoch on the validation part of a data set that holds no video back for it."""
    for key, variant in mapping(tree.get("variants")).items():
        dataset, train = str(mapping(variant).get("dataset")), mapping(mapping(variant).get("train"))
        fraction = mapping(mapping(datasets.get(dataset)).get("validation")).get("fraction")
        select_by = train.get("select_by", Train.model_fields["select_by"].default)
        folds = mapping(train.get("select")).get("folds")
        # With folds each of them is held back once; no epoch is chosen for imported weights.
        if fraction == 0 and select_by != "last" and not folds and "weights" not in train:
            yield (
                f"variants.{key}.train.select_by: {select_by} chooses on videos that are held back, and"
                f" datasets.{dataset}.validation.fraction: 0 holds none back. Set last, or a fraction above 0"
            )


def _tables(tree: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The lists of `report.published`."""
    published = mapping(mapping(tree.get("report")).get("published"))
    return {str(table): rows for table, rows in published.items() if isinstance(rows, list)}


def _is_absent(row: Any, tree: Mapping[str, Any]) -> bool:  # noqa: ANN401 - any YAML value
    """Whether a row of a published table names no variant of the file."""
    return isinstance(row, str) and row not in mapping(tree.get("variants"))


def _without_absent_rows(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The file without the rows of published tables that name no variant: who removes a variant edits nothing else."""
    kept = {table: [row for row in rows if not _is_absent(row, tree)] for table, rows in _tables(tree).items()}
    if not kept:
        return dict(tree)
    report = tree["report"]
    return {**tree, "report": {**report, "published": {**report["published"], **kept}}}


def _double_rows(tree: Mapping[str, Any]) -> Iterator[str]:
    """Rows that stand twice in a published table."""
    for table, rows in _tables(tree).items():
        names = [row for row in rows if isinstance(row, str)]
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                yield f"report.published.{table}: {name!r} is there twice. Remove one"


def _notices(name: str, tree: Mapping[str, Any], unused: list[str]) -> Iterator[str]:
    """What in the file has no effect: one line for rows of published tables, one for schedules."""
    known = [str(key) for key in mapping(tree.get("variants"))]
    rows = [row for rows in _tables(tree).values() for row in rows if _is_absent(row, tree)]
    if rows:
        # A shipped variant that was removed is no typing mistake: only names that are nearly equal are offered.
        names = [f"{row}{_likely(row, known)}" for row in dict.fromkeys(rows)]
        yield f"{name}: report.published: {len(rows)} row(s) left out, they name no variant: {first_of(names)}"
    if unused:
        yield f"{name}: schedules: {len(unused)} that no variant uses: {first_of(unused)}"


def _likely(name: str, known: list[str]) -> str:
    """The known name that was probably meant, as a question; empty if none is near."""
    close = get_close_matches(name, known, n=1, cutoff=0.85)
    return f" (did you mean {close[0]!r}?)" if close else ""


def loaded() -> list[str]:
    """The modules of plugins that this process has imported."""
    packages = tuple(f"{package.__name__}." for _, package in PLUGINS.values())
    return sorted(name for name in sys.modules if name.startswith(packages) and "._" not in name)


def known_to_be_right(params: Params) -> list[str]:
    """What a later check of other params need not look at: the plugins of this process, and the starts of trainings."""
    return [*loaded(), known_starts(params.model_dump(mode="json")["variants"])]


def main() -> int:
    """Check what stdin says.

    The arguments are the file's name and what is known to be right (`known_to_be_right`). With these, torch is not
    imported; it is needed for any other plugin or start, and to be sure of a problem.
    """
    name, known = sys.argv[1], frozenset(sys.argv[2:])
    if known:
        without_torch.install()
    try:
        params, notices = check(name, sys.stdin.read(), known)
        answer = {"params": params.model_dump(mode="json"), "notices": notices, "known": known_to_be_right(params)}
    except VadError as error:
        answer = {"error": str(error)}
    except Exception:
        if not known:
            raise
        answer = {"torch": True}
    if known and ("error" in answer or not known.issuperset(loaded())):
        answer = {"torch": True}
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
