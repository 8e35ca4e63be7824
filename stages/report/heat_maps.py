"""Room report: which patches of a few frames a variant finds anomalous; test list and annotation choose the frames."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stages.report.first_run import flags, job_of, label_at, truth
from stages.room import command_line, make, settings
from vad.artefacts.features import read_features
from vad.artefacts.files import write_array, write_json, write_text
from vad.artefacts.scores import read_scores


def main(argv: Sequence[str] | None) -> None:
    """Run the job of one variant."""
    args = flags(__doc__).parse_args(argv)
    make(job_of(args), lambda: _map(args, settings(args.section)))


def _map(args: argparse.Namespace, section: Mapping[str, Any]) -> None:
    """Write the chosen frames, the map over each, and what each is."""
    # Torch takes seconds to import: only a job that has work to do waits for it.
    import torch

    from vad.engine.build import restored
    from vad.report.heat_maps import places, shown

    torch.set_num_threads(1)
    model, config = restored(args.run)
    scored = read_scores(args.scores).videos
    rows, images, maps = [], [], []
    for video, wanted in places(list(truth(args, section).values())):
        file = read_features(args.features / f"{video.video_id}.npz", config["feature_dim"])
        found = shown(model, file, wanted)
        score = float(scored[video.video_id].frames[found.frame])
        rows.append((video.video_id, video.class_name, found.frame, label_at(video, found.frame), score))
        images.append(found.image)
        maps.append(found.heat.astype(np.float32))
    table = pd.DataFrame(rows, columns=["video_id", "class", "frame", "label", "score"])
    write_text(args.out / "frames.csv", table.to_csv(index=False, lineterminator="\n", float_format="%.6g"))
    write_array(args.out / "images.npy", np.stack(images))
    write_array(args.out / "maps.npy", np.stack(maps))
    write_json(args.out / "about.json", {"seed": config["seed"], "epoch": config["epoch"]})


if __name__ == "__main__":
    command_line(main)
