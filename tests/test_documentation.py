"""The schema of params.yaml that editors use: it knows the keys of every plugin."""

from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from tests.project import ROOT
from vad.documentation import json_schema, reference


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
        (("variants", "mnad", "train"), "epochss", 3),
        (("variants", "mnad", "train"), "schedule", 3),
        (("schedules", "mnad_published"), "epochss", 3),
        (("schedules", "mnad_published"), "schedule", "mil_small"),
        (("schedules",), "../up", {}),
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


def test_train_needs_a_schedule_or_every_key(errors: Callable[[Any], list[str]], tree: dict[str, Any]) -> None:
    """A schedule stands for the keys without a default; without one each of them must be there."""
    del tree["variants"]["mnad"]["train"]["schedule"]

    assert [error.split(" ")[0] for error in errors(tree)] == ["$.variants.mnad.train"]


def test_every_key_has_a_meaning() -> None:
    """No cell of docs/params.md is empty."""
    rows = [line for line in reference().splitlines() if line.startswith("| `")]

    assert len(rows) > 100
    assert [row for row in rows if any(not cell.strip() for cell in row.strip("|").split("|"))] == []


def test_a_default_of_a_section_is_that_of_its_keys() -> None:
    """The rule of `threshold_normal_only` is not the one that `threshold` has by default."""
    rule = next(line for line in reference().splitlines() if line.startswith("| `threshold_normal_only.rule`"))

    assert '| `"quantile"` |' in rule
    assert "where the validation part is all normal" in rule


def test_the_section_shown_to_users_fits(errors: Callable[[Any], list[str]], tree: dict[str, Any]) -> None:
    """The variant of docs/your-own-videos.md can be put into the section `variants` as it stands."""
    page = (ROOT / "docs/your-own-videos.md").read_text()
    shown = YAML(typ="safe").load(page.split("```yaml\n")[1].split("```")[0])

    assert [] == errors({**tree, "variants": {**tree["variants"], **shown}})
