"""IoU of all label-free foregrounds with annotated cells; a network that learns from IEM's masks.

    python benchmarks/measure_foreground_cells.py [--frames 8] [--steps 300] [--data PSC ...]

Takes so many frames of every data set, evenly spread. The network is an FGNet, whose labels are
what IEM finds in every other frame; pixels of which IEM is not sure are no labels. All methods are
measured on the frames between. The truth of the phase contrast images (PSC) is approximate.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from numpy.typing import NDArray

from development_data import Frame, frames
from measure_iem import DIAMETERS, PSC, phase_contrast_frames, spread
from napari_inpaintaff.evaluation import mask_scores
from napari_inpaintaff.foreground import (
    FGNetTraining,
    foreground_probability,
    threshold,
    train_fgnet,
)
from napari_inpaintaff.jobs import Job

DATA = ("BBBC039", "DSB2018", PSC)
METHODS = ("global_otsu", "otsu", "grabcut", "iem")


def tell(data: str, method: str, masks: list[NDArray[np.bool_]], tested: list[Frame]) -> None:
    truths = [frame.ground_truth > 0 for frame in tested]
    scores = [mask_scores(mask, truth) for mask, truth in zip(masks, truths, strict=True)]
    iou = [score.iou for score in scores]
    right = sum((mask & truth).sum() for mask, truth in zip(masks, truths, strict=True))
    found, there = sum(mask.sum() for mask in masks), sum(truth.sum() for truth in truths)
    dice = np.mean([score.dice for score in scores])
    print(
        f"| {data} | {len(scores)} | {method} | {np.mean(iou):.3f} | {min(iou):.3f} | {dice:.3f} | "
        f"{right / max(found, 1):.3f} | {right / there:.3f} |",
        flush=True,
    )


def targets(image: NDArray[np.generic], diameter: float, margin: float) -> NDArray[np.int8]:
    """Return what IEM is sure of: 1 foreground, 0 background, -1 neither."""
    share = foreground_probability(image, "iem", diameter=diameter, device="cpu")
    sure = np.abs(share - 0.5) >= margin
    return np.where(sure, share > 0.5, -1).astype(np.int8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--steps", type=int, default=300, help="0: no network")
    parser.add_argument("--margin", type=float, default=0.05)
    parser.add_argument("--data", nargs="*", default=DATA)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| data | frames | source | mean IoU | lowest | Dice | precision | recall |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for data in options.data:
        source = phase_contrast_frames() if data == PSC else frames(data)
        chosen = spread(list(source), options.frames)
        learned, tested = (chosen[1::2], chosen[::2]) if options.steps else ([], chosen)
        diameter = DIAMETERS.get(data, 25.0)
        for method in METHODS:
            masks = [
                threshold(foreground_probability(f.image, method, diameter=diameter, device="cpu"))
                for f in tested
            ]
            tell(data, method, masks, tested)
        if not learned:
            continue
        begin = time.process_time()
        given = [targets(frame.image, diameter, options.margin) for frame in learned]
        training = FGNetTraining(steps=options.steps)
        kind = "linear" if data == PSC else "fluorescence"
        updates = train_fgnet(
            [frame.image for frame in learned],
            given,
            training,
            diameter=diameter,
            normalisation=kind,
            device="cpu",
        )
        network = Job(updates).run()
        minutes = (time.process_time() - begin) / 60
        masks = [threshold(network.probability(frame.image)) for frame in tested]
        tell(data, f"iem + network ({len(learned)} frames, {minutes:.1f} min)", masks, tested)


if __name__ == "__main__":
    main()
