"""Make the runs of a variant from released weights instead of training them; everything after is as for any run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from vad.artefacts.files import write_json, write_text
from vad.artefacts.weights import write_weights
from vad.engine import checkpoints
from vad.engine.batches import set_for
from vad.engine.kept_epochs import EpochKeeper
from vad.engine.placement import to_device
from vad.engine.train_run import VariantData, arrays
from vad.errors import ParamsError
from vad.models._base import VideoModel, defines
from vad.models._released import fill
from vad.schema.train import Imported

BATCH = 8
"""Videos per class, or windows, whose loss is taken at once."""


class VariantImport(VariantData):
    """The data and settings of a variant with released weights; `run` makes the run of one seed."""

    def __init__(
        self,
        section: Mapping[str, Any],
        settings: Imported,
        videos: pd.DataFrame,
        files: Sequence[Path],
        folder: Path | None = None,
    ) -> None:
        """As `VariantData`, with `settings`: `section["train"]`, typed."""
        super().__init__(section, settings.device, videos, files, (), folder)
        self.settings = settings

    def run(self, seed: int, threads: int, out: Path) -> None:
        """Write weights, the config that rebuilds the model, and a history of one row: epoch 0.

        Constants that a model takes from data are taken as in training: from the fit and the validation part.

        Args:
            seed: chooses the files; nothing is drawn.
            threads: CPU threads, >= 1.
            out: folder of the run.

        Raises: ParamsError if no file is for this seed, or for a model of constants alone; ArtefactError for files
            that do not fit the model.
        """
        torch.set_num_threads(threads)
        model, section, files = self._new_model(seed), self.section, self.settings.of_seed(seed)
        if not files:
            raise ParamsError(f"train.weights: no file for seed {seed}. Add one, or leave its seed out of `seeds`.")
        if not any(True for _ in model.parameters()):
            what = f"model {section['model']} has no trained weights, all that it has is taken from the fit part"
            raise ParamsError(f"train.weights: {what}. Set lr, epochs and batch instead.")
        unused = fill(model, files)
        config = {"model": section["model"], "model_args": section["model_args"], "feature_dim": self.dim}
        loss = self._take_constants(model)
        EpochKeeper(out, 0, config).drop_others(0, 0)
        write_weights(out / "weights.safetensors", arrays(model.state_dict()), config)
        imported = {"files": [file.model_dump() for file in files], "unused": unused}
        about = {"training": "none: the weights are imported", "imported": imported}
        write_json(out / "config.json", {**config, "seed": seed, "epoch": 0, "section": section, **about})
        history = pd.DataFrame([{"epoch": 0, "train_loss": None, "validation_loss": loss}])
        write_text(out / "history.csv", history.to_csv(index=False, lineterminator="\n"))
        checkpoints.discard(out.with_name(f".{out.name}.checkpoint.pt"))

    @torch.no_grad()
    def _take_constants(self, model: VideoModel) -> float:
        """Have the model take what it takes from data; its loss on the validation part."""
        device = next(model.parameters()).device
        model.eval()
        if defines(model, VideoModel.prepare):
            model.prepare(set_for(model, self.fit).sample().to(device))
        validation = set_for(model, self.validation)
        if defines(model, VideoModel.calibrate):
            model.calibrate(validation.sample().to(device))
        losses = [sum(map(float, model.loss(to_device(b, device)).values())) for b in validation.sweep(BATCH)]
        return sum(losses) / len(losses)
