"""Settings of plugins are read without torch, and nothing is called right that the whole check would refuse."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import vad.datasets
import vad.extractors
import vad.models
from tests.project import PARAMS, ROOT
from vad import registry, without_torch
from vad.params import load
from vad.schema.params import Params
from vad.starts_check import known_starts

KNOWN = [f"{p.__name__}.{n}" for p in (vad.datasets, vad.extractors, vad.models) for n in registry.names(p)]
PLUGIN = """\
import torch
from torch import Tensor, nn
from vad.schema.base import Count, Section
from vad.models._base import VideoModel

SIZES = {"small": 3}
LAYER = nn.Linear(2, 2)
BUILT = LAYER
ADDED, CALLED, KEPT = {"plain": 1}, [1], [1]
ADDED["layer"] = LAYER
CALLED.append(nn.ReLU())
KEPT.append(2)

class Config(Section):
    width: Count = SIZES["small"]

    def layer(self):
        return nn.Linear(self.width, 1)

class Net(nn.Module):
    depth = 2

class Model(Net, VideoModel):
    supervision = "weak"

    def score(self, features: Tensor) -> Tensor:
        return features

NET = Net()

def apply(features: Tensor) -> Tensor:
    return torch.relu(features)
"""


def light(path: Path, text: str) -> ModuleType:
    """A module with this text, loaded without torch."""
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("example", path, loader=without_torch._Finder())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answer(text: str, known: list[str]) -> tuple[dict[str, object], str]:
    """What the check says as a program that knows some plugins, and the modules that it imported."""
    command = [sys.executable, "-X", "importtime", "-m", "vad.params_check", "params.yaml", *known]
    done = subprocess.run(command, input=text, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_what_is_left_of_a_plugin(tmp_path: Path) -> None:
    """Settings and constants stay; networks, what is made of them, and functions of tensors do not."""
    module = light(tmp_path / "example.py", PLUGIN)

    assert 3 == module.Config().width
    assert ("weak", 2) == (module.Model.supervision, module.Net.depth)
    assert "score" not in vars(module.Model)
    assert [1, 2] == module.KEPT
    assert not {"torch", "nn", "LAYER", "BUILT", "ADDED", "CALLED", "NET", "apply"} & set(vars(module))


def test_settings_that_need_torch_are_refused(tmp_path: Path) -> None:
    """Half a class of settings would accept what the whole one refuses."""
    text = PLUGIN.replace("    def layer(self)", "    def layer(self, like: Tensor)")

    with pytest.raises(ImportError, match=r"example\.Config needs torch"):
        light(tmp_path / "example.py", text)


def test_shipped_params_are_checked_without_torch() -> None:
    """With every plugin known: the same params as by the whole check, and torch is not imported."""
    path = ROOT / "params.yaml"
    params = load(path)
    found, imported = answer(path.read_text(), [*KNOWN, known_starts(params.model_dump(mode="json")["variants"])])

    assert params == Params.model_validate(found["params"])
    assert " torch\n" not in imported
    assert " numpy\n" in imported


@pytest.mark.parametrize(
    ("old", "new", "known"),
    [
        ("{hidden_width: 8}", "{hidden_widht: 8}", KNOWN),
        ("{hidden_width: 8}", "{hidden_width: 9}", [name for name in KNOWN if name != "vad.models.c3d_mil"]),
    ],
)
def test_a_problem_or_an_unknown_plugin_is_left_to_the_whole_check(old: str, new: str, known: list[str]) -> None:
    """Only that everything is right can be said without torch."""
    found, _ = answer(PARAMS.replace(old, new), known)

    assert {"torch": True} == found
