"""An HTML file around data: everything is inline and allowed by its hash only; the data are text that cannot run."""

import base64
import hashlib
import html
import json
import re
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import quote

POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; img-src data:; media-src 'self' file:;"
    " base-uri 'none'; form-action 'none'"
)
"""What a browser may load for a page: its own inline parts, and a film beside it."""


@cache
def asset(name: str) -> str:
    """The text of a file in `assets/`."""
    return (resources.files("vad.pages") / "assets" / name).read_text(encoding="utf-8")


def json_text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """A value as JSON that may stand inside `<script type="application/json">`.

    Without `<`, `>` and `&` no text in it can end the element or begin another one.

    Raises: ValueError for NaN and infinity, which are not JSON.
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def filled(main: str, title: str, data: Any, scripts: list[str], styles: list[str]) -> str:  # noqa: ANN401
    """A whole HTML file.

    Args:
        main: name of an HTML file in `assets/`: what stands inside `<main>`.
        title: any text.
        data: any JSON value; the scripts read it from the element `data`.
        scripts: names in `assets/`, run in this order.
        styles: names in `assets/`.
    """
    script, style = "\n".join(map(asset, scripts)), "\n".join(map(asset, styles))
    policy = POLICY.format(script=_hash(script), style=_hash(style))
    parts = {
        "main": asset(main),
        "title": html.escape(title),
        "policy": html.escape(policy, quote=True),
        "data": json_text(data),
        "script": script,
        "style": style,
    }
    # In one pass: a title or data that look like a place are not filled again.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], asset("document.html"))


def _hash(text: str) -> str:
    """The source expression of an inline part for a Content-Security-Policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def address(name: str) -> str:
    """A relative link to a file of the same folder, whatever its name; never one with a scheme."""
    return f"./{quote(name, safe='')}"
