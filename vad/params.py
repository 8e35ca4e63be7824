"""The one loader of params.yaml, for the Snakefile and for everything else.

First the file is read as YAML; then its shape (vad/schema/params.py) and what the plugins say of their own settings are
checked, and all problems of both are reported at once, with path, value, known names and the nearest one.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent

import vad
import vad.datasets
import vad.extractors
import vad.models
from vad import registry
from vad.artefacts.files import write_text
from vad.errors import ParamsError, listing, nearest
from vad.models import _contract as contract
from vad.schema.params import Params
from vad.schema.train import Train

MAX_BYTES = 256 * 1024
PLUGINS = {
    "datasets": ("kind", vad.datasets),
    "features": ("extractor", vad.extractors),
    "variants": ("model", vad.models),
}


def load(path: Path, cache: Path | None = None) -> Params:
    """Read, check and resolve params.yaml: defaults of every plugin are filled in.

    Args:
        path: params.yaml.
        cache: where a checked result may be kept. The plugins' own check imports torch (seconds);
            it is repeated only when params.yaml or the package's code changed.

    Raises: ParamsError listing every problem: first those of the YAML itself, then all others.
    """
    text = _read(path)
    stamp = hashlib.sha256((text + _code_text()).encode()).hexdigest()
    if cache is not None and (kept := _kept(cache, stamp)) is not None:
        return kept
    params = _checked(path.name, _parse(path.name, text))
    if cache is not None:
        # Not sorted: tables follow the order of params.yaml.
        write_text(cache, json.dumps({"stamp": stamp, "params": params.model_dump(mode="json")}))
    return params


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: cannot be read ({error}). It must be a UTF-8 text file.") from error
    if len(raw) > MAX_BYTES:
        raise ParamsError(f"{path}: {len(raw)} bytes, at most {MAX_BYTES} are read. Remove what is not a setting.")
    return text


def _code_text() -> str:
    """The package's own code: a changed plugin needs a new check."""
    return "".join(p.read_text(encoding="utf-8") for p in sorted(Path(vad.__file__).parent.rglob("*.py")))


def _kept(cache: Path, stamp: str) -> Params | None:
    try:
        kept = json.loads(cache.read_text(encoding="utf-8"))
        return Params.model_validate(kept["params"]) if kept["stamp"] == stamp else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a missing or damaged cache is no cache


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


def explain(error: ValidationError, schema: type[BaseModel], prefix: str = "") -> list[str]:
    """A pydantic error as lines: path, what, value, and the nearest known key."""
    lines = []
    for item in error.errors(include_url=False):
        where = ".".join(str(part) for part in (prefix, *item["loc"]) if part != "" and part != "[key]")
        if item["type"] == "extra_forbidden":
            lines.append(f"{where}: unknown key.{nearest(str(item['loc'][-1]), _keys(schema, item['loc'][:-1]))}")
        elif item["type"] == "missing":
            lines.append(f"{where}: missing")
        else:
            lines.append(f"{where}: {item['msg']}, got {item['input']!r}")
    return lines


def _keys(schema: Any, location: tuple[int | str, ...]) -> list[str]:  # noqa: ANN401 - a type annotation
    """The keys that the schema knows at a place."""
    for part in location:
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            schema = schema.model_fields[str(part)].annotation if str(part) in schema.model_fields else None
        else:
            schema = next((a for a in getattr(schema, "__args__", ())[::-1] if a is not type(None)), None)
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        schema = next(
            (a for a in getattr(schema, "__args__", ()) if isinstance(a, type) and issubclass(a, BaseModel)), None
        )
    return list(schema.model_fields) if schema else []


def _checked(name: str, tree: Mapping[str, Any]) -> Params:
    """The whole of params.yaml with the plugins' defaults filled in.

    Where the shape is wrong, the plugins still look at what the file says, so that nothing is mended one run at a time.

    Raises: ParamsError listing every problem.
    """
    problems = []
    try:
        tree = Params.model_validate(tree).model_dump(mode="json")
    except ValidationError as error:
        problems += explain(error, Params)
    problems += _unknown_references(tree)
    resolved = {section: dict(_resolved(section, tree, problems)) for section in PLUGINS}
    if problems:
        raise ParamsError(listing(name, problems))
    return Params.model_validate({**tree, **resolved})


