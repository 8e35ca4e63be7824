"""Every result of a data set under every ground-truth convention: what a number owes to the choice of convention."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vad.artefacts.files import write_text
from vad.evaluation.conventions import NAMED, OF_BAGS
from vad.evaluation.evaluate import evaluate
from vad.report import page
from vad.report.inputs import UNSEEN, JudgedSettings, ReportInputs, whole_variants
from vad.report.tables import csv, metric_table, result_row
from vad.schema.base import Id
from vad.schema.evaluate import Bootstrap

REFERENCES = (UNSEEN, "video_oracle", "video_oracle_centre")
SHOWN = ("frame_auc", "frame_ap", "ano_auc", "frame_auc_macro")


class Settings(JudgedSettings):
    """Data set, variants and seeds, and how scores are evaluated."""

    dataset: Id


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write conventions.csv and conventions.md.

    Args:
        settings: data set, variants, seeds and the bootstrap.
        paths: the folders `split`, `infer` and `evaluate`.
        out: `conventions` in the folder of the data set's report.
    """
    inputs = ReportInputs.of(settings, paths)
    rows = _rows(inputs, settings.dataset, settings.evaluate.bootstrap)
    write_text(out.with_suffix(".csv"), csv(rows))
    write_text(out.with_suffix(".md"), _page(settings.dataset, rows))


def _rows(inputs: ReportInputs, dataset: str, bootstrap: Bootstrap) -> list[dict[str, Any]]:
    """One row per variant and convention where the annotation leaves a choice; then the references."""
    found: list[dict[str, Any]] = []
    names: list[str] = []
    for variant in whole_variants(inputs)[0]:
        runs = [inputs.metrics(variant, seed)["conventions"] for seed in inputs.seeds]
        # Rows without a model have no scores of bags: there the conventions for bags have nothing to say.
        names = [name for name in NAMED if name in runs[0]]
        for name in (name for name in (*NAMED, *OF_BAGS) if name in runs[0]):
            counts = {k: runs[0][name]["counts"][k] for k in ("n_frames", "n_positive")}
            head = {"dataset": dataset, "variant": variant, "ground_truth": name, **counts}
            found.append(result_row(head, [run[name] for run in runs]))
    return found + _references(inputs, dataset, names, bootstrap)


def _references(inputs: ReportInputs, dataset: str, names: Sequence[str], bootstrap: Bootstrap) -> list[dict[str, Any]]:
    """What a row without a pixel and perfect classifiers of videos get under each convention."""
    found = []
    for name in names:
        scored = inputs.baselines(dataset, NAMED[name], bootstrap.seed)
        for row in REFERENCES:
            measured = evaluate(scored[row], None, bootstrap)
            counts = {k: measured["counts"][k] for k in ("n_frames", "n_positive")}
            head = {"dataset": dataset, "variant": row, "ground_truth": name, **counts}
            found.append(result_row(head, [measured]))
    return found


def _page(dataset: str, rows: Sequence[dict[str, Any]]) -> str:
    """conventions.md."""
    table = metric_table(rows, ["variant", "ground_truth", "n_frames", "n_positive"], SHOWN)
    return page.page(
        page.heading(f"Results on {dataset} under every ground-truth convention"),
        "What the conventions are: `docs/protocol.md`. Mean over seeds ± standard deviation over seeds [interval by"
        f" bootstrap over videos]. Every metric is in `conventions.csv`. `{UNSEEN}` looks at no pixel, `video_oracle`"
        " is a perfect classifier of videos that localises nothing.",
        table if rows else "This data set is not annotated by intervals in frames.",
    )
