"""Measurements with known answers, tables, and the preparation before them."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.measure import regionprops

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.measurement import (
    Measurements,
    ObjectFilter,
    iterate_preparation,
    measure_objects,
    prepare,
    summarise,
    write_measurements,
    write_summary,
)


def two_boxes() -> np.ndarray:
    plane = np.zeros((20, 30), dtype=np.uint16)
    plane[2:6, 3:13] = 7
    plane[10:20, 20:25] = 300
    return plane


def test_sizes_are_physical_where_the_scale_is_known():
    columns = measure_objects(two_boxes(), scale=(0.5, 0.5), units=("um", "micrometer")).columns
    assert columns["label"].tolist() == [7, 300]
    assert columns["area_px"].tolist() == [40, 50]
    np.testing.assert_allclose(columns["area_um2"], [10, 12.5])
    np.testing.assert_allclose(columns["y_px"], [3.5, 14.5])
    np.testing.assert_allclose(columns["x_um"], [3.75, 11])
    np.testing.assert_allclose(columns["diameter_um"], np.sqrt(4 * np.array([10, 12.5]) / np.pi))
    assert columns["touches_edge"].tolist() == [0, 1]
    assert "diameter_px" not in columns


def test_pixels_that_are_not_square_and_units_that_differ():
    columns = measure_objects(
        two_boxes(), scale=(1000.0, 0.5), units=("nanometer", "micrometer")
    ).columns
    np.testing.assert_allclose(columns["area_um2"], [20, 25])
    np.testing.assert_allclose(columns["y_um"], [3.5, 14.5])
    assert "perimeter_um" not in columns


def test_without_a_unit_everything_is_in_pixels():
    columns = measure_objects(two_boxes(), scale=(3, 3)).columns
    assert columns["area_px"].tolist() == [40, 50]
    assert not [name for name in columns if name.endswith(("um", "um2"))]
    assert columns["perimeter_px"][0] == pytest.approx(2 * (3 + 9))


def test_intensities_of_several_channels_and_unknown_pixels():
    rng = np.random.default_rng(0)
    plane = two_boxes()
    green, red = rng.random(plane.shape), np.full(plane.shape, np.nan)
    red[2, 3:5] = 4, 6
    columns = measure_objects(plane, {"GFP (488)": green, "red": red}).columns
    inside = green[plane == 7]
    assert columns["mean_GFP_488"][0] == pytest.approx(inside.mean())
    assert columns["std_GFP_488"][0] == pytest.approx(inside.std())
    assert columns["max_GFP_488"][0] == inside.max()
    assert columns["sum_GFP_488"][1] == pytest.approx(green[plane == 300].sum())
    assert columns["mean_red"][0] == 5
    assert columns["min_red"][0] == 4
    assert np.isnan(columns["mean_red"][1])


def test_names_that_read_the_same_stay_apart():
    plane = two_boxes()
    columns = measure_objects(plane, {"a b": plane, "a-b": 2 * plane, "+": plane}).columns
    assert columns["mean_a_b_2"].tolist() == [14, 600]
    assert columns["mean_image"].tolist() == [7, 300]


def test_stacks_have_a_row_per_object_and_plane_with_its_time():
    stack = np.stack([two_boxes(), np.zeros_like(two_boxes()), two_boxes()])
    table = measure_objects(
        stack, {"i": stack}, axes="TYX", scale=(5, 1, 1), units=("minute", "pixel", "pixel")
    )
    assert table.planes == 3
    assert table.columns["t"].tolist() == [0, 0, 2, 2]
    assert table.columns["t_min"].tolist() == [0, 0, 10, 10]
    assert table.columns["mean_i"].tolist() == [7, 300, 7, 300]
    assert list(table.columns)[:3] == ["t", "t_min", "label"]


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        np.int32,
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=10),
        elements=st.integers(0, 5),
    )
)
def test_every_object_is_one_row_of_finite_numbers(plane):
    columns = measure_objects(plane, {"i": plane * 2.0}, scale=(2, 2), units=("nm", "nm")).columns
    assert columns["label"].tolist() == np.unique(plane[plane > 0]).tolist()
    assert columns["area_px"].sum() == np.count_nonzero(plane)
    np.testing.assert_allclose(columns["mean_i"], 2.0 * columns["label"])
    assert all(np.isfinite(values).all() for values in columns.values())
    centroids = np.array([region.centroid for region in regionprops(plane)]).reshape(-1, 2)
    np.testing.assert_allclose(columns["y_nm"], 2 * centroids[:, 0])


def test_what_does_not_fit_is_refused():
    with pytest.raises(ImageError, match="image i has the shape"):
        measure_objects(two_boxes(), {"i": np.zeros((3, 3))})
    with pytest.raises(ParameterError, match="integers"):
        measure_objects(two_boxes() / 2)
    with pytest.raises(ParameterError, match="axes"):
        measure_objects(two_boxes(), axes="TYX")


def read(path):
    with path.open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file))


def test_tables_are_read_back(tmp_path):
    unknown = np.full(two_boxes().shape, np.nan)
    table = measure_objects(two_boxes(), {"i": unknown})
    (first, second) = read(write_measurements(tmp_path / "a.csv", table))
    assert (first["label"], first["area_px"], first["mean_i"]) == ("7", "40", "")
    assert float(second["y_px"]) == 14.5

    fields = {"a.tif": table, "b.tif": measure_objects(np.zeros((4, 4), int)), "c.tif": table}
    rows = read(write_measurements(tmp_path / "all.csv", fields))
    assert [row["file"] for row in rows] == ["a.tif"] * 2 + ["c.tif"] * 2
    summary = read(write_summary(tmp_path / "s.csv", fields))
    assert [(row["file"], row["objects"]) for row in summary] == [
        ("a.tif", "2"),
        ("b.tif", "0"),
        ("c.tif", "2"),
    ]
    assert (summary[0]["mean_area_px"], summary[1]["mean_area_px"]) == ("45.0", "")


def test_a_summary_leaves_out_places_and_numbers():
    row = summarise(measure_objects(two_boxes(), {"i": two_boxes()}))
    assert row["touching_edge"] == 1
    assert row["median_area_px"] == 45
    assert row["mean_i"] == 153.5
    assert not {"mean_label", "mean_y_px", "mean_touches_edge", "mean_std_i"} & row.keys()
    assert summarise(Measurements()) == {"planes": 0, "objects": 0}


def test_labels_are_filtered_counted_and_linked_plane_by_plane():
    stack = np.stack([two_boxes(), np.roll(two_boxes() * 2, 1, axis=1)])
    stack[0, 0, 0] = 9
    steps = iterate_preparation(
        stack, axes="TYX", wanted=ObjectFilter(minimum_size=2, clear_border=True), link=True
    )
    updates = []
    while True:
        try:
            updates.append(next(steps))
        except StopIteration as end:
            result = end.value
            break
    assert (result.kept, result.left_out) == (2, 3)
    assert np.unique(result.labels.data).tolist() == [0, 1]
    assert [(u.done, u.total) for u in updates] == [(0, 2), (1, 2), (2, 2)] * 2
    assert stack[0, 0, 0] == 9


@pytest.mark.parametrize("dtype", ["bool", "uint8", ">u2", "int64", "uint64"])
def test_every_type_of_labels_is_taken(dtype):
    stack = np.stack([two_boxes() > 0] * 2).astype(dtype)
    wanted = ObjectFilter(fill_holes=True, clear_border=True, minimum_size=1, maximum_size=999)
    assert prepare(stack, axes="ZYX", link=True).kept == 2
    assert prepare(stack, axes="ZYX", wanted=wanted, link=True).left_out == 2
    assert measure_objects(stack, axes="ZYX").columns["area_px"].tolist() == [90, 90]


def test_lazy_labels_are_read_plane_by_plane():
    dask = pytest.importorskip("dask.array")
    stack = np.stack([two_boxes()] * 3)
    lazy = dask.from_array(stack, chunks=(1, 20, 30))
    result = prepare(lazy, axes="ZYX", name="lazy")
    np.testing.assert_array_equal(result.labels.data, stack)
    with pytest.raises(ParameterError, match="below 2"):
        prepare(np.full((2, 2), 2**33), name="huge")
