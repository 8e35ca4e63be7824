"""What runs a network: torch, or OpenVINO on a CPU. OpenVINO is an optional extra, imported where it is asked for."""

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from vad.errors import FeatureError
from vad.video.memory import keep_freed_memory

Engine = Literal["torch", "openvino"]
HINTS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}
"""OpenVINO's names of precisions."""


def uses_openvino(engine: Engine, precision: str, device: torch.device) -> bool:
    """Whether OpenVINO runs a network: where it is asked for, and for float16 on a CPU, which torch has no layers for.

    Args:
        engine: the setting.
        precision: of the network's arithmetic.
        device: where the network runs.

    Raises: FeatureError for OpenVINO on a GPU.
    """
    if engine == "openvino" and device.type != "cpu":
        raise FeatureError(f"engine openvino runs on a CPU, not on {device}. Set device: cpu, or engine: torch.")
    return engine == "openvino" or (precision == "float16" and device.type == "cpu")


def prepare(network: nn.Module, engine: Engine, precision: str, device: torch.device) -> nn.Module:
    """The network as it is run; it takes and gives the same tensors.

    Args:
        network: in eval mode, on its device.
        engine: the setting.
        precision: of the network's arithmetic.
        device: where the network runs.

    Raises: FeatureError if OpenVINO is not installed, runs on no such device, or the CPU lacks the precision.
    """
    if device.type == "cpu":
        keep_freed_memory()
    return OpenVINONetwork(network, precision) if uses_openvino(engine, precision, device) else network


def identity(engine: Engine, precision: str, device: torch.device) -> dict[str, str]:
    """What the features' identity says about the engine: nothing for torch."""
    return {"engine": f"openvino {_openvino().__version__}"} if uses_openvino(engine, precision, device) else {}


class OpenVINONetwork(nn.Module):
    """A network that OpenVINO runs with one thread; it is translated for the shape of the first input, and each other.

    Args:
        plain: the network in torch.
        precision: of the arithmetic; results are float32.

    Raises: FeatureError if OpenVINO is not installed or the CPU lacks the precision.
    """

    def __init__(self, plain: nn.Module, precision: str) -> None:
        super().__init__()
        openvino = _openvino()
        self.plain = plain
        self._core, self._hint = openvino.Core(), HINTS[precision]
        self._compiled: dict[torch.Size, Any] = {}
        can = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision != "float32" and {"f16": "FP16", "bf16": "BF16"}[self._hint] not in can:
            fit = "bfloat16 or float32" if "BF16" in can else "float32"
            raise FeatureError(f"precision {precision}: this CPU has no fast {precision}. Set precision: {fit}.")

    def forward(self, segments: Tensor) -> Tensor:
        """What the network gives."""
        if _get_current_dispatch_mode_stack():  # Operations are being counted: only torch's can be.
            return self.plain(segments)
        if segments.shape not in self._compiled:
            self._compiled[segments.shape] = self._compile(segments)
        request = self._compiled[segments.shape]
        return torch.from_numpy(request.infer([segments.contiguous().numpy()], share_inputs=True)[0])

    def _compile(self, segments: Tensor) -> Any:  # noqa: ANN401 - a type of a package that may be missing
        how = {"INFERENCE_PRECISION_HINT": self._hint, "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
        model = translate(self.plain, segments)
        return self._core.compile_model(model, "CPU", {**how, "ENABLE_CPU_PINNING": False}).create_infer_request()


def translate(network: nn.Module, example: Tensor) -> Any:  # noqa: ANN401 - as above
    """The network as an OpenVINO model for inputs of the shape of the example.

    Raises: FeatureError if OpenVINO is not installed.
    """
    openvino = _openvino()
    with torch.inference_mode(False), torch.no_grad(), torch.autocast("cpu", enabled=False):
        model = openvino.convert_model(torch.export.export(network, (example.clone(),), strict=False))
    model.reshape(list(example.shape))
    return model


def _openvino() -> Any:  # noqa: ANN401 - as above
    try:
        import openvino  # pyright: ignore[reportMissingImports] - an optional extra
    except ImportError as error:
        raise FeatureError(
            f"engine openvino (and precision float16 on a CPU): OpenVINO cannot be imported ({error})."
            " Install it: pip install 'vad-ledger[openvino]'; or set engine: torch and another precision."
        ) from None
    return openvino
