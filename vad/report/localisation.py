"""The table of localisation: score maps against spatial ground truth, each beside maps that look at no pixel."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vad.artefacts.files import write_text
from vad.localisation.localised_runs import COLUMNS, OWN, LocalisedRun, differences
from vad.localisation.maps import NO_PIXEL
from vad.localisation.metrics import METRICS
from vad.report import page
from vad.report.inputs import ReportInputs, RunSettings, whole_variants
from vad.report.results import not_shown
from vad.report.tables import csv, marked, metric_table, note, result_row
from vad.schema.evaluate import Bootstrap

ABOUT = (
    "Mean over seeds ± standard deviation over seeds [interval by bootstrap over videos, mean of the seeds' bounds];"
    ' what is undefined is "-", with the reason below the table. Below each variant stand maps that look at no pixel:'
    " `uniform` has one score everywhere, `centre` falls from the middle of the picture, `static` is the mean map of"
    " the variant over normal videos that are not tested. A variant whose difference from one of them does not lie"
    " above 0 has not shown that it finds the place. What each number is blind to: `docs/protocol.md`."
)
FURTHER = (
    "`attention_ROWSxCOLUMNS` is how far a gate of that size is open at each place: no anomaly score. Its row shows"
    " whether gates look where the anomaly is; a `pixel_auc` below 0.5 says that they are less open there. The row"
    " below it is the mean map of this gate over normal videos that are not tested, and whatever a gate does not have"
    " above that comes from where it is always open."
)
NO_TRUTH = "No spatial ground truth, so their maps are drawn but not measured"
DIFFERENCES = (
    "Difference of the means over seeds [interval over the same draws of videos, and of seeds]; **bold** where the"
    " interval leaves 0 out. With p and Holm's correction: {}."
)
OWN_FRAMES = "Variants have maps of different frames: each is measured on its own, and so are their differences."


class Settings(RunSettings):
    """The variants with maps, of one or of all data sets, and their seeds; draws and coverage of intervals."""

    bootstrap: Bootstrap


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write localisation.csv, localisation.md and localisation_differences.csv.

    Args:
        settings: variants with maps, seeds and the bootstrap.
        paths: the folders `split`, `infer` and `evaluate`.
        out: `localisation` in the folder of the tables.
    """
    inputs = ReportInputs.of(settings, paths)
    variants, broken = whole_variants(inputs)
    found = {name: [LocalisedRun.read(inputs.evaluated(name, seed)) for seed in inputs.seeds] for name in variants}
    runs = {name: [run for run in seeds if run is not None] for name, seeds in found.items()}
    measured = {name: seeds for name, seeds in runs.items() if seeds and len(seeds) == len(inputs.seeds)}
    rows, compared, blocks = [], [], []
    for dataset in inputs.datasets:
        mine = {name: seeds for name, seeds in measured.items() if inputs.variants[name].dataset == dataset}
        if mine:
            own = [row for name, seeds in mine.items() for row in variant_rows(head(inputs, name), seeds)]
            pairs = [{"dataset": dataset, **row} for row in differences(mine, settings.bootstrap)]
            link = page.link(f"{out.name}_differences.csv", f"{out.name}_differences.csv")
            blocks += dataset_blocks(dataset, own, pairs, reasons(mine), link)
            rows, compared = rows + own, compared + pairs
    without = [name for name in variants if name not in measured]
    text = page.page(
        page.heading("Where"),
        ABOUT,
        *blocks,
        page.section(NO_TRUTH, without),
        not_shown(broken),
    )
    write_text(out.with_suffix(".csv"), csv(rows))
    write_text(out.with_name(f"{out.name}_differences.csv"), csv(compared, COLUMNS))
    write_text(out.with_suffix(".md"), text)


