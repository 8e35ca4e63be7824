"""The steps by DALI's operators against those by torchvision's, on the same pictures."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import UInt8

from vad.video.augment import augment
from vad.video.dali_augment import augment_in_pipeline
from vad.video.draws import Draws

dali: Any = pytest.importorskip("nvidia.dali", reason="DALI is not installed")
pytest.importorskip("nvidia.dali.math")
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
