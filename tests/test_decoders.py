"""The decoder stays visible: from the feature file through the scores to the row and the page."""

from pathlib import Path

import pytest

from tests.report.test_tables import metrics
from tests.test_random_weights import protocol
from vad.report.results import variant_table
from vad.report.tables import decoder_note, result_row

ON_GPU = {"decode": {"decoder": "DALI", "decoder_device": "gpu"}}
BY_PYAV = {"decode": {"decoder": "PyAV"}}


@pytest.mark.parametrize(("made_by", "words"), [(ON_GPU, "DALI on gpu"), (BY_PYAV, "PyAV"), ({}, "none")])
def test_from_feature_file_to_page(made_by: dict, words: str, tmp_path: Path) -> None:
    """The protocol names the decoder, the row has it as a column, and the page says where it is not PyAV."""
    scores = protocol(tmp_path, made_by)
    row = result_row({"variant": "v", "decoder": scores["decoder"]}, [metrics(0.5)])
    page = variant_table([row], one_class=False)

    assert words == scores["decoder"] == row["decoder"]
    assert ("Not decoded by PyAV: v: DALI on gpu." in page) is (made_by is ON_GPU)


def test_the_note_names_each_row_once_and_counts_what_pyav_did() -> None:
    """A table with a row for each class repeats its variants; rows of costs alone have no decoder."""
    mixed = {"variant": "a", "decoder": "DALI on gpu (3 of 290 by PyAV)"}
    rows = [mixed, mixed, {"variant": "b", "decoder": "PyAV"}, {"variant": "c", "decoder": None}, {"variant": "d"}]

    assert "Not decoded by PyAV: a: DALI on gpu (3 of 290 by PyAV)." == decoder_note(rows)
    assert "" == decoder_note(rows[2:])
