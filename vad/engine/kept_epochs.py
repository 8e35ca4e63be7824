"""Weights of a run beside the ones that are used: of some epochs, and of trainings that did not see some videos.

Setting `train.keep_epochs: n` asks for every n-th epoch, the last and the chosen one, so that these can be scored too.
With `train.refit` and `train.select.folds` the trainings that chose the epoch are kept (`vad.engine.refit`). Imports no
torch.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vad.artefacts.weights import write_weights


def kept_epochs(run: Path) -> dict[int, Path]:
    """The weights files of a trained run's kept epochs, by the number of the epoch (from 1), in rising order."""
    return {int(path.stem): path for path in sorted((run / "epochs").glob("*.safetensors"))}


def held_out_file(run: Path, number: int) -> Path:
    """The weights file of a training that chose the epoch of a run and did not see some videos, by number from 1."""
    return run / "held_out" / f"{number}.safetensors"


def write_held_out(run: Path, weights: Mapping[int, Mapping[str, np.ndarray]], config: Mapping[str, Any]) -> None:
    """Write the weights of the trainings that chose the epoch of a run; those of earlier settings are removed.

    Args:
        run: the folder of the run.
        weights: by number from 1; none where the run itself did not see the validation part.
        config: what rebuilds the model, written into each file.
    """
    for number, values in weights.items():
        write_weights(held_out_file(run, number), values, config)
    for path in (run / "held_out").glob("*.safetensors"):
        if path not in {held_out_file(run, number) for number in weights}:
            path.unlink()


class EpochKeeper:
    """Writes the weights of epochs into the folder of a run while it trains."""

    def __init__(self, run: Path, every: int, config: Mapping[str, Any]) -> None:
        """Keep epochs of a run.

        Args:
            run: its folder.
            every: the distance of the epochs that are kept; 0 = none, not even the last and the chosen one.
            config: what rebuilds the model, written into each file.
        """
        self.run, self.every, self.config = run, every, config

    def wants(self, epoch: int) -> bool:
        """Whether an epoch (from 1) is kept however the run ends."""
        return self.every > 0 and epoch % self.every == 0

    def write(self, epoch: int, weights: Mapping[str, np.ndarray]) -> None:
        """Write the weights of one epoch, if any are kept."""
        if self.every:
            write_weights(self.run / "epochs" / f"{epoch:04}.safetensors", weights, self.config)

    def drop_others(self, last: int, chosen: int) -> None:
        """Remove the weights of epochs that an earlier run with other settings kept.

        Args:
            last: the last epoch of the run, from 1.
            chosen: its chosen epoch, from 1.
        """
        wanted = {epoch for epoch in range(1, last + 1) if self.wants(epoch)}
        wanted |= {last, chosen} if self.every else set()
        for epoch, path in kept_epochs(self.run).items():
            if epoch not in wanted:
                path.unlink()
