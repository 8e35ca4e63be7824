"""The figure of score maps."""

import numpy as np

from vad.drawing.heat_maps import HeatMap, heat_map_figure

PICTURE = np.zeros((4, 6, 3), np.uint8)
FLAT = np.full((4, 6), 0.5)


def shown(scores: np.ndarray, regions: np.ndarray | None) -> HeatMap:
    """A black frame with scores and regions."""
    return HeatMap("best\nv", PICTURE, regions, scores.astype(float))


def test_a_row_has_four_pictures() -> None:
    """Frame, ground truth, map and overlay; the maps of all rows have one scale; a region is outlined in three."""
    region = np.zeros((1, 4, 6), bool)
    region[0, :2, :2] = True
    low, high = np.full((4, 6), 0.25), np.full((4, 6), 0.75)
    high[0, 0] = 0.50001
    high[0, 1] = 0.75001
    figure = heat_map_figure("title", [shown(low, region), shown(high, None)])
    grid = np.array(figure.axes[:8]).reshape(2, 4)

    assert ["frame", "ground truth", "score map, one scale", "map over frame, its own scale"] == [
        axes.get_title() for axes in grid[0]
    ]
    assert {(0.25, 0.75001)} == {axes.images[0].get_clim() for axes in grid[:, 2]}
    np.testing.assert_array_equal(low, grid[0, 2].images[0].get_array())
    assert ["1 region", "not known"] == [axes.get_xlabel() for axes in grid[:, 1]]
    assert ["0.25 to 0.25", "0.5 to 0.75"] == [axes.get_xlabel() for axes in grid[:, 3]]
    assert [[0, 1, 1, 1], [0, 0, 0, 0]] == [[len(axes.collections) for axes in row] for row in grid]
    assert {(-0.5, 5.5)} == {axes.get_xlim() for axes in grid.flat}
    assert {(3.5, -0.5)} == {axes.get_ylim() for axes in grid.flat}


def test_pixels_outside_all_cells_have_no_colour() -> None:
    """What the network did not see is grey, and does not count for the scale."""
    scores = np.full((4, 6), 0.5)
    scores[:, 0] = np.nan
    scores[0, 1] = 1.0
    axes = heat_map_figure("title", [shown(scores, np.zeros((0, 4, 6), bool))]).axes

    assert [True, False] == axes[2].images[0].get_array().mask[0, :2].tolist()
    assert (0.5, 1.0) == axes[2].images[0].get_clim()
    assert "0 regions" == axes[1].get_xlabel()


def test_the_overlay_has_its_own_scale() -> None:
    """The lowest cell hides nothing, the highest one most; a map without differences hides nothing at all."""
    scores = np.zeros((4, 6))
    scores[0, 1] = 1e-6
    flat, own = (
        heat_map_figure("title", [shown(one, None)]).axes[3].images[1].get_array()[..., 3] for one in (FLAT, scores)
    )

    assert {0.0} == set(flat.ravel())
    assert (0.0, 0.8) == (own[0, 0], own[0, 1])


def test_a_nearly_flat_map_shows_its_digits() -> None:
    """As many as tell its ends apart."""
    scores = np.full((4, 6), 0.99918)
    scores[0, 0] = 0.99921

    assert "0.99918 to 0.99921" == heat_map_figure("title", [shown(scores, None)]).axes[3].get_xlabel()
