"""Which job computes in which arithmetic, and what the cost of a head hangs on."""

import json
from pathlib import Path

import numpy as np
import pytest

from stages.plan import slices
from stages.report.run import job_of
from tests.project import PARAMS, Plan
from vad.artefacts.features import FeatureFile, write_features
from vad.errors import ParamsError
from vad.ledger import arithmetic
from vad.ledger.arithmetic import PORTABLE, identity, shell_words, threads_of
from vad.params import load

NATIVE = PARAMS.replace("    kind: mini_crime\n", "    kind: mini_crime\n    arithmetic: native\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder, on a machine with a GPU."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    return tmp_path


def plan(folder: Path, params: str) -> Plan:
    """What the Snakefile knows of a params.yaml."""
    (folder / "params.yaml").write_text(params)
    return Plan.read(folder / "params.yaml")


@pytest.mark.parametrize(("params", "own"), [(PARAMS, "portable"), (NATIVE, "native")])
def test_a_data_set_says_its_arithmetic(folder: Path, params: str, own: str) -> None:
    """Features, training, scoring and the look inside a model have it; costs are native, all else is portable."""
    installed, jobs, reports = plan(folder, params)
    wanted = {path: entry.arithmetic for path, entry in slices.wanted(installed, jobs, reports).items()}
    of_set = [*jobs.runs("train", "mil"), *jobs.runs("infer", "ae"), "data/split/mini_crime/raw"]
    of_set += [next(jobs.batches()).files[0], "data/report/tsne/mil"]
    costs = [path for path in wanted if path.startswith("reports/efficiency/")]
    rest = [*jobs.runs("evaluate", "mil"), "data/split/mini_crime/tables", "reports/mini_crime/results"]

    assert {identity(own)} == {wanted[path] for path in of_set}  # type: ignore[arg-type]
    assert {"native"} == {wanted[path] for path in costs}
    assert {identity("portable")} == {wanted[path] for path in rest}
    assert shell_words(own) == jobs.environment("mil")  # type: ignore[arg-type]


@pytest.mark.parametrize(("params", "gpus"), [(PARAMS, 0), (NATIVE, 1)])
def test_a_portable_job_asks_for_no_gpu(folder: Path, params: str, gpus: int) -> None:
    """`device: auto` means the CPU there."""
    assert gpus == plan(folder, params).jobs.gpus("mil")


def test_a_folder_of_the_user_is_native_by_default(folder: Path) -> None:
    """Real data sets are large: speed counts."""
    (folder / "params.yaml").write_text(PARAMS)

    assert "native" == load(folder / "params.yaml").datasets["ucf_crime"].model_dump()["arithmetic"]


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("optimiser: adam,", "optimiser: adadelta,", "variants.ae.train.optimiser: adadelta"),
        ("optimiser: adam,", "device: cuda, optimiser: adam,", "variants.ae.train.device: cuda"),
        ("xfeat, size: 64", "xfeat, size: 64, device: cuda", "features.xfeat.device: cuda"),
    ],
)
def test_what_cannot_be_equal_is_refused(folder: Path, old: str, new: str, where: str) -> None:
    """On a portable data set; a native one takes it."""
    assert old in PARAMS
    (folder / "params.yaml").write_text(PARAMS.replace(old, new))
    (folder / "native.yaml").write_text(NATIVE.replace(old, new))
    with pytest.raises(ParamsError, match=f"{where} has other bits on other machines"):
        load(folder / "params.yaml")

    assert load(folder / "native.yaml")


def test_the_cost_of_a_head_hangs_on_shapes(folder: Path) -> None:
    """Features with other values leave the measurement; another shape makes it stale."""
    reports = plan(folder, PARAMS).reports
    (part,) = [part for part in reports.parts() if part.key == "head.mil"]
    listed = part.listed()
    (feature_file,) = map(Path, listed["shapes"])
    for name, value in ((listed["section"], {}), (listed["code"], {"files": []}), (listed["out"], {"counted": 1})):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(json.dumps(value))

    def kept(rows: int, value: float) -> bool:
        features = np.full((rows, 4), value, np.float32)
        write_features(feature_file, FeatureFile(features, np.arange(rows + 1)))
        return job_of(listed).intact()

    feature_file.parent.mkdir(parents=True, exist_ok=True)
    before = kept(3, 0.0)
    job_of(listed).finish()

    assert [False, True, True, False] == [before, kept(3, 0.0), kept(3, 1.0), kept(4, 1.0)]


@pytest.mark.parametrize(
    ("machine", "flags", "end"),
    [
        ("x86_64", "fma sse2 avx2", ""),
        ("x86_64", "sse2", " on x86_64 without AVX2"),
        ("aarch64", "asimd", " on aarch64"),
    ],
)
def test_a_cpu_without_what_portable_needs_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, machine: str, flags: str, end: str
) -> None:
    """Its bits are its own: records of it and of other CPUs are not called equal."""
    info = folder / "cpuinfo"
    info.write_text(f"processor : 0\nflags : {flags}\n")
    monkeypatch.setattr(arithmetic, "CPU_INFO", info)
    monkeypatch.setattr("platform.machine", lambda: machine)
    arithmetic._elsewhere.cache_clear()
    said = identity("portable")
    arithmetic._elsewhere.cache_clear()

    assert said.startswith("portable ")
    assert end in said
    assert ("without" in said) == bool(end)
    assert "native" == identity("native")


def test_portable_jobs_have_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--set-threads` cannot change their bits."""
    monkeypatch.delenv("ATEN_CPU_CAPABILITY", raising=False)
    many = threads_of(4)
    for name, value in PORTABLE.items():
        monkeypatch.setenv(name, value)

    assert (4, 1) == (many, threads_of(4))
