"""Measures of masks and regions: known answers and what always holds."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.evaluation import (
    mask_scores,
    mean_mask_scores,
    region_scores,
)


def test_scores_of_a_mask_by_hand():
    truth = np.zeros((4, 5), bool)
    truth[:2, :4] = True  # 8 pixels
    mask = np.zeros((4, 5), bool)
    mask[1:3, :3] = True  # 6 pixels, 3 in common
    scores = mask_scores(mask, truth)
    assert scores.accuracy == pytest.approx(12 / 20)
    assert scores.iou == pytest.approx(3 / 11)
    assert scores.mean_iou == pytest.approx((3 / 11 + 9 / 17) / 2)
    assert scores.dice == pytest.approx(6 / 14)


def test_scores_where_there_is_no_foreground_or_nothing_else():
    nothing, everything = np.zeros((3, 3)), np.ones((3, 3))
    assert mask_scores(nothing, nothing).iou == mask_scores(nothing, nothing).dice == 1
    assert mask_scores(everything, everything).mean_iou == 1
    assert mask_scores(everything, nothing).accuracy == 0
    assert mask_scores(nothing, everything).dice == 0


@given(arrays(bool, (5, 6)), arrays(bool, (5, 6)))
def test_scores_of_masks_keep_their_relations(mask, truth):
    scores = mask_scores(mask, truth)
    assert scores == mask_scores(truth, mask)
    assert scores.dice == pytest.approx(2 * scores.iou / (1 + scores.iou))
    swapped = mask_scores(~mask, ~truth)
    assert (swapped.accuracy, swapped.mean_iou) == (scores.accuracy, scores.mean_iou)
    assert mask_scores(mask, mask).mean_iou == 1


def test_every_image_counts_the_same():
    small, large = np.ones((1, 1), bool), np.ones((10, 10), bool)
    scores = mean_mask_scores([(small, small), (~large, large)])
    assert (scores.accuracy, scores.iou, scores.dice) == (0.5, 0.5, 0.5)


def test_regions_by_hand():
    truth = np.array([[0, 0, 1, 1, 2, 2]])
    found = np.array([[2, 2, 0, 1, 1, 1]])
    scores = region_scores(found, truth, 3)
    assert scores.permutation == (2, 0, 1)
    assert scores.ious == pytest.approx((1, 1 / 2, 2 / 3))
    assert scores.accuracy == pytest.approx(5 / 6)
    assert scores.mean_iou == pytest.approx((1 + 1 / 2 + 2 / 3) / 3)


@given(arrays(np.uint8, (4, 7), elements=st.integers(0, 2)), st.permutations([0, 1, 2]))
def test_names_of_regions_do_not_matter(truth, names):
    scores = region_scores(np.array(names)[truth], truth, 3)
    assert scores.accuracy == scores.mean_iou == 1


@given(*[arrays(np.uint8, (3, 5), elements=st.integers(0, 2))] * 2)
def test_no_permutation_is_better(found, truth):
    best = region_scores(found, truth, 3).mean_iou
    for order in permutations(range(3)):
        renamed = np.argsort(order)[found]
        ious = [mask_scores(renamed == number, truth == number).iou for number in range(3)]
        assert np.mean(ious) <= best + 1e-9


def test_two_regions_are_a_mask_of_either_sign():
    truth = np.array([[0, 1, 1, 0]])
    found = np.array([[1, 0, 0, 0]])
    scores = region_scores(found, truth, 2)
    assert scores.ious[1] == mask_scores(found == 0, truth).iou


def test_what_cannot_be_scored():
    with pytest.raises(ImageError, match="cannot be compared"):
        mask_scores(np.ones((2, 2)), np.ones((2, 3)))
    with pytest.raises(ImageError, match="cannot be compared"):
        mask_scores(np.ones((0, 2)), np.ones((0, 2)))
    with pytest.raises(ImageError, match="no mask"):
        mean_mask_scores([])
    with pytest.raises(ImageError, match="0 to 1"):
        region_scores(np.array([[2]]), np.array([[0]]), 2)
    with pytest.raises(ParameterError, match="2 to 6"):
        region_scores(np.array([[0]]), np.array([[0]]), 7)
