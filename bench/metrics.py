"""Time and memory of metrics with intervals at the size of UCF-Crime's test list: `python -m bench.metrics`.

290 synthetic videos (140 anomalous) with about 1.1 million frames, each with another score (the slow case). Limits:
2 CPU seconds for `frame_auc` with 1,000 resamples, 5 for every metric with its interval, 10 for the same under every
named convention (by two threads, so 5 s on two free cores), 4 for every metric of alarms, and 1 GB of memory.
"""

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from bench import table
from bench.table import Row, at_most
from vad.alarms.measure import measure
from vad.evaluation.bootstrap import interval, multiplicities
from vad.evaluation.conventions import NAMED, under_all
from vad.evaluation.evaluate import evaluate
from vad.evaluation.ground_truth import Annotation, Convention, fit_scores, frame_labels
from vad.evaluation.judged_video import Frames, JudgedVideo, VideoTruth
from vad.evaluation.pair_counts import PairCounts
from vad.schema.evaluate import Alarms, Bootstrap

LIMITS = {
    "frame_auc with interval": 2.0,
    "every metric with interval": 5.0,
    "every convention": 10.0,
    "alarms with intervals": 4.0,
}
MEMORY_LIMIT_MB = 1000.0


def annotations(seed: int = 0) -> list[Annotation]:
    """The first 140 of 290 videos hold one event of a fifth of their length."""
    generator = np.random.default_rng(seed)
    lengths = np.maximum(generator.lognormal(7.6, 1.0, 290), 160)
    lengths = (lengths * 1_111_808 / lengths.sum()).astype(int)
    starts = generator.integers(1, np.maximum(lengths * 4 // 5, 2))
    return [
        Annotation(f"v{i:03d}", int(n), [(int(start), int(start + n * 0.18) + 1)] if i < 140 else [])
        for i, (n, start) in enumerate(zip(lengths, starts, strict=True))
    ]


def videos(rules: Convention = NAMED["canonical"], seed: int = 0) -> list[JudgedVideo]:
    """Synthetic scores of a plausible test list under a convention."""
    generator = np.random.default_rng(seed)
    listed = annotations(seed)
    plain, labels = frame_labels(listed, NAMED["canonical"]), frame_labels(listed, rules)
    found = []
    for i, one in enumerate(listed):
        scores = generator.normal(size=one.n_frames) + plain[one.video_id].labels + (0.5 if i < 140 else 0.0)
        truth = VideoTruth(
            video_id=one.video_id,
            class_name="anomaly" if i < 140 else "normal",
            label=int(i < 140),
            n_frames=rules.frames(one.n_frames),
            labels=labels[one.video_id].labels,
        )
        found.append(truth.scored(fit_scores(scores, rules), scores.max()))
    return found


def auc_interval(scored: list[JudgedVideo], settings: Bootstrap) -> None:
    """`frame_auc` and its interval alone."""
    frames = Frames.of(scored)
    pairs = PairCounts.of(frames.scores, frames.positive, frames.sizes)
    interval(pairs.auc(multiplicities([v.label for v in scored], settings)), settings.coverage)


def measured() -> tuple[dict[str, float], float]:
    """CPU seconds of each piece of work, median of three, and the peak memory of this process in MB."""
    scored, settings = videos(), Bootstrap()
    runs = {name: videos(rules) for name, rules in NAMED.items()}
    works = {
        "frame_auc with interval": lambda: auc_interval(scored, settings),
        "every metric with interval": lambda: evaluate(scored, 0.5, settings),
        "every convention": lambda: under_all(runs, 0.5, settings),
        "alarms with intervals": lambda: measure(scored, 0.5, Alarms(), {}, settings),
    }
    found = {}
    for name, work in works.items():
        times = []
        for _ in range(3):
            begin = time.process_time()
            work()
            times.append(time.process_time() - begin)
        found[name] = float(np.median(times))
    return found, table.peak_mb()


def rows() -> list[Row]:
    """A row for each piece of work, measured in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        seconds, memory = pool.submit(measured).result()
    found = [
        Row(f"290 videos, {name}", ours=f"{value:.2f} s", bars=[at_most("CPU seconds", value, LIMITS[name])])
        for name, value in seconds.items()
    ]
    return [*found, Row("its memory", ours=f"{memory:.0f} MB", bars=[at_most("MB", memory, MEMORY_LIMIT_MB)])]


def main() -> int:
    """Measure, print, and judge."""
    print(table.state())
    return table.show(rows())


if __name__ == "__main__":
    sys.exit(main())
