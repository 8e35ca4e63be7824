"""Write each job's slice of params and its code hash below `.params`: what the stages of dvc.yaml depend on."""

from collections.abc import Sequence

from stages.plan.asked import Asked
from stages.preflight import write_plan
from stages.room import command_line


def main(_: Sequence[str] | None = None) -> None:
    """Read params.yaml and the data sets' lists, and write the plan."""
    write_plan(Asked.read())


if __name__ == "__main__":
    command_line(main)
