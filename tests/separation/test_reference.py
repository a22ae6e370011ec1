"""The batched engine against the slow reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from mosaic import QUICK, mosaic
from numpy.typing import NDArray

import reference_engine
from gaussian_inpainter import GaussianInpainter
from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.inpainting import Inpainter
from napari_inpaintaff.inpainting.metadata import InpainterMetadata
from napari_inpaintaff.networks import UNetArchitecture
from napari_inpaintaff.networks.unet import build_unet
from napari_inpaintaff.separation import SeparationParameters, compute_affinities


def by_the_reference(
    values: NDArray[np.float32],
    inpainter: Inpainter,
    parameters: SeparationParameters,
    wanted: NDArray[np.bool_],
) -> Affinities:
    return reference_engine.affinities(
        values, inpainter, parameters, wanted, windows=parameters.windows()
    )


def assert_same(batched: Affinities, expected: Affinities) -> None:
    np.testing.assert_array_equal(batched.weight, expected.weight)
    # The reference adds in another order: a pixel may sit on the fence.
    assert np.mean(batched.values != expected.values) < 1e-3
    assert 0.02 < expected.values[expected.weight > 0].mean() < 0.98


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_patches_are_taken_apart_as_by_the_reference(seed: int) -> None:
    image, _ = mosaic((30, 42), seed=seed)
    parameters = replace(QUICK, seed=seed)
    inpainter = GaussianInpainter()
    batched = compute_affinities(image, inpainter, parameters)
    everything = np.ones(image.shape, bool)
    assert_same(batched, by_the_reference(image, inpainter, parameters, everything))


def test_wanted_and_unknown_pixels_count_as_in_the_reference() -> None:
    image, labels = mosaic((30, 42), seed=3)
    rng = np.random.default_rng(3)
    image[rng.random(image.shape) < 0.05] = np.nan
    image[4:9, 30:36] = np.nan
    wanted = labels % 3 == 0
    inpainter = GaussianInpainter()
    batched = compute_affinities(image, inpainter, QUICK, wanted=wanted)
    assert_same(batched, by_the_reference(image, inpainter, QUICK, wanted))


def test_default_parameters_agree_on_a_full_patch() -> None:
    parameters = SeparationParameters(stride=64)
    image, _ = mosaic((64, 64), seed=4)
    wanted = np.zeros(image.shape, bool)
    wanted[::3, ::3] = True
    inpainter = GaussianInpainter()
    batched = compute_affinities(image, inpainter, parameters, wanted=wanted)
    assert_same(batched, by_the_reference(image, inpainter, parameters, wanted))


def random_network(dtype: torch.dtype = torch.float32) -> Inpainter:
    torch.manual_seed(0)
    architecture = UNetArchitecture("plain", (8, 16, 16), stem=2)
    metadata = InpainterMetadata("random", architecture, normalisation="linear")
    return Inpainter(build_unet(architecture), metadata, device="cpu", dtype=dtype)


def test_a_real_network_is_asked_the_same_questions() -> None:
    image, _ = mosaic((24, 24), seed=5)
    inpainter = random_network()
    parameters = replace(QUICK, minimum_gain=-1.0)
    batched = compute_affinities(image, inpainter, parameters)
    values: NDArray[np.float32] = inpainter.normalise(image)
    everything = np.ones(image.shape, bool)
    assert_same(batched, by_the_reference(values, inpainter, parameters, everything))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_sample_gets_the_same_errors_at_any_place_of_the_batch(dtype: torch.dtype) -> None:
    inpainter = random_network(dtype)
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(16, 32, 32, generator=generator)
    known = torch.rand(16, 32, 32, generator=generator) < 0.5
    order = torch.randperm(16, generator=generator)
    torch.testing.assert_close(
        inpainter.errors(values[order], known[order]),
        inpainter.errors(values, known)[order],
        rtol=0,
        atol=0,
    )
    others = values.clone()
    others[1:] = 0
    torch.testing.assert_close(
        inpainter.errors(others, known)[0], inpainter.errors(values, known)[0], rtol=0, atol=0
    )
