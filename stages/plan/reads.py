"""What the parts of room report read of other rooms: files, and the records that Snakemake watches for them."""

from collections.abc import Sequence
from pathlib import Path

from stages.plan import paths
from stages.plan.installed import Installed
from stages.plan.jobs import Jobs
from stages.plan.parts import Reads
from vad.export.calibration import spread

COSTS = paths.REPORTS / "efficiency"
LOCALISATION = f"{paths.REPORTS}/tables/localisation"
TSNE_FOLDER = paths.DATA / "report" / "tsne"
TSNE_FILES = ("points.csv", "videos.csv", "about.json")


class Sources:
    """The files of other rooms, and of other parts, by variant or data set.

    Args:
        installed: what can run here.
        jobs: what the other rooms write.
    """

    def __init__(self, installed: Installed, jobs: Jobs) -> None:
        self.installed, self.jobs = installed, jobs

    def metrics(self, variants: Sequence[str], *others: str) -> Reads:
        """The metrics of every run of some variants, and other files beside them."""
        runs = [run for variant in variants for run in self.jobs.runs("evaluate", variant)]
        files = [f"{run}/{name}" for run in runs for name in ("metrics.json", *others)]
        return Reads(tuple(files), watched=tuple(map(paths.record, runs)))

    def scores(self, variants: Sequence[str]) -> Reads:
        """The score files of every run of some variants."""
        files = tuple(run for variant in variants for run in self.jobs.runs("infer", variant))
        return Reads(files, watched=tuple(map(paths.record, files)))

    def first_scores(self, variant: str) -> Reads:
        """The score file of a variant's first run."""
        file = self.jobs.runs("infer", variant)[0]
        return Reads((file,), watched=(paths.record(file),))

    def first_maps(self, variant: str) -> Reads:
        """What room evaluate found out about a variant's first run, the score maps of its videos, and ground truth."""
        run, scores = (self.jobs.runs(room, variant)[0] for room in ("evaluate", "infer"))
        metrics = Reads((f"{run}/metrics.json",), watched=(paths.record(run),))
        dataset = self.installed.variant(variant).dataset
        truth = self.split(dataset, "test.csv") + Reads(folders=(f"{paths.tables(dataset)}/truth",))
        return metrics + self.first_scores(variant) + truth + Reads(folders=(paths.maps(scores),))

    def localised(self, variants: Sequence[str]) -> Reads:
        """What room evaluate found out about the score maps of every run of some variants."""
        runs = tuple(run for variant in variants for run in self.jobs.runs("evaluate", variant))
        return Reads(folders=runs, watched=tuple(map(paths.record, runs)))

    def localisation(self) -> Reads:
        """The table of paired differences in localisation metrics, of all data sets."""
        return Reads((f"{LOCALISATION}_differences.csv",), watched=(paths.record(LOCALISATION),))

    def histories(self, variant: str) -> Reads:
        """Training curves and config of every run of a variant."""
        runs = self.jobs.runs("train", variant)
        files = tuple(f"{run}/{name}" for run in runs for name in ("history.csv", "config.json"))
        return Reads(files, watched=tuple(map(paths.record, runs)))

    def configs(self, variants: Sequence[str]) -> Reads:
        """The config of every run of some variants."""
        runs = [run for variant in variants for run in self.jobs.runs("train", variant)]
        return Reads(tuple(f"{run}/config.json" for run in runs), watched=tuple(map(paths.record, runs)))

    def split(self, dataset: str, *names: str, labels: bool = False) -> Reads:
        """Some split tables of a data set; with `labels` also the label of each frame, where it has such files."""
        folder = paths.tables(dataset)
        files, folders = tuple(f"{folder}/{name}" for name in names), (f"{folder}/frame_labels",) * labels
        return Reads(files, folders, (paths.record(folder),))

    def first_run(self, variant: str) -> Reads:
        """What a look inside a variant's first run needs: weights, scores, truth and the features of the test list."""
        run, dataset = self.jobs.runs("train", variant)[0], self.installed.variant(variant).dataset
        weights = Reads((f"{run}/weights.safetensors", f"{run}/config.json"), watched=(paths.record(run),))
        features = tuple(self.jobs.feature_files(variant, "test"))
        truth = self.split(dataset, "test.csv", labels=True)
        rows = Reads(features, watched=tuple(map(paths.record, features)))
        return weights + self.first_scores(variant) + truth + rows

    def head(self, variant: str) -> Reads:
        """The features of the first test video, on which a variant's head is measured; their values do not count."""
        file = self.jobs.feature_files(variant, "test")[0]
        return Reads(shapes=(file,), watched=(paths.record(file),))

    def extractor(self, features: str, dataset: str) -> Reads:
        """The first test video of a data set, on which an extractor is measured."""
        first = next(video.video_id for video in self.installed.videos(dataset) if video.split == "test")
        files = tuple(self.installed.sources(features, dataset)[first])
        return Reads(files, watched=tuple(self.installed.raw_records(dataset)))

    def calibration(self, features: str, dataset: str) -> Reads:
        """The train videos that an int8 extractor is made for."""
        sources = self.installed.sources(features, dataset)
        files = tuple(sources[video.video_id][0] for video in spread(self.installed.fit_videos(dataset)))
        return Reads(files, watched=tuple(self.installed.raw_records(dataset)))

    def costs(self, variants: Sequence[str], references: bool = False) -> Reads:
        """What was measured of heads and extractors of some variants, and of the image networks."""
        entries = [self.installed.variant(variant) for variant in variants]
        names = [f"head.{variant}" for variant in variants]
        names += [f"extractor.{e.features}.{e.dataset}" for e in entries if not self.installed.imported(e.features)]
        files = tuple(f"{COSTS}/{name}.json" for name in dict.fromkeys([*names, *["references"] * references]))
        return Reads(files, watched=tuple(map(paths.record, files)))

    def video_networks(self) -> Reads:
        """The speeds of networks that claims are compared with."""
        file = f"{COSTS}/video_networks.json"
        return Reads((file,), watched=(paths.record(file),))

    def edge(self, variants: Sequence[str]) -> Reads:
        """The latencies of heads and extractors of some variants at batch 1."""
        files = tuple(f"{COSTS}/edge_{Path(path).name}" for path in self.costs(variants).files)
        return Reads(files, watched=tuple(map(paths.record, files)))

    def inside(self, variant: str) -> Reads:
        """The map of embeddings of a variant."""
        tsne = tsne_folder(variant)
        return Reads(tuple(f"{tsne}/{name}" for name in TSNE_FILES), watched=(paths.record(tsne),))


def tsne_folder(variant: str) -> str:
    """Where the map of a variant's embeddings lies."""
    return str(TSNE_FOLDER / variant)
