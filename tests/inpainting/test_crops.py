"""Training crops: seeded, augmented, from images of any size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.inpainting.crops import CropSampler


def ramp(height: int, width: int) -> NDArray[np.float32]:
    """All values differ and exceed the background level."""
    return (2 + np.arange(height * width, dtype=np.float32)).reshape(height, width)


def orientations(image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    turned = [np.rot90(image, k) for k in range(4)]
    return turned + [image[::-1] for image in turned]


def which_orientation(crop: NDArray[np.float32], image: NDArray[np.float32]) -> int:
    """Return which flip or turn of the image a crop is, up to contrast; -1 if it is none."""
    scale = crop.max() / image.max()
    for index, candidate in enumerate(orientations(image)):
        if np.allclose(crop, scale * candidate, rtol=1e-4):
            return index
    return -1


def test_same_seed_same_crops() -> None:
    images = [ramp(50, 60), ramp(70, 80)]
    one, same, other = (CropSampler(images, 16, seed) for seed in (5, 5, 6))
    for step in range(3):
        crops = one.draw(step, 4)
        assert torch.equal(crops, same.draw(step, 4))
        assert not torch.equal(crops, other.draw(step, 4))


def test_shape_and_type_at_every_zoom() -> None:
    sampler = CropSampler([ramp(64, 64)], 24, 0, zoom=2.0)
    for step in range(30):
        crops = sampler.draw(step, 2)
        assert crops.shape == (2, 24, 24)
        assert crops.dtype == torch.float32
        assert torch.isfinite(crops).all()


def test_all_eight_orientations_and_contrasts_occur() -> None:
    image = ramp(16, 16)
    crops = CropSampler([image], 16, 0, zoom=1.0).draw(0, 100).numpy()
    assert {which_orientation(crop, image) for crop in crops} == set(range(8))
    contrast = crops.max((1, 2)) / image.max()
    assert 0.8 < contrast.min() < 0.9
    assert 1.1 < contrast.max() < 1.25


@pytest.mark.parametrize("shape", [(4, 16), (1, 1), (16, 3), (7, 5)])
def test_small_images_are_mirrored(shape: tuple[int, int]) -> None:
    image = ramp(*shape)
    missing = [16 - side for side in shape]
    mirrored = np.pad(image, [(m // 2, m - m // 2) for m in missing], mode="symmetric")
    for crop in CropSampler([image], 16, 0, zoom=1.0).draw(0, 10).numpy():
        assert which_orientation(crop, mirrored) >= 0


def test_nan_is_filled_with_the_median() -> None:
    image = ramp(16, 16)
    holes = np.random.default_rng(0).random(image.shape) < 0.2
    image[holes] = np.nan
    filled = np.where(holes, np.nanmedian(image), image)
    for crop in CropSampler([image], 16, 0, zoom=1.0).draw(0, 10).numpy():
        assert which_orientation(crop, filled) >= 0
    assert np.isnan(image).any(), "the argument was changed"


def test_empty_crops_are_rarer_than_empty_places() -> None:
    image = np.zeros((200, 200), np.float32)
    image[:60, :60] = 2
    crops = CropSampler([image], 16, 0).draw(0, 300)
    # A crop lies on the bright corner with a probability of a tenth.
    assert 0.2 < (crops.flatten(1).max(1).values > 1).float().mean() < 0.6


def test_images_are_drawn_by_area() -> None:
    large, small = np.full((60, 60), 2, np.float32), np.full((20, 60), 4, np.float32)
    crops = CropSampler([large, small], 16, 0, zoom=1.0).draw(0, 400)
    assert 0.2 < (crops.mean((1, 2)) > 3).float().mean() < 0.3


def test_no_image() -> None:
    with pytest.raises(ImageError, match="no image"):
        CropSampler([], 16, 0)
