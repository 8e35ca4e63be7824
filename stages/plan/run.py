"""Write each job's slice of params and its code hash below `.params`: what the stages of dvc.yaml depend on."""

from collections.abc import Sequence

from stages.plan import paths
from stages.plan.installed import Installed
from stages.plan.jobs import Jobs
from stages.plan.report import Reports
from stages.preflight import write_plan
from stages.room import command_line
from vad.params import load


def main(_: Sequence[str] | None = None) -> None:
    """Read params.yaml and the data sets' lists, and write the plan."""
    installed = Installed(load(paths.PARAMS, cache=paths.RESOLVED))
    jobs = Jobs(installed)
    write_plan(installed, jobs, Reports(installed, jobs))


if __name__ == "__main__":
    command_line(main)
