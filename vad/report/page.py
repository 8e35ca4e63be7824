"""The parts of a Markdown page. Every page of a report is built with these functions, and joined by `page`."""

from collections.abc import Iterable, Sequence

from tabulate import tabulate

WIDEST = 60
"""Characters. Columns are padded to line up in the source only while no cell is wider than this."""


def page(*blocks: str) -> str:
    """Blocks as one page: an empty line between them, empty blocks left out."""
    return "\n\n".join(block for block in blocks if block) + "\n"


def heading(text: str, level: int = 1) -> str:
    """A heading; level 1 is the title of the page."""
    return f"{'#' * level} {text}"


def bullets(lines: Iterable[str]) -> str:
    """A list with one point a line; empty without lines."""
    return "\n".join(f"- {line}" for line in lines)


def section(text: str, lines: Sequence[str], before: str = "") -> str:
    """A heading of level 2 with a list below it; empty without lines.

    Args:
        text: of the heading.
        lines: of the list.
        before: a paragraph between heading and list.
    """
    return "\n\n".join(part for part in (heading(text, 2), before, bullets(lines)) if part) if lines else ""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of text cells; what would end a cell or a line is escaped.

    Args:
        columns: names.
        rows: cells in the order of the columns.
    """
    cells = [[escaped(cell) for cell in row] for row in rows]
    if any(len(cell) > WIDEST for row in cells for cell in row):
        lines = [list(columns), ["---"] * len(columns), *cells]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return tabulate(cells, list(columns), tablefmt="pipe", disable_numparse=True)


def escaped(cell: str) -> str:
    """Text that can stand in a cell of a table."""
    return cell.replace("|", "\\|").replace("\n", " ")


def link(text: str, target: str) -> str:
    """A link to a file; the target is relative to the page."""
    return f"[{text}]({target})"


def image(text: str, target: str) -> str:
    """A picture; `text` stands in its place where it cannot be shown."""
    return f"![{text}]({target})"
