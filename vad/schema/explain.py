"""What pydantic refused, in this project's words: path, what, value, and the nearest known key."""

from typing import Any

from pydantic import BaseModel, ValidationError

from vad.errors import nearest


def explain(error: ValidationError, schema: type[BaseModel], prefix: str = "") -> list[str]:
    """One line per mistake: its path, what is wrong, the value, and for an unknown key the nearest known one.

    Args:
        error: what validation by `schema` raised.
        schema: the section or plugin Config that was asked for.
        prefix: the dotted path of the section in params.yaml.
    """
    lines = []
    for item in error.errors(include_url=False):
        where = ".".join(str(part) for part in (prefix, *item["loc"]) if part != "" and not _is_mark(part))
        if item["type"] == "extra_forbidden":
            lines.append(f"{where}: unknown key.{nearest(str(item['loc'][-1]), _keys(schema, item['loc'][:-1]))}")
        elif item["type"] == "missing":
            lines.append(f"{where}: missing")
        elif item["type"] == "value_error" and "ctx" in item:  # in our words already; the input may be a whole section
            got = "" if isinstance(item["input"], dict) else f", got {item['input']!r}"
            lines.append(f"{where}: {item['ctx']['error']}{got}")
        else:
            lines.append(f"{where}: {item['msg']}, got {item['input']!r}")
    return lines


def _is_mark(part: int | str) -> bool:
    """Whether a part of a location is pydantic's `[key]` or the tag of one of several forms, and no key of the file."""
    return isinstance(part, str) and part.startswith("[")


def _keys(schema: Any, location: tuple[int | str, ...]) -> list[str]:  # noqa: ANN401 - a type annotation
    """The keys that the schema knows at a place."""
    for part in location:
        if _is_mark(part) and part != "[key]":
            forms = [(form.__metadata__, form.__origin__) for form in getattr(schema, "__args__", ())]
            schema = next((kind for marks, kind in forms if any(mark.tag == part for mark in marks)), None)
        elif isinstance(schema, type) and issubclass(schema, BaseModel):
            schema = schema.model_fields[str(part)].annotation if str(part) in schema.model_fields else None
        else:
            schema = next((a for a in getattr(schema, "__args__", ())[::-1] if a is not type(None)), None)
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        schema = next(
            (a for a in getattr(schema, "__args__", ()) if isinstance(a, type) and issubclass(a, BaseModel)), None
        )
    return list(schema.model_fields) if schema else []
