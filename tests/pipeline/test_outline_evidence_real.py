"""What the outline adds to the affinities of real images, and what it cannot replace."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.evaluation import close_gaps, evaluate
from napari_inpaintaff.partition import PartitionParameters, partition
from napari_inpaintaff.separation import compute_student_affinities, load_model


@dataclass(frozen=True, eq=False)
class Case:
    affinities: Affinities
    foreground: NDArray[np.bool_]
    truth: NDArray[np.integer]


@pytest.fixture(scope="module")
def cases(data_folder: Path) -> list[Case]:
    """The most crowded crops of a HeLa frame and of five images of DSB2018."""
    student = load_model("nuclei-student", device="cpu")
    folder, hela = data_folder / "DSB2018" / "labelled", data_folder / "Fluo-N2DL-HeLa"
    pairs = [(hela / "01" / "t079.tif", hela / "01_ST" / "SEG" / "man_seg079.tif")]
    images = sorted((folder / "img").glob("*.tif"))[4::9][:5]
    pairs += [(image, folder / "gt" / image.name) for image in images]
    found = []
    for image, truth in pairs:
        part = np.s_[:384, :384]
        pixels, cells = tifffile.imread(image)[part], tifffile.imread(truth)[part]
        mask = close_gaps(cells)
        found.append(Case(compute_student_affinities(pixels, student, wanted=mask), mask, cells))
    return found


def score(cases: list[Case], method: str) -> float:
    parameters = PartitionParameters(method)
    return evaluate(
        [
            (partition(one.affinities, foreground=one.foreground, parameters=parameters), one.truth)
            for one in cases
        ]
    ).seg


@pytest.mark.data
def test_image_and_outline_are_better_than_either(cases: list[Case]) -> None:
    image, both = score(cases, "mutex_watershed"), score(cases, "outline_mutex_watershed")
    assert both > 0.9
    assert both > image + 0.03
    # With affinities of other places, the outline has to do alone.
    elsewhere = [
        replace(
            one,
            affinities=Affinities(
                np.roll(one.affinities.values, (31, 47), (1, 2)),
                one.affinities.offsets,
                one.affinities.weight,
            ),
        )
        for one in cases
    ]
    assert score(elsewhere, "outline_mutex_watershed") < both - 0.1
