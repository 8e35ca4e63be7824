"""Convolutions that run faster and give the same: batch normalisation folded in, activation fused, columns together.

On a CPU a plain convolution brings its weights into another order with each call, and its activation is a second pass
through memory. `Convolution` keeps the ordered weights and applies the activation on the way, by the operators that
`torch.compile` uses for this: equal results, and no compiler is needed. Elsewhere it is the plain convolution.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.flop_counter import conv_flop_count, register_flop_formula

FUSED: dict[type[nn.Module] | None, tuple[str, list[float]]] = {
    None: ("none", []),
    nn.ReLU: ("relu", []),
    nn.ReLU6: ("hardtanh", [0.0, 6.0]),
    nn.Hardswish: ("hardswish", []),
}
"""Activations that oneDNN applies on the way: its name for each, and the values that go with it."""


_reordered: Any = torch._C._nn.mkldnn_reorder_conv2d_weight  # pyright: ignore[reportAttributeAccessIssue]


class Convolution(nn.Module):
    """A convolution and the activation behind it.

    Args:
        plain: the convolution, with its final weights.
        activation: None, or a layer of `FUSED`.
    """

    def __init__(self, plain: nn.Conv2d, activation: nn.Module | None = None) -> None:
        super().__init__()
        self.plain, self.activation = plain, activation
        self._fused = FUSED[None if activation is None else type(activation)]
        self._ordered: tuple[tuple[int, ...], Tensor] | None = None

    def forward(self, maps: Float[Tensor, "frames channels height width"]) -> Float[Tensor, "frames more high wide"]:
        """The activated maps."""
        if not _can_fuse(maps):
            found = self.plain(maps)
            return found if self.activation is None else self.activation(found)
        plain = self.plain
        shape = (plain.padding, plain.stride, plain.dilation, plain.groups)
        weight = self._weight(tuple(maps.shape), shape)
        return torch.ops.mkldnn._convolution_pointwise(maps, weight, plain.bias, *shape, *self._fused, "")

    def _weight(self, size: tuple[int, ...], shape: tuple[Any, ...]) -> Tensor:
        """The weights in the order that is best for maps of this size."""
        if self._ordered is None or self._ordered[0] != size:
            weight = self.plain.weight.detach().to_mkldnn()
            self._ordered = size, _reordered(weight, *shape, size)
        return self._ordered[1]


def _can_fuse(maps: Tensor) -> bool:
    """Float32 on a CPU with oneDNN, outside of training, tracing and mixed precision."""
    return (
        maps.device.type == "cpu"
        and maps.dtype == torch.float32
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and torch.backends.mkldnn.is_available()
    )


@register_flop_formula(torch.ops.mkldnn._convolution_pointwise)
def _flops(maps: Any, weight: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:  # noqa: ANN401 - shapes
    """Operations of a fused convolution, as those of a plain one are counted."""
    return conv_flop_count(maps, weight, out_shape)


class ColumnsTogether(nn.Module):
    """A convolution that computes neighbouring columns of its output as channels of one position.

    Few output channels leave most of a CPU's vector units idle. A wider kernel (its first and last columns are zero
    for the other outputs) fills them; channels-last memory holds the result in the order of the plain convolution.

    Args:
        plain: a convolution whose output width is a multiple of `columns`.
        columns: how many neighbours are computed together.
        activation: None, or a layer of `FUSED`.
    """

    def __init__(self, plain: nn.Conv2d, columns: int, activation: nn.Module | None = None) -> None:
        super().__init__()
        (height, width), (down, right) = plain.kernel_size, plain.stride
        wide = width + right * (columns - 1)
        together = nn.Conv2d(plain.in_channels, columns * plain.out_channels, (height, wide), (down, right * columns))
        together.padding = plain.padding
        shifted = [F.pad(plain.weight.detach(), (right * i, wide - width - right * i)) for i in range(columns)]
        bias = plain.state_dict()["bias"].repeat(columns)
        together.load_state_dict({"weight": torch.cat(shifted), "bias": bias})
        self.columns, self.together = columns, Convolution(together, activation)

    def forward(self, maps: Float[Tensor, "frames channels height width"]) -> Float[Tensor, "frames more high wide"]:
        """What the plain convolution gives."""
        found = self.together(maps).permute(0, 2, 3, 1)
        return found.unflatten(3, (self.columns, -1)).flatten(2, 3).permute(0, 3, 1, 2)


def frames_at_once(frames: Tensor, most: int) -> int:
    """How many frames pass the first layers together: few on a CPU, all on a GPU and in a network that is exported."""
    return len(frames) if frames.is_cuda or torch.compiler.is_compiling() else most


def fold(network: nn.Module) -> nn.Module:
    """The network for inference: each convolution of an `nn.Sequential` takes up the layers behind it that it can.

    These are a batch normalisation and an activation of `FUSED`. Weights get channels-last memory, no gradients, and
    the network is in eval mode.
    """
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            _fold_layers(module)
    return network.to(memory_format=torch.channels_last).requires_grad_(False).eval()


def _fold_layers(layers: nn.Sequential) -> None:
    """Fold one sequence in place; what was taken up is no longer a layer."""
    found: list[nn.Module] = []
    waiting = list(layers)
    while waiting:
        layer = waiting.pop(0)
        if isinstance(layer, nn.Conv2d):
            norm = waiting[0] if waiting else None
            if isinstance(norm, nn.BatchNorm2d):
                layer = nn.utils.fuse_conv_bn_eval(layer.eval(), norm.eval())
                del waiting[0]
            activation = waiting.pop(0) if waiting and type(waiting[0]) in FUSED else None
            layer = Convolution(layer, activation)
        found.append(layer)
    layers._modules = {str(index): layer for index, layer in enumerate(found)}
