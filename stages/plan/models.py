"""Parts of room report that run a model: what it costs, and what it makes of test videos inside."""

from collections.abc import Mapping
from typing import Any

from stages.plan import paths
from stages.plan.installed import Installed
from stages.plan.parts import Part, Reads
from stages.plan.reads import COSTS, TSNE_FILES, Sources, tsne_folder

PICTURES = ("pictures", "frames")
"""Figures of a variant that predicts or rebuilds frames: these, and what is decided of them."""


class ModelParts:
    """Parts by variant, or by features and data set.

    Args:
        installed: what can run here.
        sources: what the parts read.
    """

    def __init__(self, installed: Installed, sources: Sources) -> None:
        self.installed, self.sources = installed, sources
        self.params = installed.params.model_dump(mode="json")

    def tsne(self, variant: str) -> Part:
        """The map of embeddings of a variant's first run."""
        entry, jobs = self.installed.variant(variant), self.sources.jobs
        evaluate, report, out = self.params["evaluate"], self.params["report"], tsne_folder(variant)
        return Part(
            job="report.tsne",
            key=f"tsne.{variant}",
            code=f"tsne.{entry.model}",
            plugins=(f"models/{entry.model}",),
            settings={
                "dataset": entry.dataset,
                "features": entry.features,
                "ground_truth": evaluate["ground_truth"],
                "tsne": report["tsne"],
            },
            out=out,
            files=tuple(f"{out}/{name}" for name in TSNE_FILES),
            reads=self.sources.first_run(variant),
            paths={
                "run": jobs.runs("train", variant)[0],
                "scores": jobs.runs("infer", variant)[0],
                "features": jobs.feature_folder(variant),
                "test": f"{paths.tables(entry.dataset)}/test.csv",
                "labels": f"{paths.tables(entry.dataset)}/frame_labels",
            },
        )

    def heat_maps(self, variant: str, figures: str) -> Part:
        """The figure of stored score maps; no model runs for it.

        Args:
            variant: one with maps.
            figures: the folder of the figures of variants.
        """
        dataset, jobs = self.installed.variant(variant).dataset, self.sources.jobs
        scores, tables = jobs.runs("infer", variant)[0], jobs.tables(variant)
        out = f"{figures}/{variant}_heat_maps.png"
        return Part(
            job="heat_maps.write",
            key=f"heat_maps.{variant}",
            code="heat_maps",
            settings={"variant": variant, "seed": jobs.seeds[0], "dpi": self.params["report"]["dpi"]},
            out=out,
            files=(out,),
            reads=self.sources.first_maps(variant),
            paths={
                "metrics": f"{jobs.runs('evaluate', variant)[0]}/metrics.json",
                "scores": scores,
                "maps": paths.maps(scores),
                "test": f"{tables}/test.csv",
                "truth": f"{tables}/truth",
                "videos": str(self.installed.root(dataset)),
            },
        )

    def pictures(self, dataset: str, runs: Mapping[str, Any], figures: Mapping[str, str]) -> Part:
        """The pictures that models predict or rebuild, for the same frames of a data set.

        Args:
            dataset: its name.
            runs: its variants with such models, and the seeds.
            figures: where `figures` of variants are written, and what other rooms wrote, by name.
        """
        names = [entry["name"] for entry in runs["variants"]]
        report, folders = self.params["report"], {f"features_{v}": self.sources.jobs.feature_folder(v) for v in names}
        reads = sum(map(self.sources.first_run, names), self.sources.metrics(names, "curves.csv"))
        # In data/, with the record: a record in git whose figures are not would be written again in each clone.
        out, comparison = f"{paths.DATA}/report/pictures/{dataset}", f"{paths.REPORTS}/{dataset}/pictures"
        drawn = [f"{figures['figures']}/{name}_{kind}.png" for name in names for kind in PICTURES]
        return Part(
            job="predictions.write",
            key=f"pictures.{dataset}",
            code=f"pictures.{dataset}",
            plugins=tuple(dict.fromkeys(f"models/{entry['model']}" for entry in runs["variants"])),
            settings={
                **runs,
                "dataset": dataset,
                "ground_truth": self.params["evaluate"]["ground_truth"],
                "dpi": report["dpi"],
            },
            out=out,
            files=(f"{out}/frames.csv", f"{comparison}/comparison.png", *drawn),
            reads=reads,
            paths={**figures, **folders, "comparison": comparison},
        )

    def head(self, variant: str) -> Part:
        """The cost of a variant's head. Without training settings: a new learning rate measures nothing again."""
        return self._cost("head", variant, *self._head(variant))

    def extractor(self, features: str, dataset: str) -> Part:
        """The cost of an extractor on the videos of a data set."""
        settings = {"dataset": dataset, "extractor": self.installed.plain_entry(features)}
        reads = self.sources.extractor(features, dataset)
        plugins = tuple(f"extractors/{name}" for name in self.installed.extractors(features))
        return self._cost(
            "extractor", f"{features}.{dataset}", settings, reads, {"video": reads.files[0]}, plugins, features
        )

    def references(self) -> Part:
        """The cost of image networks to compare with."""
        return self._cost("references", "", {}, Reads(), {})

    def edge_head(self, variant: str) -> Part:
        """The latency of a variant's head at batch 1, also in formats for edge devices."""
        return self._edge("head", variant, *self._head(variant))

    def _head(self, variant: str) -> tuple[dict[str, Any], Reads, dict[str, str], tuple[str, ...], str]:
        """Settings, inputs, places, plugins and code of what is measured of a variant's head."""
        entry = self.params["variants"][variant]
        settings = {name: entry[name] for name in ("dataset", "features", "model", "model_args")}
        reads = self.sources.head(variant)
        return settings, reads, {"features": reads.shapes[0]}, (f"models/{entry['model']}",), entry["model"]

    def edge_extractor(self, features: str, dataset: str) -> Part:
        """The latency of an extractor at batch 1, also in formats for edge devices."""
        settings = {"dataset": dataset, "features": features, "extractor": self.installed.plain_entry(features)}
        test, train = self.sources.extractor(features, dataset), self.sources.calibration(features, dataset)
        places = {"video": test.files[0], **{f"train_{i}": path for i, path in enumerate(train.files)}}
        plugins = tuple(f"extractors/{name}" for name in self.installed.extractors(features))
        return self._edge("extractor", f"{features}.{dataset}", settings, test + train, places, plugins, features)

    def _edge(
        self,
        kind: str,
        name: str,
        settings: Mapping[str, Any],
        reads: Reads,
        places: Mapping[str, str],
        plugins: tuple[str, ...],
        code: str,
    ) -> Part:
        """A measured latency."""
        key, report = f"edge_{kind}.{name}", self.params["report"]
        out = f"{COSTS}/{key}.json"
        return Part(
            job="export.measure",
            key=key,
            code=f"edge_{kind}.{code}",
            plugins=plugins,
            settings={"kind": kind, **settings, "formats": report["edge"], "efficiency": report["efficiency"]},
            out=out,
            files=(out,),
            reads=reads,
            paths=places,
        )

    def video_networks(self) -> Part:
        """The speed of XFeat beside 3D networks, which a claim is about."""
        out = f"{COSTS}/video_networks.json"
        return Part(
            job="cost.video_networks",
            key="video_networks",
            code="video_networks",
            plugins=tuple(f"extractors/{name}" for name in ("xfeat", "x3d", "i3d", "c3d")),
            settings={"efficiency": self.params["report"]["efficiency"]},
            out=out,
            files=(out,),
            reads=Reads(),
            paths={},
        )

    def _cost(
        self,
        kind: str,
        name: str,
        settings: Mapping[str, Any],
        reads: Reads,
        places: Mapping[str, str],
        plugins: tuple[str, ...] = (),
        code: str = "",
    ) -> Part:
        """A measured cost."""
        key = ".".join(filter(None, (kind, name)))
        out = f"{COSTS}/{key}.json"
        return Part(
            job="cost.write",
            key=key,
            code=".".join(filter(None, (kind, code))),
            plugins=plugins,
            settings={"kind": kind, **settings, "efficiency": self.params["report"]["efficiency"]},
            out=out,
            files=(out,),
            reads=reads,
            paths=places,
        )
