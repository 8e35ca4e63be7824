"""ONNX and OpenVINO files: written from a torch network, and run. Their packages are optional, imported when needed."""

import contextlib
import importlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from vad.errors import VadError

Format = Literal["onnx", "openvino"]
Precision = Literal["float32", "int8"]
Run = Callable[[Tensor], list[Tensor]]
"""A network of a file: what it gives for an input of the shape that it was written for."""
PACKAGES: dict[Format, tuple[str, ...]] = {
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "openvino": ("openvino",),
}
QUANTISER = "nncf"
"""The package that makes int8 networks for OpenVINO."""
SUFFIX: dict[Format, str] = {"onnx": ".onnx", "openvino": ".xml"}


class UnwrittenError(VadError):
    """A network cannot be written in a format.

    Attributes:
        reason: what the converter says, in one line.
    """

    def __init__(self, path: Path, kind: Format, reason: str) -> None:
        super().__init__(f"{path}: the network cannot be written as {kind} ({reason}). Try the other --format.")
        self.reason = reason


def absent(kind: Format, precision: Precision = "float32") -> list[str]:
    """The packages of a format that cannot be imported."""
    missing = []
    for name in (*PACKAGES[kind], *[QUANTISER] * (precision == "int8")):
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    return missing


def require(kind: Format, precision: Precision = "float32") -> None:
    """Check that the packages of a format are installed.

    Raises: VadError naming those that are not, and the extra that brings them.
    """
    if missing := absent(kind, precision):
        raise VadError(
            f"vad export --format {kind}: {', '.join(missing)} cannot be imported. Install the extra that has it:"
            " pip install 'vad-ledger[edge]'"
        )


def files_of(path: Path) -> list[Path]:
    """The file of a network, and the one with its weights where the format has two."""
    return [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]


def write(
    network: nn.Module,
    example: Shaped[Tensor, "..."],
    kind: Format,
    path: Path,
    calibration: Sequence[Shaped[Tensor, "..."]] = (),
) -> None:
    """Write a network in eval mode, for inputs of the shape of the example.

    Args:
        network: on the CPU.
        example: an input.
        kind: the format.
        path: the file, with the suffix of the format.
        calibration: inputs whose ranges an int8 network is made for, of format openvino only; none = float32.

    Raises: UnwrittenError for a network with an operation that the format's converter does not know.
    """
    try:
        _write(network.eval().requires_grad_(False), example, kind, path, calibration)
    except Exception as error:  # each converter has classes of its own, some of them private
        first = str(error.__cause__ or error).strip().partition("\n")[0]
        raise UnwrittenError(path, kind, f"{type(error).__name__}: {first}") from error


def _write(network: nn.Module, example: Tensor, kind: Format, path: Path, calibration: Sequence[Tensor]) -> None:
    with torch.no_grad(), warnings.catch_warnings():
        # torch.export says that it copies the weights of an LSTM; the check of the file would show a difference.
        warnings.filterwarnings("ignore", "The tensor attributes", UserWarning)
        if kind == "onnx":
            torch.onnx.export(network, (example,), str(path), dynamo=True, verbose=False, external_data=False)
            return
        openvino = importlib.import_module("openvino")
        model = openvino.convert_model(torch.export.export(network, (example,), strict=False))
    model.reshape(list(example.shape))
    openvino.save_model(_quantised(model, calibration) if calibration else model, str(path), compress_to_fp16=False)


def _quantised(model: Any, calibration: Sequence[Tensor]) -> Any:  # noqa: ANN401 - types of packages that may be missing
    """An OpenVINO model whose convolutions and matrix products compute with 8 bits.

    Symmetric weights with asymmetric activations: XFeat's vectors are then 1.9 % off instead of 4.5 %.
    """
    with _silent():
        nncf: Any = importlib.import_module(QUANTISER)
        logging.getLogger(QUANTISER).setLevel(logging.ERROR)
        inputs = nncf.Dataset([each.numpy() for each in calibration])
        mixed = nncf.QuantizationPreset.MIXED
        return nncf.quantize(model, inputs, preset=mixed, subset_size=len(calibration), fast_bias_correction=False)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Without the progress bars that the quantiser prints."""
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def load(path: Path) -> Run:
    """The network of a file on one thread; what it has in float32 is computed in float32."""
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
