"""What strokes on cells alone imply about the other pixels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from small_nuclei import dim_nuclei, overlap

from napari_inpaintaff.foreground import positive_unlabelled
from napari_inpaintaff.foreground.positive_unlabelled import imply_targets
from napari_inpaintaff.jobs import Job


def normalised(seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    image, labels = dim_nuclei(seed=seed)
    return (image - 100) / 100, labels > 0


def painted(truth: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Paint lines through the middles of some cells."""
    targets = np.full(truth.shape, -1, np.int8)
    targets[14:18, 8:60] = 1
    targets[46:50, 40:90] = 1
    targets[~truth] = -1
    return targets


@pytest.mark.parametrize("sign", [1, -1])
def test_most_pixels_are_found_out_and_hardly_one_is_wrong(sign: int) -> None:
    values, truth = normalised()
    given = painted(truth)
    implied = imply_targets([sign * values], [given], seed=0)
    [targets] = implied.targets
    assert targets.dtype == np.int8
    assert (targets[given == 1] == 1).all()
    assert (targets >= 0).mean() > 0.8
    sure = targets >= 0
    assert (targets[sure] == truth[sure]).mean() > 0.85
    assert overlap(targets == 1, truth) > 0.65
    assert implied.class_prior == pytest.approx(truth.mean(), rel=0.4)


def test_images_are_looked_at_together() -> None:
    first, truth = normalised()
    second, other = normalised(seed=1)
    nothing = np.full(other.shape, -1, np.int8)
    implied = imply_targets([first, second], [painted(truth), nothing], seed=0)
    assert overlap(implied.targets[1] == 1, other) > 0.65


def test_it_does_not_depend_on_gain_and_offset() -> None:
    values, truth = normalised()
    one = imply_targets([values], [painted(truth)], seed=0)
    two = imply_targets([7 * values - 3], [painted(truth)], seed=0)
    assert two.class_prior == pytest.approx(one.class_prior, rel=0.05)
    assert (one.targets[0] == two.targets[0]).mean() > 0.99


def test_same_seed_same_answer_and_unknown_pixels_stay_unknown() -> None:
    values, truth = normalised()
    values[100:, 100:] = np.nan
    runs = [imply_targets([values], [painted(truth)], seed=3) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].targets[0], runs[1].targets[0])
    assert (runs[0].targets[0][100:, 100:] == -1).all()
    assert np.isfinite(runs[0].class_prior)


def test_one_stroke_is_no_error() -> None:
    values, truth = normalised()
    given = np.full(truth.shape, -1, np.int8)
    given[14:18, 12:20] = 1
    implied = imply_targets([values], [given], seed=0)
    assert 0 < implied.class_prior < 1
    assert (implied.targets[0] == 0).any()


@pytest.mark.parametrize("rows", [1, 7, 33])
def test_strips_are_parts_of_the_whole(rows, monkeypatch):
    image = np.random.default_rng(0).normal(size=(90, 50)).astype(np.float32)
    image[3, 4] = np.nan
    whole = Job(positive_unlabelled._iterate_features(image, "")).run()
    monkeypatch.setattr(positive_unlabelled, "_STRIP", rows * image.shape[1])
    parts = list(positive_unlabelled._iterate_features(image, ""))
    assert len(parts) == -(-90 // rows)
    strips = Job(positive_unlabelled._iterate_features(image, "")).run()
    np.testing.assert_array_equal(strips, whole)
