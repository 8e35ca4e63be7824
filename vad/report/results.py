"""The main table of a data set: every variant that ran, and below it what can be had without looking at a pixel."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vad.artefacts.files import write_json, write_text
from vad.evaluation.baselines import HUMAN_BOX, ORACLES, THRESHOLDS
from vad.evaluation.evaluate import evaluate
from vad.evaluation.ground_truth import convention
from vad.report import page
from vad.report.inputs import JudgedSettings, ReportInputs, whole_rows
from vad.report.tables import (
    BASELINES_SHOWN,
    SHOWN,
    SHOWN_ONE_CLASS,
    copies_note,
    csv,
    decoder_note,
    marked,
    metric_table,
    note,
    result_row,
    summary,
)
from vad.schema.base import Id

NOTES_SHOWN = 10
PER_VIDEO = "frame_auc_pvnorm"
ABOUT = (
    "Mean over seeds ± standard deviation over seeds [interval by bootstrap over videos, mean of the seeds' bounds]."
    ' The level of a metric is in its name; what is undefined is "-". Every choice behind a row is in `results.csv`.'
)
OFFICIAL = {True: "official", False: "not the official file", None: "no official file exists"}


class Settings(JudgedSettings):
    """The rows of the table, and the variants of the data set that cannot run here, each with the reason."""

    dataset: Id
    skipped: dict[str, str]


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write results.csv, results.md, baselines.csv and summary.json.

    Args:
        settings: data set, variants, seeds and how scores are evaluated.
        paths: the folders `split`, `infer` and `evaluate`.
        out: `results` in the folder of the data set's report.
    """
    inputs = ReportInputs.of(settings, paths)
    results, broken = whole_rows(inputs)
    baselines = _baselines(inputs, settings)
    write_text(out.with_name("results.csv"), csv(results))
    write_text(out.with_name("baselines.csv"), csv(baselines))
    write_json(out.with_name("summary.json"), summary(results))
    write_text(out.with_name("results.md"), results_page(inputs, settings, results, baselines, broken))


def _baselines(inputs: ReportInputs, settings: Settings) -> list[dict[str, Any]]:
    """Rows that look at no pixel, and oracles."""
    found, bootstrap = [], settings.evaluate.bootstrap
    scored = inputs.baselines(settings.dataset, convention(settings.evaluate.ground_truth), bootstrap.seed)
    for name, videos in scored.items():
        kind = "oracle" if name in (*ORACLES, HUMAN_BOX) else "no pixel"
        measured = evaluate(videos, THRESHOLDS.get(name), bootstrap)
        found.append(result_row({"row": name, "kind": kind, "dataset": settings.dataset}, [measured]))
    return found


def results_page(
    inputs: ReportInputs,
    settings: Settings,
    results: Sequence[dict[str, Any]],
    baselines: Sequence[dict[str, Any]],
    broken: Mapping[str, Sequence[str]],
) -> str:
    """results.md.

    Args:
        inputs: the runs.
        settings: data set and skipped variants.
        results: rows of results.csv.
        baselines: rows of baselines.csv.
        broken: the broken links of variants that are not shown.
    """
    dataset, one_class = settings.dataset, is_one_class(inputs, settings.dataset)
    return page.page(
        page.heading(f"Results on {dataset}"),
        ABOUT,
        _about_data(inputs, dataset, results),
        _annotation_notes(inputs, dataset),
        variant_table(results, one_class),
        _about_areas(inputs, dataset) if one_class else "",
        page.heading("Without a pixel, and with the answer known", 2),
        metric_table(baselines, ["row", "kind"], SHOWN_ONE_CLASS if one_class else BASELINES_SHOWN),
        not_shown(broken),
        page.section("Not installed", [f"{variant}: {why}" for variant, why in settings.skipped.items()]),
    )


def is_one_class(inputs: ReportInputs, dataset: str) -> bool:
    """True if the train list of a data set is all normal."""
    return not inputs.facts(dataset)["labels"]["train"]["anomalous"]


def variant_table(results: Sequence[dict[str, Any]], one_class: bool) -> str:
    """The rows of one data set as a Markdown table, with the meaning of the mark where a row has it.

    Args:
        results: rows of results.csv; without any there is no table.
        one_class: True shows the columns for data sets whose train list is all normal.
    """
    if not results:
        return ""
    table = metric_table(marked(results), ["variant"], SHOWN_ONE_CLASS if one_class else SHOWN)
    return "\n\n".join(filter(None, [table, note(results), decoder_note(results), copies_note(results)]))


def not_shown(broken: Mapping[str, Sequence[str]]) -> str:
    """The section on variants whose chain of records is broken, with the first three links of each."""
    lines = [f"{variant}: {link}" for variant, links in broken.items() for link in links[:3]]
    why = "The chain of records behind these rows is broken. Run `snakemake --cores all`: it makes them anew."
    return page.section("Not shown", lines, why)


def _about_data(inputs: ReportInputs, dataset: str, results: Sequence[dict[str, Any]]) -> str:
    """One line on what the numbers of a data set are made of."""
    facts = inputs.facts(dataset)
    lists = ", ".join(f"{name} ({OFFICIAL[item['official']]})" for name, item in facts["lists"].items())
    how = f" Ground truth {results[0]['ground_truth']}; threshold {results[0]['threshold_rule']}." if results else ""
    units = {row["interval_unit"] for row in results} - {"videos"}
    how += f" Too few test videos to resample: intervals by bootstrap over {units.pop()}." if units else ""
    notes = "".join(f" {note[0].upper()}{note[1:]}." for note in facts["notes"])
    size = (
        f"{facts['n_train']} train videos ({facts['n_validation']} of them validation), {facts['n_test']} test videos"
    )
    return f"{size}. Lists: {lists}.{how}{notes}"


def _about_areas(inputs: ReportInputs, dataset: str) -> str:
    """Which videos the mean over videos leaves out, and by what the areas normalise scores."""
    runs = {variant: inputs.metrics(variant, inputs.seeds[0])["metrics"] for variant in inputs.variants}
    macro = runs[inputs.first_variant(dataset)]["frame_auc_macro"]
    absent = f" (one class of frame only: {', '.join(macro['left_out'])})" if macro.get("left_out") else ""
    used = f"`frame_auc_macro` is over {macro['n_used']} of {macro['n_total']} videos{absent}. " if absent else ""
    mixed = [name for name, run in runs.items() if run[PER_VIDEO].get("score_norm") == "per_video_components"]
    parts = f" (of {', '.join(mixed)}, as published: the parts of a score, each by its own range)" if mixed else ""
    return (
        f"{used}`{PER_VIDEO}` scales the scores of each video by its own range{parts}. A range common to all videos"
        " changes no order, so globally normalised scores have the `frame_auc` that is shown."
    )


def _annotation_notes(inputs: ReportInputs, dataset: str) -> str:
    """What had to be corrected in the annotations: clipped intervals, frame counts that differ from a list's."""
    notes = inputs.metrics(inputs.first_variant(dataset), inputs.seeds[0])["protocol"]["notes"]
    more = [f"and {len(notes) - NOTES_SHOWN} more (in metrics.json)"] if len(notes) > NOTES_SHOWN else []
    return f"{len(notes)} note(s) on annotations:\n\n{page.bullets([*notes[:NOTES_SHOWN], *more])}" if notes else ""