def head(inputs: ReportInputs, variant: str) -> dict[str, Any]:
    """What the rows of a variant are: data set, model, and whose weights made its features."""
    protocol = inputs.metrics(variant, inputs.seeds[0])["protocol"]["scores"]
    return {
        "dataset": inputs.variants[variant].dataset,
        "variant": variant,
        "model": inputs.variants[variant].model,
        "extractor_weights": protocol["extractor_weights"],
        "seeds": " ".join(map(str, inputs.seeds)),
    }


def variant_rows(words: Mapping[str, Any], runs: Sequence[LocalisedRun]) -> list[dict[str, Any]]:
    """The row of a variant's own maps, then its rows without a pixel and those of further maps: means over seeds.

    Args:
        words: the columns that say which variant it is.
        runs: its seeds.
    """
    return [
        result_row({**words, "maps": row, **runs[0].counts}, [run.entries[row] for run in runs], METRICS)
        for row in (OWN, *NO_PIXEL, *runs[0].further)
    ]


def reasons(variants: Mapping[str, Sequence[LocalisedRun]]) -> list[str]:
    """Why metrics are undefined or have no interval, each reason once with the variants that it is about."""
    about: dict[str, list[str]] = {}
    for name, runs in variants.items():
        for metric in METRICS:
            entry = runs[0].entries[OWN][metric]
            for key, what in (("reason", "undefined"), ("interval_reason", "no interval")):
                if key in entry:
                    about.setdefault(f"`{metric}`: {what}, {entry[key]}", []).append(name)
    return [f"{text} ({', '.join(names)})" for text, names in about.items()]


def dataset_blocks(
    dataset: str,
    rows: Sequence[dict[str, Any]],
    compared: Sequence[Mapping[str, Any]],
    why: Sequence[str],
    link: str,
) -> list[str]:
    """The section of one data set: the table, why cells are empty, and differences.

    Args:
        dataset: its name.
        rows: as `variant_rows` gives them.
        compared: as `differences` gives them.
        why: as `reasons` gives them.
        link: to the table of differences.
    """
    names = [row["variant"] for row in rows]
    return [
        page.heading(dataset, 2),
        f"{_videos(rows[0])}; frames that are compared: {_frames(rows)}.",
        metric_table(marked(rows), ["variant", "maps"], list(METRICS)),
        FURTHER if any(row["maps"] not in (OWN, *NO_PIXEL) for row in rows) else "",
        note(rows),
        page.bullets(why),
        page.heading(f"Against maps that look at no pixel, {dataset}", 3),
        DIFFERENCES.format(link),
        _difference_table([row for row in compared if row["second"] in NO_PIXEL]),
        *(
            [
                page.heading(f"Between variants, {dataset}", 3),
                *([OWN_FRAMES] if len({row["n_frames"] for row in rows}) > 1 else []),
                _difference_table([row for row in compared if row["second"] in names]),
            ]
            if len(set(names)) > 1
            else []
        ),
    ]


def _videos(row: Mapping[str, Any]) -> str:
    """How many videos the numbers are of."""
    left_out = f", {row['n_without_truth']} without are left out" if row["n_without_truth"] else ""
    return f"{row['n_videos']} test videos with ground truth{left_out}"


def _frames(rows: Sequence[Mapping[str, Any]]) -> str:
    """Frames that are compared, and of which variants where these differ."""
    counts = {row["variant"]: row["n_frames"] for row in rows}
    if len(set(counts.values())) == 1:
        return f"{rows[0]['n_frames']:,}"
    return ", ".join(f"{count:,} ({name})" for name, count in counts.items())


def _difference_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A line for each pair, a column for each metric."""
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        cells.setdefault((row["first"], row["second"]), {})[row["metric"]] = _cell(row)
    lines = [[f"{first} - {second}", *(found[name] for name in METRICS)] for (first, second), found in cells.items()]
    return page.table(["difference", *METRICS], lines)


def _cell(row: Mapping[str, Any]) -> str:
    if row["difference"] is None:
        return "-"
    text = f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
    return f"**{text}**" if row["differs"] else text
