"""Find a trained run, and read from its folder and from what was made of it all that scoring needs.

Features entry, model and weights lie in the folder of the run (`data/train/VARIANT/seedN`); smoothing, threshold and
the settings behind it in the records of the scores and metrics that the rooms infer and evaluate made of it.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import vad.models
from vad import registry
from vad.artefacts.files import UNREADABLE, read_json, sha256
from vad.errors import ArtefactError, VadError, nearest
from vad.evaluation.operating_points import validation_area
from vad.ledger.records import record_path
from vad.schema.evaluate import Alarms, Evaluate, Threshold
from vad.schema.infer import Infer

DATA = Path("data")
MAKE = "Make it: make reproduce, or snakemake --cores all"


@dataclass(frozen=True)
class TrainedRun:
    """A trained run, and how its scores are to be read.

    Attributes:
        folder: `data/train/VARIANT/seedN`, with weights and config.json.
        features: the features entry, with all settings of its extractor.
        infer: smoothing of frame scores, and the score of a video.
        threshold: chosen on validation videos; None where this run was never evaluated.
        threshold_rule: how it was chosen, in words; empty without one.
        calibrate_frames: so many first frames of a video are presumed normal: the threshold counts in units of the
            spread of their scores above their median; 0 = it counts in scores.
        alarms: how scores become alarms.
        chosen: why this run was taken, as a sentence.
        notes: what is missing for a run that was not scored or evaluated here.
    """

    folder: Path
    features: dict[str, Any]
    infer: Infer
    threshold: float | None
    threshold_rule: str
    calibrate_frames: int
    alarms: Alarms
    chosen: str
    notes: list[str] = field(default_factory=list)

    @property
    def variant(self) -> str:
        """Name of the variant."""
        return self.folder.parent.name

    @property
    def name(self) -> str:
        """Variant and seed, such as `mstsm_segments/seed0`."""
        return f"{self.variant}/{self.folder.name}"


class Rank(NamedTuple):
    """How well a run separated the videos of its validation part; higher is better."""

    real: bool
    """Whether its data set is no generated one: such a run goes before all of generated data sets."""
    auc: float
    """Video-level ROC AUC on the validation part; -1 where that part has videos of one label only."""


def find_run(
    variant: str | None = None, folder: Path | None = None, data: Path = DATA, live: bool = False
) -> TrainedRun:
    """The run that scores videos: a given one, the best one of a variant, or the best one of all.

    Best means: validated, that is by the video-level ROC AUC on the validation part of its train list, as mean over the
    seeds of a variant and then by seed. Test videos never count. Runs of real data sets go before runs of generated
    ones; runs that only score whole videos, or that read published features, are left out.

    Args:
        variant: of params.yaml; None = any.
        folder: of a trained run; it goes before `variant`.
        data: the folder with `train`, `infer` and `evaluate`.
        live: whether it must score a video that is still coming.

    Raises: VadError if there is no such run, or if it cannot score a video; ArtefactError for a damaged file.
    """
    if folder is not None:
        found = _read(folder, f"{folder}: the run that was given")
        return _live_one(found) if live else found
    runs = sorted(path.parent for path in (data / "train").glob("*/seed*/config.json"))
    if not runs:
        raise VadError(f"{data / 'train'}: no trained run. {MAKE}, or give --run.")
    if variant is not None:
        known = sorted({run.parent.name for run in runs})
        if variant not in known:
            raise VadError(f"variant {variant!r}: no trained run of it in {data / 'train'}.{nearest(variant, known)}")
        rank, best = _best([run for run in runs if run.parent.name == variant])
        why = "the best validated one" if rank.auc >= 0 else "the first one, as no validation compares the seeds,"
        found = _read(best, f"seed {_seed(best)} is {why} of variant {variant}")
        return _live_one(found) if live else found
    ranked: dict[str, list[tuple[Rank, Path]]] = defaultdict(list)
    for run in runs:
        if _fits_any_video(run) and (not live or _scores_as_it_comes(run)):
            ranked[run.parent.name].append((_rank(run), run))
    if not ranked:
        raise VadError(f"{data / 'train'}: no run that was scored and that reads videos. {MAKE}, or give --variant.")
    # Equal values: the first name counts, and the lowest seed, so that the choice is the same each time.
    compared = {one: rank for one, runs_of in ranked.items() if (rank := _mean([rank for rank, _ in runs_of])).auc >= 0}
    if not compared:
        why = "no validation part has held-back videos of both labels, so nothing says which run is the best"
        raise VadError(f"{data / 'train'}: {why}. Choose one: --variant {' | '.join(sorted(ranked))}")
    name = max(compared, key=compared.__getitem__)
    best = max(ranked[name], key=lambda pair: pair[0])[1]
    measured = f"video AUC {compared[name].auc:.3f} on validation videos"
    return _read(best, f"{name}, seed {_seed(best)}: the best validated of {len(compared)} variants ({measured})")


def _mean(ranks: Sequence[Rank]) -> Rank:
    return Rank(ranks[0].real, float(np.mean([rank.auc for rank in ranks])))


def _best(runs: Sequence[Path]) -> tuple[Rank, Path]:
    """The run of a variant with the best validation; one that was never scored comes last."""
    ranked = [(_rank(run) if _scores(run).is_file() else Rank(False, -1), run) for run in runs]
    return max(ranked, key=lambda pair: pair[0])


def _seed(run: Path) -> str:
    return run.name.removeprefix("seed")


def _data(run: Path) -> Path:
    """The folder with `train`, `infer` and `evaluate`."""
    return run.parent.parent.parent


def _scores(run: Path) -> Path:
    """The score file of a run."""
    return _data(run) / "infer" / run.parent.name / f"{run.name}.npz"


def _evaluation(run: Path) -> Path:
    """The folder with the metrics of a run."""
    return _data(run) / "evaluate" / run.parent.name / run.name


def _fits_any_video(run: Path) -> bool:
    """Whether a run can be taken without being asked for: it was scored, frame by frame, and it reads videos."""
    config = read_json(run / "config.json")
    entry = config["section"].get("features_entry")
    scored = entry is not None and not _published(entry) and _scores(run).is_file()
    return scored and _head(_scores(run))["level"] == "frame"


def _scores_as_it_comes(run: Path) -> bool:
    """Whether a run needs a few rows of a video at a time: its model reads windows, its extractor no whole videos."""
    config = read_json(run / "config.json")
    entry = config["section"].get("features_entry", {})
    if "vectors" in entry or entry.get("pool") == "video" or _published({"extractor": "", **entry}):
        return False
    return registry.stated(vad.models, config["model"], "sampling") == "windows"


def _live_one(found: TrainedRun) -> TrainedRun:
    """The same run, if it can score a video that is still coming.

    Raises: VadError naming the variants that can.
    """
    if _scores_as_it_comes(found.folder):
        return found
    runs = sorted(_data(found.folder).glob("train/*/seed*/config.json"))
    able = sorted({run.parent.parent.name for run in runs if _scores_as_it_comes(run.parent)})
    raise VadError(
        f"{found.name}: its model needs the whole video (it cuts it into a fixed number of parts, or scores it as one),"
        f" so it cannot follow one. Variants that can: {', '.join(able) or 'none is trained'}."
    )


def _published(entry: Mapping[str, Any]) -> bool:
    """Whether an entry reads published features, which a new video does not have."""
    return "imported" in (entry["extractor"], entry.get("vectors", {}).get("extractor"))


def _rank(run: Path) -> Rank:
    dataset = read_json(run / "config.json")["section"]["dataset"]
    split = _data(run) / "split" / dataset
    return Rank(not (split / "raw").is_dir(), _validation_auc(run, split / "tables" / "train.csv"))


def _validation_auc(run: Path, table: Path) -> float:
    """Video-level ROC AUC of a run on its validation part; -1 where it is undefined."""
    if not table.is_file():
        return -1.0
    videos = _head(_scores(run))["videos"]
    scores = {name: one["video"] for name, one in videos.items() if one["part"] == "validation"}
    area = validation_area(table, scores)
    return -1.0 if area is None else area


def _head(path: Path) -> dict[str, Any]:
    """What a score file states of its videos; their frame scores are not read."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return json.loads(str(archive["head"]))
    except UNREADABLE as error:
        raise ArtefactError(f"{path}: not a readable score file ({error}). Delete it, run snakemake again.") from error


