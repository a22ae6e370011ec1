"""Image to labels in one call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gaussian_inpainter import GaussianInpainter
from napari_inpaintaff.datatypes import PUBLISHED_OFFSETS
from napari_inpaintaff.errors import ImageError, ModelFileError, ParameterError
from napari_inpaintaff.evaluation import seg_score
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.partition import PartitionParameters, partition
from napari_inpaintaff.pipeline import Draft, Segmentation, iterate_segmentation, segment
from napari_inpaintaff.separation import SeparationParameters, SplitUpdate

QUICK = SeparationParameters(
    patch=32,
    stride=16,
    distance=4,
    iterations=6,
    minimum_side=8,
    offsets=PUBLISHED_OFFSETS[:10],
)


@pytest.fixture(scope="module")
def nuclei() -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    return simulate_dense_nuclei(shape=(96, 112), seed=1)


def run(image: NDArray[Any], **options: Any) -> Segmentation:
    chosen = {"model": GaussianInpainter(estimate=True), "separation": QUICK, **options}
    return segment(image, **chosen)


def test_cells_are_labelled_on_their_foreground(nuclei: Any) -> None:
    image, truth = nuclei
    result = run(image, foreground=truth > 0)
    assert result.labels.dtype == np.uint32
    np.testing.assert_array_equal(result.labels > 0, truth > 0)
    np.testing.assert_array_equal(np.unique(result.labels), np.arange(result.labels.max() + 1))
    np.testing.assert_array_equal(result.foreground, truth > 0)
    assert result.affinities.shape == image.shape
    assert not result.affinities.weight[:, truth == 0].any()
    assert seg_score(result.labels, truth) > 0.3


def test_labels_are_the_partition_of_the_affinities(nuclei: Any) -> None:
    image, truth = nuclei
    chosen = PartitionParameters(alpha=0.9, minimum_size=12)
    result = run(image, foreground=truth, partition=chosen)
    again = partition(result.affinities, foreground=result.foreground, parameters=chosen)
    np.testing.assert_array_equal(result.labels, again)


def test_the_stream_of_updates_ends_in_the_same_result(nuclei: Any) -> None:
    image, truth = nuclei
    updates = iterate_segmentation(
        image,
        model=GaussianInpainter(estimate=True),
        foreground=truth > 0,
        separation=QUICK,
    )
    result = None
    while result is None:
        try:
            assert isinstance(next(updates), SplitUpdate | Draft)
        except StopIteration as end:
            result = end.value
    np.testing.assert_array_equal(result.labels, run(image, foreground=truth > 0).labels)


def test_without_a_foreground_every_pixel_gets_a_label(nuclei: Any) -> None:
    image, _ = nuclei
    result = run(image, foreground="none")
    assert result.labels.min() == 1
    region = np.s_[10:50, 30:80]
    part = run(image, foreground="none", region=region)
    assert part.labels[region].min() == 1
    outside = np.ones(image.shape, bool)
    outside[region] = False
    assert not part.labels[outside].any()


def test_the_default_foreground_is_otsus(nuclei: Any) -> None:
    image, truth = nuclei
    mask = run(image).foreground
    assert (mask & (truth > 0)).sum() / (mask | (truth > 0)).sum() > 0.7


def test_a_region_has_the_affinities_of_the_whole_image(nuclei: Any) -> None:
    image, truth = nuclei
    region = np.s_[21:70, 40:]
    whole = run(image, foreground=truth > 0)
    part = run(image, foreground=truth > 0, region=region)
    inside = np.zeros(image.shape, bool)
    inside[region] = True
    np.testing.assert_array_equal(part.labels > 0, inside & (truth > 0))
    np.testing.assert_array_equal(part.foreground, inside & (truth > 0))
    np.testing.assert_array_equal(part.affinities.weight, whole.affinities.weight * inside)
    np.testing.assert_array_equal(part.affinities.values, whole.affinities.values * inside)


def test_label_images_and_masks_of_any_type_are_foregrounds(nuclei: Any) -> None:
    image, truth = nuclei
    expected = run(image, foreground=truth > 0).labels
    unknown = np.where(truth > 0, 1.0, 0.0)
    unknown[truth == 0] = np.nan
    for mask in (truth, (truth > 0).astype(np.uint8) * 255, unknown):
        np.testing.assert_array_equal(run(image, foreground=mask).labels, expected)


def test_an_empty_foreground_costs_nothing(nuclei: Any) -> None:
    image, _ = nuclei
    inpainter = GaussianInpainter(estimate=True)
    result = run(image, model=inpainter, foreground=np.zeros(image.shape, bool))
    assert not result.labels.any()
    assert inpainter.calls == []


@pytest.mark.parametrize(
    ("diameter", "smallest", "seen"),
    [(None, 7, 25.0), (26, 7, 25.0), (50, 28, 50.0), (12.5, 2, 12.5)],
)
def test_lengths_of_the_partition_follow_the_diameter(
    nuclei: Any,
    monkeypatch: pytest.MonkeyPatch,
    diameter: float | None,
    smallest: int,
    seen: float,
) -> None:
    image, truth = nuclei
    used: list[PartitionParameters] = []

    def remember(*arguments: Any, parameters: PartitionParameters, **options: Any) -> Any:
        used.append(parameters)
        return partition(*arguments, parameters=parameters, **options)

    monkeypatch.setattr("napari_inpaintaff.pipeline.segmentation.partition_affinities", remember)
    chosen = PartitionParameters(alpha=1.1, minimum_size=7)
    run(
        image,
        foreground=truth > 0,
        diameter=diameter,
        partition=chosen,
        region=np.s_[:40, :40],
    )
    assert used == [PartitionParameters(alpha=1.1, minimum_size=smallest, diameter=seen)]


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (5, 7), (20, 30)])
def test_images_smaller_than_a_patch_are_labelled(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 999, shape)
    result = run(image, foreground="none")
    assert result.labels.shape == shape
    assert result.labels.min() == 1


def test_a_plane_of_one_value_has_no_cells_and_says_so() -> None:
    image = np.full((50, 60), 100, np.uint16)
    with pytest.warns(UserWarning, match="same intensity"):
        result = run(image)
    assert not result.labels.any()
    assert (run(image, foreground="none").labels == 1).all()


def test_isolated_unknown_pixels_are_labelled_like_their_surroundings(nuclei: Any) -> None:
    image, truth = nuclei
    damaged = image.astype(np.float32)
    holes = np.random.default_rng(0).random(image.shape) < 0.01
    damaged[holes] = np.nan
    result = run(damaged, foreground=truth > 0)
    np.testing.assert_array_equal(result.labels > 0, truth > 0)
    assert np.isfinite(result.affinities.values).all()
    untouched = run(image, foreground=truth > 0)
    assert seg_score(result.labels, untouched.labels) > 0.6


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"foreground": np.ones((96, 111), bool)}, ImageError, "shape of the image"),
        ({"foreground": "guess"}, ParameterError, "unknown foreground"),
        ({"region": np.s_[5:5, :]}, ParameterError, "empty"),
        ({"region": np.s_[:, 50:113]}, ParameterError, "outside"),
        ({"region": np.s_[::2, :]}, ParameterError, "step"),
        ({"diameter": 0}, ParameterError, "diameter"),
        ({"diameter": float("nan")}, ParameterError, "diameter"),
        ({"diameter": float("inf")}, ParameterError, "diameter"),
        ({"diameter": 2}, ParameterError, "diameter"),
        ({"model": "no-such-model"}, ModelFileError, "no model"),
    ],
)
def test_bad_input_is_refused(
    nuclei: Any, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        run(nuclei[0], **options)


@pytest.mark.parametrize(
    "image", [np.zeros((2, 30, 30)), np.zeros((0, 30)), np.zeros(30), np.full((9, 9), np.nan)]
)
def test_what_is_no_plane_with_values_is_refused(image: NDArray[Any]) -> None:
    with pytest.raises(ImageError, match=r"plane|no finite pixel"):
        run(image)


@pytest.mark.parametrize("updates", [0, 1, 3])
def test_a_run_can_be_given_up_at_any_time(nuclei: Any, updates: int) -> None:
    inpainter = GaussianInpainter(estimate=True)
    stream = iterate_segmentation(nuclei[0], model=inpainter, foreground="none", separation=QUICK)
    for _ in range(updates):
        next(stream)
    stream.close()
    assert len(inpainter.calls) == updates
    with pytest.raises(StopIteration):
        next(stream)
