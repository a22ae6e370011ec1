"""Time-lapses with a frame that cannot be read or shows nothing: it is told, the others count."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import SkippedImage, open_planes
from napari_inpaintaff.pipeline.planewise import PlaneDone, iterate_planes

FRAMES = np.random.default_rng(0).integers(1, 60_000, (5, 64, 80), dtype=np.uint16)
DAMAGED = 3


def compressed_tiff(folder: Path) -> Path:
    path = folder / "lapse.tif"
    tifffile.imwrite(path, FRAMES, compression="zlib", rowsperstrip=16, metadata={"axes": "TYX"})
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[DAMAGED]
        start, length = page.dataoffsets[2], page.databytecounts[2]
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * length)
    return path


def store(folder: Path) -> tuple[Path, Path]:
    """Write a time-lapse, and return it with one of the chunks of the frame."""
    path = folder / "lapse.zarr"
    zarr.create_array(path, data=FRAMES, chunks=(1, 64, 80), zarr_format=2)
    return path, path / f"{DAMAGED}.0.0"


def damaged_chunk(folder: Path) -> Path:
    path, chunk = store(folder)
    chunk.write_bytes(b"\xff" * 50 + chunk.read_bytes()[50:])
    return path


def chunk_cut_off(folder: Path) -> Path:
    path, chunk = store(folder)
    chunk.write_bytes(chunk.read_bytes()[:1000])
    return path


def empty_chunk(folder: Path) -> Path:
    path, chunk = store(folder)
    chunk.write_bytes(b"")
    return path


def missing_chunk(folder: Path) -> Path:
    # By the rules of Zarr this is a frame in which every pixel is 0.
    path, chunk = store(folder)
    chunk.unlink()
    return path


def black_frame(folder: Path) -> Path:
    frames = FRAMES.copy()
    frames[DAMAGED] = 0
    tifffile.imwrite(folder / "lapse.tif", frames, metadata={"axes": "TYX"})
    return folder / "lapse.tif"


def segment(
    index: tuple[int, ...], image: NDArray[Any]
) -> Generator[Any, None, NDArray[np.integer]]:
    yield from ()
    return (image > 30_000).astype(np.uint32)


@pytest.mark.parametrize(
    "write",
    [compressed_tiff, damaged_chunk, chunk_cut_off, empty_chunk, missing_chunk, black_frame],
)
def test_a_damaged_frame_is_told_and_left_out(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    path = write(tmp_path)
    updates = list(iterate_planes(open_planes(path).planes, segment))
    done = {update.index[0]: update.labels for update in updates if isinstance(update, PlaneDone)}
    assert list(done) == [0, 1, 2, 4]
    for frame, labels in done.items():
        np.testing.assert_array_equal(labels, FRAMES[frame] > 30_000)
    [skipped] = [update for update in updates if isinstance(update, SkippedImage)]
    assert skipped.path_or_name == f"{path.name} [t=3]"
    assert "\n" not in skipped.reason
    empty = write in (missing_chunk, black_frame)
    assert ("every pixel is 0" if empty else "cannot be read") in skipped.reason


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"imagej": True}, {"ome": True}])
def test_a_time_lapse_that_was_cut_off_is_refused(tmp_path: Path, options: Any) -> None:
    path = tmp_path / "lapse.tif"
    tifffile.imwrite(path, FRAMES, metadata={"axes": "TYX"}, **options)
    whole = path.read_bytes()
    for share in (0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ImageError, match="damaged or cut off"):
            open_planes(path)
