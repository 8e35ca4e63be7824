"""Are the bits of portable arithmetic the same on this CPU? `python -m bench.portable`; exit code 1 where they are not.

Hashes each kind of operation that the variants use, and each step from a drawn video to trained weights, in a process
with the environment of portable arithmetic, and compares with the digests that lie beside this file. With

    python -m bench.portable --emulate qemu-x86_64 --cpu Haswell

the process runs in QEMU's user mode (Debian's package qemu-user, 10.0 or later; 7.2 crashes) as on another CPU: an
Intel one with AVX2 that way, an AMD one with `--cpu EPYC`. That takes minutes. QEMU computes the instructions that only
estimate (rsqrtps, rcpps) as no CPU does, so an operation that uses them is found.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from vad.artefacts.files import read_json, write_json
from vad.ledger.arithmetic import PORTABLE, in_force
from vad.ledger.records import cpu_name

KNOWN = Path(__file__).with_suffix(".json")
"""The digest of every line, equal on all CPUs that were compared (docs/protocol.md)."""
NOT_EQUAL = ("torch.sqrt", "torch.log2", "torch.cdist")
"""Use an estimate that differs between vendors, whatever MKL is told: no variant of a portable data set uses them."""
STEPS = 12
"""Of each optimiser."""


def digests() -> dict[str, str]:
    """The digest of every operation and step, computed in this process."""
    return dict(sorted((*_in_numpy(), *_in_torch(), *_of_optimisers(), *_of_a_video())))


def digests_of_a_child(emulator: Sequence[str] = (), only: str = "") -> dict[str, str]:
    """The digests of a process with the environment of portable arithmetic.

    Args:
        emulator: words before Python's.
        only: names that begin with this; "" = all.
    """
    command = [*emulator, sys.executable, "-m", "bench.portable", "--child"]
    done = subprocess.run(command, env={**os.environ, **PORTABLE}, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return {name: value for name, value in found.items() if name.startswith(only)}


def _digest(*arrays: Any) -> str:  # noqa: ANN401 - of numpy or torch
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


def _data(*shape: int, seed: int = 0) -> np.ndarray:
    """Random numbers, equal everywhere: NumPy's generator uses no vector instruction."""
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def _in_numpy() -> Iterator[tuple[str, str]]:
    """What evaluation, tables and the drawing of generated data sets use."""
    x = _data(200, 200).astype(np.float64)
    ties = np.round(x, 1).ravel()
    one: dict[str, Callable[[], Any]] = {
        **{name: lambda name=name: getattr(np, name)(np.abs(x)) for name in ("exp", "log", "log1p", "sqrt", "tanh")},
        **{name: lambda name=name: getattr(np, name)(x) for name in ("sin", "cos", "cumsum", "sort")},
        "power": lambda: np.abs(x) ** 1.7,
        "mean": lambda: x.mean(0),
        "std": lambda: x.std(1),
        "matmul": lambda: x @ x,
        "svd": lambda: np.linalg.svd(x)[1],
        "solve": lambda: np.linalg.solve(x, x[0]),
        "argsort": lambda: np.argsort(ties),
        "argpartition": lambda: np.argpartition(ties, 100),
        "percentile": lambda: np.percentile(x, [2.5, 97.5]),
    }
    yield from ((f"numpy.{name}", _digest(work())) for name, work in one.items())


