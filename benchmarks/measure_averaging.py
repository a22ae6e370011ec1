"""Near-hole error of the last weights of a training, and of their moving average.

    python benchmarks/measure_averaging.py [--steps 250 1000]

Both come from the same training, so nothing else differs. The crops that they are measured on
are of images that the training did not see.
"""

from __future__ import annotations

import argparse

import torch

from napari_inpaintaff.images import estimate_normalisation
from napari_inpaintaff.inpainting import ARCHITECTURES
from napari_inpaintaff.inpainting.crops import CropSampler
from napari_inpaintaff.inpainting.masks import random_conditionals
from napari_inpaintaff.inpainting.near_hole import HeldOutCrops
from napari_inpaintaff.inpainting.objectives import build_objective
from napari_inpaintaff.networks import Schedule, build_unet
from napari_inpaintaff.networks.devices import pick_device
from napari_inpaintaff.networks.training import Optimisation, optimise
from training_data import unlabelled_planes

BATCH, SIZE = 32, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, nargs="+", default=[250, 1000])
    parser.add_argument("--config", choices=ARCHITECTURES, default="small")
    options = parser.parse_args()
    arrays = []
    for plane in unlabelled_planes():
        image = plane.read()
        arrays.append(estimate_normalisation(image, "fluorescence").apply(image))
    held_out, trained_on = arrays[::10], [a for i, a in enumerate(arrays) if i % 10]
    crops = HeldOutCrops.draw(held_out, size=SIZE, count=512)
    sampler = CropSampler(trained_on, SIZE, seed=0)
    objective = build_objective("laplace", vgg=None, device=pick_device("cpu"))
    print(f"{'steps':>8}{'':12}{'L1/prior':>10}{'NLL':>8}")
    for steps in options.steps:
        torch.manual_seed(0)
        state = Optimisation(build_unet(ARCHITECTURES[options.config]))

        def loss(step: int, state: Optimisation = state) -> torch.Tensor:
            generator = torch.Generator().manual_seed(step)
            masks = random_conditionals(BATCH, SIZE, generator)
            return objective(state.network, sampler.draw(step, BATCH), masks)

        for when in optimise(state, loss, Schedule(steps=steps)):
            if when.step in (steps // 2, steps):
                for name, network in (("last", state.network.eval()), ("average", state.averaged)):
                    near = crops.measure(network)
                    print(
                        f"{when.step:4}/{steps}{name:>12}{near.ratio:10.4f}{near.nll:8.3f}",
                        flush=True,
                    )
                state.network.train()


if __name__ == "__main__":
    main()
