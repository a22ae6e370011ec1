"""Draft labels: early, of everything that is wanted, and without a trace in the result."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gaussian_inpainter import GaussianInpainter
from napari_inpaintaff.evaluation import seg_score
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.partition import PartitionParameters
from napari_inpaintaff.pipeline import Draft, Segmentation, iterate_segmentation, segment
from napari_inpaintaff.separation import SeparationParameters

FINE = SeparationParameters(patch=32, stride=8, distance=4, iterations=6, minimum_side=8)
PARTITION = PartitionParameters(alpha=1.2, minimum_size=12)


@pytest.fixture(scope="module")
def nuclei() -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    return simulate_dense_nuclei(shape=(72, 88), seed=1)


def run(image: NDArray[Any], **options: Any) -> tuple[list[Any], Segmentation]:
    """Return all updates and the result."""
    chosen = {
        "model": GaussianInpainter(estimate=True),
        "separation": FINE,
        "partition": PARTITION,
        **options,
    }
    updates, stream = [], iterate_segmentation(image, **chosen)
    while True:
        try:
            updates.append(next(stream))
        except StopIteration as end:
            return updates, end.value


def drafts_of(updates: list[Any]) -> list[Draft]:
    return [update for update in updates if isinstance(update, Draft)]


def test_drafts_come_early_cover_the_foreground_and_look_like_the_result(nuclei: Any) -> None:
    image, truth = nuclei
    # Small batches: in a small image, large ones have all patches in work at the same time.
    updates, result = run(image, foreground=truth, separation=replace(FINE, batch=2))
    drafts = drafts_of(updates)
    # The first of 4 x 4 grids is a sixteenth of all patches and a little more at the borders;
    # others are begun while its last regions are in work.
    assert next(k for k, update in enumerate(updates) if update is drafts[0]) < len(updates) / 4
    assert drafts[0].done < drafts[0].total / 4
    assert [draft.done for draft in drafts] == sorted(draft.done for draft in drafts)
    for draft in drafts:
        assert draft.labels.dtype == np.uint32
        np.testing.assert_array_equal(draft.labels > 0, result.foreground)
        numbers = np.unique(draft.labels)
        np.testing.assert_array_equal(numbers, np.arange(len(numbers)))
    alike = [seg_score(draft.labels, result.labels) for draft in drafts]
    assert min(alike) > 0.4
    assert max(alike) > 0.7


def test_the_result_is_the_same_with_and_without_drafts(nuclei: Any) -> None:
    image, truth = nuclei
    _, shown = run(image, foreground=truth)
    updates, hidden = run(image, foreground=truth, drafts=False)
    assert not drafts_of(updates)
    np.testing.assert_array_equal(shown.labels, hidden.labels)
    np.testing.assert_array_equal(shown.affinities.values, hidden.affinities.values)
    at_once = segment(
        image,
        model=GaussianInpainter(estimate=True),
        separation=FINE,
        partition=PARTITION,
        foreground=truth,
    )
    np.testing.assert_array_equal(shown.labels, at_once.labels)


def test_drafts_of_a_region_at_another_scale_stay_in_it(nuclei: Any) -> None:
    image, truth = nuclei
    region = np.s_[10:60, 20:70]
    updates, result = run(image, foreground=truth, region=region, diameter=36)
    drafts = drafts_of(updates)
    assert drafts
    for draft in drafts:
        np.testing.assert_array_equal(draft.labels > 0, result.foreground)
    outside = np.ones(image.shape, bool)
    outside[region] = False
    assert not result.foreground[outside].any()


def test_drafts_follow_the_partition_settings(nuclei: Any) -> None:
    image, truth = nuclei
    counts = [
        drafts_of(run(image, foreground=truth, partition=partition)[0])[-1].labels.max()
        for partition in (
            PartitionParameters(alpha=0.3, minimum_size=0),
            PartitionParameters(alpha=2.0, minimum_size=0),
        )
    ]
    assert counts[0] < counts[1]


def test_a_run_given_up_at_a_draft_stops_the_work(nuclei: Any) -> None:
    inpainter = GaussianInpainter(estimate=True)
    stream = iterate_segmentation(nuclei[0], model=inpainter, foreground="none", separation=FINE)
    while not isinstance(next(stream), Draft):
        pass
    calls = len(inpainter.calls)
    stream.close()
    assert len(inpainter.calls) == calls
    with pytest.raises(StopIteration):
        next(stream)


def test_no_draft_without_a_foreground(nuclei: Any) -> None:
    image, _ = nuclei
    updates, result = run(image, foreground=np.zeros(image.shape, bool))
    assert updates == []
    assert not result.labels.any()
