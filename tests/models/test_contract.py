"""A model file that breaks the contract is refused, with what to do about it."""

import re
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.project import ROOT
from vad.errors import VadError
from vad.models import _contract as contract
from vad.models._base import Bags, Scores, VideoModel, Windows, defines, hooks
from vad.schema.base import Count, Section


class Config(Section):
    """Settings of bags and of windows."""

    bag_segments: Count = 4
    window: Count = 2
    stride: Count = 1


class Model(VideoModel):
    """Says all that it must."""

    supervision, sampling, level = "weak", "bags", "frame"

    def loss(self, batch: Bags | Windows) -> dict[str, Tensor]:
        """One term."""
        return {"term": batch.features.mean()}

    def score(self, features: Tensor) -> Scores:
        """One a bag."""
        return Scores(features.mean((1, 2)), features.mean(2))


class WindowModel(Model):
    """The same for windows."""

    supervision, sampling = "normal_only", "windows"


def file(config: type | None = Config, base: type = Model, **members: Any) -> ModuleType:
    """A model file whose Model differs in some members."""
    module = ModuleType("model")
    module.__dict__.update(Config=config, Model=type("Model", (base,), members))
    return module


def test_a_whole_file_has_no_problem() -> None:
    """Nothing is found in what keeps the contract, one way or the other."""
    assert [] == list(contract.problems(file()))
    assert [] == list(contract.problems(file(supervision="normal_only", sampling="windows")))
    assert [] == list(contract.problems(file(_helper=lambda self: None, forward=lambda self, features: features)))


def no_self() -> None:
    """A hook that forgot its parameters."""


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (file(None), "class Config"),
        (file(base=nn.Module), "class Model(VideoModel)"),
        (file(supervision="strong"), "Model.supervision must be 'weak' or 'normal_only', got 'strong'"),
        (file(sampling="window"), "Model.sampling must be 'bags' or 'windows'"),
        (file(level=None), "Model.level must be"),
        (file(score=None), "Model.score must be a method"),
        (file(base=VideoModel, supervision="weak", sampling="bags", level="frame"), "no method score"),
        (file(supervision="normal_only"), "goes with sampling 'windows', got 'bags'"),
        (file(Section), "Config.bag_segments"),
        (file(Section, supervision="normal_only", sampling="windows"), "Config.window"),
        (file(calibrat=no_self), "Model.calibrat: no such hook. Did you mean 'calibrate'? Known: "),
        (file(calibrat=no_self), "A helper of the model's own begins with an underscore."),
        (file(use_clips=True), "Model.use_clips: no such hook. Did you mean 'uses_clips'?"),
        (file(ratio=property(no_self)), "Model.ratio: no such hook."),
        (file(smooth=no_self), "Model.smooth takes (), the hook is called with (self, scores)"),
        (file(smooth=lambda self, values: values), "takes (self, values), the hook is called with (self, scores)"),
        (file(score=lambda self, features, clips, more: None), "takes (self, features, clips, more)"),
        (file(scores_own_rows=lambda self: True), "Model.scores_own_rows is a method, but the hook is a value."),
        (file(mix=lambda self, components, ranges: None), "defines one of score_sequence and mix"),
        (file(makes_pictures=True), "defines one of makes_pictures and pictures"),
    ],
)
def test_what_is_wrong_is_named(module: ModuleType, words: str) -> None:
    """What it is, what it should be, and where that is explained."""
    found = list(contract.problems(module))

    assert any(words in problem for problem in found), found
    assert all(contract.SEE in problem for problem in found)


def test_all_wrong_hooks_are_named_together() -> None:
    """One problem for each."""
    found = list(contract.problems(file(calibrat=no_self, prepair=no_self)))

    assert ["Model.calibrat", "Model.prepair"] == [problem.partition(":")[0] for problem in found]


def test_a_level_may_come_from_the_settings() -> None:
    """A model with a setting `level` need not say it as a class."""

    class Both(Config):
        level: str = "frame"

    assert [] == list(contract.problems(file(Both, level=None)))


@pytest.mark.parametrize("row", [("a(", "b"), ("a", r"\1"), "abc", ("a", 3)])
def test_released_names_are_pairs_of_pattern_and_replacement(row: object) -> None:
    """A row that could not be used is shown with what is wrong with it."""
    (problem,) = contract.problems(file(released_names=[("a", None), (r"(a)", r"\1"), row]))

    assert f"Model.released_names: {row!r} is no (regular expression" in problem


def test_what_a_model_defines() -> None:
    """A hook counts where the class or one above it replaces the default."""
    model = WindowModel()

    assert defines(model, VideoModel.score)
    assert not defines(model, VideoModel.calibrate)


def test_every_hook_is_explained() -> None:
    """In the base class where it is a method, and in the table of docs/adding-a-variant.md, which has no other."""
    table = re.findall(r"^\| (`.*?) \|", (ROOT / "docs/adding-a-variant.md").read_text(), re.MULTILINE)
    named = [name for cell in table for name in re.findall(r"`(\w+)", cell)]

    assert hooks() == sorted(named)
    assert [] == [
        name for name in hooks() if callable(vars(VideoModel).get(name)) and not vars(VideoModel)[name].__doc__
    ]


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (torch.ones(()), r"loss gave a tensor of shape \(\), not a dict of named terms"),
        ({"a": torch.ones(2)}, r"'a' is a tensor of shape \(2,\)"),
    ],
)
def test_a_loss_must_give_named_numbers(terms: object, words: str) -> None:
    """A bare tensor and a term that was not reduced are refused."""
    with pytest.raises(VadError, match=words):
        contract.checked_terms(Model(), terms)


SHAPES = [
    (torch.ones(3), "score gave a tensor of shape"),
    (None, "score gave NoneType"),
    (Scores(torch.ones(3, 1), torch.ones(3, 4)), r"video a tensor of shape \(3, 1\)"),
    (Scores(torch.ones(3), None), "of one row a bag"),
    (Scores(torch.ones(3), torch.ones(2, 4)), r"positions a tensor of shape \(2, 4\)"),
]


@pytest.mark.parametrize(("scores", "words"), SHAPES)
def test_scores_must_be_one_a_sample(scores: object, words: str) -> None:
    """Three bags at level frame need three scores and three rows of positions."""
    with pytest.raises(VadError, match=words):
        contract.checked_scores(Model(), scores, 3)


def test_right_scores_pass() -> None:
    """As they are; windows have no positions."""
    bags, windows = Scores(torch.ones(3), torch.ones(3, 4)), Scores(torch.ones(3), None)

    assert bags is contract.checked_scores(Model(), bags, 3)
    assert windows is contract.checked_scores(WindowModel(), windows, 3)
    with pytest.raises(VadError, match=r"positions None\)"):
        contract.checked_scores(WindowModel(), bags, 3)
