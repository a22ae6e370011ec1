"""inpaintaff simulate-scenes."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_inpaintaff.cli import simulation
from napari_inpaintaff.images import HUES, PLACEMENTS, layered_scenes, two_digit_scenes


def test_names_are_those_of_the_core():
    assert simulation.PLACEMENTS == PLACEMENTS
    assert simulation.HUES == HUES


@pytest.mark.parametrize("kind", ["layered", "digits"])
def test_files_are_the_scenes(run, tmp_path, kind):
    folder = tmp_path / "new" / "scenes"
    outcome = run("simulate-scenes", "-o", folder, "--count", 2, "--side", 24, "--kind", kind)
    assert (outcome.code, outcome.err) == (0, "")
    if kind == "layered":
        scenes = layered_scenes(2, 24)
        images, regions = scenes.images, scenes.masks
    else:
        scenes = two_digit_scenes(2, 24)
        images, regions = scenes.images, scenes.regions
    assert len(list(folder.glob("*/*"))) == 4
    for index in range(2):
        read = np.asarray(Image.open(folder / "images" / f"scene_0000{index}.png"))
        np.testing.assert_allclose(read / 255, images[index].transpose(1, 2, 0), atol=0.5 / 255)
        mask = tifffile.imread(folder / "masks" / f"scene_0000{index}.tif")
        assert mask.dtype == np.uint8
        assert np.array_equal(mask, regions[index])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--count", 0), "at least 1 scene"),
        (("--side", 3), "at least 16"),
        (("--kind", "digits", "--placement", "whole"), "--placement has no meaning"),
    ],
)
def test_what_cannot_be_is_said(run, tmp_path, options, said):
    outcome = run("simulate-scenes", "-o", tmp_path / "scenes", *options)
    assert outcome.code == 2
    assert said in outcome.err
    assert not (tmp_path / "scenes").exists()


def test_folder_that_cannot_be(run, tmp_path):
    (tmp_path / "file").write_text("here")
    outcome = run("simulate-scenes", "-o", tmp_path / "file", "--count", 1, "--side", 16)
    assert (outcome.code, len(outcome.lines)) == (2, 1)
