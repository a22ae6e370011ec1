"""A harmful ablation: fine-tuning an inpainter on the segments that it has found.

    python benchmarks/measure_found_segments.py [--steps 600]

Wolf et al. 2020, section 5: "this network should not be finetuned on the maximally
independent regions, since their shape alone suggests the position of other instances". The same
number of steps is spent twice from the same weights: with random masks, as all training here,
and with masks whose visible side is a segment that was found in the crop. Only this script can
do the latter.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dense_crops import dense_crops, inpainting_error, separation_score
from development_data import DATA_SETS
from napari_inpaintaff.inpainting import Inpainter
from napari_inpaintaff.inpainting.masks import Conditionals, random_conditionals
from napari_inpaintaff.inpainting.objectives import conditional_loss
from napari_inpaintaff.networks import Optimisation, Schedule, build_unet, optimise
from napari_inpaintaff.networks.devices import place
from napari_inpaintaff.networks.morphology import band
from napari_inpaintaff.pipeline import segment
from training_data import unlabelled_planes

SIZE = 64
BATCH = 32
Crops = tuple[Tensor, Tensor]


def main() -> None:
    options = _parse()
    inpainter = Inpainter.load(options.model, device="cpu")
    crops = dense_crops(options.crops)
    images = found_segments(inpainter, options.images)
    print(f"{len(images)} images, {sum(int(labels.max()) for _, labels in images)} segments found")
    print(f"{'fine-tuned on':>24}{'L1/prior':>10}{'NLL':>8}{'SEG':>8}", flush=True)
    report("nothing", inpainter, crops)
    for name, draw in (("random masks", random_masks), ("found segments", segment_masks)):
        report(name, fine_tune(inpainter, images, draw, options.steps), crops)


def report(name: str, inpainter: Inpainter, crops: list) -> None:
    near = inpainting_error(inpainter, DATA_SETS)
    seg = separation_score(inpainter, crops)
    print(f"{name:>24}{near.ratio:10.3f}{near.nll:8.3f}{seg:8.3f}", flush=True)


def found_segments(
    inpainter: Inpainter, count: int
) -> list[tuple[NDArray[np.float32], NDArray[np.uint32]]]:
    """Segment the middle of some training images; return them normalised, with the labels."""
    planes = [plane for plane in unlabelled_planes() if min(plane.shape) >= 256]
    found = []
    for plane in planes[:: max(1, len(planes) // count)][:count]:
        image = plane.read()
        y, x = (length // 2 - 128 for length in image.shape)
        window = slice(y, y + 256), slice(x, x + 256)
        labels = segment(image, model=inpainter, region=window).labels[window]
        found.append((inpainter.normalise(image)[window], labels))
    return found


def fine_tune(
    inpainter: Inpainter,
    images: list[tuple[NDArray[np.float32], NDArray[np.uint32]]],
    draw_masks: Callable[[Tensor, torch.Generator], Conditionals],
    steps: int,
) -> Inpainter:
    """Train on crops of the images, with one kind of masks."""
    architecture = inpainter.metadata.architecture
    network: nn.Module = place(build_unet(architecture), torch.device("cpu"))
    weights = {name: torch.from_numpy(value) for name, value in inpainter.weights.items()}
    network.load_state_dict(weights, strict=False)
    optimisation = Optimisation(network)

    def loss(step: int) -> Tensor:
        values, labels = draw_crops(images, step)
        generator = torch.Generator().manual_seed(step)
        return conditional_loss(network, values, draw_masks(labels, generator))

    for _ in optimise(optimisation, loss, Schedule(steps=steps, learning_rate=1e-3)):
        pass
    metadata = replace(inpainter.metadata, name="fine-tuned")
    return Inpainter(optimisation.averaged, metadata, device="cpu")


def draw_crops(images: list[tuple[NDArray[np.float32], NDArray[np.uint32]]], step: int) -> Crops:
    """Draw crops that hold segments, with flips."""
    random = np.random.default_rng(step)
    values, labels = [], []
    while len(values) < BATCH:
        image, segments = images[random.integers(len(images))]
        y, x = random.integers(256 - SIZE + 1, size=2)
        turn = int(random.integers(4))
        part = np.rot90(segments[y : y + SIZE, x : x + SIZE], turn)
        if part.any():
            values.append(np.rot90(image[y : y + SIZE, x : x + SIZE], turn))
            labels.append(part)
    return (
        torch.from_numpy(np.nan_to_num(np.stack(values))),
        torch.from_numpy(np.stack(labels).astype(np.int64)),
    )


def random_masks(labels: Tensor, generator: torch.Generator) -> Conditionals:
    return random_conditionals(len(labels), SIZE, generator)


def segment_masks(labels: Tensor, generator: torch.Generator) -> Conditionals:
    """Show one segment, hide a band around its border, ask for the rest of the crop."""
    chosen = []
    for crop in labels:
        names = crop.unique()
        names = names[names > 0]
        index = int(torch.randint(len(names), (1,), generator=generator))
        chosen.append(crop == names[index])
    side = torch.stack(chosen)
    reach = torch.randint(1, 9, (len(side),), generator=generator)
    hidden = band(side, ~side, reach, 8)
    # Either side may be the visible one, as in a split.
    swapped = torch.rand(len(side), generator=generator) < 0.5
    known = torch.where(swapped[:, None, None], ~side, side) & ~hidden
    return Conditionals(known=known, region=torch.ones_like(known))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="nuclei-small")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--images", type=int, default=6, help="images to find segments in")
    parser.add_argument("--crops", type=int, default=2, help="windows of every data set to score")
    return parser.parse_args()


if __name__ == "__main__":
    main()
