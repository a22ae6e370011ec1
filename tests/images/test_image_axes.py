"""Images with named axes: order, channels, ambiguity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images import ImageData
from napari_inpaintaff.images.channels import arrange
from napari_inpaintaff.images.layout import RawImage
from napari_inpaintaff.images.units import in_meters, ome_symbol, unit_name


def arranged(shape: tuple[int, ...], axes: str, *, channel: int | None = None) -> ImageData:
    data = np.arange(np.prod(shape)).reshape(shape)
    return arrange(RawImage(data, axes, {}, {}), channel=channel, name="image", where="image.tif")


@given(st.permutations("TZYX"), st.integers(1, 4))
def test_axes_come_out_in_one_order_whatever_the_file_uses(axes: list[str], kept: int) -> None:
    axes_in_file = "".join(axes[:kept] + [axis for axis in "YX" if axis not in axes[:kept]])
    sizes = {"T": 2, "Z": 3, "Y": 4, "X": 5}
    data = np.random.default_rng(0).random([sizes[axis] for axis in axes_in_file])
    image = arrange(RawImage(data, axes_in_file, {}, {}), channel=None, name="", where="")
    assert image.axes == "".join(axis for axis in "TZYX" if axis in axes_in_file)
    assert image.data.shape == tuple(sizes[axis] for axis in image.axes)
    back = image.data.transpose([image.axes.index(axis) for axis in axes_in_file])
    np.testing.assert_array_equal(back, data)


def test_axes_of_length_one_are_dropped_but_never_y_and_x() -> None:
    assert arranged((1, 1, 1, 1, 7), "TCZYX").data.shape == (1, 7)
    assert arranged((1, 1, 6, 1), "QQYX").axes == "YX"


def test_one_unnamed_axis_is_time_or_with_a_channel_the_channels() -> None:
    assert arranged((3, 4, 5), "IYX").axes == "TYX"
    image = arranged((3, 4, 5), "QYX", channel=2)
    assert image.axes == "YX"
    assert image.data[0, 0] == 2 * 20


def test_with_named_channels_the_unnamed_axis_stays_time() -> None:
    image = arranged((3, 4, 5, 2), "QYXS", channel=1)
    assert image.axes == "TYX"
    assert image.data[0, 0, 0] == 1


@pytest.mark.parametrize(
    ("shape", "axes"), [((2, 3, 4, 5), "QIYX"), ((2, 3, 4, 5), "QQYX"), ((2, 3, 4, 5), "TIYX")]
)
def test_ambiguous_axes_are_refused(shape: tuple[int, ...], axes: str) -> None:
    with pytest.raises(ImageError, match="does not say which axes"):
        arranged(shape, axes)


@pytest.mark.parametrize("channel", [3, -1])
def test_channel_out_of_range(channel: int) -> None:
    with pytest.raises(ImageError, match=rf"numbered 0 to 2: there is no channel {channel}"):
        arranged((3, 4, 5), "CYX", channel=channel)


def test_channel_zero_of_a_single_channel_is_that_channel() -> None:
    assert arranged((4, 5), "YX", channel=0).data.shape == (4, 5)
    with pytest.raises(ImageError, match="there is no channel 1"):
        arranged((4, 5), "YX", channel=1)


def test_channels_of_colours_are_refused() -> None:
    with pytest.raises(ImageError, match="several channels that are colour"):
        arranged((2, 4, 5, 3), "CYXS", channel=0)


def test_the_byte_order_is_that_of_the_machine() -> None:
    data = np.arange(12).reshape(3, 4).astype(">u2")
    image = arrange(RawImage(data, "YX", {}, {}), channel=None, name="", where="")
    assert image.data.dtype.isnative
    np.testing.assert_array_equal(image.data, data)


@pytest.mark.parametrize(
    ("axes", "shape"), [("XY", (3, 4)), ("YXT", (3, 4, 5)), ("CYX", (3, 4, 5)), ("YX", (3,))]
)
def test_image_data_refuses_wrong_axes(axes: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ParameterError, match=axes):
        ImageData(np.zeros(shape), axes, (1.0,) * len(axes), ("pixel",) * len(axes), "")


@pytest.mark.parametrize("scale", [(1.0,), (1.0, 0.0), (1.0, -2.0), (1.0, float("nan"))])
def test_image_data_refuses_wrong_scales(scale: tuple[float, ...]) -> None:
    with pytest.raises(ParameterError, match="scale"):
        ImageData(np.zeros((3, 4)), "YX", scale, ("pixel", "pixel"), "")


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("µm", "micrometer"),
        ("\N{GREEK SMALL LETTER MU}m", "micrometer"),
        ("\\u00B5m", "micrometer"),
        ("Micron", "micrometer"),
        ("micrometre", "micrometer"),
        ("nm", "nanometer"),
        ("sec", "second"),
        ("min", "minute"),
        ("", "pixel"),
        (None, "pixel"),
        ("reference frame", "pixel"),
    ],
)
def test_spellings_of_units(spelling: str | None, name: str) -> None:
    assert unit_name(spelling) == name


def test_units_of_length_and_time_are_told_apart() -> None:
    assert ome_symbol("micrometer", of_time=False) == "µm"
    assert ome_symbol("micrometer", of_time=True) is None
    assert ome_symbol("minute", of_time=True) == "min"
    assert in_meters("nanometer") == 1e-9
    assert in_meters("second") is None
