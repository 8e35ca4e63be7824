"""A page of blocks as CSV, Markdown and LaTeX. Each block is a table of its own: one data set, or what was printed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from tabulate import LATEX_ESCAPE_RULES, tabulate

from vad.cost.table import format_value, plain_value
from vad.evaluation.evaluate import METRICS
from vad.report import page as parts
from vad.report.tables import MARK, cell, random_features

SYMBOLS = {"±": r"$\pm$", MARK: r"$\dagger$"}
"""What LaTeX writes in its own way."""


@dataclass(frozen=True)
class Block:
    """Rows with the same columns.

    Attributes:
        kind: what the rows are, for the CSV: ours, difference, published ...
        title: name of the data set, with "synthetic" behind it where it is; or the source of the numbers.
        columns: shown in Markdown and LaTeX; the CSV has everything.
        rows: raw values; text stands as it is.
        notes: lines below the table.
        reasons: lines below those, in Markdown only.
    """

    kind: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    notes: Sequence[str] = ()
    reasons: Sequence[str] = ()


@dataclass(frozen=True)
class Page:
    """One published table.

    Attributes:
        name: of the target, without `table_`.
        title: whose table it is, and what it shows.
        data: the data sets of its rows, each with what must be said of it.
        about: which columns differ from the published ones.
        blocks: in printing order.
        aside: rows that only the CSV has, each with its kind; notes and reasons say the same in words.
        absent: rows that are missing, by name, each with kind (not installed, not shown) and reason.
    """

    name: str
    title: str
    data: str
    about: str
    blocks: Sequence[Block]
    aside: Sequence[Mapping[str, Any]]
    absent: Mapping[str, tuple[str, str]]


def csv(page: Page) -> str:
    """Every column of every row, numbers to six digits; what is undefined or does not apply is an empty cell."""
    rows: list[dict[str, Any]] = [{"kind": block.kind, **row} for block in page.blocks for row in block.rows]
    rows += [dict(row) for row in page.aside]
    rows += [{"kind": kind, "variant": name, "note": why} for name, (kind, why) in page.absent.items()]
    columns = [name for name in dict.fromkeys(key for row in rows for key in row) if name not in ("note", "provenance")]
    columns += ["note", "provenance"]
    table = pd.DataFrame([{name: plain_value(row.get(name)) for name in columns} for row in rows], columns=columns)
    return table.to_csv(index=False, lineterminator="\n")


def markdown(page: Page) -> str:
    """The page for readers; a block's own heading names its data set."""
    blocks = []
    for block in page.blocks:
        blocks += [parts.heading(block.title, 2), parts.table(block.columns, _cells(block)), *block.notes]
        blocks.append(parts.bullets(block.reasons))
    for kind in dict.fromkeys(kind for kind, _ in page.absent.values()):
        blocks.append(parts.section(kind.capitalize(), [f"{names}: {why}" for names, why in _by_reason(page, kind)]))
    return parts.page(parts.heading(f"{page.title}. Data: {page.data}"), page.about, *blocks)


def latex(page: Page) -> str:
    """One table environment per block, captioned with its title; needs the packages booktabs and adjustbox."""
    lines = [f"% {page.title}. Data: {page.data}", r"% \usepackage{booktabs, adjustbox}"]
    for number, block in enumerate(page.blocks, 1):
        body = tabulate(_cells(block), list(block.columns), tablefmt="latex_booktabs", disable_numparse=True)
        lines += [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escaped(f'{page.title}. {block.title}')}}}",
            rf"\label{{tab:{page.name}:{number}}}",
            r"\begin{adjustbox}{max width=\linewidth}",
            _symbols(body),
            r"\end{adjustbox}",
            *(rf"\par\footnotesize {escaped(note)}" for note in block.notes),
            r"\end{table}",
        ]
    for kind in dict.fromkeys(kind for kind, _ in page.absent.values()):
        absent = [f"{kind.capitalize()}: {names} ({why})" for names, why in _by_reason(page, kind)]
        lines += [rf"{{\par\footnotesize {escaped(line)}\par}}" for line in absent]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text as LaTeX: its special characters escaped, names in backticks set as code."""
    plain = _symbols("".join(LATEX_ESCAPE_RULES.get(letter, letter) for letter in text))
    return re.sub(r"`([^`]*)`", r"\\texttt{\1}", plain)


def _symbols(text: str) -> str:
    for symbol, command in SYMBOLS.items():
        text = text.replace(symbol, command)
    return text


def _by_reason(page: Page, kind: str) -> list[tuple[str, str]]:
    """Names that share a reason, on one line."""
    found: dict[str, list[str]] = {}
    for name, (of, why) in page.absent.items():
        if of == kind:
            found.setdefault(why, []).append(name)
    return [(", ".join(names), why) for why, names in found.items()]


def _cells(block: Block) -> list[list[str]]:
    return [[_text(block, row, column) for column in block.columns] for row in block.rows]


def _text(block: Block, row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    if column == "variant" and random_features(row):
        return f"{value} {MARK}"
    if isinstance(value, str) or column not in METRICS:
        return format_value(value)
    return _difference(row, column) if block.kind == "difference" else cell(row, column)


def _difference(row: Mapping[str, Any], column: str) -> str:
    """A signed number with its interval, and if the interval leaves 0 out."""
    if row.get(column) is None:
        return f"- ({why})" if (why := row.get(f"{column}_reason")) else "-"
    low, high = row[f"{column}_low"], row[f"{column}_high"]
    verdict = "differs" if row[f"{column}_differs"] else "no clear difference"
    return f"{row[column]:+.3f} [{low:+.3f}, {high:+.3f}], {verdict}"
