"""VAD Ledger: from videos to tables. Rooms in running order; every path and rule is in stages/<room>/rules.smk."""

import os
import sys
from pathlib import Path

from stages.plan import Plan, artefact_of
from stages.preflight import failures, preflight, remember

PLAN = Plan(Path("params.yaml"))
# A job of a cluster loads this file again: it must not wake rules.
if workflow.is_main_process:
    preflight(PLAN)


wildcard_constraints:
    variant="[A-Za-z0-9][A-Za-z0-9_-]*",
    seed="[0-9]+",


localrules:
    all,


include: "stages/split/rules.smk"
include: "stages/features/rules.smk"
include: "stages/train/rules.smk"
include: "stages/infer/rules.smk"
include: "stages/evaluate/rules.smk"
include: "stages/report/rules.smk"


# Everything that the installed data sets can give.
rule all:
    default_target: True
    input:
        rules.report.output,
        [f"{PLAN.published_table(name)}.prov.json" for name in PLAN.published],
    message:
        "all: everything is made"


onsuccess:
    remember()


onerror:
    print("", failures(), sep="\n", file=sys.stderr)


# What the stages of dvc.yaml ask for: one target per room and entry of params.yaml, empty where nothing is installed.
for room, entries in PLAN.targets():
    for entry, files in entries.items():

        rule:
            name:
                f"{room}_{entry}"
            input:
                files,
