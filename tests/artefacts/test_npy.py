"""Arrays that stay in their `.npz` file: what is read of them, and what is refused."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from vad.artefacts import npy
from vad.artefacts.npy import StoredArray, write_npz


@given(array=arrays(st.sampled_from([np.float32, np.uint8, np.int64]), array_shapes(max_dims=3)), at=st.data())
def test_a_part_is_what_numpy_would_cut(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, at: st.DataObject
) -> None:
    """Any slice of rows, and all rows block by block."""
    path = tmp_path_factory.mktemp("stored") / "a.npz"
    np.savez(path, other=np.zeros(3), features=array)
    stored = StoredArray(path, "features")
    rows = at.draw(st.slices(len(array)))
    blocks = list(stored.blocks(at.draw(st.integers(1, 5))))

    assert (array.shape, array.dtype, array.nbytes, array.ndim) == (
        stored.shape,
        stored.dtype,
        stored.nbytes,
        stored.ndim,
    )
    np.testing.assert_array_equal(array[rows], stored[rows])
    np.testing.assert_array_equal(array, np.concatenate(blocks))


def test_one_crop_is_cut_out(tmp_path: Path) -> None:
    """The copy is aligned and may be written to, whatever place the numbers have in the file."""
    array = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    np.savez(tmp_path / "a.npz", features=array)
    cut = StoredArray(tmp_path / "a.npz", "features")[1:3, 2]

    np.testing.assert_array_equal(array[1:3, 2], cut)
    assert cut.flags.aligned
    assert cut.flags.writeable


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 3)).T, "not stored row by row"),
        (np.array([None]), "Python objects"),
    ],
)
def test_arrays_that_cannot_be_read_in_parts(tmp_path: Path, array: np.ndarray, words: str) -> None:
    """Another order of the numbers, and objects."""
    np.savez(tmp_path / "a.npz", allow_pickle=True, a=array)
    with pytest.raises(ValueError, match=words):
        StoredArray(tmp_path / "a.npz", "a")


def test_compressed_or_missing(tmp_path: Path) -> None:
    """Each says so."""
    np.savez_compressed(tmp_path / "b.npz", a=np.zeros(5, np.uint8))
    with pytest.raises(ValueError, match="is compressed"):
        StoredArray(tmp_path / "b.npz", "a")
    with pytest.raises(KeyError):
        StoredArray(tmp_path / "b.npz", "other")


ARRAYS = {"features": np.arange(6, dtype=np.float32).reshape(2, 3), "report": np.array('{"a": 1}')}


def test_equal_arrays_are_equal_bytes() -> None:
    """Also with another version of Python: the digest is that of 3.11.2 and of 3.11.7, whose own headers differ."""
    stream = io.BytesIO()
    write_npz(stream, ARRAYS)

    assert "9f640e3fc47bf04b" == hashlib.sha256(stream.getvalue()).hexdigest()[:16]


@pytest.mark.parametrize("large", [0, npy.LARGE])
def test_numpy_reads_what_was_written(large: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the header of a small and of a large array; in parts, too."""
    monkeypatch.setattr(npy, "LARGE", large)
    with (tmp_path / "a.npz").open("wb") as stream:
        write_npz(stream, ARRAYS)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert list(ARRAYS) == archive.files
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(array, archive[name])
    np.testing.assert_array_equal(ARRAYS["features"][1:], StoredArray(tmp_path / "a.npz", "features")[1:])


def test_objects_are_not_written() -> None:
    """They would be pickles, which nothing here reads."""
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        write_npz(io.BytesIO(), {"a": np.array([None])})
