"""Time and memory of the intervals at the size of UCF-Crime's test list: `python -m bench.metrics`.

290 synthetic videos (140 anomalous), about 1.1 million frames, one distinct score per frame (the slow case). Bars:
`frame_auc` with 1,000 resamples in under 2 s, every metric with its interval in under 5 s, memory under 1 GB.
"""

import resource
import sys
import time

import numpy as np

from vad.bootstrap import interval, multiplicities
from vad.evaluation import evaluate
from vad.pair_counts import PairCounts
from vad.schema import Bootstrap
from vad.video_scores import Frames, VideoScores

BARS = {"frame_auc with interval": 2.0, "every metric with interval": 5.0}
MEMORY_BAR_MB = 1000.0


def videos(seed: int = 0) -> list[VideoScores]:
    """Synthetic scores of a plausible test list."""
    generator = np.random.default_rng(seed)
    lengths = np.maximum(generator.lognormal(7.6, 1.0, 290), 160)
    lengths = (lengths * 1_111_808 / lengths.sum()).astype(int)
    found = []
    for i, n in enumerate(lengths):
        labels = np.zeros(n, np.int8)
        if i < 140:
            start = generator.integers(0, max(int(n * 0.8), 1))
            labels[start : start + int(n * 0.18) + 1] = 1
        scores = generator.normal(size=n) + labels + (0.5 if i < 140 else 0.0)
        found.append(
            VideoScores(
                video_id=f"v{i:03d}",
                class_name="anomaly" if i < 140 else "normal",
                label=int(i < 140),
                n_frames=int(n),
                labels=labels,
                scores=scores,
                video_score=float(scores.max()),
            )
        )
    return found


def auc_interval(scored: list[VideoScores], settings: Bootstrap) -> None:
    """`frame_auc` and its interval alone."""
    frames = Frames.of(scored)
    pairs = PairCounts.of(frames.scores, frames.positive, frames.sizes)
    interval(pairs.auc(multiplicities([v.label for v in scored], settings)), settings.level)


def main() -> int:
    """Print the three figures; exit code 1 when one is over its bar."""
    scored, settings = videos(), Bootstrap()
    works = {
        "frame_auc with interval": lambda: auc_interval(scored, settings),
        "every metric with interval": lambda: evaluate(scored, 0.5, settings),
    }
    ok = True
    print(f"{len(scored)} synthetic videos, {sum(v.n_frames for v in scored):,} frames, {settings.resamples} resamples")
    for name, work in works.items():
        times = []
        for _ in range(3):
            begin = time.perf_counter()
            work()
            times.append(time.perf_counter() - begin)
        ok &= (median := float(np.median(times))) < BARS[name]
        print(f"{name}: {median:.2f} s, median of 3 (bar {BARS[name]:.0f} s)")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB (bar {MEMORY_BAR_MB:.0f} MB)")
    return 0 if ok and peak < MEMORY_BAR_MB else 1


if __name__ == "__main__":
    sys.exit(main())
