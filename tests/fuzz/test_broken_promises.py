"""Headers that promise more than there is are refused before memory is taken."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from fuzz_targets import TARGETS

from napari_inpaintaff.errors import ImageError, ModelFileError
from napari_inpaintaff.images import affinity_files, memory, planes_of, read_image
from napari_inpaintaff.images import read_affinity_file as read_affinities
from napari_inpaintaff.images.memory import available_memory, check_fits_memory
from napari_inpaintaff.images.opened import open_planes
from napari_inpaintaff.partition.corrections import read_corrections
from napari_inpaintaff.session import SESSION_SUFFIX, read_session


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 2**20)


def test_the_memory_of_this_computer_is_known() -> None:
    assert 2**20 < available_memory() < 2**60


def test_a_limit_of_the_process_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (2**20, 2**20))
    assert available_memory() == 0


@pytest.mark.parametrize("shape", [(2**20 + 1,), (2**10, 2**10 + 1), (10**30, 2), (2**40,) * 9])
def test_too_many_bytes(little_memory: None, shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match=r"^slide\.tif promises .*B of pixels, and 1 MiB of mem"):
        check_fits_memory(shape, np.uint8, "slide.tif")
    check_fits_memory((2**20,), np.uint8, "slide.tif")
    check_fits_memory((0, *shape), np.uint8, "slide.tif")


def assert_promise(path: Path, text: str = "promises") -> None:
    with pytest.raises(ImageError, match=text) as caught:
        read_image(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


def tiff_of(path: Path, height: int, width: int, **settings: Any) -> Path:
    """Write a TIFF whose header has another size than its pixels."""
    tifffile.imwrite(path, np.ones((16, 16), np.uint8), metadata=None, **settings)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tags = tiff.pages.first.tags
        tags["ImageLength"].overwrite(height)
        tags["ImageWidth"].overwrite(width)
    return path


def test_tiff(tmp_path: Path) -> None:
    path = tiff_of(tmp_path / "a.tif", 2**31, 2**31, compression="zlib")
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages.first.tags["RowsPerStrip"].overwrite(2**31)
    assert_promise(path)
    assert_promise(tiff_of(tmp_path / "b.tif", 65_000, 65_000), "damaged")
    # Of strips, as many as the image has rows are promised, and one is there.
    assert_promise(tiff_of(tmp_path / "c.tif", 10**7, 16, compression="zlib"), "damaged")


def test_a_huge_tile_in_a_small_image(tmp_path: Path, little_memory: None) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, np.ones((16, 16), np.uint8), tile=(16, 16), metadata=None, compression="zlib"
    )
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tags = tiff.pages.first.tags
        tags["TileLength"].overwrite(2048)
        tags["TileWidth"].overwrite(2048)
    assert_promise(path)


def png_of(path: Path, height: int, width: int) -> Path:
    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.filterwarnings("ignore:Image size")
def test_png_and_jpeg(tmp_path: Path, little_memory: None) -> None:
    assert_promise(png_of(tmp_path / "a.png", 10_000, 10_000))
    content = bytearray(TARGETS["png-jpeg"].seeds()[-2][""])
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", 9_000, 9_000)
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert_promise(path)


def test_a_picture_larger_than_pillow_believes(tmp_path: Path) -> None:
    assert_promise(png_of(tmp_path / "a.png", 10**6, 10**6), "a.png")


@pytest.mark.parametrize("version", [2, 3])
def test_zarr(tmp_path: Path, version: int) -> None:
    import zarr

    whole = tmp_path / "whole.zarr"
    zarr.create_array(whole, shape=(2**22, 2**22), chunks=(16, 16), dtype="u2", zarr_format=version)
    assert_promise(whole)
    chunk = tmp_path / "chunk.zarr"
    zarr.create_array(chunk, shape=(16, 16), chunks=(2**21, 2**21), dtype="u2", zarr_format=version)
    assert_promise(chunk)


def test_only_one_plane_of_a_lazy_image_has_to_fit(tmp_path: Path, little_memory: None) -> None:
    import zarr

    path = tmp_path / "a.zarr"
    zarr.create_array(path, shape=(9, 500, 500), chunks=(1, 500, 500), dtype="u2")
    with pytest.raises(ImageError, match="promises"):
        read_image(path)
    assert open_planes(path).planes[(8,)].read().shape == (500, 500)
    wide = tmp_path / "wide.zarr"
    zarr.create_array(wide, shape=(9, 2000, 500), chunks=(1, 500, 500), dtype="u2")
    with pytest.raises(ImageError, match=r"wide\.zarr \[t=8\] promises 1\.91 MiB"):
        open_planes(wide).planes[(8,)].read()
    with pytest.raises(ImageError, match=r"layer \[0\] promises"):
        planes_of(zarr.open(wide), "layer")[0].read()


def test_an_entity_bomb_in_ome_xml(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    entities = '<!ENTITY a0 "aaaaaaaaaa">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)
    )
    xml = (
        f'<?xml version="1.0"?><!DOCTYPE OME [{entities}]>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        "<Name>&a11;</Name></Image></OME>"
    )
    tifffile.imwrite(path, np.ones((4, 5), np.uint8), description=xml, metadata=None)
    with pytest.raises(ImageError):
        read_image(path)


# --- archives of arrays ---------------------------------------------------------------------------


def header_of(shape: tuple[int, ...], dtype: str) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        content, {"descr": dtype, "fortran_order": False, "shape": shape}
    )
    return content.getvalue()


def archive_with(path: Path, seed: bytes, name: str, data: bytes, method: int = 8) -> Path:
    with zipfile.ZipFile(io.BytesIO(seed)) as old, zipfile.ZipFile(path, "w", method) as new:
        for member in old.namelist():
            new.writestr(member, data if member == name else old.read(member))
    return path


READERS = {
    "affinities": (read_affinities, "a.npz", "values.npy"),
    "corrections": (read_corrections, "a.npz", "labels.npy"),
    "session": (read_session, f"a{SESSION_SUFFIX}", "labels/0/data.npy"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("shape", [(2**31, 2**31, 12), (10**30,), (1,) * 40, (-1, 4), (2**63,)])
def test_absurd_shapes(tmp_path: Path, reader: str, shape: tuple[int, ...]) -> None:
    read, name, member = READERS[reader]
    data = header_of(shape, "<f4") + bytes(64)
    path = archive_with(tmp_path / name, TARGETS[reader].seeds()[0][""], member, data)
    with pytest.raises(ImageError, match="damaged"):
        read(path)


@pytest.mark.parametrize("reader", READERS)
def test_a_bomb_is_not_unpacked(tmp_path: Path, reader: str, little_memory: None) -> None:
    read, name, member = READERS[reader]
    data = header_of((2**24,), "|u1") + bytes(2**24)
    path = archive_with(tmp_path / name, TARGETS[reader].seeds()[0][""], member, data)
    assert path.stat().st_size < 2**17
    with pytest.raises(ImageError, match="promises 16"):
        read(path)


@pytest.mark.parametrize("reader", READERS)
def test_a_length_that_the_bytes_cannot_hold(tmp_path: Path, reader: str) -> None:
    read, name, member = READERS[reader]
    path = archive_with(tmp_path / name, TARGETS[reader].seeds()[0][""], member, bytes(1000), 0)
    content = path.read_bytes()
    size = struct.pack("<II", 1000, 1000)
    assert content.count(size) == 2
    path.write_bytes(content.replace(size, struct.pack("<II", 1000, 10**9)))
    with pytest.raises(ImageError, match="is shorter than it says"):
        read(path)


def test_members_packed_in_ways_that_we_do_not_write(tmp_path: Path) -> None:
    seed = TARGETS["affinities"].seeds()[0][""]
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        path = archive_with(tmp_path / "a.npz", seed, "", b"", method)
        with pytest.raises(ImageError, match="packed in an unknown way"):
            affinity_files.read_affinity_file(path)


# --- models ---------------------------------------------------------------------------------------


def model_with(path: Path, seed: int, **changes: Any) -> Path:
    """Write a model file with other values in its metadata."""
    content = TARGETS["model"].seeds()[seed][""]
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    metadata = json.loads(header["__metadata__"]["metadata"])
    header["__metadata__"]["metadata"] = json.dumps({**metadata, **changes})
    packed = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(packed)) + packed + content[8 + length :])
    return path


ARCHITECTURE = {"kind": "plain", "widths": [2, 3], "stem": 2, "outputs": 2, "batch_norm": False}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"architecture": {**ARCHITECTURE, "widths": [10**9, 3]}}, "at most"),
        ({"architecture": {**ARCHITECTURE, "widths": [2] * 10**6}}, "at most"),
        ({"architecture": {**ARCHITECTURE, "widths": [2**14, 2**14]}}, "wrong shapes"),
        ({"architecture": {**ARCHITECTURE, "widths": [2, 3, 4]}}, "wrong shapes|do not fit"),
        ({"architecture": {**ARCHITECTURE, "widths": [2.5, 3]}}, "whole numbers"),
        ({"architecture": {**ARCHITECTURE, "widths": "23"}}, "damaged"),
        ({"architecture": {**ARCHITECTURE, "stem": 2**40}}, "stem of at most"),
        ({"architecture": {**ARCHITECTURE, "outputs": 2.0}}, "whole numbers"),
        ({"architecture": {**ARCHITECTURE, "kind": "eval('1')"}}, "unknown U-Net"),
        ({"architecture": {**ARCHITECTURE, "module": "os"}}, "damaged"),
        ({"diameter": float("nan")}, "diameter"),
        ({"training": [1]}, "training"),
        ({"training": {"near_hole_l1": float("inf")}}, "near-hole error"),
        ({"training": {"near_hole_l1": "much"}}, "damaged"),
        ({"name": None}, "name"),
        ({"denoiser": {**ARCHITECTURE, "outputs": 1}}, "do not fit"),
    ],
)
def test_models_with_impossible_descriptions(
    tmp_path: Path, changes: dict[str, Any], text: str
) -> None:
    path = model_with(tmp_path / "a.safetensors", 0, **changes)
    with pytest.raises(ModelFileError, match=text) as caught:
        TARGETS["model"].read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(tmp_path: Path, value: float) -> None:
    from napari_inpaintaff.networks.model_file import read_model_file, write_model_file

    path = model_with(tmp_path / "a.safetensors", 0)
    file = read_model_file(path, "inpainter")
    next(iter(file.weights.values())).flat[0] = value
    write_model_file(path, file)
    with pytest.raises(ModelFileError, match="not all finite"):
        TARGETS["model"].read(path)


def test_integers_for_weights(tmp_path: Path) -> None:
    from dataclasses import replace

    from napari_inpaintaff.networks.model_file import read_model_file, write_model_file

    path = model_with(tmp_path / "a.safetensors", 0)
    file = read_model_file(path, "inpainter")
    weights = {name: value.astype(np.int64) for name, value in file.weights.items()}
    write_model_file(path, replace(file, weights=weights))
    with pytest.raises(ModelFileError, match="not all finite"):
        TARGETS["model"].read(path)


def test_the_description_of_one_model_with_the_weights_of_another(tmp_path: Path) -> None:
    from dataclasses import replace

    from napari_inpaintaff.networks.model_file import read_model_file, write_model_file

    inpainter = read_model_file(model_with(tmp_path / "a.safetensors", 0), "inpainter")
    student = read_model_file(model_with(tmp_path / "b.safetensors", 2), "student")
    for one, other in ((inpainter, student), (student, inpainter)):
        path = write_model_file(tmp_path / "c.safetensors", replace(one, weights=other.weights))
        with pytest.raises(ModelFileError, match=r"wrong shapes|do not fit"):
            TARGETS["model"].read(path)


def test_a_tensor_longer_than_the_file(tmp_path: Path) -> None:
    header = {"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
    packed = json.dumps(header).encode()
    path = tmp_path / "a.safetensors"
    for length in (len(packed), 2**63, 2**40):
        path.write_bytes(struct.pack("<Q", length) + packed + bytes(64))
        with pytest.raises(ModelFileError, match="damaged"):
            TARGETS["model"].read(path)
