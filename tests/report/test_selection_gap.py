"""The page about the selection gap."""

from vad.report.selection_gap import gap_page


def test_every_variant_has_a_row_or_a_reason() -> None:
    """A row says how many epochs were compared (fewer where a seed stopped early); the others are named below."""
    head = {"dataset": "set", "variant": "v", "selection": "last", "metric": "frame_auc"}
    seeds = [
        {"seed": seed, "selected": 0.5, "best_on_test": 0.6, "epoch": 2, "gap": 0.1, "epochs": epochs}
        for seed, epochs in ((0, 3), (1, 4))
    ]
    page = gap_page("set", [{**head, **row} for row in seeds], ["v", "w", "x"])
    row = next(
        [cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| v ")
    )

    assert ["v", "last", "frame_auc", "0.500", "0.600", "+0.100", "3-4"] == row
    assert "No gap is known of w, x: their `train.keep_epochs` is 0" in page
    assert "No gap is known of v:" in gap_page("set", [], ["v"])
    assert "No gap" not in gap_page("set", [{**head, **seeds[0]}], ["v"])
