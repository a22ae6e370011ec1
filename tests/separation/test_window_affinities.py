"""Affinities of parts of a plane: put together, they are those of the whole plane."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from mosaic import QUICK, mosaic
from numpy.typing import NDArray
from tiny_student import ARCHITECTURE, DENOISER, OFFSETS, random_network, random_student

from gaussian_inpainter import GaussianInpainter
from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images import ArrayPlane, Normalisation, Region
from napari_inpaintaff.inpainting import Inpainter
from napari_inpaintaff.inpainting.denoising import Denoiser
from napari_inpaintaff.jobs import Job
from napari_inpaintaff.separation import (
    AffinityDraft,
    AffNet,
    AffNetMetadata,
    SplitUpdate,
    Student,
    compute_affinities,
    compute_student_affinities,
)
from napari_inpaintaff.separation.window_affinities import iterate_window_affinities

Cuts = tuple[tuple[float, ...], tuple[float, ...]]

FEW_UPDATES = replace(QUICK, iterations=3)

HALVES = (0.5,), (0.5,)
UNEVEN = (0.38,), (0.41, 0.52)
#: For a model of cells of 25 px: zooms 1, 0.52 and 1.72.
DIAMETERS = [None, 13.0, 43.0]
#: Shapes with as many working pixels for each of them: more than a patch, few enough to be quick.
SHAPES = {None: (62, 51), 13.0: (36, 31), 43.0: (104, 81)}


def cores(shape: tuple[int, int], cuts: Cuts) -> list[Region]:
    rows, columns = (
        [0, *(round(cut * length) for cut in along), length]
        for along, length in zip(cuts, shape, strict=True)
    )
    return [
        (slice(*rows[i : i + 2]), slice(*columns[j : j + 2]))
        for i in range(len(rows) - 1)
        for j in range(len(columns) - 1)
    ]


def in_parts(
    image: NDArray[np.float32],
    model: Inpainter | Student,
    cuts: Cuts,
    *,
    wanted: NDArray[np.bool_],
    normalisation: Normalisation,
    diameter: float | None,
) -> Affinities:
    values: NDArray[np.float32] | None = None
    for core in cores((image.shape[0], image.shape[1]), cuts):
        run = iterate_window_affinities(
            ArrayPlane(image),
            core,
            model,
            wanted=wanted[core],
            normalisation=normalisation,
            parameters=FEW_UPDATES,
            diameter=diameter,
        )
        part = Job(run).run()
        if values is None:
            values, weight = np.full((2, len(part.offsets), *image.shape), np.nan, np.float32)
        values[:, *core], weight[:, *core] = part.values, part.weight
    assert values is not None
    return Affinities(values, part.offsets, weight)


def with_trouble(image: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Give an image an unknown border and a hole, and want a part of its pixels."""
    image = image.copy()
    image[:, :7] = image[-5:] = image[22:27, 18:23] = np.nan
    wanted = np.zeros(image.shape, bool)
    wanted[10:-3, 4:] = True
    wanted[20:40, 15:20] = False
    return image, wanted


def assert_alike(found: Affinities, expected: Affinities, *, atol: float) -> None:
    assert found.offsets == expected.offsets
    np.testing.assert_array_equal(found.weight, expected.weight)
    np.testing.assert_allclose(found.values, expected.values, atol=atol)


@pytest.mark.parametrize("cuts", [HALVES, UNEVEN])
@pytest.mark.parametrize("diameter", DIAMETERS)
@pytest.mark.parametrize("denoise", [False, True])
def test_parts_of_a_students_plane_are_those_of_the_whole(
    cuts: Cuts, diameter: float | None, denoise: bool
) -> None:
    image, wanted = with_trouble(mosaic((201, 167), seed=4)[0])
    student = random_student(denoise=denoise)
    normalisation = student.normalisation_of([image])
    expected = compute_student_affinities(image, student, wanted=wanted, diameter=diameter)

    def run() -> Affinities:
        return in_parts(
            image, student, cuts, wanted=wanted, normalisation=normalisation, diameter=diameter
        )

    found = run()
    assert_alike(found, expected, atol=1e-5)
    assert expected.values[expected.weight > 0].std() > 0.01
    again = run()
    np.testing.assert_array_equal(again.values, found.values)


