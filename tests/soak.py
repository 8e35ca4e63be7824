"""Kill random processes of whole runs, and compare how each ends with a run that nothing disturbed.

    python -m tests.soak --minutes 15 --seed 0

Each round makes a small project from its videos to its tables. At random times a random process of the run (Snakemake,
a job, or a process below one) is ended by SIGKILL, or by SIGTERM as a cluster does; then the same command is given
again. A round is good if the last run succeeds, `vad verify` finds nothing, and every file that holds no measured time
has the bytes of the undisturbed run. One line a round; exit code 1 if one was not good, and its folder stays.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.project import BIN, PARAMS, Project
from tests.results import results

COMMAND = ("snakemake", "--cores", "2")
QUICK = PARAMS.replace("{dpi: 50}", "{dpi: 50, efficiency: {frames: 32, repeats: 1, budget: 0.1}}")
MOST_KILLS = 4
"""In one round; at least one."""
SHARE_OF_SIGTERM = 0.25
MOST_SECONDS = 900
"""Of one run: a run that takes longer hangs."""


@dataclass
class Round:
    """One project that is disturbed.

    Attributes:
        number: of the round.
        project: where it runs.
        kills: what was ended, as "signal name after seconds".
        runs: how often the command was given.
        problems: what is not as in the undisturbed run; empty if all is well.
    """

    number: int
    project: Project
    kills: list[str] = field(default_factory=list)
    runs: int = 0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One line."""
        said = "bit-identical" if not self.problems else "DIFFERS: " + "; ".join(self.problems)
        return f"round {self.number}: {self.runs} runs, {len(self.kills)} kills ({', '.join(self.kills)}): {said}"


def start(project: Project) -> "subprocess.Popen[bytes]":
    """Start the whole run in a session of its own, with its output in a file beside the project."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(project.folder)}
    with project.folder.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(
            COMMAND, cwd=project.folder, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def tree(pid: int) -> list[psutil.Process]:
    """A process and all below it that are still there."""
    try:
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def left_over(project: Project) -> list[psutil.Process]:
    """Processes that work in a project's folder: jobs whose Snakemake was killed go on."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(project.folder):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def kill_one(process: "subprocess.Popen[bytes]", chosen: random.Random) -> str | None:
    """End one process of a run at random.

    Returns: signal and name; None if the run had ended.
    """
    alive = tree(process.pid)
    if process.poll() is not None or not alive:
        return None
    victim = chosen.choice(alive)
    kind = signal.SIGTERM if chosen.random() < SHARE_OF_SIGTERM else signal.SIGKILL
    try:
        words = victim.cmdline()
        name = next((word for word in words if word.startswith("stages.")), Path(words[0]).name if words else "?")
        name = "snakemake" if victim.pid == process.pid else name
        victim.send_signal(kind)
    except psutil.NoSuchProcess:
        return None
    return f"{kind.name} {name}"


def disturb(turn: Round, undisturbed: dict[str, str], seconds: float, chosen: random.Random) -> None:
    """Run a project, end random processes at random times, and give the command again until it succeeds.

    Args:
        turn: the round, filled in here.
        undisturbed: the results to compare with.
        seconds: of the undisturbed run.
        chosen: random numbers of this round.
    """
    project, kills = turn.project, chosen.randint(1, MOST_KILLS)
    moments = [chosen.uniform(0, seconds / kills) for _ in range(kills)]
    while True:
        turn.runs += 1
        process = start(project)
        begun = time.monotonic()
        while moments and process.poll() is None:
            wait = moments.pop(0)
            try:
                process.wait(wait)
            except subprocess.TimeoutExpired:
                if killed := kill_one(process, chosen):
                    turn.kills.append(f"{killed} after {time.monotonic() - begun:.0f} s")
        try:
            code = process.wait(MOST_SECONDS)
        except subprocess.TimeoutExpired:
            turn.problems.append(f"run {turn.runs} did not end within {MOST_SECONDS} s")
            end(project)
            return
        if code == 0:
            break
        if not turn.kills or turn.runs > MOST_KILLS + 2:
            turn.problems.append(f"run {turn.runs} ended with exit code {code} though nothing disturbed it")
            end(project)
            return
        project.run("snakemake", "--unlock")  # needed after a kill of Snakemake itself, harmless otherwise
    for process_left in left_over(project):
        process_left.wait(MOST_SECONDS)
    turn.problems += difference(undisturbed, results(project.folder))
    if project.run("python", "-m", "vad", "verify", check=False).returncode:
        turn.problems.append("`vad verify` finds something")


def end(project: Project) -> None:
    """End what still works in a project's folder."""
    for process in left_over(project):
        process.kill()


def difference(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    """The files that two runs do not have in common, a line of at most three names a kind."""
    kinds = {
        "absent": sorted(set(wanted) - set(found)),
        "not in the undisturbed run": sorted(set(found) - set(wanted)),
        "other bytes": sorted(name for name in set(wanted) & set(found) if wanted[name] != found[name]),
    }
    return [f"{len(names)} {kind}, e.g. {', '.join(names[:3])}" for kind, names in kinds.items() if names]


def main() -> int:
    """Run rounds until the time is over; the last one is ended in full."""
    arguments = argparse.ArgumentParser(description="Kill random processes of whole runs.")
    arguments.add_argument("--minutes", type=float, default=15, help="no round begins later; at least one is run")
    arguments.add_argument("--seed", type=int, default=0, help="of the first round; each round has the next one")
    asked = arguments.parse_args()
    until = time.monotonic() + 60 * asked.minutes
    top = Path(tempfile.mkdtemp(prefix="vad-soak-"))
    fresh = Project.new(top / "fresh", QUICK)  # copied: the checkout may change meanwhile
    calm = fresh.copy(top / "undisturbed")
    begun = time.monotonic()
    if start(calm).wait(MOST_SECONDS):
        print(f"error: the undisturbed run failed. Its output: {calm.folder.with_suffix('.log')}", file=sys.stderr)
        return 1
    seconds, undisturbed = time.monotonic() - begun, results(calm.folder)
    print(f"undisturbed: {seconds:.0f} s, {len(undisturbed)} files to compare", flush=True)
    rounds: list[Round] = []
    while not rounds or time.monotonic() < until:
        turn = Round(len(rounds) + 1, fresh.copy(top / f"round{len(rounds) + 1}"))
        disturb(turn, undisturbed, seconds, random.Random(asked.seed + len(rounds)))
        print(turn, flush=True)
        rounds.append(turn)
        if not turn.problems:
            shutil.rmtree(turn.project.folder)
    bad = [turn for turn in rounds if turn.problems]
    kills = sum(len(turn.kills) for turn in rounds)
    print(f"{len(rounds)} rounds, {kills} kills, {len(bad)} not as the undisturbed run.")
    if not bad:
        shutil.rmtree(top)
        return 0
    print(f"The folders of those rounds stay in {top}.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
