"""Known scores on the development data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from bioimage_cpp.affinities import compute_affinities
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS, Affinities
from napari_inpaintaff.evaluation import close_gaps, evaluate, seg_score
from napari_inpaintaff.partition import partition

TRUTHS = {
    "Fluo-N2DL-HeLa": [f"01_ST/SEG/man_seg{frame}.tif" for frame in ("079", "084", "091")],
    "BBBC039": ["labelled/gt/*.tif"],
    "DSB2018": ["labelled/gt/*.tif"],
}


def truths(data_folder: Path, data_set: str) -> list[NDArray[np.uint16]]:
    paths = [p for pattern in TRUTHS[data_set] for p in (data_folder / data_set).glob(pattern)]
    assert paths
    return [tifffile.imread(path) for path in paths]


@pytest.mark.data
@pytest.mark.parametrize(
    ("data_set", "expected"), [("Fluo-N2DL-HeLa", 0.854), ("BBBC039", 0.669), ("DSB2018", 0.678)]
)
def test_components_of_the_true_foreground(
    data_folder: Path, data_set: str, expected: float
) -> None:
    result = evaluate(
        (ndimage.label(close_gaps(truth))[0], truth) for truth in truths(data_folder, data_set)
    )
    assert result.seg == pytest.approx(expected, abs=1e-3)


@pytest.mark.data
def test_ideal_affinities_of_a_real_frame_give_its_nuclei_back(data_folder: Path) -> None:
    truth = truths(data_folder, "Fluo-N2DL-HeLa")[0]
    values, valid = compute_affinities(truth.astype(np.int32), PUBLISHED_OFFSETS)
    affinities = Affinities(values, PUBLISHED_OFFSETS, valid.astype(np.float32))
    labels = partition(affinities, foreground=close_gaps(truth))
    assert seg_score(labels, truth) > 0.97
