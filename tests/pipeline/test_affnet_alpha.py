"""The alpha of an AffNet: the best one for the labels that count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from contrast_student import ARCHITECTURE
from generators import finish
from napari_inpaintaff.images import planes_of
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks import build_unet
from napari_inpaintaff.pipeline import choose_affnet_alpha, iterate_affnet_training
from napari_inpaintaff.separation import AffNet, AffNetMetadata, AffNetTraining, AffNetUpdate
from napari_inpaintaff.separation.affinities import pair_slices

pytestmark = pytest.mark.usefixtures("one_thread")


class BrightnessAffNet(AffNet):
    """Doubts whatever is of unlike brightness, by as much as it is told.

    Across a step of 1, local affinities are 0.85 and distant ones ``between``; across a step of
    0.5, as it occurs within cells, distant ones are ``within``.
    """

    def __init__(self, *, between: float = 1.0, within: float = 1.0, alpha: float = 1.0) -> None:
        metadata = AffNetMetadata("brightness", ARCHITECTURE, alpha=alpha)
        super().__init__(build_unet(ARCHITECTURE), metadata, device="cpu", dtype=torch.float32)
        self._distant = {1.0: between, 0.5: within}

    def normalise(self, image: NDArray[np.generic]) -> NDArray[np.float32]:
        return image.astype(np.float32)

    def predict(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        result = np.zeros((len(self.metadata.offsets), *values.shape), np.float32)
        for k, offset in enumerate(self.metadata.offsets):
            here, there = pair_slices((values.shape[0], values.shape[1]), offset)
            step = np.abs(values[here] - values[there])
            found = (step < 1.9).astype(np.float32)  # nothing goes with the background
            for height, affinity in self._distant.items():
                found[np.isclose(step, height)] = affinity if max(map(abs, offset)) > 1 else 0.85
            result[k][here] = found
        return result


def two_cells(*, halves: bool = False) -> tuple[Any, NDArray[np.int32]]:
    """Two cells that touch, of unlike brightness; with halves, so are those of a cell."""
    labels = np.zeros((50, 90), np.int32)
    labels[5:45, 5:45], labels[5:45, 45:85] = 3, 9
    image = np.where(labels == 9, 3.0, 2.0)
    if halves:
        image[25:] += 0.5
    return image * (labels > 0), labels


def chosen(affnet: AffNet, *pairs: Any, **options: Any) -> float:
    images, labels = zip(*pairs, strict=True)
    planes = [plane for image in images for plane in planes_of(image, "image")]
    updates, alpha = finish(choose_affnet_alpha(affnet, planes, labels, **options))
    assert all(isinstance(update, Progress) for update in updates)
    return float(alpha)


def test_an_alpha_that_cuts_is_chosen_where_cells_touch() -> None:
    # The cut needs alpha * (1 - 0.3) > 0.85.
    assert chosen(BrightnessAffNet(between=0.3), two_cells()) == 1.25


def test_an_alpha_that_does_not_cut_is_chosen_where_cells_have_parts() -> None:
    # From 1.25 on the lower half of a cell comes off, too; 1 and 1.1 are as good.
    affnet = BrightnessAffNet(between=0.0, within=0.3, alpha=1.5)
    assert chosen(affnet, two_cells(halves=True)) == 1.1


def test_of_equally_good_values_the_usual_one_is_kept() -> None:
    for usual in (0.9, 1.0, 1.5):
        affnet = BrightnessAffNet(between=0.0, alpha=usual)
        assert chosen(affnet, two_cells()) == usual


def test_only_what_was_held_out_counts() -> None:
    cut, whole = two_cells(), two_cells(halves=True)
    affnet = BrightnessAffNet(between=0.3, within=0.45, alpha=1.0)
    nothing, everything = np.zeros(cut[1].shape, bool), np.ones(cut[1].shape, bool)
    assert chosen(affnet, cut, whole, held_out=[everything, nothing]) == 1.25
    assert chosen(affnet, cut, whole, held_out=[nothing, nothing]) == 1.0


def test_unlabelled_cells_do_not_count() -> None:
    image, labels = two_cells()
    assert chosen(BrightnessAffNet(between=0.3), (image, np.where(labels == 9, -1, 0))) == 1.0


def test_training_ends_with_an_alpha_of_its_own() -> None:
    image, labels = two_cells()
    updates, affnet = finish(
        iterate_affnet_training(
            [image],
            [labels],
            AffNetTraining(steps=2, batch=1),
            start=BrightnessAffNet(),
            name="mine",
            device="cpu",
        )
    )
    assert affnet.metadata.name == "mine"
    assert affnet.metadata.training["alpha_chosen_on"] == "the training labels"
    assert 0.7 <= affnet.metadata.alpha <= 1.75
    messages = list(dict.fromkeys(u.message for u in updates if isinstance(u, Progress)))
    assert messages == ["Reading the images…", "Choosing alpha…"]
    assert any(isinstance(update, AffNetUpdate) for update in updates)
