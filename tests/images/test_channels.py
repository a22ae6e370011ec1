"""Channels by number, by name, and several of them combined."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.images import (
    gather_planes,
    open_planes,
    parse_channel,
    plane_readers,
    read_image,
    simulate_dense_nuclei,
)
from napari_inpaintaff.images.channels import choose_channels
from napari_inpaintaff.images.layout import RawImage

NAMES = ["DAPI", "GFP", "CD4+"]
RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 60_000, (2, 3, 40, 50), dtype=np.uint16)


def ome_tiff(folder: Path) -> Path:
    metadata = {"axes": "TCYX", "Channel": {"Name": NAMES}}
    tifffile.imwrite(folder / "a.ome.tif", IMAGE, ome=True, metadata=metadata)
    return folder / "a.ome.tif"


def ome_zarr(folder: Path, version: str = "0.4") -> Path:
    group = zarr.create_group(folder / "a.zarr", zarr_format=2 if version == "0.4" else 3)
    group.create_array("0", data=IMAGE, chunks=(1, 1, 16, 16))
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}]
    axes += [{"name": name, "type": "space"} for name in "yx"]
    ome: dict[str, Any] = {"multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]}
    ome["omero"] = {"channels": [{"label": name} for name in NAMES]}
    group.attrs.update(ome if version == "0.4" else {"ome": ome | {"version": version}})
    return folder / "a.zarr"


@pytest.fixture(params=["tiff", "0.4", "0.5"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return ome_tiff(tmp_path) if request.param == "tiff" else ome_zarr(tmp_path, request.param)


@pytest.mark.parametrize(
    ("channel", "number"),
    [(1, 1), ("DAPI", 0), ("gfp", 1), ("CD4+", 2), ("2", 2), (["GFP"], 1), (np.int64(2), 2)],
)
def test_a_channel_by_number_and_by_name(path: Path, channel: Any, number: int) -> None:
    np.testing.assert_array_equal(read_image(path, channel=channel).data, IMAGE[:, number])
    plane = open_planes(path, channel=channel).planes[(1,)]
    part = (slice(3, 30), slice(7, 9))
    np.testing.assert_array_equal(plane.read_region(part), IMAGE[1, number][part])
    assert plane.dtype == np.uint16


@pytest.mark.parametrize(
    "channel", ["0+2", "DAPI+2", "dapi + cd4+", "CD4++DAPI", "2+DAPI", [0, 2], (2, "DAPI"), "2+0"]
)
def test_ways_to_name_two_channels(path: Path, channel: Any) -> None:
    combined = read_image(path, channel=channel)
    assert (combined.axes, combined.data.dtype) == ("TYX", np.float32)
    np.testing.assert_allclose(combined.data, read_image(path, channel=[0, 2]).data, atol=1e-6)


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        ("RFP", r"no channel 'RFP': its channels are \(DAPI, GFP, CD4\+\)"),
        ("DAPI+RFP", "no channel 'RFP'"),
        (3, r"numbered 0 to 2 \(DAPI, GFP, CD4\+\): there is no channel 3"),
        ([0, 7], "there is no channel 7"),
        (None, r"of 3 channels \(DAPI, GFP, CD4\+\): choose one"),
        ("0+", "no channel ''"),
    ],
)
def test_channels_that_are_not_there(path: Path, channel: Any, message: str) -> None:
    for read in (read_image, open_planes):
        with pytest.raises(ImageError, match=message):
            read(path, channel=channel)


@pytest.mark.parametrize("channel", ["0+0", "DAPI+0", [1, 1], []])
def test_channels_named_twice_or_not_at_all(path: Path, channel: Any) -> None:
    with pytest.raises(ImageError, match="named once"):
        open_planes(path, channel=channel)


def test_a_wavelength_is_a_name_where_there_is_no_such_number() -> None:
    raw = RawImage(IMAGE[0], "CYX", {}, {}, channels=("405", "488", "561"))
    assert choose_channels(raw, 488, where="a").layout.fixed == ((0, 1),)
    assert choose_channels(raw, "405+561", where="a").layouts[1].fixed == ((0, 2),)


def test_an_image_of_one_channel_needs_no_choice(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", IMAGE[0, 0])
    found = gather_planes([tmp_path], channel="DAPI+GFP")
    np.testing.assert_array_equal(found.planes[0].read(), IMAGE[0, 0])


@pytest.mark.parametrize(
    ("text", "channel"),
    [("2", 2), (" 10 ", 10), ("DAPI", "DAPI"), ("0+2", "0+2"), ("CD4+", "CD4+")],
)
def test_channels_as_they_are_written(text: str, channel: int | str) -> None:
    assert parse_channel(text) == channel


@pytest.mark.parametrize("text", ["", "  ", "+", " + +"])
def test_nothing_is_no_channel(text: str) -> None:
    with pytest.raises(ParameterError, match="0\\+2"):
        parse_channel(text)


# Combining.


def raw_of(*channels: Any) -> RawImage:
    return RawImage(np.stack(channels), "CYX", {}, {})


def combined(*channels: Any) -> Any:
    raw = raw_of(*channels)
    return choose_channels(raw, tuple(range(len(channels))), where="a").read(())


def contrast(image: Any, labels: Any) -> float:
    return float(np.median(image[labels > 0]) - np.median(image[labels == 0]))


def test_no_channel_drowns_the_others() -> None:
    """Cells that are seen in one channel only are equally bright, however dim the channel is."""
    _, labels = simulate_dense_nuclei(shape=(128, 128), diameter=20)
    left, right = labels.copy(), labels.copy()
    left[:, 64:] = right[:, :64] = 0
    noise = RNG.normal(100, 2, (2, 128, 128))
    bright = noise[0] + 5000 * (left > 0)
    dim = noise[1] + 100 * (right > 0)
    image = combined(bright, dim)
    assert contrast(image, left) == pytest.approx(contrast(image, right), rel=0.1)
    assert contrast(bright + dim, left) > 40 * contrast(bright + dim, right)


def test_a_channel_of_noise_adds_next_to_nothing() -> None:
    _, labels = simulate_dense_nuclei(shape=(128, 128), diameter=20)
    noise = RNG.normal(100, 2, (2, 128, 128))
    image = combined(noise[0] + 500 * (labels > 0), noise[1])
    alone = combined(noise[0] + 500 * (labels > 0), np.zeros((128, 128)))
    assert np.std(image - alone) < 0.1 * contrast(image, labels)


@given(st.floats(0.01, 1000), st.floats(-500, 500))
def test_gain_and_offset_of_a_channel_do_not_matter(gain: float, offset: float) -> None:
    one, other = IMAGE[0, :2, :20, :20].astype(float)
    expected = combined(one, other)
    np.testing.assert_allclose(combined(one, gain * other + offset), expected, atol=1e-3)


def test_what_is_unknown_in_one_channel_is_unknown() -> None:
    one, other = IMAGE[0, :2].astype(np.float32)
    other[3, 4:9] = np.nan
    np.testing.assert_array_equal(np.isnan(combined(one, other)), np.isnan(other))
    assert np.isnan(combined(one, np.full_like(one, np.nan))).all()


@pytest.mark.parametrize("limit", [10**9, 1000])
def test_a_region_is_a_part_of_the_whole(
    path: Path, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The numbers of large planes are found in blocks of them.
    monkeypatch.setattr(plane_readers, "_LARGEST_SEEN_WHOLE", limit)
    monkeypatch.setattr(plane_readers, "_BLOCK", 8)
    whole = open_planes(path, channel="0+2").planes[(1,)].read()
    plane = pickle.loads(pickle.dumps(open_planes(path, channel="0+2").planes[(1,)]))
    assert (plane.dtype, plane.shape) == (np.float32, (40, 50))
    for part in (np.s_[3:30, 7:9], np.s_[0:40, 49:50]):
        np.testing.assert_array_equal(plane.read_region(part), whole[part])
    np.testing.assert_array_equal(read_image(path, channel="0+2").data[1], whole)


def test_a_large_plane_is_not_read_whole() -> None:
    class Large:
        shape, dtype = (2, 20_000, 20_000), np.dtype(np.uint16)
        pixels = 0

        def __getitem__(self, index: Any) -> Any:
            shape = [len(range(*part.indices(20_000))) for part in index[1:]]
            self.pixels += int(np.prod(shape))
            return RNG.integers(0, 99, shape, dtype=np.uint16)

    large = Large()
    reader = choose_channels(RawImage(large, "CYX", {}, {}), "0+1", where="a")
    assert reader.read((), np.s_[500:700, 0:300]).shape == (200, 300)
    assert large.pixels < 10**7
    before = large.pixels
    reader.read((), np.s_[0:10, 0:10])
    assert large.pixels == before + 200
