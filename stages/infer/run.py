"""Room infer: score every frame of the validation and test videos with the trained runs of a variant."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stages.room import command_line, make, parser, settings, typed
from vad.artefacts.features import read_features
from vad.artefacts.origin import joined, weights_of
from vad.artefacts.scores import ScoreFile, StoredScores, write_scores
from vad.engine.kept_epochs import kept_epochs
from vad.errors import FeatureError
from vad.ledger.records import Job
from vad.schema.infer import Infer
from vad.splits.tables import read_test, read_train

CHOSEN = 0
"""Stands for the weights of the chosen epoch among the numbers of epochs, which begin with 1."""


class Sweep(NamedTuple):
    """Scores by epoch and video, the crops of a feature row, and the weights behind the features."""

    scores: dict[int, dict[str, StoredScores]]
    crops: int
    origin: str


def main(argv: Sequence[str] | None) -> None:
    """Run one job of the room."""
    flags = parser(__doc__)
    flags.add_argument("--runs", type=Path, nargs="+", required=True, help="folders of the trained runs")
    flags.add_argument("--train", type=Path, required=True, help="train.csv")
    flags.add_argument("--test", type=Path, required=True, help="test.csv")
    flags.add_argument("--features", type=Path, required=True, help="folder of feature files")
    flags.add_argument("--threads", type=int, default=1)
    args = flags.parse_args(argv)
    train, test = read_train(args.train), read_test(args.test)
    parts = dict.fromkeys(train.loc[train["part"] == "validation", "video_id"], "validation")
    parts |= dict.fromkeys(test["video_id"], "test")
    files = [args.features / f"{video_id}.npz" for video_id in parts]
    infer = typed(Infer, settings(args.section))
    for run in args.runs:
        out = args.out / f"{run.name}.npz"
        weights = [run / "weights.safetensors", run / "config.json", *kept_epochs(run).values()]
        job = Job("infer", out, args.section, args.code, [args.train, args.test, *weights, *files])
        make(job, lambda run=run, out=out: _score(run, parts, files, infer, args.threads, out))


def _score(run: Path, parts: dict[str, str], files: list[Path], infer: Infer, threads: int, out: Path) -> None:
    """Rebuild the model from its config, load the weights, score each video; the test videos by kept epochs too."""
    # Torch takes seconds to import: only a job that has work to do waits for it.
    import torch

    from vad.engine.build import on_device, restored

    torch.set_num_threads(threads)
    model, config = restored(run)
    on_device(model, config["section"]["train"]["device"])
    kept = kept_epochs(run)
    # The chosen epoch has the chosen weights: what they score is not scored twice.
    others = {number: _with_weights(model, path) for number, path in kept.items() if number != config["epoch"]}
    found = _sweep(model, others, parts, files, infer, config["feature_dim"])
    chosen = found.scores.pop(CHOSEN)
    tested = {name: score for name, score in chosen.items() if score.part == "test"}
    epochs = {number: found.scores.get(number, tested) for number in kept}
    protocol = {
        "expansion": _expansion(model, infer),
        "scoring": model.protocol(),
        "crops": found.crops,
        "extractor_weights": found.origin,
        "supervision": model.supervision,
        "selection": config["section"]["train"]["select_by"],
        **infer.model_dump(mode="json"),
    }
    write_scores(out, ScoreFile(model.level, chosen, protocol, epochs))


def _with_weights(model: Any, path: Path) -> Any:  # noqa: ANN401 - any model of vad/models
    """The same model with other weights; what it carries from video to video is its own."""
    from vad.engine.build import load_weights

    other = copy.deepcopy(model)
    load_weights(other, path)
    return other


def _sweep(
    model: Any,  # noqa: ANN401 - any model of vad/models
    epochs: Mapping[int, Any],
    parts: Mapping[str, str],
    files: Sequence[Path],
    infer: Infer,
    dim: int,
) -> Sweep:
    """Every video scored by the chosen weights, the test videos by the kept epochs too; each file is read once."""
    from vad.engine.score import score_video

    found, crops, extractors, before = Sweep({}, 1, ""), set(), set(), ""
    for (video_id, part), path in zip(parts.items(), files, strict=True):
        file = read_features(path, dim)
        fps = file.report.get("decode", {}).get("fps")
        for number, each in {CHOSEN: model, **(epochs if part == "test" else {})}.items():
            if part != before:
                each.reset_memory()  # a test list is scored alike whatever validation videos came before it
            try:
                scores = score_video(each, file.features, file.bounds, infer, file.clips)
            except FeatureError as error:
                raise FeatureError(f"{path}: {error}") from error
            one = StoredScores(scores.frames, scores.video, part, fps, scores.normalised, scores.dropped)
            found.scores.setdefault(number, {})[video_id] = one
        before = part
        crops.add(file.features.shape[1] if file.features.ndim == 3 else 1)
        extractors.add(weights_of(file.report))
    return found._replace(crops=max(crops), origin=joined(extractors))


def _expansion(model: Any, infer: Infer) -> str:  # noqa: ANN401 - any model of vad/models
    """How the scores of a model are spread over frames (docs/glossary.md)."""
    if model.predicts_last and model.window > 1:
        return f"predict, first frames: {infer.first_frames}"
    if model.level == "video":
        return "none: one score per video"
    if model.scores_own_rows or model.predicts_last:
        return "rows: each feature row scored on its own frames"
    return {"bags": "bag_over_segments", "windows": "windows"}[model.sampling]


if __name__ == "__main__":
    command_line(main)
