"""OME-Zarr of both versions and plain Zarr arrays: axes, scale, and bad input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import gather_planes, read_image, read_labels

RNG = np.random.default_rng(0)
ZarrVersion = Literal[2, 3]
#: OME-Zarr 0.4 is stored as Zarr 2, OME-Zarr 0.5 as Zarr 3.
both_versions = pytest.mark.parametrize("version", [2, 3])

TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
UNITS = {"t": "minute", "z": "micrometer", "y": "nanometer", "x": "micrometer"}


def axes_of(letters: str) -> list[dict[str, str]]:
    axes = []
    for letter in letters:
        axis = {"name": letter, "type": TYPES[letter]}
        axes.append(axis | {"unit": UNITS[letter]} if letter in UNITS else axis)
    return axes


def write_ome_zarr(
    path: Path,
    levels: Sequence[NDArray[Any]],
    axes: list[Any],
    *,
    version: ZarrVersion,
    scale: list[float] | None = None,
    **more: Any,
) -> Path:
    """Write an image as the specification asks for, one chunk per plane."""
    group = zarr.create_group(path, zarr_format=version)
    for number, level in enumerate(levels):
        chunks = (1,) * (level.ndim - 2) + level.shape[-2:]
        array = group.create_array(
            str(number), shape=level.shape, chunks=chunks, dtype=level.dtype, fill_value=0
        )
        array[...] = level
    scale = scale or [1.0] * levels[0].ndim
    multiscale = {
        "axes": axes,
        "datasets": [
            {
                "path": str(number),
                "coordinateTransformations": [
                    {"type": "scale", "scale": [step * 2**number for step in scale]},
                    {"type": "translation", "translation": [0.0] * len(scale)},
                ],
            }
            for number in range(len(levels))
        ],
        **more,
    }
    name = {"version": "0.4"} if version == 2 else {}
    metadata: dict[str, Any] = {"multiscales": [multiscale | name]}
    group.attrs.update(metadata if version == 2 else {"ome": {"version": "0.5", **metadata}})
    return path


@both_versions
def test_the_finest_level_with_axes_scale_and_units(tmp_path: Path, version: ZarrVersion) -> None:
    data = RNG.integers(0, 60000, (3, 2, 1, 20, 30)).astype(np.uint16)
    path = write_ome_zarr(
        tmp_path / "cells.ome.zarr",
        [data, data[..., ::2, ::2]],
        axes_of("tczyx"),
        version=version,
        scale=[5.0, 1.0, 2.0, 500.0, 0.25],
    )
    image = read_image(path, channel=1)
    np.testing.assert_array_equal(image.data, data[:, 1, 0])
    assert image.data.dtype == np.uint16
    assert (image.axes, image.name) == ("TYX", "cells")
    assert image.scale == (5.0, 500.0, 0.25)
    assert image.units == ("minute", "nanometer", "micrometer")
    with pytest.raises(ImageError, match="2 channels: choose one of them"):
        read_image(path)


@both_versions
def test_axes_in_another_order_and_a_scale_of_all_levels(
    tmp_path: Path, version: ZarrVersion
) -> None:
    data = RNG.random((20, 30, 4)).astype(np.float32)
    path = write_ome_zarr(
        tmp_path / "a.zarr",
        [data],
        axes_of("yxz"),
        version=version,
        scale=[2.0, 3.0, 4.0],
        coordinateTransformations=[{"type": "scale", "scale": [0.5, 0.5, 0.25]}],
    )
    image = read_image(path)
    assert (image.axes, image.scale) == ("ZYX", (1.0, 1.0, 1.5))
    np.testing.assert_array_equal(image.data, data.transpose(2, 0, 1))


def test_axes_of_older_files(tmp_path: Path) -> None:
    data = RNG.integers(0, 9, (2, 1, 3, 20, 30)).astype(np.uint8)
    named = write_ome_zarr(tmp_path / "a.zarr", [data[:, 0]], ["t", "z", "y", "x"], version=2)
    assert read_image(named).axes == "TZYX"
    group = zarr.create_group(tmp_path / "b.zarr", zarr_format=2)
    group.create_array("0", data=data)
    group.attrs["multiscales"] = [{"datasets": [{"path": "0"}]}]
    image = read_image(tmp_path / "b.zarr")
    assert (image.axes, image.scale) == ("TZYX", (1.0,) * 4)
    np.testing.assert_array_equal(image.data, data[:, 0])


@both_versions
def test_planes_are_read_chunk_by_chunk(tmp_path: Path, version: ZarrVersion) -> None:
    data = RNG.integers(0, 60000, (2, 3, 20, 30)).astype(np.uint16)
    path = write_ome_zarr(tmp_path / "a.zarr", [data], axes_of("tzyx"), version=version)
    chunk = path / "0" / ("c/1/1/0/0" if version == 3 else "1.1.0.0")
    assert chunk.is_file()
    chunk.write_bytes(b"damaged")
    planes = gather_planes([path]).planes
    assert [plane.name for plane in planes][4] == "a.zarr [t=1, z=1]"
    for index in (0, 1, 2, 3, 5):
        np.testing.assert_array_equal(planes[index].read(), data.reshape(-1, 20, 30)[index])
    with pytest.raises(ImageError, match=r"a\.zarr \[t=1, z=1\] cannot be read"):
        planes[4].read()
    with pytest.raises(ImageError, match="cannot be read"):
        read_image(path)


@both_versions
def test_plain_arrays(tmp_path: Path, version: ZarrVersion) -> None:
    data = RNG.integers(0, 99, (3, 20, 30)).astype(np.int16)
    for ndim in (2, 3):
        zarr.save_array(tmp_path / f"{ndim}.zarr", data[(0,) * (3 - ndim)], zarr_format=version)
        image = read_image(tmp_path / f"{ndim}.zarr")
        assert image.axes == "TYX"[3 - ndim :]
        np.testing.assert_array_equal(image.data, data[(0,) * (3 - ndim)])
    np.testing.assert_array_equal(read_image(tmp_path / "3.zarr", channel=2).data, data[2])
    np.testing.assert_array_equal(read_labels(tmp_path / "3.zarr"), data)


def test_a_plain_array_with_named_axes(tmp_path: Path) -> None:
    data = RNG.random((20, 3, 30))
    zarr.create_array(tmp_path / "a.zarr", data=data, dimension_names=["y", "z", "x"])
    image = read_image(tmp_path / "a.zarr")
    assert image.axes == "ZYX"
    np.testing.assert_array_equal(image.data, data.transpose(1, 0, 2))


@pytest.mark.parametrize(
    ("shape", "text"), [((5,), "a Zarr array of 1 axes"), ((2, 3, 4, 5), "not say which axes")]
)
def test_plain_arrays_that_are_no_images(tmp_path: Path, shape: tuple[int, ...], text: str) -> None:
    zarr.save_array(tmp_path / "a.zarr", np.zeros(shape))
    with pytest.raises(ImageError, match=text):
        read_image(tmp_path / "a.zarr")


@both_versions
def test_what_bioformats2raw_makes_of_one_and_of_two_images(
    tmp_path: Path, version: ZarrVersion
) -> None:
    data = RNG.integers(0, 99, (20, 30)).astype(np.uint8)
    layout = {"bioformats2raw.layout": 3}
    group = zarr.create_group(tmp_path / "a.zarr", zarr_format=version)
    group.attrs.update(layout if version == 2 else {"ome": {"version": "0.5", **layout}})
    group.create_group("OME")
    write_ome_zarr(tmp_path / "a.zarr" / "0", [data], axes_of("yx"), version=version)
    np.testing.assert_array_equal(read_image(tmp_path / "a.zarr").data, data)
    write_ome_zarr(tmp_path / "a.zarr" / "1", [data + 1], axes_of("yx"), version=version)
    with pytest.raises(ImageError, match="holds 2 images: give these"):
        read_image(tmp_path / "a.zarr")
    planes = gather_planes([tmp_path / "a.zarr" / "[0-9]"]).planes
    np.testing.assert_array_equal([plane.read() for plane in planes], [data, data + 1])


def test_plates_are_opened_by_a_pattern(tmp_path: Path) -> None:
    plate = zarr.create_group(tmp_path / "plate.zarr", zarr_format=2)
    plate.attrs["plate"] = {"wells": []}
    for well in ("A/1", "B/2"):
        group = zarr.create_group(tmp_path / "plate.zarr" / well, zarr_format=2)
        group.attrs["well"] = {"images": [{"path": "0"}]}
        path = tmp_path / "plate.zarr" / well / "0"
        write_ome_zarr(path, [np.ones((20, 30), np.uint8)], axes_of("yx"), version=2)
    with pytest.raises(ImageError, match="is a plate of many images: give these") as caught:
        read_image(tmp_path / "plate.zarr")
    pattern = str(caught.value).rsplit(" ", 1)[-1]
    assert len(gather_planes([pattern]).planes) == 2


DAMAGED: list[tuple[dict[str, Any], str]] = [
    ({}, "without an OME-Zarr image"),
    ({"multiscales": []}, "damaged OME-Zarr metadata"),
    ({"multiscales": [{"datasets": []}]}, "damaged OME-Zarr metadata"),
    ({"multiscales": [{"datasets": [{"path": "9"}]}]}, "damaged OME-Zarr metadata"),
    ({"multiscales": [{"datasets": [{"path": "0"}], "axes": ["y"]}]}, "2 axes, not Y"),
    ({"multiscales": [{"datasets": [{"path": "0"}], "axes": [{}, {}]}]}, "damaged"),
    ({"multiscales": [{"datasets": [{"path": "0"}], "axes": 7}]}, "damaged"),
    ({"multiscales": 7}, "damaged OME-Zarr metadata"),
    ({"multiscales": [{"datasets": [{"path": "."}], "axes": ["y", "x"]}]}, "damaged|cannot be"),
    ({"ome": 7}, "damaged OME-Zarr metadata|without an OME-Zarr image"),
]


@both_versions
@pytest.mark.parametrize(("attributes", "text"), DAMAGED)
def test_damaged_metadata(
    tmp_path: Path, attributes: dict[str, Any], text: str, version: ZarrVersion
) -> None:
    path = tmp_path / "a.zarr"
    group = zarr.create_group(path, zarr_format=version)
    group.create_array("0", data=np.zeros((20, 30)))
    group.attrs.update(attributes)
    with pytest.raises(ImageError, match=text) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_json_and_scales_that_are_none(tmp_path: Path) -> None:
    data = np.ones((20, 30))
    path = write_ome_zarr(tmp_path / "a.zarr", [data], axes_of("yx"), version=3, scale=[0.0, -1.0])
    assert read_image(path).scale == (1.0, 1.0)
    (path / "zarr.json").write_text("{")
    with pytest.raises(ImageError, match=r"a\.zarr cannot be read"):
        read_image(path)
