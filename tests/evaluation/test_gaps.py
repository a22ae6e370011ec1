from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.evaluation import close_gaps


def test_a_gap_of_one_pixel_is_closed_and_a_wider_one_kept() -> None:
    labels = np.array([[1, 1, 0, 2, 0, 0, 3, 0]] * 3)
    assert close_gaps(labels).tolist() == [[True, True, True, True, False, False, True, False]] * 3


def test_a_gap_inside_one_object_is_kept() -> None:
    assert close_gaps(np.array([[1, 0, 1]])).tolist() == [[True, False, True]]


def test_diagonal_gaps_are_closed() -> None:
    labels = np.diag([1, 0, 2])
    assert np.array_equal(close_gaps(labels), np.eye(3, dtype=bool))


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 4))
def test_is_what_its_definition_says(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, count + 1, (6, 7)) * (random.random((6, 7)) < 0.5)
    expected = labels > 0
    for y, x in np.argwhere(labels == 0):
        around = labels[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        expected[y, x] = np.unique(around[around > 0]).size > 1
    assert np.array_equal(close_gaps(labels.astype(np.uint16)), expected)


@pytest.mark.parametrize("wrong", [np.zeros((3, 3)), np.zeros((2, 3, 3), int)])
def test_takes_label_images_only(wrong: np.ndarray) -> None:
    with pytest.raises(ImageError, match="whole numbers"):
        close_gaps(wrong)
