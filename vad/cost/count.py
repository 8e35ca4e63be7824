"""Size and cost of a network: parameters, and multiply-adds (MACs; FLOPs = 2 x MACs).

The convention is that of `torch.utils.flop_counter`: matrix products, convolutions and attention count; batch
norm, activations and pooling do not. LSTMs, which that counter leaves out silently, are added by formula.
A head's numbers say nothing without its extractor and decoder: rows for efficiency need all three.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from vad.errors import VadError

aten = torch.ops.aten
CHEAP = {
    *(
        aten.t,
        aten.transpose,
        aten.permute,
        aten.view,
        aten._unsafe_view,
        aten.reshape,
        aten.expand,
        aten.detach,
    ),
    *(aten.unsqueeze, aten.squeeze, aten.slice, aten.select, aten.clone, aten.alias, aten.split, aten.cat),
    *(aten.to_mkldnn, aten.zeros_like),
    *(aten.linalg_vector_norm, aten.clamp_min, aten.div, aten.mul, aten.add, aten.sub, aten._to_copy),
    *(aten.native_batch_norm, aten._native_batch_norm_legit, aten._native_batch_norm_legit_no_training),
    *(aten.cudnn_batch_norm, aten.native_layer_norm, aten.native_group_norm, aten.embedding, aten._softmax),
    *(aten._batch_norm_no_update, aten._batch_norm_with_update),
}
"""Operations on parameters that are no multiply-adds by the convention: moving, scaling, normalising."""


class Parameters(NamedTuple):
    """Numbers of values, shared ones counted once, buffers not counted."""

    total: int
    trainable: int


def parameters(model: nn.Module) -> Parameters:
    """How many values a network has, and how many of them are trained."""
    values = list(model.parameters())
    return Parameters(sum(v.numel() for v in values), sum(v.numel() for v in values if v.requires_grad))


class _Uncounted(TorchDispatchMode):
    """Collects operations that use a parameter but that the counter does not know."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.owned = {value.untyped_storage()._cdata for n in networks for value in n.parameters()}
        self.inside_lstm = 0
        self.found: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        known = func._overloadpacket in flop_registry or func._overloadpacket in CHEAP
        if not (known or self.inside_lstm) and any(map(self._is_owned, tree_leaves(args))):
            self.found.add(str(func))
        return func(*args, **(kwargs or {}))

    def _is_owned(self, value: Any) -> bool:  # noqa: ANN401
        # Weights in oneDNN's order are a copy, and have no storage to ask for.
        if not isinstance(value, Tensor) or value.is_mkldnn:
            return False
        return value.untyped_storage()._cdata in self.owned


def lstm_macs(lstm: nn.LSTM, steps: int) -> int:
    """Multiply-adds of an LSTM: 4 hidden (input + hidden) a step, layer, direction; steps = batch x time."""
    directions = 2 if lstm.bidirectional else 1
    output = lstm.proj_size or lstm.hidden_size
    total = 0
    for layer in range(lstm.num_layers):
        width = lstm.input_size if layer == 0 else directions * output
        gates = 4 * lstm.hidden_size * (width + output)
        total += directions * steps * (gates + lstm.hidden_size * lstm.proj_size)
    return total


@contextmanager
def _lstm_watch(
    modules: Sequence[nn.Module], checker: _Uncounted, counter: FlopCounterMode
) -> Iterator[list[tuple[int, int]]]:
    """Notes of every LSTM that runs (multiply-adds by formula, FLOPs that the counter saw inside it)."""
    counted: list[tuple[int, int]] = []
    started: list[int] = []

    def before(lstm: nn.LSTM, _: tuple[Any, ...]) -> None:
        checker.inside_lstm += 1
        started.append(counter.get_total_flops())

    def after(lstm: nn.LSTM, inputs: tuple[Any, ...], _: object) -> None:
        checker.inside_lstm -= 1
        steps = inputs[0].numel() // inputs[0].shape[-1]
        counted.append((lstm_macs(lstm, steps), counter.get_total_flops() - started.pop()))

    lstms = {module for network in modules for module in network.modules() if isinstance(module, nn.LSTM)}
    handles = [hook for m in lstms for hook in (m.register_forward_pre_hook(before), m.register_forward_hook(after))]
    try:
        yield counted
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def count(work: Callable[[], object], networks: Sequence[nn.Module]) -> int:
    """Multiply-adds of a piece of work that runs networks, in the mode (training or not) in which they are.

    Args:
        work: called once.
        networks: their parameters must appear in counted operations only; their LSTMs are counted by formula.

    Raises: VadError naming operations that use parameters but are not counted: no silent undercount.
    """
    fast = torch.backends.mha.get_fastpath_enabled()
    checker, counter = _Uncounted(networks), FlopCounterMode(display=False)
    # Fused attention, of the fast path and of the CPU kernel, would count as nothing.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH), _lstm_watch(networks, checker, counter) as lstms, checker, counter:
            work()
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    if checker.found:
        raise VadError(
            f"{', '.join(sorted({type(n).__module__ for n in networks}))}: operations with parameters that are not"
            f" counted: {', '.join(sorted(checker.found))}. Use matmul or convolution, or add their formula."
        )
    # An LSTM may run as plain matrix products, which the counter sees: not to be added twice.
    return (counter.get_total_flops() - sum(seen for _, seen in lstms)) // 2 + sum(formula for formula, _ in lstms)


def macs(model: nn.Module, *inputs: Tensor, method: str = "forward") -> int:
    """Multiply-adds of one call in eval mode, for all that the inputs hold (batch 1 for numbers to compare).

    Args:
        model: put into eval mode for the call.
        inputs: what the method takes.
        method: `forward`, or `score` for what inference really does.

    Raises: VadError as `count` does.
    """
    was_training = model.training
    model.eval()
    try:
        # A direct call of forward would pass by the hooks of the network itself.
        return count(lambda: (model if method == "forward" else getattr(model, method))(*inputs), [model])
    finally:
        model.train(was_training)


def size_on_disk(model: nn.Module) -> int:
    """Bytes of the weights file: parameters and buffers as safetensors, without the config that rides along."""
    return len(save({name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}))
