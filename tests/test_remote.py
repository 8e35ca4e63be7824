"""Features and checkpoints of a remote make every table again: `make test-remote`, on a folder and on S3.

S3 is moto's server on loopback, which keeps objects in memory. docs/scale.md says what to install.
"""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.plan.paths import ROOMS
from tests.project import Project
from tests.results import results

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.skipif("VAD_REMOTE" not in os.environ, reason="opt-in: make test-remote"),
]
BUCKET = "vad-ledger"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
KEPT = ("split@mini_crime", "features@xfeat", "train@mil", "train@ae")
"""What is pulled: lists, features and checkpoints."""
SECONDS_TO_START = 60


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server with an empty bucket; the test fails, and says what to install, without one."""
    lacking = [name for name in ("moto", "flask", "dvc_s3", "boto3") if importlib.util.find_spec(name) is None]
    if lacking:
        pytest.fail(f"make test-remote needs {', '.join(lacking)}: pip install 'vad-ledger[s3,s3-server]'")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, env={**os.environ, **KEYS}, stdout=quiet, stderr=quiet)
    try:
        deadline = time.monotonic() + SECONDS_TO_START
        while not _listens(port):
            assert server.poll() is None, "the S3 server ended"
            assert time.monotonic() < deadline
            time.sleep(0.2)
        address = f"http://127.0.0.1:{port}"
        script = f"import boto3; boto3.client('s3', endpoint_url='{address}').create_bucket(Bucket='{BUCKET}')"
        subprocess.run((sys.executable, "-W", "ignore", "-c", script), env={**os.environ, **KEYS}, check=True)
        yield address
    finally:
        server.terminate()
        server.wait()


def _listens(port: int) -> bool:
    """Whether something answers on a port of loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_every_table_from_a_remote(
    kind: str, versioned: Project, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Push, clone, pull: scores, metrics and every table are made again, with no job of extraction or training."""
    settings = {"url": str(tmp_path / "store")}
    if kind == "s3":
        settings = {"url": f"s3://{BUCKET}/store", "endpointurl": request.getfixturevalue("s3")}
        for name, value in KEYS.items():
            monkeypatch.setenv(name, value)
    project = versioned.copy(tmp_path / "project")
    project.run("git", "clone", "-q", str(project.folder), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    for each in (project, clone):
        for name, value in settings.items():
            each.run("dvc", "remote", "modify", "storage", name, value, "--local")
    pushed = project.run("dvc", "push").stdout
    pulled = clone.run("dvc", "pull", *KEPT).stdout
    # Measured costs stay: they are in git with their records, as the machine that they were measured on is.
    for name in ("mini_crime", "tables", "published"):
        shutil.rmtree(clone.folder / "reports" / name)
    made = clone.snakemake()
    rooms = Counter(path.split("/")[1] if path.startswith("data/") else "report" for path in made)
    print(f"\n{kind}: {pushed.strip()}; {pulled.strip().splitlines()[-1]}; made: ", end="")
    print(", ".join(f"{rooms[room]} {room}" for room in ROOMS))

    # Jobs of the first three may start: each finds its records right and makes nothing.
    assert [0, 0, 0] == [rooms[room] for room in ROOMS[:3]]
    assert [2, 2] == [rooms[room] for room in ROOMS[3:5]]
    assert {f"reports/{name}" for name in ("mini_crime/results", "tables/results")} <= set(made)
    assert results(versioned.folder) == results(clone.folder)
    assert [] == clone.snakemake()
