"""What ReDO makes of images of any kind before it is trained on them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.foreground.redo import ReDOSamples, read_squares
from napari_inpaintaff.foreground.redo.images import in_range, training_square
from napari_inpaintaff.foreground.sample_rows import sample_rows
from napari_inpaintaff.images import write_png
from napari_inpaintaff.jobs import Job


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 1e4), st.floats(-1e4, 1e4))
def test_the_range_of_an_image_does_not_matter(seed, factor, offset):
    image = noise(3, 9, 11, seed=seed)
    expected = in_range(image)
    assert expected.min() == 0
    assert expected.max() == 1
    np.testing.assert_allclose(in_range(factor * image + offset), expected, atol=1e-4)


def test_channels_keep_their_relation():
    image = np.stack([np.full((8, 8), 10.0), np.full((8, 8), 20.0), np.full((8, 8), 40.0)])
    red, green, blue = in_range(image)[:, 0, 0]
    assert (red, blue) == (0, 1)
    assert green == pytest.approx(1 / 3)


def test_a_few_bright_pixels_are_something():
    image = np.zeros((1, 100, 100))
    image[0, 50, 50] = 7
    assert in_range(image)[0, 50, 50] == 1


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.full((1, 8, 8), 3), "all pixels are equal"),
        (np.full((1, 8, 8), np.nan), "no pixel has a known intensity"),
    ],
)
def test_images_without_content_are_refused(image, words):
    with pytest.raises(ImageError, match=words):
        in_range(image)


def test_unknown_pixels_take_the_mean():
    image = noise(1, 20, 20)
    image[0, 3, 4] = np.nan
    found = in_range(image)
    assert np.isfinite(found).all()
    assert 0.3 < found[0, 3, 4] < 0.7


def test_a_square_is_the_middle_of_an_image():
    image = np.zeros((1, 32, 96))
    image[:, :, 32:64] = noise(1, 32, 32)
    np.testing.assert_allclose(training_square(image, 32), in_range(image)[:, :, 32:64])
    assert training_square(image, 16).shape == (1, 16, 16)
    image[:, :, 32:64] = 0
    image[:, :, 0] = 1
    with pytest.raises(ImageError, match="all pixels are equal"):
        training_square(image, 32)


def test_folders_keep_colours_unless_an_image_has_none(tmp_path):
    for number in range(3):
        pixels = (255 * noise(20, 30, 3, seed=number)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    squares = Job(read_squares([tmp_path], 16)).run()
    assert squares.shape == (3, 3, 16, 16)
    assert Job(read_squares([tmp_path], 16, channel=1)).run().shape == (3, 1, 16, 16)
    Image.fromarray(pixels[..., 0]).save(tmp_path / "grey.png")
    grey = Job(read_squares([tmp_path], 16)).run()
    assert grey.shape == (4, 1, 16, 16)
    np.testing.assert_allclose(grey[0, 0], squares[0].mean(axis=0), atol=1e-6)


def test_the_picture_shows_images_masks_and_redrawn_images(tmp_path):
    images, masks = np.zeros((2, 1, 32, 32), np.float32), np.zeros((2, 2, 32, 32), np.float32)
    images[1], masks[0, 1] = 1, 1
    redrawn = np.full((2, 2, 1, 32, 32), 0.5, np.float32)
    path = tmp_path / "samples.png"
    write_png(path, sample_rows(ReDOSamples(images, masks, redrawn).rows))
    picture = np.asarray(Image.open(path))
    assert picture.shape == (5 * 64, 2 * 64, 3)
    rows = picture.reshape(5, 64, 2, 64, 3).transpose(0, 2, 1, 3, 4)
    assert [[int(cell.max()) for cell in row] for row in rows] == [
        [0, 255],
        [0, 0],
        [255, 0],
        [128, 128],
        [128, 128],
    ]
