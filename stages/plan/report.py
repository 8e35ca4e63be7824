"""What room report makes: every table of every data set is a part with its own record, made in bundles.

So a new setting of one variant touches the report of its own data set only, and a changed table builder makes its own
tables again and nothing else. The parts of a bundle share the seconds that Python and torch take to start.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from stages.plan import paths
from stages.plan.installed import Installed
from stages.plan.jobs import Jobs
from stages.plan.models import PICTURES, ModelParts
from stages.plan.parts import Bundle, Part, Reads
from stages.plan.reads import COSTS, LOCALISATION, Sources, tsne_folder
from vad.claims.speeds import CLAIM as SPEED_CLAIM
from vad.claims.where import CLAIM as WHERE_CLAIM
from vad.errors import ParamsError
from vad.published.tables import TABLES
from vad.site.names import INDEX_ASSETS, VIDEO_ASSETS, asset_files, page_files

SCRIPT = Path("stages/report/run.py")
CLAIMS = "vad/claims/ledger.csv"
RESERVED = ("tables", "published", "efficiency", "site")
"""Folders of `reports` that belong to all data sets."""
PLOTS = ("roc", "pr", "scores", "training", "confusion", "tsne")
FIGURES = ("scores", "confusion", "training", "tsne")
OWN_VIDEOS = "folder"
"""Kind of data set that is a user's own."""
DATASET_FIGURES = ("roc", "pr", "roc_video", "pr_video", "efficiency")
FIGURE_FOLDER = paths.DATA / "report" / "figures"
PLOT_FOLDER = paths.DATA / "report" / "plots"
SITE = paths.REPORTS / "site"
TSNE_FOLDER = paths.DATA / "report" / "tsne"
ROOMS = {room: f"{paths.DATA}/{room}" for room in ("split", "train", "infer", "evaluate")} | {"costs": str(COSTS)}
"""Where a part finds what other rooms wrote, and the measured costs."""
# Scaled down to --cores by Snakemake. `workflow.cores` itself would make every command without --cores an error.
ALL_CORES = os.cpu_count() or 1


