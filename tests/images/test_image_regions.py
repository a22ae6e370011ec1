"""Regions: what is understood, and what is refused with which words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.images import check_region, parse_region


@given(st.data(), st.integers(1, 500), st.integers(1, 500))
def test_a_written_region_is_read_back(data: st.DataObject, height: int, width: int) -> None:
    y0, x0 = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    y1, x1 = data.draw(st.integers(y0 + 1, height)), data.draw(st.integers(x0 + 1, width))
    region = parse_region(f"{y0}:{y1},{x0}:{x1}", (height, width))
    assert region == (slice(y0, y1), slice(x0, x1))
    assert check_region(region, (height, width)) == region
    assert np.empty((height, width))[region].shape == (y1 - y0, x1 - x0)


def test_bounds_that_are_left_out_are_those_of_the_image() -> None:
    assert parse_region(":,:", (30, 40)) == (slice(0, 30), slice(0, 40))
    assert parse_region(" 5 : , : 7 ", (3, 30, 40)) == (slice(5, 30), slice(0, 7))


@pytest.mark.parametrize(
    "text",
    ["", "0:10", "a:b,c:d", "0:10,0:10,0:10", "0-10,0-10", "-5:10,0:10", "0:10:2,0:10", "1.5:3,0:4",
     "²:3,0:4", "0:10,0:10\n;"],
)  # fmt: skip
def test_garbage_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ParameterError, match="is written Y0:Y1,X0:X1, for example"):
        parse_region(text, (30, 40))


@pytest.mark.parametrize("text", ["5:5,0:10", "0:10,9:3", "30:,0:10"])
def test_empty_regions(text: str) -> None:
    with pytest.raises(ParameterError, match=r"the region .* is empty"):
        parse_region(text, (30, 40))


@pytest.mark.parametrize("text", ["0:31,0:10", "0:10,0:41", "100:200,0:10"])
def test_regions_outside_the_image(text: str) -> None:
    with pytest.raises(ParameterError, match="outside the image of 30 rows and 40 columns"):
        parse_region(text, (30, 40))


@pytest.mark.parametrize(
    ("region", "text"),
    [
        ((slice(0, 4),), "pair of slices"),
        ((3, 4), "pair of slices"),
        ((slice(0, 4, 2), slice(0, 4)), "cannot have a step"),
        ((slice(-3, 4), slice(0, 4)), "outside the image"),
    ],
)
def test_regions_that_are_no_rectangles(region: tuple[slice, slice], text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        check_region(region, (30, 40))
