"""Writing: round trips, and failures that leave nothing half-written."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError, InpaintAffError, OutputError, ParameterError
from napari_inpaintaff.images import (
    atomic_path,
    check_writable,
    read_image,
    read_labels,
    read_mask,
    write_array,
    write_labels,
    writing,
)
from napari_inpaintaff.images.writing import iterate_label_tiff

LABELS = np.random.default_rng(0).integers(0, 300, (40, 50)).astype(np.uint16)
POSIX_ONLY = pytest.mark.skipif(
    sys.platform == "win32", reason="resource limits and device files are POSIX"
)

lengths = st.sampled_from(["micrometer", "nanometer", "millimeter", "pixel"])
times = st.sampled_from(["second", "minute", "millisecond"])
steps = st.floats(1e-4, 1e4, allow_nan=False)


@st.composite
def images_with_scale(
    draw: st.DrawFn,
) -> tuple[str, np.ndarray, tuple[float, ...], tuple[str, ...]]:
    axes = draw(st.sampled_from(["YX", "TYX", "ZYX", "TZYX"]))
    # Axes of length one other than Y and X are dropped when read: see the reading tests.
    shape = tuple(draw(st.integers(1 if axis in "YX" else 2, 9)) for axis in axes)
    largest = draw(st.sampled_from([0, 1, 255, 256, 65535, 65536, 2**32 - 1]))
    labels = np.random.default_rng(0).integers(0, largest, shape, dtype=np.uint32, endpoint=True)
    labels.flat[0] = largest
    scale = tuple(draw(steps) for _ in axes)
    units = tuple(draw(times if axis == "T" else lengths) for axis in axes)
    return axes, labels, scale, units


@settings(max_examples=60, deadline=None)
@given(images_with_scale())
def test_labels_come_back_with_axes_scale_and_smallest_type(
    case: tuple[str, np.ndarray, tuple[float, ...], tuple[str, ...]],
) -> None:
    axes, labels, scale, units = case
    with tempfile.TemporaryDirectory() as folder:
        path = write_labels(
            Path(folder) / "labels.tif",
            labels.astype(np.int64),
            axes=axes,
            scale=scale,
            units=units,
        )
        image = read_image(path)
        np.testing.assert_array_equal(read_labels(path), labels)
    assert image.data.dtype == (np.uint16 if labels.max() < 2**16 else np.uint32)
    assert (image.axes, image.units) == (axes, units)
    assert image.scale == pytest.approx(scale)


def test_the_file_is_a_compressed_ome_tiff_for_everybody(tmp_path: Path) -> None:
    labels = np.kron(LABELS % 5, np.ones((10, 10), dtype=np.uint16))
    path = write_labels(
        tmp_path / "a.tif", labels, scale=(0.5, 0.25), units=("micrometer", "micrometer")
    )
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_ome
        assert tiff.pages.first.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        # Programs without OME find the size of a pixel in the resolution: pixels per cm.
        assert tiff.pages.first.resolution == pytest.approx((40000.0, 20000.0))
        assert tiff.pages.first.resolutionunit == 3
    assert path.stat().st_size < labels.nbytes / 10
    assert path.read_bytes()[2:4] == b"*\0"


def test_large_files_are_big_tiff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_CLASSIC_TIFF_BYTES", LABELS.nbytes - 1)
    path = write_labels(tmp_path / "a.tif", LABELS)
    assert path.read_bytes()[2:4] == b"+\0"
    np.testing.assert_array_equal(read_labels(path), LABELS)


def test_unknown_units_are_kept_out_of_the_file(tmp_path: Path) -> None:
    stack = np.stack([LABELS, LABELS])
    path = write_labels(
        tmp_path / "a.tif", stack, axes="TYX", scale=(3, 2, 2), units=("pixel", "furlong", "pixel")
    )
    image = read_image(path)
    assert image.units == ("pixel",) * 3
    assert image.scale == (1.0, 2.0, 2.0)


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (LABELS.astype(float), "must be integers, got float64"),
        (LABELS.astype(complex), "must be integers"),
        (np.full((3, 4), -2), "must not be negative, got -2"),
        (np.full((3, 4), 2**32), "below 2"),
        (np.zeros((0, 4), dtype=int), "empty array"),
        (np.zeros((2, 3, 4), dtype=int), "axes 'YX' do not fit"),
    ],
)
def test_arrays_that_are_no_labels(tmp_path: Path, labels: np.ndarray, text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        write_labels(tmp_path / "a.tif", labels)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint16", "float16", "float64"])
def test_arrays_come_back(tmp_path: Path, dtype: str) -> None:
    array = (LABELS % 2).astype(dtype)
    path = write_array(tmp_path / "a.ome.tif", array)
    np.testing.assert_array_equal(read_image(path).data, array)
    np.testing.assert_array_equal(read_mask(path), array != 0)
    expected = {"bool": "uint8", "float16": "float32", "float64": "float32"}.get(dtype, dtype)
    assert read_image(path).data.dtype == expected


@pytest.mark.parametrize("dtype", ["int64", "complex64", "U3"])
def test_arrays_that_no_tiff_holds(tmp_path: Path, dtype: str) -> None:
    with pytest.raises(ParameterError, match="cannot be written as TIFF"):
        write_array(tmp_path / "a.tif", LABELS.astype(dtype))


# Where the file cannot be written.


def assert_refused(path: Path, text: str) -> None:
    """Both the check before the run and the writing itself say the same in one line."""
    with pytest.raises(OutputError, match=text) as before:
        check_writable(path)
    with pytest.raises(OutputError, match=text) as after:
        write_labels(path, LABELS)
    for message in (str(before.value), str(after.value)):
        assert "\n" not in message
        assert message.startswith(f"{path} cannot be written: ")


def test_no_such_folder_and_a_folder_as_file(tmp_path: Path) -> None:
    assert_refused(tmp_path / "no" / "a.tif", "there is no folder .*no")
    (tmp_path / "a.tif").write_text("an ordinary file")
    assert_refused(tmp_path / "a.tif" / "b.tif", "there is no folder")
    (tmp_path / "b.tif").mkdir()
    assert_refused(tmp_path / "b.tif", "it is a folder")


def test_names_that_are_too_long(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 300 + ".tif")
    with pytest.raises(OutputError, match="cannot be written"):
        write_labels(path, LABELS)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs the proc file system of Linux")
def test_a_folder_where_nobody_may_create_files() -> None:
    # Not even the administrator, under whom tests often run, can create files in /proc.
    assert_refused(Path("/proc/a.tif"), "cannot be written: ")


@POSIX_ONLY
def test_without_permission() -> None:
    """As a user without privileges in a folder of somebody else."""
    # Not in tmp_path, whose parent folders nobody but their owner may enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (open_folder := folder / "open").mkdir()
        open_folder.chmod(0o777)
        (read_only := open_folder / "old.tif").write_bytes(b"precious")
        read_only.chmod(0o444)
        (closed := folder / "closed").mkdir()
        closed.chmod(0o555)
        messages = run_unprivileged([closed / "new.tif", read_only])
        assert messages == [
            f"{closed}/new.tif cannot be written: no permission to write in {closed}",
            f"{read_only} cannot be written: the existing file is read-only",
        ]
        assert not list(closed.iterdir())
        assert list(open_folder.iterdir()) == [read_only]
        assert read_only.read_bytes() == b"precious"


def run_unprivileged(paths: list[Path]) -> list[str]:
    """Try to write labels as a user who is not the administrator; return the messages."""
    code = f"""
        import os
        import numpy as np
        from napari_inpaintaff.errors import OutputError
        from napari_inpaintaff.images import write_labels

        if os.geteuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        for path in {[str(path) for path in paths]!r}:
            try:
                write_labels(path, np.ones((4, 5), dtype=int))
            except OutputError as error:
                print(error)
    """
    return run_python(code).splitlines()


def run_python(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@POSIX_ONLY
def test_special_files_are_not_replaced() -> None:
    # As administrator, a careless rename would turn /dev/null into an ordinary file.
    for device in ("/dev/null", "/dev/full"):
        with pytest.raises(OutputError, match="not an ordinary file"):
            check_writable(device)
        with pytest.raises(OutputError, match="not an ordinary file"), atomic_path(device):
            pass
        assert Path(device).is_char_device()


def test_wrong_ending(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"must end in \.tif or \.tiff"):
        write_labels(tmp_path / "a.png", LABELS)
    with pytest.raises(OutputError, match=r"must end in \.npz"):
        check_writable(tmp_path / "a.tif", suffixes=(".npz",))


def test_the_check_leaves_nothing_and_keeps_what_is_there(tmp_path: Path) -> None:
    check_writable(tmp_path / "a.tif")
    assert not list(tmp_path.iterdir())
    (tmp_path / "a.tif").write_bytes(b"precious")
    check_writable(tmp_path / "a.tif")
    assert (tmp_path / "a.tif").read_bytes() == b"precious"


# Where writing fails half-way.


@POSIX_ONLY
def test_disk_full_is_said_and_leaves_the_old_file(tmp_path: Path) -> None:
    """The kernel's own error: every write to /dev/full fails with 'no space left'."""
    target = tmp_path / "a.tif"
    target.write_bytes(b"precious")
    with (
        pytest.raises(OutputError, match=r"a\.tif cannot be written: the disk is full"),
        atomic_path(target),
        Path("/dev/full").open("wb", buffering=0) as disk,
    ):
        disk.write(b"result")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
    assert target.read_bytes() == b"precious"


