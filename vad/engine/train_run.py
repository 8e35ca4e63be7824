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
from vad.artefacts.files import sha256, write_json, write_text
from vad.artefacts.weights import write_weights
from vad.engine.build import build, on_device
from vad.engine.kept_epochs import EpochKeeper, write_held_out
from vad.engine.parts import Part, part_of, with_copies
from vad.engine.refit import Selected, TrainList, discard, train_on_all
from vad.engine.train import train
from vad.engine.validation_frames import ValidationFrames
from vad.models._base import VideoModel
from vad.models._released import fill
from vad.schema.train import Train, WeightsFile
from vad.splits.tables import in_part
from vad.splits.video import Intervals


class VariantData:
    """The features of a variant's train list, and new models for them."""

    def __init__(
        self,
        section: Mapping[str, Any],
        device: str,
        videos: pd.DataFrame,
        files: Sequence[Path],
        copies: Sequence[Sequence[Path]] = (),
        folder: Path | None = None,
    ) -> None:
        """Read the features of both parts.

        Args:
            section: the variant: `model`, `model_args` and `train`, all defaults filled in.
            device: `auto`, `cpu` or `cuda`.
            videos: the train list with `label` and `part`, a row for each video.
            files: the feature files of these videos, in the same order.
            copies: for each copy the feature files of the videos of part `fit`, in the same order.
            folder: where large arrays may lie for the time of the process (see `vad.engine.parts.part_of`).

        Raises: ArtefactError or FeatureError for a damaged feature file.
        """
        self.section, self.device, self.folder = section, device, folder
        self.dim = read_features(files[0]).dim
        model = self._new_model(0)
        self.fit, self.validation = (self._read(model, part, videos, files) for part in ("fit", "validation"))
        self.fit = with_copies(self.fit, [self._part(model, "fit", paths, self.fit.labels) for paths in copies])

    def _new_model(self, seed: int) -> VideoModel:
        model = build(self.section["model"], self.section["model_args"], self.dim, seed)
        return on_device(model, self.device)

    def _read(self, model: VideoModel, part: str, videos: pd.DataFrame, files: Sequence[Path]) -> Part:
        rows = np.flatnonzero(in_part(videos, part)).tolist()
        labels = videos["label"].tolist()
        return self._part(model, part, [files[row] for row in rows], [labels[row] for row in rows])

    def _part(self, model: VideoModel, part: str, files: Sequence[Path], labels: Sequence[int]) -> Part:
        return part_of(model, part, files, labels, self.dim, self.folder)


class VariantTraining(VariantData):
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
        """As `VariantData`, with `settings`: `section["train"]`, typed.

        `marked` has the anomalous frames of the validation videos by id, from 0, ends excluded; None = not known.
        """
        super().__init__(section, settings.device, videos, files, copies, folder)
        self.settings, self.marked = settings, marked
        self.listed = TrainList(videos, files, self._read_rows)
        if marked is not None:
            self.validation = self._with_frames(self.validation, np.flatnonzero(in_part(videos, "validation")).tolist())

    def _read_rows(self, part: str, rows: Sequence[int]) -> Part:
        """A part of other videos of the train list than its own."""
        labels = self.listed.videos["label"].tolist()
        files = [self.listed.files[row] for row in rows]
        read = self._part(self._new_model(0), part, files, [labels[row] for row in rows])
        return self._with_frames(read, rows) if part == "validation" else read

    def _with_frames(self, part: Part, rows: Sequence[int]) -> Part:
        """A validation part that judges frames, where these have labels."""
        if self.marked is None:
            return part
        files = [self.listed.files[row] for row in rows]
        return replace(part, frame_auc=ValidationFrames(files, self.marked).frame_auc)

    def _started(self, seed: int, starts: Sequence[Path]) -> VideoModel:
        """A new model with the weights that its training starts with."""
        model = self._new_model(seed)
        for start, path in zip(self.settings.start, starts, strict=True):
            fill(model, [WeightsFile(file=str(path), sha256=start.sha256 or sha256(path), part=start.part)], start.part)
        return model

    def run(self, seed: int, threads: int, out: Path, made_by: str = "", starts: Sequence[Path] = ()) -> None:
        """Train one seed and write weights, the config that rebuilds the model, and the training curves.

        A run that was stopped or killed continues from its checkpoint, a hidden file next to its folder until it is
        finished.

        Args:
            seed: >= 0; the same seed gives the same weights, whichever seeds were trained before in this process.
            threads: CPU threads, >= 1.
            out: folder of the run.
            made_by: what else decides the weights (code, arithmetic): a checkpoint of another one is not used.
            starts: a file of weights for each entry of `settings.start`.

        Raises: ArtefactError for such a file that does not fit the model.
        """
        torch.set_num_threads(threads)
        model, section = self._started(seed, starts), self.section
        config = {"model": section["model"], "model_args": section["model_args"], "feature_dim": self.dim}
        keeper = EpochKeeper(out, self.settings.keep_epochs, config)
        checkpoint = out.with_name(f".{out.name}.checkpoint.pt")

        def keep(epoch: int) -> None:
            if keeper.wants(epoch):
                keeper.write(epoch, arrays(model.state_dict()))

        if self.settings.refit or self.settings.select.folds:
            rest = self.listed, self.settings, seed, threads, checkpoint, made_by, keep
            selected = train_on_all(model, lambda: self._started(seed, starts), *rest)
        else:
            result = train(model, self.fit, self.validation, self.settings, seed, threads, checkpoint, made_by, keep)
            selected = Selected(result, result.history, {})
        result, held_out = selected.trained, selected.held_out
        last, chosen = len(result.history), arrays(result.state)
        keeper.write(last, arrays(model.state_dict()))
        keeper.write(result.epoch, chosen)
        keeper.drop_others(last, result.epoch)
        write_weights(out / "weights.safetensors", chosen, config)
        write_held_out(out, {number: arrays(one.state) for number, one in held_out.items()}, config)
        facts = {"seed": seed, "epoch": result.epoch, "section": section}
        facts |= {"held_out": {number: one.videos for number, one in held_out.items()}} if held_out else {}
        write_json(out / "config.json", {**config, **facts})
        write_text(out / "history.csv", pd.DataFrame(selected.history).to_csv(index=False, lineterminator="\n"))
        discard(checkpoint)


def arrays(state: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """A state dict as arrays on the CPU; they share the memory of a model on the CPU."""
    return {name: value.detach().cpu().numpy() for name, value in state.items()}
