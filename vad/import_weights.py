"""Have a variant take released weights instead of being trained: check them, keep the file, write its entry."""

import argparse
import shutil
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from ruamel.yaml import YAML

from vad.artefacts.files import sha256, write_text
from vad.errors import ParamsError, VadError, first_of, nearest
from vad.params import load
from vad.schema.params import Variant

KEPT = Path("data/raw/weights")
"""Where the files lie, unless they are there already: version control leaves this folder alone."""


def add_flags(flags: argparse.ArgumentParser) -> None:
    """Add the flags of the verb to a parser."""
    flags.add_argument(
        "files",
        nargs="+",
        metavar="[PART=]FILE",
        type=_file,
        help="released weights, torch or safetensors; PART where a model is released in several files (keys=keys.pt)",
    )
    flags.add_argument("--as", required=True, dest="variant", help="name of the variant that gets them")
    flags.add_argument("--like", help="variant with the same model and features; needed where --as is a new name")
    flags.add_argument("--seed", type=int, help="the run that it is for; default the runs of all seeds")
    flags.add_argument("--write", action="store_true", help="write the entry into params.yaml; default print it")
    flags.add_argument("--params", type=Path, default=Path("params.yaml"))


class Given(NamedTuple):
    """A file of the command line, and the part of the model that it is for; empty = the whole model."""

    part: str
    path: Path


def _file(word: str) -> Given:
    """A word of the command line."""
    part, sign, path = word.partition("=")
    return Given(part, Path(path)) if sign and part.isidentifier() else Given("", Path(word))


def run(args: argparse.Namespace) -> int:
    """Check files against the model of the variant, copy them below data/raw/weights, print or write the entry.

    Returns: exit code 0.

    Raises: VadError for a file that cannot be read or does not fit, with the settings that would fit; ParamsError for
        an unknown variant.
    """
    # Torch takes seconds to import: the other verbs do not wait for it.
    from vad.models._released import joined, named, read_released

    params = load(args.params)
    known = args.variant in params.variants
    source = args.variant if known and not args.like else args.like
    if source is None:
        raise ParamsError(f"no variant {args.variant!r} in {args.params}. Name one to copy: --like VARIANT.")
    if source not in params.variants:
        raise ParamsError(f"no variant {source!r} in {args.params}.{nearest(source, list(params.variants))}")
    if known and args.like:
        raise ParamsError(
            f"variant {args.variant!r} is in {args.params} already. Leave out --like or take another name."
        )
    variant = params.variants[source]
    parts = [file.part for file in args.files]
    if len(set(parts)) < len(parts):
        raise ParamsError("two files for the same part of the model. Name the part of each: PART=FILE.")
    given = joined((str(file.path), named(read_released(file.path), file.part)) for file in args.files)
    names = first_of([str(file.path) for file in args.files])
    print(_judged(names, source, variant, given))
    entries = [_entry(file, args.seed) for file in args.files]
    text = with_entries(args.params.read_text(encoding="utf-8"), args.variant, source, entries)
    if args.write:
        write_text(args.params, text)
        print(f"{args.params}: variant {args.variant} takes these weights. Run: snakemake --cores all")
    else:
        print(f"For {args.params} (--write writes it):\n\n{_shown(text, args.variant)}")
    return 0


def _judged(names: str, source: str, variant: Variant, given: Mapping[str, Any]) -> str:
    """A line that says what the files fill.

    Raises: VadError if they do not fit, with the settings that would.
    """
    from vad.engine.fitting import built, fitting
    from vad.models._released import first_problems, match

    fit = fitting(variant.model, variant.model_args, given)
    model = built(variant.model, variant.model_args, fit.width)
    if model is None:
        raise VadError(f"{names}: model {variant.model} cannot be built with the settings of {source}. Change these.")
    found = match(model, given)
    if found.problems:
        raise VadError(first_problems(names, found.problems, _advice(source, variant, fit)))
    unused = f"; of no use: {len(found.unused)} ({first_of(found.unused)})" if found.unused else ""
    return f"{names}: fills {len(found.values)} values of {variant.model}, features {fit.width} wide{unused}"


