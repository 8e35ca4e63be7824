"""What is to be made, from params.yaml and the official lists: the names and paths of every artefact.

Loading writes each room's slice of params to `.params/<room>/<key>.json` (only when its text changed): the slice
is an input file of the room's rules, so both tools see a changed knob without any memory of their own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import vad.datasets
import vad.extractors
import vad.models
from stages.room import typed
from vad import registry
from vad.artefacts.files import canonical_json, read_json, write_text
from vad.ledger.code import code_files
from vad.ledger.records import SUFFIX
from vad.ledger.staleness import wake_path
from vad.params import load
from vad.published.tables import TABLES
from vad.schema.params import Params, Variant
from vad.splits.video import Video

SECTIONS = Path(".params")
DATA = Path("data")
REPORTS = Path("reports")
ROOMS = ("split", "features", "train", "infer", "evaluate", "report")
PLOTS = ("roc", "pr", "scores", "training", "confusion", "tsne")
FIGURES = ("scores", "confusion", "training", "tsne")
VIDEOS_PER_JOB = 16  # at most: several videos share the seconds that Python and torch take to start
JOBS_WANTED = 8  # at least, for data sets of few videos: every core should have work


@dataclass(frozen=True)
class Batch:
    """The videos of one data set that one job extracts."""

    features: str
    dataset: str
    number: int
    videos: tuple[Video, ...]

    @property
    def name(self) -> str:
        """A rule name."""
        return f"features.{self.features}.{self.dataset}.{self.number}"  # a dot is in no id: names cannot collide


class Plan:
    """Everything that the Snakefile needs to know, resolved once.

    Args:
        path: params.yaml.
    """

    def __init__(self, path: Path) -> None:
        self.params: Params = load(path, cache=SECTIONS / "resolved.json")
        self._write_sections()
        self._make_folders()

    # -- what is installed -----------------------------------------------------------------------------------

    @cache  # noqa: B019 - one plan per process
    def dataset(self, name: str) -> Any:  # noqa: ANN401 - a plugin
        """The data set plugin of an entry."""
        entry = self.params.datasets[name].model_dump()
        module = registry.find(vad.datasets, entry.pop("kind"))
        return module.Dataset(typed(module.Config, entry), self.raw(name))

    def features_entry(self, name: str) -> dict[str, Any]:
        """The checked settings of a features entry; no plugin is imported for them (torch takes seconds)."""
        return self.params.features[name].model_dump()

    def vectors_entry(self, name: str) -> dict[str, Any]:
        """The settings of the extractor that makes the vectors: the entry, or the one inside it."""
        entry = self.features_entry(name)
        return dict(entry.get("vectors", entry))

    def extractors(self, name: str) -> list[str]:
        """The extractors of a features entry, as plugin files: its own and the one inside it."""
        names = [self.params.features[name].extractor, self.vectors_entry(name)["extractor"]]
        return [f"extractors/{extractor}" for extractor in dict.fromkeys(names)]

    def missing(self, variant: Variant) -> str:
        """Why a variant cannot run here; empty if it can."""
        if self.dataset(variant.dataset).root is None:
            get = getattr(self.dataset(variant.dataset), "GET", "")
            reason = f"data set {variant.dataset} is not installed (datasets.{variant.dataset}.root is null)"
            return f"{reason}. {get}" if get else reason
        if self.vectors_entry(variant.features).get("root", "") is None:
            return f"features {variant.features} are not installed (features.{variant.features}.root is null)"
        return ""

    @cached_property
    def variants(self) -> list[str]:
        """The variants that can run here, in the order of params.yaml."""
        return [name for name, variant in self.params.variants.items() if not self.missing(variant)]

    @cached_property
    def skipped(self) -> dict[str, str]:
        """The other variants, each with the reason."""
        return {name: reason for name, v in self.params.variants.items() if (reason := self.missing(v))}

    @cached_property
    def datasets(self) -> list[str]:
        """The data sets that are installed; one that the project makes itself only if a variant uses it."""
        used = {self.params.variants[name].dataset for name in self.variants}
        return [
            name
            for name in self.params.datasets
            if self.dataset(name).root is not None and (name in used or not self.generated(name))
        ]

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """(features, data set) pairs that a variant needs."""
        return sorted({(v.features, v.dataset) for v in (self.params.variants[name] for name in self.variants)})

    # -- videos ----------------------------------------------------------------------------------------------

    @cache  # noqa: B019 - one plan per process
    def videos(self, dataset: str) -> list[Video]:
        """The videos of a data set, from its lists."""
        plugin = self.dataset(dataset)
        return plugin.videos(self._available(dataset)) if self.partial(dataset) else plugin.videos()

    def partial(self, dataset: str) -> bool:
        """Whether a data set is cut down to the videos whose features are there."""
        return self.params.datasets[dataset].model_dump().get("subset", "all") == "available"

    def _available(self, dataset: str) -> Callable[[Video], bool]:
        """Whether every imported feature table that is used with a data set has a video."""
        tables = [self.imported_features(f) for f, d in self.pairs if d == dataset and self.imported(f)]
        return lambda video: all(table.has(video.video_id) for table in tables)

    def write_available(self, dataset: str) -> list[str]:
        """For a partial data set: the file that lists its videos (written only when it changed)."""
        if not self.partial(dataset):
            return []
        ids = sorted(v.video_id for v in self.videos(dataset))
        return [self._write(SECTIONS / "batches" / f"split_{dataset}.json", ids)]

    def generated(self, dataset: str) -> bool:
        """Whether the project itself makes the videos of a data set."""
        return getattr(self.dataset(dataset), "GENERATED", False)

    def raw_files(self, dataset: str) -> list[Path]:
        """The files of a generated data set: lists and videos.

        Without the images of frame folders, which are too many for Snakemake; the record names them all.
        """
        plugin = self.dataset(dataset)
        return [*plugin.lists(), *(plugin.root / v.path for v in plugin.videos() if not self._by_record(dataset))]

    def _by_record(self, dataset: str) -> bool:
        """Whether a generated data set keeps its videos as frame folders, known to Snakemake by their record alone."""
        return self.generated(dataset) and getattr(self.dataset(dataset), "FRAME_FOLDERS", False)

    def batches(self) -> Iterator[Batch]:
        """Every feature job."""
        for features, dataset in self.pairs:
            videos = self.videos(dataset)
            size = max(min(VIDEOS_PER_JOB, len(videos) // JOBS_WANTED), 1)
            for number, start in enumerate(range(0, len(videos), size)):
                yield Batch(features, dataset, number, tuple(videos[start : start + size]))

    @cache  # noqa: B019 - one plan per process
    def imported_features(self, features: str) -> Any:  # noqa: ANN401 - a plugin
        """The reader of a table of published features."""
        entry = self.vectors_entry(features)
        module = registry.find(vad.extractors, entry.pop("extractor"))
        return module.Extractor(typed(module.Config, entry))

    def imported(self, features: str) -> bool:
        """Whether vectors are read from files instead of computed from videos."""
        return self.vectors_entry(features)["extractor"] == "imported"

    @cache  # noqa: B019 - one plan per process
    def sources(self, features: str, dataset: str) -> dict[str, list[str]]:
        """The files that the features of each video are made from: the video, published feature files, or both."""
        videos, files = self.videos(dataset), {}
        if not self.imported(features) or "vectors" in self.features_entry(features):
            files = {v.video_id: [str(self.dataset(dataset).root / v.path)] for v in videos}
        if self.imported(features):
            found = self.imported_features(features).sources([v.video_id for v in videos])
            return {k: [*files.get(k, []), *map(str, paths)] for k, paths in found.items()}
        return files

    def inputs(self, batch: Batch) -> list[str]:
        """What Snakemake watches for a feature job: the sources, with one record for all folders of a generated set."""
        sources = self.sources(batch.features, batch.dataset)
        return self._watched(batch.dataset, [path for video in batch.videos for path in sources[video.video_id]])

    def _watched(self, dataset: str, paths: list[str]) -> list[str]:
        """The files themselves, or the one record of a generated set's folders in their place."""
        if not self._by_record(dataset):
            return paths
        raw = self.raw(dataset).as_posix()
        return list(dict.fromkeys(f"{raw}{SUFFIX}" if path.startswith(f"{raw}/") else path for path in paths))

    def write_batch(self, batch: Batch) -> str:
        """Write the list of videos of a feature job (only when it changed) and return its path."""
        sources = self.sources(batch.features, batch.dataset)
        rows = [{"video_id": v.video_id, "sources": sources[v.video_id], "n_frames": v.n_frames} for v in batch.videos]
        return self._write(SECTIONS / "batches" / f"{batch.name}.json", rows)

    # -- paths -----------------------------------------------------------------------------------------------

    @staticmethod
    def raw(dataset: str) -> Path:
        """Where a generated data set lives."""
        return DATA / "split" / dataset / "raw"

    @staticmethod
    def tables(dataset: str) -> Path:
        """The split tables of a data set."""
        return DATA / "split" / dataset / "tables"

    @staticmethod
    def feature_folder(features: str, dataset: str) -> Path:
        """The feature files of a data set."""
        return DATA / "features" / features / dataset

    def feature_files(self, variant: str, split: str) -> list[str]:
        """The feature files of the train or the test list, as a variant uses them."""
        entry = self.params.variants[variant]
        folder = self.feature_folder(entry.features, entry.dataset)
        return [f"{folder / v.video_id}.npz" for v in self.videos(entry.dataset) if v.split == split]

    def variant_features(self, variant: str) -> str:
        """The folder of feature files that a variant reads."""
        entry = self.params.variants[variant]
        return self.feature_folder(entry.features, entry.dataset).as_posix()

    def table(self, variant: str, split: str) -> str:
        """The train or test table of a variant's data set."""
        return (self.tables(self.params.variants[variant].dataset) / f"{split}.csv").as_posix()

    def runs(self, room: str, variant: str, suffix: str) -> list[str]:
        """One path per seed of a variant that can run; none for another."""
        top = REPORTS / "metrics" if room == "evaluate" else DATA / room
        seeds = self.params.seeds if variant in self.variants else []
        return [f"{top / variant}/seed{seed}{suffix}" for seed in seeds]

    def weights(self, variant: str) -> list[str]:
        """Weights and config of every trained run of a variant."""
        return [
            path for name in ("weights.safetensors", "config.json") for path in self.runs("train", variant, f"/{name}")
        ]

    def all_runs(self, room: str, suffix: str) -> list[str]:
        """One path per variant that can run and seed."""
        return [path for variant in self.variants for path in self.runs(room, variant, suffix)]

    def targets(self) -> Iterator[tuple[str, dict[str, list[str]]]]:
        """(room, {entry: its records}): the targets that the stages of dvc.yaml ask for."""
        tables = {d: [f"{self.tables(d)}.prov.json"] if d in self.datasets else [] for d in self.params.datasets}
        yield "split", tables
        folders = {
            f: [self.feature_folder(f, d) / v.video_id for g, d in self.pairs if f == g for v in self.videos(d)]
            for f in self.params.features
        }
        yield "features", {f: [f"{path}.npz.prov.json" for path in paths] for f, paths in folders.items()}
        for room, suffix in (("train", ".prov.json"), ("infer", ".npz.prov.json"), ("evaluate", ".prov.json")):
            yield room, {v: self.runs(room, v, suffix) for v in self.params.variants}

    # -- room report -----------------------------------------------------------------------------------------

    @property
    def extracted(self) -> list[tuple[str, str]]:
        """The (features, data set) pairs whose features are computed from videos: what an extractor costs."""
        return [(f, d) for f, d in self.pairs if not self.imported(f)]

    def write_parts(self) -> str:
        """Write the list of what room report measures (only when it changed) and return its path.

        A part: the section that decides it, its code, its inputs (a feature file, or a video), what Snakemake watches
        of them, and where it is written.
        """
        rows = []
        for name in self.variants:
            model = self.params.variants[name].model
            files = self.feature_files(name, "test")[:1]
            rows.append((f"head.{name}", [f"models/{model}"], files, files))
        for features, dataset in self.extracted:
            first = next(v.video_id for v in self.videos(dataset) if v.split == "test")
            files = self.sources(features, dataset)[first]
            name = f"extractor.{features}.{dataset}"
            rows.append((name, self.extractors(features), files, self._watched(dataset, files)))
        rows.append(("references", [], [], []))
        parts = [
            {
                "section": self.section("report", part),
                "code": self.code("report", *plugins, job="efficiency"),
                "inputs": inputs,
                "watched": watched,
                "out": f"{REPORTS}/efficiency/{part}.json",
            }
            for part, plugins, inputs, watched in rows
        ]
        return self._write(SECTIONS / "batches" / "efficiency.json", parts)

    def parts(self, key: str) -> list[str]:
        """One key of every part that room report measures, all its values joined."""
        values = [part[key] for part in read_json(Path(self.write_parts()))]
        return list(dict.fromkeys(v for value in values for v in (value if isinstance(value, list) else [value])))

    def tsne(self) -> list[str]:
        """The folder of every variant's map of embeddings."""
        return [f"{DATA}/report/tsne/{variant}" for variant in self.variants]

    @property
    def published(self) -> dict[str, list[str]]:
        """The tables of published systems that params.yaml asks for, each with its variants."""
        return {name: rows for name, rows in self.params.report.published.model_dump().items() if rows}

    @staticmethod
    def published_table(name: str) -> str:
        """The path that the files of a published table share, without their ends."""
        return f"{REPORTS}/published/{name}"

    def published_inputs(self, name: str) -> list[str]:
        """The records of what a published table is made of, and of nothing else."""
        table, variants = TABLES[name], [v for v in self.published[name] if v in self.variants]
        entries = [self.params.variants[v] for v in variants]
        found = [f"{self.tables(entry.dataset)}{SUFFIX}" for entry in entries]
        if table.metrics:
            rooms = (("evaluate", SUFFIX), ("infer", f".npz{SUFFIX}"))
            found += [path for v in variants for room, suffix in rooms for path in self.runs(room, v, suffix)]
        parts = [f"head.{v}" for v in variants] if table.costs else []
        parts += [f"extractor.{e.features}.{e.dataset}" for e in entries if parts and not self.imported(e.features)]
        parts += ["references"] if table.networks else []
        return list(dict.fromkeys([*found, *(f"{REPORTS}/efficiency/{part}.json{SUFFIX}" for part in parts)]))

    def maps_patches(self, variant: str) -> bool:
        """Whether the model of a variant says where in a picture it sees something."""
        return registry.stated(vad.models, self.params.variants[variant].model, "maps_patches") is True

    def heat_maps(self) -> list[str]:
        """The folder of patch maps of every variant that has them."""
        return [f"{DATA}/report/heat_maps/{variant}" for variant in self.variants if self.maps_patches(variant)]

    @staticmethod
    def report_tables() -> list[str]:
        """The tables of room report."""
        compared = [
            f"{name}.{end}"
            for name in ("conventions", "significance", "selection_gap", "classes", "claims", "efficiency")
            for end in ("csv", "md")
        ]
        return ["results.csv", "results.md", "baselines.csv", *compared]

    def report_figures(self) -> list[str]:
        """The figures of room report."""
        datasets = sorted({self.params.variants[v].dataset for v in self.variants})
        shared = [f"{d}_{kind}.png" for d in datasets for kind in ("roc", "pr", "efficiency")]
        shared += [f"{Path(folder).name}_heat_maps.png" for folder in self.heat_maps()]
        return shared + [f"{v}_{kind}.png" for v in self.variants for kind in FIGURES]

    def report_plots(self) -> list[str]:
        """The plot data of room report, for `dvc plots`."""
        return [f"{kind}/{v}.csv" for v in self.variants for kind in PLOTS]

    @staticmethod
    def code(room: str, *plugins: str, job: str = "run") -> list[str]:
        """The code files of a room's job, with the plugin files that it loads by name."""
        plugin_files = [Path("vad", f"{p}.py") for p in plugins]
        return [p.as_posix() for p in code_files(Path("stages", room, f"{job}.py"), *plugin_files)]

    def model_code(self, room: str, variant: str, job: str = "run") -> list[str]:
        """The code files of a room's job that builds a variant's model."""
        return self.code(room, f"models/{self.params.variants[variant].model}", job=job)

    @staticmethod
    def section(room: str, key: str) -> str:
        """The params slice of a room's rule, as a file."""
        return (SECTIONS / room / f"{key}.json").as_posix()

    @staticmethod
    def wake(room: str, key: str) -> str:
        """The input that changes when the rule has to look at its artefacts again."""
        return Plan.wake_of(Plan.section(room, key))

    @staticmethod
    def wake_of(section: str) -> str:
        """The same for the path of a section."""
        return wake_path(Path(section)).as_posix()

    # -- loading ---------------------------------------------------------------------------------------------

    def list_artefacts(self) -> None:
        """List what params.yaml asks for: a record of anything else is an orphan, not a stale artefact."""
        records = [f"{self.raw(d)}{SUFFIX}" for d in self.datasets if self.generated(d)]
        records += [record for _, entries in self.targets() for files in entries.values() for record in files]
        reported = [*self.parts("out"), *self.tsne(), *self.heat_maps(), f"{REPORTS}/tables"]
        records += [f"{out}{SUFFIX}" for out in reported]
        records += [f"{self.published_table(name)}{SUFFIX}" for name in self.published]
        artefacts = sorted(artefact_of(record) for record in records)
        self._write(SECTIONS / "artefacts.json", artefacts)

    def _write_sections(self) -> None:
        """Write the slices whose text changed, and remove those of entries that are gone."""
        wanted = {Path(self.section(room, key)): value for room, key, value in self._sections()}
        known = {p for room in ROOMS for p in (SECTIONS / room).glob("*.json")}
        for path in known - set(wanted):
            path.unlink()
            wake_path(path).unlink(missing_ok=True)
        for path, value in wanted.items():
            self._write(path, value)
            if not wake_path(path).is_file():
                write_text(wake_path(path), "{}\n")

    @staticmethod
    def _write(path: Path, value: Any) -> str:  # noqa: ANN401 - JSON
        """Write JSON only when its text changed: a fresh file time means a changed knob."""
        text = canonical_json(value)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)
        return path.as_posix()

    def _sections(self) -> Iterator[tuple[str, str, Any]]:
        """(room, key, slice): exactly what each room may see."""
        tree = self.params.model_dump(mode="json")
        for key, entry in tree["datasets"].items():
            yield "split", key, entry
        for key, entry in tree["features"].items():
            yield "features", key, entry
        for key, entry in tree["variants"].items():
            yield "train", key, {k: entry[k] for k in ("dataset", "features", "model", "model_args", "train")}
            yield "infer", key, entry["infer"]
            yield "evaluate", key, tree["evaluate"]
        rows = [
            {
                "name": k,
                **{w: e[w] for w in ("dataset", "features", "model")},
                "imported": self.imported(e["features"]),
                "maps_patches": self.maps_patches(k),
            }
            for k, e in tree["variants"].items()
        ]
        settings = {k: v for k, v in tree["report"].items() if k != "published"}
        slice_ = {"report": settings, "evaluate": tree["evaluate"], "seeds": tree["seeds"], "variants": rows}
        yield "report", "report", {**slice_, "skipped": self.skipped}
        yield from self._report_sections(tree)
        yield from self._published_sections(tree, {row["name"]: row for row in rows})

    def _report_sections(self, tree: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
        """Slices of what room report measures and maps: no training settings, so a new rate measures nothing again.

        A dot is in no id: these keys cannot collide with others.
        """
        how, features = {"efficiency": tree["report"]["efficiency"]}, tree["features"]
        for name in self.variants:
            entry = tree["variants"][name]
            data = {k: entry[k] for k in ("dataset", "features")}
            head = {"kind": "head", **data, **{k: entry[k] for k in ("model", "model_args")}, **how}
            yield "report", f"head.{name}", head
            truth = tree["evaluate"]["ground_truth"]
            yield "report", f"tsne.{name}", {**data, "ground_truth": truth, "tsne": tree["report"]["tsne"]}
            if self.maps_patches(name):
                yield "report", f"heat_maps.{name}", {**data, "ground_truth": truth}
        for f, dataset in self.extracted:
            part = {"kind": "extractor", "dataset": dataset, "features": features[f], **how}
            yield "report", f"extractor.{f}.{dataset}", part
        yield "report", "references", {"kind": "references", **how}

    def _published_sections(
        self, tree: dict[str, Any], variants: dict[str, dict[str, Any]]
    ) -> Iterator[tuple[str, str, Any]]:
        """What each table of a published system may see: its own rows, and how numbers were measured if it has any."""
        for name, chosen in self.published.items():
            rows, skipped = [variants[v] for v in chosen], {v: self.skipped[v] for v in chosen if v in self.skipped}
            synthetic = sorted({row["dataset"] for row in rows if self.generated(row["dataset"])})
            slice_ = {"table": name, "variants": rows, "skipped": skipped, "synthetic": synthetic}
            measured = {k: tree[k] for k in ("evaluate", "seeds")} if TABLES[name].metrics else {}
            yield "report", f"table.{name}", slice_ | measured

    def _make_folders(self) -> None:
        """Folders that DVC lists as outputs also where a variant has nothing to write yet (not installed)."""
        folders = [self.tables(d) for d in self.params.datasets]
        for name, v in self.params.variants.items():
            folders += [self.feature_folder(v.features, v.dataset), DATA / "train" / name, DATA / "infer" / name]
            folders += [REPORTS / "metrics" / name]
        folders += [REPORTS / "published"]
        for folder in (*folders, *(DATA / "features" / f for f in self.params.features)):
            folder.mkdir(parents=True, exist_ok=True)

    def trains_on_gpu(self, variant: str) -> int:
        """GPUs that training and scoring of a variant ask for."""
        return int(self.params.variants[variant].train.device == "cuda")

    def needs_gpu(self, features: str) -> bool:
        """Whether a features entry asks for a GPU."""
        return self.vectors_entry(features).get("device", "cpu") == "cuda"


def artefact_of(record: str) -> str:
    """The artefact that a record belongs to."""
    return record.removesuffix(SUFFIX)
