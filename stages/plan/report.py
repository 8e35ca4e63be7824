"""What room report makes: every table of every data set is a part with its own record, made in bundles.

So a new setting of one variant touches the report of its own data set only, and a changed table builder makes its own
tables again and nothing else. The parts of a bundle share the seconds that Python and torch take to start.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from stages.plan import paths
from stages.plan.dataset_report import ALL_CORES, PLOT_FOLDER, ROOMS, DatasetReports, assets
from stages.plan.installed import Installed
from stages.plan.jobs import Jobs
from stages.plan.models import ModelParts
from stages.plan.parts import Bundle, Part, Reads
from stages.plan.reads import LOCALISATION, TSNE_FOLDER, Sources
from vad.claims.speeds import CLAIM as SPEED_CLAIM
from vad.claims.where import CLAIM as WHERE_CLAIM
from vad.errors import ParamsError
from vad.published.tables import TABLES
from vad.site.names import INDEX_ASSETS

SCRIPT = Path("stages/report/run.py")
CLAIMS = "vad/claims/ledger.csv"
RESERVED = ("tables", "published", "efficiency", "site")
"""Folders of `reports` that belong to all data sets."""
OWN_VIDEOS = "folder"
"""Kind of data set that is a user's own."""


class Reports:
    """The parts and bundles of room report.

    Args:
        installed: what can run here.
        jobs: what the other rooms write.

    Raises: ParamsError for a data set with the name of a folder that belongs to all data sets.
    """

    def __init__(self, installed: Installed, jobs: Jobs) -> None:
        self.installed, self.sources = installed, Sources(installed, jobs)
        self.models = ModelParts(installed, self.sources)
        self.datasets = DatasetReports(installed, self.sources, self.models, jobs.seeds)
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
        where = self.datasets.localisation("localisation", f"{paths.REPORTS}/tables", self.mapped)
        shown = [
            *(bundle for own in self._of_datasets.values() for bundle in own),
            *tables,
            *([Bundle("localisation", (where,), "where anomalies are")] if self.mapped else []),
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

    @cached_property
    def _of_datasets(self) -> dict[str, tuple[Bundle, ...]]:
        """The bundles of every data set that a variant can run on."""
        return {name: self.datasets.bundles(name) for name in self.installed.reported}

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
        """The part, which also reads the paired differences in localisation metrics."""
        reads = part.reads + self.sources.localisation()
        return replace(part, reads=reads, paths={**part.paths, "localisation": LOCALISATION})

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
        reads = read.metrics(variants) + read.configs(variants) + assets(INDEX_ASSETS)
        reads += Reads(tuple(tables), watched=tuple(paths.record(part.out) for part in parts))
        for dataset in self.installed.reported:
            reads += read.split(dataset, "facts.json", "test.csv")
        out = f"{paths.SITE}/index.html"
        return Part(
            job="site.index",
            key="site",
            code="site",
            settings={
                **self.datasets.runs(variants),
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
            settings={**self.datasets.runs(variants), "skipped": self.installed.skipped, **settings},
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
        runs = self.datasets.runs(variants) | ({} if table.metrics else {"seeds": []})
        settings = {
            "table": name,
            **runs,
            "skipped": self.datasets.skipped(chosen),
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


def _is_shown(file: str) -> bool:
    """Whether the page of all results shows what is in a file."""
    return any(Path(file).is_relative_to(folder) for folder in (paths.REPORTS, PLOT_FOLDER, TSNE_FOLDER))