class Reports:
    """The parts and bundles of room report.

    Args:
        installed: what can run here.
        jobs: what the other rooms write.

    Raises: ParamsError for a data set with the name of a folder that belongs to all data sets.
    """

    def __init__(self, installed: Installed, jobs: Jobs) -> None:
        self.installed, self.seeds = installed, jobs.seeds
        self.sources = Sources(installed, jobs)
        self.models = ModelParts(installed, self.sources)
        self.params = installed.params.model_dump(mode="json")
        if taken := [name for name in RESERVED if name in self.params["datasets"]]:
            raise ParamsError(
                f"params.yaml: datasets.{taken[0]}: reports/{taken[0]} holds tables of all data sets."
                " Give the data set another name."
            )

    # -- what the rules and the plan ask for -----------------------------------------------------------------

    def bundles(self) -> list[Bundle]:
        """Every job of the room."""
        measured = {
            "costs.references": ("measure image networks", self.models.references()),
            "costs.video_networks": ("measure 3D networks", self.models.video_networks()),
        }
        costs = [
            Bundle(name, (part,), message, ALL_CORES, 4000, arithmetic="native")
            for name, (message, part) in measured.items()
        ]
        tables = [Bundle(f"table_{name}", (self._published(name),), f"table {name}") for name in self.published]
        claims = (self._claims(), self._claims_metadata()) if self.shows_claims else ()
        parts = (self._overview(), *claims, self._sizes())
        overview = Bundle("overview", parts, "results of all data sets, claims, sizes")
        where = (self._localisation("localisation", f"{paths.REPORTS}/tables", self.mapped),) if self.mapped else ()
        shown = [
            *(bundle for own in self._of_datasets.values() for bundle in own),
            *tables,
            *([Bundle("localisation", where, "where anomalies are")] if where else []),
            overview,
            Bundle("alarms", (self._alarms(), self._label_shift()), "alarms, and errors of labels", mem_mb=2500),
        ]
        site = self._site([part for bundle in shown for part in bundle.parts])
        return [*costs, *shown, Bundle("site", (site,), "the page of all results")]

    def parts(self) -> list[Part]:
        """Every part of every bundle."""
        return [part for bundle in self.bundles() for part in bundle.parts]

    def slices(self) -> Iterator[tuple[str, str, Any]]:
        """(room, key, slice) of every part."""
        yield from (("report", part.key, part.settings) for part in self.parts())

    def code(self) -> dict[str, list[Path]]:
        """By the name of a list of code files: the script of the room, and the modules that it loads by name."""
        found = {}
        for part in self.parts():
            modules = (part.job.replace(".", "/"), *part.plugins)
            found[part.code] = [SCRIPT, *(Path("vad", f"{module}.py") for module in modules)]
        return found

    def lists(self) -> Iterator[tuple[str, Any]]:
        """(name, list) of the parts of every bundle."""
        yield from ((bundle.name, [part.listed() for part in bundle.parts]) for bundle in self.bundles())

    def records(self) -> list[str]:
        """Every record that params.yaml asks for."""
        return [record for bundle in self.bundles() for record in bundle.records]

    def targets(self) -> Iterator[tuple[str, dict[str, list[str]]]]:
        """(room, {data set: the records of its report}); none for a data set that no variant can run on."""
        found = {name: self._of_datasets.get(name, ()) for name in self.params["datasets"]}
        yield "report", {name: [record for b in bundles for record in b.records] for name, bundles in found.items()}

    @cached_property
    def published(self) -> dict[str, list[str]]:
        """The tables of published systems that params.yaml asks for, each with its variants."""
        return {name: rows for name, rows in self.params["report"]["published"].items() if rows}

    # -- the report of a data set ----------------------------------------------------------------------------

    @cached_property
    def _of_datasets(self) -> dict[str, tuple[Bundle, ...]]:
        """The bundles of every data set that a variant can run on."""
        return {name: (self._costs(name), self._insides(name), self._tables(name)) for name in self.installed.reported}

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
            parts.append(self.models.pictures(dataset, self._runs(pictured), places))
        message, arithmetic = f"t-SNE, heat maps and pictures of {dataset}", self.installed.arithmetic(dataset)
        return Bundle(f"insides.{dataset}", tuple(parts), message, mem_mb=2500, arithmetic=arithmetic)

    def _tables(self, dataset: str) -> Bundle:
        """The tables and figures of a data set."""
        variants, read = self._variants(dataset), self.sources
        metrics, facts = read.metrics(variants), read.split(dataset, "facts.json")
        costs = read.costs(variants, references=True)
        # The scores of the first run say how long the videos are.
        truth = read.split(dataset, "test.csv", labels=True) + read.first_scores(variants[0])
        runs = {"dataset": dataset, **self._runs(variants)}
        judged = {**runs, "evaluate": self.params["evaluate"]}
        plain = list(filter(self.installed.is_baseline, variants))
        drawn, dpi = (
            metrics + read.metrics(variants, "curves.csv") + read.scores(variants) + facts + truth + costs,
            self.params["report"]["dpi"],
        )
        skipped = self._skipped(name for name, v in self.params["variants"].items() if v["dataset"] == dataset)
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
            *(
                [self._localisation(f"localisation.{dataset}", f"{paths.REPORTS}/{dataset}", variants)]
                * shown["localisation"]
            ),
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
        dataset, out = judged["dataset"], f"{SITE}/{judged['dataset']}"
        tested = [video.video_id for video in self.installed.videos(dataset) if video.split == "test"]
        return Part(
            job="site.videos",
            key=f"site.{dataset}",
            code="site_videos",
            settings=judged,
            out=out,
            files=tuple(f"{out}/{name}" for name in page_files(tested)),
            reads=reads + _assets(VIDEO_ASSETS),
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
            settings={**self._runs([variant]), "dpi": self.params["report"]["dpi"]},
            out=f"{FIGURE_FOLDER}/{variant}",
            files=(*self._figures(variant), *(f"{PLOT_FOLDER}/{kind}/{variant}.csv" for kind in PLOTS)),
            reads=read.metrics([variant], "curves.csv") + read.histories(variant) + read.inside(variant),
            paths={**ROOMS, "plots": str(PLOT_FOLDER), "tsne": tsne_folder(variant)},
        )

    # -- over all data sets ----------------------------------------------------------------------------------

    @cached_property
    def claimed(self) -> list[str]:
        """The variants that may stand beside claims of others: none on a user's own videos."""
        variants = self.installed.variants
        return [name for name in variants if self.installed.kind(self.installed.variant(name).dataset) != OWN_VIDEOS]

    @cached_property
    def mapped(self) -> list[str]:
        """The variants whose score maps are stored."""
        return list(filter(self.installed.has_maps, self.installed.variants))

    @property
    def shows_claims(self) -> bool:
        """False where all that runs here is on a user's own videos: no claim is about these."""
        return bool(self.claimed or not self.installed.variants)

    def _overview(self) -> Part:
        """The results of all data sets."""
        beside = [
            *(["claims.md"] if self.shows_claims else []),
            *(["localisation.md"] if self.mapped else []),
            *(f"../published/{name}.md" for name in self.published),
        ]
        reports = {"reports": {name: f"../{name}/index.md" for name in self.installed.reported}, "beside": beside}
        return self._of_all(
            "overview",
            "report.overview",
            "results",
            self.installed.variants,
            reports,
            Reads(),
            (f"{paths.REPORTS}/summary.json",),
        )

    def _claims(self) -> Part:
        """The claims of others beside our results."""
        reads = Reads((CLAIMS,), watched=(CLAIMS,)) + self.sources.video_networks()
        part = self._of_all("claims", "claims.write", "claims", self.claimed, {}, reads)
        return self._with_localisation(part) if self.mapped else part

    def _with_localisation(self, part: Part) -> Part:
        """The part, which also reads the paired differences in metrics of where."""
        reads = part.reads + self.sources.localisation()
        return replace(part, reads=reads, paths={**part.paths, "localisation": LOCALISATION})

    def _localisation(self, key: str, folder: str, variants: Sequence[str]) -> Part:
        """Where anomalies are, by the variants with score maps."""
        mapped = list(filter(self.installed.has_maps, variants))
        out = f"{folder}/localisation"
        return Part(
            job="report.localisation",
            key=key,
            code="localisation",
            settings={**self._runs(mapped), "bootstrap": self.params["evaluate"]["bootstrap"]},
            out=out,
            files=(f"{out}.csv", f"{out}.md", f"{out}_differences.csv"),
            reads=self.sources.localised(mapped),
            paths=ROOMS,
        )

    def _claims_metadata(self) -> Part:
        """What other tools read about the ledger of claims."""
        out = f"{paths.REPORTS}/tables/claims_metadata.json"
        reads = Reads((CLAIMS,), watched=(CLAIMS,))
        return Part("cards.ledger", "claims_metadata", "claims_metadata", {}, out, (out,), reads, {"claims": CLAIMS})

    def _alarms(self) -> Part:
        """Alarms against annotated events, on all data sets."""
        settings = {"evaluate": self.params["evaluate"], "dpi": self.params["report"]["dpi"]}
        figures = tuple(f"{paths.REPORTS}/tables/alarms_{dataset}.png" for dataset in self.installed.reported)
        return self._of_all(
            "alarms", "alarms.write", "alarms", self.installed.variants, settings, self._scored(), figures
        )

    def _label_shift(self) -> Part:
        """How far metrics move where annotated intervals do, on all data sets."""
        settings = {"evaluate": self.params["evaluate"]}
        return self._of_all(
            "label_shift", "alarms.label_shift", "label_shift", self.installed.variants, settings, self._scored()
        )

    def _scored(self) -> Reads:
        """The scores and the frame labels of all data sets."""
        labels = [self.sources.split(dataset, "test.csv", labels=True) for dataset in self.installed.reported]
        return sum(labels, self.sources.scores(self.installed.variants))

    def _sizes(self) -> Part:
        """The size of every variant, installed or not."""
        words = ("dataset", "features", "model", "model_args")
        variants = {name: {word: entry[word] for word in words} for name, entry in self.params["variants"].items()}
        used = dict.fromkeys(entry["features"] for entry in variants.values())
        extractors = dict.fromkeys(name for features in used for name in self.installed.extractors(features))
        models = dict.fromkeys(entry["model"] for entry in variants.values())
        out = f"{paths.REPORTS}/tables/sizes"
        return Part(
            job="published.sizes",
            key="sizes",
            code="sizes",
            plugins=(*(f"models/{name}" for name in models), *(f"extractors/{name}" for name in extractors)),
            settings={"variants": variants, "features": {name: self.installed.plain_entry(name) for name in used}},
            out=out,
            files=(f"{out}.csv", f"{out}.md"),
            reads=Reads(),
            paths={},
        )

    def _site(self, parts: Sequence[Part]) -> Part:
        """One page over everything that other parts show: it reads their tables, and links what else they write."""
        files = [file for part in parts for file in part.files]
        linked = [Path(file) for file in files if Path(file).is_relative_to(paths.REPORTS)]
        tables = [file for file in files if file.endswith((".csv", "about.json")) and _is_shown(file)]
        variants, read = self.installed.variants, self.sources
        reads = read.metrics(variants) + read.configs(variants) + _assets(INDEX_ASSETS)
        reads += Reads(tuple(tables), watched=tuple(paths.record(part.out) for part in parts))
        for dataset in self.installed.reported:
            reads += read.split(dataset, "facts.json", "test.csv")
        out = f"{SITE}/index.html"
        return Part(
            job="site.index",
            key="site",
            code="site",
            settings={
                **self._runs(variants),
                "skipped": self.installed.skipped,
                "baselines": list(filter(self.installed.is_baseline, variants)),
                "synthetic": list(filter(self.installed.generated, self.installed.reported)),
                "files": [file.relative_to(paths.REPORTS).as_posix() for file in linked],
            },
            out=out,
            files=(out,),
            reads=reads,
            paths={**ROOMS, "reports": str(paths.REPORTS), "plots": str(PLOT_FOLDER), "tsne": str(TSNE_FOLDER)},
        )

    def _of_all(
        self,
        key: str,
        job: str,
        name: str,
        variants: Sequence[str],
        settings: Mapping[str, Any],
        reads: Reads,
        more: tuple[str, ...] = (),
    ) -> Part:
        """A table of all data sets."""
        facts = [self.sources.split(dataset, "facts.json") for dataset in self.installed.reported]
        out = f"{paths.REPORTS}/tables/{name}"
        return Part(
            job=job,
            key=key,
            code=key,
            settings={**self._runs(variants), "skipped": self.installed.skipped, **settings},
            out=out,
            files=(f"{out}.csv", f"{out}.md", *more),
            reads=sum(facts, self.sources.metrics(variants) + reads),
            paths={**ROOMS, "claims": CLAIMS, "summary": f"{paths.REPORTS}/summary.json"},
        )

    def _published(self, name: str) -> Part:
        """The table of a published system: it depends on its own rows, and on how numbers were had if it has any."""
        table, chosen = TABLES[name], self.published[name]
        variants = [variant for variant in chosen if variant in self.installed.variants]
        datasets = list(dict.fromkeys(self.installed.variant(variant).dataset for variant in variants))
        used = dict.fromkeys(self.params["variants"][variant]["dataset"] for variant in chosen)
        lists = ("facts.json", "test.csv", *["train.csv"] * (table.rows == "categories"))
        read, reads = self.sources, Reads((CLAIMS,), watched=(CLAIMS,))
        for dataset in datasets:
            reads += read.split(dataset, *lists, labels=bool(table.metrics))
        if table.metrics:
            reads += read.metrics(variants) + read.scores(variants)
        reads += read.costs(variants if table.costs else [], references=table.networks)
        if SPEED_CLAIM in {cited.id for cited in table.cited}:
            reads += read.video_networks()
        runs = self._runs(variants) | ({} if table.metrics else {"seeds": []})
        settings = {
            "table": name,
            **runs,
            "skipped": self._skipped(chosen),
            "synthetic": sorted(dataset for dataset in used if self.installed.generated(dataset)),
            "evaluate": self.params["evaluate"] if table.metrics else None,
        }
        out = f"{paths.REPORTS}/published/{name}"
        part = Part(
            job="published.write",
            key=f"table.{name}",
            code="published",
            settings=settings,
            out=out,
            files=tuple(f"{out}.{ending}" for ending in ("csv", "md", "tex")),
            reads=reads,
            paths={**ROOMS, "claims": CLAIMS},
        )
        of_where = self.mapped and WHERE_CLAIM in {cited.id for cited in table.cited}
        return self._with_localisation(part) if of_where else part

    # -- slices ----------------------------------------------------------------------------------------------

    def _runs(self, variants: Sequence[str]) -> dict[str, Any]:
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

    def _skipped(self, variants: Iterator[str] | Sequence[str]) -> dict[str, str]:
        """Those of some variants that cannot run here, each with the reason."""
        return {name: self.installed.skipped[name] for name in variants if name in self.installed.skipped}


def _assets(names: Sequence[str]) -> Reads:
    """Scripts, styles and templates of pages for a browser."""
    files = asset_files(names)
    return Reads(files, watched=files)


def _is_shown(file: str) -> bool:
    """Whether the page of all results shows what is in a file."""
    return any(Path(file).is_relative_to(folder) for folder in (paths.REPORTS, PLOT_FOLDER, TSNE_FOLDER))
