"""The schema of params.yaml that editors use: it knows the keys of every plugin."""

from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from tests.project import ROOT
from vad.documentation import json_schema


@pytest.fixture(scope="module")
def errors() -> Callable[[Any], list[str]]:
    """The errors of a tree: where each is."""
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    return lambda tree: [f"{error.json_path} {error.message}" for error in validator.iter_errors(tree)]


@pytest.fixture
def tree() -> dict[str, Any]:
    """The checked-in params."""
    return YAML(typ="safe").load(ROOT / "params.yaml")


def test_the_shipped_params_fit(errors: Callable[[Any], list[str]], tree: dict[str, Any]) -> None:
    """No error for what the loader accepts."""
    assert [] == errors(tree)


@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        (("features", "xfeat"), "sise", 3),
        (("features", "xfeat"), "extractor", "nope"),
        (("features", "xfeat"), "size", 3.5),
        (("datasets", "mini_crime"), "train_videoss", 8),
        (("datasets", "mini_crime"), "kind", "nope"),
        (("variants", "c3d_mil", "model_args"), "dropuot", 1),
        (("variants", "stpvad", "model_args", "encoder"), "dept", 1),
        (("variants", "c3d_mil"), "model", "nope"),
        (("variants", "c3d_mil"), "trian", {}),
        (("variants",), "../up", {}),
        ((), "report", None),
    ],
)
def test_a_wrong_key_or_value_is_named(
    errors: Callable[[Any], list[str]], tree: dict[str, Any], place: tuple[str, ...], key: str, value: Any
) -> None:
    """Each mistake in the settings of a plugin, or in an entry's own, is an error at its place."""
    inner = tree
    for part in place:
        inner = inner[part]
    inner[key] = value
    found = errors(tree)

    assert found
    assert all(error.startswith(".".join(("$", *place))) for error in found)
    assert any(key in error for error in found)
