"""The command `vad`: what neither Snakemake nor DVC can answer.

vad verify   hash every artefact again and list what is stale, damaged or absent (exit code 1), and count orphans (0);
             with --cache hash every object of DVC's cache and of remotes that are folders (exit code 1 if damaged)
vad dvc-sync after a whole run of Snakemake: have DVC note everything at once, so that `dvc repro` has nothing to do
vad variants list the variants of params.yaml: model, data set, features, line, and what keeps one from running
vad docs     write docs/params.*, docs/metrics.md from the code, and the rows of results into README.md
vad export   write extractor and head of a trained variant as ONNX or OpenVINO files, checked against torch
vad import-weights  have a variant take released weights instead of being trained: check them, write its entry
vad score    score videos of yours with a trained run: scores, alarms, a figure and a summary of each
vad view     show a folder of pages in a browser of this machine; films can be sought
vad audit    say which protocol a score file of others seems to follow, and its metrics under each convention
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from vad import import_weights
from vad.artefacts.files import write_text
from vad.audit import command as audit_command
from vad.errors import VadError, storage_error
from vad.export import command as export_command
from vad.pages import command as view_command
from vad.scoring import command as score_command

PARAMS = Path("params.yaml")
COMMANDS = {
    "export": export_command,
    "import-weights": import_weights,
    "score": score_command,
    "view": view_command,
    "audit": audit_command,
}
"""The verbs that have a module of their own: its docstring is the help, `add_flags` and `run` do the work."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; exit code 0 = fine, 1 = findings, 2 = an error that the user can repair, 74 = cannot be written."""
    flags = argparse.ArgumentParser(
        prog="vad", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = flags.add_subparsers(dest="verb", required=True, metavar="verb")
    verbs.add_parser("docs").set_defaults(work=lambda _: _docs())
    verbs.add_parser("dvc-sync", help="have DVC note what Snakemake made").set_defaults(work=lambda _: _dvc_sync())
    verb = verbs.add_parser("verify", help="compare what params.yaml asks for with what is there", allow_abbrev=False)
    verb.add_argument("--list", action="store_true", help="print every finding, and the names of orphans")
    verb.add_argument("--cache", action="store_true", help="hash DVC's cache and folder remotes instead")
    verb.set_defaults(work=_verify)
    verb = verbs.add_parser("variants", help="list the variants of params.yaml", allow_abbrev=False)
    verb.add_argument("word", nargs="?", default="", help="only those with it in name, model, data set or features")
    verb.add_argument("--json", action="store_true", help="as a JSON list instead of a table")
    verb.set_defaults(work=_variants)
    for name, command in COMMANDS.items():
        verb = verbs.add_parser(name, help=command.__doc__, allow_abbrev=False)
        command.add_flags(verb)
        verb.set_defaults(work=command.run)
    args = flags.parse_args(argv)
    try:
        return args.work(args)
    except VadError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader of a pipe, such as `head`, has seen enough: nothing more is flushed into it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if (known := storage_error(error)) is None:
            raise
        print(f"error: {known}", file=sys.stderr)
        return known.exit_code


def _verify(args: argparse.Namespace) -> int:
    """One line per finding, and the command that repairs them; orphans alone are no error."""
    # The rooms are no part of the library: only this verb looks at what the whole project makes.
    from stages import verify

    return verify.cache() if args.cache else verify.artefacts(args.list)


def _dvc_sync() -> int:
    """Commit to DVC what the records prove."""
    from stages import verify

    return verify.sync()


def _variants(args: argparse.Namespace) -> int:
    """Print the table of variants."""
    from vad.params import RESOLVED
    from vad.variants import rows, table

    found = rows(PARAMS, RESOLVED, args.word)
    print(json.dumps([row._asdict() for row in found], indent=2) if args.json else table(found))
    return 0


def _docs() -> int:
    """Write the generated pages, what entries differ in into docs/variants.md, and rows of results into the README."""
    import vad.models
    from vad import registry
    from vad.documentation import against_baselines, pages, with_differences, with_results
    from vad.params import load

    for path, text in pages().items():
        write_text(Path("docs", path), text)
        print(f"wrote docs/{path}")
    params, variants = load(PARAMS), Path("docs/variants.md")
    write_text(variants, with_differences(variants.read_text(encoding="utf-8"), params.variants))
    print(f"wrote what differs into {variants}")
    readme, results = Path("README.md"), Path("reports/tables/results.csv")
    if results.is_file():
        published = params.report.published.model_dump()
        plain = [k for k, v in params.variants.items() if registry.stated(vad.models, v.model, "is_baseline") is True]
        files = {name: Path("reports", name, "significance.csv") for name in params.datasets}
        compared = {name: path.read_text(encoding="utf-8") for name, path in files.items() if path.is_file()}
        text = readme.read_text(encoding="utf-8")
        write_text(
            readme,
            with_results(text, results.read_text(encoding="utf-8"), published, against_baselines(compared, plain)),
        )
        print(f"wrote rows of {results} into {readme}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
