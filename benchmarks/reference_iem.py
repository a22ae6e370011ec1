"""IEM as anyone would write it first: one image, one start, convolutions, automatic gradients.

What `maximise_inpainting_error` is compared with, in speed and in result.

    python benchmarks/reference_iem.py [--images 4] [--side 128] [--threads 1]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from napari_inpaintaff.evaluation import mask_scores
from napari_inpaintaff.foreground import IEMParameters, maximise_inpainting_error
from napari_inpaintaff.foreground.iem_images import centred_squares, standardised
from napari_inpaintaff.foreground.iem_steps import boundary, majority
from napari_inpaintaff.images import layered_scenes


def blurred(maps: Tensor, parameters: IEMParameters) -> Tensor:
    """Two passes of a square Gaussian kernel, as the publication says."""
    reach = torch.arange(-parameters.radius, parameters.radius + 1, dtype=torch.float32)
    line = torch.exp(-0.5 * (reach / parameters.sigma) ** 2)
    kernel = line[:, None] * line
    kernel = (kernel / kernel.sum())[None, None].expand(maps.shape[1], 1, -1, -1)
    for _ in range(2):
        maps = functional.conv2d(maps, kernel, padding=parameters.radius, groups=maps.shape[1])
    return maps


def objective(image: Tensor, mask: Tensor, parameters: IEMParameters) -> tuple[Tensor, Tensor]:
    """Return the inpainting error, and that less the deviations (equations 7, 8 and 11)."""
    error, deviation = torch.zeros(()), torch.zeros(())
    for side, other in ((mask, 1 - mask), (1 - mask, mask)):
        size = side.sum().clamp(min=1)
        mean = (image * other).sum((-2, -1), keepdim=True) / other.sum().clamp(min=1)
        weight = blurred(other, parameters)
        seen = blurred(image * other, parameters) / weight.clamp(min=1e-6)
        seen = torch.where(weight > 1e-6, seen, mean)
        error = error + (side * (image - seen).abs()).sum() / size
        own = (image * side).sum((-2, -1), keepdim=True) / size
        deviation = deviation + (side * (image - own).square()).sum()
    weight = parameters.for_pixels(image.shape[-1] * image.shape[-2])
    return error, error - weight / 2 * deviation


def reference_iem(
    picture: NDArray[np.float32], parameters: IEMParameters | None = None
) -> NDArray[np.bool_]:
    """Return the mask (Y, X) of an image (C, Y, X)."""
    parameters = parameters or IEMParameters()
    image = torch.from_numpy(standardised(picture[None].astype(np.float64))[0])
    best, highest = np.zeros(picture.shape[1:], bool), -1.0
    for start in centred_squares((picture.shape[1], picture.shape[2]), parameters):
        mask = torch.from_numpy(start.astype(np.float32))[None, None]
        for _ in range(parameters.iterations):
            mask.requires_grad_(True)
            _, regularised = objective(image, mask, parameters)
            (gradient,) = torch.autograd.grad(regularised, mask)
            mask = mask.detach()
            wanted = torch.where(boundary(mask), (gradient > 0).float(), mask)
            mask = majority(wanted)
        with torch.no_grad():
            error = float(objective(image, mask, parameters)[0])
        both = bool(mask.any()) and not bool(mask.all())
        if both and error > highest:
            best, highest = mask[0, 0].numpy() > 0.5, error
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    scenes = layered_scenes(options.images, options.side, seed=2)
    begin, spent = time.perf_counter(), time.process_time()
    fast = maximise_inpainting_error(scenes.images, device="cpu").masks
    wall, cpu = time.perf_counter() - begin, time.process_time() - spent
    begin, spent = time.perf_counter(), time.process_time()
    slow = np.stack([reference_iem(image) for image in scenes.images])
    reference_wall, reference_cpu = time.perf_counter() - begin, time.process_time() - spent
    same = [mask_scores(one, other).iou for one, other in zip(fast, slow, strict=True)]
    print(f"{options.images} images of {options.side} pixels, {options.threads} threads")
    print(f"this package: {wall / options.images:.2f} s, {cpu / options.images:.2f} CPU s an image")
    print(
        f"reference:    {reference_wall / options.images:.2f} s, "
        f"{reference_cpu / options.images:.2f} CPU s an image: "
        f"{reference_cpu / cpu:.1f} times the CPU time"
    )
    print(f"IoU of the two masks: mean {np.mean(same):.3f}, lowest {min(same):.3f}")


if __name__ == "__main__":
    main()
