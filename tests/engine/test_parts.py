"""What is kept of the videos of a part, in memory and in files: the same numbers either way."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests import clips
from vad.artefacts.features import FeatureFile, write_features
from vad.engine import parts
from vad.engine.batches import BagSet, WindowSet, set_for
from vad.engine.build import build
from vad.engine.checkpoints import digest
from vad.engine.parts import Part, StoredRows, part_of, with_copies
from vad.engine.placement import hold
from vad.engine.score import score_video, video_scores
from vad.errors import FeatureError, StorageError
from vad.models._base import VideoModel
from vad.schema.infer import Infer
from vad.schema.train import Train

WINDOWS = ("lstm_memory_ae", {"window": 4, "stride": 2, "hidden_width": 8, "latent_width": 4, "memory_slots": 5})
BAGS = ("c3d_mil", {"bag_segments": 8, "hidden_width": 8, "middle_width": 4})
OWN_ROWS = ("deepmil", {"bag_segments": 8, "hidden_width": 8})
KINDS = [WINDOWS, BAGS, OWN_ROWS]


class OwnRows(VideoModel):
    """A bag model that scores a video's own rows and looks at its clips."""

    sampling, uses_clips, bag_segments, scores_own_rows = "bags", True, 1, True


class NoClips(OwnRows):
    """The same without clips."""

    uses_clips = False


def written(folder: Path, rows: list[int], crops: int = 0, seed: int = 0) -> list[Path]:
    """Feature files of random vectors of six numbers."""
    generator = np.random.default_rng(seed)
    paths = [folder / f"{seed}-{number}.npz" for number in range(len(rows))]
    for path, count in zip(paths, rows, strict=True):
        values = generator.normal(size=(count, crops, 6) if crops else (count, 6)).astype(np.float32)
        write_features(path, FeatureFile(values, np.arange(count + 1) * 16))
    return paths


def values_of(paths: list[Path]) -> list[np.ndarray]:
    """The features of some files."""
    return [np.load(path)["features"] for path in paths]


def batches(data: BagSet | WindowSet) -> list[torch.Tensor]:
    """The batches of an epoch, then those of a validation pass."""
    drawn = data.draw(2, 5, torch.Generator().manual_seed(3))
    return [batch.features for batch in (*drawn, *data.sweep(2))]


def test_a_part_from_feature_files(tmp_path: Path) -> None:
    """Features (the bag in the fit part), labels, and clips where every file has some and the model looks at them."""
    bounds, values = np.array([0, 16, 32]), np.ones((2, 3), np.float32)
    with_clips, plain = tmp_path / "a.npz", tmp_path / "b.npz"
    write_features(with_clips, FeatureFile(values, bounds, clips=clips.numbered(2)))
    write_features(plain, FeatureFile(values, bounds))
    model = OwnRows()
    part = part_of(model, "fit", [with_clips, with_clips], [0, 1])
    rows = part_of(model, "validation", [with_clips], [1])

    assert [0, 1] == part.labels
    assert [1, 1, 2] == [len(features) for features in (*part.features, *rows.features)]
    assert part.clips is not None
    assert [2, 2] == list(map(len, part.clips))
    assert part_of(model, "fit", [with_clips, plain], [0, 1]).clips is None
    assert part_of(NoClips(), "fit", [with_clips], [0]).clips is None


