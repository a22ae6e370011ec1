"""Segmentation by a student: one pass, its own alpha, and everything else as ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from contrast_student import ARCHITECTURE, ContrastStudent
from napari_inpaintaff.errors import ImageError, ModelFileError, ParameterError
from napari_inpaintaff.evaluation import seg_score
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks import build_unet
from napari_inpaintaff.partition import PartitionParameters, partition
from napari_inpaintaff.pipeline import default_partition, iterate_segmentation, segment
from napari_inpaintaff.separation import Student, StudentMetadata


def areas(shape: tuple[int, int] = (60, 72)) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """Rectangles of unlike brightness that touch one another on a background, as an image."""
    labels = np.zeros(shape, np.uint32)
    labels[6:30, 8:30], labels[6:30, 30:60], labels[30:50, 20:48] = 1, 2, 3
    return labels.astype(np.float32) * 2, labels


def test_areas_come_apart_in_one_pass() -> None:
    image, truth = areas()
    student = ContrastStudent()
    result = segment(image, model=student, foreground=truth > 0)
    np.testing.assert_array_equal(result.labels, truth)
    np.testing.assert_array_equal(result.foreground, truth > 0)
    assert len(student.passes) == 1
    assert result.labels.dtype == np.uint32
    assert not result.affinities.weight[:, truth == 0].any()


def test_updates_count_the_tiles_and_hold_no_drafts() -> None:
    image, truth = areas()
    updates = list(iterate_segmentation(image, model=ContrastStudent(), foreground=truth))
    assert all(isinstance(update, Progress) for update in updates)
    assert (updates[-1].done, updates[-1].total) == (1, 1)


def test_alpha_of_a_mutex_watershed_is_the_students_unless_it_is_given() -> None:
    """Local edges across the borders attract with 0.7, long ones repel with alpha * 0.6."""
    image, truth = areas()

    def objects(alpha: float, given: PartitionParameters | None = None) -> int:
        student = ContrastStudent(alpha=alpha, local=0.7, distant=0.4)
        chosen = given or default_partition(student, "mutex_watershed")
        result = segment(image, model=student, foreground=truth, outlines="keep", partition=chosen)
        return int(result.labels.max())

    assert objects(1.0) == 1
    assert objects(1.5) == 3
    assert objects(1.0, PartitionParameters(alpha=1.5)) == 3
    assert objects(1.5, PartitionParameters(alpha=1.0)) == 1


def test_labels_are_the_default_partition_of_the_affinities() -> None:
    image, truth = areas()
    student = ContrastStudent(alpha=1.1, local=0.7, distant=0.4)
    result = segment(image, model=student, foreground=truth)
    assert default_partition(student) == PartitionParameters("region_merging")
    assert default_partition(student, "mutex_watershed") == PartitionParameters(alpha=1.1)
    again = partition(
        result.affinities, foreground=result.foreground, parameters=default_partition(student)
    )
    np.testing.assert_array_equal(result.labels, again)


def test_a_region_and_another_scale() -> None:
    image, truth = areas()
    region = np.s_[10:40, 4:40]
    inside = np.zeros(image.shape, bool)
    inside[region] = True
    result = segment(image, model=ContrastStudent(), foreground=truth, region=region)
    np.testing.assert_array_equal(result.labels > 0, inside & (truth > 0))
    large, large_truth = (np.kron(plane, np.ones((3, 3), plane.dtype)) for plane in areas())
    result = segment(large, model=ContrastStudent(), foreground=large_truth, diameter=75)
    # Resampling makes a grey seam, which is neither area's.
    assert seg_score(result.labels, large_truth) > 0.85


def test_a_file_does_what_the_loaded_student_does(tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_unet(ARCHITECTURE)
    metadata = StudentMetadata("random", ARCHITECTURE, alpha=1.3)
    student = Student(network, metadata, device="cpu")
    path = student.save(tmp_path / "mine.safetensors")
    image = np.random.default_rng(0).gamma(2, 500, (50, 44))
    of_object, of_file = (
        segment(image, model=model, foreground="none", device="cpu") for model in (student, path)
    )
    np.testing.assert_array_equal(of_object.affinities.values, of_file.affinities.values)
    np.testing.assert_array_equal(of_object.labels, of_file.labels)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"diameter": 2}, ParameterError, "diameter"),
        ({"foreground": np.ones((60, 71), bool)}, ImageError, "shape of the image"),
        ({"region": np.s_[5:5, :]}, ParameterError, "empty"),
        ({"model": "no-such-student"}, ModelFileError, "no model"),
    ],
)
def test_bad_input_is_refused(options: dict[str, Any], error: type[Exception], words: str) -> None:
    student = ContrastStudent()
    with pytest.raises(error, match=words):
        segment(areas()[0], **{"model": student, "foreground": "none", **options})
    assert not student.passes


def test_an_empty_foreground_costs_nothing() -> None:
    image, truth = areas()
    student = ContrastStudent()
    assert not segment(image, model=student, foreground=truth * 0).labels.any()
    assert not student.passes
