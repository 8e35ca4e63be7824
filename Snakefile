"""VAD Ledger: from videos to tables. Rooms in running order; every path and rule is in stages/<room>/rules.smk."""

import sys
from pathlib import Path

from snakemake.logging import logger
from snakemake.shell import shell

from stages.failures import failures, watch
from stages.plan import paths, state
from stages.plan.asked import Asked
from stages.preflight import preflight, stop_timers, undo_unless
from stages.stopping import stop_with_jobs
from vad.ledger.arithmetic import shell_words

watch(logger)
# The shell makes way for the one command of a job: a signal reaches the job itself, and Snakemake waits for its end.
shell.prefix("set -euo pipefail; exec ")
asked = Asked.read()
installed, jobs, reports = asked.installed, asked.jobs, asked.reports
start = None
# A job of a cluster loads this file again: it must write nothing.
if workflow.is_main_process:
    stop_with_jobs()
    # A dry run, and everything else that starts no job, leaves no trace.
    with undo_unless(lambda: workflow.executor_plugin and not workflow.dryrun):
        start = preflight(asked)


# Inputs of which Snakemake compares no times where they are the user's own: the look before the run reads them.
watched = lambda files: [
    name if asked.makes(name) else ancient(name) for name in map(str, files)
]


# A run that is forced to make things looks at all of them; another one asks for less where it would have nothing to do.
forced = lambda: (
    workflow.dag_settings.forceall
    or workflow.dag_settings.forcetargets
    or workflow.dag_settings.forcerun
)


wildcard_constraints:
    variant="[A-Za-z0-9][A-Za-z0-9_-]*",


localrules:
    all,
    nothing_new,
    report,


include: "stages/split/rules.smk"
include: "stages/features/rules.smk"
include: "stages/train/rules.smk"
include: "stages/infer/rules.smk"
include: "stages/evaluate/rules.smk"
include: "stages/report/rules.smk"


# The last room needs all others.
rule report:
    input:
        reports.records(),
    message:
        "report: everything is made"


rule all:
    default_target: True
    input:
        lambda w: (
            start.targets(skip=bool(workflow.executor_plugin and not forced()))
            if start
            else reports.records()
        ),
    message:
        "all: everything is made"


# What a run asks for that only has to note that everything is there and right.
rule nothing_new:
    output:
        touch(temp(state.NOTED)),


onstart:
    stop_with_jobs()


onsuccess:
    start.remember(whole=set(workflow.dag_settings.targets) <= {"all"})
    stop_timers()


onerror:
    print("", failures(), sep="\n", file=sys.stderr)
    stop_timers()


# One target per room and entry of params.yaml, empty where nothing is installed: what the stages of dvc.yaml ask for,
# and the report of each data set.
for target, files in asked.targets():

    rule:
        name:
            target
        input:
            files,
