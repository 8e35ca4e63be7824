"""The parts of a Markdown page."""

import re

from hypothesis import given
from hypothesis import strategies as st

from vad.report import page

CELL = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=80)


def test_blocks_are_joined_by_one_empty_line() -> None:
    """Empty blocks leave nothing behind, so a page is built without conditions."""
    text = page.page(page.heading("Title"), "", "Words.", page.bullets([]), page.section("None", []), "Last.")

    assert "# Title\n\nWords.\n\nLast.\n" == text
    assert "## Some\n\nWhy.\n\n- a\n- b" == page.section("Some", ["a", "b"], "Why.")
    assert "[a](b.md) ![c](d.png)" == f"{page.link('a', 'b.md')} {page.image('c', 'd.png')}"


def test_columns_line_up_while_cells_are_short() -> None:
    """A cell of a whole paragraph does not widen every line of the source."""
    short = page.table(["name", "value"], [["a", "0.5"], ["bbbbbbbb", "-"]])
    wide = page.table(["name", "value"], [["a", "x" * (page.WIDEST + 1)], ["b", "-"]])

    assert 1 == len({len(line) for line in short.splitlines()})
    assert "| b | - |" == wide.splitlines()[-1]


@given(st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=4))
def test_no_cell_breaks_a_table(rows: list[list[str]]) -> None:
    """Whatever a cell says, each row stays one line with the same number of cells."""
    lines = page.table(["a", "b"], rows).split("\n")

    assert len(rows) + 2 == len(lines)
    assert {3} == {len(re.findall(r"(?<!\\)\|", line)) for line in lines}
