"""What a failed run prints: lines of a readable length, and at the end each error once."""

import logging
import re
import shutil
import time
from pathlib import Path

LOGS = Path("logs")
STARTED = time.time()
WIDEST = 300
"""Characters of a line; a command names every file of its job."""
TAIL = 80
NAMES = 3
"""Files of a job that a message names."""
ROOM_FOR_A_MESSAGE = 2**16
"""Bytes: with less free, a job may not have been able to write its error into its log."""
_failed: dict[int, tuple[str, list[str]]] = {}
"""Rule and logs of each job that Snakemake called failed, by its number; without those whose next try went well."""


def watch(logger: logging.Logger) -> None:
    """Shorten what Snakemake says, and note which jobs failed.

    Args:
        logger: Snakemake's own; its file below `.snakemake/log` has the same lines.
    """
    logger.addFilter(_shortened)


def _shortened(record: logging.LogRecord) -> bool:
    """Cut the lists of files, the command and the text of a record."""
    fields = vars(record)
    event = getattr(fields.get("event"), "name", "")
    if fields.get("shellcmd") and event == "JOB_ERROR":
        _failed[fields["jobid"]] = fields["rule_name"], list(map(str, fields.get("log") or []))
    elif event == "JOB_FINISHED":
        _failed.pop(fields["job_id"], None)
    for name in ("input", "output"):
        if isinstance(files := fields.get(name), list) and len(files) > NAMES:
            fields[name] = [*files[:NAMES], f"... ({len(files)} files)"]
    for name in ("shellcmd", "msg"):
        if isinstance(text := fields.get(name), str):
            fields[name] = "\n".join(map(_cut, text.split("\n")))
    return True


def _cut(line: str) -> str:
    """A line without its middle where it is long: the end of a command's line says how the command ended."""
    if len(line) <= WIDEST:
        return line
    return f"{line[: WIDEST - TAIL]} ... ({len(line)} characters) ... {line[-TAIL:]}"


def failures() -> str:
    """After a failed run: the errors of its jobs, each once, without the command lines around them.

    A job that a signal ended has written none: it is named too.
    """
    found: dict[str, list[str]] = {}
    for log in sorted(LOGS.rglob("*.log")):
        text = log.read_text(encoding="utf-8", errors="replace")
        if log.stat().st_mtime < STARTED or not text:
            continue
        _, mark, message = text.rpartition("error: ")
        if mark or "Traceback" in text:
            words = message.strip() if mark else f"{text.strip().splitlines()[-1]}{_place(text)}"
            found.setdefault(words, []).append(log.as_posix())
    stopped: dict[str, list[str]] = {}
    for rule, logs in _failed.values():
        if not any(log in named for named in found.values() for log in logs):
            texts = [Path(log).read_text(encoding="utf-8", errors="replace") for log in logs if Path(log).is_file()]
            last = [line for text in texts for line in text.splitlines() if line.strip()][-1:]
            words = (last or [_silent_end()])[0]
            if words.startswith("stopped by "):
                stopped.setdefault(words, []).extend(logs)
            else:
                found.setdefault(f"rule {rule}: {words}", []).extend(logs)
    lines = [*stopped.items(), *((f"error: {words}", logs) for words, logs in found.items())]
    return "\n".join(f"{words}\n  (log: {', '.join(logs)})" for words, logs in lines)


def _silent_end() -> str:
    """Why a job may have ended without a message."""
    if shutil.disk_usage(LOGS).free < ROOM_FOR_A_MESSAGE:
        return f"ended without a message: disk full at {LOGS}. Free some space, then run the same command again"
    return "ended without a message: killed (out of memory?), or crashed in native code"


def _place(traceback: str) -> str:
    """The last line of the project's own in a traceback: where an error that nobody foresaw came from."""
    frames = re.findall(r'File ".*?((?:vad|stages)/[^"]+)", line (\d+)', traceback)
    return f" ({frames[-1][0]}, line {frames[-1][1]})" if frames else ""