def _advice(source: str, variant: Variant, fit: Any) -> str:  # noqa: ANN401 - a Fit, whose module imports torch
    """What would fit, as a sentence."""
    if fit.problems:
        return f"No settings of model {variant.model} were found that fit. Is it a checkpoint of this model?"
    changes = ", ".join(f"{name}: {value}" for name, value in fit.changes.items())
    settings = f"model_args {{{changes}}} and features" if changes else "features"
    return f"It fits {settings} {fit.width} wide: give variant {source} these, or --like another one."


def _kept(file: Path) -> Path:
    """The file below `KEPT`, copied there unless it is there."""
    place = KEPT / file.name
    if place.is_file() and sha256(place) != sha256(file):
        raise VadError(f"{place}: another file of this name lies there. Rename {file}, or remove the other.")
    if not place.is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    return place


def _entry(file: Given, seed: int | None) -> dict[str, Any]:
    """What params.yaml says of a file, which is kept."""
    kept = _kept(file.path)
    entry: dict[str, Any] = {"file": kept.as_posix(), "sha256": sha256(kept)}
    entry |= {"part": file.part} if file.part else {}
    return entry | ({"seed": seed} if seed is not None else {})


def with_entries(text: str, variant: str, source: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """params.yaml with files of weights in a variant; every other line stays as it is.

    Args:
        text: of params.yaml.
        variant: gets the files; further files of a variant that has some are added to them.
        source: where `variant` is new, the one that it copies; it is put behind that one.
        entries: `file`, `sha256`, and `part` and `seed` if they are set.
    """
    own = dict(_yaml().load(text)["variants"][source])
    own.pop("differs", None)  # of a training that does not take place
    own["train"] = _train(own["train"], entries)
    nodes, lines = _nodes(text), text.splitlines()
    if variant not in nodes:
        last = _last_line(nodes[source].value)
        return _joined([*lines[: last + 1], "", *_dumped({variant: own}, 2), *lines[last + 1 :]])
    keys = {key.value: Entry(key, value) for key, value in nodes[variant].value.value}
    first, last = keys["train"].key.start_mark, _last_line(keys["train"].value)
    whole = nodes[variant].value
    if isinstance(whole, yaml.CollectionNode) and whole.flow_style:
        place, end = nodes[variant].key.start_mark, _last_line(whole)
        return _joined([*lines[: place.line], *_dumped({variant: own}, place.column), *lines[end + 1 :]])
    return _joined([*lines[: first.line], *_dumped({"train": own["train"]}, first.column), *lines[last + 1 :]])


class Entry(NamedTuple):
    """A key of params.yaml and its value, as nodes that know their places."""

    key: yaml.Node
    value: yaml.Node


def _nodes(text: str) -> dict[str, Entry]:
    """The variants of params.yaml."""
    top = yaml.compose(text, yaml.SafeLoader)
    assert isinstance(top, yaml.MappingNode), "load has checked the shape"
    variants = next(value for key, value in top.value if key.value == "variants")
    return {key.value: Entry(key, value) for key, value in variants.value}


def _last_line(node: yaml.Node) -> int:
    """The line on which a value ends, from 0; comments behind it are not its own."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    return node.end_mark.line


def _train(train: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The section with files of weights; those for the same part and seed give way."""
    places = [(entry.get("part", ""), entry.get("seed")) for entry in entries]
    kept = [file for file in train.get("weights", []) if (file.get("part", ""), file.get("seed")) not in places]
    return {"weights": [*kept, *map(dict, entries)]} | {key: train[key] for key in ("device",) if key in train}


def _yaml() -> YAML:
    """A reader and writer of YAML that keeps the form of what it read."""
    found = YAML()
    found.width, found.preserve_quotes = 4096, True
    found.indent(mapping=2, sequence=4, offset=2)
    return found


def _dumped(tree: Mapping[str, Any], indent: int) -> list[str]:
    """The lines of an entry, without comments."""
    stream = StringIO()
    _yaml().dump(dict(tree), stream)
    written = (line for line in stream.getvalue().splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return [" " * indent + line for line in written]


def _joined(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


def _shown(text: str, variant: str) -> str:
    """The lines of one variant in params.yaml."""
    node = _nodes(text)[variant]
    return "\n".join(text.splitlines()[node.key.start_mark.line : _last_line(node.value) + 1])
