"""CZI, ND2 and LIF: a stand-in for bioio's readers, and a real CZI where its reader is there."""

from __future__ import annotations

import pickle
import sys
from datetime import timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import dask.array as da
import numpy as np
import pytest

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import gather_planes, open_planes, read_image
from napari_inpaintaff.images.microscopes import MICROSCOPE_SUFFIXES, readable_suffixes

MODULES = {".czi": "bioio_czi", ".nd2": "bioio_nd2", ".lif": "bioio_lif"}
DATA = np.random.default_rng(0).integers(0, 60_000, (3, 2, 2, 40, 50), dtype=np.uint16)


class StandIn:
    """What is used of a reader of bioio, with the content of a file that numpy wrote."""

    axes = "TCZYX"
    scenes: tuple[str, ...] = ("Position 1",)
    channel_names: Any = ("DAPI", "GFP")
    physical_pixel_sizes = SimpleNamespace(Z=2.0, Y=0.25, X=0.5)
    time_interval: timedelta | None = timedelta(minutes=2)
    computed: list[tuple[int, ...]]

    def __init__(self, image: Path, **_: Any) -> None:
        assert image.is_file()
        self.scene = 0
        type(self).computed = []

    def set_scene(self, scene: int) -> None:
        self.scene = scene

    @property
    def xarray_dask_data(self) -> Any:
        def block(block_info: Any = None) -> Any:
            place = block_info[None]["array-location"]
            self.computed.append(tuple(start for start, _ in place[:-2]))
            return DATA[tuple(slice(*span) for span in place)] + self.scene

        chunks = (*((1,) * size for size in DATA.shape[:-2]), (40,), (50,))
        meta = np.zeros((0,) * 5, np.uint16)
        data = da.map_blocks(block, chunks=chunks, dtype=np.uint16, meta=meta)
        return SimpleNamespace(data=data, dims=tuple(self.axes), shape=DATA.shape)


def install(monkeypatch: pytest.MonkeyPatch, reader: type) -> None:
    for name in MODULES.values():
        module = ModuleType(name)
        module.Reader = reader  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture(params=MODULES)
def path(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install(monkeypatch, StandIn)
    path = tmp_path / f"cells{request.param}"
    path.write_bytes(b"what only the reader understands")
    return path


def test_axes_scale_and_units_go_by_name(path: Path) -> None:
    image = open_planes(path, channel="GFP")
    assert (image.axes, image.shape) == ("TZYX", (3, 2, 40, 50))
    assert image.scale == (120.0, 2.0, 0.25, 0.5)
    assert image.units == ("second", "micrometer", "micrometer", "micrometer")
    assert image.planes[2, 1].name == f"{path.name} [t=2, z=1]"
    whole = read_image(path, channel=1)
    assert whole.name == "cells"
    np.testing.assert_array_equal(whole.data, DATA[:, 1])


def test_a_plane_is_read_alone_and_when_it_is_asked_for(path: Path) -> None:
    plane = open_planes(path, channel=1).planes[2, 0]
    StandIn.computed.clear()
    part = (slice(3, 30), slice(7, 9))
    np.testing.assert_array_equal(plane.read_region(part), DATA[2, 1, 0][part])
    assert StandIn.computed == [(2, 1, 0)]


def test_channels_are_combined(path: Path) -> None:
    assert read_image(path, channel="DAPI+GFP").data.dtype == np.float32
    with pytest.raises(ImageError, match=r"2 channels \(DAPI, GFP\): choose one"):
        read_image(path)


class Several(StandIn):
    scenes = ("Position 1", "Position 2", "sub/Position 3")


def test_one_of_several_images_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, Several)
    for number, scene in enumerate(Several.scenes):
        for name in (scene, str(number)):
            image = read_image(path / name, channel=0)
            np.testing.assert_array_equal(image.data, DATA[:, 0] + number)
    with pytest.raises(ImageError, match=rf"holds 3 images \(Position 1, .*{path.name}/0"):
        read_image(path, channel=0)
    with pytest.raises(ImageError, match="has no image 'Position 9', but Position 1"):
        read_image(path / "Position 9", channel=0)


