"""Measuring inpainters on held-out crops, beside a constant and a Gaussian filter."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from small_world import smooth_textures
from torch import Tensor

from napari_inpaintaff.images import estimate_normalisation
from napari_inpaintaff.inpainting import NearHoleError, judge
from napari_inpaintaff.inpainting.gaussian import gaussian_inpainting
from napari_inpaintaff.inpainting.near_hole import HeldOutCrops


class Constant(torch.nn.Module):
    """Predicts one value with L1."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, values: Tensor, known: Tensor) -> Tensor:
        return torch.full_like(values, self.value)


class Fitted(Constant):
    """Predicts one value with one Laplace scale."""

    def __init__(self, value: float, scale: float) -> None:
        super().__init__(value)
        self.log_scale = math.log(scale)

    def forward(self, values: Tensor, known: Tensor) -> Tensor:
        mean = super().forward(values, known)
        return torch.cat([mean, torch.full_like(mean, self.log_scale)], dim=1)


def normalised_texture() -> np.ndarray:
    raw = smooth_textures(1)[0]
    return estimate_normalisation(raw).apply(raw)


def test_the_constant_prior_has_the_error_of_the_constant_prior() -> None:
    image = normalised_texture()
    crops = HeldOutCrops.draw([image], size=32)
    median = float(np.median(image))
    near = crops.measure(Constant(median))
    assert near.l1 == pytest.approx(near.prior_l1)
    assert near.ratio == pytest.approx(1)
    assert near.nll is None
    # The scale that fits a Laplace distribution best is its mean absolute error.
    fitted = crops.measure(Fitted(median, near.prior_l1))
    assert fitted.nll == pytest.approx(near.prior_nll, abs=1e-4)
    for scale in (0.9, 1.1):
        worse = crops.measure(Fitted(median, scale * near.prior_l1)).nll
        assert worse is not None
        assert worse > near.prior_nll


def test_a_gaussian_filter_knows_more_than_a_constant() -> None:
    near = HeldOutCrops.draw([normalised_texture()], size=32).measure(Constant(0.0))
    assert near.gaussian_l1 < 0.9 * near.prior_l1
    assert near.gaussian_nll < near.prior_nll


def test_the_crops_are_always_the_same() -> None:
    images = [normalised_texture(), normalised_texture()[::-1].copy()]
    first, second = (HeldOutCrops.draw(images, size=32, count=9, seed=4) for _ in range(2))
    assert len(first.values) == 10  # the same number from both
    for name in ("values", "known", "asked", "prior", "gaussian"):
        assert torch.equal(getattr(first, name), getattr(second, name)), name
    assert not torch.equal(first.known, HeldOutCrops.draw(images, size=32, count=9, seed=5).known)


def test_unknown_pixels_of_an_image_do_no_harm() -> None:
    image = normalised_texture()
    image[::9, ::7] = np.nan
    near = HeldOutCrops.draw([image], size=32, count=16).measure(Constant(0.0))
    assert all(math.isfinite(value) for value in (near.l1, near.prior_l1, near.gaussian_l1))


def test_gaussian_inpainting_of_one_known_pixel_is_that_pixel_as_far_as_it_reaches() -> None:
    values = torch.full((1, 40, 40), 9.0)
    values[0, 20, 20] = 3.0
    known = torch.zeros(1, 40, 40, dtype=torch.bool)
    known[0, 20, 20] = True
    predicted = gaussian_inpainting(values, known, radius=10, fallback=-1.0)[0]
    within = torch.zeros(40, 40, dtype=torch.bool)
    within[10:31, 10:31] = True
    assert predicted[within].sub(3).abs().max() < 1e-5
    assert (predicted[~within] == -1).all()


def test_gaussian_inpainting_weighs_by_distance() -> None:
    values = torch.zeros(1, 1, 21)
    values[0, 0, 20] = 1.0
    known = torch.zeros(1, 1, 21, dtype=torch.bool)
    known[0, 0, [0, 20]] = True
    predicted = gaussian_inpainting(values, known, sigma=5.0, radius=20)[0, 0]
    assert predicted[10] == pytest.approx(0.5, abs=1e-6)
    near, far = math.exp(-(5**2) / 50), math.exp(-(15**2) / 50)
    assert predicted[15] == pytest.approx(near / (near + far), abs=1e-5)


@pytest.mark.parametrize(
    ("l1", "gaussian_l1", "ready", "text"),
    [
        (0.2, 0.6, True, "5.0 times better than a constant: ready."),
        (0.2, 0.2, False, "5.0 times better than a constant: train longer."),
        (0.8, 0.9, False, "1.2 times better than a constant: train longer."),
        (1.2, 0.9, False, "no better than a constant: train longer."),
    ],
)
def test_the_verdict(l1: float, gaussian_l1: float, ready: bool, text: str) -> None:
    verdict = judge(NearHoleError(l1, None, 1.0, 1.7, gaussian_l1, 1.5))
    assert verdict.ready is ready
    assert text in verdict.text


def test_no_verdict_on_background() -> None:
    near = NearHoleError(0.0, None, 0.0, -math.inf, 0.0, -math.inf)
    assert math.isnan(near.ratio)
    assert math.isnan(near.gaussian_ratio)
    assert judge(near).text == ("Nothing but background was held out: give images with more cells.")
