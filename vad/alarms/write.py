"""The table of alarms over all data sets, and for each a figure: recall of events against false alarms per hour."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from vad.alarms.measure import CURVE_OVERLAP, NAMES, AlarmSet, entries
from vad.alarms.scored import LABELS, ScoredRun, frame_rates, rows_without_model, scored_runs
from vad.artefacts.files import write_text
from vad.drawing.curves import alarm_figure
from vad.evaluation.bootstrap import replicate_weights
from vad.evaluation.evaluate import FEWEST_VIDEOS
from vad.evaluation.judged_video import checked
from vad.report import page
from vad.report.figures import save
from vad.report.inputs import JudgedSettings, ReportInputs
from vad.report.tables import csv, marked, metric_table, note, result_row

SHOWN = (
    *("event_precision_10", "event_recall_10", "event_f1_10", "event_f1_30", "event_ap_10"),
    *("delay_median_s", "found_within_5s", "false_alarms_per_hour", "false_alarm_time"),
    *("recall_at_1_per_hour", "recall_at_10_per_hour"),
)
"""The columns of the Markdown table; the CSV has every metric. Recall and delay never stand without false alarms."""
DRAWN = ("centre", "random", "video_oracle", LABELS)
"""Rows without a model in the figure."""
POINTS = 121
"""Of a curve in the figure."""
ABOUT = (
    "From scores to alarms by `evaluate.alarms` of params.yaml, at the threshold that validation chose. Mean over seeds"
    " ± standard deviation over seeds [interval by bootstrap over videos, mean of the seeds' bounds]; what is undefined"
    ' is "-".'
    " Every metric is in `alarms.csv`; what each one means and what it cannot show is in `docs/protocol.md`. Without an"
    " operating point, a row has metrics of the curve only. The row `labels` makes alarms of the labels themselves: no"
    " score can do better with these settings, which join events with a short gap between them."
)


class Settings(JudgedSettings):
    """The variants of all data sets, how they are evaluated, and those that cannot run here, each with the reason."""

    skipped: dict[str, str]
    dpi: int


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write alarms.csv, alarms.md, and alarms_{data set}.png for each data set.

    Args:
        settings: variants, seeds, how scores are evaluated, points per inch.
        paths: the folders `split`, `infer` and `evaluate`.
        out: `alarms` in the folder of the tables of all data sets.
    """
    inputs = ReportInputs.of(settings, paths)
    rows, blocks = [], []
    for dataset in inputs.datasets:
        runs = scored_runs(inputs, dataset, settings.evaluate, inputs.seeds)
        runs += rows_without_model(inputs, dataset, settings.evaluate)
        fps = frame_rates(inputs, dataset)
        sets = [alarm_set(run, settings, fps) for run in runs]
        mine = table_rows(inputs, dataset, runs, sets, settings)
        name = f"{out.name}_{dataset}.png"
        save(out.with_name(name), figure(inputs, dataset, runs, sets, mine), settings.dpi)
        rows += mine
        blocks += _blocks(dataset, mine, list(fps.values()), name, settings)
    write_text(out.with_suffix(".csv"), csv(rows))
    write_text(out.with_suffix(".md"), page.page(page.heading("Alarms"), ABOUT, *blocks))


def alarm_set(run: ScoredRun, settings: JudgedSettings, fps: Mapping[str, float | None]) -> AlarmSet:
    """The alarms and events of one run, with the replicates of its intervals.

    Args:
        run: its test videos and threshold.
        settings: how alarms are made, and the bootstrap.
        fps: frames per second by video id.
    """
    config, videos = settings.evaluate, checked(run.videos, "frame")
    drawn = config.bootstrap if len(videos) >= FEWEST_VIDEOS else None
    weights = replicate_weights([video.label for video in videos], drawn)
    return AlarmSet(videos, run.threshold, config.alarms, fps, weights)