def test_all_images_of_a_file_are_gathered(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, Several)
    found = gather_planes([path], channel=0)
    assert (found.files, len(found.planes), found.skipped) == (3, 18, ())
    assert found.planes[6].name == f"{path.name}/Position 2 [t=0, z=0]"
    np.testing.assert_array_equal(found.planes[6].read(), DATA[0, 0, 0] + 1)
    assert len(gather_planes([path / "1"], channel=0).planes) == 6


def test_an_axis_that_is_none_of_ours_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Views(StandIn):
        axes = "VCZYX"

    install(monkeypatch, Views)
    with pytest.raises(ImageError, match="neither time, depth nor channels"):
        read_image(path, channel=0)


def test_what_the_file_does_not_say(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(StandIn):
        channel_names = None
        time_interval = None
        physical_pixel_sizes = SimpleNamespace(Z=None, Y=None, X=0.0)

    install(monkeypatch, Silent)
    image = open_planes(path, channel=1)
    assert (image.scale, image.units) == ((1.0,) * 4, ("pixel",) * 4)


def test_a_file_that_the_reader_cannot_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(StandIn):
        def __init__(self, image: Path, **_: Any) -> None:
            raise RuntimeError("bad magic\nand a long story")

    install(monkeypatch, Broken)
    with pytest.raises(ImageError, match=rf"{path.name} cannot be read as an image: bad magic$"):
        open_planes(path)
    with pytest.raises(ImageError, match="bad magic"):
        gather_planes([path])


def test_what_to_install_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = MODULES[path.suffix]
    monkeypatch.setitem(sys.modules, name, None)
    package = name.replace("_", "-")
    with pytest.raises(ImageError, match=f"install the package {package} to read it"):
        open_planes(path)


def test_endings_count_as_images_where_their_reader_is_installed() -> None:
    from importlib.util import find_spec

    from napari_inpaintaff.images.reading import IMAGE_SUFFIXES

    there = tuple(suffix for suffix in MICROSCOPE_SUFFIXES if find_spec(MODULES[suffix]))
    assert readable_suffixes() == there
    assert {suffix for suffix in IMAGE_SUFFIXES if suffix in MICROSCOPE_SUFFIXES} == set(there)


# Real files.


def write_czi(path: Path) -> None:
    czi = pytest.importorskip("pylibCZIrw.czi")
    pytest.importorskip("bioio_czi")
    with czi.create_czi(str(path)) as document:
        for t, c, z in np.ndindex(DATA.shape[:3]):
            plane = {"T": t, "C": c, "Z": z}
            document.write(data=DATA[t, c, z][..., np.newaxis], plane=plane)
        document.write_metadata(
            document_name="cells",
            channel_names={0: "DAPI", 1: "GFP"},
            scale_x=0.5e-6,
            scale_y=0.25e-6,
            scale_z=2e-6,
        )


def test_a_real_czi(tmp_path: Path) -> None:
    path = tmp_path / "cells.czi"
    write_czi(path)
    image = open_planes(path, channel="GFP")
    assert (image.axes, image.shape) == ("TZYX", (3, 2, 40, 50))
    assert image.scale == pytest.approx((1.0, 2.0, 0.25, 0.5))
    assert image.units == ("pixel", "micrometer", "micrometer", "micrometer")
    part = (slice(3, 30), slice(7, 9))
    plane = pickle.loads(pickle.dumps(image.planes[2, 1]))
    np.testing.assert_array_equal(plane.read_region(part), DATA[2, 1, 1][part])
    np.testing.assert_array_equal(read_image(path, channel=0).data, DATA[:, 0])
    assert len(gather_planes([tmp_path], channel=0).planes) == 6


def test_a_czi_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "cells.czi"
    write_czi(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ImageError, match=r"cells\.czi") as caught:
        read_image(path, channel=0)
    assert "\n" not in str(caught.value)