@POSIX_ONLY
@pytest.mark.parametrize("kind", ["labels", "affinities"])
@pytest.mark.parametrize("limit", [0, 100, 3000, 50000])
def test_a_file_that_cannot_grow_leaves_nothing(tmp_path: Path, kind: str, limit: int) -> None:
    """Real writers against a real limit on the size of files, like that of a disk quota."""
    (tmp_path / "old.tif").write_bytes(b"precious")
    (tmp_path / "old.npz").write_bytes(b"precious")
    code = f"""
        import resource
        import numpy as np
        from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
        from napari_inpaintaff.errors import OutputError
        from napari_inpaintaff.images import write_affinities, write_labels

        noise = np.random.default_rng(0).random((12, 100, 100), dtype=np.float32)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
        for name in ("old", "new"):
            path = {str(tmp_path)!r} + "/" + name
            try:
                if {kind!r} == "labels":
                    labels = (noise * 60000).astype(int)
                    write_labels(path + ".tif", labels, axes="TYX")
                else:
                    write_affinities(path + ".npz", Affinities(noise, PUBLISHED_OFFSETS, noise))
            except OutputError as error:
                print(error)
    """
    lines = run_python(code).splitlines()
    assert len(lines) == 2
    assert all("cannot be written: the file is larger than" in line for line in lines)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.npz", "old.tif"]
    assert (tmp_path / "old.tif").read_bytes() == b"precious"
    assert (tmp_path / "old.npz").read_bytes() == b"precious"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError, ParameterError])
