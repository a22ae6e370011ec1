"""Inpainting error maximisation: the objective, its gradient, the steps and the search."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from iem_scenes import iou, scene
from scipy import ndimage

from generators import finish
from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.foreground import (
    IEMParameters,
    inpainted,
    iterate_iem,
    maximise_inpainting_error,
)
from napari_inpaintaff.foreground.iem_images import centred_squares, standardised
from napari_inpaintaff.foreground.iem_objective import IEMObjective, kernel_matrix
from napari_inpaintaff.foreground.iem_steps import boundary, majority, updated
from napari_inpaintaff.images import simulate_dense_nuclei

PUBLISHED = IEMParameters()


def objective(images: np.ndarray, parameters: IEMParameters = PUBLISHED) -> IEMObjective:
    values, known = standardised(images)
    return IEMObjective(torch.from_numpy(values), torch.from_numpy(known).float(), parameters)


def as_masks(*masks: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(masks)).float()[:, None]


def random_masks(seed: int, shape: tuple[int, ...]) -> torch.Tensor:
    noise = np.random.default_rng(seed).normal(size=shape)
    return torch.from_numpy(ndimage.gaussian_filter(noise, (0, 0, 3, 3)) > 0).float()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("steps", [2, 5])
def test_the_true_mask_has_a_higher_error_than_an_eroded_and_a_dilated_one(seed, steps):
    """Figure 3 of the publication."""
    image, truth = scene(seed)
    masks = (
        truth,
        ndimage.binary_erosion(truth, iterations=steps),
        ndimage.binary_dilation(truth, iterations=steps),
    )
    true, eroded, dilated = objective(np.stack([image] * 3)).error(as_masks(*masks)).tolist()
    assert true > eroded
    assert true > dilated


@pytest.mark.parametrize("seed", [1, 2])
def test_so_it_is_in_simulated_microscopy(seed):
    image, labels = simulate_dense_nuclei(shape=(160, 160), seed=seed, coverage=0.25)
    truth = labels > 0
    masks = (
        truth,
        ndimage.binary_erosion(truth, iterations=3),
        ndimage.binary_dilation(truth, iterations=3),
    )
    images = np.stack([np.sqrt(image.astype(float))[None]] * 3)
    small = IEMParameters(sigma=2.5, radius=2)
    true, eroded, dilated = objective(images, small).error(as_masks(*masks)).tolist()
    assert true > eroded
    assert true > dilated


def test_the_error_and_the_deviation_are_those_of_the_equations():
    """By loops over pixels, in an image small enough to be seen whole."""
    image = np.random.default_rng(3).normal(size=(1, 2, 9, 8))
    parameters = IEMParameters(sigma=2.0, radius=2, diversity=0.01)
    mask = np.zeros((9, 8), bool)
    mask[2:6, 1:5] = True
    values = standardised(image)[0][0].astype(float)
    rows, columns = (kernel_matrix(size, parameters).double().numpy() for size in (9, 8))
    expected = deviation = 0.0
    for side, other in ((mask, ~mask), (~mask, mask)):
        errors = []
        for y, x in zip(*np.nonzero(side), strict=True):
            weights = np.outer(rows[y], columns[x]) * other
            seen = (values * weights).sum((1, 2)) / weights.sum()
            errors.append(np.abs(values[:, y, x] - seen).sum())
        expected += np.mean(errors)
        inside = values[:, side]
        deviation += np.square(inside - inside.mean(1, keepdims=True)).sum()
    tested = objective(image, parameters)
    assert tested.error(as_masks(mask)).item() == pytest.approx(expected, rel=1e-4)
    weight = 0.01 * 128**2 / 72
    assert tested.regularised(as_masks(mask)).item() == pytest.approx(
        expected - weight / 2 * deviation, rel=1e-3
    )


@settings(deadline=None, max_examples=15)
@given(
    seed=st.integers(0, 100),
    channels=st.integers(1, 3),
    radius=st.integers(1, 4),
    holes=st.booleans(),
)
def test_the_gradient_is_that_of_automatic_differentiation(seed, channels, radius, holes):
    random = np.random.default_rng(seed)
    images = random.normal(size=(2, channels, 24, 20))
    if holes:
        images[0, :, 3:9, 4:8] = np.nan
    masks = random_masks(seed, (2, 1, 24, 20))
    masks[1, :, :, 14:] = 0  # too far from any foreground
    tested = objective(images, IEMParameters(sigma=radius, radius=radius, diversity=0.01))
    masks.requires_grad_()
    tested.regularised(masks).sum().backward()
    assert masks.grad is not None
    found = tested.gradient(masks.detach())
    torch.testing.assert_close(found, masks.grad, rtol=2e-3, atol=2e-4 * float(found.abs().max()))


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000), smoothing=st.booleans())
def test_an_update_changes_the_mask_at_its_boundary_only(seed, smoothing):
    image = np.random.default_rng(seed).normal(size=(1, 1, 32, 30))
    masks = random_masks(seed, (1, 1, 32, 30))
    parameters = IEMParameters(smoothing=smoothing)
    after = updated(objective(image, parameters), masks, parameters)
    near = boundary(masks)
    if smoothing:  # which looks at what the update has changed in the 3x3 neighbourhood
        near = torch.nn.functional.max_pool2d(near.float(), 3, 1, 1) > 0
    assert not ((after != masks) & ~near).any()
    assert set(after.unique().tolist()) <= {0.0, 1.0}
    free = updated(objective(image), masks, IEMParameters(boundary_only=False, smoothing=False))
    assert ((free != masks) & ~boundary(masks)).any()


def test_the_boundary_and_the_majority_of_a_square():
    mask = np.zeros((8, 8), bool)
    mask[2:6, 2:6] = True
    inner, outer = mask.copy(), ndimage.binary_dilation(mask)
    inner[3:5, 3:5] = False
    np.testing.assert_array_equal(boundary(as_masks(mask))[0, 0].numpy(), inner | (outer & ~mask))
    smooth = majority(as_masks(mask))[0, 0].numpy() > 0
    corners = mask.copy()
    corners[2, 2] = corners[2, 5] = corners[5, 2] = corners[5, 5] = False
    np.testing.assert_array_equal(smooth, corners)  # 4 of 9 do not exceed 4


@pytest.mark.parametrize("channels", [1, 3])
def test_objects_are_found(channels):
    scenes = [scene(seed, channels=channels) for seed in range(3)]
    images = np.stack([image for image, _ in scenes])
    result = maximise_inpainting_error(images, device="cpu")
    found = [iou(mask, truth) for mask, (_, truth) in zip(result.masks, scenes, strict=True)]
    assert min(found) > 0.7
    assert np.mean(found) > 0.9
    assert result.masks.dtype == bool
    starts = centred_squares((128, 128), PUBLISHED)
    assert starts.sum((1, 2)).tolist() == [44**2, 78**2, 92**2]
    for index, image in enumerate(images):
        before = objective(np.stack([image] * 3)).error(as_masks(*starts))
        assert result.errors[index] > float(before.max())


def test_the_start_with_the_highest_error_is_kept():
    image = scene(4)[0][None]
    alone = [
        maximise_inpainting_error(
            image, parameters=IEMParameters(squares=(part,), iterations=40), device="cpu"
        )
        for part in (44 / 128, 92 / 128)
    ]
    both = maximise_inpainting_error(
        image, parameters=IEMParameters(squares=(44 / 128, 92 / 128), iterations=40), device="cpu"
    )
    best = int(np.argmax([result.errors[0] for result in alone]))
    assert both.starts.tolist() == [best]
    np.testing.assert_array_equal(both.masks, alone[best].masks)


def test_an_image_gives_the_same_alone_and_among_others():
    images = np.stack([scene(seed, side=64)[0] for seed in range(20)])
    together = maximise_inpainting_error(images, device="cpu")
    for index in (0, 7, 19):
        alone = maximise_inpainting_error(images[index : index + 1], device="cpu")
        np.testing.assert_array_equal(alone.masks[0], together.masks[index])
        assert alone.errors[0] == pytest.approx(together.errors[index], rel=1e-4)


@pytest.mark.parametrize("iterations", [23, 24])
def test_searches_that_rest_end_early_with_the_result_of_all_iterations(iterations):
    image = scene(2, side=48)[0][None]
    parameters = IEMParameters(iterations=iterations)
    masks = torch.from_numpy(centred_squares((48, 48), parameters)).float()[:, None]
    tested = objective(np.concatenate([image] * 3), parameters)
    for _ in range(iterations):
        masks = updated(tested, masks, parameters)
    best = int(tested.error(masks).argmax())
    result = maximise_inpainting_error(image, parameters=parameters, device="cpu")
    np.testing.assert_array_equal(result.masks[0], masks[best, 0].numpy() > 0)


@settings(deadline=None, max_examples=5)
@given(gain=st.floats(0.01, 100), offset=st.floats(-1000, 1000))
def test_gain_and_offset_do_not_matter(gain, offset):
    image = scene(1, side=48)[0][None]
    parameters = IEMParameters(iterations=20)
    usual = maximise_inpainting_error(image, parameters=parameters, device="cpu")
    other = maximise_inpainting_error(gain * image + offset, parameters=parameters, device="cpu")
    assert iou(usual.masks[0], other.masks[0]) > 0.98


def test_unknown_pixels_are_background_and_change_nothing_else():
    image, truth = scene(0)
    image[:, 20:24, 30:90] = np.nan
    image[0, 64, 64] = np.inf
    mask = maximise_inpainting_error(image[None], device="cpu").masks[0]
    known = np.isfinite(image[0])
    assert not mask[~known].any()
    assert iou(mask[known], truth[known]) > 0.9


def test_progress_is_told_and_the_search_can_be_left():
    images = np.stack([scene(seed, side=64)[0] for seed in range(20)])
    updates, _ = finish(iterate_iem(images, device="cpu"))
    done = [update.done for update in updates]
    assert done == sorted(done)
    assert 0 < done[0] < updates[0].total == 20 * 3 * 150
    steps = iterate_iem(images, device="cpu")
    next(steps)
    steps.close()
    assert torch.is_grad_enabled()


def test_an_image_is_inpainted_from_either_side():
    truth = np.zeros((64, 64), bool)
    truth[20:44, 20:44] = True
    image = np.where(truth, 300.0, 100.0)
    from_foreground, from_background = inpainted(image, truth)
    np.testing.assert_allclose(from_background, 100, atol=0.01)
    np.testing.assert_allclose(from_foreground, 300, atol=0.01)
    colour, _ = inpainted(np.stack([image, 2 * image, image]), truth)
    np.testing.assert_allclose(colour[1], 600, atol=0.05)


def test_images_and_starts_that_cannot_be_used_are_refused():
    image = scene(0, side=32)[0][None]
    for broken, message in (
        (np.full((1, 1, 32, 32), 3), "same intensity"),
        (np.full((1, 1, 32, 32), np.nan), "all are NaN"),
        (image[..., :20, :], r"20 x 32 pixels.*at least 21"),
        (image[0], r"of shape \(B, C, Y, X\)"),
    ):
        with pytest.raises(ImageError, match=message):
            maximise_inpainting_error(broken)
    with pytest.raises(ImageError, match="image 1 of 2"):
        maximise_inpainting_error(np.concatenate([image, np.zeros_like(image)]))
    for starts in (np.zeros((1, 32, 31)), np.zeros((2, 1, 32, 32)), np.zeros((0, 32, 32))):
        with pytest.raises(ImageError, match="do not fit"):
            maximise_inpainting_error(image, starts)
    for wrong in (
        {"sigma": 0.0},
        {"radius": 0},
        {"diversity": -1.0},
        {"iterations": 0},
        {"squares": (1.0,)},
        {"squares": ()},
    ):
        with pytest.raises(ParameterError):
            IEMParameters(**wrong)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_finds_the_same():
    images = np.stack([scene(seed)[0] for seed in range(4)])
    here = maximise_inpainting_error(images, device="cpu").masks
    there = maximise_inpainting_error(images, device="cuda").masks
    assert min(map(iou, here, there)) > 0.97
