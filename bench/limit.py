"""The limit of one core for an extractor: the video decoded, and the network's operations at the core's peak.

The peak is the fastest of some matrix products and convolutions of this run. Decoding counts with the conversion to
RGB in the network's size, which is part of the protocol.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from bench.table import cpu_seconds
from vad.video.decode import Rules, open_in_this_process


def peak(dtype: torch.dtype, repeats: int = 5) -> float:
    """Operations per second of one core."""
    with torch.inference_mode():
        square = torch.randn(1024, 1024, dtype=dtype)
        deep, wide = nn.Conv2d(64, 64, 3, padding=1), nn.Conv2d(256, 256, 1)
        maps = {layer: torch.randn(16, layer.in_channels, 14, 14) for layer in (deep, wide)}
        ways: dict[str, Callable[[], object]] = {"product": lambda: square @ square}
        sizes = {"product": 2.0 * 1024**3}
        for name, layer in (("convolution", deep), ("1x1 convolution", wide)):
            last = torch.channels_last
            layer, given = layer.to(dtype).to(memory_format=last), maps[layer].to(dtype).contiguous(memory_format=last)
            ways[name] = lambda layer=layer, given=given: [layer(given) for _ in range(10)]
            sizes[name] = 10 * 2.0 * layer.weight.numel() * 16 * 14 * 14
        seconds = cpu_seconds(ways, repeats)
    return max(sizes[name] / seconds[name] for name in ways)


def decode(path: Path, size: int, stride: int = 1) -> Callable[[], object]:
    """A call that reads all frames of a clip as an extractor does, without any network."""

    def read() -> None:
        for _ in open_in_this_process(path, size, size, Rules()).frames(stride):
            pass

    return read
