from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.evaluation import Evaluation, evaluate, overlap, seg_score

Labels = NDArray[np.integer]


def line(*labels: int) -> Labels:
    return np.array([labels], np.uint16)


def brute_force(frames: list[tuple[Labels, Labels]]) -> tuple[float, int, int, int]:
    scores: list[float] = []
    objects = matches = 0
    for labels, truth in frames:
        found = [labels == value for value in np.unique(labels[labels > 0])]
        objects += len(found)
        for value in np.unique(truth[truth > 0]):
            reference = truth == value
            best = 0.0
            for segment in found:
                shared = int((reference & segment).sum())
                jaccard = shared / int((reference | segment).sum())
                matches += jaccard > 0.5
                if shared > 0.5 * int(reference.sum()):
                    best = jaccard
            scores.append(best)
    return float(np.mean(scores)), objects, len(scores), matches


@st.composite
def label_images(draw: st.DrawFn) -> tuple[Labels, Labels]:
    shape = (draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth = random.integers(0, draw(st.integers(2, 6)), shape) * 3
    noise = draw(st.sampled_from([0.0, 0.2, 0.6, 1.0]))
    other = random.integers(0, draw(st.integers(2, 6)), shape)
    labels = np.where(random.random(shape) < noise, other, truth)
    truth[0, 0] = 1  # at least one reference object
    return labels, truth


def test_a_perfect_result_scores_one() -> None:
    truth = line(0, 1, 1, 0, 7, 7, 7)
    assert evaluate([(truth, truth)]) == Evaluation(
        seg=1.0,
        objects=2,
        reference_objects=2,
        ious=(1.0, 1.0),
        split_references=0,
        merged_references=0,
        split_information=0.0,
        merged_information=0.0,
        frames=1,
    )


def test_the_segment_must_cover_more_than_half() -> None:
    truth = line(1, 1, 1, 1, 0, 0)
    assert seg_score(line(2, 2, 0, 0, 0, 0), truth) == 0
    assert seg_score(line(2, 2, 2, 0, 0, 0), truth) == 3 / 4
    assert seg_score(line(0, 2, 2, 2, 2, 2), truth) == 3 / 6


def test_a_merge_scores_with_the_object_it_covers() -> None:
    # Both references lie wholly in the segment of 6 pixels.
    truth = line(1, 1, 1, 1, 2, 2)
    result = evaluate([(line(5, 5, 5, 5, 5, 5), truth)])
    assert result.seg == pytest.approx((4 / 6 + 2 / 6) / 2)
    assert (result.objects, result.reference_objects, result.matches) == (1, 2, 1)
    assert (result.precision, result.recall, result.f1) == (1, 1 / 2, 2 / 3)


def test_an_iou_of_exactly_one_half_is_no_match() -> None:
    truth = line(1, 1, 1, 1, 2, 2)
    result = evaluate([(line(3, 3, 0, 0, 2, 2), truth)])
    assert result.matches == 1


def test_segments_without_a_reference_do_not_lower_seg() -> None:
    truth = line(1, 1, 0, 0, 0)
    result = evaluate([(line(1, 1, 0, 3, 4), truth)])
    assert result.seg == 1
    assert (result.objects, result.matches, result.precision) == (3, 1, 1 / 3)


def test_no_segments_score_zero() -> None:
    result = evaluate([(line(0, 0), line(1, 0))])
    assert (result.seg, result.objects, result.precision, result.f1) == (0, 0, 0, 0)


def test_frames_are_pooled_by_reference_object() -> None:
    # 1 reference object of score 0, 3 of score 1: not the mean of the frames (0.5).
    frames = [(line(0, 0, 0), line(1, 1, 1)), (line(1, 2, 3), line(3, 1, 2))]
    assert evaluate(frames).seg == 3 / 4
    assert evaluate(frames).frames == 2


def test_a_frame_without_reference_objects_adds_to_the_objects_only() -> None:
    frames = [(line(1, 1), line(1, 1)), (line(4, 5), line(0, 0))]
    result = evaluate(frames)
    assert (result.seg, result.objects, result.reference_objects, result.matches) == (1, 3, 1, 1)


@pytest.mark.parametrize("frames", [[], [(line(1, 2), line(0, 0))]])
def test_without_any_reference_object_seg_is_not_defined(
    frames: list[tuple[Labels, Labels]],
) -> None:
    with pytest.raises(ImageError, match="no objects"):
        evaluate(frames)


def test_shapes_must_be_equal() -> None:
    with pytest.raises(ImageError, match=r"\(1, 3\).*\(1, 2\)"):
        seg_score(line(1, 2, 3), line(1, 2))


def test_probabilities_and_negative_numbers_are_no_labels() -> None:
    with pytest.raises(ImageError, match="labels must be whole numbers, got an image of float64"):
        seg_score(np.array([[0.5]]), line(1))
    with pytest.raises(ImageError, match="ground truth must not be negative, got -1"):
        seg_score(line(1), np.array([[-1]]))


def test_large_labels_and_masks_work() -> None:
    labels = np.array([[2**40, 2**40, 0, 2**62]])
    assert seg_score(labels, line(1, 1, 0, 2)) == 1
    assert seg_score(np.array([[True, True, False]]), line(9, 9, 0)) == 1


@settings(deadline=None)
@given(frames=st.lists(label_images(), min_size=1, max_size=3))
def test_equals_brute_force(frames: list[tuple[Labels, Labels]]) -> None:
    result = evaluate(frames)
    seg, objects, references, matches = brute_force(frames)
    assert result.seg == pytest.approx(seg, abs=1e-12)
    assert (result.objects, result.reference_objects, result.matches) == (
        objects,
        references,
        matches,
    )
    assert 0 <= result.seg <= 1
    assert result.matches <= min(result.objects, result.reference_objects)


@settings(deadline=None)
@given(case=label_images(), seed=st.integers(0, 2**32 - 1))
def test_the_numbers_of_the_labels_do_not_matter(case: tuple[Labels, Labels], seed: int) -> None:
    labels, truth = case
    numbers = np.random.default_rng(seed).choice(2**20, 100, replace=False) + 1
    numbers[0] = 0
    renumbered = evaluate([(numbers[labels], numbers[truth])])
    original = evaluate([(labels, truth)])
    assert renumbered.seg == pytest.approx(original.seg, abs=1e-12)
    assert (renumbered.objects, renumbered.matches) == (original.objects, original.matches)


@settings(deadline=None)
@given(case=label_images())
def test_a_result_equal_to_the_truth_is_perfect(case: tuple[Labels, Labels]) -> None:
    _, truth = case
    result = evaluate([(truth, truth)])
    assert result.seg == result.f1 == result.precision == result.recall == 1


@settings(deadline=None)
@given(case=label_images())
def test_the_table_counts_every_shared_pixel_once(case: tuple[Labels, Labels]) -> None:
    labels, truth = case
    table = overlap(labels, truth)
    assert table.shared.sum() == ((labels > 0) & (truth > 0)).sum()
    assert table.object_sizes.sum() == (labels > 0).sum()
    assert table.reference_sizes.sum() == (truth > 0).sum()
    assert (table.jaccard > 0).all()
    assert (table.jaccard <= 1).all()
