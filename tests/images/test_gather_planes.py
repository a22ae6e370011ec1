"""Planes of many images: which are found, in which order, and when they are read."""

from __future__ import annotations

import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.io import imsave

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import PlaneCollection, gather_planes, planes_of, read_image

RNG = np.random.default_rng(0)
STACK = RNG.integers(0, 60000, (5, 40, 50)).astype(np.uint16)
PLANE = STACK[0]


def names(collection: PlaneCollection) -> list[str]:
    return [plane.name for plane in collection.planes]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of images of every kind, and of what is no image."""
    folder = tmp_path / "images"
    inner = folder / "inner"
    inner.mkdir(parents=True)
    tifffile.imwrite(folder / "b.tif", PLANE)
    tifffile.imwrite(folder / "a.TIFF", PLANE[:30, :20].astype(np.float32))
    imsave(folder / "c.png", (PLANE // 256).astype(np.uint8), check_contrast=False)
    metadata = {"axes": "TZYX"}
    tifffile.imwrite(inner / "d.tif", STACK[:4].reshape(2, 2, 40, 50), ome=True, metadata=metadata)
    zarr.save_array(str(folder / "e.zarr"), STACK[:2])
    (folder / "notes.txt").write_text("no image")
    (folder / "._b.tif").write_bytes(b"what another system left behind")
    return folder


IN_FOLDER = ["a.TIFF", "b.tif", "c.png", "e.zarr [t=0]", "e.zarr [t=1]"]
IN_INNER = ["d.tif [t=0, z=0]", "d.tif [t=0, z=1]", "d.tif [t=1, z=0]", "d.tif [t=1, z=1]"]


def test_a_mix_of_everything(images: Path) -> None:
    found = gather_planes([images / "inner" / "d.tif", images])
    assert names(found) == [*IN_FOLDER[:5], *IN_INNER]
    assert (found.files, found.skipped) == (5, ())
    assert [plane.shape for plane in found.planes] == [(30, 20)] + 8 * [(40, 50)]
    expected = [PLANE[:30, :20], PLANE, PLANE // 256, *STACK[:2], *STACK[:4]]
    for plane, pixels in zip(found.planes, expected, strict=True):
        np.testing.assert_array_equal(plane.read(), pixels)
    kinds = [plane.read().dtype for plane in found.planes]
    assert kinds == [np.float32, np.uint16, np.uint8, *6 * [np.uint16]]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.tif", ["b.tif"]),
        ("?.*", IN_FOLDER),
        ("[ac].*", ["a.TIFF", "c.png"]),
        ("**/*.tif", ["b.tif", *IN_INNER]),
        ("**", [*IN_FOLDER, *IN_INNER]),
        ("*", [*IN_FOLDER, *IN_INNER]),
        ("*.zarr", IN_FOLDER[3:]),
    ],
)
def test_patterns_that_no_shell_has_expanded(
    images: Path, pattern: str, expected: list[str]
) -> None:
    found = gather_planes([str(images / pattern)])
    assert names(found) == expected
    assert not found.skipped


def test_a_file_with_the_signs_of_a_pattern_in_its_name(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "cells [1].tif", PLANE)
    tifffile.imwrite(tmp_path / "cells 1.tif", PLANE)
    assert names(gather_planes([tmp_path / "cells [1].tif"])) == ["cells [1].tif"]


def test_content_decides_where_no_name_is_known(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PLANE)
    (tmp_path / "a.tif").rename(tmp_path / "a.dat")
    assert names(gather_planes([tmp_path / "*.dat"])) == ["a.dat"]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_order_and_number_do_not_depend_on_how_they_are_given(
    images: Path, data: st.DataObject
) -> None:
    sources = [images, images / "b.tif", images / "**" / "*.tif", images / "inner" / ".." / "b.tif"]
    given_ones = data.draw(st.lists(st.sampled_from(sources), min_size=1))
    found = gather_planes([images, *given_ones, images / "inner"])
    assert names(found) == [*IN_FOLDER, *IN_INNER]
    assert found.files == 5


def test_relative_and_absolute_paths_are_the_same_file(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(images)
    assert names(gather_planes(["b.tif", images / "b.tif", "./b.tif"])) == ["b.tif"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_links_are_named_as_they_are_and_read_once(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    tifffile.imwrite(tmp_path / "store" / "7f3a", PLANE)
    (tmp_path / "a.tif").symlink_to(tmp_path / "store" / "7f3a")
    found = gather_planes([tmp_path, tmp_path / "store" / "7f3a"])
    assert names(found) == ["a.tif"]
    np.testing.assert_array_equal(found.planes[0].read(), PLANE)
    (tmp_path / "b.tif").symlink_to(tmp_path / "gone")
    assert [one.path_or_name for one in gather_planes([tmp_path]).skipped] == [
        str(tmp_path / "b.tif")
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zlib"},
        {"metadata": None},
        {"imagej": True, "metadata": {"axes": "TYX"}},
        {"imagej": True, "truncate": True, "metadata": {"axes": "TYX"}},
        {"ome": True, "metadata": {"axes": "ZYX"}, "tile": (16, 16), "compression": "lzw"},
        {"bigtiff": True, "byteorder": ">", "rowsperstrip": 1},
        {"volumetric": True, "tile": (1, 16, 16), "photometric": "minisblack"},
    ],
)
def test_planes_of_a_stack_are_those_of_the_whole(tmp_path: Path, options: dict[str, Any]) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK, **options)
    whole = read_image(tmp_path / "a.tif").data
    planes = gather_planes([tmp_path / "a.tif"]).planes
    assert len(planes) == 5
    for plane, expected in zip(planes, whole, strict=True):
        read = plane.read()
        np.testing.assert_array_equal(read, expected)
        assert read.dtype == expected.dtype
        assert read.dtype.isnative
        assert read.flags.c_contiguous


@pytest.mark.parametrize("axes", ["TCYX", "CTYX", "TYXC", "TYXS", "TSYX"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_planes_of_one_channel_wherever_the_file_keeps_it(
    tmp_path: Path, axes: str, compression: str | None
) -> None:
    sizes = {"T": 4, "C": 3, "S": 3, "Y": 40, "X": 50}
    data = RNG.integers(0, 255, [sizes[axis] for axis in axes]).astype(np.uint8)
    options: dict[str, Any] = {"ome": True, "metadata": {"axes": axes}}
    if "S" in axes:
        planar = "separate" if axes == "TSYX" else "contig"
        options |= {"photometric": "rgb", "planarconfig": planar}
    tifffile.imwrite(tmp_path / "a.tif", data, compression=compression, **options)
    planes = gather_planes([tmp_path / "a.tif"], channel=1).planes
    expected = data.take(1, axis=axes.index("S" if "S" in axes else "C"))
    assert [plane.name for plane in planes] == [f"a.tif [t={t}]" for t in range(4)]
    for plane, pixels in zip(planes, expected, strict=True):
        np.testing.assert_array_equal(plane.read(), pixels)


def write_channels(path: Path, *, axes: str = "TCYX") -> NDArray[np.uint16]:
    data = RNG.integers(0, 99, (3, 2, 40, 50)).astype(np.uint16)
    tifffile.imwrite(path, data, ome=True, metadata={"axes": axes}, compression="zlib")
    return data


def test_a_channel_is_asked_for_only_where_there_are_several(tmp_path: Path) -> None:
    channels = write_channels(tmp_path / "two.tif")
    tifffile.imwrite(tmp_path / "one.tif", PLANE)
    tifffile.imwrite(tmp_path / "time.tif", STACK, imagej=True, metadata={"axes": "TYX"})
    tifffile.imwrite(tmp_path / "colour.tif", np.zeros((20, 30, 3), np.uint8), photometric="rgb")
    found = gather_planes([tmp_path], channel=1)
    assert (found.files, len(found.planes), found.skipped) == (4, 1 + 1 + 5 + 3, ())
    of_two = [plane for plane in found.planes if plane.name.startswith("two")]
    for plane, expected in zip(of_two, channels[:, 1], strict=True):
        np.testing.assert_array_equal(plane.read(), expected)
    without = gather_planes([tmp_path])
    assert (without.files, len(without.planes)) == (2, 6)
    assert [Path(one.path_or_name).name for one in without.skipped] == ["colour.tif", "two.tif"]
    assert all("--channel" in one.reason for one in without.skipped)


def test_a_channel_that_some_images_do_not_have(tmp_path: Path) -> None:
    write_channels(tmp_path / "two.tif")
    tifffile.imwrite(tmp_path / "one.tif", PLANE)
    found = gather_planes([tmp_path], channel=2)
    assert names(found) == ["one.tif"]
    assert found.skipped[0].reason == "has 2 channels, numbered 0 to 1: there is no channel 2"


def write_spread_ome(folder: Path) -> None:
    """Write one time-lapse over two files, as some microscopes do."""
    files = ["part_0.ome.tif", "part_1.ome.tif"]
    blocks = "".join(
        f'<TiffData FirstT="{t}" FirstC="0" FirstZ="0" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{name}">urn:uuid:0000000{t}-0000-0000-0000-000000000000</UUID></TiffData>'
        for t, name in enumerate(files)
    )
    for t, name in enumerate(files):
        xml = (
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:0000000{t}-0000-0000-0000-000000000000">'
            '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" '
            'SizeX="50" SizeY="40" SizeZ="1" SizeC="1" SizeT="2">'
            f'<Channel ID="Channel:0" SamplesPerPixel="1"/>{blocks}</Pixels></Image></OME>'
        )
        tifffile.imwrite(folder / name, STACK[t], description=xml, metadata=None)


def test_an_image_spread_over_files_counts_once(tmp_path: Path) -> None:
    write_spread_ome(tmp_path)
    found = gather_planes([tmp_path])
    assert names(found) == ["part_0.ome.tif [t=0]", "part_0.ome.tif [t=1]"]
    assert found.files == 1
    for plane, expected in zip(found.planes, STACK[:2], strict=True):
        np.testing.assert_array_equal(plane.read(), expected)


# Laziness.


def offset_of_page(path: Path, number: int) -> tuple[int, int]:
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[number]
        return page.dataoffsets[0], page.databytecounts[0]


def test_a_damaged_page_is_noticed_when_it_is_read_and_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, compression="zlib", rowsperstrip=40)
    offset, length = offset_of_page(path, 3)
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * length)
    planes = gather_planes([path]).planes
    for index in (0, 1, 2, 4):
        np.testing.assert_array_equal(planes[index].read(), STACK[index])
    with pytest.raises(ImageError, match=r"a\.tif \[t=3\] cannot be read") as caught:
        planes[3].read()
    assert "\n" not in str(caught.value)


def test_one_plane_takes_the_memory_of_one_plane(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.ones((40, 1024, 1024), np.uint8), compression="zlib")
    gather_planes([path]).planes[0].read()  # imports are no pixels
    tracemalloc.start()
    try:
        gather_planes([path]).planes[20].read()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 * 2**20


def test_planes_are_read_by_many_threads(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK, compression="zlib")
    zarr.save_array(str(tmp_path / "b.zarr"), STACK)
    planes = gather_planes([tmp_path]).planes
    with ThreadPoolExecutor(8) as threads:
        read = list(threads.map(lambda plane: plane.read(), planes * 4))
    for pixels, expected in zip(read, np.tile(STACK, (8, 1, 1)), strict=True):
        np.testing.assert_array_equal(pixels, expected)


def test_a_file_that_changes_or_goes_after_it_was_found(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK)
    plane = gather_planes([path]).planes[1]
    tifffile.imwrite(path, STACK[:, :20])
    with pytest.raises(ImageError, match="has changed"):
        plane.read()
    path.unlink()
    with pytest.raises(ImageError, match="there is no file"):
        plane.read()


# Bad input.


def test_damaged_files_among_hundreds_are_named_and_counted(tmp_path: Path) -> None:
    for number in range(200):
        tifffile.imwrite(tmp_path / f"{number:03}.tif", PLANE[:20, :20])
    whole = (tmp_path / "007.tif").read_bytes()
    (tmp_path / "007.tif").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "050.tif").write_bytes(b"")
    (tmp_path / "120.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 50)
    (tmp_path / "180.tif").write_text("not what it seems")
    found = gather_planes([tmp_path])
    assert (found.files, len(found.planes)) == (197, 197)
    assert [Path(one.path_or_name).name for one in found.skipped] == [
        "007.tif",
        "050.tif",
        "120.png",
        "180.tif",
    ]
    cut, empty, _, text = (one.reason for one in found.skipped)
    assert cut.startswith("damaged or cut off")
    assert empty == "empty (0 bytes)"
    assert text.startswith("not a TIFF, PNG or JPEG file")
    assert not any("\n" in one.reason for one in found.skipped)


def test_what_is_missing_does_not_spoil_what_is_there(images: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    sources = [images / "b.tif", tmp_path / "no.tif", tmp_path / "empty", str(tmp_path / "*.lif")]
    found = gather_planes(sources)
    assert names(found) == ["b.tif"]
    reasons = {Path(one.path_or_name).name: one.reason for one in found.skipped}
    assert set(reasons) == {"no.tif", "empty", "*.lif"}
    assert "no file" in reasons["no.tif"]
    assert "without images" in reasons["empty"]
    assert "no image matches" in reasons["*.lif"]


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="give at least one"):
        gather_planes([])
    with pytest.raises(ImageError, match="a folder without images"):
        gather_planes([tmp_path])
    with pytest.raises(ImageError, match="no image matches this pattern"):
        gather_planes([str(tmp_path / "*.tif")])
    for number in range(5):
        (tmp_path / f"{number}.tif").write_text("not what it seems")
    with pytest.raises(ImageError, match=r"0\.tif: not a TIFF.*2\.tif.*and 2 more") as caught:
        gather_planes([tmp_path])
    assert "3.tif" not in str(caught.value)


def test_masks_and_complex_numbers_are_no_images(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PLANE)
    tifffile.imwrite(tmp_path / "b.tif", PLANE > 9)
    tifffile.imwrite(tmp_path / "c.tif", PLANE.astype(np.complex64))
    found = gather_planes([tmp_path])
    assert names(found) == ["a.tif"]
    assert len(found.skipped) == 2


# Planes in memory.


class Chunked:
    """An array that counts what is read of it, as dask and zarr would compute it."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.read: list[Any] = []

    def __getitem__(self, index: Any) -> NDArray[Any]:
        self.read.append(index[:-2])
        return self.array[index]