def test_whatever_interrupts_the_writing_leaves_nothing(
    tmp_path: Path, error: type[BaseException]
) -> None:
    def write_half() -> None:
        with atomic_path(tmp_path / "a.tif") as unfinished:
            unfinished.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        write_half()
    assert not list(tmp_path.iterdir())


def test_errors_of_our_own_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(InpaintAffError, match=r"^first$"), atomic_path(tmp_path / "a.tif"):
        raise OutputError("first")


@POSIX_ONLY
def test_permissions_are_those_of_a_new_or_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "fresh").write_bytes(b"")
    new = write_labels(tmp_path / "a.tif", LABELS)
    assert new.stat().st_mode == (tmp_path / "fresh").stat().st_mode
    new.chmod(0o600)
    assert write_labels(new, LABELS).stat().st_mode & 0o777 == 0o600


@POSIX_ONLY
def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    real = tmp_path / "folder" / "real.tif"
    real.write_bytes(b"old")
    (tmp_path / "link.tif").symlink_to(real)
    write_labels(tmp_path / "link.tif", LABELS)
    assert (tmp_path / "link.tif").is_symlink()
    np.testing.assert_array_equal(read_labels(real), LABELS)


# Labels that are not in memory.

SIDE = 4700  # more pixels than are written without tiles


