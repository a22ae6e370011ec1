"""What labels say about the foreground, and which labels say nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.foreground import foreground_targets


def painted(dtype: Any = np.uint16) -> NDArray[Any]:
    """Two cells, or two strokes of cells, one of the background, and nothing elsewhere."""
    labels = np.zeros((12, 15), dtype)
    labels[1:5, 2:6] = 2
    labels[6:10, 8:12] = 3
    labels[11] = 1
    return labels


@pytest.mark.parametrize("sparse", [None, False])
def test_dense_labels_say_what_every_pixel_is(sparse: bool | None) -> None:
    labels = painted()
    targets = foreground_targets(labels, sparse=sparse)
    assert targets.dtype == np.int8
    np.testing.assert_array_equal(targets, labels > 0)


def test_strokes_leave_the_rest_open() -> None:
    labels = painted()
    targets = foreground_targets(labels, sparse=True)
    np.testing.assert_array_equal(targets == 1, labels >= 2)
    np.testing.assert_array_equal(targets == 0, labels == 1)
    np.testing.assert_array_equal(targets == -1, labels == 0)


def test_strokes_on_cells_only() -> None:
    labels = painted()
    labels[labels == 1] = 0
    assert set(np.unique(foreground_targets(labels, sparse=True))) == {-1, 1}


def test_a_mask_is_dense() -> None:
    np.testing.assert_array_equal(foreground_targets(painted() > 0), painted() > 0)


@given(
    shift=st.integers(0, 2**31 - 10),
    dtype=st.sampled_from([np.uint8, np.uint16, np.int32, np.uint32, np.int64, np.uint64]),
    sparse=st.booleans(),
)
def test_identities_do_not_matter_however_large(shift: int, dtype: Any, sparse: bool) -> None:
    shift %= int(np.iinfo(dtype).max) - 5
    labels = painted(dtype)
    renamed = np.where(labels >= 2, labels + np.array(shift, dtype), labels).astype(dtype)
    np.testing.assert_array_equal(
        foreground_targets(renamed, sparse=sparse), foreground_targets(labels, sparse=sparse)
    )


def one_pixel() -> NDArray[np.uint16]:
    labels = np.zeros((20, 20), np.uint16)
    labels[3, 4] = 7
    return labels


@pytest.mark.parametrize(
    ("labels", "sparse", "message"),
    [
        (painted().astype(np.float32), None, "whole numbers, got float32"),
        (painted().astype(complex), None, "whole numbers, got complex128"),
        (-painted(np.int32), None, "must not be negative, got -3"),
        (painted(np.int16) - 1, True, "must not be negative, got -1"),
        (np.zeros((9, 9), np.uint8), None, "no foreground is painted"),
        (np.zeros((9, 9), np.uint8), True, "no foreground is painted.*2 or above"),
        (np.ones((9, 9), np.uint8), True, "no foreground is painted.*2 or above"),
        (np.zeros((9, 9), bool), None, "no foreground is painted"),
        (np.ones((9, 9), np.uint8), None, "everything is painted"),
        (np.full((9, 9), 4, np.uint8), True, "everything is painted"),
        (one_pixel(), None, "only one pixel of cells"),
        (one_pixel(), True, "only one pixel of cells"),
        (np.eye(9, dtype=np.uint8), None, "only 9 pixels of cells"),
        (painted() > 0, True, "got a mask of true and false"),
        (np.zeros((2, 9, 9), np.uint8), None, r"plane \(Y, X\), got the shape \(2, 9, 9\)"),
        (np.zeros((0, 9), np.uint8), None, r"plane \(Y, X\), got the shape \(0, 9\)"),
    ],
)
def test_labels_that_cannot_be(labels: NDArray[Any], sparse: bool | None, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        foreground_targets(labels, sparse=sparse)
    assert "\n" not in str(caught.value)
