"""Room report: a map of one variant's embeddings of the test videos; labels colour it and decide nothing."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from stages.room import command_line, make, parser, settings, typed
from vad.annotations import read_labels, truth_of
from vad.artefacts import read_features, read_json, read_scores, read_weights, write_json, write_text
from vad.ground_truth import convention
from vad.provenance import Job
from vad.schema import GroundTruth, Tsne
from vad.splits import read_test
from vad.video_scores import VideoTruth


def main(argv: Sequence[str] | None) -> None:
    """Run the job of one variant."""
    flags = parser(__doc__)
    flags.add_argument("--run", type=Path, required=True, help="folder of the trained run")
    flags.add_argument("--scores", type=Path, required=True, help="score file of the run")
    flags.add_argument("--test", type=Path, required=True, help="test.csv")
    flags.add_argument("--labels", type=Path, required=True, help="folder of one label a frame; need not exist")
    flags.add_argument("--features", type=Path, required=True, help="folder of feature files")
    args = flags.parse_args(argv)
    files = [args.features / f"{video_id}.npz" for video_id in read_test(args.test)["video_id"]]
    labels = sorted(args.labels.glob("*.npy"))
    weights = [args.run / "weights.safetensors", args.run / "config.json"]
    job = Job("report", args.out, args.section, args.code, [args.scores, args.test, *weights, *labels, *files])
    make(job, lambda: _map(args, settings(args.section)))


def _map(args: argparse.Namespace, section: Mapping[str, Any]) -> None:
    """Embed all test videos, draw points, lay them out, and write what each is."""
    # Torch and scikit-learn take seconds to import: only a job that has work to do waits for them.
    from vad.embedding import draw, flat, perplexity_for, tsne

    how = typed(Tsne, section["tsne"])
    truth = _truth(args, typed(GroundTruth, section["ground_truth"]))
    found = _embed(args, list(truth))
    vectors = flat(list(found.values()))
    chosen = draw(len(vectors), how)
    table = _points(args, truth, found).iloc[chosen]
    places = tsne(vectors[chosen], how)
    table = table.assign(x=places[:, 0], y=places[:, 1])
    about = {
        "unit": next(iter(found.values())).unit,
        "points": len(chosen),
        "of": len(vectors),
        "width": vectors.shape[1],
        "perplexity": perplexity_for(len(chosen), how),
        "seed": how.seed,
    }
    write_json(args.out / "about.json", about)
    text = table.to_csv(index=False, lineterminator="\n", float_format="%.6g")
    write_text(args.out / "points.csv", text)


def _truth(args: argparse.Namespace, rules: GroundTruth) -> dict[str, VideoTruth]:
    test = read_test(args.test)
    scored = read_scores(args.scores).videos
    lengths, fps = {k: v.n_frames for k, v in scored.items()}, {k: v.fps for k, v in scored.items()}
    videos = truth_of(test, lengths, fps, convention(rules), read_labels(test, args.labels)).videos
    return {video.video_id: video for video in videos}


def _embed(args: argparse.Namespace, videos: Sequence[str]) -> dict[str, Any]:
    """Embeddings of each test video by the trained model."""
    import torch

    from vad.embedding import embed_video
    from vad.modelling import build

    torch.set_num_threads(1)
    config = read_json(args.run / "config.json")
    model = build(config["model"], config["model_args"], config["feature_dim"])
    weights = read_weights(args.run / "weights.safetensors")
    model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    found = {}
    for video_id in videos:  # one file after the other: maps and images are large
        file = read_features(args.features / f"{video_id}.npz", config["feature_dim"])
        found[video_id] = embed_video(model, file.features, file.bounds)
    return found


def _points(args: argparse.Namespace, truth: Mapping[str, VideoTruth], found: Mapping[str, Any]) -> pd.DataFrame:
    """One row per vector: video, frame (-1 = whole video), class, label and score there."""
    from vad.embedding import WHOLE

    scored = read_scores(args.scores).videos
    rows = []
    for video_id, each in found.items():
        video, score = truth[video_id], scored[video_id]
        for frame in each.frames.tolist():
            unknown = video.labels is None and video.label == 1  # then the label of the video must do
            labels = [video.label] if frame == WHOLE or unknown else video.frame_truth()
            label = int(labels[min(frame, len(labels) - 1)])
            value = score.video if frame == WHOLE else float(score.frames[frame])
            rows.append((video_id, frame, video.class_name, label, value))
    return pd.DataFrame(rows, columns=["video_id", "frame", "class", "label", "score"])


if __name__ == "__main__":
    command_line(main)
