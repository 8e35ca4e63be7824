"""The training loop of all models: the same seed gives the same weights.

Each step seeds torch from (seed, epoch, step), and each epoch draws its order from (seed, epoch). So only the state of
model and optimiser passes from one step to the next, and a run that is resumed after any step equals one that was
never stopped. A stop (`vad.interrupts`) waits for the end of a step and has the state saved; a run that is killed goes
on from the end of its last epoch.
A model with an `adversary` has a second optimiser, which steps before the first on `adversary_loss`.
`train.precision` holds for the loss of a training step; weights, validation and scoring are float32.
The epoch is chosen on the validation part only.
"""

import math
import os
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from vad.engine import checkpoints
from vad.engine.batches import BagSet, seed_for, set_for
from vad.engine.parts import Part
from vad.engine.placement import hold, to_device
from vad.engine.schedule import learning_rate, optimiser_for, without_adversary
from vad.engine.score import video_scores
from vad.errors import ParamsError, VadError, listing
from vad.evaluation.thresholds import Thresholds, area, average_precision
from vad.interrupts import Stopped, held
from vad.models._base import Bags, VideoModel, Windows, defines, device_of
from vad.models._contract import checked_terms
from vad.nn.exact import full_float32
from vad.nn.precision import autocast
from vad.schema.train import BY_LABEL, Train

Row = dict[str, Any]


class Trained(NamedTuple):
    """The result of training: weights of the chosen epoch (on the CPU), one row per epoch, the chosen epoch from 1."""

    state: dict[str, Tensor]
    history: list[Row]
    epoch: int
    steps: int
    """Of an epoch."""


def best_epoch(history: list[Row], select_by: str) -> int:
    """The epoch (from 1) with the best criterion; ties go to lower validation loss, then to the earlier."""
    if select_by == "last":
        return len(history)

    def rank(row: Row) -> tuple[float, float, int]:
        criterion = row[select_by] if select_by == "validation_loss" else -row[select_by]
        return criterion, row["validation_loss"], row["epoch"]

    return min(history, key=rank)["epoch"]


def check(model: VideoModel, fit: Part, validation: Part, settings: Train) -> None:
    """Check that the data fit the model and the settings.

    Raises: ParamsError with all problems.
    """
    problems = []
    by_video = settings.select_by in BY_LABEL
    if by_video and model.supervision == "normal_only":
        problems.append(
            f"select_by {settings.select_by} needs anomalous videos, which a normal-only model must not see"
        )
    elif by_video and len(set(validation.labels)) < 2:
        problems.append(f"select_by {settings.select_by} needs normal and anomalous videos in the validation part")
    if settings.select_by == "validation_frame_auc" and (validation.frame_auc is None or model.level != "frame"):
        problems.append(
            "select_by validation_frame_auc needs frame labels of the validation part, and a model of frames"
        )
    if settings.curriculum == "length" and model.sampling == "windows":
        problems.append("curriculum length orders whole videos, the model is trained on windows of them")
    images = [features.dtype == np.uint8 for features in (*fit.features, *validation.features)]
    reads_images = model.reads == "images"
    if any(image != reads_images for image in images):
        wanted = "images (extractor frames)" if reads_images else "vectors or maps, not images"
        problems.append(f"the model reads {wanted}: change `features` of the variant")
    if not len(fit.labels):
        problems.append("the fit part is empty")
    if not len(validation.labels):
        problems.append("the validation part is empty")
    if problems:
        raise ParamsError(listing("train", problems, "Change `train` of the variant or the validation fraction."))


def _copy(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in state.items()}


