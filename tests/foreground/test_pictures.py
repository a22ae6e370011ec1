"""Foregrounds of colour pictures, GrabCut and the largest object, against known masks."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_inpaintaff.cli import main
from napari_inpaintaff.errors import ImageError, InstallationError, ParameterError
from napari_inpaintaff.evaluation import mask_scores, mean_mask_scores
from napari_inpaintaff.foreground import (
    PICTURE_METHODS,
    WHOLE_PLANE_METHODS,
    ConstantImageWarning,
    foreground_probability,
    maximise_inpainting_error,
    picture_foreground,
    threshold,
)
from napari_inpaintaff.foreground.border import border_share
from napari_inpaintaff.foreground.grabcut import grabcut_from_mask, grabcut_rectangle
from napari_inpaintaff.foreground.largest import largest_object
from napari_inpaintaff.images import layered_scenes
from napari_inpaintaff.pipeline.window_foreground import foreground_levels

SIDE = 64


def two_discs() -> tuple[np.ndarray, np.ndarray]:
    """A plane of a large and a small bright disc, and where the large one is."""
    y, x = np.mgrid[:60, :70]
    large = np.hypot(y - 25, x - 30) < 15
    small = np.hypot(y - 50, x - 60) < 5
    noise = np.random.default_rng(0).normal(0, 2, large.shape)
    return 20.0 + 60 * (large | small) + noise, large


def test_the_largest_object_is_found_bright_or_dark():
    image, large = two_discs()
    for picture in (image, 100 - image):
        np.testing.assert_array_equal(largest_object(picture), large)
    assert border_share(large) == 0
    found = threshold(foreground_probability(image, "largest"))
    np.testing.assert_array_equal(found, large)
    with pytest.warns(ConstantImageWarning):
        assert not foreground_probability(np.full((9, 9), 3), "largest").any()


@pytest.mark.parametrize("method", ["grabcut", "iem"])
def test_objects_in_colour_are_found_that_brightness_does_not_show(method):
    scenes = layered_scenes(6, SIDE, placement="whole")
    scores = {}
    for name in (method, "global_otsu", "largest"):
        found = [picture_foreground(image, name, device="cpu") > 0.5 for image in scenes.images]
        scores[name] = mean_mask_scores(zip(found, scenes.masks, strict=True)).iou
    assert scores[method] > 0.85
    assert scores["global_otsu"] < 0.3
    assert scores["largest"] < 0.3


def test_iem_of_a_large_picture_is_that_of_the_reduced_one():
    scene = layered_scenes(1, 128, placement="whole")
    image, mask = scene.images[0], scene.masks[0]
    large = image.repeat(2, axis=1).repeat(2, axis=2)
    found = picture_foreground(large, "iem", device="cpu") > 0.5
    assert found.shape == (256, 256)
    (own,) = maximise_inpainting_error(image[None], device="cpu").masks
    assert mask_scores(own, mask).iou > 0.95
    assert mask_scores(found, own.repeat(2, axis=0).repeat(2, axis=1)).iou > 0.95


def test_grabcut_is_repeatable_and_leaves_unknown_pixels_out():
    scene = layered_scenes(1, SIDE, placement="whole")
    image = scene.images[0].astype(float)
    first = grabcut_rectangle(image)
    np.testing.assert_array_equal(first, grabcut_rectangle(image))
    np.testing.assert_array_equal(first, grabcut_rectangle(1000 * image + 7))
    image[:, scene.masks[0].nonzero()[0][0]] = np.nan
    holes = grabcut_rectangle(image)
    assert not holes[np.isnan(image).any(axis=0)].any()


def test_grabcut_begins_with_the_threshold_on_one_channel():
    image, large = two_discs()
    found = threshold(foreground_probability(image, "grabcut"))
    assert mask_scores(found, image > 50).iou > 0.95
    nothing = np.zeros_like(large)
    np.testing.assert_array_equal(grabcut_from_mask(image[None], nothing), nothing)
    assert not grabcut_rectangle(np.full((3, 20, 20), 5.0)).any()


def test_grabcut_without_opencv_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(InstallationError, match=r"napari-inpaintaff\[grabcut\]"):
        picture_foreground(np.zeros((3, 20, 20)), "grabcut")


@pytest.mark.parametrize("method", WHOLE_PLANE_METHODS)
def test_methods_of_whole_planes_are_refused_in_parts(method):
    image, _ = two_discs()
    with pytest.raises(ParameterError, match="inpaintaff foreground"):
        foreground_levels([image], method)


def test_the_command_looks_at_all_colours(tmp_path, capsys):
    scene = layered_scenes(1, SIDE, placement="whole")
    path, output = tmp_path / "scene.png", tmp_path / "mask.tif"
    Image.fromarray(np.rint(255 * scene.images[0].transpose(1, 2, 0)).astype(np.uint8)).save(path)
    for method in ("grabcut", "iem"):
        assert main(["foreground", str(path), "-o", str(output), "--method", method]) == 0
        assert mask_scores(tifffile.imread(output), scene.masks[0]).iou > 0.9
    arguments = ["foreground", str(path), "-o", str(output), "--method", "grabcut"]
    assert main([*arguments, "--channel", "1"]) == 0
    green = np.asarray(Image.open(path))[..., 1]
    own = foreground_probability(green, "grabcut")
    np.testing.assert_array_equal(tifffile.imread(output), own)
    capsys.readouterr()
    assert main(["foreground", str(path), "-o", str(output), "--method", "otsu"]) == 2
    assert "--channel" in capsys.readouterr().err
    assert main([*arguments, "--diameter", "20"]) == 2
    assert "--diameter is for images of cells" in capsys.readouterr().err


def test_pictures_that_cannot_be_used():
    with pytest.raises(ParameterError, match="--channel"):
        picture_foreground(np.zeros((3, 30, 30)), "otsu")
    for method in PICTURE_METHODS:
        with pytest.raises(ImageError, match="shape"):
            picture_foreground(np.zeros((2, 30, 30)), method)
        with pytest.raises(ImageError, match="NaN"):
            picture_foreground(np.full((3, 30, 30), np.nan), method)
    with pytest.raises(ImageError, match="same intensity"):
        picture_foreground(np.zeros((3, 30, 30)), "iem")
    with pytest.raises(ImageError, match="at least 21"):
        picture_foreground(np.random.default_rng(0).random((3, 20, 30)), "iem")
    with pytest.raises(ImageError, match="at least 8"):
        picture_foreground(np.random.default_rng(0).random((3, 7, 30)), "grabcut")
    assert not picture_foreground(np.zeros((3, 30, 30)), "global_otsu").any()
