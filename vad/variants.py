"""The table that `vad variants` prints: what params.yaml has and where, what can run here, and what differs."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from vad.errors import ParamsError, nearest
from vad.installed import unset_root
from vad.params import load
from vad.schema.train import Imported, Train


class Row(NamedTuple):
    """One variant.

    Attributes:
        line: of params.yaml, from 1.
        refit: `-` = trained on the fit part, `yes` = on the whole train list once the validation part has chosen the
            epoch, `5 folds` = the same once so many folds have chosen it.
        installed: `yes`, or which key keeps it from running.
        differs: what differs from the publication, of an entry at a published size; empty for others.
    """

    variant: str
    model: str
    dataset: str
    features: str
    line: int
    refit: str
    installed: str
    differs: str


def rows(path: Path, cache: Path | None = None, word: str = "") -> list[Row]:
    """The variants of params.yaml in its order.

    Args:
        path: params.yaml.
        cache: as for `load`.
        word: only those with this word in name, model, data set or features; upper and lower case are the same.

    Raises: ParamsError if params.yaml is wrong, or if no variant has the word.
    """
    params, lines = load(path, cache), _lines(path)
    found = []
    for name, variant in params.variants.items():
        key = unset_root(params, variant)
        state = f"{key} is null" if key else "yes"
        refit, differs = _refit(variant.train), variant.differs or ""
        row = Row(name, variant.model, variant.dataset, variant.features, lines[name], refit, state, differs)
        if any(word.lower() in text.lower() for text in row[:4]):
            found.append(row)
    if not found:
        raise ParamsError(f"no variant with {word!r} in name, model, data set or features.{nearest(word, list(lines))}")
    return found


def table(found: Sequence[Row]) -> str:
    """The rows as aligned text under a line of column names; below a row, indented, what differs of it."""
    cells = [("variant", "model", "data set", "features", "line", "refit", "installed")]
    cells += [tuple(map(str, row._replace(installed=_in_short(row.installed))[:-1])) for row in found]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    below = ["", *(row.differs and f"\n    differs: {row.differs}" for row in found)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + differs
        for line, differs in zip(cells, below, strict=True)
    )


def _refit(train: Train | Imported) -> str:
    """How a model comes to be trained on the whole train list, if it does."""
    if isinstance(train, Imported):
        return "-"
    folds = train.select.folds
    return f"{folds} folds" if folds else "yes" if train.refit else "-"


def _in_short(installed: str) -> str:
    """`no: ucf_crime` for `datasets.ucf_crime.root is null`: lines stay as wide as a terminal."""
    entry, null, _ = installed.partition(".root is null")
    return f"no: {entry.partition('.')[2]}" if null else installed


def _lines(path: Path) -> dict[str, int]:
    """The line of each variant in params.yaml, from 1."""
    top = yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)
    assert isinstance(top, yaml.MappingNode), "load has checked the shape"
    section = next(value for key, value in top.value if key.value == "variants")
    return {key.value: key.start_mark.line + 1 for key, _ in section.value}
