"""File names of the pages and of the assets they are made from; imported by the plan, so it makes nothing."""

from collections.abc import Iterable

from vad.pages.shell import PAGE_SCRIPTS, PAGE_STYLES

SHARED = "assets"
"""Folder with the scripts and styles of the pages of a data set's videos."""
MOST_VARIANTS = 50
"""In the page of a video: with more, the best validated ones are shown."""
INDEX = "index.html"
"""The page of all results; in a folder of a data set, the list of its test videos."""
INDEX_SCRIPTS = ("uPlot.iife.min.js", "site_plots.js", "site.js")
INDEX_STYLES = ("uPlot.min.css", "common.css", "site.css")
"""Scripts and styles inside the page of all results, in the order in which they are loaded."""
VIDEO_ASSETS = (
    *("document.html", "page.html", *PAGE_SCRIPTS, *PAGE_STYLES),
    *("overview.html", "overview.css", "overview.js"),
)
"""What the pages of test videos and their list are made from."""
INDEX_ASSETS = ("document.html", "site.html", *INDEX_SCRIPTS, *INDEX_STYLES)
"""What the page of all results is made from."""


def asset_files(names: Iterable[str]) -> tuple[str, ...]:
    """The files of `vad` that go into pages, as a project names them.

    Args:
        names: of files in `vad/pages/assets`.
    """
    return tuple(f"vad/pages/assets/{name}" for name in names)


def page_name(video_id: str) -> str:
    """The file name of the page of a video; never that of the list."""
    return f"{video_id}_scores.html"


def page_files(video_ids: Iterable[str]) -> list[str]:
    """Every file in the folder of the pages of a data set's videos.

    Args:
        video_ids: of its test list.
    """
    shared = [f"{SHARED}/{name}" for name in (*PAGE_SCRIPTS, *PAGE_STYLES)]
    return [INDEX, *map(page_name, video_ids), *shared]
