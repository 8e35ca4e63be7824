"""Speed of `vad score` on a video of 320 x 240 pixels at 30 frames a second: `python -m bench.scoring`.

From the file to the tables, without start-up. The run has random weights: they cost what trained ones cost. CPU seconds
count, which other work on the machine changes less than the clock; on two cores the decode process and the network work
at the same time.
"""

import sys
import tempfile
from pathlib import Path

from bench import table
from bench.table import Row, at_least, at_most
from tests.videos import scene, write_video
from vad.artefacts.files import write_json
from vad.artefacts.weights import write_weights
from vad.engine.build import build
from vad.engine.train_run import arrays
from vad.scoring.inputs import GivenVideo
from vad.scoring.runs import find_run
from vad.scoring.video import Scorer
from vad.scoring.write import write_video as write_results

FPS, CORES = 30, 2
REAL_TIME_BAR, GROWTH_BAR_MB = 10.0, 32
MODEL, WIDTH = "mstsm", 128


def random_run(folder: Path) -> Path:
    """The folder of a run of MSTSM on XFeat features, never trained."""
    model = build(MODEL, {}, WIDTH)
    config = {"model": MODEL, "model_args": model.config.model_dump(mode="json"), "feature_dim": WIDTH}
    write_weights(folder / "weights.safetensors", arrays(model.state_dict()), config)
    section = {"dataset": "none", "features": "xfeat", "features_entry": {"extractor": "xfeat"}}
    write_json(folder / "config.json", {**config, "epoch": 0, "section": {**section, "train": {"device": "cpu"}}})
    return folder


def rows(n_frames: int = 1800) -> list[Row]:
    """One row: how many times faster than the video is shown, and the growth of memory from a tenth to the whole."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scorer = Scorer(find_run(folder=random_run(folder / "train/random/seed0")))
        short = write_video(folder / "short.mp4", scene(n_frames // 10, 240, 320), bit_rate=1_800_000)
        whole = write_video(folder / "whole.mp4", scene(n_frames, 240, 320), bit_rate=1_800_000)
        write_results(folder, scorer.score(GivenVideo("short", short)))
        before, peak = table.all_cpu_seconds(), table.peak_mb()
        write_results(folder, scorer.score(GivenVideo("whole", whole)))
        used, growth = table.all_cpu_seconds() - before, table.peak_mb() - peak
    real_time = n_frames / FPS / (used / CORES)
    bars = [at_least("times real time", real_time, REAL_TIME_BAR), at_most("growth in MB", growth, GROWTH_BAR_MB)]
    what = f"vad score, {n_frames} frames of 320 x 240, {CORES} cores"
    return [Row(what, ours=f"{real_time:.1f} x real time ({1000 * used / n_frames:.2f} CPU ms a frame)", bars=bars)]


if __name__ == "__main__":
    sys.exit(table.main(rows))
