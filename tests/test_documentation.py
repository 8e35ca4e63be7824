"""The schema of params.yaml that editors use: it knows the keys of every plugin."""

from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from tests.project import ROOT
from vad.documentation import json_schema, reference, with_results
from vad.schema.report import Published


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


README = "a\n<!-- results -->\nold\n<!-- /results -->\nb | c\n"
RESULTS = """\
variant,dataset,extractor_weights,frame_auc,frame_auc_std,frame_auc_low,frame_auc_high,video_auc,video_auc_std,\
video_auc_low,video_auc_high
first,one,xfeat 0f,0.5,0.01,0.4,0.6,0.7,0.02,0.6,0.8
second,two,random (seed 3),,,,,0.7,0.02,0.6,0.8
third,two,none,0.9,0.01,0.4,0.6,,,,
"""


def test_the_readme_has_one_row_for_each_system() -> None:
    """The first variant with a result that no earlier system has; the rest of the text stays as it is."""
    published = {"memtsm_1": ["absent", "first"], "memtsm_2": ["third"], "mstsm_ablation": ["first", "second"]}
    head, _, tail = README.partition("old\n")
    text = with_results(README, RESULTS, published)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]

    assert rows[2:] == [
        ["MemTSM-Net", "`first`", "one", "0.500 ± 0.010 [0.400, 0.600]", "0.700 ± 0.020 [0.600, 0.800]"],
        ["MSTSM", "`second †`", "two", "-", "0.700 ± 0.020 [0.600, 0.800]"],
    ]
    assert text.startswith(head)
    assert text.endswith(tail)
    assert with_results(text, RESULTS, published) == text


def test_every_published_table_names_its_system() -> None:
    """Descriptions begin with one of five systems and a comma."""
    assert len({str(field.description).partition(",")[0] for field in Published.model_fields.values()}) == 5
    assert all("," in str(field.description) for field in Published.model_fields.values())
