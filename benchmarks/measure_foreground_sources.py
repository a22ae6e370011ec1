"""IoU of all label-free foregrounds on simulated scenes: IEM, its network, GrabCut, Otsu.

    python benchmarks/measure_foreground_sources.py [--side 128] [--train 200] [--test 60]

The network learns from other scenes than those that are measured. `--ablations` measures what
IEM loses without its parts instead (IEM's Table 4).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from napari_inpaintaff.evaluation import mask_scores
from napari_inpaintaff.foreground import (
    IEMNetworkTraining,
    IEMParameters,
    maximise_inpainting_error,
    picture_foreground,
    train_iem_network,
)
from napari_inpaintaff.images import PLACEMENTS, LayeredScenes, layered_scenes
from napari_inpaintaff.jobs import Job

ABLATIONS = {
    "IEM": IEMParameters(),
    "no regularisation": IEMParameters(diversity=0.0),
    "no smoothing": IEMParameters(smoothing=False),
    "updates everywhere": IEMParameters(boundary_only=False),
}


def tell(name: str, masks: Iterable[NDArray[np.bool_]], truth: NDArray, seconds: float) -> None:
    scores = [mask_scores(mask, true) for mask, true in zip(masks, truth, strict=True)]
    mean = [np.mean([getattr(s, key) for s in scores]) for key in ("accuracy", "iou", "mean_iou")]
    dice, median = np.mean([s.dice for s in scores]), np.median([s.iou for s in scores])
    cells = " | ".join(f"{value:.3f}" for value in (*mean, dice, median))
    print(f"| {name} | {cells} | {seconds / len(scores):.2f} |", flush=True)


def measured(name: str, find, scenes: LayeredScenes) -> None:
    begin = time.process_time()
    masks = [find(image) for image in scenes.images]
    tell(name, masks, scenes.masks, time.process_time() - begin)


def networks(scenes: LayeredScenes, options: argparse.Namespace) -> None:
    learned = layered_scenes(options.train, options.side, seed=1, placement=options.placement)
    training = IEMNetworkTraining(
        side=options.side, epochs=options.epochs, batch=options.batch, width=options.width
    )
    begin = time.process_time()
    network = Job(train_iem_network(learned.images, training, device=options.device)).run()
    minutes = (time.process_time() - begin) / 60
    print(f"| (network learned from {options.train} scenes, CPU {minutes:.1f} min) |", flush=True)
    for name, refine in (("IEM + network", False), ("IEM + network + IEM", True)):
        network.metadata = replace(network.metadata, refine=refine)
        measured(name, lambda image: network.probability(image) > 0.5, scenes)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--test", type=int, default=60)
    parser.add_argument("--train", type=int, default=200, help="0: no network")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--placement", choices=PLACEMENTS, default="cropped")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--ablations", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    scenes = layered_scenes(options.test, options.side, seed=2, placement=options.placement)
    print(f"{options.test} scenes of {options.side} pixels, {options.placement}")
    print("| source | accuracy | IoU | mIoU | Dice | median IoU | CPU s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, parameters in ABLATIONS.items():
        begin = time.process_time()
        result = maximise_inpainting_error(
            scenes.images, parameters=parameters, device=options.device
        )
        tell(name, result.masks, scenes.masks, time.process_time() - begin)
        if not options.ablations:
            break
    if options.ablations:
        return
    for method in ("grabcut", "global_otsu", "largest"):
        measured(method, lambda image, m=method: picture_foreground(image, m) > 0.5, scenes)
    everything = np.ones(scenes.masks.shape[1:], bool)
    measured("everything", lambda _: everything, scenes)
    if options.train:
        networks(scenes, options)


if __name__ == "__main__":
    main()
