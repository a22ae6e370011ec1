"""Where the foreground of a segmentation comes from: methods, masks, networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from contrast_student import ContrastStudent
from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.evaluation import seg_score
from napari_inpaintaff.foreground import FGNet, FGNetMetadata, foreground_probability
from napari_inpaintaff.jobs import Job
from napari_inpaintaff.networks import UNetArchitecture
from napari_inpaintaff.partition import OutlineParameters, partition_outline
from napari_inpaintaff.pipeline import segment, tune
from napari_inpaintaff.pipeline.foreground_source import foreground_mask, usual_diameter

ARCHITECTURE = UNetArchitecture("plain", (4, 4), outputs=1)


class BrightPixels(FGNet):
    """Takes pixels above 1 for foreground, and remembers what it was asked."""

    def __init__(self, *, diameter: float = 25.0, image_diameter: float | None = None) -> None:
        self.metadata = FGNetMetadata(
            "bright", ARCHITECTURE, diameter=diameter, image_diameter=image_diameter
        )
        self.device = torch.device("cpu")
        self.diameters: list[float | None] = []

    def probability(
        self, image: NDArray[Any], *, diameter: float | None = None, flips: bool = True
    ) -> NDArray[np.float32]:
        self.diameters.append(diameter)
        return np.where(image > 1, 0.75, 0.25).astype(np.float32)


class Denoising(ContrastStudent):
    """Leaves nothing of an image."""

    def denoise(self, image: NDArray[Any]) -> NDArray[Any]:
        return image * 0 + np.arange(image.size).reshape(image.shape)


def cells() -> NDArray[np.float32]:
    image = np.zeros((60, 70), np.float32)
    image[10:30, 10:30], image[10:30, 30:50] = 2, 4
    return image


def test_a_network_sees_the_image_as_it_is_and_the_diameter_that_was_given() -> None:
    network = BrightPixels()
    image = cells()
    for diameter in (None, 30.0):
        mask = foreground_mask(image, network, model=Denoising(), diameter=diameter)
        np.testing.assert_array_equal(mask, image > 1)
    # Its own diameter is none of the model's business.
    assert network.diameters == [None, 30.0]


def test_segment_takes_a_network() -> None:
    image = cells()
    result = segment(image, model=ContrastStudent(), foreground=BrightPixels())
    np.testing.assert_array_equal(result.foreground, image > 1)
    np.testing.assert_array_equal(result.labels, image / 2)


def test_a_method_sees_what_the_denoiser_leaves() -> None:
    image, model = cells(), Denoising(diameter=12.0)
    mask = foreground_mask(image, "otsu", model=model)
    expected = foreground_probability(model.denoise(image), "otsu", diameter=12.0) > 0.5
    np.testing.assert_array_equal(mask, expected)
    plain = foreground_mask(image, "otsu")
    np.testing.assert_array_equal(plain, foreground_probability(image, "otsu") > 0.5)


def test_a_given_mask_is_taken_as_it_is() -> None:
    labels = np.zeros((60, 70), np.int64)
    labels[3:9] = 70_000
    mask = foreground_mask(cells(), labels, model=Denoising())
    np.testing.assert_array_equal(mask, labels > 0)
    with pytest.raises(ImageError, match=r"\(60, 69\)"):
        foreground_mask(cells(), labels[:, 1:])
    with pytest.raises(ParameterError, match="unknown foreground method"):
        foreground_mask(cells(), "magic")


@pytest.mark.parametrize(
    ("source", "model", "diameter"),
    [
        ("otsu", None, 25.0),
        (BrightPixels(diameter=30.0), None, 30.0),
        (BrightPixels(diameter=25.0, image_diameter=50.0), None, 50.0),
        (BrightPixels(image_diameter=50.0), ContrastStudent(diameter=20.0), 20.0),
    ],
)
def test_lengths_of_an_outline_follow_the_cells_that_are_known(
    source: Any, model: Any, diameter: float
) -> None:
    assert usual_diameter(source, model) == diameter
    parameters = OutlineParameters(sigma=0.5)
    image = cells() + np.random.default_rng(0).normal(0, 0.9, (60, 70))
    given = {} if model is None else {"model": model}
    result = segment(image, foreground=source, partition=parameters, **given)
    expected = partition_outline(result.foreground, parameters, diameter=diameter)
    np.testing.assert_array_equal(result.labels, expected)


def test_sigma_is_tuned_at_the_scale_at_which_segment_uses_it() -> None:
    network = BrightPixels(image_diameter=60.0)
    y, x = np.mgrid[:90, :150]
    truth = np.where(x < 75, 1, 2) * (((y - 45) / 40) ** 2 + ((x - 75) / 70) ** 2 < 1)
    image = np.where(truth > 0, 4.0, 0.0)
    image[30:60, 40:44] = image[45, 100:120] = 0
    (curve,) = (
        Job(
            tune(
                [image],
                [truth],
                methods=["distance_watershed"],
                sigmas=[0.5, 4],
                foreground=network,
            )
        )
        .run()
        .curves
    )
    for sigma, score in zip(curve.values, curve.scores, strict=True):
        labels = segment(image, foreground=network, partition=OutlineParameters(sigma=sigma)).labels
        assert seg_score(labels, truth) == pytest.approx(score)
    assert curve.scores[0] != curve.scores[1]