def large_labels() -> da.Array:
    def block(block_info: Any = None) -> NDArray[np.uint32]:
        (y, _), (x, _) = block_info[None]["array-location"]
        return np.arange(1000 * 1000, dtype=np.uint32).reshape(1000, 1000)[
            : min(1000, SIDE - y), : min(1000, SIDE - x)
        ] // np.uint32(97)

    chunks = ((1000, 1000, 1000, 1000, SIDE - 4000),) * 2
    return da.map_blocks(block, chunks=chunks, dtype=np.uint32, meta=np.zeros((0, 0), np.uint32))


def test_large_planes_become_the_tiles_of_an_ome_bigtiff(tmp_path: Path) -> None:
    labels = large_labels()
    steps = iterate_label_tiff(
        tmp_path / "a.tif", labels, scale=(0.5, 0.25), units=("micrometer", "micrometer")
    )
    updates = list(steps)
    assert [update.done for update in updates] == list(range(updates[0].total + 1))
    assert len(updates) > 2
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert tiff.is_bigtiff
        assert tiff.is_ome
        page = tiff.pages.first
        assert (page.is_tiled, page.compression.name) == (True, "ADOBE_DEFLATE")
    image = read_image(tmp_path / "a.tif")
    assert (image.data.dtype, image.scale) == (np.uint16, (0.5, 0.25))
    np.testing.assert_array_equal(image.data, labels.compute())


def test_stacks_of_large_planes(tmp_path: Path) -> None:
    labels = np.zeros((2, 4100, 4100), np.uint16)
    labels[1, 4090:, 4050:] = 7
    labels[0, 0, 0] = 9
    write_labels(tmp_path / "a.tif", labels, axes="TYX")
    image = read_image(tmp_path / "a.tif")
    assert image.axes == "TYX"
    np.testing.assert_array_equal(image.data, labels)


@pytest.mark.parametrize("axes", ["YX", "TYX", "TZYX"])
def test_labels_read_plane_by_plane_give_the_same_file(tmp_path: Path, axes: str) -> None:
    labels = np.random.default_rng(0).integers(0, 70_000, (2, 3, 30, 40), dtype=np.uint32)
    labels = labels[(0,) * (4 - len(axes))]
    write_labels(tmp_path / "memory.tif", labels, axes=axes)
    lazy = [
        zarr.create_array(tmp_path / "a.zarr", data=labels, chunks=(*labels.shape[:-2], 16, 16)),
        da.from_array(labels, chunks=7),
    ]
    for number, pixels in enumerate(lazy):
        for largest in (None, 70_000):
            path = tmp_path / f"{number}.tif"
            *_, last = iterate_label_tiff(path, pixels, axes=axes, largest=largest)
            assert last.fraction == 1
            assert without_uuid(path) == without_uuid(tmp_path / "memory.tif")


def without_uuid(path: Path) -> bytes:
    """Return the bytes of an OME-TIFF but for the number that is another one in every file."""
    return re.sub(rb"urn:uuid:[0-9a-f-]+", b"", path.read_bytes())


def test_the_largest_label_is_believed_and_checked(tmp_path: Path) -> None:
    labels = Counted(np.array([[0, 3], [2, 70_000]], np.uint32))
    path = tmp_path / "a.tif"
    for largest, dtype, reads in ((None, np.uint32, 2), (70_000, np.uint32, 1)):
        labels.reads = 0
        list(iterate_label_tiff(path, labels, largest=largest))
        assert (read_labels(path).dtype, labels.reads) == (dtype, reads)
    list(iterate_label_tiff(path, np.array([[1, 2]], np.uint16), largest=2**17))
    assert read_labels(path).dtype == np.uint32
    before = path.read_bytes()
    with pytest.raises(ParameterError, match="a label 70000, which is more than was announced"):
        list(iterate_label_tiff(path, labels, largest=3))
    with pytest.raises(ParameterError, match="must not be negative, got -1"):
        list(iterate_label_tiff(path, np.array([[-1, 2]]), largest=2))
    with pytest.raises(ParameterError, match="largest label must be"):
        list(iterate_label_tiff(path, labels, largest=2**32))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.tif"]


