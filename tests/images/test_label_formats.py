"""Labels in the formats of other programs, read back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import roifile
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from skimage.draw import polygon2mask

from napari_inpaintaff.errors import OutputError, ParameterError
from napari_inpaintaff.images import (
    LABEL_FORMATS,
    ImageData,
    read_image,
    read_label_image,
    simulate_dense_nuclei,
    write_challenge_masks,
    write_ome_zarr_labels,
    write_rois,
)
from napari_inpaintaff.images.files import atomic_folder
from napari_inpaintaff.images.imagej_rois import object_outlines


def image_of(data, axes="YX", scale=None, units=None):
    scale, units = scale or (1.0,) * len(axes), units or ("pixel",) * len(axes)
    return ImageData(np.asarray(data), axes, scale, units, "cells")


@pytest.fixture(scope="module")
def nuclei() -> np.ndarray:
    return simulate_dense_nuclei(shape=(96, 120))[1]


@pytest.fixture(scope="module")
def lapse(nuclei) -> ImageData:
    return image_of(
        np.stack([nuclei, nuclei[::-1], np.zeros_like(nuclei)]),
        "TYX",
        (5.0, 0.25, 0.5),
        ("minute", "micrometer", "micrometer"),
    )


def centres_inside(outline: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Fill a polygon (x, y) of ImageJ: the pixels whose centre lies in it."""
    return polygon2mask(shape, outline[:, ::-1] - 0.5)


def test_rois_have_the_pixels_of_their_objects(nuclei, tmp_path):
    rois = roifile.roiread(write_rois(tmp_path / "a.zip", image_of(nuclei)))
    found = {roi.name: roi for roi in rois}
    for label in np.unique(nuclei[nuclei > 0]):
        mask = ndimage.binary_fill_holes(nuclei == label)
        roi = found[f"{label:04}"]
        filled = centres_inside(roi.coordinates(), nuclei.shape)
        iou = np.count_nonzero(mask & filled) / np.count_nonzero(mask | filled)
        assert iou > 0.95
        (ys, xs) = np.nonzero(mask)
        assert abs(roi.top - ys.min()) <= 1
        assert abs(roi.right - xs.max() - 1) <= 1


@settings(max_examples=80, deadline=None)
@given(
    hnp.arrays(
        np.uint8,
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=8),
        elements=st.integers(0, 2),
    )
)
def test_outlines_of_anything_hold_the_centres_of_its_filled_pixels(plane):
    found = {value: np.zeros(plane.shape, bool) for value in np.unique(plane[plane > 0])}
    for label, _, outline in object_outlines(plane):
        found[label] |= centres_inside(outline, plane.shape)
    for value, filled in found.items():
        pieces, count = ndimage.label(plane == value, structure=np.ones((3, 3)))
        wanted = [ndimage.binary_fill_holes(pieces == k + 1) for k in range(count)]
        assert np.array_equal(filled, np.any(wanted, axis=0))


def test_rois_of_stacks_are_bound_to_their_frame(lapse, tmp_path):
    rois = roifile.roiread(write_rois(tmp_path / "a.zip", lapse))
    count = np.unique(lapse.data[0]).size - 1
    assert sorted(roi.t_position for roi in rois) == [1] * count + [2] * count
    assert all(roi.position == roi.t_position for roi in rois)
    assert all(roi.name.startswith(f"T{roi.t_position:03}-") for roi in rois)
    assert len({roi.name for roi in rois}) == 2 * count

    four = image_of(lapse.data[None, :2], "TZYX")
    roi = roifile.roiread(write_rois(tmp_path / "a.zip", four))[-1]
    assert (roi.t_position, roi.z_position, roi.name[:9]) == (1, 2, "T001-Z002")


def test_an_object_in_pieces_has_a_roi_for_each(tmp_path):
    plane = np.zeros((6, 6), np.uint8)
    plane[0, 0] = plane[1, 1] = plane[4:, 4:] = 3
    rois = roifile.roiread(write_rois(tmp_path / "a.zip", image_of(plane)))
    assert [roi.name for roi in rois] == ["0003", "0003-2"]
    with pytest.raises(ParameterError, match="no object"):
        write_rois(tmp_path / "b.zip", image_of(0 * plane))
    with pytest.raises(OutputError, match="must end in"):
        write_rois(tmp_path / "b.roi", image_of(plane))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip"]


def test_challenge_masks_are_numbered_frames(lapse, tmp_path):
    folder = write_challenge_masks(tmp_path / "01_RES", lapse)
    assert sorted(path.name for path in folder.iterdir()) == [
        "mask000.tif",
        "mask001.tif",
        "mask002.tif",
    ]
    for number, frame in enumerate(lapse.data):
        found = tifffile.imread(folder / f"mask{number:03}.tif")
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found, frame)
    assert read_image(folder / "mask001.tif").scale == (0.25, 0.5)


