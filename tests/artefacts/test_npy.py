"""Arrays that stay in their `.npz` file: what is read of them, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from vad.artefacts.npy import StoredArray


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
