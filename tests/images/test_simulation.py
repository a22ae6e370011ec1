"""The simulated sample: deterministic, dense, and like a real image of nuclei."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage
from skimage.filters import threshold_otsu

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import simulate_dense_nuclei

SEEDS = range(5)


def mean_overlap(labels: np.ndarray, truth: np.ndarray) -> float:
    """The SEG measure of the Cell Tracking Challenge, in its plainest form."""
    scores = []
    for number in range(1, truth.max() + 1):
        reference = truth == number
        candidates = np.bincount(labels[reference])
        candidates[0] = 0
        best = int(candidates.argmax())
        common = candidates[best]
        union = reference.sum() + (labels == best).sum() - common
        scores.append(common / union if 2 * common > reference.sum() else 0.0)
    return float(np.mean(scores))


def touching_components(truth: np.ndarray) -> np.ndarray:
    """Connected components of the true foreground, one-pixel gaps between nuclei closed."""
    largest = ndimage.maximum_filter(truth, size=3)
    smallest = ndimage.minimum_filter(np.where(truth > 0, truth, truth.max() + 1), size=3)
    between = (truth == 0) & (largest > 0) & (smallest != largest)
    components, _ = ndimage.label((truth > 0) | between)
    return np.where(truth > 0, components, 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_connected_components_cannot_separate_the_nuclei(seed: int) -> None:
    _, truth = simulate_dense_nuclei(seed=seed)
    assert mean_overlap(truth, truth) == 1.0
    assert mean_overlap(touching_components(truth), truth) <= 0.6


@pytest.mark.parametrize("seed", SEEDS)
def test_threshold_of_otsu_finds_the_foreground(seed: int) -> None:
    image, truth = simulate_dense_nuclei(seed=seed)
    found, foreground = image > threshold_otsu(image), truth > 0
    assert (found & foreground).sum() / (found | foreground).sum() >= 0.88


@pytest.mark.parametrize("seed", SEEDS)
def test_nuclei_look_like_nuclei(seed: int) -> None:
    image, truth = simulate_dense_nuclei(seed=seed)
    assert (image.dtype, truth.dtype) == (np.uint16, np.uint16)
    assert image.shape == truth.shape == (256, 256)
    assert image.min() > 0
    areas = np.bincount(truth.ravel())[1:]
    assert 45 <= len(areas) <= 75
    assert areas.min() > 80
    assert 22 < 2 * np.sqrt(np.median(areas) / np.pi) < 27
    for number in range(1, len(areas) + 1):
        assert ndimage.label(truth == number)[1] == 1

    background = np.median(image[truth == 0])
    levels = ndimage.median(image, truth, range(1, len(areas) + 1)) - background
    assert 2.5 < levels.max() / levels.min() < 5
    assert levels.min() > 5 * image[truth == 0].std() / 2

    # Texture inside: more than photon noise, much less than the edge of a nucleus.
    core = ndimage.binary_erosion(truth == np.argmax(areas) + 1, iterations=4)
    assert 0.05 < image[core].std() / (image[core].mean() - background) < 0.3


def test_a_contact_is_no_wall_of_background() -> None:
    """Between touching nuclei the light dips or steps, but does not fall to the background."""
    image, truth = simulate_dense_nuclei()
    smooth = ndimage.gaussian_filter(image.astype(float), 0.7)
    background = np.median(smooth[truth == 0])
    right, left = truth[:, 1:], truth[:, :-1]
    contact = (right > 0) & (left > 0) & (right != left)
    at_contact = 0.5 * (smooth[:, 1:] + smooth[:, :-1])[contact] - background
    assert contact.sum() > 50
    assert np.median(at_contact) > 0.5 * (np.median(smooth[truth > 0]) - background)
    assert np.mean(at_contact > 0.25 * (np.median(smooth[truth > 0]) - background)) > 0.95


def test_the_seed_decides_everything() -> None:
    first, again, other = (simulate_dense_nuclei(seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert (first[1] != other[1]).any()


def test_the_stream_of_numpy_is_not_touched() -> None:
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    simulate_dense_nuclei(shape=(64, 64))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize(
    ("shape", "diameter", "coverage"),
    [((64, 200), 25.0, 0.4), ((90, 70), 12.0, 0.5), ((150, 150), 40.0, 0.2), ((51, 50), 25.0, 0.6)],
)
def test_other_sizes(shape: tuple[int, int], diameter: float, coverage: float) -> None:
    image, truth = simulate_dense_nuclei(shape=shape, diameter=diameter, coverage=coverage)
    assert image.shape == truth.shape == shape
    assert coverage <= (truth > 0).mean() < coverage + 0.35
    np.testing.assert_array_equal(np.unique(truth), np.arange(truth.max() + 1))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"shape": (40, 256)}, r"two diameters \(50\), got \(40, 256\)"),
        ({"shape": (5, 256, 256)}, "shape must be"),
        ({"diameter": 3.0}, "at least 10 pixels, got 3"),
        ({"coverage": 0.9}, "between 0 and 0.6, got 0.9"),
        ({"coverage": 0.0}, "between 0 and 0.6"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        simulate_dense_nuclei(**arguments)
