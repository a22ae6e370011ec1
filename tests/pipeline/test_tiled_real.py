"""Real frames in tiles are labelled like whole ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from skimage.metrics import variation_of_information

from napari_inpaintaff.images import read_labels
from napari_inpaintaff.pipeline import segment
from napari_inpaintaff.pipeline.tiled import ImageFile, Recipe, segment_tiled


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("frame", "recipe"),
    [
        ("Fluo-N2DL-HeLa/01/t091.tif", Recipe(model="nuclei-student", device="cpu")),
        ("Fluo-N2DL-HeLa/01/t079.tif", Recipe(model="nuclei-student", diameter=21, device="cpu")),
        ("BBBC039/labelled/img/F08_s1.tif", Recipe(model="nuclei-student", device="cpu")),
    ],
)
def test_labels_of_tiles_are_those_of_the_frame(
    data_folder: Path, tmp_path: Path, frame: str, recipe: Recipe
) -> None:
    path = data_folder / frame
    whole = segment(
        tifffile.imread(path), model=recipe.model, diameter=recipe.diameter, device="cpu"
    )
    segment_tiled(ImageFile(path), tmp_path / "cells.tif", recipe=recipe, tile=512)
    labels = read_labels(tmp_path / "cells.tif")
    assert np.array_equal(labels > 0, whole.labels > 0)
    assert sum(variation_of_information(whole.labels, labels)) < 0.01