def test_challenge_masks_of_volumes_keep_their_planes(lapse, tmp_path):
    one = write_challenge_masks(tmp_path / "a", image_of(lapse.data, "ZYX"))
    assert [path.name for path in one.iterdir()] == ["mask000.tif"]
    assert tifffile.imread(one / "mask000.tif").shape == lapse.data.shape
    many = write_challenge_masks(tmp_path / "b", image_of(lapse.data[:, None], "TZYX"))
    assert len(list(many.iterdir())) == 3


def test_labels_that_the_challenge_does_not_allow_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="65535, and the largest is 65536"):
        write_challenge_masks(tmp_path / "a", image_of([[65_536]]))
    assert not list(tmp_path.iterdir())
    write_challenge_masks(tmp_path / "a", image_of([[65_535]]))


def test_masks_replace_masks_but_no_other_files(lapse, nuclei, tmp_path):
    folder = write_challenge_masks(tmp_path / "a", lapse)
    write_challenge_masks(folder, image_of(nuclei))
    assert [path.name for path in folder.iterdir()] == ["mask000.tif"]
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="other files"):
        write_challenge_masks(folder, lapse)
    assert (folder / "notes.txt").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_comes_back_with_axes_scale_and_units(lapse, tmp_path, version):
    path = write_ome_zarr_labels(tmp_path / "cells.zarr", lapse, version=version)
    back = read_label_image(path)
    np.testing.assert_array_equal(back.data, lapse.data)
    assert (back.axes, back.scale, back.units) == (lapse.axes, lapse.scale, lapse.units)
    assert back.data.dtype == np.uint16
    attributes = dict(zarr.open_group(path, mode="r").attrs)
    attributes = attributes.get("ome", attributes)
    assert "image-label" in attributes
    assert attributes["multiscales"][0]["axes"][0] == {
        "name": "t",
        "type": "time",
        "unit": "minute",
    }


def test_coarse_resolutions_hold_only_labels_of_the_image(tmp_path):
    data = np.random.default_rng(0).integers(0, 90_000, (700, 1301)).astype(np.uint32)
    path = write_ome_zarr_labels(tmp_path / "a.zarr", image_of(data, scale=(0.5, 2.0)))
    group = zarr.open_group(path, mode="r")
    datasets = group.attrs["multiscales"][0]["datasets"]
    scales = [one["coordinateTransformations"][0]["scale"] for one in datasets]
    assert scales == [[0.5, 2.0], [1.0, 4.0], [2.0, 8.0]]
    for step, one in zip((1, 2, 4), datasets, strict=True):
        np.testing.assert_array_equal(group[one["path"]][...], data[::step, ::step])


def test_an_ome_zarr_is_replaced_whole_and_other_folders_never(lapse, nuclei, tmp_path):
    path = write_ome_zarr_labels(tmp_path / "a.zarr", lapse)
    write_ome_zarr_labels(path, image_of(nuclei), version="0.5")
    assert read_label_image(path).axes == "YX"
    assert not (path / ".zgroup").exists()
    other = tmp_path / "b.zarr"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="other files"):
        write_ome_zarr_labels(other, lapse)
    with pytest.raises(OutputError, match="must end in"):
        write_ome_zarr_labels(tmp_path / "a.tif", lapse)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.zarr", "b.zarr"]


def test_a_failure_in_the_middle_leaves_the_old_folder(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "old").write_text("old")

    def fail():
        with atomic_folder(folder, replaces=lambda path: True) as unfinished:
            (unfinished / "new").write_text("new")
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="the disk is full"):
        fail()
    assert [one.name for one in tmp_path.iterdir()] == ["a"]
    assert [one.name for one in folder.iterdir()] == ["old"]


def test_folders_that_cannot_be_made_are_refused_in_a_sentence(lapse, tmp_path):
    with pytest.raises(OutputError, match="there is no folder"):
        write_challenge_masks(tmp_path / "missing" / "a", lapse)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="a file of that name"):
        write_challenge_masks(tmp_path / "file", lapse)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", LABEL_FORMATS)
def test_a_cancelled_export_leaves_nothing(lapse, tmp_path, name):
    form = LABEL_FORMATS[name]
    path = tmp_path / f"out{(*form.suffixes, '')[0]}"
    form.check(path)
    steps = form.write(path, lapse)
    assert len(list(itertools.islice(steps, 2)))
    steps.close()
    assert not list(tmp_path.iterdir())
    *_, last = form.write(path, lapse)
    assert path.exists()
    assert last.done == last.total