def _read(folder: Path, chosen: str) -> TrainedRun:
    """A run with all that is known of it."""
    folder = folder.absolute()
    if not (folder / "config.json").is_file():
        raise VadError(f"{folder}: no trained run (no config.json). {MAKE}, or name another folder by --run.")
    section = read_json(folder / "config.json")["section"]
    if "features_entry" not in section:
        raise VadError(f"{folder}: its config.json names no features entry: an older version made it. {MAKE}.")
    if _published(section["features_entry"]):
        raise VadError(
            f"{folder}: reads published features ({section['features']}), which a new video does not have."
            " Take a variant whose features are extracted from videos: vad variants."
        )
    notes, infer = [], Infer.model_validate({})
    if (_data(folder) / "split" / section["dataset"] / "raw").is_dir():
        meaning = "its scores of real videos show how scoring works, not what happens in them"
        notes.append(f"the run was trained on {section['dataset']}, a generated data set: {meaning}")
    if (record := record_path(_scores(folder))).is_file():
        infer = Infer.model_validate(read_json(record)["section"]["content"])
    else:
        notes.append(f"{record} is not there: scores are not smoothed, a video's score is its highest frame score")
    threshold, rule, first, alarms = _operating_point(folder)
    if threshold is None:
        notes.append(f"{record_path(_evaluation(folder))} is not there: no threshold is known, so there are no alarms")
    elif why := _does_not_belong(folder):
        threshold, rule = None, ""
        notes.append(f"{why}: its threshold is not known, so there are no alarms. Run snakemake --cores all")
    return TrainedRun(folder, section["features_entry"], infer, threshold, rule, first, alarms, chosen, notes)


