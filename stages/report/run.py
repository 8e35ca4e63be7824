"""Room report: tables, figures and plot data from the metrics of all runs; a row needs a whole chain of records."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from stages.report.costs import cost_files, cost_rows
from stages.report.inputs import ReportInputs, whole_rows
from stages.room import command_line, make, parser, settings, typed
from vad.artefacts.files import atomic, read_json, write_json, write_text
from vad.cost import table as cost_table
from vad.evaluation.baselines import ORACLES, THRESHOLDS
from vad.evaluation.evaluate import evaluate
from vad.ledger.records import Job, files_of
from vad.report.tables import BASELINES_SHOWN, SHOWN, SHOWN_ONE_CLASS, csv, markdown, marked, note, result_row, summary
from vad.schema.evaluate import Evaluate

NOTES_SHOWN = 10
PER_VIDEO = "frame_auc_pvnorm"


def main(argv: Sequence[str] | None) -> None:
    """Run the job of the room."""
    flags = parser(__doc__)
    for name in ("split", "train", "infer", "metrics"):
        flags.add_argument(f"--{name}", type=Path, required=True, help=f"what room {name} wrote")
    flags.add_argument("--claims", type=Path, required=True, help="ledger of the claims of others")
    flags.add_argument("--costs", type=Path, required=True, help="what rule efficiency measured")
    flags.add_argument("--own", type=Path, required=True, help="what the other rules of this room wrote")
    for name in ("figures", "plots", "summary"):
        flags.add_argument(f"--{name}", type=Path, required=True, help="where to write")
    args = flags.parse_args(argv)
    shelf = ReportInputs(args, settings(args.section))
    also = [args.figures, args.plots, args.summary]
    job = Job("report", args.out, args.section, args.code, _inputs(shelf), also=also)
    make(job, lambda: _write(shelf))


def _inputs(shelf: ReportInputs) -> list[Path]:
    """Every file that decides the report."""
    runs = [(v, s) for v in shelf.variants for s in shelf.seeds]
    files = [shelf.metrics(v, s) / name for v, s in runs for name in ("metrics.json", "curves.csv")]
    files += [shelf.training(v, s) / name for v, s in runs for name in ("history.csv", "config.json")]
    files += [shelf.scores(v, s) for v, s in runs] + [shelf.args.claims]
    files += [shelf.map(v, name) for v in shelf.variants for name in ("points.csv", "about.json")] + cost_files(shelf)
    files += [path for folder in shelf.patch_maps.values() for path in sorted(folder.glob("*"))]
    datasets = {entry["dataset"] for entry in shelf.variants.values()}
    files += [path for d in sorted(datasets) for path in sorted(shelf.table(d, "frame_labels").glob("*.npy"))]
    return files + [shelf.table(d, name) for d in sorted(datasets) for name in ("test.csv", "facts.json")]


def _write(shelf: ReportInputs) -> None:
    """Tables first, then figures and plot data; files of variants that are gone are removed at the end."""
    from stages.report.comparisons import tables
    from stages.report.figures import draw, plot_data

    results, broken = whole_rows(shelf)
    baselines = _baselines(shelf)
    costs, unmeasured = cost_rows(shelf)
    out = shelf.args.out
    texts = {
        out / "results.csv": csv(results),
        out / "baselines.csv": csv(baselines),
        out / "results.md": _page(shelf, results, baselines, broken),
        **{out / name: text for name, text in tables(shelf, results).items()},
        out / "efficiency.csv": cost_table.csv(costs),
        out / "efficiency.md": cost_table.page(costs, unmeasured),
        **{shelf.args.plots / name: text for name, text in plot_data(shelf).items()},
    }
    for path, text in texts.items():
        write_text(path, text)
    write_json(shelf.args.summary, summary(results))
    figures = {shelf.args.figures / name: figure for name, figure in draw(shelf, results, costs).items()}
    for path, figure in figures.items():
        _save(path, figure, shelf.slice["report"]["dpi"])
    for folder in (out, shelf.args.figures, shelf.args.plots):
        for path in set(files_of(folder)) - set(texts) - set(figures):
            path.unlink()


def _save(path: Path, figure: Any, dpi: int) -> None:  # noqa: ANN401 - matplotlib is imported late
    image = BytesIO()
    figure.savefig(image, format="png", dpi=dpi, metadata={"Software": None})
    with atomic(path) as stream:
        stream.write(image.getvalue())


def _baselines(shelf: ReportInputs) -> list[dict]:
    """Rows that use no pixel, and oracles, for every data set that has results."""
    config = typed(Evaluate, shelf.slice["evaluate"])
    found = []
    for dataset in dict.fromkeys(entry["dataset"] for entry in shelf.variants.values()):
        for name, videos in shelf.baselines(dataset).items():
            kind = "oracle" if name in ORACLES else "no pixel"
            measured = evaluate(videos, THRESHOLDS.get(name), config.bootstrap)
            found.append(result_row({"row": name, "kind": kind, "dataset": dataset}, [measured]))
    return found


def _page(shelf: ReportInputs, results: list[dict], baselines: list[dict], broken: Mapping[str, list[str]]) -> str:
    """results.md: per data set the variants and, below them, what can be had without looking."""
    parts = [
        "# Results\n",
        "Mean over seeds ± standard deviation over seeds [interval by bootstrap over videos, mean of the seeds' bounds]"
        '. The level of a metric is in its name; what is undefined is "-".'
        " Every choice behind a row is in `results.csv`.\n",
    ]
    for dataset in dict.fromkeys(entry["dataset"] for entry in shelf.variants.values()):
        mine = [row for row in results if row["dataset"] == dataset]
        one_class = not read_json(shelf.table(dataset, "facts.json"))["labels"]["train"]["anomalous"]
        parts += [f"## {dataset}\n", _about(shelf, dataset, mine), _mended(shelf, dataset)]
        if mine:
            parts.append(markdown(marked(mine), ["variant"], SHOWN_ONE_CLASS if one_class else SHOWN))
            parts += [f"{note(mine)}\n"] if note(mine) else []
        parts += [_areas(shelf, dataset)] if one_class else []
        parts += ["Without a pixel, and with the answer known:\n"]
        plain = [row for row in baselines if row["dataset"] == dataset]
        parts.append(markdown(plain, ["row", "kind"], SHOWN_ONE_CLASS if one_class else BASELINES_SHOWN))
    if broken:
        parts += [
            "## Not shown\n",
            "The chain of records behind these rows is broken; `snakemake --cores all` mends it.\n",
        ]
        parts += ["\n".join(f"- {variant}: {link}" for variant, links in broken.items() for link in links[:3]) + "\n"]
    if shelf.slice["skipped"]:
        parts += ["## Not installed\n", "\n".join(f"- {v}: {why}" for v, why in shelf.slice["skipped"].items()) + "\n"]
    return "\n".join(parts)


def _about(shelf: ReportInputs, dataset: str, mine: list[dict]) -> str:
    """One line on what the numbers of a data set are made of."""
    facts = read_json(shelf.table(dataset, "facts.json"))
    lists = ", ".join(f"{name} ({_official(item['official'])})" for name, item in facts["lists"].items())
    ground = f" Ground truth {mine[0]['ground_truth']}; threshold {mine[0]['threshold_rule']}." if mine else ""
    units = {row["interval_unit"] for row in mine} - {"videos"}
    ground += f" Too few test videos to resample: intervals by bootstrap over {units.pop()}." if units else ""
    notes = "".join(f" {note[0].upper()}{note[1:]}." for note in facts["notes"])
    size = (
        f"{facts['n_train']} train videos ({facts['n_validation']} of them validation), {facts['n_test']} test videos"
    )
    return f"{size}. Lists: {lists}.{ground}{notes}\n"


def _areas(shelf: ReportInputs, dataset: str) -> str:
    """Which videos the mean over videos leaves out, and what the other areas normalise."""
    variant = next(v for v, entry in shelf.variants.items() if entry["dataset"] == dataset)
    macro = read_json(shelf.metrics(variant, shelf.seeds[0]) / "metrics.json")["metrics"]["frame_auc_macro"]
    absent = f" (one class of frame only: {', '.join(macro['left_out'])})" if macro.get("left_out") else ""
    used = f"`frame_auc_macro` is over {macro['n_used']} of {macro['n_total']} videos{absent}. " if absent else ""
    names = [v for v, entry in shelf.variants.items() if entry["dataset"] == dataset]
    norms = {v: read_json(shelf.metrics(v, shelf.seeds[0]) / "metrics.json")["metrics"][PER_VIDEO] for v in names}
    mixed = [v for v, norm in norms.items() if norm.get("score_norm") == "per_video_components"]
    parts = f" (of {', '.join(mixed)}, as published: the parts of a score, each by its own range)" if mixed else ""
    return (
        f"{used}`{PER_VIDEO}` scales the scores of each video by its own range{parts}. A range common to all videos"
        " changes no order, so globally normalised scores have the `frame_auc` that is shown.\n"
    )


def _mended(shelf: ReportInputs, dataset: str) -> str:
    """What had to be mended in the annotations: clipped intervals, frame counts that differ from a list's."""
    variant = next(v for v, entry in shelf.variants.items() if entry["dataset"] == dataset)
    notes = read_json(shelf.metrics(variant, shelf.seeds[0]) / "metrics.json")["protocol"]["notes"]
    shown = [f"- {note}" for note in notes[:NOTES_SHOWN]]
    more = [f"- and {len(notes) - NOTES_SHOWN} more (in metrics.json)"] if len(notes) > NOTES_SHOWN else []
    return "\n".join([f"{len(notes)} note(s) on annotations:\n", *shown, *more]) + "\n" if notes else ""


def _official(value: bool | None) -> str:
    return {True: "official", False: "not the official file", None: "no official file exists"}[value]


if __name__ == "__main__":
    command_line(main)
