"""The first page of a data set's report: the main table, and a link to everything else."""

from collections.abc import Mapping
from pathlib import Path

from vad.artefacts.files import write_text
from vad.report import page
from vad.report.inputs import ReportInputs, RunSettings, whole_rows
from vad.report.results import is_one_class, not_shown, variant_table
from vad.schema.base import Id

PAGES = {
    "results": "every variant with every choice behind it; rows without a pixel and oracles to read them against",
    "significance": "which rows differ, and which variants do not beat a plain baseline",
    "classes": "every class of anomaly by itself",
    "conventions": "the same under every ground-truth convention",
    "selection_gap": "what choosing the epoch on the test list would have given",
    "efficiency": "size, operations, time and memory",
    "edge": "latency of each network at batch 1, also in formats for edge devices",
}
FIGURES = {
    "roc": "ROC curves over frames",
    "pr": "precision-recall curves over frames",
    "roc_video": "ROC curves over videos",
    "pr_video": "precision-recall curves over videos",
    "efficiency": "area against cost",
}
WHERE = "score maps against spatial ground truth, beside maps that look at no pixel"
PICTURES = "the same frames as each model predicts or rebuilds them, and its errors"


class Settings(RunSettings):
    """Data set, variants and seeds, the figures of each variant, relative to the page.

    And whether pictures are compared, whether there is a card of the data set, and whether variants have score maps.
    """

    dataset: Id
    figures: dict[str, list[str]]
    pictures: bool
    data_card: bool
    localisation: bool


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write index.md.

    Args:
        settings: data set, variants, seeds and figures.
        paths: the folders `split` and `evaluate`.
        out: index.md in the folder of the data set's report.
    """
    inputs = ReportInputs.of(settings, paths)
    results, broken = whole_rows(inputs)
    facts = inputs.facts(settings.dataset)
    size = (
        f"{facts['n_train']} train videos ({facts['n_validation']} of them validation), {facts['n_test']} test videos."
    )
    tables = [
        f"{page.link(f'{name}.md', f'{name}.md')} ({page.link('CSV', f'{name}.csv')}): {about}"
        for name, about in PAGES.items()
    ]
    if settings.localisation:
        links = [page.link(f"localisation{end}", f"localisation{end}") for end in (".md", ".csv", "_differences.csv")]
        tables.append(f"{links[0]} (CSV: {links[1]}, {links[2]}): {WHERE}")
    if settings.data_card:
        tables.append(f"{page.link('data_card.md', 'data_card.md')}: what is in the data set, and what it cannot show")
    tables.append(f"{page.link('tables/results.md', '../tables/results.md')}: the results of all data sets")
    figures = []
    for variant in inputs.variants:
        links = [page.link(Path(path).stem.removeprefix(f"{variant}_"), path) for path in settings.figures[variant]]
        figures.append(f"{variant}: {', '.join([page.link('model card', f'cards/{variant}.md'), *links])}")
    text = page.page(
        page.heading(f"Report on {settings.dataset}"),
        size,
        variant_table(results, is_one_class(inputs, settings.dataset)),
        not_shown(broken),
        page.section("Tables", tables),
        page.heading("Figures", 2),
        *(page.image(about, f"figures/{name}.png") for name, about in FIGURES.items()),
        *([page.image(PICTURES, "pictures/comparison.png")] if settings.pictures else []),
        page.section("Card and figures of each variant", figures),
    )
    write_text(out, text)
