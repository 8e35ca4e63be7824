"""ONNX and OpenVINO files: written from a torch network, and run. Their packages are optional, imported when needed."""

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from vad.errors import VadError

Format = Literal["onnx", "openvino"]
Run = Callable[[Tensor], list[Tensor]]
"""A network of a file: what it gives for an input of the shape that it was written for."""
PACKAGES: dict[Format, tuple[str, ...]] = {
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "openvino": ("openvino",),
}
SUFFIX: dict[Format, str] = {"onnx": ".onnx", "openvino": ".xml"}


def require(kind: Format) -> None:
    """Check that the packages of a format are installed.

    Raises: VadError naming those that are not, and the extra that brings them.
    """
    missing = []
    for name in PACKAGES[kind]:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    if missing:
        raise VadError(
            f"vad export --format {kind}: {', '.join(missing)} cannot be imported. Install the extra that has it:"
            " pip install 'vad-ledger[edge]'"
        )


def files_of(path: Path) -> list[Path]:
    """The file of a network, and the one with its weights where the format has two."""
    return [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]


def _write(network: nn.Module, example: Shaped[Tensor, "..."], kind: Format, path: Path) -> None:
    network = network.eval().requires_grad_(False)
    with torch.no_grad(), warnings.catch_warnings():
        # torch.export says that it copies the weights of an LSTM; the check of the file would show a difference.
        warnings.filterwarnings("ignore", "The tensor attributes", UserWarning)
        if kind == "onnx":
            torch.onnx.export(network, (example,), str(path), dynamo=True, verbose=False, external_data=False)
            return
        openvino = importlib.import_module("openvino")
        model = openvino.convert_model(torch.export.export(network, (example,), strict=False))
    model.reshape(list(example.shape))
    openvino.save_model(model, str(path), compress_to_fp16=False)


def write(network: nn.Module, example: Shaped[Tensor, "..."], kind: Format, path: Path) -> None:
    """Write a network in eval mode, for inputs of the shape of the example.

    Args:
        network: on the CPU.
        example: an input.
        kind: the format.
        path: the file, with the suffix of the format.

    Raises: VadError for a network with an operation that the format's converter does not know.
    """
    try:
        _write(network, example, kind, path)
    except Exception as error:  # each converter has classes of its own, some of them private
        first = str(error.__cause__ or error).strip().partition("\n")[0]
        raise VadError(
            f"{path}: the network cannot be written as {kind} ({type(error).__name__}: {first})."
            " Try the other --format."
        ) from error


def load(path: Path) -> Run:
    """The network of a file, in float32 on one thread."""
    return _load_openvino(path) if path.suffix == ".xml" else _load_onnx(path)


def _load_onnx(path: Path) -> Run:
    runtime: Any = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda given: [torch.from_numpy(found) for found in session.run(None, {name: given.numpy()})]


def _load_openvino(path: Path) -> Run:
    openvino: Any = importlib.import_module("openvino")
    how = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    model = openvino.Core().compile_model(str(path), "CPU", {**how, "ENABLE_CPU_PINNING": False})
    request = model.create_infer_request()

    def run(given: Tensor) -> list[Tensor]:
        found = request.infer([given.numpy()], share_inputs=True)
        return [torch.from_numpy(found[output].copy()) for output in model.outputs]

    return run
