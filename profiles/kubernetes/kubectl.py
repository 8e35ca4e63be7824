"""Start, look at and end the Jobs of Kubernetes behind Snakemake's jobs: what profiles/kubernetes/config.yaml calls."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

MANIFEST = Path(__file__).with_name("job.yaml")
PROPERTIES = "# properties = "
"""What Snakemake says of a job, as JSON in a line of its script."""
PASSED_ON = ("PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "OMP_NUM_THREADS")
"""Environment that a pod takes from the pod that runs Snakemake: a job finds its tools there."""


def manifest(script: str, properties: Mapping[str, Any], common: Mapping[str, Any]) -> dict[str, Any]:
    """The Job that runs a script of Snakemake.

    Args:
        script: its path, on the volume.
        properties: what Snakemake says of the job: threads, and resources mem_mb, runtime (minutes), gpu.
        common: what every Job has (job.yaml).

    Returns: a copy of `common` with one container's command, environment, resources and time limit.
    """
    job = json.loads(json.dumps(common))
    resources = properties["resources"]
    asked = {"cpu": str(properties["threads"]), "memory": f"{resources['mem_mb']}M"}
    if resources.get("gpu"):
        asked["nvidia.com/gpu"] = str(resources["gpu"])
    # The limit is what is asked for: a job beyond its memory is killed and tried again with more.
    container = job["spec"]["template"]["spec"]["containers"][0]
    container |= {
        "command": ["/bin/sh", script],
        "workingDir": str(Path.cwd()),
        "env": [{"name": name, "value": os.environ[name]} for name in PASSED_ON if name in os.environ],
        "resources": {"requests": asked, "limits": asked},
    }
    job["spec"]["activeDeadlineSeconds"] = 60 * resources["runtime"]
    return job


def submit(script: str) -> str:
    """Start a Job; its name."""
    lines = Path(script).read_text().splitlines()
    properties = next(line.removeprefix(PROPERTIES) for line in lines if line.startswith(PROPERTIES))
    job = manifest(script, json.loads(properties), YAML(typ="safe").load(MANIFEST))
    return _kubectl("create", "-f", "-", "-o", "jsonpath={.metadata.name}", text=json.dumps(job))


def status(name: str) -> str:
    """`success`, `failed` or `running`, the words of Snakemake; a Job that was deleted has failed."""
    found = _kubectl("get", "job", name, "--ignore-not-found", "-o", "json")
    state = json.loads(found)["status"] if found else {"failed": 1}
    return "success" if state.get("succeeded") else "failed" if state.get("failed") else "running"


def cancel(*names: str) -> str:
    """End Jobs and their pods."""
    return _kubectl("delete", "job", "--ignore-not-found", "--wait=false", *names)


def _kubectl(*arguments: str, text: str = "") -> str:
    """Run kubectl; what it printed."""
    done = subprocess.run(("kubectl", *arguments), input=text, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: kubectl {arguments[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def main(arguments: Sequence[str]) -> None:
    """Run one of the three commands and print what it returns."""
    command, *names = arguments
    print({"submit": submit, "status": status, "cancel": cancel}[command](*names))


if __name__ == "__main__":
    main(sys.argv[1:])
