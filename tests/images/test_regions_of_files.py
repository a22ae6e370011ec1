"""Regions of planes: the same pixels as those of the whole, and no more of a file read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from skimage.io import imsave

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images import open_planes, planes_of, read_image

RNG = np.random.default_rng(0)
STACK = RNG.integers(0, 60_000, (2, 3, 70, 90), dtype=np.uint16)
COLOUR = RNG.integers(0, 255, (70, 90, 3), dtype=np.uint8)
PART = (slice(33, 66), slice(20, 71))


def write(path: Path, kind: str) -> int | None:
    """Write one kind of file and return the channel to read."""
    data: Any = STACK
    options: dict[str, Any] = {"metadata": {"axes": "TZYX"}, "ome": True}
    match kind:
        case "one piece":
            pass
        case "big-endian":
            options |= {"byteorder": ">"}
        case "strips":
            options |= {"compression": "zlib", "rowsperstrip": 16}
        case "one strip":
            options |= {"compression": "lzw", "rowsperstrip": 70, "predictor": True}
        case "tiles":
            options |= {"compression": "zlib", "tile": (32, 16), "predictor": 2}
        case "uncompressed tiles":
            options |= {"tile": (32, 48)}
        case "uncompressed strips of a big-endian file":
            options |= {"byteorder": ">", "rowsperstrip": 16, "photometric": "minisblack"}
            options |= {"ome": False, "metadata": {"axes": "ZYX"}}
            data = STACK[0]
        case "float tiles":
            data = STACK.astype(np.float32)
            options |= {"compression": "zlib", "tile": (32, 16), "predictor": 3}
        case "ImageJ":
            options = {"imagej": True, "metadata": {"axes": "TZYX"}}
        case "bigtiff page":
            data, options = STACK[0, 0], {"bigtiff": True, "tile": (64, 64), "compression": "zlib"}
        case "JPEG tiles":
            data, options = COLOUR, {"tile": (32, 32), "compression": "jpeg", "photometric": "rgb"}
        case "colour":
            data, options = COLOUR, {"photometric": "rgb"}
        case "colour tiles":
            data = COLOUR
            options = {"photometric": "rgb", "tile": (32, 32), "compression": "zlib"}
        case "colour in planes":
            data = COLOUR.transpose(2, 0, 1)
            options = {"photometric": "rgb", "planarconfig": "separate", "tile": (32, 32)}
            options |= {"compression": "zlib"}
        case "colour strips in planes":
            data = COLOUR.transpose(2, 0, 1)
            options = {"photometric": "rgb", "planarconfig": "separate", "rowsperstrip": 8}
            options |= {"compression": "zlib"}
    tifffile.imwrite(path, data, **options)
    return 1 if data.dtype == np.uint8 else None


KINDS = [
    "one piece",
    "big-endian",
    "strips",
    "one strip",
    "tiles",
    "uncompressed tiles",
    "uncompressed strips of a big-endian file",
    "float tiles",
    "ImageJ",
    "bigtiff page",
    "JPEG tiles",
    "colour",
    "colour tiles",
    "colour in planes",
    "colour strips in planes",
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, int | None]]:
    folder = tmp_path_factory.mktemp("files")
    paths = {kind: folder / f"{kind}.tif" for kind in KINDS}
    return {kind: (path, write(path, kind)) for kind, path in paths.items()}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_regions_of_a_tiff_are_parts_of_the_whole(
    files: dict[str, tuple[Path, int | None]], kind: str, data: st.DataObject
) -> None:
    path, channel = files[kind]
    # What tifffile itself makes of the file.
    whole = read_image(path, channel=channel).data
    planes = open_planes(path, channel=channel).planes
    position = data.draw(st.sampled_from(list(planes)))
    y0, x0 = data.draw(st.integers(0, 69)), data.draw(st.integers(0, 89))
    y1, x1 = data.draw(st.integers(y0 + 1, 70)), data.draw(st.integers(x0 + 1, 90))
    pixels = planes[position].read_region((slice(y0, y1), slice(x0, x1)))
    np.testing.assert_array_equal(pixels, whole[position][y0:y1, x0:x1])
    assert pixels.dtype == planes[position].dtype == whole.dtype
    assert pixels.dtype.isnative
    np.testing.assert_array_equal(planes[position].read(), whole[position])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "one strip"])
def test_no_more_of_a_tiff_is_decoded_than_needed(
    files: dict[str, tuple[Path, int | None]], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, channel = files[kind]
    plane = next(iter(open_planes(path, channel=channel).planes.values()))
    whole = 0

    def refuse(*_: Any, **__: Any) -> Any:
        nonlocal whole
        whole += 1
        raise AssertionError("all of it is decoded")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", refuse)
    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", refuse)
    assert plane.read_region(PART).shape == (33, 51)
    assert whole == 0


def test_the_tiles_that_are_decoded_are_those_that_are_touched(
    files: dict[str, tuple[Path, int | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    decode = tifffile.TiffPage.decode.func

    def counted(page: tifffile.TiffPage) -> Any:
        function = decode(page)

        def count(data: Any, index: int, **options: Any) -> Any:
            decoded.append(index)
            return function(data, index, **options)

        return count

    monkeypatch.setattr(tifffile.TiffPage, "decode", property(counted))
    plane = open_planes(files["tiles"][0]).planes[1, 2]
    # 3 x 6 tiles of 32 x 16 pixels.
    plane.read_region((slice(31, 33), slice(16, 32)))
    assert decoded == [1, 7]
    decoded.clear()
    plane.read_region((slice(64, 70), slice(79, 90)))
    assert decoded == [16, 17]


@pytest.mark.parametrize(
    "region", [np.s_[0:71, 0:9], np.s_[-1:5, 0:9], np.s_[5:5, :], np.s_[::2, :]]
)
def test_regions_that_are_not_there(
    files: dict[str, tuple[Path, int | None]], region: tuple[slice, slice]
) -> None:
    in_file = open_planes(files["tiles"][0]).planes[0, 0]
    for plane in (in_file, planes_of(STACK, "stack")[0]):
        with pytest.raises(ParameterError, match="region"):
            plane.read_region(region)


def test_regions_of_other_files(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a.zarr", data=STACK[0], chunks=(1, 32, 32))
    plane = open_planes(tmp_path / "a.zarr").planes[(2,)]
    np.testing.assert_array_equal(plane.read_region(PART), STACK[0, 2][PART])
    imsave(tmp_path / "a.png", COLOUR, check_contrast=False)
    plane = open_planes(tmp_path / "a.png", channel=2).planes[()]
    np.testing.assert_array_equal(plane.read_region(PART), COLOUR[*PART, 2])
    assert plane.dtype == np.uint8


def test_regions_of_arrays() -> None:
    read = []

    def block(block_info: Any = None) -> Any:
        (place,) = (info["array-location"] for key, info in block_info.items() if key is None)
        read.append(tuple(slice(*span) for span in place))
        return STACK[read[-1]]

    array = da.map_blocks(
        block, chunks=((1, 1), (1, 1, 1), (35, 35), (45, 45)), dtype=np.uint16, meta=STACK[:0]
    )
    plane = planes_of(array, "stack")[4]
    read.clear()
    region = (slice(36, 60), slice(2, 9))
    np.testing.assert_array_equal(plane.read_region(region), STACK[1, 1][region])
    assert read == [(slice(1, 2), slice(1, 2), slice(35, 70), slice(0, 45))]


def test_a_damaged_tile_spoils_only_the_regions_that_need_it(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK[0, 0], tile=(32, 32), compression="zlib")
    with tifffile.TiffFile(path) as tiff:
        start, length = tiff.pages[0].dataoffsets[4], tiff.pages[0].databytecounts[4]
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * length)
    plane = open_planes(path).planes[()]
    region = (slice(0, 32), slice(0, 90))
    np.testing.assert_array_equal(plane.read_region(region), STACK[0, 0][region])
    with pytest.raises(ImageError, match=r"a\.tif cannot be read"):
        plane.read_region((slice(40, 50), slice(40, 50)))


# Images far larger than the memory.

SIDE = 30_000


def sparse_tiff(path: Path) -> None:
    """Write a BigTIFF of 30,000 x 30,000 pixels of which one tile in twenty is not empty."""
    tile = np.arange(512 * 512, dtype=np.uint16).reshape(512, 512)
    count = (SIDE // 512 + 1) ** 2

    def tiles() -> Any:
        for number in range(count):
            yield tile if number % 20 == 0 else None

    options: dict[str, Any] = {"shape": (SIDE, SIDE), "dtype": np.uint16, "tile": (512, 512)}
    tifffile.imwrite(path, tiles(), bigtiff=True, compression="zlib", **options)


def sparse_plain_tiff(path: Path) -> None:
    """Write a hole of 1.8 GB where the pixels are, but for a few of them."""
    tifffile.imwrite(path, shape=(SIDE, SIDE), dtype=np.uint16, bigtiff=True)
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages[0].dataoffsets[0]
    with path.open("r+b") as file:
        file.seek(start + 2 * (20_000 * SIDE + 10_000))
        file.write(np.arange(100, dtype="<u2").tobytes())


def sparse_zarr(path: Path) -> None:
    array = zarr.create_array(path, shape=(SIDE, SIDE), chunks=(512, 512), dtype=np.uint16)
    array[20_000, 10_000:10_100] = np.arange(100)


READ = """
import resource, sys
import numpy as np
from napari_inpaintaff.images import open_planes
plane = open_planes(sys.argv[1]).planes[()]
region = np.s_[19_990:20_010, 9_990:10_200]
open_planes(sys.argv[1]).planes[()].read_region(np.s_[0:2, 0:2])  # imports are no pixels
used = int(next(l for l in open("/proc/self/status") if l.startswith("VmSize")).split()[1]) << 10
resource.setrlimit(resource.RLIMIT_AS, (used + 2**27, used + 2**27))
np.save(sys.argv[2], plane.read_region(region))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits and reports memory")
@pytest.mark.parametrize("write_file", [sparse_tiff, sparse_plain_tiff, sparse_zarr])
def test_a_region_of_an_image_that_is_larger_than_the_memory(
    tmp_path: Path, write_file: Any
) -> None:
    path, part = tmp_path / "large.x", tmp_path / "part.npy"
    write_file(path)
    subprocess.run([sys.executable, "-c", READ, str(path), str(part)], check=True, timeout=60)
    pixels = np.load(part)
    expected = np.zeros((20, 210), np.uint16)
    if write_file is sparse_tiff:
        tile = np.zeros((SIDE // 512 + 1, SIDE // 512 + 1), bool)
        tile.ravel()[::20] = True
        y, x = np.mgrid[19_990:20_010, 9_990:10_200]
        expected[...] = np.where(tile[y // 512, x // 512], (y % 512 * 512 + x % 512) % 65536, 0)
    else:
        expected[10, 10:110] = np.arange(100)
    np.testing.assert_array_equal(pixels, expected)


# Pyramids.

FINE = RNG.integers(0, 60_000, (256, 320), dtype=np.uint16)


def sub_ifds(path: Path) -> None:
    with tifffile.TiffWriter(path, ome=True) as tiff:
        options: dict[str, Any] = {"tile": (64, 64), "compression": "zlib"}
        scale = {"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
        tiff.write(FINE, subifds=2, metadata=scale, **options)
        tiff.write(FINE[::2, ::2], subfiletype=1, **options)
        tiff.write(FINE[::4, ::4], subfiletype=1, **options)


def pages_marked_as_reduced(path: Path) -> None:
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(FINE, tile=(64, 64), resolution=(20_000, 20_000), resolutionunit="CENTIMETER")
        tiff.write(FINE[::2, ::2], subfiletype=1, tile=(64, 64))


def aperio(path: Path) -> None:
    with tifffile.TiffWriter(path) as tiff:
        options: dict[str, Any] = {"tile": (64, 64), "metadata": None}
        tiff.write(FINE, description="Aperio Image Library v1|AppMag = 20|MPP = 0.5", **options)
        tiff.write(FINE[::3, ::3], metadata=None)
        tiff.write(FINE[::2, ::2], **options)
        tiff.write(FINE[:90, :100], subfiletype=1, metadata=None, description="Aperio label")
        tiff.write(FINE[:80, :200], subfiletype=9, metadata=None, description="Aperio macro")


@pytest.mark.parametrize("write_file", [sub_ifds, pages_marked_as_reduced, aperio])
def test_the_full_resolution_of_a_pyramid_is_used(tmp_path: Path, write_file: Any) -> None:
    path = tmp_path / "slide.tif"
    write_file(path)
    image = open_planes(path)
    assert (image.shape, image.axes, image.scale) == (FINE.shape, "YX", (0.5, 0.5))
    assert image.units == ("micrometer", "micrometer")
    plane = image.planes[()]
    region = (slice(100, 200), slice(60, 310))
    np.testing.assert_array_equal(plane.read_region(region), FINE[region])
    np.testing.assert_array_equal(plane.read(), FINE)
    np.testing.assert_array_equal(read_image(path).data, FINE)


def test_several_images_of_one_file_are_no_pyramid(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(FINE)
        tiff.write(FINE[::2, ::2])
    with pytest.raises(ImageError, match="holds 2 images"):
        open_planes(tmp_path / "a.tif")
