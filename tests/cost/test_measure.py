"""Time and memory: what is measured is what was done, and no more."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.videos import scene, write_video
from vad.cost.measure import FirstFrames, Memory, machine, run_isolated, time_of
from vad.errors import VadError
from vad.video.batches import BatchReader, batches
from vad.video.decode import Reader, Rules, open_video


def test_an_isolated_run_gives_the_result_and_one_thread() -> None:
    """Another process, one thread; its result comes back."""
    pid, threads = run_isolated(lambda: (os.getpid(), torch.get_num_threads()))

    assert os.getpid() != pid
    assert threads == 1


def _fail() -> None:
    raise ValueError("no such thing")


@pytest.mark.parametrize(("work", "words"), [(_fail, "ValueError: no such thing"), (lambda: os._exit(9), "with 9")])
def test_a_failed_process_is_an_error(work: object, words: str) -> None:
    """An error there is an error here, and a killed process does not hang."""
    with pytest.raises(VadError, match=words):
        run_isolated(work)


@pytest.mark.parametrize(("naps", "repeats"), [([0.4, 0.01], 1), ([0.01, 0.01, 0.4, 0.01], 3)])
def test_a_slow_call_does_not_count(naps: list[float], repeats: int) -> None:
    """The first is a warm-up, and of the later ones the median counts; sleeping is no work of the processor."""
    left = iter(naps)
    found = time_of(lambda: time.sleep(next(left)), repeats, 10)

    assert 0.01 <= found.seconds < 0.3
    assert found.cpu_share < 0.5
    assert next(left, None) is None


def test_a_spent_budget_ends_the_repeats() -> None:
    """Only one timed call is begun when it takes longer than the budget."""
    calls: list[int] = []
    time_of(lambda: (calls.append(1), time.sleep(0.02)), 50, 0.01)

    assert len(calls) == 2


def _peaks() -> tuple[float | None, float | None]:
    memory = Memory()
    before = memory.peak_mb()
    large = np.ones(25_000_000)
    del large
    return before, memory.peak_mb()


def test_peak_memory_is_what_the_work_added() -> None:
    """200 MB that were freed again are in the peak, also where this process holds as much that it does not use."""
    blocks = [np.ones(2_000) for _ in range(20_000)]
    last = blocks.pop()
    del blocks
    before, after = run_isolated(_peaks)
    assert last.any()
    if before is None or after is None:
        pytest.skip("this system does not tell a process its peak")

    assert 190 < after - before < 225


@pytest.mark.parametrize("stride", [1, 3])
def test_videos_end_early_where_they_are_measured(tmp_path: Path, stride: int) -> None:
    """Twelve of thirty frames, with the time they took; all of them through any other reader."""
    path = write_video(tmp_path / "video.mp4", scene(30))
    opener = FirstFrames(12)
    reader = opener.open_video(path, 16, 16, Rules())
    start = time.perf_counter()
    early = list(reader.frames(stride))
    elapsed = time.perf_counter() - start
    seconds, again = opener.take_seconds(), opener.take_seconds()
    whole = list(open_video(path, 16, 16, Rules()).frames(stride))

    assert isinstance(reader, Reader)
    assert len(early) == {1: 12, 3: 5}[stride]  # frames 0, 3, 6, 9, and 12 to complete the step
    assert reader.n_frames == reader.report["frames_decoded"] >= 12
    assert 0 < seconds < elapsed
    assert again == 0
    assert len(whole) == -(-30 // stride)
    assert np.array_equal(early, whole[: len(early)])


def _dali_video(tmp_path: Path) -> tuple[Path, Rules]:
    """A video that DALI decodes on a CPU, and the rules that ask for it."""
    path = write_video(tmp_path / "video.webm", scene(40), codec="libvpx-vp9")
    return path, Rules(decoder="dali", decoder_device="cpu")


@pytest.mark.parametrize(("limit", "stride", "frames"), [(12, 1, 12), (20, 1, 20), (20, 3, 8), (99, 1, 40)])
def test_a_decoder_of_batches_gives_batches_where_it_is_measured(
    tmp_path: Path, limit: int, stride: int, frames: int
) -> None:
    """DALI works 16 frames ahead: neither are those of its last run lost, nor are more counted than passed on."""
    path, rules = _dali_video(tmp_path)
    opener = FirstFrames(limit)
    reader = opener.open_video(path, 16, 16, rules)
    assert isinstance(reader, BatchReader)
    early = list(batches(reader, 8, stride))
    whole = list(batches(open_video(path, 16, 16, rules), 8, stride))
    single = list(FirstFrames(limit).open_video(path, 16, 16, rules).frames(stride))

    assert [len(batch) for batch in early] == [*[8] * (frames // 8), *[frames % 8] * (frames % 8 > 0)]
    assert torch.equal(torch.cat(early), torch.cat(whole)[:frames])
    assert np.array_equal(single, torch.cat(early))
    assert min(40, (frames - 1) * stride + 1) == reader.n_frames
    assert opener.take_seconds() > 0


def test_machine_names_what_a_time_depends_on() -> None:
    """Processor, torch and threads."""
    found = machine()

    assert found["processor"]
    assert torch.__version__ == found["torch"]
    assert torch.get_num_threads() == found["threads"]
