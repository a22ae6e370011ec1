"""The montage of example inpaintings, and where it is put."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fake_training_engine import SIZE, examples_after

from napari_inpaintaff.widgets.own_layers import is_own_layer
from napari_inpaintaff.widgets.training_preview import HIDDEN, InpaintingPreview, montage


def rows_of(picture):
    """Crops of the first column, one for each row, at one screen pixel per pixel."""
    height = picture.shape[0] // 3
    zoom = 3
    size = SIZE * zoom
    return [
        picture[(row + 1) * height - size : (row + 1) * height : zoom, :size:zoom]
        for row in range(3)
    ]


def is_hidden(crop):
    return (crop == HIDDEN).all(axis=-1)


def test_rows_show_what_was_seen_what_is_filled_in_and_what_was_there():
    examples = examples_after(2)
    saw, filled, truth = rows_of(montage(examples))
    known, asked = examples.known[0], examples.asked[0]
    np.testing.assert_array_equal(is_hidden(saw), ~known)
    np.testing.assert_array_equal(is_hidden(filled), ~known & ~asked)
    assert not is_hidden(truth).any()
    # Known pixels are the same in all rows; predictions here are half the truth.
    np.testing.assert_array_equal(saw[known], truth[known])
    np.testing.assert_array_equal(filled[known], truth[known])
    assert filled[asked].mean() == pytest.approx(truth[asked].mean() / 2, rel=0.1)


@pytest.mark.parametrize("count", [1, 3, 9])
def test_any_number_of_examples_gives_at_most_five_columns(count):
    picture = montage(examples_after(2, count))
    assert picture.dtype == np.uint8
    assert picture.shape[1] == min(count, 5) * (3 * SIZE + 8) - 8


def test_crops_of_one_value_are_shown_without_warnings(recwarn):
    examples = examples_after(2)
    montage(replace(examples, image=np.ones_like(examples.image)))
    assert not recwarn.list


@pytest.mark.parametrize("canvas", [(800, 400), (400, 800)])
@pytest.mark.parametrize("shape", [(40, 60), (5, 4, 40, 60)])
def test_the_preview_lies_beside_everything_and_goes_away(model_viewer, canvas, shape):
    model_viewer.canvas.size = canvas
    scale = (1.0,) * (len(shape) - 2) + (0.5, 0.5)
    source = model_viewer.add_image(np.zeros(shape), name="a", scale=scale)
    source.units = ("pixel",) * (len(shape) - 2) + ("um", "um")
    preview = InpaintingPreview(model_viewer)
    preview.show(examples_after(2))
    layer = model_viewer.layers["Inpainting preview"]
    assert is_own_layer(layer)
    assert model_viewer.layers.selection.active is not layer
    assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]
    below = canvas[0] > canvas[1]
    (top, left), (bottom, right) = source.extent.world[:, -2:]
    y, x = layer.translate
    assert (y > bottom) == below
    assert (x > right) == (not below)
    size = layer.extent.world[1] - layer.extent.world[0]
    fitted = (size[1], right - left) if below else (size[0], bottom - top)
    assert fitted[0] == pytest.approx(fitted[1], rel=0.05)
    preview.remove()
    preview.remove()
    assert list(model_viewer.layers) == [source]


def test_the_first_picture_in_an_empty_viewer_needs_no_neighbour(model_viewer):
    preview = InpaintingPreview(model_viewer)
    preview.show(None)
    assert len(model_viewer.layers) == 0
    preview.show(examples_after(1))
    assert len(model_viewer.layers) == 1
