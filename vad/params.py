"""The one loader of params.yaml, for the Snakefile and for everything else.

Two passes: the shape (vad/schema.py), then what the plugins say of their own settings. Each pass reports
all its problems at once, with path, value, known names and the nearest one.
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
from vad.artefacts import write_text
from vad.errors import ParamsError, listing, nearest
from vad.schema import Params

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

    Raises: ParamsError listing every problem of a pass.
    """
    text = _read(path)
    stamp = hashlib.sha256((text + _code_text()).encode()).hexdigest()
    if cache is not None and (kept := _kept(cache, stamp)) is not None:
        return kept
    params = _shape(path.name, _parse(path.name, text))
    params = _resolve(path.name, params)
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


def _shape(name: str, tree: Mapping[str, Any]) -> Params:
    try:
        return Params.model_validate(tree)
    except ValidationError as error:
        raise ParamsError(listing(name, explain(error, Params))) from error


def _resolve(name: str, params: Params) -> Params:
    """Check names and plugin settings against each other, and fill in the plugins' defaults."""
    problems = list(_unknown_references(params))
    tree = params.model_dump(mode="json")
    for section, (word, package) in PLUGINS.items():
        for key, entry in tree[section].items():
            settings = entry["model_args"] if section == "variants" else {k: v for k, v in entry.items() if k != word}
            where = f"{section}.{key}" + (".model_args" if section == "variants" else "")
            try:
                if section == "variants" and _needs_labels(registry.find(package, entry[word]), entry["train"]):
                    problems.append(
                        f"variants.{key}.train.select_by: {entry['train']['select_by']} needs video labels, model"
                        f" {entry[word]} trains on normal videos only. Set validation_loss or last"
                    )
                config = registry.find(package, entry[word]).Config.model_validate(settings).model_dump(mode="json")
            except ParamsError as error:
                problems.append(f"{section}.{key}.{word}: {error}")
            except ValidationError as error:
                problems += explain(error, registry.find(package, entry[word]).Config, where)
            else:
                if section == "variants" and _drops_nothing(registry.find(package, entry[word]), entry, config):
                    why = f"as set, model {entry[word]} scores every frame. Remove drop"
                    problems.append(f"variants.{key}.infer.first_frames: {why}")
                tree[section][key] = (
                    {**entry, "model_args": config} if section == "variants" else {word: entry[word], **config}
                )
    if problems:
        raise ParamsError(listing(name, problems))
    return Params.model_validate(tree)


def _needs_labels(model: ModuleType, train: Mapping[str, Any]) -> bool:
    """Whether a normal-only model is asked to choose its epoch by a metric over both labels."""
    return model.Model.supervision == "normal_only" and train["select_by"] in {"video_auc", "video_ap"}


def _drops_nothing(model: ModuleType, entry: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Whether a model that scores every frame is asked to drop the first ones."""
    unscored = getattr(model.Model, "predicts_last", False) and config["window"] > 1
    return entry["infer"]["first_frames"] == "drop" and not unscored


def _unknown_references(params: Params) -> Iterator[str]:
    if len(set(params.seeds)) != len(params.seeds):
        yield f"seeds: duplicate seed, got {params.seeds}"
    for key, variant in params.variants.items():
        for word, known in (("dataset", params.datasets), ("features", params.features)):
            if (value := getattr(variant, word)) not in known:
                yield f"variants.{key}.{word}: no {word} called {value!r}.{nearest(value, list(known))}"
