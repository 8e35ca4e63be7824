"""The generated lists of the planning bench, and how many jobs and files Snakemake has to look at for them."""

from pathlib import Path

import pytest

from bench.planning import Folder
from tests.project import Plan


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Of a thousand videos with published features."""
    folder = Folder(tmp_path, 1000, filled=False)
    monkeypatch.chdir(folder.folder)
    return Plan.read(Path("params.yaml"))


def test_imports_share_jobs(plan: Plan) -> None:
    """A job takes many published files: starting it would take longer than reading a few."""
    batches = list(plan.jobs.batches())

    assert 8 == len(batches)
    assert 1000 == sum(len(batch.videos) for batch in batches)
    assert {"train": 850, "test": 150} == {
        split: len(plan.jobs.feature_records("mil", split)) for split in ("train", "test")
    }


def test_files_of_the_user_are_no_inputs(plan: Plan) -> None:
    """Snakemake looks at records alone; the look before a run sees what changed in the user's own files."""
    assert [] == plan.installed.raw_records("crime")
    assert all(name.endswith(".npz.prov.json") for name in plan.jobs.feature_records("mil", "test"))