class Counted:
    def __init__(self, array: NDArray[Any]) -> None:
        self.array, self.shape, self.dtype, self.reads = array, array.shape, array.dtype, 0

    def __getitem__(self, index: Any) -> NDArray[Any]:
        self.reads += 1
        return self.array[index]


def test_writing_a_large_plane_can_be_cancelled_and_fail(tmp_path: Path) -> None:
    steps = iterate_label_tiff(tmp_path / "a.tif", large_labels(), largest=70_000)
    next(steps)
    next(steps)
    steps.close()
    assert not list(tmp_path.iterdir())

    class Gone(Counted):
        def __getitem__(self, index: Any) -> NDArray[Any]:
            if index[0].start:
                raise ImageError("the disk is gone")
            return self.array[index]

    with pytest.raises(ImageError, match="the disk is gone"):
        list(iterate_label_tiff(tmp_path / "a.tif", Gone(np.zeros((SIDE, SIDE), np.uint16))))
    assert not list(tmp_path.iterdir())


@POSIX_ONLY
def test_a_large_plane_on_a_full_disk(tmp_path: Path) -> None:
    code = f"""
        import resource
        import numpy as np
        from napari_inpaintaff.errors import OutputError
        from napari_inpaintaff.images import write_labels

        labels = np.random.default_rng(0).integers(0, 60000, (4100, 4100), dtype=np.uint16)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
        try:
            write_labels({str(tmp_path / "a.tif")!r}, labels)
        except OutputError as error:
            print(error)
    """
    assert "cannot be written: the file is larger than" in run_python(code)
    assert not list(tmp_path.iterdir())


@POSIX_ONLY
@pytest.mark.parametrize("target", ["a.tif", "a.zarr"])
def test_large_labels_are_written_in_little_memory(tmp_path: Path, target: str) -> None:
    """16,384 x 16,384 labels of 1 GB, and 150 frames of 600 MB, in less than 400 MB."""
    code = f"""
        import resource
        import numpy as np
        from napari_inpaintaff.images import LazyImage, open_planes
        from napari_inpaintaff.images.ome_zarr_writing import iterate_ome_zarr_labels
        from napari_inpaintaff.images.writing import iterate_label_tiff

        class Made:
            dtype = np.dtype(np.uint32)

            def __init__(self, *shape):
                self.shape = shape

            def __getitem__(self, index):
                sizes = zip(index[-2:], self.shape[-2:])
                shape = [len(range(*part.indices(size))) for part, size in sizes]
                rows = np.arange(self.shape[-2], dtype=np.uint32)[index[-2]] // 64
                return np.broadcast_to(rows[:, np.newaxis], shape) + np.uint32(sum(index[:-2]))

        def write(shape, axes):
            path = {str(tmp_path / target)!r}
            scale, units = (1.0,) * len(axes), ("pixel",) * len(axes)
            if path.endswith(".tif"):
                for _ in iterate_label_tiff(path, Made(*shape), axes=axes, largest=900):
                    pass
            else:
                image = LazyImage(Made(*shape), axes, scale, units, "a")
                for _ in iterate_ome_zarr_labels(path, image, largest=900):
                    pass
            return open_planes(path).planes

        write((600, 600), "YX")
        used = int(next(l for l in open("/proc/self/status") if l.startswith("VmSize")).split()[1])
        limit = used * 1024 + 400 * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        plane = write((16384, 16384), "YX")[()]
        print(plane.read_region((slice(16380, 16384), slice(9, 11))).max())
        plane = write((150, 1024, 1024), "TYX")[(149,)]
        print(plane.read_region((slice(500, 502), slice(9, 11))).max())
    """
    last, frame = run_python(code).split()
    assert (int(last), int(frame)) == (16383 // 64, 501 // 64 + 149)
