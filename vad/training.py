"""The one training loop: any model, any part of the data, the same result from the same seed.

Each step seeds torch from (seed, epoch, step) and each epoch draws its order from (seed, epoch), so nothing
but the state of model and optimiser is carried on, and a run resumed after any epoch equals one that never
stopped.
The epoch is chosen on the validation part alone.
"""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor, nn

from vad.batches import BagSet, Part, VideoModel, WindowSet, seed_for, set_for
from vad.errors import ArtefactError, ParamsError, VadError, listing
from vad.inference import video_scores
from vad.schedule import learning_rate, optimiser_for
from vad.schema import Train

Row = dict[str, Any]


class Trained(NamedTuple):
    """What training gives: weights of the chosen epoch (on the CPU), a row per epoch, the epoch from 1."""

    state: dict[str, Tensor]
    history: list[Row]
    epoch: int


def best_epoch(history: list[Row], select_by: str) -> int:
    """The epoch (from 1) with the best criterion; ties go to lower validation loss, then to the earlier."""
    if select_by == "last":
        return len(history)

    def rank(row: Row) -> tuple[float, float, int]:
        criterion = row[select_by] if select_by == "validation_loss" else -row[select_by]
        return criterion, row["validation_loss"], row["epoch"]

    return min(history, key=rank)["epoch"]


def check(model: VideoModel, fit: Part, validation: Part, settings: Train) -> None:
    """Refuse what cannot be trained as asked.

    Raises: ParamsError with all problems.
    """
    problems = []
    by_video = settings.select_by in ("video_auc", "video_ap")
    if by_video and model.supervision == "normal_only":
        problems.append(
            f"select_by {settings.select_by} needs anomalous videos, which a normal-only model must not see"
        )
    elif by_video and len(set(validation.labels)) < 2:
        problems.append(f"select_by {settings.select_by} needs normal and anomalous videos in the validation part")
    if settings.patience and settings.select_by == "last":
        problems.append("patience has no meaning with select_by last")
    if not len(fit.labels):
        problems.append("the fit part is empty")
    if not len(validation.labels):
        problems.append("the validation part is empty")
    if problems:
        raise ParamsError(listing("train", problems, "Change `train` of the variant or the validation fraction."))


def _digest(model: VideoModel, data: list[BagSet | WindowSet], settings: Train, seed: int) -> str:
    """A fingerprint of all that a run depends on, so that a checkpoint of another run is not taken up."""
    digest = hashlib.sha256(json.dumps([settings.model_dump(), model.config.model_dump(), seed]).encode())
    for part in data:
        values = part.features if isinstance(part, BagSet) else part.rows
        for tensor in (values, part.video, part.labels):
            digest.update(str(tuple(tensor.shape)).encode())
            digest.update(tensor.contiguous().numpy().data)
        for clips in (isinstance(part, BagSet) and part.clips) or ():
            digest.update(clips.data.data)
    return digest.hexdigest()


