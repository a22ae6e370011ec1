"""Files that once made a reader hang or fail with a traceback."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from fuzz_targets import TARGETS

from napari_inpaintaff.errors import ImageError, ModelFileError
from napari_inpaintaff.images import planes_of, read_affinity_file, read_image, samples
from napari_inpaintaff.images.opened import open_planes
from napari_inpaintaff.inpainting.checkpoint import (
    TrainingCheckpoint,
    read_checkpoint,
    write_checkpoint,
)
from napari_inpaintaff.networks.model_file import (
    read_model_file,
    read_model_metadata,
    write_model_file,
)


def test_a_tiff_that_promises_a_million_strips_and_names_one(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.ones((20, 24), np.uint16), compression="lzw", metadata=None)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages.first.tags["ImageLength"].overwrite(16_711_700)
    with pytest.raises(ImageError, match="does not say where all its pixels lie"):
        read_image(path)


@pytest.mark.parametrize("table", [0, 1])
def test_huffman_tables_that_a_decoder_cannot_leave(tmp_path: Path, table: int) -> None:
    path = tmp_path / "a.tif"
    noise = np.random.default_rng(0).integers(0, 255, (20, 24)).astype(np.uint8)
    tifffile.imwrite(path, noise, compression="jpeg", metadata=None)
    assert read_image(path).data.shape == (20, 24)
    content = bytearray(path.read_bytes())
    place = -1
    for _ in range(table + 1):
        place = content.index(b"\xff\xc4", place + 1)
    # Three codes of one bit: there can be two.
    content[place + 5] = 3
    path.write_bytes(content)
    with pytest.raises(ImageError, match="its JPEG data cannot be decoded"):
        read_image(path)


def test_an_archive_whose_directory_lies_before_the_file(tmp_path: Path) -> None:
    content = bytearray(TARGETS["sample-archive"].seeds()[0][""])
    end = content.rindex(b"PK\x05\x06")
    content[end + 16 : end + 20] = struct.pack("<I", 2**31)
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    with pytest.raises(ImageError, match="damaged"):
        samples._extract("BBBC039", samples.SAMPLES["BBBC039"], path)


def test_an_archive_that_names_the_frame_twice(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a_N02_s8_w1.tif", b"II*\0")
        archive.writestr("b_N02_s8_w1.tif", b"II*\0")
    path = tmp_path / "a.zip"
    path.write_bytes(content.getvalue())
    with pytest.raises(ImageError, match="not the expected content"):
        samples._extract("BBBC039", samples.SAMPLES["BBBC039"], path)


@pytest.mark.parametrize(
    "change",
    [
        {"history": [[]]},
        {"history": [{"quality": []}]},
        {"history": "none"},
        {"phase": "lunch"},
        {"batch": 0},
        {"batch": None},
        {"batch": 1e400},
        {"denoiser_seconds": [1]},
    ],
)
def test_checkpoints_with_impossible_values(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "a.checkpoint.safetensors"
    write_checkpoint(path, TrainingCheckpoint("inpainter", 4, {}), "f")
    file = read_model_file(path, "training-checkpoint")
    file.metadata.update(change)
    write_model_file(path, file)
    with pytest.raises(ModelFileError, match="is damaged; remove it"):
        read_checkpoint(path, "f")


@pytest.mark.parametrize("text", ["[]", "3", "null", '"text"', "[" * 100_000])
def test_descriptions_that_are_no_mapping(tmp_path: Path, text: str) -> None:
    header = {
        "__metadata__": {
            "format": "napari-inpaintaff",
            "format_version": "1",
            "kind": "inpainter",
            "metadata": text,
            "sha256": "",
        }
    }
    packed = json.dumps(header).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(packed)) + packed)
    with pytest.raises(ModelFileError, match=r"the metadata .* is damaged"):
        read_model_metadata(path, "inpainter")


@pytest.mark.parametrize("count", [2**63, 2**31, 10**6 + 1])
def test_a_zarr_image_of_more_planes_than_can_be_listed(tmp_path: Path, count: int) -> None:
    path = tmp_path / "a.zarr"
    zarr.create_array(path, shape=(5, 20, 24), chunks=(1, 20, 24), dtype="u2")
    about = json.loads((path / "zarr.json").read_text())
    about["shape"][0] = count
    (path / "zarr.json").write_text(json.dumps(about))
    with pytest.raises(ImageError, match=r"promises .* planes"):
        open_planes(path)
    with pytest.raises(ImageError, match=r"promises .* planes"):
        planes_of(zarr.open(path), "layer")


@pytest.mark.parametrize("version", [np.ones((9, 7), bool), np.array("1\n2"), np.array(1.0)])
def test_an_affinity_file_with_an_impossible_version(tmp_path: Path, version: np.ndarray) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(TARGETS["affinities"].seeds()[0][""])
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez(path, **{**arrays, "version": version})
    with pytest.raises(ImageError, match="it has no version") as caught:
        read_affinity_file(path)
    assert "\n" not in str(caught.value)
