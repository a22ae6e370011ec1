"""Claims on simulated scenes: Figure 3, IEM against GrabCut and Otsu, IEM without its parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_inpaintaff.evaluation import mask_scores, mean_mask_scores
from napari_inpaintaff.foreground import (
    IEMParameters,
    maximise_inpainting_error,
    picture_foreground,
)
from napari_inpaintaff.foreground.iem_images import standardised
from napari_inpaintaff.foreground.iem_objective import IEMObjective
from napari_inpaintaff.images import layered_scenes
from reference_iem import reference_iem

SCENES = layered_scenes(24, 64, seed=5)


def iem_iou(parameters: IEMParameters | None = None) -> float:
    found = maximise_inpainting_error(SCENES.images, parameters=parameters, device="cpu").masks
    return mean_mask_scores(zip(found, SCENES.masks, strict=True)).iou


def test_true_masks_have_higher_errors_than_eroded_and_dilated_ones():
    values, known = standardised(SCENES.images.astype(np.float64))
    objective = IEMObjective(
        torch.from_numpy(values), torch.from_numpy(known).float(), IEMParameters()
    )

    def errors(masks: np.ndarray) -> np.ndarray:
        return objective.error(torch.from_numpy(masks).float()[:, None]).numpy()

    true = errors(SCENES.masks)
    around = ndimage.generate_binary_structure(2, 1)[None]
    for change in (ndimage.binary_erosion, ndimage.binary_dilation):
        assert (true > errors(change(SCENES.masks, around, iterations=3))).mean() > 0.95


def test_iem_is_above_grabcut_and_otsu_on_the_same_scenes():
    scores = {"iem": iem_iou()}
    for method in ("grabcut", "global_otsu"):
        found = [picture_foreground(image, method) > 0.5 for image in SCENES.images]
        scores[method] = mean_mask_scores(zip(found, SCENES.masks, strict=True)).iou
    assert scores["iem"] >= 0.7
    assert scores["iem"] > scores["grabcut"] + 0.1
    assert scores["global_otsu"] < 0.5


@pytest.mark.parametrize("seed", [0, 2])
def test_a_straightforward_version_finds_the_same(seed):
    image = layered_scenes(1, 32, seed=seed).images[0]
    parameters = IEMParameters(iterations=40)
    (mask,) = maximise_inpainting_error(image[None], parameters=parameters, device="cpu").masks
    assert mask_scores(mask, reference_iem(image, parameters)).iou > 0.98


def pieces(parameters: IEMParameters) -> float:
    found = maximise_inpainting_error(SCENES.images, parameters=parameters, device="cpu").masks
    return float(np.mean([ndimage.label(mask)[1] for mask in found]))


def test_iem_without_its_parts():
    """On scenes only the regularisation decides; the other two keep masks in one piece."""
    assert iem_iou(IEMParameters(diversity=0.0)) < iem_iou() - 0.15
    whole = pieces(IEMParameters())
    assert pieces(IEMParameters(smoothing=False)) > whole
    assert pieces(IEMParameters(boundary_only=False)) > whole
