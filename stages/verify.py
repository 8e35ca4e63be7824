"""`vad verify` and `vad dvc-sync`: whether everything is made and right, for the user and for DVC."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from stages.made import made
from stages.plan import paths
from stages.plan.asked import Asked
from vad.errors import VadError
from vad.ledger.objects import damaged
from vad.ledger.staleness import orphans, verify

REMAKE = "Repair with: snakemake --cores all (it remakes what is stale or damaged)"
FETCH = "Make them with: snakemake --cores all. What a DVC remote has is fetched by: dvc pull"
SHOWN = 20
"""Lines of findings without `--list`."""


def artefacts(all_names: bool) -> int:
    """Compare what params.yaml asks for with what is there.

    Args:
        all_names: print every finding, and the name of each orphan.

    Returns: the exit code: 1 if something is stale, damaged or absent; pages for a browser are stored nowhere.
    """
    if not paths.PARAMS.is_file():
        raise VadError("no params.yaml here. Change to the project's folder.")
    plan = Asked.read().artefacts
    found = verify(plan, paths.STAT)
    pages = [name for name in found.absent if Path(name).is_relative_to(paths.SITE)]
    absent = [name for name in found.absent if name not in pages]
    wrong = [f"{item.artefact}: {item.reason}" for item in found.stale]
    if wrong:
        _print(wrong, all_names)
        print(REMAKE)
    if absent:
        print(f"{len(absent)} of {len(plan)} artefacts that params.yaml asks for are absent:")
        _print(absent, all_names)
        print(FETCH)
    if not wrong and not absent:
        print("every artefact that params.yaml asks for is what its record says")
    if pages:
        print(f"{paths.SITE} is not complete: `snakemake --cores all` makes these pages of what is there")
    if extra := orphans(plan):
        what = "orphaned record(s) of entries that params.yaml no longer has: delete the artefacts, or leave them"
        print(f"{len(extra)} {what}.", *(extra if all_names else ["Names: vad verify --list"]), sep="\n")
    return int(bool(wrong or absent))


def sync() -> int:
    """Have DVC note what Snakemake made, in one step and without asking each stage.

    Returns: the exit code of `dvc commit`.

    Raises: VadError if something is stale, absent or newer than the last whole run: DVC would note it as right.
    """
    if not made("all"):
        fix = "Run first: snakemake --cores all (if it has nothing to do: add -R all)"
        raise VadError(f"not everything is made and right. {fix}")
    return subprocess.run(["dvc", "commit", "--force", "--quiet"], check=False).returncode


def cache() -> int:
    """Hash every object of DVC's cache, and of each remote that is a folder on this machine.

    Returns: the exit code: 1 if an object is damaged.
    """
    bad = 0
    for name, folder in _stores():
        if not folder.is_dir():
            print(f"{name}: {folder}: nothing there")
            continue
        count, wrong = damaged(folder)
        bad += len(wrong)
        print(*(f"{path}: content is not what its name says" for path in wrong), sep="\n", end="\n" * bool(wrong))
        print(f"{name}: {folder}: {count} objects, {len(wrong)} damaged")
    if bad:
        print("Delete the damaged ones. Then: `dvc fetch` takes them from a remote, or `snakemake --cores all` and")
        print("`dvc commit` make them again; `dvc push` puts them on a remote that has lost them.")
    return int(bool(bad))


def _print(lines: list[str], all_names: bool) -> None:
    """Lines of findings; the first ones if there are many."""
    shown = lines if all_names else lines[:SHOWN]
    print(*shown, sep="\n")
    if len(shown) < len(lines):
        print(f"... and {len(lines) - len(shown)} more: vad verify --list")


def _stores() -> Iterator[tuple[str, Path]]:
    """Name and folder of DVC's cache and of every remote that is a folder.

    Raises: VadError outside a project of DVC.
    """
    # Half a second to import, and needed here alone.
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            yield "cache", Path(repo.cache.local_cache_dir)
            for name, settings in repo.config["remote"].items():
                url = urlsplit(settings["url"])
                if url.scheme in ("", "file"):
                    yield f"remote {name}", Path(url.path)
    except DvcException as error:
        raise VadError(f"DVC: {error}") from error
