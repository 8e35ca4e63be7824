"""Snakemake's messages in a terminal: one bar with jobs done, jobs running and the time left; warnings and errors.

Snakemake finds a plugin by the name of its module: `snakemake --logger progress`, with this folder on Python's path
(`stages.reproduce` puts it there). The file below `.snakemake/log` has all messages as ever.
"""

import logging
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

NAMED = 3
"""Running jobs that are named; of more only the number is said."""
NOISE = ("Select jobs to execute", "Execute ")
"""Beginnings of what Snakemake says each time that it starts jobs."""
SHOWN = (LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR, LogEvent.ERROR)


class LogHandler(LogHandlerBase):
    """The bar. Snakemake gives it every record, in a thread of its own."""

    # What Snakemake asks of each plugin.

    @property
    def writes_to_stream(self) -> bool:
        """It takes the place of Snakemake's own lines."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """No file of its own."""
        return False

    @property
    def has_filter(self) -> bool:
        """Snakemake's, which obeys --quiet and --verbose."""
        return False

    @property
    def has_formatter(self) -> bool:
        """Snakemake's."""
        return False

    @property
    def needs_rulegraph(self) -> bool:
        """Nothing is drawn."""
        return False

    def __post_init__(self) -> None:
        """Prepare the bar; it appears with the first job."""
        self._console = Console(stderr=True)
        self._bar = Progress(
            MofNCompleteColumn(separator=" of "),
            TextColumn("jobs"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("left about"),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.description}", markup=False),
            console=self._console,
            transient=True,
            speed_estimate_period=3600,
        )
        self._task = self._bar.add_task("", total=None, start=False)
        self._names: dict[int, str] = {}
        self._running: dict[int, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record: in the bar, as text above it, or not at all."""
        try:
            self._show(record)
        except Exception:  # a message that cannot be shown must not end the run
            self.handleError(record)

    def close(self) -> None:
        """The bar disappears; what was printed stays."""
        self._bar.stop()
        super().close()

    def _show(self, record: logging.LogRecord) -> None:
        """Note what a record says of jobs; print errors, warnings and plain messages."""
        fields = vars(record)
        match fields.get("event"):
            case LogEvent.RUN_INFO:
                self._bar.update(self._task, total=fields["stats"]["total"])
            case LogEvent.JOB_INFO:
                self._names[fields["jobid"]] = " ".join([fields["rule_name"], *map(str, fields["wildcards"].values())])
            case LogEvent.JOB_STARTED:
                self._running |= dict.fromkeys(fields["jobs"], time.monotonic())
                self._bar.start_task(self._task)
                self._bar.start()
            case LogEvent.JOB_FINISHED:
                self._running.pop(fields["job_id"], None)
            case LogEvent.PROGRESS:
                self._bar.update(self._task, completed=fields["done"], total=fields["total"])
            case event:
                message = event is None and not record.getMessage().startswith(NOISE)
                if event == LogEvent.JOB_ERROR:
                    self._running.pop(fields["jobid"], None)
                if (message or event in SHOWN or record.levelno >= logging.WARNING) and (text := self.format(record)):
                    self._console.print(text, markup=False, highlight=False, soft_wrap=True)
        self._bar.update(self._task, description=self._work())

    def _work(self) -> str:
        """What runs now, the latest first."""
        names = [self._names.get(job, str(job)) for job in sorted(self._running, key=self._running.__getitem__)][::-1]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        return ", ".join(names[:NAMED]) + more
