"""What each published table shows: its columns, and the claims of the ledger that stand beside our rows.

A column is a metric of `vad.evaluation.evaluate.METRICS` (its level is in its name), a cost of
`vad.cost.table.COLUMNS`, or of published numbers alone: `video_pr_auc_trapezoid` and what begins with `published_`.
"""

from dataclasses import dataclass
from typing import Literal

from vad.cost.table import MEASURED

TRAPEZOID = "video_pr_auc_trapezoid"
"""The area under the precision-recall curve by trapezoids: overrated, so no metric of ours."""


@dataclass(frozen=True)
class Cited:
    """A claim of the ledger.

    Attributes:
        id: of the claim.
        columns: where its numbers stand; none = it stands below the table.
        row: what the row is called, where the system's name does not say it.
    """

    id: str
    columns: tuple[str, ...] = ()
    row: str = ""


@dataclass(frozen=True)
class Table:
    """One published table.

    Attributes:
        title: whose table it is, and what it shows.
        about: which columns differ from the published ones, and why.
        metrics: columns from metrics files.
        costs: columns from what room report measured.
        cited: claims beside our rows.
        rows: a row per variant, per category of the data set, or per class of video.
        networks: True if image networks stand beside the variants.
        video_networks: True if 3D networks stand beside them, each by itself.
        differences: True if each row is compared with the first one of its data set.
    """

    title: str
    about: str
    metrics: tuple[str, ...] = ()
    costs: tuple[str, ...] = ()
    cited: tuple[Cited, ...] = ()
    rows: Literal["variants", "categories", "classes"] = "variants"
    networks: bool = False
    video_networks: bool = False
    differences: bool = False

    @property
    def timed(self) -> bool:
        """True if it shows what differs from machine to machine."""
        return any(name in MEASURED for name in self.costs)

    @property
    def counted(self) -> bool:
        """True if it shows operations of one sample: then a column says what a sample is."""
        return "macs" in self.costs


_MEMTSM_SIZES = (
    Cited("R09", ("params",)),
    Cited("R10", ("params",)),
    Cited("R11", ("params",)),
)
_FRAME_LEVEL = tuple(Cited(name, ("frame_auc",)) for name in ("P01", "P15", "P18", "P09", "P21a", "P22a", "P25a"))