def _in_torch() -> Iterator[tuple[str, str]]:
    """What the networks use: results, and gradients of the weights."""
    import torch
    from torch import nn

    x = torch.from_numpy(_data(256, 128))
    last = torch.channels_last
    layers: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
        "linear": (nn.Linear(128, 64), (32, 128)),
        "linear_large": (nn.Linear(1024, 512), (96, 1024)),
        "conv1d": (nn.Conv1d(64, 128, 3, padding=1), (8, 64, 32)),
        "conv2d": (nn.Conv2d(24, 64, 3, padding=1), (2, 24, 28, 28)),
        "conv2d_strided": (nn.Conv2d(3, 16, 3, 2, 1), (2, 3, 56, 56)),
        "conv3d": (nn.Conv3d(3, 16, 3, padding=1), (1, 3, 8, 16, 16)),
        "conv_transpose2d": (nn.ConvTranspose2d(64, 32, 3, 2, 1, 1), (2, 64, 8, 8)),
        "lstm": (nn.LSTM(64, 32, batch_first=True), (16, 10, 64)),
        "layer_norm_gelu": (nn.Sequential(nn.LayerNorm(96), nn.Linear(96, 96), nn.GELU()), (64, 96)),
        "batch_norm": (nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()), (4, 3, 16, 16)),
        "attention": (nn.TransformerEncoderLayer(64, 4, 128, 0.0, batch_first=True), (4, 32, 64)),
    }
    for name, (layer, shape) in layers.items():
        for number, value in enumerate(layer.parameters()):
            value.data.copy_(torch.from_numpy(_data(*value.shape, seed=100 + number)) * 0.1)
        out = layer(torch.from_numpy(_data(*shape)))
        out = out[0] if isinstance(out, tuple) else out
        gradients = torch.autograd.grad(out.square().mean(), list(layer.parameters()))
        yield f"torch.{name}", _digest(out.detach(), *gradients)
    layer = nn.Conv2d(24, 64, 3, padding=1).to(memory_format=last)
    layer.weight.data.copy_(torch.from_numpy(_data(64, 24, 3, 3)))
    layer.bias.data.zero_()  # type: ignore[union-attr]
    pictures = torch.from_numpy(_data(2, 24, 28, 28)).to(memory_format=last)
    yield "torch.conv2d_channels_last", _digest(layer(pictures).detach())
    larger = nn.ConvTranspose2d(64, 32, 3, 2, 1, 1, bias=False)
    larger.weight.data.copy_(torch.from_numpy(_data(64, 32, 3, 3)))
    network = nn.Sequential(layer, nn.BatchNorm2d(64), nn.ReLU(), larger)
    out = network.to(memory_format=last)(pictures)
    gradients = torch.autograd.grad(out.square().mean(), list(network.parameters()))
    yield "torch.gradients_channels_last", _digest(out.detach(), *gradients)
    positive, half = x.abs(), nn.functional.interpolate
    for name, value in {
        **{name: getattr(x, name)() for name in ("exp", "tanh", "sigmoid", "erf", "sin", "cos", "mean")},
        **{name: getattr(positive, name)() for name in ("log", "log1p", "rsqrt", "reciprocal")},
        "softmax": x.softmax(-1),
        "logsumexp": x.logsumexp(1),
        "sum": x.sum(0),
        "norm": x.norm(dim=1),
        "normalize": nn.functional.normalize(x),
        "std": x.std(0),
        "matmul": x @ x.T,
        "bmm": x.view(8, 32, 128) @ x.view(8, 128, 32),
        "matmul_f64": x.double() @ x.double().T,
        "solve": torch.linalg.solve(x[:128].double(), x[:128, :8].double()),
        "cholesky": torch.linalg.cholesky(x.T @ x / 256 + torch.eye(128)),
        "interpolate": half(pictures, scale_factor=2.0, mode="bilinear"),
        "instance_norm": nn.functional.instance_norm(torch.from_numpy(_data(4, 1, 56, 56))),
        "normal": torch.empty(1000).normal_(generator=torch.Generator().manual_seed(0)),
    }.items():
        yield f"torch.{name}", _digest(value)


