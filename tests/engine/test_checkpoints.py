"""Resume checkpoints: damaged, cut, killed while they are written, stopped between two steps; the weights stay."""

import errno
import io
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch

from tests.engine.test_train import PICTURES, SELECT, clips, new, part, same, settings
from vad.engine import checkpoints
from vad.engine.train import Trained, train
from vad.errors import ArtefactError, VadError
from vad.interrupts import Stopped, stoppable
from vad.models._base import VideoModel

EPOCHS = 3
NAME = "c3d_mil"


def trained(name: str, path: Path | None = None, model: VideoModel | None = None) -> Trained:
    """Train a small model."""
    plan = settings(select_by=SELECT[name], epochs=EPOCHS, scheduler="cosine", optimiser="adamw", steps_per_epoch=3)
    fit, validation = (clips(0), clips(1)) if name in PICTURES else (part(0), part(1))
    return train(model or new(name, 3), fit, validation, plan, 3, checkpoint=path)


def with_signal(name: str, call: int, number: int) -> tuple[VideoModel, list[bool]]:
    """A model that gets a signal in the given call of its loss, from 1; whether each call was one of training."""
    model, calls = new(name, 3), []
    loss = model.loss

    def interrupted(batch: Any) -> dict[str, torch.Tensor]:
        calls.append(model.training)
        if len(calls) == call:
            signal.raise_signal(number)
        return loss(batch)

    model.loss = interrupted
    return model, calls


@pytest.mark.parametrize(("name", "number"), [*((name, signal.SIGTERM) for name in SELECT), (NAME, signal.SIGINT)])
def test_a_stopped_run_goes_on_at_the_same_step(name: str, number: int, tmp_path: Path) -> None:
    """Stopped in any step, in the validation, and twice in one epoch: the weights of a run never stopped."""
    whole = trained(name)
    model, all_calls = with_signal(name, 0, number)
    trained(name, model=model)
    resumed, path = [], tmp_path / "checkpoint.pt"
    for call in range(1, len(all_calls), 2 if name == NAME else 5):
        model, calls = with_signal(name, call, number)
        with pytest.raises(Stopped) as stop, stoppable():
            trained(name, path, model)
        assert 128 + number == stop.value.exit_code
        assert checkpoints.load(path)["done"] == (sum(calls) - 1) % 3 + 1  # steps of the epoch, the running one too
        again, calls_again = with_signal(name, 2, number)
        with pytest.raises(Stopped), stoppable():
            trained(name, path, again)
        model, calls_after = with_signal(name, 0, number)
        resumed.append(trained(name, path, model))
        assert sum(calls) + sum(calls_again) + sum(calls_after) == sum(all_calls)  # no step is done twice
        checkpoints.discard(path)

    assert resumed
    assert all(same(whole.state, found.state) and whole.history == found.history for found in resumed)
    assert [] == list(tmp_path.iterdir())


def flip(path: Path, where: float) -> None:
    """Flip one bit at a part of the file's length."""
    content = bytearray(path.read_bytes())
    content[int(where * (len(content) - 1))] ^= 4
    path.write_bytes(content)


def cut(path: Path, where: float) -> None:
    """Keep the first part of a file."""
    path.write_bytes(path.read_bytes()[: int(where * (path.stat().st_size - 1))])


