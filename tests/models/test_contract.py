"""A model file that breaks the contract is refused, with what to do about it."""

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from vad.errors import VadError
from vad.models import _contract as contract
from vad.models._base import Scores
from vad.schema.base import Count, Section


class Config(Section):
    """Settings of bags and of windows."""

    bag_segments: Count = 4
    window: Count = 2
    stride: Count = 1


class Model:
    """Says all that it must."""

    supervision, sampling, level = "weak", "bags", "frame"

    def loss(self, batch: Tensor) -> dict[str, Tensor]:
        """One term."""
        return {"term": batch.mean()}

    def score(self, features: Tensor) -> Scores:
        """One a bag."""
        return Scores(features.mean((1, 2)), features.mean(2))


def file(config: type | None = Config, **members: Any) -> ModuleType:
    """A model file whose Model differs in some members."""
    module = ModuleType("model")
    module.__dict__.update(Config=config, Model=type("Model", (Model,), members))
    return module


def test_a_whole_file_has_no_problem() -> None:
    """Nothing is found in what keeps the contract, one way or the other."""
    assert [] == list(contract.problems(file()))
    assert [] == list(contract.problems(file(supervision="normal_only", sampling="windows")))


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (file(None), "class Config"),
        (file(supervision="strong"), "Model.supervision must be 'weak' or 'normal_only', got 'strong'"),
        (file(sampling="window"), "Model.sampling must be 'bags' or 'windows'"),
        (file(level=None), "Model.level must be"),
        (file(score=None), "no method score"),
        (file(supervision="normal_only"), "goes with sampling 'windows', got 'bags'"),
        (file(Section), "Config.bag_segments"),
        (file(Section, supervision="normal_only", sampling="windows"), "Config.window"),
    ],
)
def test_what_is_wrong_is_named(module: ModuleType, words: str) -> None:
    """What it is, what it should be, and where that is explained."""
    found = list(contract.problems(module))

    assert any(words in problem for problem in found)
    assert all(contract.SEE in problem for problem in found)


def test_a_level_may_come_from_the_settings() -> None:
    """A model with a setting `level` need not say it as a class."""

    class Both(Config):
        level: str = "frame"

    assert [] == list(contract.problems(file(Both, level=None)))


@pytest.mark.parametrize(
    ("terms", "words"), [(torch.ones(()), "not a dict"), ({"a": torch.ones(2)}, r"'a' is of shape \(2,\)")]
)
def test_a_loss_must_give_named_numbers(terms: object, words: str) -> None:
    """A bare tensor and a term that was not reduced are refused."""
    with pytest.raises(VadError, match=words):
        contract.checked_terms(Model(), terms)


SHAPES = [
    (torch.ones(3), "score gave of shape"),
    (Scores(torch.ones(3, 1), torch.ones(3, 4)), r"video of shape \(3, 1\)"),
    (Scores(torch.ones(3), None), "of one row a bag"),
    (Scores(torch.ones(3), torch.ones(2, 4)), r"steps of shape \(2, 4\)"),
]


@pytest.mark.parametrize(("scores", "words"), SHAPES)
def test_scores_must_be_one_a_sample(scores: object, words: str) -> None:
    """Three bags at level frame need three scores and three rows of steps."""
    with pytest.raises(VadError, match=words):
        contract.checked_scores(Model(), scores, 3)


def test_right_scores_pass() -> None:
    """As they are; windows have no steps."""
    bags, windows = Scores(torch.ones(3), torch.ones(3, 4)), Scores(torch.ones(3), None)

    assert bags is contract.checked_scores(Model(), bags, 3)
    assert windows is contract.checked_scores(SimpleNamespace(sampling="windows", level="frame"), windows, 3)
    with pytest.raises(VadError, match=r"steps None\)"):
        contract.checked_scores(SimpleNamespace(sampling="windows", level="frame"), bags, 3)