TABLES: dict[str, Table] = {
    "memtsm_1": Table(
        "MemTSM-Net, table 1: categories of the data set",
        "Videos of each class, counted in the lists. `n_train` holds `n_validation`, the part that chooses epochs and"
        " thresholds; the report has no such part, its epoch was chosen on the test list.",
        cited=(Cited("R18", ("published_videos",)), Cited("R19", ("published_classes",)), Cited("R20")),
        rows="categories",
    ),
    "memtsm_2": Table(
        "MemTSM-Net, table 2: metrics",
        "One score a video. The published PR-AUC is a trapezoid under the precision-recall curve, which is no average"
        f" precision: it stands as `{TRAPEZOID}`, and `video_ap` is ours. Our thresholds are chosen on validation"
        " videos, the published one on the test list.",
        metrics=("video_auc", "video_ap", "video_accuracy", "video_precision", "video_recall", "video_f1"),
        cited=(
            Cited("R01", ("video_auc",)),
            Cited("R02", (TRAPEZOID,)),
            Cited("R03", ("video_accuracy",)),
            Cited("R04", ("video_precision",)),
            Cited("R05", ("video_recall",)),
            Cited("R06", ("video_f1",)),
        ),
    ),
    "memtsm_3": Table(
        "MemTSM-Net, table 3: ROC areas beside previous work",
        "The published table has one column for numbers of two levels. Here one score a video (`video_auc`) and one a"
        " frame (`frame_auc`) are two columns, and no number of one compares with a number of the other. Previous work"
        " at frame level is quoted from the claims ledger.",
        metrics=("video_auc", "frame_auc"),
        cited=(*(Cited(name, ("video_auc",)) for name in ("R01", "R07", "R08")), *_FRAME_LEVEL, Cited("R16")),
    ),
    "memtsm_4": Table(
        "MemTSM-Net, table 4: ROC area and parameters",
        "`params` counts the head alone, as the published column does; no head runs without its extractor, whose"
        " parameters are `extractor_params`. A head on narrower features than the published ones has fewer.",
        metrics=("video_auc",),
        costs=("params", "extractor_params"),
        cited=(*(Cited(name, ("video_auc",)) for name in ("R01", "R07", "R08")), *_MEMTSM_SIZES, Cited("R17")),
    ),
    "memtsm_5": Table(
        "MemTSM-Net, table 5: operations beside image networks",
        "`macs` and `flops` = 2 x `macs` are of one sample of the head; `macs_per_frame` is of head and extractor, and"
        " compares with an image network. What the report calls FLOPs are multiply-adds.",
        costs=("macs", "flops", "macs_per_frame"),
        cited=(
            *(Cited(name, ("published_flops",)) for name in ("R12", "R14c", "R14a", "R14b", "R14d")),
            Cited("R15"),
        ),
        networks=True,
    ),
    "memtsm_6": Table(
        "MemTSM-Net, table 6: parameters, operations, latency",
        "`params`, `macs` and `head_latency_ms` are of the head alone, as published (MACs as FLOPs);"
        " `ms_per_second` and `end_to_end_fps` count decoder and extractor in.",
        costs=("params", "extractor_params", "macs", "head_latency_ms", "ms_per_second", "end_to_end_fps"),
        cited=(Cited("R10", ("params",)), Cited("R12", ("published_flops",)), Cited("R13", ("head_latency_ms",))),
    ),
    "mstsm_performance": Table(
        "MSTSM, performance",
        "The published table states no level; video level is inferred, so its area is `video_auc`. How its PR-AUC was"
        " had is not stated either: it stands apart from `video_ap`. `end_to_end_fps` counts decoder and extractor in:"
        " a row on XFeat's vectors has XFeat's speed, `c3d_mil` on them too. What its own 3D network costs stands in"
        " the block of 3D networks.",
        metrics=("video_auc", "video_ap", "frame_auc"),
        costs=("end_to_end_fps",),
        cited=(
            *(Cited("M01", ("video_auc",)), Cited("M02", ("published_video_pr_auc",))),
            *(Cited("M05", ("published_fps",)), Cited("M03"), Cited("M04"), Cited("M06"), Cited("M08")),
        ),
        video_networks=True,
    ),
    "mstsm_ablation": Table(
        "MSTSM, ablation",
        "The whole network, and the same with one part taken out. The ledger holds no published number of an ablation.",
        metrics=("frame_auc", "frame_ap", "video_auc", "video_ap"),
        differences=True,
    ),
    "efficient_vad_metrics": Table(
        "Efficient-VAD, metrics",
        "Trained on normal videos of the train list; epoch and threshold are chosen on validation videos. Published"
        " numbers were taken on training videos. `frame_auc` has no published counterpart: the frame labels of that"
        " project are its own scores, cut at a threshold.",
        metrics=(
            *("video_auc", "video_accuracy", "video_precision", "video_recall", "video_f1"),
            "frame_auc",
        ),
        cited=(
            Cited("E01", ("video_auc",)),
            Cited("E03", ("video_accuracy",)),
            Cited("E04", ("video_precision",)),
            Cited("E05", ("video_recall",)),
            Cited("E06", ("video_f1",)),
            *(Cited("E02"), Cited("E10"), Cited("E18")),
        ),
    ),
    "efficient_vad_classification": Table(
        "Efficient-VAD, classification report",
        "Each class in turn as the one to be found, at the threshold chosen on validation videos; mean over seeds."
        " `video_accuracy` is of all videos, `support` their number.",
        metrics=("video_precision", "video_recall", "video_f1", "video_accuracy"),
        cited=(
            Cited("E07", ("video_precision", "video_recall", "video_f1", "support"), "Efficient-VAD: normal"),
            Cited("E08", ("video_precision", "video_recall", "video_f1", "support"), "Efficient-VAD: anomalous"),
            Cited("E09", ("video_accuracy", "support"), "Efficient-VAD: all"),
        ),
        rows="classes",
    ),
    "efficient_vad_efficiency": Table(
        "Efficient-VAD, efficiency",
        "The published rows are time, frames per second and memory of workloads of different size. Here time is per"
        " second of video (`ms_per_second`), decoder and extractor counted in. Speeds are in frames of the video:"
        " `raw_fps` = extractor and head without decoding, were no frame skipped; `skip_fps` = the same with the frames"
        " that are skipped, as published; `end_to_end_fps` = with decoding, which skips no frame. `real_time` compares"
        " the last one with the frames per second of the video, on one thread. `cpu_share` well below 1: other programs"
        " took the processor, and the times are too long.",
        costs=(
            *("head_latency_ms", "ms_per_second", "raw_fps", "skip_fps", "end_to_end_fps", "real_time"),
            *("peak_memory_mb", "cpu_share"),
        ),
        cited=(
            Cited("E11", ("published_seconds", "published_fps", "published_memory_mb")),
            Cited("E12", ("published_seconds", "published_fps", "published_memory_mb"), "Baseline-1"),
            Cited("E13", ("published_seconds", "published_fps", "published_memory_mb"), "Baseline-2"),
            Cited("E14", ("published_fps",), "Efficient-VAD, raw"),
            Cited("E15", ("published_fps",), "Efficient-VAD, two of three frames skipped"),
            Cited("E16"),
        ),
    ),
    "gated_mnad": Table(
        "MNAD with and without attention gates",
        "Published numbers scale the scores of each video by its own range (`frame_auc_pvnorm`), which `frame_auc` does"
        " not. Our gates are trained; the published ones kept their random initial values.",
        metrics=("frame_auc", "frame_auc_pvnorm"),
        cited=(
            *(Cited(name, ("frame_auc_pvnorm",)) for name in ("G01", "G02", "G03", "G04")),
            *(Cited(name, ("frame_auc_pvnorm",)) for name in ("P40a", "P41a", "P40b", "P41b")),
            *(Cited(name) for name in ("G05", "G12", "G13", "G14", "G15")),
        ),
        differences=True,
    ),
    "urdmu_stages": Table(
        "UR-DMU, stage 1 against stage 1 and 2",
        "Stage 1 alone, and trained together with SST-WSVADL's second stage, which looks at patches; `scoring` says"
        " whose scores a row has. The text of that system has no number; the published row is UR-DMU's own. Its AP is"
        " a trapezoid under the precision-recall curve, which is no average precision: it stands apart from"
        " `frame_ap`.",
        metrics=("frame_auc", "frame_ap", "ano_auc", "video_auc"),
        cited=(Cited("P09", ("frame_auc",)), Cited("P10", ("pr_auc_trapezoid",)), Cited("S01")),
        differences=True,
    ),
}
"""Every table by the name of its target, `table_<name>`."""
