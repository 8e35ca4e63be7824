"""Room infer: score every frame of the validation and test videos with one trained run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.room import command_line, make, parser, settings, typed
from vad.artefacts import ScoreFile, VideoScore, read_features, read_json, read_weights, write_scores
from vad.errors import FeatureError
from vad.origin import joined, weights_of
from vad.provenance import Job
from vad.schema import Infer
from vad.splits import read_test, read_train


def main(argv: Sequence[str] | None) -> None:
    """Run one job of the room."""
    flags = parser(__doc__)
    flags.add_argument("--run", type=Path, required=True, help="folder of the trained run")
    flags.add_argument("--train", type=Path, required=True, help="train.csv")
    flags.add_argument("--test", type=Path, required=True, help="test.csv")
    flags.add_argument("--features", type=Path, required=True, help="folder of feature files")
    flags.add_argument("--threads", type=int, default=1)
    args = flags.parse_args(argv)
    train, test = read_train(args.train), read_test(args.test)
    parts = dict.fromkeys(train.loc[train["part"] == "validation", "video_id"], "validation")
    parts |= dict.fromkeys(test["video_id"], "test")
    files = [args.features / f"{video_id}.npz" for video_id in parts]
    weights = [args.run / "weights.safetensors", args.run / "config.json"]
    job = Job("infer", args.out, args.section, args.code, [args.train, args.test, *weights, *files])
    make(job, lambda: _score(args.run, parts, files, typed(Infer, settings(args.section)), args.threads, args.out))


def _score(run: Path, parts: dict[str, str], files: list[Path], infer: Infer, threads: int, out: Path) -> None:
    """Rebuild the model from its config, load the weights, score each video."""
    # Torch takes seconds to import: only a job that has work to do waits for it.
    import torch

    from vad.batches import VideoModel
    from vad.inference import score_video
    from vad.modelling import build

    torch.set_num_threads(threads)
    config = read_json(run / "config.json")
    model: VideoModel = build(config["model"], config["model_args"], config["feature_dim"])
    weights = read_weights(run / "weights.safetensors")
    model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    videos, crops, extractors = {}, set(), set()
    for (video_id, part), path in zip(parts.items(), files, strict=True):
        file = read_features(path, config["feature_dim"])
        try:
            scores = score_video(model, file.features, file.bounds, infer)
        except FeatureError as error:
            raise FeatureError(f"{path}: {error}") from error
        crops.add(file.features.shape[1] if file.features.ndim == 3 else 1)
        extractors.add(weights_of(file.report))
        fps = file.report.get("decode", {}).get("fps")
        videos[video_id] = VideoScore(scores.frames, scores.video, part, fps)
    protocol = {
        "expansion": _expansion(model),
        "crops": max(crops),
        "extractor_weights": joined(extractors),
        "supervision": model.supervision,
        "selection": config["section"]["train"]["select_by"],
        **infer.model_dump(mode="json"),
    }
    write_scores(out, ScoreFile(model.level, videos, protocol))


def _expansion(model: Any) -> str:  # noqa: ANN401 - any model of vad/models
    """How the scores of a model are spread over frames (docs/glossary.md)."""
    if model.level == "video":
        return "none: one score per video"
    if getattr(model.config, "score_full_length", False):
        return "rows: each feature row scored on its own frames"
    return {"bags": "bag_over_segments", "windows": "windows"}[model.sampling]


if __name__ == "__main__":
    command_line(main)
