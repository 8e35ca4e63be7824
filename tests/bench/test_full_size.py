"""Lengths and choice of the generated full-size data."""

from pathlib import Path

import numpy as np
import pytest

from bench import full_size


def test_drawn_lengths_add_up() -> None:
    """1,900 videos, 13.77 million frames, the longest of 976,515; the same each time."""
    frames = full_size.drawn_lengths()

    assert (1900, 13_768_423, 976_515) == (len(frames), frames.sum(), frames.max())
    assert 1 == (frames == 976_515).sum()
    assert frames.min() >= 16
    np.testing.assert_array_equal(frames, full_size.drawn_lengths())


@pytest.mark.parametrize("share", [0.01, 0.1, 1.0])
def test_a_share_has_the_longest_and_all_lengths(share: float) -> None:
    """Every n-th video in the order of lengths."""
    rows = full_size.chosen(full_size.drawn_lengths(), share)

    assert max(20, round(1900 * share)) == len(rows)
    assert 61_032 == rows[0] == rows.max()
    assert rows[-1] < 100


def test_the_train_list_has_its_share() -> None:
    """85 of 100 videos, the longest among them."""
    files = [Path(f"{number:04}") for number in range(1900)]
    train = full_size.train_files(files)

    assert 1610 == len(train)
    assert files[0] in train


def test_lengths_are_read_from_a_table(tmp_path: Path) -> None:
    """By the name of the column."""
    for column in ("n_frames", "n_frames_a"):
        (tmp_path / "a.csv").write_text(f"video,{column}\na,5\nb,7\n")
        assert [5, 7] == full_size.read_lengths(tmp_path / "a.csv").tolist()


def test_one_long_video_takes_nearly_all_of_full_length_validation() -> None:
    """Attention grows with the square of the length: one of a thousand."""
    bags, rows = full_size.validation_cost(np.array([61_032] + [450] * 999), videos=1000)
    alone = full_size.validation_cost(np.array([61_032]), videos=1)[1]

    assert rows == pytest.approx(alone + full_size.validation_cost(np.array([450]), videos=999)[1])
    assert 0.7 < alone / rows < 1
    assert bags < rows
