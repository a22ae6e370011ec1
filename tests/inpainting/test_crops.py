"""Training crops: seeded, augmented, from images of any size."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import Plane, planes_of
from napari_inpaintaff.inpainting.crops import CropLoader, CropSampler
from napari_inpaintaff.inpainting.plane_pool import PlanePool


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


def test_a_batch_depends_on_nothing_but_seed_and_step() -> None:
    images = [ramp(50, 60), ramp(70, 80)]
    in_order = [CropSampler(images, 16, 5).draw(step, 4) for step in range(6)]
    sampler = CropSampler(images, 16, 5)
    for step in (5, 0, 3, 3, 1):
        assert torch.equal(sampler.draw(step, 4), in_order[step])
    assert len({crops.sum().item() for crops in in_order}) == 6


def test_contrast_can_be_left_alone() -> None:
    image = ramp(16, 16)
    for crop in CropSampler([image], 16, 0, zoom=1.0, contrast=0.0).draw(0, 20).numpy():
        assert any(np.array_equal(crop, candidate) for candidate in orientations(image))


def test_every_place_of_an_image_is_drawn() -> None:
    image = ramp(18, 19)
    corners = {
        crop.min().item()
        for crop in CropSampler([image], 16, 0, zoom=1.0, contrast=0.0).draw(0, 400)
    }
    assert corners == {image[y, x] for y in range(3) for x in range(4)}


def many_planes(count: int = 12) -> list[Plane]:
    images = [ramp(40 + number, 50) + 1000 * number for number in range(count)]
    return [plane for n, image in enumerate(images) for plane in planes_of(image, f"image {n}")]


def pool_of(planes: list[Plane], *, memory: int = 30_000) -> PlanePool:
    return PlanePool(planes, lambda i: i.astype(np.float32), seed=3, memory=memory, on_skip=print)


def test_a_resumed_training_draws_the_same_crops() -> None:
    with pool_of(many_planes()) as pool:
        sampler = CropSampler(pool, 16, 3)
        whole = [sampler.draw(step, 8) for step in range(40)]
    with pool_of(many_planes()) as pool, CropLoader(CropSampler(pool, 16, 3), 8) as loader:
        for step in range(25, 40):
            assert torch.equal(loader.get(step), whole[step])


def test_a_pool_that_fits_gives_the_crops_of_its_planes() -> None:
    planes = many_planes()
    with pool_of(planes, memory=2**30) as pool:
        crops = CropSampler(pool, 16, 3).draw(7, 8)
    assert torch.equal(crops, CropSampler([plane.read() for plane in planes], 16, 3).draw(7, 8))


def test_planes_of_a_pool_with_fewer_pixels_than_a_crop() -> None:
    planes = planes_of(np.ones((3, 20, 20)), "small")
    with pool_of(planes) as pool:
        with pytest.raises(ImageError, match=r"1200 pixels, fewer than one crop of 64 x 64"):
            CropSampler(pool, 64, 0)
        assert CropSampler(pool, 32, 0).draw(0, 2).shape == (2, 32, 32)


def test_the_loader_gives_what_the_sampler_draws() -> None:
    sampler = CropSampler([ramp(50, 60)], 16, 5)
    with CropLoader(sampler, 4) as loader:
        for step in (0, 1, 2, 9, 10, 3):
            assert torch.equal(loader.get(step), sampler.draw(step, 4))
        loader.batch = 2
        for step in (4, 5):
            assert torch.equal(loader.get(step), sampler.draw(step, 2))


class SlowSampler(CropSampler):
    """Takes a tenth of a second for a batch, and cannot draw that of step 3."""

    def draw(self, step: int, batch: int) -> torch.Tensor:
        if step == 3:
            raise ImageError("the disk is gone")
        time.sleep(0.1)
        return super().draw(step, batch)


def test_the_next_batch_is_drawn_while_this_one_is_used() -> None:
    with CropLoader(SlowSampler([ramp(50, 60)], 16, 5), 4) as loader:
        loader.get(0)
        first = loader.waited
        assert first >= 0.1
        time.sleep(0.5)
        loader.get(1)
        assert loader.waited - first < 0.05


def test_errors_of_the_thread_are_raised_where_the_batch_is_asked_for() -> None:
    with CropLoader(SlowSampler([ramp(50, 60)], 16, 5), 4) as loader:
        loader.get(2)
        with pytest.raises(ImageError, match="the disk is gone"):
            loader.get(3)
        assert loader.get(4).shape == (4, 16, 16)


def test_the_thread_of_the_loader_ends() -> None:
    before = set(threading.enumerate())
    with CropLoader(CropSampler([ramp(50, 60)], 16, 5), 4) as loader:
        loader.get(0)
        assert set(threading.enumerate()) - before
    assert not set(threading.enumerate()) - before
    with pytest.raises(RuntimeError):
        loader.get(5)