def table_rows(
    inputs: ReportInputs,
    dataset: str,
    runs: Sequence[ScoredRun],
    sets: Sequence[AlarmSet],
    settings: JudgedSettings,
) -> list[dict[str, Any]]:
    """One row for each variant, then for each row without a model: means over seeds.

    Args:
        inputs: the runs.
        dataset: name of the data set.
        runs: the runs of each variant one after the other.
        sets: their alarms, in the same order.
        settings: the bootstrap.
    """
    found = []
    for name in dict.fromkeys(run.name for run in runs):
        mine = [(run, alarms) for run, alarms in zip(runs, sets, strict=True) if run.name == name]
        first, some = mine[0]
        drawn = settings.evaluate.bootstrap if len(some.weights) > 1 else None
        measured = [entries(alarms, drawn) for _, alarms in mine]
        is_variant = first.kind == "variant"
        protocol = inputs.metrics(name, inputs.seeds[0])["protocol"]["scores"] if is_variant else {}
        head = {
            "dataset": dataset,
            "variant": name,
            "kind": first.kind,
            "model": inputs.variants[name].model if is_variant else "",
            "extractor_weights": protocol.get("extractor_weights", ""),
            "threshold_rule": first.rule,
            "seeds": " ".join(str(run.seed) for run, _ in mine) if is_variant else "",
            **{key: measured[0]["counts"][key] for key in ("n_events", "normal_hours")},
            "n_alarms": " ".join(str(one["counts"]["n_alarms"]) for one in measured if some.threshold is not None),
        }
        found.append(result_row(head, measured, NAMES))
    return found


def figure(
    inputs: ReportInputs,
    dataset: str,
    runs: Sequence[ScoredRun],
    sets: Sequence[AlarmSet],
    rows: Sequence[Mapping[str, Any]],
) -> Figure:
    """Recall of events against false alarms per hour; without a line where there is no normal video or no event.

    Args:
        inputs: the runs.
        dataset: name of the data set.
        runs: of the data set.
        sets: their alarms, in the same order.
        rows: of alarms.csv.
    """
    usable = [
        (run, alarms)
        for run, alarms in zip(runs, sets, strict=True)
        if alarms.normal.any() and not alarms.unlabelled and len(alarms.events.start)
    ]
    hours = sets[0].hours.sum() if usable else 1.0
    # From a rate that only "no false alarm" is below to one false alarm every three seconds.
    rates = np.geomspace(0.5 / hours, max(1200.0, 2 / hours), POINTS)
    shown = {row["variant"]: named["variant"] for row, named in zip(rows, marked(rows), strict=True)}
    recalls: dict[str, list[np.ndarray]] = {}
    for run, alarms in usable:
        if run.kind == "variant" or run.name in DRAWN:
            recalls.setdefault(run.name, []).append(alarms.recall_curve(rates))
    variants = {name: seeds for name, seeds in recalls.items() if name not in DRAWN}
    return alarm_figure(
        f"{dataset}: events found against false alarms\nmean and range of seeds; overlap of at least {CURVE_OVERLAP}",
        rates,
        {shown[name]: np.array(seeds) for name, seeds in variants.items()},
        {shown[name]: inputs.variants[name].model for name in variants},
        {name: recalls[name][0] for name in DRAWN if name in recalls},
        note(rows),
    )


def _blocks(
    dataset: str, rows: Sequence[dict[str, Any]], fps: Sequence[float | None], image: str, settings: JudgedSettings
) -> list[str]:
    """The section of one data set."""
    config = settings.evaluate.alarms
    known = [rate for rate in fps if rate]
    rates = sorted(
        {f"{rate:g}" for rate in known}
        | ({f"{config.fps:g} (not known: `evaluate.alarms.fps`)"} if len(known) < len(fps) else set())
    )
    first = rows[0]
    hours = first["normal_hours"]
    least = (
        f" Fewer than {1 / hours:.1f} false alarms an hour cannot be told from none on {60 * hours:.1f} minutes."
        if hours
        else " There is no normal test video: false alarms are not counted."
    )
    made = (
        f"Alarms of at least {config.min_seconds:g} s, joined over gaps of {config.merge_seconds:g} s, hysteresis"
        f" {config.hysteresis:g}. {first['n_events'] if first['n_events'] is not None else 'No'} labelled events;"
        f" frames per second: {', '.join(rates)}.{least}"
    )
    parts = {kind: [row for row in rows if (row["kind"] == "variant") == kind] for kind in (True, False)}
    return [
        page.heading(dataset, 2),
        made,
        metric_table(marked(parts[True]), ["variant"], SHOWN) if parts[True] else "No variant scores frames.",
        note(rows),
        page.heading("Without a pixel, and with the answer known", 3),
        metric_table(parts[False], ["variant", "kind"], SHOWN),
        page.image(f"events found against false alarms on {dataset}", image),
    ]
