"""What can be counted about claims on networks of this project: parameters and multiply-adds.

Models and torch are imported inside the functions: reading the ledger and its arithmetic need none.
"""

from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import NamedTuple

from vad.claims.arithmetic import Claims, Computed


class Size(NamedTuple):
    """A network's parameters, and the multiply-adds of one call."""

    values: int
    macs: int | None


class Network(NamedTuple):
    """A network that claims are checked with.

    Attributes:
        module: the model's file.
        settings: of its Config; what is not named has its default.
        width: of a feature vector.
        rows: of the bag whose multiply-adds are counted; None counts none.
    """

    module: ModuleType
    settings: dict[str, str]
    width: int
    rows: int | None


X3D_WIDTH = 192
"""Channels of X3D's activations."""
EFFICIENT_VAD_WIDTH = 960
"""Width of the feature vectors of Efficient-VAD."""


@cache
def networks() -> dict[str, Network]:
    """The networks that claims are checked with, by name."""
    from vad.models import lstm_memory_ae, mstsm, stead

    return {
        "memtsm": Network(mstsm, {"preset": "claim"}, 128, 32),
        "memtsm_distance": Network(mstsm, {"preset": "claim", "third_statistic": "distance"}, 128, 32),
        "stead_fast": Network(stead, {"preset": "fast"}, X3D_WIDTH, None),
        "stead_base": Network(stead, {"preset": "base"}, X3D_WIDTH, None),
        "efficient_vad": Network(lstm_memory_ae, {}, EFFICIENT_VAD_WIDTH, None),
    }


@cache
def size(name: str) -> Size:
    """Parameters and multiply-adds of one of `networks`."""
    import torch

    from vad.cost.count import macs, parameters

    module, settings, width, rows = networks()[name]
    torch.manual_seed(0)
    network = module.Model(module.Config.model_validate(settings), width)
    counted = None if rows is None else macs(network, torch.zeros(1, rows, width))
    return Size(parameters(network).total, counted)


def _in_millions(name: str, claim: str) -> Callable[[Claims], dict[str, Computed]]:
    def check(claims: Claims) -> dict[str, Computed]:
        values, printed = size(name).values, claims[claim].value
        return {claim: Computed(_rounds_to(values, printed), f"{values:,} parameters, counted in our own network")}

    return check


def _stead_fast(claims: Claims) -> dict[str, Computed]:
    values = size("stead_fast").values
    return {"R09": Computed(values == int(claims["R09"].value), f"{values:,} parameters, counted in our own network")}


def _efficient_vad(claims: Claims) -> dict[str, Computed]:
    """Width of a feature vector, memory slots and their width, as our own network has them without any setting."""
    network = networks()["efficient_vad"]
    config, width = network.module.Config.model_validate(network.settings), network.width
    own = (width, config.memory_slots, config.latent_width)
    holds = own == tuple(int(part) for part in claims["E21"].value.split("/"))
    values = size("efficient_vad").values
    return {"E21": Computed(holds, f"our own network with {own[0]} / {own[1]} / {own[2]} has {values:,} parameters")}


def _memtsm_macs(claims: Claims) -> dict[str, Computed]:
    """As published; and what the statistic adds with which `mstsm_claim` is trained here, so that its row has more."""
    counted, more = (size(name).macs or 0 for name in ("memtsm", "memtsm_distance"))
    text = (
        f"{counted:,} multiply-adds for a bag of 32, counted in our own network without its extractor, as published"
        f" (`preset: claim`); with `third_statistic: distance` in a variant's `model_args` there are"
        f" {more - counted:,} more, {more:,} in all"
    )
    printed = claims["R12"].value
    return dict.fromkeys(("R12", "R15"), Computed(_rounds_to(counted, printed), text))


def _rounds_to(count: int, millions: str) -> bool:
    """True if a count, rounded to the printed digits, is the number printed in millions."""
    return f"{count / 1e6:.{len(millions.partition('.')[2])}f}" == millions


def _smaller(claims: Claims) -> dict[str, Computed]:
    own, other = size("memtsm").values, size("stead_fast").values
    text = f"STEAD-Fast has {other:,} parameters, {own / other:.1f} times fewer than {own:,}"
    return {"R17": Computed(other < own, text)}


CHECKS: Mapping[str, Callable[[Claims], dict[str, Computed]]] = {
    "memtsm_size": _in_millions("memtsm", "R10"),
    "stead_base_size": _in_millions("stead_base", "R11"),
    "stead_fast_size": _stead_fast,
    "efficient_vad_size": _efficient_vad,
    "memtsm_macs": _memtsm_macs,
    "memtsm_against_stead_size": _smaller,
}
"""Every count by the name that the ledger has for it."""
