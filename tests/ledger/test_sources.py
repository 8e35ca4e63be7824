"""The look at a user's own files after a run."""

from pathlib import Path

import pytest

from vad.artefacts.files import sha256
from vad.ledger.staleness import Hashes


@pytest.mark.parametrize("replaced", [False, True])
def test_a_source_that_changes_after_its_record_is_read(tmp_path: Path, replaced: bool) -> None:
    """A run may take hours: what was replaced after a job had read it is not what the record says."""
    source, text = tmp_path / "a.mp4", "old"
    source.write_text(text)
    recorded = sha256(source)
    written = source.stat().st_ctime + 0.001
    if replaced:
        while source.stat().st_ctime <= written:
            source.write_text("new")
    hashes = Hashes(tmp_path / "stat.json")
    hashes.adopt({str(source): {recorded}}, {str(source): written})

    assert replaced == (hashes.get(str(source)) != recorded)
