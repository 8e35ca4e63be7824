"""The weights of some epochs of a run beside those of the chosen one, so that these epochs can be scored too.

Settings `train.keep_epochs: n` asks for every n-th epoch, the last and the chosen one. Imports no torch.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vad.artefacts.weights import write_weights


def kept_epochs(run: Path) -> dict[int, Path]:
    """The weights files of a trained run's kept epochs, by the number of the epoch (from 1), in rising order."""
    return {int(path.stem): path for path in sorted((run / "epochs").glob("*.safetensors"))}


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
