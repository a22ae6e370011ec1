"""inpaintaff segment, partition and foreground, with a tiny model that knows nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage
from two_cells import two_cells

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
from napari_inpaintaff.images import (
    read_affinity_file,
    read_image,
    write_affinities,
    write_array,
)
from napari_inpaintaff.separation import affinities_from_labels

# Few updates and large strides: these tests look at files, not at the quality of splits.
QUICK = ("--iterations", 2, "--stride", 64, "--device", "cpu")


@pytest.fixture
def segment(run, model, tmp_path):
    """Run ``segment`` quickly; give the outcome and the labels."""

    def segment(image, *options):
        output = tmp_path / "labels.tif"
        outcome = run("segment", image, "-o", output, "--model", model, *QUICK, *options)
        return outcome, tifffile.imread(output) if output.exists() else None

    return segment


def consecutive(labels):
    numbers = np.unique(labels)
    return numbers.tolist() == list(range(len(numbers)))


def test_labels_fill_the_foreground_of_otsu(segment, image):
    outcome, labels = segment(image)
    assert outcome.code == 0
    assert outcome.complaints == []
    assert labels.shape == (96, 96)
    assert labels.dtype == np.uint16
    assert consecutive(labels)
    cells = two_cells()[1] > 0
    assert (labels[cells] > 0).mean() > 0.95
    assert (labels[~cells] > 0).mean() < 0.05
    assert f"labels.tif: {labels.max()} objects" in outcome.out


def test_without_foreground_every_pixel_of_the_region_is_labelled(segment, image):
    _, labels = segment(image, "--foreground", "none", "--region", "10:60,20:")
    inside = np.zeros_like(labels, dtype=bool)
    inside[10:60, 20:] = True
    assert ((labels > 0) == inside).all()
    assert consecutive(labels)


def test_mask_file_is_the_foreground(segment, image, tmp_path):
    mask = np.zeros((96, 96), np.uint8)
    mask[30:60, 30:70] = 7
    tifffile.imwrite(tmp_path / "mask.tif", mask)
    outcome, labels = segment(image, "--foreground", tmp_path / "mask.tif", "--outlines", "keep")
    assert ((labels > 0) == (mask > 0)).all()
    assert "moved" not in outcome.out


def test_outlines_of_a_rough_mask_are_moved_to_the_edges(segment, image, tmp_path):
    cells = two_cells()[1] > 0
    rough = ndimage.binary_dilation(cells, iterations=3)
    tifffile.imwrite(tmp_path / "mask.tif", rough.astype(np.uint8))
    outcome, labels = segment(image, "--foreground", tmp_path / "mask.tif")
    found = labels > 0
    assert (found & cells).sum() / (found | cells).sum() > 0.9
    assert "outlines of the foreground were moved by" in outcome.out
    assert "--outlines keep" in outcome.out


@pytest.mark.parametrize("options", [(), ("--diameter", 40, "--minimum-size", 50)])
def test_partition_of_saved_affinities_gives_the_same_labels(
    segment, image, run, tmp_path, options
):
    saved, again = tmp_path / "a.npz", tmp_path / "again.tif"
    _, labels = segment(image, "--save-affinities", saved, "--region", "20:80,10:90", *options)
    outcome = run("partition", saved, "-o", again, *options)
    assert (outcome.code, outcome.err) == (0, "")
    assert (tifffile.imread(again) == labels).all()


def test_partition_with_other_settings(segment, image, run, tmp_path):
    saved, output = tmp_path / "a.npz", tmp_path / "again.tif"
    segment(image, "--save-affinities", saved)

    def partition(*options):
        outcome = run("partition", saved, "-o", output, *options)
        assert outcome.code == 0, outcome.err
        return tifffile.imread(output)

    everything = partition("--foreground", "none")
    assert (everything > 0).all()
    otsu = partition("--foreground", "otsu", "--image", image)
    assert ((otsu > 0) == (partition() > 0)).all()
    components = partition("--partition", "connected_components", "--minimum-size", 0)
    assert ((components > 0) == (otsu > 0)).all()


def test_more_alpha_gives_more_objects(run, tmp_path):
    """Local edges across the border attract with 0.7, long ones repel with alpha * 0.6."""
    cells = two_cells()[1]
    values = affinities_from_labels(cells, PUBLISHED_OFFSETS).values
    values = np.maximum(values, 0.4)
    values[:2] = np.maximum(values[:2], 0.7)
    saved, output = tmp_path / "a.npz", tmp_path / "labels.tif"
    pairs = Affinities(values, PUBLISHED_OFFSETS, np.ones_like(values))
    write_affinities(saved, pairs, foreground=cells > 0)
    chosen = ("--partition", "mutex_watershed", "--alpha")
    for alpha, objects in ((1.0, 1), (1.5, 2)):
        assert run("partition", saved, "-o", output, *chosen, alpha).code == 0
        assert tifffile.imread(output).max() == objects


def test_method_needs_the_image_in_partition(segment, image, run, tmp_path):
    saved = tmp_path / "a.npz"
    segment(image, "--save-affinities", saved)
    outcome = run("partition", saved, "-o", tmp_path / "b.tif", "--foreground", "otsu")
    assert outcome.code == 2
    assert "--image" in outcome.err


def test_same_seed_same_labels(segment, image):
    first, second, other = (segment(image, "--seed", seed)[1] for seed in (3, 3, 4))
    assert (first == second).all()
    assert first.shape == other.shape


def test_stack_is_labelled_plane_by_plane_with_its_scale(segment, tmp_path):
    plane = two_cells()[0]
    path = tmp_path / "movie.tif"
    scale, units = (5.0, 0.5, 0.5), ("second", "micrometer", "micrometer")
    write_array(path, np.stack([plane, plane[::-1]]), axes="TYX", scale=scale, units=units)
    outcome, labels = segment(path)
    assert outcome.code == 0
    assert "in 2 planes" in outcome.out
    assert labels.shape == (2, 96, 96)
    assert all(consecutive(plane) and plane.max() > 0 for plane in labels)
    written = read_image(tmp_path / "labels.tif")
    assert written.axes == "TYX"
    assert written.scale == pytest.approx(scale)
    assert written.units == units


def test_one_mask_serves_all_planes_and_a_stack_one_each(segment, tmp_path):
    plane = two_cells()[0]
    path = tmp_path / "movie.tif"
    write_array(path, np.stack([plane, plane]), axes="TYX")
    masks = np.zeros((2, 96, 96), np.uint8)
    masks[0, 20:50, 20:50] = masks[1, 50:90, 50:90] = 1
    tifffile.imwrite(tmp_path / "one.tif", masks[0])
    tifffile.imwrite(tmp_path / "each.tif", masks, photometric="minisblack")
    _, labels = segment(path, "--foreground", tmp_path / "each.tif")
    assert ((labels > 0) == (masks > 0)).all()
    _, labels = segment(path, "--foreground", tmp_path / "one.tif")
    assert ((labels > 0) == (masks[:1] > 0)).all()


def test_channel_of_a_colour_image(segment, tmp_path):
    colours = np.zeros((96, 96, 3), np.uint8)
    colours[..., 1] = (two_cells()[0] // 8).clip(0, 255)
    path = tmp_path / "rgb.tif"
    tifffile.imwrite(path, colours, photometric="rgb")
    outcome, labels = segment(path, "--channel", 1)
    assert outcome.code == 0
    assert labels.max() > 0
    outcome, _ = segment(path)
    assert outcome.code == 2
    assert "--channel" in outcome.err


@pytest.mark.parametrize("channel", ["0+2", "left+right"])
def test_channels_that_are_combined(segment, tmp_path, channel):
    plane = two_cells()[0]
    half = plane.shape[1] // 2
    noise = np.random.default_rng(0).integers(90, 110, (3, *plane.shape)).astype(np.uint16)
    noise[0, :, :half] = plane[:, :half]
    noise[2, :, half:] = plane[:, half:] // 8
    metadata = {"axes": "CYX", "Channel": {"Name": ["left", "empty", "right"]}}
    path = tmp_path / "cells.ome.tif"
    tifffile.imwrite(path, noise, ome=True, metadata=metadata)
    outcome, labels = segment(path, "--channel", channel)
    assert outcome.code == 0
    assert (labels > 0)[:, :half].any()
    assert (labels > 0)[:, half:].any()
    outcome, _ = segment(path, "--channel", "middle")
    assert outcome.code == 2
    assert "its channels are (left, empty, right)" in outcome.err


def test_small_constant_and_partly_unknown_images(segment, tmp_path):
    plane = two_cells()[0]
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, plane[30:60, 25:80])
    outcome, labels = segment(path)
    assert (outcome.code, labels.shape) == (0, (30, 55))
    tifffile.imwrite(path, np.full((96, 96), 7, np.uint16))
    outcome, labels = segment(path)
    assert outcome.code == 0
    assert not labels.any()
    assert len(outcome.lines) == 1
    assert outcome.lines[0].startswith("inpaintaff: warning: ")
    holes = plane.astype(np.float32)
    holes[::17, ::13] = np.nan
    tifffile.imwrite(path, holes)
    outcome, labels = segment(path)
    assert outcome.code == 0
    assert labels.max() > 0


def test_affinity_file_keeps_the_scale(segment, run, tmp_path):
    path, saved, output = (tmp_path / name for name in ("i.tif", "a.npz", "again.tif"))
    write_array(path, two_cells()[0], scale=(0.3, 0.2), units=("micrometer", "micrometer"))
    segment(path, "--save-affinities", saved)
    assert read_affinity_file(saved).scale == pytest.approx((0.3, 0.2))
    run("partition", saved, "-o", output)
    assert read_image(output).scale == pytest.approx((0.3, 0.2))


def test_foreground_mask_and_probability(run, image, tmp_path):
    output = tmp_path / "mask.tif"
    outcome = run("foreground", image, "-o", output, "--method", "otsu")
    assert (outcome.code, outcome.err) == (0, "")
    mask = tifffile.imread(output)
    assert mask.dtype == np.uint8
    assert set(np.unique(mask)) == {0, 1}
    assert (mask == (two_cells()[1] > 0)).mean() > 0.97
    run("foreground", image, "-o", output, "--method", "otsu", "--probability")
    probability = tifffile.imread(output)
    assert probability.dtype == np.float32
    assert ((probability >= 0.5) == mask).mean() > 0.99
    run("foreground", image, "-o", output, "--method", "none")
    assert (tifffile.imread(output) == 1).all()


def test_unknown_names_list_the_known_ones(run, image, segment, tmp_path):
    outcome, _ = segment(image, "--foreground", "otzu")
    assert (outcome.code, len(outcome.lines)) == (2, 1)
    assert "'otzu'" in outcome.err
    assert "otsu" in outcome.err.replace("otzu", "")
    outcome = run("foreground", image, "-o", tmp_path / "m.tif", "--method", "otzu")
    assert (outcome.code, len(outcome.lines)) == (2, 1)
    assert "otsu" in outcome.err.replace("otzu", "")
    outcome, _ = segment(image, "--partition", "watershed")
    assert (outcome.code, len(outcome.lines)) == (2, 1)
    assert "mutex_watershed" in outcome.err


def test_inputs_are_not_overwritten(run, image, tmp_path):
    before = image.read_bytes()
    outcome = run("foreground", image, "-o", image, "--method", "otsu")
    assert outcome.code == 2
    assert "input" in outcome.err
    assert image.read_bytes() == before


def test_affinities_of_a_stack_are_refused_before_the_work(run, tmp_path):
    path: Path = tmp_path / "movie.tif"
    write_array(path, np.stack([two_cells()[0]] * 2), axes="TYX")
    saved = tmp_path / "a.npz"
    outcome = run("segment", path, "-o", tmp_path / "l.tif", "--save-affinities", saved)
    assert outcome.code == 2
    assert "--save-affinities keeps one plane" in outcome.err
