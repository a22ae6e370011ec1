"""The shipped inpainter on a real image, with the true foreground."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_inpaintaff.evaluation import close_gaps, seg_score
from napari_inpaintaff.images import Region
from napari_inpaintaff.pipeline import segment


def scores(data_folder: Path, region: Region) -> tuple[float, float]:
    """SEG of connected components and of the separation in a region of touching nuclei."""
    folder = data_folder / "BBBC039" / "labelled"
    image, truth = (tifffile.imread(folder / part / "F08_s1.tif") for part in ("img", "gt"))
    mask = close_gaps(truth)
    components = ndimage.label(mask[region])[0]
    result = segment(image, foreground=mask, region=region)
    np.testing.assert_array_equal(result.labels[region] > 0, mask[region])
    found = seg_score(result.labels[region], truth[region])
    return seg_score(components, truth[region]), found


@pytest.mark.data
def test_touching_nuclei_come_apart(data_folder: Path) -> None:
    components, found = scores(data_folder, np.s_[256:384, 0:128])
    assert components == pytest.approx(0.498, abs=1e-3)
    assert found > components + 0.2


@pytest.mark.data
@pytest.mark.slow
def test_touching_nuclei_come_apart_in_a_larger_region(data_folder: Path) -> None:
    components, found = scores(data_folder, np.s_[66:322, 66:322])
    assert found > components + 0.12
