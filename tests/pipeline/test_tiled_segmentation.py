"""Images of any size become labels tile by tile, and nothing is lost on the way."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr
from skimage.metrics import variation_of_information as skimage_variation

from napari_inpaintaff.errors import ImageError, ModelFileError, OutputError, ParameterError
from napari_inpaintaff.images import read_image, read_labels, simulate_dense_nuclei, write_array
from napari_inpaintaff.partition import OutlineParameters, PartitionParameters
from napari_inpaintaff.pipeline import segment
from napari_inpaintaff.pipeline.tasks import Pool
from napari_inpaintaff.pipeline.tiled import (
    ImageArray,
    ImageFile,
    Recipe,
    iterate_tiled_segmentation,
    segment_tiled,
    unfinished_folder,
)

STUDENT = Recipe(model="nuclei-student", device="cpu")


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """Two by two tiles of 512, of which the outer ones are smaller."""
    return simulate_dense_nuclei(shape=(700, 840), seed=3)[0]


@pytest.fixture(scope="module")
def whole(image):
    return segment(image, model="nuclei-student", device="cpu")


@pytest.fixture(scope="module")
def finished(image, tmp_path_factory):
    """An uninterrupted run with its affinities kept."""
    output = tmp_path_factory.mktemp("tiled") / "cells.tif"
    return segment_tiled(ImageArray(image), output, recipe=STUDENT, tile=512, keep_affinities=True)


def variation_of_information(found: np.ndarray, truth: np.ndarray) -> float:
    return sum(skimage_variation(truth, found))


def test_labels_of_tiles_are_those_of_the_plane(finished, whole):
    labels = read_labels(finished.path)
    assert np.array_equal(labels > 0, whole.labels > 0)
    assert variation_of_information(labels, whole.labels) < 0.01
    assert finished.cells == (labels.max(),)
    assert set(np.unique(labels)) == set(range(labels.max() + 1))
    assert not unfinished_folder(finished.path).exists()


def test_kept_affinities_are_those_of_the_plane(finished, whole):
    group = zarr.open_group(finished.affinities, mode="r")
    values = group["0"][:]
    assert tuple(map(tuple, group.attrs["offsets"])) == whole.affinities.offsets
    assert np.array_equal(~np.isnan(values), whole.affinities.weight > 0)
    known = whole.affinities.weight > 0
    assert np.abs(values - whole.affinities.values)[known].max() < 0.02


def test_a_cancelled_run_goes_on_and_ends_with_the_same_bytes(finished, image, tmp_path):
    output = tmp_path / "cells.tif"
    options = {"recipe": STUDENT, "tile": 512, "keep_affinities": True}
    for stop in (3, 9, 17):
        with closing(iterate_tiled_segmentation(ImageArray(image), output, **options)) as steps:
            shares = [next(steps).done for _ in range(stop)]
        assert unfinished_folder(output).is_dir()
        assert not output.exists()
    assert shares[-1] > 1
    result = segment_tiled(ImageArray(image), output, **options)
    assert output.read_bytes() == finished.path.read_bytes()
    assert contents(result.affinities) == contents(finished.affinities)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cells.tif",
        "cells_affinities.zarr",
    ]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "other",
    [
        {"recipe": replace(STUDENT, diameter=30.0)},
        {"recipe": replace(STUDENT, model="nuclei-small")},
        {"recipe": replace(STUDENT, foreground="global_otsu")},
        {"recipe": replace(STUDENT, partition=PartitionParameters("mutex_watershed"))},
        {"tile": 1024},
        {"image": 1},
    ],
    ids=["diameter", "model", "foreground", "partition", "tile", "image"],
)
def test_unfinished_work_of_another_run_is_refused_or_thrown_away(image, tmp_path, other):
    output = tmp_path / "cells.zarr"
    begin = iterate_tiled_segmentation(ImageArray(image), output, recipe=STUDENT, tile=512)
    with closing(begin) as steps:
        for _ in range(4):
            next(steps)
    before = contents(unfinished_folder(output))
    another = image.copy()
    another[0, 0] += other.pop("image", 0)
    options = {"recipe": STUDENT, "tile": 512, **other}
    with pytest.raises(OutputError, match="another image, with another model or other settings"):
        next(iterate_tiled_segmentation(ImageArray(another), output, **options))
    assert contents(unfinished_folder(output)) == before
    again = iterate_tiled_segmentation(ImageArray(another), output, **options, restart=True)
    with closing(again) as steps:
        assert next(steps).done == 0
    assert contents(unfinished_folder(output)) != before


def test_unfinished_work_of_another_version_is_refused(image, tmp_path):
    output = tmp_path / "cells.zarr"
    begin = iterate_tiled_segmentation(ImageArray(image), output, recipe=STUDENT, tile=512)
    with closing(begin) as steps:
        next(steps)
    (about,) = unfinished_folder(output).glob("run.json")
    about.write_text(about.read_text().replace('"format": 2', '"format": 1'))
    with pytest.raises(OutputError, match="another version"):
        next(iterate_tiled_segmentation(ImageArray(image), output, recipe=STUDENT, tile=512))


def test_a_folder_of_something_else_is_never_touched(image, tmp_path):
    folder = unfinished_folder(tmp_path / "cells.tif")
    folder.mkdir()
    (folder / "thesis.txt").write_text("42")
    for restart in (False, True):
        with pytest.raises(OutputError, match="other files"):
            segment_tiled(ImageArray(image), tmp_path / "cells.tif", restart=restart)
    assert (folder / "thesis.txt").read_text() == "42"


@pytest.fixture(scope="module")
def series() -> np.ndarray:
    """A time-lapse of small frames; the third one is black."""
    frames = [simulate_dense_nuclei(shape=(130, 150), seed=seed)[0] for seed in range(5)]
    frames[2][:] = 7
    return np.stack(frames)


def test_frames_are_labelled_alone_and_a_black_one_is_left_out(series, tmp_path):
    source = ImageArray(
        series,
        axes="TYX",
        scale=(60.0, 0.5, 0.5),
        units=("second",) + ("micrometer",) * 2,
        name="film",
    )
    result = segment_tiled(source, tmp_path / "cells.zarr", recipe=STUDENT)
    found = read_image(tmp_path / "cells.zarr")
    assert (found.axes, found.scale) == ("TYX", (60.0, 0.5, 0.5))
    assert [plane.path_or_name for plane in result.skipped] == ["film [2]"]
    assert "every pixel is 7" in result.skipped[0].reason
    assert len(result.cells) == 4
    assert not found.data[2].any()
    for number in (0, 1, 3, 4):
        alone = segment(series[number], model="nuclei-student", device="cpu").labels
        assert np.array_equal(found.data[number], alone)


def test_processes_give_the_same_bytes(series, tmp_path):
    for name, pool in (
        ("one", Pool()),
        ("many", Pool("processes", 2)),
        ("threads", Pool("threads", 2)),
    ):
        segment_tiled(
            ImageArray(series, axes="TYX"), tmp_path / f"{name}.tif", recipe=STUDENT, pool=pool
        )
    one = (tmp_path / "one.tif").read_bytes()
    assert (tmp_path / "many.tif").read_bytes() == one
    assert (tmp_path / "threads.tif").read_bytes() == one


def test_nothing_but_black_frames_is_an_error(tmp_path):
    with pytest.raises(ImageError, match="cannot be used: empty"):
        segment_tiled(
            ImageArray(np.ones((2, 64, 64)), axes="TYX"), tmp_path / "cells.tif", recipe=STUDENT
        )
    assert not (tmp_path / "cells.tif").exists()


def test_a_black_plane_of_many_tiles_is_an_error(tmp_path):
    with pytest.raises(ImageError, match="cannot be used: empty"):
        segment_tiled(
            ImageArray(np.ones((600, 64))), tmp_path / "cells.tif", recipe=STUDENT, tile=512
        )


def test_a_lazy_plane_is_read_in_parts(image, whole, tmp_path):
    sizes = []

    def look(block):
        sizes.append(block.size)
        return block

    lazy = da.from_array(np.tile(image, (2, 2)), chunks=128).map_blocks(look, dtype=image.dtype)
    recipe = Recipe(partition=OutlineParameters(), foreground="global_otsu")
    sizes.clear()
    result = segment_tiled(ImageArray(lazy), tmp_path / "cells.zarr", recipe=recipe, tile=512)
    assert result.cells[0] > 500
    assert max(sizes) <= 128 * 128


def test_a_region_is_labelled_alone(image, whole, tmp_path):
    region = (slice(200, 620), slice(100, 700))
    recipe = replace(STUDENT, region=region, partition=PartitionParameters("mutex_watershed"))
    segment_tiled(ImageArray(image), tmp_path / "cells.tif", recipe=recipe, tile=512)
    labels = read_labels(tmp_path / "cells.tif")
    inside = np.zeros(image.shape, bool)
    inside[region] = True
    assert np.array_equal(labels > 0, (whole.labels > 0) & inside)


@pytest.mark.parametrize("shape", [(700, 840), (2, 700, 840)])
def test_a_mask_from_a_file_is_the_foreground(image, tmp_path, shape):
    truth = simulate_dense_nuclei(shape=(700, 840), seed=3)[1] > 0
    write_array(
        tmp_path / "mask.tif", np.broadcast_to(truth, shape).copy(), axes="TYX"[-len(shape) :]
    )
    stack = np.stack([image, image])
    recipe = Recipe(
        partition=OutlineParameters("foreground_components"),
        foreground=ImageFile(tmp_path / "mask.tif"),
        outlines="keep",
    )
    source = ImageArray(stack, axes="TYX")
    segment_tiled(source, tmp_path / "cells.tif", recipe=recipe, tile=512)
    labels = read_labels(tmp_path / "cells.tif")
    whole = segment(image, foreground=truth, partition=recipe.partition, outlines="keep").labels
    for plane in labels:
        assert np.array_equal(plane > 0, truth)
        assert variation_of_information(plane, whole) < 1e-9


def test_bad_input_is_refused_before_anything_is_written(image, tmp_path):
    source, output = ImageArray(image), tmp_path / "cells.tif"
    write_array(tmp_path / "mask.tif", np.ones((5, 5), np.uint8))
    for error, message, options in (
        (ParameterError, "multiple of 512", {"tile": 1000}),
        (OutputError, "must end in", {"output": tmp_path / "cells.png"}),
        (ModelFileError, "nobody", {"recipe": Recipe(model="nobody")}),
        (
            ImageError,
            "foreground has the shape",
            {"recipe": Recipe(foreground=ImageFile(tmp_path / "mask.tif"))},
        ),
        (ImageError, "no file", {"source": ImageFile(tmp_path / "nothing.tif")}),
        (
            ParameterError,
            "no affinities to keep",
            {"recipe": Recipe(partition=OutlineParameters()), "keep_affinities": True},
        ),
        (OutputError, "no folder", {"output": tmp_path / "a" / "cells.tif"}),
    ):
        given = {"source": source, "output": output, **options}
        with pytest.raises(error, match=message):
            segment_tiled(given.pop("source"), given.pop("output"), **given)
        assert [path.name for path in tmp_path.iterdir()] == ["mask.tif"], message


def test_a_large_file_is_read_lazily_and_its_scale_stays(image, tmp_path):
    with tifffile.TiffWriter(tmp_path / "slide.tif", bigtiff=True) as file:
        file.write(
            image,
            tile=(128, 128),
            compression="zlib",
            resolution=(2e4, 2e4),
            resolutionunit="CENTIMETER",
        )
    recipe = Recipe(partition=OutlineParameters(), foreground="otsu")
    segment_tiled(
        ImageFile(tmp_path / "slide.tif"), tmp_path / "cells.tif", recipe=recipe, tile=512
    )
    found = read_image(tmp_path / "cells.tif")
    assert found.scale == pytest.approx((0.5, 0.5))
    whole = segment(image, partition=OutlineParameters()).labels
    assert np.array_equal(found.data > 0, whole > 0)
    assert variation_of_information(found.data, whole) < 0.01
