"""VAD Ledger: from videos to tables. Rooms in running order; every path and rule is in stages/<room>/rules.smk."""

import os
import sys
from pathlib import Path

from stages.plan import paths
from stages.plan.installed import Installed
from stages.plan.jobs import Jobs
from stages.plan.report import Reports
from stages.preflight import failures, preflight, remember, stop_timers, undo_unless
from vad.params import load

installed = Installed(load(paths.PARAMS, cache=paths.RESOLVED))
jobs = Jobs(installed)
reports = Reports(installed, jobs)
# A job of a cluster loads this file again: it must write nothing.
if workflow.is_main_process:
    # A dry run, and everything else that starts no job, leaves no trace.
    with undo_unless(lambda: workflow.executor_plugin and not workflow.dryrun):
        preflight(installed, jobs, reports)


wildcard_constraints:
    variant="[A-Za-z0-9][A-Za-z0-9_-]*",


localrules:
    all,
    report,


include: "stages/split/rules.smk"
include: "stages/features/rules.smk"
include: "stages/train/rules.smk"
include: "stages/infer/rules.smk"
include: "stages/evaluate/rules.smk"
include: "stages/report/rules.smk"


# Everything that the installed data sets can give: the last room needs all others.
rule report:
    input:
        reports.records(),
    message:
        "report: everything is made"


rule all:
    default_target: True
    input:
        rules.report.input,
    message:
        "all: everything is made"


onsuccess:
    remember()
    stop_timers()


onerror:
    print("", failures(), sep="\n", file=sys.stderr)
    stop_timers()


# One target per room and entry of params.yaml, empty where nothing is installed: what the stages of dvc.yaml ask for,
# and the report of each data set.
for room, entries in [*jobs.targets(), *reports.targets()]:
    for entry, files in entries.items():

        rule:
            name:
                f"{room}_{entry}"
            input:
                files,