@pytest.mark.parametrize("where", [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("damage", [flip, cut])
def test_a_damaged_checkpoint_costs_an_epoch_and_not_the_weights(
    damage: Callable[[Path, float], None], where: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The one before it is used, and both things are said; where both are damaged, training starts from the beginning.

    A flipped bit in the numbers could be read as well: other weights would come out.
    """
    whole, path = trained(NAME), tmp_path / "checkpoint.pt"
    trained(NAME, path)
    lengths = [len(checkpoints.load(file)["history"]) for file in (path, checkpoints.previous(path))]
    damage(path, where)
    with pytest.raises(ArtefactError, match=r"checkpoint\.pt: not a readable checkpoint"):
        checkpoints.load(path)
    one = trained(NAME, path)
    said = caplog.text
    caplog.clear()
    for file in (path, checkpoints.previous(path)):
        damage(file, where)
    none = trained(NAME, path)

    assert [EPOCHS, EPOCHS - 1] == lengths
    assert f"{path}: not a readable checkpoint" in said
    assert f"goes on from the checkpoint before it, {checkpoints.previous(path)}" in said
    assert "training starts from the beginning" in caplog.text
    assert same(whole.state, one.state)
    assert same(whole.state, none.state)


def test_a_whole_checkpoint_is_used_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Notices are for damage only."""
    path = tmp_path / "checkpoint.pt"
    trained(NAME, path)
    trained(NAME, path)

    assert "" == caplog.text


def killed_at_line(line: int, work: Callable[[], object]) -> bool:
    """Do work in a child process that is killed with SIGKILL at the n-th line of the code that writes checkpoints.

    Returns: whether it was killed; False = it has fewer lines.
    """
    files = (checkpoints.__file__, checkpoints.atomic.__globals__["__file__"])
    lines = 0

    def each(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal lines
        if frame.f_code.co_filename not in files:
            return None
        lines += event == "line"
        if lines == line:
            os.kill(os.getpid(), signal.SIGKILL)
        return each

    if not (child := os.fork()):
        sys.settrace(each)
        try:
            work()
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def test_a_kill_while_a_checkpoint_is_written(tmp_path: Path) -> None:
    """At each line of the writer: the old content or the new one is there, and the next write succeeds."""
    contents, line, left = [], 1, 0
    while True:
        path = tmp_path / f"{line}/checkpoint.pt"
        checkpoints.save(path, {"epoch": 1})
        checkpoints.save(path, {"epoch": 2})
        if not killed_at_line(line, lambda path=path: checkpoints.save(path, {"epoch": 3})):
            break
        left += len(list(path.parent.glob(".*.tmp")))
        found = checkpoints.newest(path)
        contents.append(found["epoch"] if found else None)
        checkpoints.save(path, {"epoch": 4})
        assert {"epoch": 4} == checkpoints.newest(path)
        checkpoints.discard(path)
        assert [] == list(path.parent.iterdir())
        line += 1

    assert sorted(contents) == contents
    assert {2, 3} == set(contents)
    assert left > 0


@pytest.mark.parametrize("seed", range(3))
def test_a_run_killed_while_it_writes_a_checkpoint_goes_on_bit_identically(tmp_path: Path, seed: int) -> None:
    """SIGKILL at lines all over the run's writes, each in a new process; the run then ends as any other."""
    whole, path, killed = trained(NAME), tmp_path / "checkpoint.pt", 0
    for line in range(10 + 7 * seed, 200, 31):
        killed += killed_at_line(line, lambda: trained(NAME, path))
    resumed = trained(NAME, path)

    assert killed > 1
    assert same(whole.state, resumed.state)
    assert whole.history == resumed.history


def test_a_checkpoint_of_other_code_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Code, arithmetic or torch changed between a stop and the next run: weights of two would come out."""
    path = tmp_path / "checkpoint.pt"
    plan = settings(select_by=SELECT[NAME], epochs=1, optimiser="adamw", steps_per_epoch=1)
    train(new(NAME, 3), part(0), part(1), plan, 3, checkpoint=path, made_by="one")
    stored = path.read_bytes()
    train(new(NAME, 3), part(0), part(1), plan, 3, checkpoint=path, made_by="one")
    same_job = path.read_bytes()
    train(new(NAME, 3), part(0), part(1), plan, 3, checkpoint=path, made_by="other")

    assert stored == same_job
    assert checkpoints.load(path)["digest"] != torch.load(io.BytesIO(stored[32:]), weights_only=True)["digest"]


@pytest.mark.parametrize("error", [OSError(errno.EIO, "I/O error"), OSError(errno.EMFILE, "Too many open files")])
def test_a_checkpoint_that_cannot_be_read_now_is_kept(
    error: OSError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a wrong hash says that a checkpoint is damaged; a fault of the moment ends the run and deletes nothing."""
    path = tmp_path / "checkpoint.pt"
    trained(NAME, path)
    stored = path.read_bytes()

    def refuse(_: Path) -> bytes:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(VadError, match=r"checkpoint\.pt: the checkpoint cannot be read"):
            trained(NAME, path)

    assert stored == path.read_bytes()
