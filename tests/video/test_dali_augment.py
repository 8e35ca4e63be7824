"""The steps by DALI's operators against those by torchvision's, on the same pictures."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import UInt8

from tests import videos
from vad.video.augment import augment, augmented
from vad.video.batches import batches
from vad.video.dali import LAYOUTS, Pipeline, load_dali, require_all
from vad.video.dali_augment import augment_in_pipeline
from vad.video.decode import PyAVReader, Rules
from vad.video.draws import Draws

pytest.importorskip("nvidia.dali", reason="DALI is not installed")
dali: Any = load_dali()
NEUTRAL = Draws(1)
DEVICES = ["cpu", pytest.param("gpu", marks=pytest.mark.gpu)]


def pictures() -> UInt8[np.ndarray, "frames height width 3"]:
    """Noise in colours, the first rows in grey; sides that are no multiple of anything."""
    noise = np.random.default_rng(0).integers(0, 256, (6, 97, 131, 3), dtype=np.uint8)
    noise[:, :30] = noise[:, :30, :, :1]
    return noise


def through_dali(
    draws: Draws, frames: UInt8[np.ndarray, "frames height width 3"], device: str, samples: int = 1
) -> torch.Tensor:
    """The frames through a pipeline, as so many samples."""

    @dali.pipeline_def(batch_size=samples, num_threads=1, device_id=0 if device == "gpu" else None)
    def pipeline() -> Any:
        given = dali.fn.external_source(lambda: np.split(frames, samples), layout="FHWC", device=device, batch=True)
        return augment_in_pipeline(dali, given, draws, *frames.shape[1:3])

    built = pipeline()
    built.build()
    (out,) = built.run()
    out = out.as_cpu()
    return torch.from_numpy(np.concatenate([np.asarray(out.at(number)) for number in range(samples)]))


def apart(draws: Draws, device: str, samples: int = 1) -> int:
    """The largest difference between the two, in levels of 255."""
    expected = augment(draws, torch.from_numpy(pictures()))
    return int((through_dali(draws, pictures(), device, samples).int() - expected.int()).abs().max())


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "exact", [{"flip": True}, {"brightness": 0.6}, {"brightness": 1.3}, {"contrast": 0.6}, {"contrast": 1.3}]
)
def test_steps_that_are_equal(exact: dict[str, Any], device: str) -> None:
    """Mirror, brightness and contrast: every byte. On a GPU a product may be rounded once less."""
    assert apart(replace(NEUTRAL, **exact), device) <= (device == "gpu")


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "near", [{"side": 0.77, "down": 0.3, "right": 0.6}, {"side": 0.01}, {"saturation": 0.6}, {"saturation": 1.3}]
)
def test_steps_that_are_near(near: dict[str, Any], device: str) -> None:
    """Crop and saturation: one level."""
    assert 0 <= apart(replace(NEUTRAL, **near), device) <= 1


@pytest.mark.parametrize("device", DEVICES)
def test_all_steps_together(device: str) -> None:
    """What one step has left of a difference, the next ones multiply; however the frames are cut into samples."""
    draws = Draws(1, 0.77, 0.3, 0.6, True, 1.2, 0.8, 1.3, hue=0.1)
    together = through_dali(draws, pictures(), device)

    assert apart(draws.hue_alone, device) > 90  # left to torchvision
    assert apart(replace(draws, hue=0.0), device) <= 3
    assert torch.equal(together, through_dali(draws, pictures(), device, samples=6))


@pytest.mark.parametrize("device", DEVICES)
def test_nothing_drawn_changes_nothing(device: str) -> None:
    """The frames are equal."""
    assert np.array_equal(through_dali(NEUTRAL, pictures(), device).numpy(), pictures())


def written(folder: Path, n_frames: int = 20) -> Path:
    """A clip that DALI decodes on the CPU too."""
    return videos.write_video(folder / "clip.webm", videos.scene(n_frames), codec="libvpx-vp9")


def read(path: Path, draws: Draws | None, unsupported: str = "error", short_side: int | None = None) -> torch.Tensor:
    """All frames by DALI, as an extractor gets them."""
    rules = Rules.model_validate({"decoder": "dali", "decoder_device": "cpu", "unsupported": unsupported})
    reader = replace(videos.source(path), draws=draws).open(48, 48, rules, short_side)
    return torch.cat(list(batches(reader, 7)))


@pytest.mark.parametrize("short_side", [None, 64])
def test_a_reader_changes_its_frames_in_the_pipeline(short_side: int | None, tmp_path: Path) -> None:
    """The frames of a copy are those of the video, also of its centre, changed as torchvision changes them."""
    path, draws = written(tmp_path), Draws(1, 0.77, 0.3, 0.6, True, 1.2, 0.8, 1.3, hue=0.1)
    plain, changed = read(path, None, short_side=short_side), read(path, draws, short_side=short_side)
    difference = (changed.int() - augment(draws, plain).int()).abs()

    assert changed.shape == (20, 48, 48, 3)
    assert difference.max() <= 8
    assert difference.float().mean() < 0.5
    assert torch.equal(read(path, NEUTRAL, short_side=short_side), plain)


def test_pyav_changes_what_it_decodes_instead(tmp_path: Path) -> None:
    """A video that DALI does not decode on a CPU."""
    path = videos.write_video(tmp_path / "clip.avi", videos.scene(5), codec="mpeg4")
    draws = Draws(1, side=0.6, brightness=1.2, hue=0.1)
    expected = torch.cat(list(batches(augmented(PyAVReader(path, 48, 48), draws), 7)))

    assert torch.equal(read(path, draws, unsupported="pyav"), expected)


def test_a_copy_that_is_black_is_complete(tmp_path: Path) -> None:
    """In the layout of a GPU a last frame of zeros counts as missing: the frame before it was changed decides."""
    path, dark = written(tmp_path, 3), Draws(1, brightness=0.0)
    change = partial(augment_in_pipeline, load_dali(), draws=dark, height=48, width=48)
    pipeline = Pipeline(load_dali(), "cpu", 48, 48, LAYOUTS["gpu"], change)
    pipeline.start(np.memmap(path, np.uint8, "r"))
    frames = pipeline.take(more=False)

    assert not frames.any()
    assert [True] * 3 + [False] * 13 == (pipeline.seen > 0).tolist()
    require_all(pipeline.seen, 3)
