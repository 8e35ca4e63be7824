"""Fixtures that several test files share."""

import compileall
import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from py_compile import PycInvalidationMode

# Before torch is loaded: tests run in two processes on two cores, and small tensors gain nothing from more threads. All
# variables that Snakemake sets for a job of one core, so that such a job can start from a server of tests/preloaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from filelock import FileLock

from tests import preloaded
from tests.project import PARAMS, REAL_DATA, Project


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers of tests/preloaded once for all test processes: the folder's name is in their environment."""
    if hasattr(config, "workerinput") or os.environ.get("VAD_FRESH"):
        return
    undo = contextlib.ExitStack()
    undo.enter_context(preloaded.servers(Path(undo.enter_context(tempfile.TemporaryDirectory()))))
    config.add_cleanup(undo.close)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, so that all processes end together. Real data and a GPU are used where they are there."""
    # In the processes that run tests: there params are checked at once, not in a new process each time.
    import torch

    items.sort(key=lambda item: item.get_closest_marker("pipeline") is None)
    for item in items:
        if item.get_closest_marker("real_data") and not REAL_DATA.is_dir():
            item.add_marker(pytest.mark.skip(reason="no real data beside this checkout"))
        if item.get_closest_marker("gpu") and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Project]) -> Project:
    """A project folder that all test processes share: the first one makes it, the others wait."""
    top = factory.getbasetemp()
    top = top.parent if "PYTEST_XDIST_WORKER" in os.environ else top
    folder, done = top / name, top / f"{name}.done"
    with FileLock(top / f"{name}.lock"):
        if not done.exists():
            make(folder)
            done.touch()
    return Project(folder)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A tiny project that Snakemake has run once, with one published table. Do not change it: take `project`."""

    def make(folder: Path) -> Project:
        quick = "efficiency: {frames: 32, repeats: 1, budget: 0.1}, edge: []"  # what is measured is tested elsewhere
        params = PARAMS.replace("{dpi: 50}", f"{{dpi: 50, {quick}, published: {{memtsm_2: [mil, mil_ucf]}}}}")
        project = Project.new(folder, params)
        for part in ("vad", "stages"):  # the mode that looks at the content: tests change modules within a second
            compileall.compile_dir(folder / part, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        project.snakemake()
        return project

    return once(tmp_path_factory, "finished", make)


@pytest.fixture(scope="session")
def versioned(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same under git and DVC, committed. Do not change it: copy it."""

    def make(folder: Path) -> Project:
        project = finished.copy(folder)
        project.run("git", "init", "-q")
        project.run("git", "config", "user.email", "test@example.org")
        project.run("git", "config", "user.name", "test")
        project.repro()
        project.run("git", "add", "-A")
        project.run("git", "commit", "-qm", "run")
        return project

    return once(tmp_path_factory, "versioned", make)


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project, yours to change."""
    return finished.copy(tmp_path / "project")


@pytest.fixture(autouse=True)
def _no_figure_stays_open() -> Iterator[None]:
    """Matplotlib keeps every figure until it is closed, and warns when there are many."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
