"""The section `schedules` of params.yaml: training settings that several variants share.

A variant names one by `train: {schedule: NAME}`; keys beside it win. Schedules are put in their place before anything
else looks at the file, so that the rest of the project sees a full `train` of every variant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from vad.errors import nearest
from vad.schema.explain import explain
from vad.schema.train import Train


def mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any YAML value
    """A mapping as it is; an empty one in place of anything else, which the shape refuses."""
    return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True)
class Resolved:
    """The tree of params.yaml without schedules.

    Attributes:
        tree: params.yaml with the full `train` of every variant.
        problems: what is wrong with schedules, and with the names of schedules.
        reported: dotted keys of variants where a further message would repeat one of `problems`.
        unused: schedules that no variant names.
    """

    tree: dict[str, Any]
    problems: list[str] = field(default_factory=list)
    reported: set[str] = field(default_factory=set)
    unused: list[str] = field(default_factory=list)


def resolve(tree: Mapping[str, Any]) -> Resolved:
    """Put each schedule in the place of its name."""
    schedules, variants = tree.get("schedules"), tree.get("variants")
    schedules = mapping(schedules)
    if not isinstance(variants, Mapping):
        return Resolved(dict(tree))
    result = Resolved(dict(tree))
    wrong = {name: _problems(str(name), keys) for name, keys in schedules.items()}
    result.problems.extend(problem for problems in wrong.values() for problem in problems.values())
    used, merged = set(), {}
    for key, variant in variants.items():
        train = variant.get("train") if isinstance(variant, Mapping) else None
        if not isinstance(train, Mapping) or "schedule" not in train:
            merged[key] = variant
            continue
        own = {name: value for name, value in train.items() if name != "schedule"}
        where, name = f"variants.{key}.train", train["schedule"]
        if "weights" in own:
            result.problems.append(f"{where}.schedule: weights takes no schedule, nothing is trained. Remove schedule")
            used.add(name if isinstance(name, str) else "")
            merged[key] = {**variant, "train": own}
            continue
        if isinstance(name, str) and name in schedules:
            used.add(name)
            shared = mapping(schedules[name])
            silent = set(wrong[name]) if isinstance(schedules[name], Mapping) else set(Train.model_fields)
        else:
            known = [str(schedule) for schedule in schedules]
            result.problems.append(f"{where}.schedule: no schedule called {name!r}.{nearest(str(name), known)}")
            shared, silent = {}, set(Train.model_fields)
        result.reported.update(f"{where}.{word}" for word in silent - set(own))
        merged[key] = {**variant, "train": {**shared, **own}}
    result.tree["variants"] = merged
    result.unused.extend(str(name) for name in schedules if name not in used)
    return result


def _problems(name: str, keys: Any) -> dict[str, str]:  # noqa: ANN401 - any YAML value
    """What is wrong with a schedule, by key; a key that is missing may stand beside its name in a variant."""
    try:
        Train.model_validate(keys)
    except ValidationError as error:
        if not isinstance(keys, Mapping):
            return {}  # the shape of the whole file says so
        lines = [line for line in explain(error, Train, f"schedules.{name}") if not line.endswith(": missing")]
        return {line.partition(": ")[0].removeprefix(f"schedules.{name}."): line for line in lines}
    return {}
