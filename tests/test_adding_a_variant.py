"""The example of docs/adding-a-variant.md is a whole model, not a sketch."""

import re
from types import ModuleType

import numpy as np
import pytest
import torch
import yaml

from stages.plan.asked import Asked
from tests.project import ROOT
from vad.engine.batches import set_for
from vad.engine.parts import Part
from vad.engine.score import video_scores
from vad.engine.train import train
from vad.models import _contract as contract
from vad.params import load
from vad.schema.params import Variant

PAGE = (ROOT / "docs/adding-a-variant.md").read_text()


def examples(language: str) -> list[str]:
    """The code blocks of a language, in the order of the page."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("name", ["line", "deep_svdd"])
def test_the_examples_train_and_tell_anomalies(name: str) -> None:
    """Each with the settings of its entry, on noise with a jump in anomalous videos."""
    entries = [yaml.safe_load(text) for text in examples("yaml")]
    (code, entry) = next((c, e[name]) for c, e in zip(examples("python"), entries, strict=True) if name in e)
    module = ModuleType(name)
    exec(compile(code, "docs/adding-a-variant.md", "exec"), module.__dict__)
    variant = Variant.model_validate(entry)
    torch.manual_seed(0)
    model = module.Model(module.Config(**variant.model_args), 8)
    rng = np.random.default_rng(0)
    videos = [rng.normal(size=(24, 8)).astype(np.float32) for _ in range(24)]
    for video in videos[1::2]:
        video[8:14] += 4
    parts = [Part(videos[at : at + 8], [0, 1] * 4) for at in (0, 8, 16)]
    model.load_state_dict(train(model, parts[0], parts[1], variant.train, 0).state)
    scores = video_scores(model.eval(), set_for(model, parts[2]))

    assert [] == list(contract.problems(module))
    assert scores[1::2].min() > scores[::2].max()


def test_the_narrow_target_exists() -> None:
    """The page names a target of room evaluate; there is one for each entry of params.yaml."""
    asked = Asked(load(ROOT / "params.yaml"))

    assert "snakemake --cores all evaluate_NAME" in PAGE
    assert {f"evaluate_{name}" for name in asked.installed.params.variants} <= {name for name, _ in asked.targets()}
