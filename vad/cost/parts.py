"""What a head, an extractor and a known image network cost: sizes, multiply-adds, time, memory.

A video anomaly detector is decoder + extractor + head, so each part says what it costs for the same first frames of
a video. Counted numbers are the same everywhere; measured ones belong to a machine. Trained weights change
neither, so none are needed.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from vad.artefacts.features import FeatureFile
from vad.cost.count import count, parameters, size_on_disk
from vad.cost.measure import FirstFrames, Memory, machine, time_of
from vad.engine.batches import BagSet, VideoModel, set_for
from vad.engine.build import build
from vad.engine.parts import Part, crops_of
from vad.engine.score import score_bags, score_video
from vad.extractors._base import BaseExtractor, Source
from vad.extractors._network_run import NetworkExtractor
from vad.schema.infer import Infer
from vad.schema.report import Efficiency
from vad.video.decode import RestartError, open_by_pyav

REFERENCES = {"ResNet18": "resnet18", "ViT-B/16": "vit_b_16", "MobileNetV2": "mobilenet_v2"}
"""Image networks of the MemTSM-Net report's table 5, by torchvision's names; its ViT is of size Base."""
SIDE = 224
"""Height and width of the images for them, in pixels."""


FIRST = torch.tensor([0])


def get_ready() -> None:
    """Warm up torch's lazy imports, with one thread, so that `vad.cost.measure.run_isolated` does not measure them."""
    torch.set_num_threads(1)
    network = nn.Conv2d(1, 1, 1)
    count(lambda: network(torch.zeros(1, 1, 1, 1)), [network])


def head(model: str, model_args: Mapping[str, Any], file: FeatureFile, settings: Efficiency) -> dict[str, Any]:
    """The cost of scoring features: of one sample (a bag or a window) and of the video's first frames.

    A bag of fixed length costs the same for a second as for an hour, so the cost of a video holds for its length.

    Args:
        model: name of a file in `vad/models`.
        model_args: its settings as in params.yaml; the weights are those of a new network.
        file: features of a video; rows beyond the first `settings.frames` frames are left out (one row at least).
        settings: frames, repeats and budget.
    """
    memory = Memory()
    rows = max(int(np.searchsorted(file.bounds[1:], settings.frames, "right")), 1)
    features, bounds = file.features[:rows], file.bounds[: rows + 1]
    network: VideoModel = build(model, model_args, file.dim).eval()
    clips = None if file.clips is None else replace(file.clips, offsets=file.clips.offsets[:rows])
    data = set_for(network, Part([features], [0], None if clips is None else [clips]))
    sample = data.sample()[:1]

    def score() -> object:
        """Score one bag or window."""
        with torch.no_grad():
            return score_bags(network, data.take(FIRST)) if isinstance(data, BagSet) else network.score(sample)

    def video() -> object:
        """Score the whole video."""
        return score_video(network, features, bounds, Infer.model_validate({}), clips)

    # Time and memory before counting, which takes other paths and more memory.
    one, whole = (time_of(work, settings.repeats, settings.budget) for work in (score, video))
    measured = {
        "sample_seconds": one.seconds,
        "video_seconds": whole.seconds,
        "cpu_share": min(one.cpu_share, whole.cpu_share),
        "memory_mb": memory.peak_mb(),
    }
    counted = {
        **_size(network),
        "macs": count(score, [network]),
        "macs_video": count(video, [network]),
        "sample": list(sample.shape[1:]),
        "frames": int(bounds[-1]),
        "crops": len(crops_of(features)),
    }
    return {"counted": counted, "measured": measured, "machine": machine()}


def extractor(plugin: BaseExtractor, source: Source, settings: Efficiency) -> dict[str, Any]:
    """The cost of turning the first frames of a video into features, decoding and network apart.

    Args:
        plugin: its networks are the modules among its attributes, once it was used.
        source: the video.
        settings: frames, repeats and budget.
    """
    memory = Memory()
    decoding: list[float] = []
    opener = FirstFrames(settings.frames)
    shortened = replace(source, open_video=opener.open_video)

    def extract() -> FeatureFile:
        """The features, by the decoder that can read the video."""
        try:
            return plugin.extract(shortened)
        except RestartError as error:
            opener.opener = open_by_pyav(error.instead_of)
            return plugin.extract(shortened)

    def timed() -> None:
        """Extract once, and keep the seconds of decoding."""
        extract()
        decoding.append(opener.take_seconds())

    time = time_of(timed, settings.repeats, settings.budget)
    peak = memory.peak_mb()
    file = extract()
    networks = _networks(plugin)
    total = count(extract, networks)
    decode_seconds = float(np.median(decoding[1:]))
    sizes = [_size(network) for network in networks]
    counted = {
        **{name: sum(size[name] for size in sizes) for name in ("params", "params_trainable", "bytes")},
        "macs_video": total,
        "frames": file.n_frames,
        "stride": _stride(plugin),
        "fps": file.report.get("decode", {}).get("fps"),
    }
    measured = {
        "decode_seconds": decode_seconds,
        "extract_seconds": time.seconds - decode_seconds,
        "cpu_share": time.cpu_share,
        "memory_mb": peak,
    }
    return {"counted": counted, "measured": measured, "machine": machine()}


def reference(name: str, settings: Efficiency) -> dict[str, Any]:
    """The cost of one 224 x 224 image in an image network of torchvision; its weights mean nothing.

    Args:
        name: torchvision's name of the network.
        settings: repeats and budget.
    """
    memory = Memory()
    network = image_network(name)
    image = torch.zeros(1, 3, SIDE, SIDE)

    def classify() -> object:
        """One picture through the network."""
        with torch.no_grad():
            return network(image)

    time = time_of(classify, settings.repeats, settings.budget)
    measured = {"sample_seconds": time.seconds, "cpu_share": time.cpu_share, "memory_mb": memory.peak_mb()}
    return {
        "counted": {**_size(network), "macs": count(classify, [network])},
        "measured": measured,
        "machine": machine(),
    }


def image_network(name: str) -> nn.Module:
    """A network of torchvision in eval mode, all weights 0: drawing those of a large one would take seconds."""
    from torchvision import models

    with torch.device("meta"):
        network: nn.Module = models.get_model(name, weights=None)
    network = network.to_empty(device="cpu").eval()
    for value in network.state_dict().values():
        value.zero_()
    return network


def _networks(plugin: BaseExtractor) -> list[nn.Module]:
    """The networks of an extractor, and of an extractor that it holds (`clips`)."""
    own = [value for value in vars(plugin).values() if isinstance(value, nn.Module)]
    return own + [network for inner in _held(plugin) for network in _networks(inner)]


def _stride(plugin: BaseExtractor) -> int:
    """Every how many frames of a video one goes through the network; 1 without a network."""
    own = plugin.cut.stride if isinstance(plugin, NetworkExtractor) else 1
    return max([own, *map(_stride, _held(plugin))])


def _held(plugin: BaseExtractor) -> list[BaseExtractor]:
    """The extractors among the attributes of one, such as those of images and of vectors."""
    return [value for value in vars(plugin).values() if isinstance(value, BaseExtractor)]


def _size(network: nn.Module) -> dict[str, int]:
    found = parameters(network)
    return {"params": found.total, "params_trainable": found.trainable, "bytes": size_on_disk(network)}
