"""The files between rooms: atomic, byte-stable, checked on both sides."""

import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.clips import noise
from vad.artefacts.features import FeatureFile, read_features, write_features
from vad.artefacts.files import atomic, canonical_json, sha256, write_json
from vad.artefacts.scores import ScoreFile, StoredScores, read_scores, write_scores
from vad.artefacts.weights import read_weights, write_weights
from vad.errors import ArtefactError, FeatureError, StorageError, VadError


def features(rows: int = 3, dim: int = 4) -> FeatureFile:
    """A small valid feature file of 16-frame rows."""
    values = np.arange(rows * dim, dtype=np.float32).reshape(rows, dim)
    return FeatureFile(values, np.arange(rows + 1) * 16, {"decode": {"fps": 30.0}})


def test_features_round_trip_with_equal_bytes(tmp_path: Path) -> None:
    """What is read is what was written, and writing twice gives the same bytes."""
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for path in paths:
        write_features(path, features())
    read = read_features(paths[0], dim=4)

    np.testing.assert_array_equal(features().features, read.features)
    assert (48, {"decode": {"fps": 30.0}}) == (read.n_frames, read.report)
    assert sha256(paths[0]) == sha256(paths[1])


@pytest.mark.parametrize(
    "features",
    [np.zeros((3, 2, 4, 4, 4), np.float32), np.arange(3 * 3 * 4 * 4, dtype=np.uint8).reshape(3, 3, 4, 4)],
)
def test_maps_and_images_round_trip(tmp_path: Path, features: np.ndarray) -> None:
    """Rows may be maps or images with channels first; `dim` counts the channels."""
    path = tmp_path / "v.npz"

    write_features(path, FeatureFile(features, np.array([0, 1, 2, 3])))
    back = read_features(path, dim=features.shape[1])

    assert features.dtype == back.features.dtype
    np.testing.assert_array_equal(features, back.features)


def test_clips_round_trip(tmp_path: Path) -> None:
    """Images come back; files without them hold the same arrays as ever; wrong ones are refused."""
    with_clips = replace(features(), clips=noise(3))
    write_features(tmp_path / "a.npz", with_clips)
    write_features(tmp_path / "b.npz", features())
    back = read_features(tmp_path / "a.npz", 4).clips
    with np.load(tmp_path / "b.npz") as plain:
        names = plain.files

    assert back is not None
    np.testing.assert_array_equal(noise(3).frames(2), back.frames(2))
    assert ["features", "bounds", "report"] == names
    assert read_features(tmp_path / "b.npz").clips is None
    with pytest.raises(FeatureError, match="2 of 3 rows"):
        write_features(tmp_path / "c.npz", replace(features(), clips=noise(2)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"features": np.zeros((3, 4))}, "float64"),
        ({"features": np.zeros((3,), np.float32)}, "expected float32"),
        ({"features": np.zeros((0, 4), np.float32), "bounds": np.array([0])}, "none of them empty"),
        ({"features": np.full((3, 4), np.nan, np.float32)}, "row 0"),
        ({"bounds": np.arange(3) * 16}, "bounds"),
        ({"bounds": np.array([0, 32, 16, 48])}, "bounds"),
        ({"bounds": np.array([1, 16, 32, 48])}, "bounds"),
    ],
)
def test_wrong_features_are_refused_by_the_writer(tmp_path: Path, change: dict, words: str) -> None:
    """Wrong type, shape, values or bounds: a FeatureError, and nothing is written."""
    good = features()
    bad = FeatureFile(change.get("features", good.features), change.get("bounds", good.bounds))
    with pytest.raises(FeatureError, match=words):
        write_features(tmp_path / "a.npz", bad)

    assert list(tmp_path.iterdir()) == []


def test_another_width_is_refused(tmp_path: Path) -> None:
    """The reader names both widths."""
    write_features(tmp_path / "a.npz", features(dim=4))
    with pytest.raises(FeatureError, match="4 wide, the model expects 128"):
        read_features(tmp_path / "a.npz", dim=128)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
@pytest.mark.parametrize("read", [read_features, read_scores, read_weights])
def test_damaged_files_are_one_clean_error(tmp_path: Path, read: object, content: bytes) -> None:
    """Empty, foreign and truncated files name themselves and what to do."""
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(VadError, match=r"a\.npz.*snakemake"):
        read(path)  # type: ignore[operator]


def test_scores_round_trip(tmp_path: Path) -> None:
    """Scores, parts and protocol survive."""
    video = StoredScores(np.array([0.1, 0.9], np.float32), 0.9, "test", 30.0)
    write_scores(tmp_path / "s.npz", ScoreFile("frame", {"a": video}, {"crops": 1}))
    read = read_scores(tmp_path / "s.npz")

    np.testing.assert_array_equal(video.frames, read.videos["a"].frames)
    assert ("frame", {"crops": 1}, "test", 0.9, 30.0) == (
        read.level,
        read.protocol,
        read.videos["a"].part,
        read.videos["a"].video,
        read.videos["a"].fps,
    )


def test_normalised_scores_and_dropped_frames_round_trip(tmp_path: Path) -> None:
    """They are kept for the videos that have them."""
    video = StoredScores(np.array([0.1, 0.9], np.float32), 0.9, "test", None, np.array([0.0, 1.0], np.float32), 1)
    plain = StoredScores(np.array([0.1], np.float32), 0.1, "test")
    write_scores(tmp_path / "s.npz", ScoreFile("frame", {"a": video, "b": plain}))
    read = read_scores(tmp_path / "s.npz").videos

    np.testing.assert_array_equal(video.normalised, read["a"].normalised)
    assert (1, 0, None) == (read["a"].dropped, read["b"].dropped, read["b"].normalised)
    bad = ScoreFile("frame", {"a": StoredScores(np.zeros(1), 0.0, "test", None, np.array([np.inf]))})
    with pytest.raises(ArtefactError, match="a has a score that is not finite"):
        write_scores(tmp_path / "s.npz", bad)


def test_scores_must_be_finite(tmp_path: Path) -> None:
    """A score that is not a number never reaches a file."""
    bad = ScoreFile("frame", {"a": StoredScores(np.array([np.nan]), 0.0, "test")})
    with pytest.raises(ArtefactError, match="a has a score that is not finite"):
        write_scores(tmp_path / "s.npz", bad)


def test_weights_are_byte_stable(tmp_path: Path) -> None:
    """Twenty writes, one hash: DVC must not see a change where there is none."""
    weights = {name: np.ones((2, 3), np.float32) for name in "badc"}
    hashes = set()
    for _ in range(20):
        write_weights(tmp_path / "w.safetensors", weights, {"model": "x", "a": 1})
        hashes.add(sha256(tmp_path / "w.safetensors"))

    assert len(hashes) == 1
    assert list("abcd") == sorted(read_weights(tmp_path / "w.safetensors"))


def write_half(path: Path) -> None:
    """A writer that runs into a full disk."""
    with atomic(path) as stream:
        stream.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    """A writer that dies halfway leaves the old content and no temporary file."""
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(StorageError, match=r"^disk full at .*x\.txt: No space left on device"):
        write_half(path)

    assert (["x.txt"], "old") == ([p.name for p in tmp_path.iterdir()], path.read_text())


def test_json_refuses_nan(tmp_path: Path) -> None:
    """NaN is not JSON."""
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "x.json", {"a": float("nan")})

    assert list(tmp_path.iterdir()) == []


def test_json_text_does_not_depend_on_order() -> None:
    """Equal values give equal text."""
    assert canonical_json({"b": 1, "a": [2]}) == canonical_json(json.loads('{"a": [2], "b": 1}'))