def _of_optimisers() -> Iterator[tuple[str, str]]:
    """A few steps of each optimiser of the project."""
    import torch
    from torch import nn

    from vad.engine.schedule import optimiser_for
    from vad.schema.train import Train

    for name in ("adam", "adamw", "adagrad"):
        values = [nn.Parameter(torch.from_numpy(_data(*shape))) for shape in ((64, 33), (7,), (16, 3, 3, 3))]
        settings = {"optimiser": name, "lr": 0.01, "weight_decay": 0.01, "epochs": 1, "batch": 1}
        optimiser = optimiser_for(values, Train.model_validate(settings))
        for step in range(STEPS):
            for value in values:
                value.grad = torch.from_numpy(_data(*value.shape, seed=step))
            optimiser.step()
        yield f"optimiser.{name}", _digest(*(value.detach() for value in values))


def _of_a_video() -> Iterator[tuple[str, str]]:
    """A video that is drawn and encoded, its pictures, its features, and weights that are trained on them."""
    import torch

    from vad.datasets import mini_crime
    from vad.engine.batches import Part
    from vad.engine.build import build
    from vad.engine.train import train
    from vad.extractors._base import Source, load_extractor, make_features
    from vad.schema.train import Train
    from vad.video.decode import Rules, open_video

    torch.set_num_threads(1)
    sizes = {"train_videos": 4, "test_videos": 4, "seconds_min": 0.5, "seconds_max": 0.6, "width": 160, "height": 120}
    with tempfile.TemporaryDirectory() as folder:
        dataset = mini_crime.Dataset(mini_crime.Config.model_validate(sizes), Path(folder))
        dataset.generate(1)
        paths = [Path(folder) / video.path for video in dataset.videos()]
        yield "video.encoded", _digest(*(np.frombuffer(path.read_bytes(), np.uint8) for path in paths))
        frames = [frame.copy() for frame in open_video(paths[0], 64, 64, Rules()).frames()]
        yield "video.resized", _digest(*frames)
        extractor = load_extractor({"extractor": "xfeat", "size": 64})
        files = [make_features(extractor, Source(path.stem, (path,), None)) for path in paths[:4]]
    yield "video.features", _digest(*(file.features for file in files))
    schedule = {"optimiser": "adam", "lr": 0.001, "epochs": 2, "batch": 2, "select_by": "last"}
    rows = [_data(20, 128, seed=seed) for seed in range(4)]
    for name in ("c3d_mil", "deepmil", "lstm_memory_ae", "mstsm", "rtfm", "urdmu"):
        model = build(name, {}, 128, 0)
        part = Part(rows, [0, 0, 1, 1])
        train(model, part, part, Train.model_validate(schedule), 0)
        yield f"trained.{name}", _digest(*(value.numpy() for value in model.state_dict().values()))


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, and print the lines that differ.

    Returns: the exit code.
    """
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--emulate", default="", metavar="QEMU", help="run in this emulator, for example qemu-x86_64")
    flags.add_argument("--cpu", default="Haswell", help="the CPU that it shows, with --emulate")
    flags.add_argument("--write", action="store_true", help="keep the digests of this CPU as the known ones")
    flags.add_argument("--child", action="store_true", help="print the digests of this process as JSON")
    args = flags.parse_args(argv)
    if args.child:
        assert in_force() == "portable"
        print(json.dumps(digests()))
        return 0
    found = digests_of_a_child([args.emulate, "-cpu", args.cpu] if args.emulate else [])
    if args.write:
        write_json(KNOWN, found)
    known = read_json(KNOWN)
    rows = [(name, known.get(name), found.get(name)) for name in sorted({*known, *found})]
    different = [row for row in rows if row[1] != row[2]]
    where = f"{args.cpu}, emulated by {args.emulate}" if args.emulate else f"{cpu_name()} ({platform.machine()})"
    print(f"{where}: {len(rows) - len(different)} of {len(rows)} digests are the known ones")
    if different:
        print(tabulate(different, ("what", "known", "here")))
    print(f"Not equal between vendors, and not used: {', '.join(NOT_EQUAL)}")
    return int(bool(different))


if __name__ == "__main__":
    sys.exit(main())
