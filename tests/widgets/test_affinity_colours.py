"""Affinities as colours: blue along x, red along y, see-through inside cells."""

from __future__ import annotations

import numpy as np
import pytest

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.widgets.affinity_colours import affinity_colours


def make(values, weight=None, offsets=PUBLISHED_OFFSETS[:2]):
    values = np.asarray(values, dtype=np.float32)
    weight = np.ones_like(values) if weight is None else weight
    return Affinities(values, offsets, weight)


def test_a_cut_along_y_is_red_and_one_along_x_is_blue():
    values = np.ones((2, 2, 2))
    values[0, 0, 0] = 0.0
    values[1, 0, 1] = 0.0
    values[:, 1, 0] = 0.5
    colours = affinity_colours(make(values))
    assert colours.dtype == np.uint8
    np.testing.assert_array_equal(colours[0, 0], [255, 0, 0, 255])
    np.testing.assert_array_equal(colours[0, 1], [0, 0, 255, 255])
    np.testing.assert_array_equal(colours[1, 0], [255, 0, 255, 128])
    assert colours[1, 1, 3] == 0


def test_unknown_affinities_are_transparent():
    colours = affinity_colours(make(np.zeros((2, 3, 3)), np.zeros((2, 3, 3))))
    assert not colours.any()


def test_missing_local_offsets_are_named():
    with pytest.raises(ParameterError, match=r"\(-1, 0\)"):
        affinity_colours(make(np.ones((1, 2, 2)), offsets=((0, -1),)))
