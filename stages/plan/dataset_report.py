"""The parts of room report that belong to one data set: costs, what models do inside, tables, figures, pages."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stages.plan import paths
from stages.plan.installed import Installed
from stages.plan.models import PICTURES, ModelParts
from stages.plan.parts import Bundle, Part, Reads
from stages.plan.reads import COSTS, Sources, tsne_folder
from vad.site.names import VIDEO_ASSETS, asset_files, page_files

PLOTS = ("roc", "pr", "scores", "training", "confusion", "tsne")
FIGURES = ("scores", "confusion", "training", "tsne")
DATASET_FIGURES = ("roc", "pr", "roc_video", "pr_video", "efficiency")
FIGURE_FOLDER = paths.DATA / "report" / "figures"
PLOT_FOLDER = paths.DATA / "report" / "plots"
ROOMS = {room: f"{paths.DATA}/{room}" for room in ("split", "train", "infer", "evaluate")} | {"costs": str(COSTS)}
"""Where a part finds what other rooms wrote, and the measured costs."""
# Scaled down to --cores by Snakemake. `workflow.cores` itself would make every command without --cores an error.
ALL_CORES = os.cpu_count() or 1


class DatasetReports:
    """The parts and bundles of single data sets.

    Args:
        installed: what can run here.
        sources: what other rooms write.
        models: parts that run a model.
        seeds: of every variant.
    """

    def __init__(self, installed: Installed, sources: Sources, models: ModelParts, seeds: list[int]) -> None:
        self.installed, self.sources, self.models, self.seeds = installed, sources, models, seeds
        self.params = installed.params.model_dump(mode="json")

    def bundles(self, dataset: str) -> tuple[Bundle, ...]:
        """The jobs of the report of a data set that a variant can run on."""
        return self._costs(dataset), self._insides(dataset), self._tables(dataset)

    def _variants(self, dataset: str) -> list[str]:
        """The variants of a data set that can run here."""
        return [name for name in self.installed.variants if self.installed.variant(name).dataset == dataset]

    def _costs(self, dataset: str) -> Bundle:
        """What the variants of a data set cost, measured on all cores: what runs beside it would be measured too."""
        features = [name for name, used in self.installed.extracted if used == dataset]
        parts = [
            *map(self.models.head, self._variants(dataset)),
            *(self.models.extractor(name, dataset) for name in features),
            *map(self.models.edge_head, self._variants(dataset)),
            *(self.models.edge_extractor(name, dataset) for name in features),
        ]
        gpu = int(any(map(self.installed.needs_gpu, features)))
        # What this machine can do is measured, and not made equal on all of them.
        return Bundle(f"costs.{dataset}", tuple(parts), f"measure what {dataset} costs", ALL_CORES, 4000, gpu, "native")

    def _insides(self, dataset: str) -> Bundle:
        """What the models of a data set make of its test videos inside."""
        variants = self._variants(dataset)
        parts = [
            *map(self.models.tsne, variants),
            *(self.models.heat_maps(name, str(FIGURE_FOLDER)) for name in filter(self.installed.has_maps, variants)),
        ]
        if pictured := list(filter(self.installed.makes_pictures, variants)):
            places = {**ROOMS, "figures": str(FIGURE_FOLDER)}
            parts.append(self.models.pictures(dataset, self.runs(pictured), places))
        message, arithmetic = f"t-SNE, heat maps and pictures of {dataset}", self.installed.arithmetic(dataset)
        return Bundle(f"insides.{dataset}", tuple(parts), message, mem_mb=2500, arithmetic=arithmetic)

    def _tables(self, dataset: str) -> Bundle:
        """The tables and figures of a data set."""
        variants, read = self._variants(dataset), self.sources
        metrics, facts = read.metrics(variants), read.split(dataset, "facts.json")
        costs = read.costs(variants, references=True)
        # The scores of the first run say how long the videos are.
        truth = read.split(dataset, "test.csv", labels=True) + read.first_scores(variants[0])
        runs = {"dataset": dataset, **self.runs(variants)}
        judged = {**runs, "evaluate": self.params["evaluate"]}
        plain = list(filter(self.installed.is_baseline, variants))
        drawn, dpi = (
            metrics + read.metrics(variants, "curves.csv") + read.scores(variants) + facts + truth + costs,
            self.params["report"]["dpi"],
        )
        skipped = self.skipped(name for name, v in self.params["variants"].items() if v["dataset"] == dataset)
        inside = {name: self._figures(name) + self._heat_maps(name) + self._pictures(name) for name in variants}
        links = {name: [f"../../{path}" for path in drawn] for name, drawn in inside.items()}
        shown = {"figures": links, "pictures": any(map(self.installed.makes_pictures, variants))}
        shown["data_card"] = self.installed.generated(dataset)
        shown["localisation"] = any(map(self.installed.has_maps, variants))
        tables = (
            self._table(
                "results",
                {**judged, "skipped": skipped},
                metrics + facts + truth,
                ("results.csv", "results.md", "baselines.csv", "summary.json"),
            ),
            self._table("conventions", judged, metrics + truth),
            self._table("significance", {**judged, "baselines": plain}, metrics + read.scores(variants) + truth),
            self._table("selection_gap", runs, metrics),
            self._table("classes", runs, metrics),
            self._table("efficiency", {"dataset": dataset, "variants": runs["variants"]}, costs),
            self._table("edge", {"dataset": dataset, "variants": runs["variants"]}, read.edge(variants)),
            self._table("figures", {**judged, "dpi": dpi}, drawn, [f"figures/{name}.png" for name in DATASET_FIGURES]),
            *[self.localisation(f"localisation.{dataset}", f"{paths.REPORTS}/{dataset}", variants)]
            * shown["localisation"],
            *map(self._plots, variants),
            self._model_cards(dataset, runs, metrics + read.configs(variants) + facts + costs),
            *([self._data_card(dataset)] if shown["data_card"] else []),
            self._table("index", {**runs, **shown}, metrics + facts, ["index.md"], "index.md"),
            self._videos(judged, metrics + read.scores(variants) + facts + read.split(dataset, "train.csv") + truth),
        )
        return Bundle(f"tables.{dataset}", tables, f"tables and figures of {dataset}")

    def _table(
        self, name: str, settings: Mapping[str, Any], reads: Reads, files: Sequence[str] = (), out: str = ""
    ) -> Part:
        """A part in the folder of a data set's report; a CSV and a Markdown file if nothing else is said."""
        folder = paths.REPORTS / settings["dataset"]
        return Part(
            job=f"report.{name}",
            key=f"{name}.{settings['dataset']}",
            code=name,
            settings=settings,
            out=f"{folder}/{out or name}",
            files=tuple(f"{folder}/{file}" for file in files or (f"{name}.csv", f"{name}.md")),
            reads=reads,
            paths=ROOMS,
        )

    def _model_cards(self, dataset: str, runs: Mapping[str, Any], reads: Reads) -> Part:
        """A card for each variant of a data set."""
        out = f"{paths.REPORTS}/{dataset}/cards"
        variants = self._variants(dataset)
        used = dict.fromkeys(self.installed.variant(name).features for name in variants)
        extractors = {name: sorted(self.installed.extractors(name)) for name in used}
        return Part(
            job="cards.model",
            key=f"cards.{dataset}",
            code="model_cards",
            settings={**runs, "kind": self.installed.kind(dataset), "extractors": extractors},
            out=out,
            files=tuple(f"{out}/{name}.md" for name in variants),
            reads=reads,
            paths=ROOMS,
        )

    def _data_card(self, dataset: str) -> Part:
        """The card of a data set that the project generates, for people and for machines."""
        out = f"{paths.REPORTS}/{dataset}/data_card"
        return Part(
            job="cards.data",
            key=f"data_card.{dataset}",
            code="data_card",
            settings={"dataset": dataset, "kind": self.installed.kind(dataset)},
            out=out,
            files=(f"{out}.md", f"{out}.json"),
            reads=self.sources.split(dataset, "facts.json", "train.csv", "test.csv"),
            paths=ROOMS,
        )

    def _videos(self, judged: Mapping[str, Any], reads: Reads) -> Part:
        """A page of each test video of a data set."""
        dataset, out = judged["dataset"], f"{paths.SITE}/{judged['dataset']}"
        tested = [video.video_id for video in self.installed.videos(dataset) if video.split == "test"]
        return Part(
            job="site.videos",
            key=f"site.{dataset}",
            code="site_videos",
            settings=judged,
            out=out,
            files=tuple(f"{out}/{name}" for name in page_files(tested)),
            reads=reads + assets(VIDEO_ASSETS),
            paths=ROOMS,
        )

    def _figures(self, variant: str) -> list[str]:
        """The figures of one variant."""
        return [f"{FIGURE_FOLDER}/{variant}_{kind}.png" for kind in FIGURES]

    def _heat_maps(self, variant: str) -> list[str]:
        """The figure of a variant whose score maps are stored."""
        return [f"{FIGURE_FOLDER}/{variant}_heat_maps.png"] if self.installed.has_maps(variant) else []

    def _pictures(self, variant: str) -> list[str]:
        """The figures of a variant that predicts or rebuilds frames."""
        kinds = PICTURES if self.installed.makes_pictures(variant) else ()
        return [f"{FIGURE_FOLDER}/{variant}_{kind}.png" for kind in kinds]

    def _plots(self, variant: str) -> Part:
        """The figures of one variant, and the same as plot data."""
        read = self.sources
        return Part(
            job="report.plots",
            key=f"plots.{variant}",
            code="plots",
            settings={**self.runs([variant]), "dpi": self.params["report"]["dpi"]},
            out=f"{FIGURE_FOLDER}/{variant}",
            files=(*self._figures(variant), *(f"{PLOT_FOLDER}/{kind}/{variant}.csv" for kind in PLOTS)),
            reads=read.metrics([variant], "curves.csv") + read.histories(variant) + read.inside(variant),
            paths={**ROOMS, "plots": str(PLOT_FOLDER), "tsne": tsne_folder(variant)},
        )

    def localisation(self, key: str, folder: str, variants: Sequence[str]) -> Part:
        """Where anomalies are, by the variants with score maps."""
        mapped = list(filter(self.installed.has_maps, variants))
        out = f"{folder}/localisation"
        return Part(
            job="report.localisation",
            key=key,
            code="localisation",
            settings={**self.runs(mapped), "bootstrap": self.params["evaluate"]["bootstrap"]},
            out=out,
            files=(f"{out}.csv", f"{out}.md", f"{out}_differences.csv"),
            reads=self.sources.localised(mapped),
            paths=ROOMS,
        )

    def runs(self, variants: Sequence[str]) -> dict[str, Any]:
        """What a table may know of runs: variants and seeds."""
        entries = [(name, self.params["variants"][name]) for name in variants]
        return {
            "seeds": self.seeds,
            "variants": [
                {
                    "name": name,
                    **{word: entry[word] for word in ("dataset", "features", "model")},
                    "imported": self.installed.imported(entry["features"]),
                }
                for name, entry in entries
            ],
        }

    def skipped(self, variants: Iterable[str]) -> dict[str, str]:
        """Those of some variants that cannot run here, each with the reason."""
        return {name: self.installed.skipped[name] for name in variants if name in self.installed.skipped}


def assets(names: Sequence[str]) -> Reads:
    """Scripts, styles and templates of pages for a browser."""
    files = asset_files(names)
    return Reads(files, watched=files)
