"""Room report: a map of one variant's embeddings of the test videos; labels colour it and decide nothing."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from stages.report.first_run import flags, job_of, label_at, truth
from stages.room import command_line, make, settings, typed
from vad.artefacts.features import read_features
from vad.artefacts.files import write_json, write_text
from vad.artefacts.scores import read_scores
from vad.evaluation.judged_video import VideoTruth
from vad.schema.report import Tsne


def main(argv: Sequence[str] | None) -> None:
    """Run the job of one variant."""
    args = flags(__doc__).parse_args(argv)
    make(job_of(args), lambda: _map(args, settings(args.section)))


def _map(args: argparse.Namespace, section: Mapping[str, Any]) -> None:
    """Embed all test videos, draw points, lay them out, and write what each is."""
    # Torch and scikit-learn take seconds to import: only a job that has work to do waits for them.
    from vad.report.tsne import draw, flat, perplexity_for, tsne

    how = typed(Tsne, section["tsne"])
    videos = truth(args, section)
    found = _embed(args, list(videos))
    vectors = flat(list(found.values()))
    chosen = draw(len(vectors), how)
    table = _points(args, videos, found).iloc[chosen]
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


def _embed(args: argparse.Namespace, videos: Sequence[str]) -> dict[str, Any]:
    """Embeddings of each test video by the trained model."""
    import torch

    from vad.engine.build import restored
    from vad.report.tsne import embed_video

    torch.set_num_threads(1)
    model, config = restored(args.run)
    found = {}
    for video_id in videos:  # one file after the other: maps and images are large
        file = read_features(args.features / f"{video_id}.npz", config["feature_dim"])
        found[video_id] = embed_video(model, file.features, file.bounds)
    return found


def _points(args: argparse.Namespace, videos: Mapping[str, VideoTruth], found: Mapping[str, Any]) -> pd.DataFrame:
    """One row per vector: video, frame (-1 = whole video), class, label and score there."""
    from vad.report.tsne import WHOLE

    scored = read_scores(args.scores).videos
    rows = []
    for video_id, each in found.items():
        video, score = videos[video_id], scored[video_id]
        for frame in each.frames.tolist():
            label = video.label if frame == WHOLE else label_at(video, frame)
            value = score.video if frame == WHOLE else float(score.frames[frame])
            rows.append((video_id, frame, video.class_name, label, value))
    return pd.DataFrame(rows, columns=["video_id", "frame", "class", "label", "score"])


if __name__ == "__main__":
    command_line(main)
