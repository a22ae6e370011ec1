"""Reading real files: formats, metadata, and every kind of bad input."""

from __future__ import annotations

import logging
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from skimage.io import imsave

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import gather_planes, read_image, read_labels, read_mask

RNG = np.random.default_rng(0)
STACK = RNG.integers(0, 60000, (5, 40, 50)).astype(np.uint16)
PLANE = STACK[0]
COLOUR = RNG.integers(0, 255, (40, 50, 3)).astype(np.uint8)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float32", "float64"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_pixels_keep_their_type_and_value(tmp_path: Path, dtype: str, byteorder: str) -> None:
    image = (PLANE % 200).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", image, byteorder=byteorder)
    read = read_image(tmp_path / "a.tif")
    assert (read.data.dtype, read.axes, read.name) == (np.dtype(dtype), "YX", "a")
    np.testing.assert_array_equal(read.data, image)


@pytest.mark.parametrize("compression", ["zlib", "lzw", "zstd", "packbits", "lzma"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_compressed_and_tiled(
    tmp_path: Path, compression: str, tile: tuple[int, int] | None
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK, compression=compression, tile=tile)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").data, STACK)


def test_ome_axes_scale_and_channel(tmp_path: Path) -> None:
    data = RNG.integers(0, 99, (3, 2, 40, 50)).astype(np.uint16)
    metadata = {
        "axes": "TCYX",
        "PhysicalSizeX": 0.5,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": 250.0,
        "PhysicalSizeYUnit": "nm",
        "TimeIncrement": 2.0,
        "TimeIncrementUnit": "min",
    }
    path = tmp_path / "cells.ome.tif"
    tifffile.imwrite(path, data, ome=True, metadata=metadata)
    image = read_image(path, channel=1)
    assert (image.axes, image.name) == ("TYX", "cells")
    assert image.scale == (2.0, 250.0, 0.5)
    assert image.units == ("minute", "nanometer", "micrometer")
    np.testing.assert_array_equal(image.data, data[:, 1])
    with pytest.raises(ImageError, match=r"an image of 2 channels: choose one of them, 0 to 1"):
        read_image(path)


def test_ome_default_unit_is_the_micrometer(tmp_path: Path) -> None:
    metadata = {"axes": "ZYX", "PhysicalSizeZ": 3.0, "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, ome=True, metadata=metadata)
    image = read_image(tmp_path / "a.ome.tif")
    assert image.axes == "ZYX"
    assert image.scale == (3.0, 0.5, 0.5)
    assert image.units == ("micrometer",) * 3


def test_imagej_axes_and_scale(tmp_path: Path) -> None:
    data = RNG.integers(0, 99, (2, 3, 40, 50)).astype(np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        data,
        imagej=True,
        resolution=(4.0, 2.0),
        metadata={"axes": "TZYX", "unit": "um", "spacing": 1.5, "finterval": 60.0},
    )
    image = read_image(path)
    assert (image.axes, image.scale) == ("TZYX", (60.0, 1.5, 0.5, 0.25))
    assert image.units == ("second", "micrometer", "micrometer", "micrometer")
    np.testing.assert_array_equal(image.data, data)


def test_imagej_without_unit_has_no_scale(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PLANE, imagej=True, resolution=(72.0, 72.0))
    image = read_image(tmp_path / "a.tif")
    assert image.scale == (1.0, 1.0)
    assert image.units == ("pixel", "pixel")


def test_plain_multi_page_file_is_a_time_lapse(tmp_path: Path) -> None:
    for name, metadata in (("shaped.tif", {}), ("pages.tif", None)):
        tifffile.imwrite(tmp_path / name, STACK, metadata=metadata)
        image = read_image(tmp_path / name)
        assert image.axes == "TYX"
        np.testing.assert_array_equal(image.data, STACK)
        np.testing.assert_array_equal(read_image(tmp_path / name, channel=3).data, STACK[3])


@pytest.mark.parametrize(
    ("per_centimeter", "scale", "unit"),
    [(20000.0, 0.5, "micrometer"), (300 / 2.54, 1.0, "pixel"), (72 / 2.54, 1.0, "pixel")],
)
def test_resolution_is_believed_only_for_the_pixels_of_a_camera(
    tmp_path: Path, per_centimeter: float, scale: float, unit: str
) -> None:
    resolution = (per_centimeter, per_centimeter)
    tifffile.imwrite(
        tmp_path / "a.tif", PLANE, resolution=resolution, resolutionunit="CENTIMETER", metadata=None
    )
    image = read_image(tmp_path / "a.tif")
    assert image.scale == pytest.approx((scale, scale))
    assert image.units == (unit, unit)


def test_a_preview_is_ignored_and_a_second_image_refused(tmp_path: Path) -> None:
    for name, subfiletype in (("preview.tif", 1), ("second.tif", 0)):
        with tifffile.TiffWriter(tmp_path / name) as tiff:
            tiff.write(PLANE)
            tiff.write(PLANE[::2, ::2], subfiletype=subfiletype)
    np.testing.assert_array_equal(read_image(tmp_path / "preview.tif").data, PLANE)
    with pytest.raises(ImageError, match=r"holds 2 images \(40x50, 20x25\)"):
        read_image(tmp_path / "second.tif")


def test_png_and_jpeg(tmp_path: Path) -> None:
    imsave(tmp_path / "a.png", PLANE, check_contrast=False)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").data, PLANE)
    flat = np.full((20, 30), 90, dtype=np.uint8)
    imsave(tmp_path / "a.jpg", flat, check_contrast=False)
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg").data, flat)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_colour_needs_a_channel(tmp_path: Path, name: str) -> None:
    imsave(tmp_path / name, COLOUR, check_contrast=False)
    with pytest.raises(ImageError, match=r"a colour image of 3 channels: choose one of them"):
        read_image(tmp_path / name)
    np.testing.assert_array_equal(read_image(tmp_path / name, channel=1).data, COLOUR[..., 1])


def test_content_decides_and_not_the_name(tmp_path: Path) -> None:
    imsave(tmp_path / "a.png", PLANE, check_contrast=False)
    (tmp_path / "a.png").rename(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").data, PLANE)


# Bad input: always an ImageError of one line that names the file.


def assert_clear_error(path: Path, text: str, read: Callable[[Path], Any] = read_image) -> None:
    with pytest.raises(ImageError, match=text) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message


@pytest.mark.parametrize("read", [read_image, read_labels, read_mask])
def test_missing_folder_and_empty_files(tmp_path: Path, read: Callable[[Path], Any]) -> None:
    assert_clear_error(tmp_path / "no.tif", "there is no file", read)
    assert_clear_error(tmp_path, "is a folder", read)
    for name in ("a.tif", "a.png"):
        (tmp_path / name).write_bytes(b"")
        assert_clear_error(tmp_path / name, "is empty", read)
    assert_clear_error(tmp_path / "a.tif" / "b.tif", "there is no file", read)


@pytest.mark.parametrize(
    "content",
    [
        b"hello, this is text",
        b"II*\0",
        b"II*\0\0\0\0\0",
        b"MM\0*\0\0\0\x08\0\0\0\0\0\0",
        b"II+\0\x08\0\0\0" + b"\xff" * 30,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
        b"\xff\xd8\xff" + b"\0" * 50,
        b"II*\0\x08\0\0\0\0\0\x08\0\0\0",  # a page directory that follows itself
        b"GIF89a" + b"\0" * 50,
    ],
)
@pytest.mark.parametrize("name", ["a.tif", "a.png"])
def test_files_that_are_no_images(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert_clear_error(tmp_path / name, "damaged|cannot be read|not a TIFF|no image|empty image")


def write_plain(path: Path) -> None:
    tifffile.imwrite(path, STACK)


def write_pages(path: Path) -> None:
    tifffile.imwrite(path, STACK, metadata=None)


def write_imagej(path: Path) -> None:
    tifffile.imwrite(path, STACK, imagej=True, metadata={"axes": "TYX"})


def write_one_directory(path: Path) -> None:
    tifffile.imwrite(path, STACK, imagej=True, truncate=True, metadata={"axes": "TYX"})


def write_one_shaped_directory(path: Path) -> None:
    tifffile.imwrite(path, STACK, truncate=True)


def write_ome(path: Path) -> None:
    metadata = {"axes": "ZYX", "PhysicalSizeX": 0.5}
    tifffile.imwrite(path, STACK, ome=True, metadata=metadata, compression="zlib")


def write_packbits(path: Path) -> None:
    tifffile.imwrite(path, PLANE // 5000, compression="packbits", rowsperstrip=4)


def write_big(path: Path) -> None:
    tifffile.imwrite(path, STACK, bigtiff=True, compression="lzw", byteorder=">")


def write_png(path: Path) -> None:
    imsave(path.with_suffix(".png"), PLANE, check_contrast=False)
    path.with_suffix(".png").rename(path)


@pytest.mark.parametrize(
    "write",
    [
        write_plain,
        write_pages,
        write_imagej,
        write_one_directory,
        write_one_shaped_directory,
        write_ome,
        write_packbits,
        write_big,
        write_png,
    ],
)
def test_a_file_cut_off_anywhere_never_passes_for_a_whole_one(
    tmp_path: Path, write: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.tif"
    write(path)
    whole = path.read_bytes()
    expected = read_image(path)
    refused = 0
    for cut in [*range(1, 200, 13), *range(200, len(whole), len(whole) // 40), len(whole) - 1]:
        path.write_bytes(whole[:cut])
        with caplog.at_level(logging.CRITICAL, logger="tifffile"):
            try:
                image = read_image(path)
            except ImageError:
                refused += 1
                with pytest.raises(ImageError):
                    [plane.read() for plane in gather_planes([path]).planes]
            else:  # a writer may leave padding at the end
                np.testing.assert_array_equal(image.data, expected.data)
                assert (image.axes, image.scale) == (expected.axes, expected.scale)
    assert refused > 40


def test_a_cut_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for write, text in (
        (write_packbits, "pixels are missing at the end"),
        (write_pages, "cut off"),
    ):
        write(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
        assert_clear_error(path, text)


def test_ome_file_whose_other_files_are_missing(tmp_path: Path) -> None:
    write_ome(tmp_path / "a.ome.tif")
    content = (tmp_path / "a.ome.tif").read_bytes()
    claimed = content.replace(b'SizeZ="5"', b'SizeZ="9"').replace(b'Count="5"', b'Count="9"')
    (tmp_path / "a.ome.tif").write_bytes(claimed)
    assert_clear_error(tmp_path / "a.ome.tif", "planes are missing")


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((4, 5), dtype=np.complex64), "complex numbers"),
        (np.zeros((4, 5), dtype=bool), "black-and-white mask"),
    ],
)
def test_images_without_intensities(tmp_path: Path, array: np.ndarray, text: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", array)
    assert_clear_error(tmp_path / "a.tif", text)


def test_images_without_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((4, 5), dtype=np.uint8), metadata=None)
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        width = tiff.pages.first.tags["ImageWidth"]
    content[width.valueoffset : width.valueoffset + 2] = struct.pack("<H", 0)
    path.write_bytes(content)
    assert_clear_error(path, "empty image|cannot be read")


def test_missing_decoder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PLANE, compression="lzw")

    def no_decoder(*_: object, **__: object) -> None:
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", no_decoder)
    assert_clear_error(path, "compressed with LZW: install the package imagecodecs")


@pytest.mark.skipif(sys.platform == "win32", reason="permission bits and root are POSIX")
def test_no_permission_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    write_plain(path)

    def refuse(self: Path, *_: object, **__: object) -> None:
        # The administrator may read everything, so the refusal itself is imitated.
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    assert_clear_error(path, "no permission to read")


# Label images and masks.


def test_labels_from_integers_bool_and_whole_floats(tmp_path: Path) -> None:
    labels = (PLANE % 7).astype(np.int32)
    for dtype, expected in (("int32", "int32"), ("uint8", "uint8"), ("float32", "uint32")):
        tifffile.imwrite(tmp_path / "a.tif", labels.astype(dtype))
        read = read_labels(tmp_path / "a.tif")
        assert read.dtype == expected
        np.testing.assert_array_equal(read, labels)
    tifffile.imwrite(tmp_path / "a.tif", labels > 3)
    assert read_labels(tmp_path / "a.tif").dtype == np.uint8


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.full((4, 5), 0.5, dtype=np.float32), "not whole"),
        (np.full((4, 5), np.nan, dtype=np.float32), "not whole"),
        (np.full((4, 5), -1.0, dtype=np.float32), "negative"),
        (np.full((4, 5), -3, dtype=np.int16), "negative number -3"),
        (np.zeros((4, 5), dtype=np.complex64), "complex64"),
        (COLOUR, "3 channels, but a mask or label image has one"),
    ],
)
def test_files_that_are_no_labels(tmp_path: Path, array: np.ndarray, text: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", array)
    assert_clear_error(tmp_path / "a.tif", text, read_labels)


def test_mask_is_what_is_not_zero(tmp_path: Path) -> None:
    values = np.array([[0, 1, 255], [0, 7, 0]])
    for dtype in ("uint8", "uint16", "float32", "bool"):
        tifffile.imwrite(tmp_path / "a.tif", values.astype(dtype))
        mask = read_mask(tmp_path / "a.tif")
        assert mask.dtype == bool
        np.testing.assert_array_equal(mask, values != 0)
    tifffile.imwrite(tmp_path / "a.tif", np.array([[np.nan, 0.0, 0.2]], dtype=np.float32))
    np.testing.assert_array_equal(read_mask(tmp_path / "a.tif"), [[False, False, True]])


def test_mask_of_colours_or_complex_numbers_is_refused(tmp_path: Path) -> None:
    imsave(tmp_path / "a.png", COLOUR, check_contrast=False)
    assert_clear_error(tmp_path / "a.png", "save it as a single-channel image", read_mask)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 5), dtype=np.complex64))
    assert_clear_error(tmp_path / "a.tif", "is not a mask", read_mask)
