"""Show a folder of pages in a browser of this machine: what `vad score` wrote, or the pages of a report."""

import argparse
import webbrowser
from pathlib import Path

from vad.errors import ArtefactError
from vad.pages.serve import Server

SITE = "site/index.html"
"""The page of all results in a folder of reports; it links to tables beside its own folder."""


def add_flags(flags: argparse.ArgumentParser) -> None:
    """Add the flags of the verb to a parser."""
    flags.add_argument("folder", nargs="?", type=Path, default=Path("reports"), metavar="DIR", help="default: reports")
    flags.add_argument("--port", type=int, default=0, help="of the loopback address; default: a free one")
    flags.add_argument("--open", action="store_true", help="open the address in the default browser")


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C.

    Returns: exit code 0.

    Raises: ArtefactError if there is no page in the folder, or the port cannot be used.
    """
    pages = _pages(args.folder)
    with _server(args.folder, args.port) as server:
        addresses = [server.address(page) for page in pages]
        print("\n".join(addresses), flush=True)
        print("Only this machine can read it, with this address. Ctrl-C ends it.", flush=True)
        if args.open:
            webbrowser.open(addresses[0])
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


def _pages(folder: Path) -> list[str]:
    """The overview of a folder, or else each of its pages."""
    if not folder.is_dir():
        raise ArtefactError(f"{folder}: no such folder. Give one with pages, such as the --out of `vad score`.")
    for index in ("index.html", SITE):
        if (folder / index).is_file():
            return [index]
    pages = sorted(path.name for path in folder.glob("*.html") if not path.name.startswith("."))
    if not pages:
        raise ArtefactError(f"{folder}: no page (*.html) there. Give a folder with pages, such as that of `vad score`.")
    return pages


def _server(folder: Path, port: int) -> Server:
    try:
        return Server(folder, port)
    except (OSError, OverflowError) as error:
        raise ArtefactError(f"port {port}: cannot be used ({error}). Leave --port out to take a free one.") from error
