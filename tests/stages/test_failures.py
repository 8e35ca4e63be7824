"""The summary of a failed run."""

import logging
from pathlib import Path

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from stages import failures


def say(logger: logging.Logger, event: LogEvent, **fields: object) -> None:
    """One of Snakemake's messages."""
    logger.error("words", extra={"event": event, **fields})


def test_a_job_that_went_well_at_its_next_try_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that did not is named with its log."""
    monkeypatch.setattr(failures, "LOGS", tmp_path)
    monkeypatch.setattr(failures, "_failed", {})
    logger = logging.Logger("snakemake")
    failures.watch(logger)
    for number, rule in ((3, "train"), (4, "infer")):
        log = tmp_path / f"{rule}.log"
        log.write_text("made a\n")
        say(logger, LogEvent.JOB_ERROR, jobid=number, rule_name=rule, shellcmd="python", log=[str(log)])
    say(logger, LogEvent.JOB_FINISHED, job_id=3)

    assert failures.failures() == f"error: rule infer: made a\n  (log: {tmp_path / 'infer.log'})"
