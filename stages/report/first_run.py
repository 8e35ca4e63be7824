"""What the jobs share that look inside the first run of a variant: their flags, their inputs, and what is true."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.room import parser, typed
from vad.artefacts.scores import read_scores
from vad.evaluation.annotations import read_labels, truth_of
from vad.evaluation.ground_truth import convention
from vad.evaluation.judged_video import VideoTruth
from vad.ledger.records import Job
from vad.schema.evaluate import GroundTruth
from vad.splits.tables import read_test


def flags(description: str | None) -> argparse.ArgumentParser:
    """A parser with the flags of these jobs."""
    found = parser(description)
    found.add_argument("--run", type=Path, required=True, help="folder of the trained run")
    found.add_argument("--scores", type=Path, required=True, help="score file of the run")
    found.add_argument("--test", type=Path, required=True, help="test.csv")
    found.add_argument("--labels", type=Path, required=True, help="folder of one label a frame; need not exist")
    found.add_argument("--features", type=Path, required=True, help="folder of feature files")
    return found


def job_of(args: argparse.Namespace) -> Job:
    """The job with every file that decides it."""
    files = [args.features / f"{video_id}.npz" for video_id in read_test(args.test)["video_id"]]
    labels = sorted(args.labels.glob("*.npy"))
    weights = [args.run / "weights.safetensors", args.run / "config.json"]
    return Job("report", args.out, args.section, args.code, [args.scores, args.test, *weights, *labels, *files])


def label_at(video: VideoTruth, frame: int) -> int:
    """Whether a frame (index from 0) is anomalous: 0 or 1; the label of the video where frames have none."""
    if video.labels is None:
        return video.label
    return int(video.labels[min(frame, len(video.labels) - 1)])  # a convention may count fewer frames


def truth(args: argparse.Namespace, section: Mapping[str, Any]) -> dict[str, VideoTruth]:
    """The test videos with their frame labels, by id, in the order of the list."""
    rules = convention(typed(GroundTruth, section["ground_truth"]))
    test = read_test(args.test)
    scored = read_scores(args.scores).videos
    lengths, fps = {k: v.n_frames for k, v in scored.items()}, {k: v.fps for k, v in scored.items()}
    videos = truth_of(test, lengths, fps, rules, read_labels(test, args.labels)).videos
    return {video.video_id: video for video in videos}
