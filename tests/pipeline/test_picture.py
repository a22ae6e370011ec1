"""The picture of a result: what its colours say, and that it is written whole or not at all."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.io import imread

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
from napari_inpaintaff.errors import OutputError, ParameterError
from napari_inpaintaff.pipeline.picture import (
    boundary_colours,
    label_colours,
    save_picture,
    stretch_contrast,
)


def affinities(shape=(6, 8)):
    """Affinity 1 everywhere, except that row 3 is cut off above and column 4 to its left."""
    values = np.ones((len(PUBLISHED_OFFSETS), *shape), np.float32)
    values[0, 3], values[1, :, 4] = 0, 0
    return Affinities(values, PUBLISHED_OFFSETS, np.ones_like(values))


def test_cuts_in_y_are_red_and_cuts_in_x_are_blue():
    colours = boundary_colours(affinities())
    assert colours.shape == (6, 8, 3)
    assert (colours[1, 1] == 1).all()
    red, green, blue = colours[3, 1]
    assert red > 2 * max(green, blue)
    red, green, blue = colours[1, 4]
    assert blue > 1.5 * max(red, green)
    assert (colours[3, 4] <= np.minimum(colours[3, 1], colours[1, 4])).all()


def test_where_nothing_was_computed_is_grey():
    computed = affinities()
    weight = computed.weight.copy()
    weight[:, :2] = 0
    colours = boundary_colours(Affinities(computed.values, computed.offsets, weight))
    grey = colours[:2].reshape(-1, 3)
    assert (grey == grey[0]).all()
    assert 0.5 < grey[0, 0] < 1
    assert (grey[0] == grey[0, 0]).all()


def test_a_missing_local_offset_is_said():
    ones = np.ones((1, 4, 4), np.float32)
    with pytest.raises(ParameterError, match=r"\(0, -1\)"):
        boundary_colours(Affinities(ones, ((-1, 0),), ones))


def test_labels_have_their_own_colour_whatever_the_others_are():
    image = np.ones((6, 6), np.uint16)
    image[0] = 0
    alone = np.zeros((6, 6), int)
    alone[1:3, 1:3] = 5
    together = alone.copy()
    together[3:, 3:] = 9
    first, second = label_colours(alone, image), label_colours(together, image)
    assert (first[1:3, 1:3] == second[1:3, 1:3]).all()
    assert np.abs(second[4, 4] - second[1, 1]).max() > 0.2
    assert (second[0] == 0).all()


def test_contrast_is_stretched_to_the_range_that_the_eye_sees():
    stretched = stretch_contrast(np.linspace(32000, 33000, 1000).reshape(20, 50))
    assert stretched.min() == 0
    assert stretched.max() == 1
    assert (np.diff(stretched.ravel()) >= 0).all()
    assert (stretch_contrast(np.full((3, 3), 7)) == 0).all()
    assert (stretch_contrast(np.full((3, 3), np.nan)) == 0).all()
    with_hole = stretch_contrast(np.array([[np.nan, 0.0], [1.0, 2.0]]))
    assert with_hole[0, 0] == 0
    assert np.isfinite(with_hole).all()


@pytest.mark.parametrize("shape", [(6, 8), (80, 20), (20, 200)])
def test_picture_is_a_wide_png(tmp_path, shape):
    image = np.arange(np.prod(shape)).reshape(shape)
    pairs = affinities((6, 8)) if shape == (6, 8) else None
    if pairs is None:
        ones = np.ones((len(PUBLISHED_OFFSETS), *shape), np.float32)
        pairs = Affinities(ones, PUBLISHED_OFFSETS, ones)
    path = save_picture(tmp_path / "a.png", image, pairs, image % 3, note="SEG 1.000")
    pixels = imread(path)
    assert pixels.shape[1] > 2000
    assert 200 < pixels.shape[0] < 2200
    assert pixels.std() > 10


def test_shapes_must_agree(tmp_path):
    with pytest.raises(ParameterError, match=r"\(6, 8\)"):
        save_picture(tmp_path / "a.png", np.ones((6, 8)), affinities(), np.ones((6, 7), int))
    assert not list(tmp_path.iterdir())


def test_picture_that_cannot_be_written(tmp_path):
    image = np.ones((6, 8))
    with pytest.raises(OutputError, match="no folder"):
        save_picture(tmp_path / "no" / "a.png", image, affinities(), image.astype(int))


def test_drawing_leaves_the_state_of_matplotlib_alone(tmp_path):
    import sys

    already = "matplotlib.pyplot" in sys.modules
    image = np.ones((6, 8))
    save_picture(tmp_path / "a.png", image, affinities(), image.astype(int))
    assert ("matplotlib.pyplot" in sys.modules) == already