def _mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any YAML value
    """A mapping as it is; nothing in place of what is none, which the shape has refused."""
    return value if isinstance(value, Mapping) else {}


def _resolved(section: str, tree: Mapping[str, Any], problems: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each entry of a section with the defaults of its plugin; what is wrong with it goes to `problems`."""
    word, package = PLUGINS[section]
    for key, entry in _mapping(tree.get(section)).items():
        if not isinstance(plugin := _mapping(entry).get(word), str):
            continue
        settings = entry.get("model_args") if section == "variants" else {k: v for k, v in entry.items() if k != word}
        where = f"{section}.{key}" + (".model_args" if section == "variants" else "")
        try:
            module = registry.find(package, plugin)
        except ParamsError as error:
            problems.append(f"{section}.{key}.{word}: {error}")
            continue
        if section == "variants":
            broken = [f"vad/models/{plugin}.py: {problem}" for problem in contract.problems(module)]
            problems += broken or _wrong_choice(key, entry, module)
            if broken:
                continue
        try:
            config = module.Config.model_validate(_mapping(settings)).model_dump(mode="json")
        except ValidationError as error:
            problems += explain(error, module.Config, where)
            continue
        problems += _dropped(key, entry, module, config) if section == "variants" else []
        yield key, {**entry, "model_args": config} if section == "variants" else {word: plugin, **config}


def _wrong_choice(key: str, entry: Mapping[str, Any], model: ModuleType) -> Iterator[str]:
    """A normal-only model that is asked to choose its epoch by a metric over both labels."""
    select_by = _mapping(entry.get("train")).get("select_by", Train.model_fields["select_by"].default)
    if model.Model.supervision == "normal_only" and select_by in ("video_auc", "video_ap"):
        yield (
            f"variants.{key}.train.select_by: {select_by} needs video labels, model {entry['model']} trains on normal"
            " videos only. Set validation_loss or last"
        )


def _dropped(key: str, entry: Mapping[str, Any], model: ModuleType, config: Mapping[str, Any]) -> Iterator[str]:
    """A model that scores every frame and is asked to drop the first ones."""
    unscored = getattr(model.Model, "predicts_last", False) and config["window"] > 1
    if _mapping(entry.get("infer")).get("first_frames") == "drop" and not unscored:
        why = f"as set, model {entry['model']} scores every frame. Remove drop"
        yield f"variants.{key}.infer.first_frames: {why}"


def _unknown_references(tree: Mapping[str, Any]) -> Iterator[str]:
    seeds = tree.get("seeds")
    if isinstance(seeds, list) and len(set(map(str, seeds))) != len(seeds):
        yield f"seeds: duplicate seed, got {seeds}"
    for key, variant in _mapping(tree.get("variants")).items():
        for word, section in (("dataset", "datasets"), ("features", "features")):
            known, value = _mapping(tree.get(section)), _mapping(variant).get(word)
            if known and isinstance(value, str) and value not in known:
                yield f"variants.{key}.{word}: no {word} called {value!r}.{nearest(value, [str(k) for k in known])}"
    yield from _unknown_rows(tree)


def _unknown_rows(tree: Mapping[str, Any]) -> Iterator[str]:
    """Rows of the published tables that are no variants, or stand there twice."""
    known = [str(key) for key in _mapping(tree.get("variants"))]
    for table, rows in _mapping(_mapping(tree.get("report")).get("published")).items():
        names = [row for row in rows if isinstance(row, str)] if isinstance(rows, list) else []
        for name in dict.fromkeys(names):
            where = f"report.published.{table}"
            if known and name not in known:
                yield f"{where}: no variant called {name!r}.{nearest(name, known)}"
            elif names.count(name) > 1:
                yield f"{where}: {name!r} is there twice. Remove one"