def _does_not_belong(folder: Path) -> str:
    """Why the threshold may not be that of the weights that are there; empty if it is.

    The scores must have been made with these weights, and the metrics from these scores.
    """
    again = "the run was trained again after its scores were made", "its scores were made again after its metrics"
    pairs = (_scores(folder), folder / "weights.safetensors"), (_evaluation(folder), _scores(folder))
    for (made, source), other in zip(pairs, again, strict=True):
        for needed in (record := record_path(made), source):
            if not needed.is_file():
                return f"{needed} is not there"
        inputs = read_json(record)["inputs"]
        stated = [value for name, value in inputs.items() if f"/{name}".endswith("/" + "/".join(source.parts[-3:]))]
        if stated != [sha256(source)]:
            return other
    return ""


def _operating_point(folder: Path) -> tuple[float | None, str, int, Alarms]:
    """Threshold, how it was chosen, the first frames of a video that it is calibrated on, and how alarms are made."""
    evaluation = _evaluation(folder)
    record = record_path(evaluation)
    if not record.is_file():
        return None, "", 0, Alarms()
    found = read_json(evaluation / "metrics.json")["protocol"]
    settings = Evaluate.model_validate(read_json(record)["section"]["content"])
    value, rule = found["threshold"]["value"], f"{found['threshold']['rule']} on {found['threshold']['chosen_on']}"
    return value, rule, _first_frames(settings, found) if found["level"] == "frame" else 0, settings.alarms


def _first_frames(settings: Evaluate, found: Mapping[str, Any]) -> int:
    """The first frames that the rule which chose the threshold calibrates each video on."""
    one_label = found["threshold"]["chosen_on"].endswith("(normal videos only)")
    used: Threshold = settings.threshold_normal_only if one_label else settings.threshold
    return used.calibrate_frames
