"""inpaintaff foreground --inpainted: the image from either side of its mask."""

from __future__ import annotations

import numpy as np
import tifffile
from PIL import Image

from napari_inpaintaff.foreground import inpainted
from napari_inpaintaff.foreground.iem_cells import cell_parameters
from napari_inpaintaff.images import layered_scenes, write_array

NAMES = ("from_foreground", "from_background", "from_other_side")


def test_a_colour_picture_is_inpainted_from_both_sides(run, tmp_path):
    scene = layered_scenes(1, 64, placement="whole")
    colours = np.rint(255 * scene.images[0]).astype(np.uint8)
    Image.fromarray(colours.transpose(1, 2, 0)).save(tmp_path / "scene.png")
    arguments = ("-o", tmp_path / "mask.tif", "--method", "iem", "--device", "cpu")
    prefix = tmp_path / "part"
    outcome = run("foreground", tmp_path / "scene.png", *arguments, "--inpainted", prefix)
    assert (outcome.code, outcome.complaints) == (0, [])
    mask = tifffile.imread(tmp_path / "mask.tif") > 0
    sides = inpainted(colours.astype(float), mask)
    wanted = (*sides, np.where(mask, sides[1], sides[0]))
    for name, side in zip(NAMES, wanted, strict=True):
        written = np.asarray(Image.open(tmp_path / f"part_{name}.png")).transpose(2, 0, 1)
        np.testing.assert_allclose(written, np.clip(side, 0, 255), atol=0.51)
    # What the other side makes of a pixel is further off than what its own side does.
    own = np.where(mask, sides[0], sides[1])
    assert np.abs(wanted[2] - colours).mean() > 1.2 * np.abs(own - colours).mean()


def test_a_stack_keeps_its_axes(run, tmp_path, image):
    plane = tifffile.imread(image)
    stack = np.stack([plane, plane[::-1]])
    write_array(tmp_path / "stack.tif", stack, axes="ZYX", scale=(2, 0.5, 0.5))
    arguments = ("-o", tmp_path / "mask.tif", "--method", "otsu", "--inpainted", tmp_path / "p")
    outcome = run("foreground", tmp_path / "stack.tif", *arguments)
    assert (outcome.code, outcome.err) == (0, "")
    mask = tifffile.imread(tmp_path / "mask.tif") > 0
    expected = inpainted(stack[1].astype(float), mask[1], parameters=cell_parameters(25))
    for name, side in zip(NAMES, expected, strict=False):
        written = tifffile.imread(tmp_path / f"p_{name}.tif")
        assert written.shape == stack.shape
        np.testing.assert_allclose(written[1], side, rtol=1e-5)


def test_files_that_cannot_be_written_are_refused_first(run, tmp_path, image):
    arguments = ("-o", tmp_path / "mask.tif", "--method", "otsu")
    outcome = run("foreground", image, *arguments, "--inpainted", tmp_path / "no" / "p")
    assert outcome.code == 2
    assert not (tmp_path / "mask.tif").exists()
