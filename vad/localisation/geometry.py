"""Which pixels of a picture each cell of a score map covers: resizing, rotation and crop are undone here."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from vad.errors import ArtefactError


@dataclass(frozen=True)
class Geometry:
    """How a picture became the input of a network, and the map that the network gave for it.

    The picture is turned, then resized, then cropped; the cells of the map divide the crop evenly. A pixel belongs to
    the cell that its centre lies in. Pixels outside the crop belong to no cell: they have no score.
    """

    height: int
    """Rows of the picture, in pixels, as the ground truth counts them."""
    width: int
    """Columns of the picture, in pixels."""
    rows: int
    """Rows of the map."""
    columns: int
    """Columns of the map."""
    turns: int = 0
    """Quarter turns of the picture before it is resized, counterclockwise, 0 to 3."""
    resized: tuple[int, int] | None = None
    """Height and width after resizing, in pixels; None = as the turned picture."""
    crop: tuple[int, int, int, int] | None = None
    """Top, left, height and width of the part that is kept, in resized pixels; None = all."""

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises: ArtefactError for a crop that is not inside the resized picture, or a cell without a pixel.
        """
        top, left, height, width = self._crop
        whole = self._resized
        outside = top < 0 or left < 0 or height < 1 or width < 1 or top + height > whole[0] or left + width > whole[1]
        if self.turns not in range(4) or outside:
            raise ArtefactError(f"{self}: not 0 to 3 turns, or the crop is not in the resized picture. Correct them.")
        if not self.pixels.all():
            raise ArtefactError(f"{self}: some cells of the map hold no pixel of the picture. Pool the map to fewer.")

    @property
    def _turned(self) -> tuple[int, int]:
        """Height and width after turning."""
        return (self.width, self.height) if self.turns % 2 else (self.height, self.width)

    @property
    def _resized(self) -> tuple[int, int]:
        return self.resized or self._turned

    @property
    def _crop(self) -> tuple[int, int, int, int]:
        return self.crop or (0, 0, *self._resized)

    @cached_property
    def _cells(self) -> tuple[Int64[np.ndarray, "turned_rows"], Int64[np.ndarray, "turned_columns"]]:
        """Row and column of the map for each row and column of the turned picture; -1 = outside the crop."""
        (top, left, height, width), (turned_rows, turned_columns), whole = self._crop, self._turned, self._resized
        rows = _cells_of(turned_rows, whole[0], top, height, self.rows)
        return rows, _cells_of(turned_columns, whole[1], left, width, self.columns)

    @cached_property
    def _members(self) -> tuple[Float32[np.ndarray, "rows turned_rows"], Float32[np.ndarray, "turned_columns columns"]]:
        """1 where a row (column) of the turned picture belongs to a row (column) of the map."""
        rows, columns = self._cells
        row_of = rows[None] == np.arange(self.rows)[:, None]
        column_of = columns[:, None] == np.arange(self.columns)[None]
        return row_of.astype(np.float32), column_of.astype(np.float32)

    @cached_property
    def pixels(self) -> Int64[np.ndarray, "rows columns"]:
        """Number of pixels of the picture in each cell."""
        row_of, column_of = self._members
        return np.outer(row_of.sum(1), column_of.sum(0)).astype(np.int64)

    @property
    def unseen(self) -> int:
        """Number of pixels of the picture that belong to no cell."""
        return self.height * self.width - int(self.pixels.sum())

    def pooled(self, masks: Bool[np.ndarray, "masks height width"]) -> Int64[np.ndarray, "masks rows columns"]:
        """How many pixels of each mask lie in each cell; exact, without rounding.

        Args:
            masks: over the picture.
        """
        row_of, column_of = self._members
        turned = np.rot90(masks, self.turns, (1, 2)).astype(np.float32)
        return np.rint(row_of @ turned @ column_of).astype(np.int64)  # whole numbers far below 2^24: exact in float32

    def to_picture(self, maps: Float[np.ndarray, "maps rows columns"]) -> Float[np.ndarray, "maps height width"]:
        """Maps in pixels of the picture: each pixel has the score of its cell, NaN where it has none."""
        rows, columns = self._cells
        spread = np.where(((rows >= 0)[:, None] & (columns >= 0))[None], maps[:, rows[:, None], columns], np.nan)
        return np.rot90(spread, -self.turns, (1, 2)).astype(maps.dtype)

    def centres(self) -> Float[np.ndarray, "rows columns 2"]:
        """Row and column of the centre of each cell in the picture, in pixels; 0, 0 is its upper left corner."""
        (top, left, height, width), (turned_rows, turned_columns), whole = self._crop, self._turned, self._resized
        y = (top + (np.arange(self.rows) + 0.5) * height / self.rows) * turned_rows / whole[0]
        x = (left + (np.arange(self.columns) + 0.5) * width / self.columns) * turned_columns / whole[1]
        y, x = np.broadcast_arrays(y[:, None], x[None])
        back = {0: (y, x), 1: (x, self.width - y), 2: (self.height - y, self.width - x), 3: (self.height - x, y)}
        return np.stack(back[self.turns], axis=-1)


def _cells_of(pixels: int, resized: int, start: int, length: int, cells: int) -> Int64[np.ndarray, "pixels"]:
    """The cell of each pixel along one side; -1 = outside the crop."""
    # Twice the place of the centre, times `pixels`, so that all of it stays in whole numbers.
    place = (2 * np.arange(pixels, dtype=np.int64) + 1) * resized - 2 * pixels * start
    cell = place * cells // (2 * pixels * length)
    return np.where((place >= 0) & (cell < cells), cell, -1)