class TrainingRun:
    """One run: model, data, optimisers, the history so far and the best weights so far."""

    def __init__(
        self, model: VideoModel, fit: Part, validation: Part, settings: Train, seed: int, until: int | None = None
    ) -> None:
        self.model, self.settings, self.seed = model, settings, seed
        self.device = device_of(model)
        self.fit, self.validation = set_for(model, fit), set_for(model, validation)
        self.validation_labels = np.asarray(validation.labels)
        self.frame_auc = validation.frame_auc if settings.select_by == "validation_frame_auc" else None
        self.steps = settings.steps_per_epoch or self.fit.steps(settings.batch)
        self.epochs = settings.epochs if until is None else until
        if not any(True for _ in model.parameters()):
            self.steps, self.epochs = 0, 1  # all that such a model has comes from `prepare` and `calibrate`
        if defines(model, VideoModel.prepare):
            # Constants of the data: without dropout, and without a graph that the first backward pass would enter.
            with torch.no_grad():
                model.eval().prepare(self.fit.sample().to(self.device))
        # An optimiser refuses a model without parameters: an empty one stands in for them.
        self.optimiser = optimiser_for(without_adversary(model) or [nn.Parameter(torch.zeros(0))], settings)
        adversary = model.adversary
        self.adversary_optimiser = None if adversary is None else optimiser_for(adversary.parameters(), settings)
        # Gradients of float16 would become 0 where they are small; each optimiser finds its own factor against that.
        scaled = settings.precision == "float16"
        self.scaler, self.adversary_scaler = (torch.amp.GradScaler(self.device.type, enabled=scaled) for _ in range(2))
        self.history: list[Row] = []
        self.best: dict[str, Tensor] = {}
        self.done = 0
        """Steps of the epoch that is running."""
        self.sums: dict[str, float] = {}
        """The terms of the losses, each summed over these steps."""
        self.trained: dict[str, Tensor] | None = None
        """While an epoch is validated: the weights before, since models are calibrated on the validation part."""

    def epoch(self) -> Row:
        """Train for one epoch or what is left of it, and validate.

        Returns: the row of the history, for `end_epoch`.

        Raises: Stopped between two steps, or while the epoch is validated; `save` then writes the state.
        """
        number = len(self.history) + 1
        generator = torch.Generator().manual_seed(seed_for(self.seed, number))
        self.model.train()
        in_order = self.settings.curriculum == "length" and isinstance(self.fit, BagSet)
        draw = partial(self.fit.draw, by_length=True) if in_order else self.fit.draw
        batches = draw(self.settings.batch, self.steps, generator)
        for batch in islice(batches, self.done, None):
            with held():
                for name, value in self.step(number, self.done, batch).items():
                    self.sums[name] = self.sums.get(name, 0.0) + value
                self.done += 1
        terms = {name: total / self.steps for name, total in self.sums.items()}
        row: Row = {
            "epoch": number,
            "lr": self.optimiser.param_groups[0]["lr"],
            "train_loss": sum(value for name, value in terms.items() if name.startswith("train_")),
        }
        self.trained = _copy(self.model.state_dict())
        return {**row, **terms, **self._validate(number)}

    def end_epoch(self, row: Row) -> None:
        """Note an epoch, and keep the weights if they are the best so far."""
        self.history.append(row)
        if best_epoch(self.history, self.settings.select_by) == row["epoch"]:
            self.best = _copy(self.model.state_dict())
        self.done, self.sums, self.trained = 0, {}, None

    def step(self, epoch: int, step: int, batch: Bags | Windows) -> dict[str, float]:
        """One step of every optimiser on a batch; the terms of the losses.

        Args:
            epoch: from 1.
            step: of the epoch, from 0.
            batch: as `fit.draw` gives it.

        Raises: VadError naming the step if the loss is not a finite number.
        """
        torch.manual_seed(seed_for(self.seed, epoch, step))
        where = f"epoch {epoch}, step {step + 1}"
        lr = learning_rate(self.settings, epoch - 1 + step / self.steps, 1 / self.steps)
        batch, adversary = to_device(batch, self.device), {}
        if self.adversary_optimiser is not None:
            loss, own_lr = self.model.adversary_loss, lr * self.model.adversary_lr_ratio
            adversary = self._descend(self.adversary_optimiser, self.adversary_scaler, own_lr, loss, batch, where)
        values = self._descend(self.optimiser, self.scaler, lr, self.model.loss, batch, where)
        values = {f"train_{name}": value for name, value in values.items()}
        return values | {f"adversary_{name}": value for name, value in adversary.items()}

    def _descend(
        self,
        optimiser: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
        lr: float,
        loss: Callable[[Bags | Windows], dict[str, Tensor]],
        batch: Bags | Windows,
        where: str,
    ) -> dict[str, float]:
        """One step of one optimiser on the sum of the loss's terms; their values."""
        for group in optimiser.param_groups:
            group["lr"] = lr
        optimiser.zero_grad()
        with autocast(self.device, self.settings.precision):
            terms = checked_terms(self.model, loss(batch))
        each = torch.stack([term.float() for term in terms.values()])
        total = each.sum()
        # One transfer for all numbers: each one waits until a GPU has done everything before it.
        *numbers, sum_of_all = torch.cat([each, total[None]]).tolist()
        values = dict(zip(terms, numbers, strict=True))
        if not math.isfinite(sum_of_all):
            self._fail(where, values)
        scaler.scale(total).backward()
        if self.settings.grad_clip:
            owned = [value for group in optimiser.param_groups for value in group["params"]]
            scaler.unscale_(optimiser)
            nn.utils.clip_grad_norm_(owned, self.settings.grad_clip)
        scaler.step(optimiser)
        scaler.update()
        return values

    def _fail(self, where: str, values: Mapping[str, float]) -> None:
        terms = ", ".join(f"{name} {value}" for name, value in values.items())
        raise VadError(f"training, {where}: not a finite number ({terms}). Lower train.lr or set train.grad_clip.")

    @torch.no_grad()
    def _validate(self, epoch: int) -> Row:
        """Criteria on the validation part; video_auc and video_ap are None while it has one class."""
        self.model.eval()
        device = self.device
        if defines(self.model, VideoModel.calibrate):
            self.model.calibrate(self.validation.sample().to(device))
        losses, first = [], None
        for batch in self.validation.sweep(self.settings.batch):
            on_device = to_device(batch, device)
            losses.append(sum(float(term) for term in self.model.loss(on_device).values()))
            first = on_device if first is None else first
        row: Row = {"validation_loss": float(np.mean(losses)), "video_auc": None, "video_ap": None}
        both = len(set(self.validation_labels)) == 2  # otherwise scores would choose nothing
        scores = video_scores(self.model, self.validation) if both else np.zeros(0)
        if not (math.isfinite(row["validation_loss"]) and np.isfinite(scores).all()):
            self._fail(f"validation of epoch {epoch}", {"validation_loss": row["validation_loss"]})
        if both:
            # The same definitions as in room evaluate.
            anomalous, one_row = np.asarray(self.validation_labels, bool), np.zeros(len(scores), np.int64)
            counts = Thresholds.of(scores, anomalous, one_row, 1, most=None)
            row["video_auc"] = area(scores, anomalous)
            row["video_ap"] = float(average_precision(counts.positive, counts.negative)[0])
        if self.frame_auc is not None:
            row["validation_frame_auc"] = self.frame_auc(self.model)
        extra = self.model.diagnose(first.features) if first else {}
        return {**row, **extra}

    def finished(self) -> bool:
        """Whether all epochs are done or `patience` epochs brought nothing better."""
        if len(self.history) >= self.epochs:
            return True
        waited = len(self.history) - best_epoch(self.history, self.settings.select_by) if self.history else 0
        return self.settings.patience is not None and waited >= self.settings.patience

    def save(self, path: Path, digest: str) -> None:
        """Write a checkpoint, of plain types and tensors only."""
        state = {
            "model": self.model.state_dict() if self.trained is None else self.trained,
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "adversary_scaler": self.adversary_scaler.state_dict(),
            "best": self.best,
            **(
                {}
                if self.adversary_optimiser is None
                else {"adversary_optimiser": self.adversary_optimiser.state_dict()}
            ),
        }
        place = {"history": self.history, "done": self.done, "sums": self.sums}
        checkpoints.save(path, {**state, **place, "digest": digest})

    def load(self, path: Path, digest: str) -> None:
        """Continue from the newest whole checkpoint; one of another run (another digest) is ignored."""
        content = checkpoints.newest(path)
        if content is None or content["digest"] != digest:
            return
        self.model.load_state_dict(content["model"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.scaler.load_state_dict(content["scaler"])
        self.adversary_scaler.load_state_dict(content["adversary_scaler"])
        if self.adversary_optimiser is not None:
            self.adversary_optimiser.load_state_dict(content["adversary_optimiser"])
        self.best, self.history = content["best"], content["history"]
        self.done, self.sums = content["done"], content["sums"]


def use_exact_algorithms(threads: int) -> None:
    """Have torch use algorithms that give the same result each time, from here on in this process."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    full_float32()
    torch.set_num_threads(threads)


def train(
    model: VideoModel,
    fit: Part,
    validation: Part,
    settings: Train,
    seed: int,
    threads: int = 1,
    checkpoint: Path | None = None,
    made_by: str = "",
    after_epoch: Callable[[int], object] | None = None,
    until: int | None = None,
) -> Trained:
    """Train a model on the device it is on.

    Args:
        model: new, from `vad.engine.build.build` with the same seed; its weights change.
        fit: videos to train on; a normal-only model trains on the normal ones.
        validation: videos that choose the epoch (for a normal-only model only the normal ones).
        settings: section `train` of the variant.
        seed: >= 0; with the same data, settings and CPU it gives the same weights.
        threads: CPU threads, >= 1.
        checkpoint: file that is written after each epoch and when the process is stopped (the one before it
            stays beside it); a later call with the same data and settings goes on from it; the caller deletes
            both (`vad.engine.checkpoints.discard`).
        made_by: what else decides the weights (code, arithmetic): a checkpoint of another one is not used.
        after_epoch: called with the number of each epoch that was trained, while the model has its weights.
        until: the epoch after which training ends while the learning rate follows `settings.epochs`; None = the last.

    Raises: ParamsError for settings that do not fit the data; DatasetError for a missing class; VadError
        naming the step at which the loss stops being a finite number; StorageError if a checkpoint cannot be
        written; Stopped once the state is saved.
    """
    check(model, fit, validation, settings)
    use_exact_algorithms(threads)
    run = TrainingRun(model, fit, validation, settings, seed, until)
    digest = checkpoints.digest(model, [run.fit, run.validation], settings, seed, made_by) if checkpoint else ""
    if checkpoint:
        run.load(checkpoint, digest)
    hold([run.fit, run.validation], run.device)
    # The weights of a regularised model may shrink to denormal numbers, with which a step takes six times as long.
    torch.set_flush_denormal(True)
    try:
        while not run.finished():
            row = run.epoch()
            with held():
                run.end_epoch(row)
                if after_epoch:
                    after_epoch(len(run.history))
                if checkpoint:
                    run.save(checkpoint, digest)
    except Stopped:
        if checkpoint and run.done:  # else the checkpoint of the last epoch says it all
            with held():
                run.save(checkpoint, digest)
        raise
    finally:
        torch.set_flush_denormal(False)
    return Trained(run.best, run.history, best_epoch(run.history, settings.select_by), run.steps)
