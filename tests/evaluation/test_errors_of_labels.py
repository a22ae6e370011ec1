"""Detections at any overlap, kinds of errors, and the challenge's own implementation."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tifffile
from ctc_metrics.metrics import det, seg
from ctc_metrics.utils.representations import match
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.evaluation import det_score, evaluate
from napari_inpaintaff.images import simulate_dense_nuclei

Labels = NDArray[np.uint16]


def row(*labels: int) -> Labels:
    return np.array([labels], np.uint16)


def challenge(labels: Labels, truth: Labels) -> tuple[float, float]:
    """SEG and DET of one frame as py-ctcmetrics counts them."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("truth.tif", "found.tif")]
        for path, image in zip(paths, (truth, labels), strict=True):
            tifffile.imwrite(path, image.astype(np.uint16))
        references, objects, mapped_references, mapped_objects, ious = match(*map(str, paths))
    detected = Counter(mapped_objects)
    measured = det(
        NS=sum(markers - 1 for markers in detected.values()),
        FN=len(references) - len(mapped_references),
        FP=len(objects) - len(detected),
        num_vertices=len(references),
    )
    return seg([references], [ious]), measured


def adversarial(kind: str, truth: Labels) -> Labels:
    """Spoil a label image in one of the ways in which measures differ."""
    if kind == "merged":
        return (truth > 0).astype(np.uint16)
    if kind == "split":
        half = np.indices(truth.shape)[1] % 16 < 8
        return np.where(truth > 0, truth * 2 + half, 0).astype(np.uint16)
    if kind == "shifted":
        return np.roll(truth, 6, axis=1)
    if kind == "swollen":
        return ndimage.grey_dilation(truth, size=7).astype(np.uint16)
    if kind == "shrunken":
        return (truth * (ndimage.grey_erosion(truth, size=7) == truth)).astype(np.uint16)
    if kind == "permuted":
        return np.where(truth > 0, truth.max() + 1 - truth, 0).astype(np.uint16)
    return np.where(truth % 3 == 0, 0, truth + (np.indices(truth.shape)[0] > 60) * 99)


KINDS = ("same", "merged", "split", "shifted", "swollen", "shrunken", "permuted", "missing")


@pytest.mark.parametrize("kind", KINDS)
def test_seg_and_det_are_those_of_the_challenge(kind: str) -> None:
    truth = simulate_dense_nuclei(shape=(128, 160))[1].astype(np.uint16)
    labels = truth if kind == "same" else adversarial(kind, truth)
    expected = challenge(labels.astype(np.uint16), truth)
    found = evaluate([(labels, truth)]).seg, det_score([(labels, truth)])
    assert found == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), shift=st.integers(0, 5), kinds=st.integers(2, 9))
def test_seg_and_det_are_those_of_the_challenge_on_random_labels(
    seed: int, shift: int, kinds: int
) -> None:
    random = np.random.default_rng(seed)
    truth = np.kron(random.integers(0, kinds, (4, 4)), np.ones((4, 4))).astype(np.uint16)
    labels = np.where(random.random(truth.shape) < 0.8, np.roll(truth, shift, 0), 0)
    # py-ctcmetrics counts wrongly where there is no background or no object in an image.
    truth[0, 0] = labels[-1, -1] = 1
    truth[0, 1] = labels[-1, -2] = 0
    found = evaluate([(labels, truth)]).seg, det_score([(labels, truth)])
    assert found == pytest.approx(challenge(labels.astype(np.uint16), truth), abs=1e-12)


def test_det_of_several_frames_is_pooled() -> None:
    found, truth = row(1, 1, 0, 2), row(1, 2, 3, 0)
    # Frame 1: one object covers two markers (5), one marker is missed (10), one object wrong (1).
    assert det_score([(found, truth)]) == pytest.approx(1 - 16 / 30)
    assert det_score([(found, truth), (truth, truth)]) == pytest.approx(1 - 16 / 60)
    assert det_score([(row(0, 0, 0, 0), truth)]) == 0
    assert det_score([(row(5, 6, 7, 8) * 0 + np.arange(1, 5, dtype=np.uint16), truth * 0 + 1)]) == (
        pytest.approx(1 - min(10 + 4, 10) / 10)
    )
    with pytest.raises(ImageError, match="no markers"):
        det_score([(truth, truth * 0)])


def test_splits_and_merges_are_told_apart() -> None:
    truth = row(1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 0)
    cut = evaluate([(row(1, 1, 4, 4, 2, 2, 2, 2, 3, 3, 0), truth)])
    assert (cut.split_references, cut.merged_references) == (1, 0)
    assert cut.split_information == pytest.approx(0.4)  # 4 of 10 pixels, each 1 bit
    assert cut.merged_information == pytest.approx(0)
    joined = evaluate([(row(1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 0), truth)])
    assert (joined.split_references, joined.merged_references) == (0, 2)
    assert joined.split_information == pytest.approx(0)
    assert joined.merged_information == pytest.approx(0.8)
    assert joined.variation_of_information == pytest.approx(0.8)


def test_what_lies_in_the_background_is_no_variation_of_information() -> None:
    truth = row(1, 1, 2, 2, 0, 0, 0, 0)
    found = evaluate([(row(1, 1, 2, 2, 3, 4, 5, 6), truth)])
    assert found.variation_of_information == 0


def test_numbers_of_objects_may_be_large() -> None:
    truth = np.array([[1, 1, 2**40, 2**40]])
    assert evaluate([(truth, truth)]).variation_of_information == 0


def test_detection_at_higher_overlaps() -> None:
    truth = row(*[1] * 10, *[2] * 10, *[3] * 10)
    labels = row(*[1] * 10, *[2] * 8, 0, 0, *[3] * 6, 0, 0, 0, 0)
    found = evaluate([(labels, truth)])
    assert found.ious == (1.0, 0.8, 0.6)
    assert [found.detection_accuracy(level) for level in (0.5, 0.6, 0.79, 0.8, 0.95)] == (
        pytest.approx([1, 2 / 3, 2 / 3, 1 / 3, 1 / 3])
    )
    assert found.average_precision(0.79) == pytest.approx(2 / 4)
    with pytest.raises(ParameterError, match=r"IoU of 0\.5, got 0\.4"):
        found.detection_accuracy(0.4)
