"""Train the runs of a variant: features are read once, then each seed is trained and written to its own folder."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vad.artefacts.features import read_features
from vad.artefacts.files import write_json, write_text
from vad.artefacts.weights import write_weights
from vad.engine import checkpoints
from vad.engine.build import build, on_device
from vad.engine.kept_epochs import EpochKeeper
from vad.engine.parts import Part, part_of, with_copies
from vad.engine.train import train
from vad.engine.validation_frames import ValidationFrames
from vad.models._base import VideoModel
from vad.schema.train import Train
from vad.splits.video import Intervals


class VariantTraining:
    """The data and settings of a variant; `run` trains one seed of it."""

    def __init__(
        self,
        section: Mapping[str, Any],
        settings: Train,
        videos: pd.DataFrame,
        files: Sequence[Path],
        copies: Sequence[Sequence[Path]] = (),
        folder: Path | None = None,
        marked: Mapping[str, Intervals] | None = None,
    ) -> None:
        """Read the features of both parts.

        Args:
            section: the variant: `model`, `model_args` and `train`, all defaults filled in.
            settings: `section["train"]`, typed.
            videos: the train list with `label` and `part`, a row for each video.
            files: the feature files of these videos, in the same order.
            copies: for each copy the feature files of the videos of part `fit`, in the same order.
            folder: where large arrays may lie for the time of the process (see `vad.engine.parts.part_of`).
            marked: anomalous frames of the validation videos by id, from 0, ends excluded; None = not known.

        Raises: ArtefactError or FeatureError for a damaged feature file.
        """
        self.section, self.settings, self.folder = section, settings, folder
        self.dim = read_features(files[0]).dim
        model = self._new_model(0)
        self.fit, self.validation = (self._read(model, part, videos, files) for part in ("fit", "validation"))
        if marked is not None:
            held = [path for path, part in zip(files, videos["part"], strict=True) if part == "validation"]
            self.validation = replace(self.validation, frame_auc=ValidationFrames(held, marked).frame_auc)
        self.fit = with_copies(self.fit, [self._part(model, "fit", paths, self.fit.labels) for paths in copies])

    def _new_model(self, seed: int) -> VideoModel:
        model = build(self.section["model"], self.section["model_args"], self.dim, seed)
        return on_device(model, self.settings.device)

    def _read(self, model: VideoModel, part: str, videos: pd.DataFrame, files: Sequence[Path]) -> Part:
        rows = np.flatnonzero(videos["part"] == part).tolist()
        labels = videos["label"].tolist()
        return self._part(model, part, [files[row] for row in rows], [labels[row] for row in rows])

    def _part(self, model: VideoModel, part: str, files: Sequence[Path], labels: Sequence[int]) -> Part:
        return part_of(model, part, files, labels, self.dim, self.folder)

    def run(self, seed: int, threads: int, out: Path) -> None:
        """Train one seed and write weights, the config that rebuilds the model, and the training curves.

        A run that was stopped or killed continues from its checkpoint, a hidden file next to its folder until it is
        finished.

        Args:
            seed: >= 0; the same seed gives the same weights, whichever seeds were trained before in this process.
            threads: CPU threads, >= 1.
            out: folder of the run.
        """
        torch.set_num_threads(threads)
        model, section = self._new_model(seed), self.section
        config = {"model": section["model"], "model_args": section["model_args"], "feature_dim": self.dim}
        keeper = EpochKeeper(out, self.settings.keep_epochs, config)
        checkpoint = out.with_name(f".{out.name}.checkpoint.pt")

        def keep(epoch: int) -> None:
            if keeper.wants(epoch):
                keeper.write(epoch, _arrays(model.state_dict()))

        result = train(model, self.fit, self.validation, self.settings, seed, threads, checkpoint, keep)
        last, chosen = len(result.history), _arrays(result.state)
        keeper.write(last, _arrays(model.state_dict()))
        keeper.write(result.epoch, chosen)
        keeper.drop_others(last, result.epoch)
        write_weights(out / "weights.safetensors", chosen, config)
        write_json(out / "config.json", {**config, "seed": seed, "epoch": result.epoch, "section": section})
        write_text(out / "history.csv", pd.DataFrame(result.history).to_csv(index=False, lineterminator="\n"))
        checkpoints.discard(checkpoint)


def _arrays(state: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """A state dict as arrays on the CPU; they share the memory of a model on the CPU."""
    return {name: value.detach().cpu().numpy() for name, value in state.items()}
