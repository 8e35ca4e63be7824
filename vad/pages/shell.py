"""An HTML file around data, which are text that cannot run.

Scripts and styles are inline and allowed by their hash only; pages of one folder may share them as files.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vad.artefacts.files import write_text

POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; img-src {images}; media-src 'self' file:;"
    " base-uri 'none'; form-action 'none'"
)
"""What a browser may load for a page: its own inline parts or files beside it, pictures, and a film beside it."""
BESIDE = "'self' file:"
"""Files beside a page, both when it is served and when it is opened as a file."""

PAGE_SCRIPTS = ("uPlot.iife.min.js", "page.js")
PAGE_STYLES = ("uPlot.min.css", "common.css", "page.css")
"""Of the page of a video."""


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


def filled(
    main: str,
    title: str,
    data: Any,  # noqa: ANN401 - any JSON value
    scripts: Sequence[str],
    styles: Sequence[str],
    shared: str | None = None,
    pictures: bool = False,
) -> str:
    """A whole HTML file.

    Args:
        main: name of an HTML file in `assets/`: what stands inside `<main>`.
        title: any text.
        data: any JSON value; the scripts read it from the element `data`.
        scripts: names in `assets/`, run in this order.
        styles: names in `assets/`.
        shared: folder beside the page in which scripts and styles lie (`write_shared`); None = they are in the page.
        pictures: whether pictures from files may be shown.
    """
    if shared is None:
        script, style = "\n".join(map(asset, scripts)), "\n".join(map(asset, styles))
        sources = {"script": _hash(script), "style": _hash(style)}
        style, script = f"<style>{style}</style>", f"<script>{script}</script>"
    else:
        sources = {"script": BESIDE, "style": BESIDE}
        style = "\n".join(f'<link rel="stylesheet" href="{shared}/{name}">' for name in styles)
        script = "\n".join(f'<script src="{shared}/{name}"></script>' for name in scripts)
    policy = POLICY.format(**sources, images=f"data: {BESIDE}" if pictures else "data:")
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


def write_shared(folder: Path, names: Sequence[str]) -> None:
    """Write scripts and styles once for all pages of a folder.

    Args:
        folder: beside the pages, the `shared` of `filled`.
        names: in `assets/`.
    """
    for name in names:
        write_text(folder / name, asset(name))


def _hash(text: str) -> str:
    """The source expression of an inline part for a Content-Security-Policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def address(name: str) -> str:
    """A relative link to a file of the same folder, whatever its name; never one with a scheme."""
    return f"./{quote(name, safe='')}"
