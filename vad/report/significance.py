"""Which rows of a data set differ: paired differences between its variants, and from a row without a pixel."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vad.artefacts.files import write_text
from vad.evaluation.baselines import NO_PIXEL
from vad.evaluation.significance import COMPARED, against, differences
from vad.report import page
from vad.report.inputs import UNSEEN, JudgedSettings, ReportInputs, contestants_of, whole_variants
from vad.report.tables import csv
from vad.schema.base import Id
from vad.schema.evaluate import Evaluate

AGAINST = ("frame_auc", "ano_auc", "video_auc")
"""The metrics of the section on plain baselines, which has a row for each variant."""
BETTER, WORSE, UNKNOWN = "+", "-", "?"
"""The marks of a matrix."""


class Settings(JudgedSettings):
    """Data set, variants and seeds, how scores are evaluated, and which of the variants are plain baselines."""

    dataset: Id
    baselines: list[Id]


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write significance.csv and significance.md.

    Args:
        settings: data set, variants, seeds, ground truth and bootstrap.
        paths: the folders `split`, `infer` and `evaluate`.
        out: `significance` in the folder of the data set's report.
    """
    inputs = ReportInputs.of(settings, paths)
    variants, _ = whole_variants(inputs)
    rows = _rows(inputs, settings.dataset, variants, settings.evaluate) if variants else []
    write_text(out.with_suffix(".csv"), csv(rows))
    write_text(out.with_suffix(".md"), _page(settings.dataset, rows, settings.baselines))


def _rows(inputs: ReportInputs, dataset: str, variants: Sequence[str], config: Evaluate) -> list[dict[str, Any]]:
    """One row per pair and metric."""
    contestants = contestants_of(inputs, dataset, variants, config)
    _, runs = next(iter(contestants.values()))
    unseen = [[v.scored(scores := NO_PIXEL[UNSEEN](v), scores.max()) for v in runs[0]]]
    compared = differences({**contestants, UNSEEN: ("frame", unseen)}, config.bootstrap)
    return [{"dataset": dataset, **row} for row in compared]


def _page(dataset: str, rows: Sequence[dict[str, Any]], baselines: Sequence[str]) -> str:
    """significance.md: who beats the plain baselines, then a matrix per metric."""
    blocks = _against_baselines(rows, baselines)
    for metric in COMPARED:
        own = [row for row in rows if row["metric"] == metric]
        if own:
            blocks += [page.heading(metric, 2), _counted(own), _matrix(own), page.bullets(_reasons(own) + _fewer(own))]
    return page.page(
        page.heading(f"Which rows differ on {dataset}"),
        "Differences are means over seeds, with intervals over the same draws of videos, and of seeds. In a matrix"
        f" the row is better (**{BETTER}**) or worse (**{WORSE}**) than the column where the interval leaves 0 out. It"
        " stands there twice where the p also holds when the number of pairs of the metric is counted in (Holm; p by"
        " the replicates beyond 0; where fewer than ten of them are, by a normal tail with their spread). `.`: neither"
        f" is shown, which does not mean that they are equal; `{UNKNOWN}`: nothing can be said. `{UNSEEN}` looks at no"
        " pixel. Every difference with its interval and p: "
        f"{page.link('significance.csv', 'significance.csv')}.",
        *blocks,
    )


def _counted(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many pairs of one metric differ."""
    differ, holm = (sum(bool(row[name]) for row in rows) for name in ("differs", "differs_holm"))
    return f"{differ} of {len(rows)} pairs differ, {holm} of them after Holm's correction."


def _matrix(rows: Sequence[Mapping[str, Any]]) -> str:
    """The pairs of one metric: each row against each column, whose numbers are those of the rows."""
    names = list(dict.fromkeys(name for row in rows for name in (row["first"], row["second"])))
    marks = {}
    for row in rows:
        marks[row["first"], row["second"]] = _mark(row, 1)
        marks[row["second"], row["first"]] = _mark(row, -1)
    lines = [
        [str(number), name, *("" if name == other else marks.get((name, other), UNKNOWN) for other in names)]
        for number, name in enumerate(names, 1)
    ]
    return page.table(["", "row", *(str(number) for number in range(1, len(names) + 1))], lines)


def _mark(row: Mapping[str, Any], sign: int) -> str:
    """Whether one of a pair is better (+) or worse (-), twice where this holds after Holm's correction."""
    if row["difference"] is None:
        return UNKNOWN
    mark = BETTER if sign * row["difference"] > 0 else WORSE
    return mark * (1 + bool(row["differs_holm"])) if row["differs"] else "."


def _reasons(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why nothing can be said of some pairs."""
    reasons: dict[str, int] = {}
    for row in rows:
        if row["difference"] is None:
            reasons[row["reason"]] = reasons.get(row["reason"], 0) + 1
    return [f"`{UNKNOWN}`, {count} pairs: {reason}" for reason, count in reasons.items()]


def _fewer(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """How many pairs are compared on fewer frames than one of the two scores."""
    pairs = sum(row["from_frame"] > 0 and row["difference"] is not None for row in rows)
    return [f"{pairs} pairs on the frames that both score: one of the two has none for its first"] * (pairs > 0)


def _against_baselines(rows: Sequence[dict[str, Any]], baselines: Sequence[str]) -> list[str]:
    """The section on plain baselines; nothing where the data set has none."""
    compared = [row for row in against(rows, baselines) if row["contestant"] != UNSEEN and row["verdict"]]
    if not compared:
        return []
    sentences, tables = [], []
    for metric in AGAINST:
        own = [row for row in compared if row["metric"] == metric]
        cells: dict[str, dict[str, str]] = {}
        for row in own:
            text = f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}] {row['verdict']}"
            cells.setdefault(row["contestant"], {})[row["baseline"]] = text
        for baseline in baselines:
            beside = [row for row in own if row["baseline"] == baseline]
            behind = [row["contestant"] for row in beside if row["verdict"] != "beats it"]
            if beside:
                which = f": {', '.join(behind)}" if behind else ""
                sentences.append(f"`{metric}`: {len(behind)} of {len(beside)} do not beat `{baseline}`{which}.")
        if own:
            lines = [[name, *(found.get(b, "-") for b in baselines)] for name, found in cells.items()]
            tables += [page.heading(f"{metric} against plain baselines", 3), page.table(["variant", *baselines], lines)]
    about = (
        "Plain baselines are trained and scored like every variant. Variant minus baseline, with the interval of the"
        " paired difference as below; a variant beats a baseline when the whole interval is above 0."
    )
    return [page.heading("Which variants do not beat a plain baseline", 2), about, page.bullets(sentences), *tables]
