"""The Jobs that profiles/kubernetes starts; a stand-in for kubectl runs them as processes. No cluster is needed."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from profiles.kubernetes import kubectl
from tests.project import BIN, Project
from tests.results import results

PROPERTIES = {"threads": 2, "resources": {"mem_mb": 5000, "runtime": 90, "gpu": 1, "mem": "5 GB"}}
STAND_IN = """\
#!{python}
import json, os, pathlib, subprocess, sys
folder = pathlib.Path({folder!r})
verb = sys.argv[1]
if verb == "create":
    job = json.load(sys.stdin)
    name = job["metadata"]["generateName"] + str(len(list(folder.glob("*.json"))))
    (folder / (name + ".json")).write_text(json.dumps(job))
    pod = job["spec"]["template"]["spec"]["containers"][0]
    env = {{each["name"]: each["value"] for each in pod["env"]}}
    command = ["/bin/sh", "-c", '"$@"; echo $? > "$0"', str(folder / (name + ".code")), *pod["command"]]
    quiet = subprocess.DEVNULL
    subprocess.Popen(command, cwd=pod["workingDir"], env=env, stdout=quiet, stderr=quiet, start_new_session=True)
    print(name, end="")
elif verb == "get" and (folder / (sys.argv[3] + ".json")).exists():
    code = folder / (sys.argv[3] + ".code")
    text = code.read_text().strip() if code.exists() else ""
    print(json.dumps({{"status": {{}} if not text else {{"succeeded": 1}} if text == "0" else {{"failed": 1}}}}))
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a program `kubectl`, first on PATH, that keeps its Jobs there and runs them as processes."""
    folder = tmp_path / "kubectl"
    folder.mkdir()
    (folder / "kubectl").write_text(STAND_IN.format(python=sys.executable, folder=str(folder)))
    (folder / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def test_a_job_asks_for_what_the_rule_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cores, memory, GPUs, the time limit, the command in the project's folder; one try only."""
    monkeypatch.setenv("PATH", "/project/.venv/bin:/usr/bin")
    common = YAML(typ="safe").load(kubectl.MANIFEST)
    job = kubectl.manifest("/project/job.sh", PROPERTIES, common)
    container = job["spec"]["template"]["spec"]["containers"][0]

    asked = {"cpu": "2", "memory": "5000M", "nvidia.com/gpu": "1"}
    assert {"requests": asked, "limits": asked} == container["resources"]
    assert ["/bin/sh", "/project/job.sh"] == container["command"]
    assert str(Path.cwd()) == container["workingDir"]
    assert {"name": "PATH", "value": "/project/.venv/bin:/usr/bin"} in container["env"]
    assert 5400 == job["spec"]["activeDeadlineSeconds"]
    assert 0 == job["spec"]["backoffLimit"]
    assert "resources" not in common["spec"]["template"]["spec"]["containers"][0]


def test_a_job_without_a_gpu_names_none() -> None:
    """A cluster without NVIDIA's plugin does not know the word."""
    properties = {"threads": 1, "resources": {"mem_mb": 500, "runtime": 10, "gpu": 0}}
    job = kubectl.manifest("job.sh", properties, YAML(typ="safe").load(kubectl.MANIFEST))

    assert "nvidia.com/gpu" not in job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]


def test_the_state_of_a_job(stand_in: Path) -> None:
    """Snakemake's three words; a Job that somebody deleted has failed."""
    for name, code in (("good", "0"), ("bad", "1"), ("busy", "")):
        (stand_in / f"{name}.json").write_text("{}")
        (stand_in / f"{name}.code").write_text(code)

    states = [kubectl.status(name) for name in ("good", "bad", "busy", "deleted")]
    assert ["success", "failed", "running", "failed"] == states


def test_an_error_of_kubectl_is_passed_on(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what it said."""
    (stand_in / "kubectl").write_text("#!/bin/sh\necho 'no such namespace' >&2\nexit 1\n")
    with pytest.raises(SystemExit, match=r"error: kubectl get ended with 1: no such namespace"):
        kubectl.status("any")


@pytest.mark.pipeline
@pytest.mark.skipif("VAD_KUBERNETES" not in os.environ, reason="opt-in: make test-kubernetes")
def test_a_whole_run(stand_in: Path, finished: Project, tmp_path: Path) -> None:
    """Every job of a tiny project goes through the profile; all bytes are those of a run on one machine."""
    if importlib.util.find_spec("snakemake_executor_plugin_cluster_generic") is None:
        pytest.fail("make test-kubernetes needs the extra: pip install 'vad-ledger[cluster]'")
    project = Project.new(tmp_path / "project", (finished.folder / "params.yaml").read_text())
    limits = ("--cores", "2", "--jobs", "2", "--resources", "gpu=1", "mem_mb=10000", "--latency-wait", "5")
    often = ("--seconds-between-status-checks", "2")
    command = ("snakemake", "--workflow-profile", "profiles/kubernetes", *limits, *often)
    env = {**os.environ, "PATH": f"{stand_in}:{BIN}:{os.environ['PATH']}", "PYTHONPATH": str(project.folder)}
    done = subprocess.run(command, cwd=project.folder, env=env, capture_output=True, text=True)
    pods = [json.loads(path.read_text()) for path in stand_in.glob("*.json")]
    planned = re.search(r"^total +(\d+)", done.stdout + done.stderr, re.MULTILINE)
    print(f"\n{len(pods)} pods for {planned[1] if planned else '?'} jobs")

    assert 0 == done.returncode, done.stderr[-4000:]
    assert results(finished.folder) == results(project.folder)
    assert 11 > len(pods)