def _save(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint so that it is always whole."""
    partial = path.with_name(f"{path.name}.part")
    torch.save(dict(content), partial)
    os.replace(partial, path)  # noqa: PTH105 - the call that is atomic


def _load(path: Path) -> dict[str, Any]:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ArtefactError(f"{path}: not a readable checkpoint ({error}). Delete it and train again.") from error


def _copy(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in state.items()}


class _Run:
    """One training run: model, data, optimiser, what was seen so far."""

    def __init__(self, model: VideoModel, fit: Part, validation: Part, settings: Train, seed: int) -> None:
        self.model, self.settings, self.seed = model, settings, seed
        self.device = next(model.parameters()).device
        self.fit, self.validation = set_for(model, fit), set_for(model, validation)
        self.validation_labels = np.asarray(validation.labels)
        self.steps = settings.steps_per_epoch or self.fit.steps(settings.batch)
        if hasattr(model, "prepare"):
            model.prepare(self.fit.sample().to(self.device))
        self.optimiser = optimiser_for(model, settings)
        self.history: list[Row] = []
        self.best: dict[str, Tensor] = {}

    def epoch(self) -> None:
        """Train for one epoch, validate, and keep the weights if they are the best so far."""
        number = len(self.history) + 1
        generator = torch.Generator().manual_seed(seed_for(self.seed, number))
        self.model.train()
        sums: dict[str, float] = {}
        for step, batch in enumerate(self.fit.draw(self.settings.batch, self.steps, generator)):
            for name, value in self._step(number, step, batch).items():
                sums[name] = sums.get(name, 0.0) + value
        terms = {f"train_{name}": total / self.steps for name, total in sums.items()}
        row: Row = {
            "epoch": number,
            "lr": self.optimiser.param_groups[0]["lr"],
            "train_loss": sum(terms.values()),
        }
        self.history.append({**row, **terms, **self._validate(number)})
        if best_epoch(self.history, self.settings.select_by) == number:
            self.best = _copy(self.model.state_dict())

    def _step(self, epoch: int, step: int, batch: Any) -> dict[str, float]:  # noqa: ANN401 - the model's own kind
        torch.manual_seed(seed_for(self.seed, epoch, step))
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.settings, epoch - 1 + step / self.steps)
        self.optimiser.zero_grad()
        terms = self.model.loss(batch.to(self.device))
        total = torch.stack(list(terms.values())).sum()
        values = {name: float(term.detach()) for name, term in terms.items()}
        if not math.isfinite(float(total.detach())):
            self._fail(f"epoch {epoch}, step {step + 1}", values)
        total.backward()
        if self.settings.grad_clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.grad_clip)
        self.optimiser.step()
        return values

    def _fail(self, where: str, values: Mapping[str, float]) -> None:
        terms = ", ".join(f"{name} {value}" for name, value in values.items())
        raise VadError(f"training, {where}: not a finite number ({terms}). Lower train.lr or set train.grad_clip.")

    @torch.no_grad()
    def _validate(self, epoch: int) -> Row:
        """Criteria on the validation part; video_auc and video_ap are None while it has one class."""
        self.model.eval()
        device = self.device
        if hasattr(self.model, "calibrate"):
            self.model.calibrate(self.validation.sample().to(device))
        batches = [batch.to(device) for batch in self.validation.sweep(self.settings.batch)]
        losses = [sum(float(term) for term in self.model.loss(batch).values()) for batch in batches]
        row: Row = {"validation_loss": float(np.mean(losses)), "video_auc": None, "video_ap": None}
        scores = video_scores(self.model, self.validation)
        if not (math.isfinite(row["validation_loss"]) and np.isfinite(scores).all()):
            self._fail(f"validation of epoch {epoch}", {"validation_loss": row["validation_loss"]})
        if len(set(self.validation_labels)) == 2:
            row["video_auc"] = float(roc_auc_score(self.validation_labels, scores))
            row["video_ap"] = float(average_precision_score(self.validation_labels, scores))
        extra = self.model.diagnose(batches[0].features) if hasattr(self.model, "diagnose") else {}
        return {**row, **extra}

    def finished(self) -> bool:
        """All epochs done, or patience at an end."""
        if len(self.history) >= self.settings.epochs:
            return True
        waited = len(self.history) - best_epoch(self.history, self.settings.select_by) if self.history else 0
        return self.settings.patience is not None and waited >= self.settings.patience

    def save(self, path: Path, digest: str) -> None:
        """Write all that `load` needs; plain types and tensors only."""
        state = {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "best": self.best,
        }
        _save(path, {**state, "history": self.history, "digest": digest})

    def load(self, path: Path, digest: str) -> None:
        """Go on from a checkpoint, unless it is of another run."""
        content = _load(path)
        if content["digest"] != digest:
            return
        self.model.load_state_dict(content["model"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.best, self.history = content["best"], content["history"]


def train(
    model: VideoModel,
    fit: Part,
    validation: Part,
    settings: Train,
    seed: int,
    threads: int = 1,
    checkpoint: Path | None = None,
) -> Trained:
    """Train a model on the device it is on.

    Args:
        model: new, from `vad.modelling.build` with the same seed; its weights change.
        fit: videos to train on; a normal-only model trains on the normal ones.
        validation: videos that choose the epoch (of them the normal ones alone for a normal-only model).
        settings: the schedule.
        seed: >= 0; with the same data, settings and CPU it gives the same weights.
        threads: CPU threads, >= 1.
        checkpoint: file that is written after each epoch; a later call with the same data and settings goes
            on from it; the caller deletes it.

    Raises: ParamsError for settings that do not fit the data; DatasetError for a missing class; VadError
        naming the step at which the loss stops being a finite number; ArtefactError for a damaged checkpoint.
    """
    check(model, fit, validation, settings)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(threads)
    run = _Run(model, fit, validation, settings, seed)
    digest = _digest(model, [run.fit, run.validation], settings, seed) if checkpoint else ""
    if checkpoint and checkpoint.exists():
        run.load(checkpoint, digest)
    # A regularised model that collapses fills with denormal numbers, and a step takes six times as long.
    torch.set_flush_denormal(True)
    try:
        while not run.finished():
            run.epoch()
            if checkpoint:
                run.save(checkpoint, digest)
    finally:
        torch.set_flush_denormal(False)
    return Trained(run.best, run.history, best_epoch(run.history, settings.select_by))