@given(st.lists(st.integers(1, 3), max_size=3))
def test_planes_of_an_array(leading: list[int]) -> None:
    array = Chunked(RNG.random((*leading, 4, 5)))
    planes = planes_of(array, "cells")
    assert array.read == []
    indices = list(np.ndindex(*leading))
    assert len(planes) == len(indices)
    for plane, index in zip(planes, indices, strict=True):
        np.testing.assert_array_equal(plane.read(), array.array[index])
        assert plane.shape == (4, 5)
        assert array.read[-1] == index
    assert len({plane.name for plane in planes}) == len(planes)


def test_a_plane_of_an_array_is_a_copy() -> None:
    array = np.zeros((20, 30))
    plane = planes_of(array, "cells")[0]
    pixels = plane.read()
    array[0, 0] = 1
    assert pixels[0, 0] == 0
    assert plane.read()[0, 0] == 1


@pytest.mark.parametrize(
    "array", [np.zeros(5), np.zeros((3, 0, 5)), np.zeros((4, 5), bool), np.zeros((4, 5), complex)]
)
def test_arrays_that_are_no_images(array: NDArray[Any]) -> None:
    with pytest.raises(ImageError, match="cells"):
        planes_of(array, "cells")


def test_an_array_that_cannot_be_read() -> None:
    class Broken(Chunked):
        def __getitem__(self, index: Any) -> NDArray[Any]:
            raise OSError("the server is gone")

    plane = planes_of(Broken(np.zeros((2, 4, 5))), "cells")[1]
    with pytest.raises(ImageError, match=r"cells \[1\] cannot be read .* the server is gone"):
        plane.read()
