"""Opening a file never executes what is in it, whatever its ending and wherever the pickle lies."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from fuzz_targets import TARGETS
from payloads import Payload, pickled

from napari_inpaintaff.errors import ImageError, InpaintAffError
from napari_inpaintaff.images import download_sample, read_image
from napari_inpaintaff.images.ome_zarr import check_before_opening
from napari_inpaintaff.inpainting.perceptual import load_vgg16


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "executed"


def refused(read: Callable[[Path], object], path: Path, trace: Path) -> str:
    """Return the one line with which a file is refused without being executed."""
    with pytest.raises(InpaintAffError) as caught:
        read(path)
    assert not trace.exists()
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


def test_the_payload_works(trace: Path) -> None:
    pickle.loads(pickled(trace))
    assert trace.exists()


def object_array(trace: Path) -> bytes:
    content = io.BytesIO()
    np.save(content, np.array([Payload(trace)], dtype=object), allow_pickle=True)
    return content.getvalue()


def zipped(**members: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return content.getvalue()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("start", [b"", b"\x93NUMPY\x01\0", b"PK\x03\x04", b"II*\0\x08\0\0\0"])
def test_a_pickle_under_every_name(
    tmp_path: Path, trace: Path, target: Any, protocol: int, start: bytes
) -> None:
    path = tmp_path / target.name
    path.write_bytes(start + pickled(trace, protocol))
    refused(target.read, path, trace)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_pytorch_file_or_an_array_of_objects_under_every_name(
    tmp_path: Path, trace: Path, target: Any
) -> None:
    path = tmp_path / target.name
    torch.save(Payload(trace), path)
    refused(target.read, path, trace)
    path.write_bytes(object_array(trace))
    refused(target.read, path, trace)


@pytest.mark.parametrize("name", ["affinities", "corrections", "session"])
@pytest.mark.parametrize("header", [False, True], ids=["object array", "header of numbers"])
def test_every_array_of_an_archive_can_be_replaced_by_a_pickle(
    tmp_path: Path, trace: Path, name: str, header: bool
) -> None:
    target = TARGETS[name]
    with zipfile.ZipFile(io.BytesIO(target.seeds()[-1][""])) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    attack = object_array(trace)
    if header:
        attack = attack.replace(b"|O", b"<u8")
    for member in members:
        path = tmp_path / target.name
        path.write_bytes(zipped(**{**members, member: attack}))
        refused(target.read, path, trace)
        path.write_bytes(zipped(**{**members, member: pickled(trace)}))
        refused(target.read, path, trace)
        # Beside the others it is of no interest to anybody.
        path.write_bytes(zipped(**members, **{"more.pkl": pickled(trace)}))
        target.read(path)
        assert not trace.exists()


@pytest.mark.parametrize("tag", [270, 305, 700, 34665, 50838, 50839, 65000])
def test_tiff_tags(tmp_path: Path, trace: Path, tag: int) -> None:
    path = tmp_path / "a.tif"
    extra = [(tag, 7, None, pickled(trace), True)]
    tifffile.imwrite(path, np.ones((4, 5), np.uint8), extratags=extra, metadata=None)
    assert read_image(path).data.shape == (4, 5)
    assert not trace.exists()


def zarr_array(path: Path, content: bytes, **about: Any) -> Path:
    """Write a Zarr array of version 2 of one chunk."""
    path.mkdir(parents=True)
    described = {
        "zarr_format": 2,
        "shape": [4, 4],
        "chunks": [4, 4],
        "dtype": "<u2",
        "compressor": None,
        "fill_value": 0,
        "order": "C",
        "filters": None,
        **about,
    }
    (path / ".zarray").write_text(json.dumps(described))
    (path / "0.0").write_bytes(content)
    return path


PICKLE = {"id": "pickle", "protocol": 5}


@pytest.mark.parametrize(
    "about",
    [
        {"dtype": "|O", "filters": [PICKLE]},
        {"filters": [PICKLE]},
        {"compressor": PICKLE},
        {"filters": [{"id": "zlib", "level": 1}, PICKLE]},
        {"filters": [PICKLE, {"id": "delta", "dtype": "<u2"}]},
        {"dtype": "|O", "filters": [{"id": "json2"}]},
        {"dtype": "|O"},
    ],
)
def test_zarr_codecs(tmp_path: Path, trace: Path, about: dict[str, Any]) -> None:
    path = zarr_array(tmp_path / "a.zarr", pickled(trace), **about)
    refused(read_image, path, trace)
    refused(TARGETS["ome-zarr"].read, path, trace)


def test_a_zarr_image_that_a_session_names_is_looked_at_before_napari_opens_it(
    tmp_path: Path, trace: Path
) -> None:
    inner = {"filters": [{"id": "zlib", "level": 1}, PICKLE]}
    zarr_array(tmp_path / "a.zarr" / "deep" / "0", pickled(trace), **inner)
    for folder in ("a.zarr", "a.zarr/deep"):
        (tmp_path / folder / ".zgroup").write_text('{"zarr_format": 2}')
    with pytest.raises((ImageError, ValueError)):
        check_before_opening(tmp_path / "a.zarr")
    assert not trace.exists()


def test_zarr_3_names_of_codecs(tmp_path: Path, trace: Path) -> None:
    path = tmp_path / "a.zarr"
    (path / "c" / "0").mkdir(parents=True)
    about = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [4, 4],
        "data_type": "uint16",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4, 4]}},
        "chunk_key_encoding": {"name": "default"},
        "fill_value": 0,
        "codecs": [
            {"name": "bytes", "configuration": {"endian": "little"}},
            {"name": "numcodecs.pickle", "configuration": {}},
        ],
    }
    (path / "zarr.json").write_text(json.dumps(about))
    (path / "c" / "0" / "0").write_bytes(pickled(trace))
    refused(read_image, path, trace)


def test_weights_of_vgg16(tmp_path: Path, trace: Path) -> None:
    path = tmp_path / "vgg16.pth"
    for payload in (Payload(trace), {"features.0.weight": Payload(trace)}):
        for zipped_file in (True, False):
            torch.save(payload, path, _use_new_zipfile_serialization=zipped_file)
            refused(load_vgg16, path, trace)


def test_a_sample_that_is_no_picture(tmp_path: Path, trace: Path) -> None:
    (tmp_path / "BBBC039.tif").write_bytes(pickled(trace))
    refused(lambda folder: download_sample("BBBC039", folder=folder), tmp_path, trace)
