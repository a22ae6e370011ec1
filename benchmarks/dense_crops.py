"""Small dense parts of the development images: SEG in minutes instead of hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from development_data import DATA_SETS, Frame, frames
from napari_inpaintaff.evaluation import close_gaps, evaluate
from napari_inpaintaff.inpainting import Inpainter
from napari_inpaintaff.inpainting.near_hole import HeldOutCrops
from napari_inpaintaff.inpainting.quality import NearHoleError
from napari_inpaintaff.networks import build_unet
from napari_inpaintaff.partition import (
    PartitionParameters,
    distance_watershed,
    foreground_components,
    partition,
)
from napari_inpaintaff.separation import compute_affinities

SIDE = 192


@dataclass(frozen=True)
class DenseCrop:
    """A window of a frame, and the true foreground in it."""

    frame: Frame
    ground_truth: NDArray[np.uint16]
    foreground: NDArray[np.bool_]


def dense_crops(
    count: int, data_sets: Sequence[str] = DATA_SETS, *, side: int = SIDE
) -> list[DenseCrop]:
    """Take the window with the longest touching borders of some frames of every set."""
    crops = []
    for data_set in data_sets:
        found = list(frames(data_set))
        for frame in found[:: max(1, len(found) // count)][:count]:
            window = _densest_window(frame.ground_truth, side)
            truth = np.zeros_like(frame.ground_truth)
            truth[window] = frame.ground_truth[window]
            inside = np.zeros(truth.shape, bool)
            inside[window] = True
            crops.append(DenseCrop(frame, truth, close_gaps(frame.ground_truth) & inside))
    return crops


def _densest_window(truth: NDArray[np.uint16], side: int) -> tuple[slice, slice]:
    touching = np.zeros(truth.shape, np.int64)
    for axis in (0, 1):
        after, before = np.roll(truth, -1, axis), truth
        touching += (after != before) & (after > 0) & (before > 0)
    best = max(
        (int(touching[y : y + side, x : x + side].sum()), -y, -x)
        for y in range(0, max(1, truth.shape[0] - side + 1), 16)
        for x in range(0, max(1, truth.shape[1] - side + 1), 16)
    )
    y, x = -best[1], -best[2]
    return slice(y, y + side), slice(x, x + side)


def separation_score(
    inpainter: Inpainter, crops: Sequence[DenseCrop], *, alpha: float = PartitionParameters.alpha
) -> float:
    """Return SEG over all objects of all crops, given the true foreground."""
    pairs = []
    for crop in crops:
        affinities = compute_affinities(crop.frame.image, inpainter, wanted=crop.foreground)
        parameters = PartitionParameters(alpha=alpha)
        labels = partition(affinities, foreground=crop.foreground, parameters=parameters)
        pairs.append((labels, crop.ground_truth))
    return evaluate(pairs).seg


def baseline_scores(crops: Sequence[DenseCrop]) -> tuple[float, float]:
    """Return SEG of the connected components, and of a distance-transform watershed."""
    components = [(foreground_components(crop.foreground), crop.ground_truth) for crop in crops]
    watershed = [(distance_watershed(crop.foreground), crop.ground_truth) for crop in crops]
    return evaluate(components).seg, evaluate(watershed).seg


def inpainting_error(inpainter: Inpainter, data_sets: Sequence[str] = DATA_SETS) -> NearHoleError:
    """Measure an inpainter on the labelled images, none of which it was trained on."""
    network = build_unet(inpainter.metadata.architecture).eval()
    weights = {name: torch.from_numpy(value) for name, value in inpainter.weights.items()}
    network.load_state_dict(weights, strict=False)
    images = [inpainter.normalise(f.image) for data_set in data_sets for f in frames(data_set)]
    return HeldOutCrops.draw(images, count=384).measure(network)
