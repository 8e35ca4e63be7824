"""XFeat beside 3D networks, one thread, without decoding: `python -m bench.networks`.

Frames per second of the video that a network covers: all give a row for 16 consecutive frames. C3D takes 112 x 112
pixels, which its fully connected layer fixes; X3D and I3D take the 224 x 224 of XFeat. Weights are random, which
changes no time. The ratio says how many times faster XFeat is.
"""

import sys

import torch

from bench import table
from bench.table import Row
from vad.extractors._base import load_extractor
from vad.extractors._network_run import NetworkExtractor
from vad.nn.exact import one_exact_thread

FRAMES = 16
SIDES = {"XFeat": 224, "X3D-S": 224, "X3D-L": 224, "I3D": 224, "C3D": 112}
X3D = {"extractor": "x3d", "short_side": 224, "size": 224, "segment_frames": FRAMES, "weights": "random"}
ENTRIES = {
    "XFeat": {"extractor": "xfeat"},
    "X3D-S": {**X3D, "network": "s"},
    "X3D-L": {**X3D, "network": "l"},
    "I3D": {"extractor": "i3d", "weights": "random"},
    "C3D": {"extractor": "c3d", "weights": "random"},
}


def frames_per_second(repeats: int = 3) -> dict[str, float]:
    """Frames per CPU second of each network."""
    ways = {}
    for name, entry in ENTRIES.items():
        extractor = load_extractor({"device": "cpu", **entry})
        assert isinstance(extractor, NetworkExtractor)
        segment = torch.randint(0, 256, (1, FRAMES, SIDES[name], SIDES[name], 3), dtype=torch.uint8)
        ways[name] = lambda network=extractor.network, segment=segment: network(segment)
    with one_exact_thread(), torch.inference_mode():
        spent = table.cpu_seconds(ways, repeats)
    return {name: FRAMES / seconds for name, seconds in spent.items()}


def rows() -> list[Row]:
    """One row a 3D network: it stands where the naive loop does."""
    speeds = frames_per_second()
    ours = speeds.pop("XFeat")
    return [
        Row(
            f"XFeat against {name} at {SIDES[name]} x {SIDES[name]}, one thread",
            f"{speed:.1f} frames/s",
            f"{ours:.0f} frames/s",
            ratio=ours / speed,
        )
        for name, speed in speeds.items()
    ]


def main() -> int:
    """Measure and print; there is no bar."""
    print(table.state())
    return table.show(rows())


if __name__ == "__main__":
    sys.exit(main())