@pytest.mark.parametrize("diameter", DIAMETERS)
def test_parts_that_an_affnet_predicts_are_those_of_the_whole(diameter: float | None) -> None:
    image, wanted = with_trouble(mosaic((120, 150), seed=5)[0])
    student = random_student()
    described = AffNetMetadata("random", student.metadata.architecture, offsets=OFFSETS)
    affnet = AffNet(random_network(ARCHITECTURE), described, device="cpu", dtype=torch.float32)
    expected = compute_student_affinities(image, affnet, wanted=wanted, diameter=diameter)
    normalisation = affnet.normalisation_of([image])
    found = in_parts(
        image, affnet, UNEVEN, wanted=wanted, normalisation=normalisation, diameter=diameter
    )
    assert_alike(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("cuts", "diameter"), [(HALVES, None), *((UNEVEN, diameter) for diameter in DIAMETERS)]
)
def test_parts_that_an_inpainter_takes_apart_are_those_of_the_whole(
    cuts: Cuts, diameter: float | None
) -> None:
    image, wanted = with_trouble(mosaic(SHAPES[diameter], seed=4)[0])
    inpainter = GaussianInpainter()
    identity = Normalisation("linear", 0.0, 1.0)
    expected = compute_affinities(image, inpainter, FEW_UPDATES, wanted=wanted, diameter=diameter)

    def run() -> Affinities:
        return in_parts(
            image, inpainter, cuts, wanted=wanted, normalisation=identity, diameter=diameter
        )

    found = run()
    assert_alike(found, expected, atol=1e-6)
    assert expected.values[expected.weight > 0].std() > 0.1
    if cuts == HALVES:
        np.testing.assert_array_equal(run().values, found.values)


@pytest.mark.parametrize("diameter", DIAMETERS[:2])
def test_parts_that_a_denoising_inpainter_takes_apart_are_those_of_the_whole(
    diameter: float | None,
) -> None:
    image, wanted = with_trouble(mosaic(SHAPES[diameter], seed=6)[0])
    inpainter = GaussianInpainter(estimate=True)
    inpainter.denoiser = Denoiser(
        random_network(DENOISER, 1), DENOISER, device=torch.device("cpu"), dtype=torch.float32
    )
    normalisation = inpainter.normalisation_of([image])
    expected = compute_affinities(image, inpainter, FEW_UPDATES, wanted=wanted, diameter=diameter)
    found = in_parts(
        image, inpainter, HALVES, wanted=wanted, normalisation=normalisation, diameter=diameter
    )
    assert_alike(found, expected, atol=1e-6)
    with pytest.raises(ParameterError, match="denoises"):
        in_parts(
            image,
            inpainter,
            HALVES,
            wanted=wanted,
            normalisation=Normalisation("linear", 0.0, 1.0),
            diameter=diameter,
        )


def test_what_is_seen_of_a_part_is_at_its_place_in_the_plane() -> None:
    image, _ = mosaic((120, 130), seed=7)
    core = slice(60, 90), slice(70, 110)
    run = iterate_window_affinities(
        ArrayPlane(image),
        core,
        GaussianInpainter(),
        wanted=np.ones((30, 40), bool),
        normalisation=Normalisation("linear", 0.0, 1.0),
        parameters=QUICK,
    )
    drafts = 0
    for update in run:
        if isinstance(update, SplitUpdate):
            y, x = update.origin
            assert 60 - QUICK.patch < y < 90
            assert 70 - QUICK.patch < x < 110
        elif isinstance(update, AffinityDraft):
            drafts += 1
            shown = update.affinities()
            assert shown.shape == (30, 40)
            assert (shown.weight[0] > 0).all()
    assert drafts > 1


def test_a_part_without_wanted_pixels_is_not_read() -> None:
    class Unreadable:
        shape = (100, 100)

        def read_region(self, region: Region) -> NDArray[np.float32]:
            raise AssertionError(region)

    for model in (GaussianInpainter(), random_student()):
        run = iterate_window_affinities(
            Unreadable(),
            (slice(0, 10), slice(90, 100)),
            model,
            wanted=np.zeros((10, 10), bool),
            normalisation=Normalisation("linear", 0.0, 1.0),
            diameter=40,
        )
        found = Job(run).run()
        assert found.shape == (10, 10)
        assert not found.weight.any()


def test_a_mask_of_another_shape_than_the_core_is_refused() -> None:
    run = iterate_window_affinities(
        ArrayPlane(np.zeros((30, 30), np.float32)),
        (slice(0, 10), slice(0, 20)),
        GaussianInpainter(),
        wanted=np.ones((30, 30), bool),
        normalisation=Normalisation("linear", 0.0, 1.0),
    )
    with pytest.raises(ImageError, match=r"\(10, 20\)"):
        next(run)
