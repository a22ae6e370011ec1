"""Where pixels are: planes of stacks, regions, and where results belong."""

from __future__ import annotations

import dask.array
import numpy as np
import pytest
from napari.layers import Image, Labels, Shapes

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.widgets.planes import (
    current_plane,
    mask_plane,
    result_array,
    result_placement,
)
from napari_inpaintaff.widgets.regions import bounding_region, rectangle_region

PLACEMENTS = [
    {},
    {"scale": (2, 0.5, 0.25), "translate": (1, -3, 5)},
    {"scale": (2, 0.5, 0.25), "translate": (1, -3, 5), "rotate": 30, "shear": [0, 0, 0.3]},
    {
        "scale": (1, 0.5, 0.5),
        "rotate": 70,
        "affine": [[1, 0, 0, 4], [0, 0.8, -0.6, 2], [0, 0.6, 0.8, 1], [0, 0, 0, 1]],
    },
]


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_result_lies_where_its_pixels_came_from(placement):
    source = Image(np.zeros((5, 40, 30)), **placement)
    index, origin = (3,), (7, -2)
    result = Labels(
        result_array(np.zeros((16, 16), dtype=np.uint8), index),
        **result_placement(source, index, origin),
    )
    assert result.data.shape == (1, 16, 16)
    for pixel in ((0, 0), (4, 9)):
        there = np.add((*index, *origin), (0, *pixel))
        np.testing.assert_allclose(
            result.data_to_world((0, *pixel)), source.data_to_world(there), atol=1e-9
        )


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_zoomed_result_covers_the_pixels_that_it_stands_for(placement):
    source = Image(np.zeros((5, 40, 30)), **placement)
    result = Labels(
        np.zeros((1, 8, 8), dtype=np.uint8), **result_placement(source, (3,), (4, 2), 2.5)
    )
    # The upper left corner of its first pixel, and the lower right one of its last.
    for corner, there in (((-0.5, -0.5), (9.5, 4.5)), ((7.5, 7.5), (29.5, 24.5))):
        np.testing.assert_allclose(
            result.data_to_world((0, *corner)), source.data_to_world((3, *there)), atol=1e-9
        )


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_the_plane_is_the_one_that_is_shown(placement):
    data = np.arange(5 * 40 * 30).reshape(5, 40, 30)
    source = Image(data, **placement)
    point = tuple(source.data_to_world((3, 0, 0)))
    plane = current_plane(source, point)
    assert plane.index == (3,)
    assert plane.shape == (40, 30)
    np.testing.assert_array_equal(plane.read(), data[3])


def test_a_plane_outside_the_layer_is_the_nearest_one():
    source = Image(np.zeros((5, 4, 4)))
    assert current_plane(source, (99.0, 0.0, 0.0)).index == (4,)
    # A two-dimensional image in a viewer with more axes.
    assert current_plane(Image(np.zeros((4, 4))), (2.0, 0.0, 0.0)).index == ()


def test_reading_copies_and_accepts_dask():
    data = np.zeros((2, 4, 4))
    plane = current_plane(Image(data), (1.0, 0.0, 0.0))
    plane.read()[:] = 1
    assert not data.any()
    lazy = current_plane(Image(dask.array.from_array(data + 5)), (1.0, 0.0, 0.0))
    np.testing.assert_array_equal(lazy.read(), data[1] + 5)


def test_multiscale_images_are_read_at_full_resolution():
    levels = [np.zeros((64, 64)), np.zeros((32, 32))]
    assert current_plane(Image(levels, multiscale=True), (0.0, 0.0)).shape == (64, 64)


def test_colour_images_are_refused_with_advice():
    with pytest.raises(ImageError, match="Split it into channels"):
        current_plane(Image(np.zeros((8, 8, 3)), rgb=True), (0.0, 0.0))


def test_a_mask_may_be_a_stack_or_serve_all_planes():
    stack = Labels(np.arange(3 * 16, dtype=int).reshape(3, 4, 4))
    assert mask_plane(stack, (2,)).index == (2,)
    assert mask_plane(stack, (9, 1)).index == (1,)
    assert mask_plane(Labels(np.ones((4, 4), dtype=int)), (2,)).index == ()
    # As the labels of one plane of a stack are.
    assert mask_plane(Labels(np.ones((1, 4, 4), dtype=int)), (2,)).index == (0,)
    with pytest.raises(ImageError, match="does not fit"):
        mask_plane(stack, ())
    with pytest.raises(ImageError, match="no plane"):
        mask_plane(stack, (3,))


def test_a_region_holds_the_pixels_whose_centre_is_inside():
    corners = np.array([[-3.0, 2.4], [4.2, 9.0]])
    assert bounding_region(corners, (10, 8)) == (slice(0, 5), slice(3, 8))


@pytest.mark.parametrize("corners", [[[20, 20], [30, 30]], [[1.2, 1.2], [1.8, 5]]])
def test_a_region_without_pixels_is_refused(corners):
    with pytest.raises(ParameterError, match="does not cover any pixel"):
        bounding_region(np.array(corners, dtype=float), (10, 8))


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_rectangle_drawn_in_the_grid_of_the_image_is_its_pixels(placement):
    source = Image(np.zeros((5, 40, 30)), **placement)
    rectangle = [[0, 5, 6], [0, 5, 20], [0, 30, 20], [0, 30, 6]]
    shapes = Shapes([rectangle], **placement)
    region = rectangle_region(shapes, source, (40, 30))
    assert region == (slice(5, 31), slice(6, 21))


def test_the_last_shape_counts_and_none_is_an_error():
    source = Image(np.zeros((40, 30)))
    shapes = Shapes([[[0, 0], [0, 5], [5, 5], [5, 0]], [[10, 10], [10, 20], [20, 20], [20, 10]]])
    assert rectangle_region(shapes, source, (40, 30)) == (slice(10, 21), slice(10, 21))
    for nothing in (None, Shapes(ndim=2)):
        with pytest.raises(ParameterError, match="Draw a rectangle first"):
            rectangle_region(nothing, source, (40, 30))
