"""A window model on rows that come a few at a time: only those of the next windows are held."""

from collections.abc import Iterator
from math import prod

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from vad.engine.score import CropScores, crop_of_windows, of_windows, windows_together
from vad.models._base import OWN, VideoModel, device_of
from vad.scoring.kept_maps import KeptMaps
from vad.video.memory import return_freed_memory

JOINED = 256
"""Small tensors of results that are joined to one: each would take more memory than its numbers."""

RETURN_BYTES = 2**26
"""Bytes of rows after which freed memory goes back to the system, which else would keep it in pieces of no use."""


class WindowStream:
    """What a model makes of the windows of one crop of a video, row by row as they come.

    Equal to the last bit to `vad.engine.score.score_crop` on all rows: the same windows go through the model together.

    Args:
        model: with sampling `windows`, in eval mode.
        at_once: whether windows go through the model as soon as they are there, for alarms in time; the last bits of a
            score may then differ.
        maps: keeps the maps behind the scores, of a model with `scores_places`; None = nobody wants them.

    Attributes:
        rows: so far.
    """

    def __init__(self, model: VideoModel, at_once: bool = False, maps: KeptMaps | None = None) -> None:
        self._model, self._at_once, self._maps, self.rows = model, at_once, maps, 0
        self._held: Tensor | None = None
        self._first = 0  # number of the first row that is held
        self._start = 0  # first row of the next window
        self._windows = 0
        self._found: list[Tensor] = []

    def add(self, rows: Shaped[np.ndarray, "rows dim *more"]) -> None:
        """Take the next rows, at least one, and score the windows that are complete."""
        new = torch.from_numpy(rows)
        self.rows += len(new)
        self._held = new if self._held is None else torch.cat([self._held, new])
        together = windows_together(prod(self._held.shape[1:]) * self._model.window)
        while (ready := self._ready()) >= (1 if self._at_once else together):
            self._score(min(ready, together))
        done = min(self._start - self._first, len(self._held))
        self._held, self._first = self._held[done:].clone(), self._first + done

    def end(self) -> None:
        """Score what is left: a video shorter than a window is padded by repeating its last row."""
        if self._held is None:
            raise ValueError("no row was added")
        if not self._windows and not self._ready():
            missing = self._model.window - len(self._held)
            self._held = torch.cat([self._held, self._held[-1:].expand(missing, *self._held.shape[1:])])
        if ready := self._ready():
            self._score(ready)

    def take(self) -> Float[Tensor, "windows *components"]:
        """What was found of the windows since the last call, see `vad.engine.score.of_windows`."""
        found, self._found = self._found, []
        return torch.cat(found) if found else torch.zeros(0)

    def _ready(self) -> int:
        """Windows that are complete."""
        rows = self._first + (0 if self._held is None else len(self._held))
        return max((rows - self._model.window - self._start) // self._model.stride + 1, 0)

    def _score(self, windows: int) -> None:
        """Score so many of them."""
        model, held = self._model, self._held
        assert held is not None
        starts = range(self._start - self._first, self._start - self._first + windows * model.stride, model.stride)
        with torch.inference_mode():
            together = torch.stack([held[start : start + model.window] for start in starts])
            self._found.append(self._of(together.to(device_of(model))))
        if len(self._found) == JOINED:
            self._found = [torch.cat(self._found)]
        self._start += windows * model.stride
        self._windows += windows

    def _of(self, windows: Shaped[Tensor, "windows rows *dims"]) -> Float[Tensor, "windows *components"]:
        """What is found of some windows; their maps go where they are kept."""
        if self._maps is None:
            return of_windows(self._model, windows)
        model = self._model
        model.noted_maps = noted = {}
        try:
            found = of_windows(model, windows)
        finally:
            model.noted_maps = None
        scores = found if found.ndim == 1 else model.mix(found, model.ranges)
        self._maps.add(scores.double().cpu().numpy(), torch.cat(noted[OWN]).float().numpy())
        return found


def score_crops(
    model: VideoModel, rows: Iterator[Shaped[np.ndarray, "rows dim *more"]], maps: KeptMaps | None = None
) -> tuple[list[CropScores], int]:
    """The scores of all crops of a video whose rows come a few at a time, and the number of rows.

    Args:
        model: with sampling `windows`. One with `score_sequence` may carry state from video to video.
        rows: at least one in total; arrays of 3 axes are [rows, crops, dim].
        maps: keeps the maps behind the scores, of a model with `scores_places`, which reads pictures and no crops.
    """
    model.eval()
    if model.resets_memory_per_video:
        model.reset_memory()
    crops: list[WindowStream] = []
    taken = 0
    for batch in rows:
        if (taken := taken + batch.nbytes) > RETURN_BYTES:
            return_freed_memory()
            taken = 0
        parts = [batch[:, crop] for crop in range(batch.shape[1])] if batch.ndim == 3 else [batch]
        crops = crops or [WindowStream(model, maps=maps) for _ in parts]
        for crop, part in zip(crops, parts, strict=True):
            crop.add(part)
    for crop in crops:
        crop.end()
    with torch.inference_mode():
        return [crop_of_windows(model, crop.take()) for crop in crops], crops[0].rows
