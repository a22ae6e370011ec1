"""Segmentation by the outline of the foreground: no model, no affinities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contrast_student import ContrastStudent
from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.partition import OutlineParameters, distance_watershed, partition_outline
from napari_inpaintaff.pipeline import segment, segmentation


@pytest.fixture
def nuclei(monkeypatch: pytest.MonkeyPatch) -> tuple[NDArray[Any], NDArray[Any]]:
    """An image and its labels; loading a model fails."""

    def fail(*arguments: Any, **options: Any) -> None:
        raise AssertionError("no model is needed")

    monkeypatch.setattr(segmentation, "load_model", fail)
    return simulate_dense_nuclei(shape=(96, 112), seed=1)


def test_no_model_is_loaded_and_no_affinity_computed(nuclei: Any) -> None:
    image, truth = nuclei
    result = segment(image, partition=OutlineParameters(), foreground=truth)
    np.testing.assert_array_equal(result.labels, distance_watershed(truth > 0))
    np.testing.assert_array_equal(result.foreground, truth > 0)
    assert result.affinities.shape == image.shape
    assert not result.affinities.weight.any()
    assert not result.affinities.values.any()
    assert segment(image, partition=OutlineParameters("foreground_components")).labels.max() > 0


def test_the_diameter_is_that_of_the_user_or_of_a_loaded_model(nuclei: Any) -> None:
    image, truth = nuclei
    parameters = OutlineParameters(sigma=2.0, minimum_distance=8.0)
    expected = {
        diameter: partition_outline(truth > 0, parameters, diameter=diameter)
        for diameter in (25, 60)
    }
    assert not np.array_equal(expected[25], expected[60])
    student = ContrastStudent(diameter=60)
    for options, diameter in (
        ({}, 25),
        ({"diameter": 60}, 60),
        ({"model": student}, 60),
        ({"model": student, "diameter": 25}, 25),
    ):
        result = segment(image, partition=parameters, foreground=truth, **options)
        np.testing.assert_array_equal(result.labels, expected[diameter])
    assert not student.passes


def test_a_region_is_all_that_is_labelled(nuclei: Any) -> None:
    image, truth = nuclei
    region = np.s_[10:50, 20:90]
    result = segment(image, partition=OutlineParameters(), foreground=truth, region=region)
    inside = np.zeros(image.shape, bool)
    inside[region] = True
    np.testing.assert_array_equal(result.labels > 0, inside & (truth > 0))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"foreground": np.ones((96, 111), bool)}, ImageError, "shape of the image"),
        ({"foreground": "guess"}, ParameterError, "unknown foreground"),
        ({"region": np.s_[5:5, :]}, ParameterError, "empty"),
        ({"diameter": 0}, ParameterError, "diameter"),
    ],
)
def test_bad_input_is_refused(
    nuclei: Any, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        segment(nuclei[0], partition=OutlineParameters(), **options)
