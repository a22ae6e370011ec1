"""Crops: what they may change, what they must keep, and what is drawn how often."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_inpaintaff.foreground import fgnet_crops
from napari_inpaintaff.foreground.fgnet_crops import CropSampler, LabelledImage


def world(side: int = 100, seed: int = 0) -> LabelledImage:
    """Bright is foreground, dark is background, in between nobody knows."""
    random = np.random.default_rng(seed)
    coarse = random.integers(3, size=(side // 10, side // 10))
    classes = np.kron(coarse, np.ones((10, 10), int))
    targets = np.array([0, -1, 1], np.int8)[classes]
    return LabelledImage(classes.astype(np.float32), targets)


def sampler(*images: LabelledImage, **options: Any) -> CropSampler:
    values: dict[str, Any] = {"size": 64, "seed": 0, **options}
    return CropSampler(images, values.pop("normalisation", "fluorescence"), **values)


@settings(deadline=None, max_examples=20)
@given(step=st.integers(0, 1000), seed=st.integers(0, 5))
def test_targets_follow_the_pixels(step: int, seed: int) -> None:
    crops = sampler(world(), seed=seed).draw(step, 8)
    values, known, targets = (one.numpy() for one in (crops.values, crops.known, crops.targets))
    assert values.shape == known.shape == targets.shape == (8, 1, 64, 64)
    assert set(np.unique(targets)) <= {-1, 0, 1}
    assert set(np.unique(known)) <= {0, 1}
    assert (values[known == 0] == 0).all()
    assert (targets[known == 0] == -1).all()
    # Away from the interpolated borders of blocks, whatever the contrast is.
    assert np.median(values[targets == 1]) > np.median(values[targets == 0]) + 0.5


def test_crops_without_warp_hold_the_pixels_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fgnet_crops, "_WARPED", 0.0)
    for name in ("_HAZE", "_NOISE"):
        monkeypatch.setattr(fgnet_crops, name, {"fluorescence": 0.0})
    for name in ("_CONTRAST", "_BRIGHTNESS"):
        monkeypatch.setattr(fgnet_crops, name, 1.0)
    random = np.random.default_rng(0)
    levels = np.linspace(0.5, 7, 90 * 90, dtype=np.float32)
    values = random.permutation(levels).reshape(90, 90)
    targets = random.integers(-1, 2, values.shape).astype(np.int8)
    target_of = targets.ravel()[np.argsort(values, axis=None)]
    crops = sampler(LabelledImage(values, targets)).draw(0, 8)
    seen = crops.known.numpy() > 0
    assert seen.mean() > 0.5
    spacing = levels[1] - levels[0]
    level = (crops.values.numpy()[seen] - levels[0]) / spacing
    assert np.abs(level - np.round(level)).max() < 0.4
    np.testing.assert_array_equal(
        crops.targets.numpy()[seen], target_of[np.round(level).astype(int)]
    )


def test_a_batch_depends_on_seed_and_step_only() -> None:
    one, other = sampler(world()), sampler(world())
    one.draw(7, 4)
    first, second = one.draw(3, 4), other.draw(3, 4)
    for name in ("values", "known", "targets"):
        assert torch.equal(getattr(first, name), getattr(second, name))
    assert not torch.equal(one.draw(4, 4).values, first.values)
    assert not torch.equal(sampler(world(), seed=1).draw(3, 4).values, first.values)


def test_rare_labels_and_small_images_get_their_crops() -> None:
    empty = np.full((400, 400), -1, np.int8)
    empty[10:13, 390] = 1
    images = [
        LabelledImage(np.ones((400, 400), np.float32), empty),
        LabelledImage(np.zeros((20, 30), np.float32), np.zeros((20, 30), np.int8)),
    ]
    crops = sampler(*images).draw(0, 32)
    seen = [set(np.unique(one)) - {-1.0} for one in crops.targets.numpy()]
    assert all(seen)  # every crop shows a label
    assert 8 < sum(1.0 in one for one in seen) < 24


def test_unknown_pixels_stay_unknown() -> None:
    image = world()
    holes: NDArray[np.float32] = image.values.copy()
    holes[::3, ::3] = np.nan
    crops = sampler(LabelledImage(holes, image.targets)).draw(0, 4)
    assert crops.values.isfinite().all()
    share = 1 - float(crops.known.mean())
    assert share > 1 / 9


@pytest.mark.parametrize("normalisation", ["fluorescence", "linear"])
def test_contrast_differs_from_crop_to_crop(normalisation: str) -> None:
    image = LabelledImage(np.full((200, 200), 2, np.float32), np.ones((200, 200), np.int8))
    middles = sampler(image, normalisation=normalisation).draw(0, 16).values[:, 0, 32, 32]
    assert float(middles.std()) > 0.1
    assert float(middles.min()) > 0