@pytest.mark.parametrize("crops", [0, 3])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", ["fit", "validation"])
def test_files_give_the_batches_of_memory(
    kind: tuple[str, Any], part: str, crops: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the last bit: everything in memory, everything in files (also read in blocks), and features without files."""
    model = build(*kind, 6).eval()
    files, labels = written(tmp_path, [3, 30, 9, 17], crops), [0, 1, 0, 1]
    bare = set_for(model, Part(values_of(files), labels))
    inside = set_for(model, part_of(model, part, files, labels))
    for name in ("IN_MEMORY", "READ_AT_ONCE"):
        monkeypatch.setattr(parts, name, 0)
    monkeypatch.setattr("vad.engine.expansion.BLOCK_BYTES", 100)
    outside = set_for(model, part_of(model, part, files, labels, 6, tmp_path / "large"))
    expected = batches(bare)
    for data in (inside, outside):
        assert all(torch.equal(*pair) for pair in zip(expected, batches(data), strict=True))
        assert torch.equal(bare.sample(), data.sample())
        if (kind, part) != (OWN_ROWS, "fit"):  # of the fit part only the bags are kept
            np.testing.assert_array_equal(video_scores(model, bare), video_scores(model, data))


def test_large_bags_lie_in_a_file_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left in the folder, whatever happens to the process."""
    monkeypatch.setattr(parts, "IN_MEMORY", 0)
    part = part_of(build(*BAGS, 6), "fit", written(tmp_path, [3, 9], 2), [0, 1], 6, tmp_path / "large")

    assert isinstance(part.bags, np.memmap)
    assert (4, 8, 6) == part.bags.shape
    assert [] == list((tmp_path / "large").iterdir())


def test_no_space_for_large_bags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found before training, with the folder; exit code 74."""
    monkeypatch.setattr(parts, "IN_MEMORY", 0)

    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(StorageError, match=r"disk full at .*large: No space"):
        part_of(build(*BAGS, 6), "fit", written(tmp_path, [3]), [0], 6, tmp_path / "large")


def test_anomalous_videos_of_window_models_are_not_read(tmp_path: Path) -> None:
    """Their length counts (the draw of copies hangs on it), their rows do not."""
    files = written(tmp_path, [9, 9])
    fit, validation = (part_of(build(*WINDOWS, 6), part, files, [0, 1]) for part in ("fit", "validation"))
    data = WindowSet(fit, 4, 2)

    assert [torch.Tensor, StoredRows] == list(map(type, data.rows))
    assert [np.ndarray] * 2 == list(map(type, validation.features))
    assert {0} == data.drawn()
    assert 6 == len(data.starts)


def test_copies_are_drawn_from_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each version of a video is found, in memory and in files."""
    for kind in KINDS:
        model, drawn = build(*kind, 6), []
        for most in (2**30, 0):
            monkeypatch.setattr(parts, "IN_MEMORY", most)
            plain, copy = (part_of(model, "fit", written(tmp_path, [9, 12], 2, seed), [0, 1]) for seed in (1, 2))
            drawn.append(batches(set_for(model, with_copies(plain, [copy]))))
        assert all(torch.equal(*pair) for pair in zip(*drawn, strict=True))


def test_other_numbers_of_crops_are_refused(tmp_path: Path) -> None:
    """By the name of the file."""
    files = [*written(tmp_path, [3], 2), *written(tmp_path, [3], 3, seed=1)]
    with pytest.raises(FeatureError, match=r"1-0\.npz: 3 crop\(s\)"):
        part_of(build(*BAGS, 6), "fit", files, [0, 1])


@pytest.mark.parametrize("most", [2**30, 0])
def test_damage_is_found_in_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """One flipped bit, and a value that is not a number, whether the video is brought into memory or not."""
    for name in ("IN_MEMORY", "READ_AT_ONCE"):
        monkeypatch.setattr(parts, name, most)
    (flipped,) = written(tmp_path, [9])
    content = bytearray(flipped.read_bytes())
    content[300] ^= 1
    flipped.write_bytes(content)
    bad = np.zeros((9, 6), np.float32)
    bad[7, 2] = np.nan
    np.savez(tmp_path / "nan.npz", features=bad, bounds=np.arange(10), report=np.array("{}"))

    for kind in (WINDOWS, BAGS):
        with pytest.raises(FeatureError, match="not a readable feature file"):
            part_of(build(*kind, 6), "fit", [flipped], [0])
        with pytest.raises(FeatureError, match="NaN or infinite feature in row 7"):
            part_of(build(*kind, 6), "fit", [tmp_path / "nan.npz"], [0])


def test_a_video_in_its_file_is_scored_alike(tmp_path: Path) -> None:
    """Crop by crop, of windows and of bags."""
    (path,) = written(tmp_path, [30], 2)
    stored, (values,) = parts.stored_features(path), values_of([path])
    for kind in KINDS:
        model, bounds = build(*kind, 6), np.arange(31) * 16
        inside, outside = (score_video(model, rows, bounds, Infer()) for rows in (values, stored))
        np.testing.assert_array_equal(inside.frames, outside.frames)


def test_rows_in_files_move_to_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that training draws from; the others are brought there with each batch."""
    monkeypatch.setattr(parts, "IN_MEMORY", 0)
    model, device = build(*WINDOWS, 6), torch.device("meta")
    data = WindowSet(part_of(model, "validation", written(tmp_path, [9, 9]), [0, 1]), 4, 2)

    assert hold([data], device, 2 * 9 * 6 * 4)
    assert [torch.Tensor, StoredRows] == list(map(type, data.rows))
    assert "meta" == data.take(torch.arange(6)).device.type


def test_the_digest_follows_the_files(tmp_path: Path) -> None:
    """Other content, another digest; the numbers themselves are not read again."""
    model, files = build(*BAGS, 6), written(tmp_path, [3, 9])
    settings = Train(lr=0.1, epochs=1, batch=1)

    def of(paths: list[Path]) -> str:
        data = set_for(model, part_of(model, "fit", paths, [0, 1]))
        data.features.zero_()
        return digest(model, [data], settings, 0)

    assert of(files) == of(files)
    assert of(files) != of(files[::-1])
    assert of(files) != of(written(tmp_path, [3, 9], seed=1))


CHILD = """
    import re, sys
    from pathlib import Path
    import torch
    from vad.engine import parts
    from vad.engine.batches import set_for
    from vad.engine.build import build

    def anonymous() -> float:
        return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

    kind, part, folder = sys.argv[1:4]
    parts.IN_MEMORY = parts.READ_AT_ONCE = 2**23
    models = {
        "bags": ("urdmu", {"bag_segments": 200, "width": 8, "head_width": 4, "scorer_width": 4}),
        "windows": ("lstm_memory_ae", {"hidden_width": 4, "latent_width": 4}),
    }
    model = build(*models[kind], 256)
    files = sorted(Path(folder).glob("*.npz"))
    before = most = anonymous()
    data = set_for(model, parts.part_of(model, part, files, [0, 1] * (len(files) // 2), 256, Path(folder)))
    made = anonymous()
    for batch in data.sweep(2):
        most = max(most, anonymous())
    print(made - before, most - before, sum(path.stat().st_size for path in files) / 2**20)
"""


@pytest.mark.parametrize(("kind", "part"), [("bags", "fit"), ("windows", "validation")])
def test_memory_is_bounded(kind: str, part: str, tmp_path: Path) -> None:
    """160 MB of features with 32 MB of bags, at bounds of 8 MB: less than 40 MB of the process's own memory."""
    generator = np.random.default_rng(0)
    for number in range(16):
        values = generator.normal(size=(1000, 10, 256)).astype(np.float32)
        write_features(tmp_path / f"{number:02}.npz", FeatureFile(values, np.arange(1001) * 16))
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CHILD), kind, part, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    made, most, size = map(float, ran.stdout.split())

    assert size > 150
    assert max(made, most) < 40
