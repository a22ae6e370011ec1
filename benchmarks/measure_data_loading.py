"""What the training data costs: the share of a training step that is spent waiting for crops.

    python benchmarks/measure_data_loading.py [--images FILE_OR_FOLDER ...] [--seconds 20]

Without images a compressed time-lapse is written to a temporary folder and read back. Steps
of the network and the drawing of crops run side by side as in a training, once with all
planes in memory, and once with memory for a quarter of them, so that planes are read and
exchanged while training. Everything is measured in one run, on the CPU and, where there is
one, on a GPU. Peak memory is that of the whole process until then.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
import torch

from napari_inpaintaff.images import Plane, estimate_normalisation, gather_planes
from napari_inpaintaff.images.simulation import simulate_dense_nuclei
from napari_inpaintaff.inpainting import ARCHITECTURES
from napari_inpaintaff.inpainting.crops import CropLoader, CropSampler
from napari_inpaintaff.inpainting.masks import random_conditionals
from napari_inpaintaff.inpainting.objectives import conditional_loss
from napari_inpaintaff.inpainting.plane_pool import PlanePool
from napari_inpaintaff.networks.devices import place
from napari_inpaintaff.networks.training import Optimisation
from napari_inpaintaff.networks.unet import build_unet

SIZE = 64
WARM_UP = 5


@dataclass(frozen=True)
class Measurement:
    """What a number of steps took."""

    steps: int
    seconds: float
    waited: float
    exchanged: int


def main() -> None:
    options = _parse()
    with tempfile.TemporaryDirectory() as folder:
        sources = options.images or [_write_time_lapse(Path(folder), options.frames)]
        start = time.perf_counter()
        found = gather_planes(sources, channel=options.channel)
        seconds = time.perf_counter() - start
        planes = found.planes
        print(f"{len(planes)} planes of {found.files} files found in {seconds:.2f} s", end="")
        print(f", {len(found.skipped)} skipped; {torch.get_num_threads()} threads")
        _measure_drawing(planes, options)
        devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
        print(
            f"{'device':8}{'memory':>10}{'steps':>8}{'per s':>8}{'crops/s':>9}"
            f"{'ms/step':>9}{'waited':>9}{'read anew':>11}{'peak MB':>9}"
        )
        pixels = sum(height * width for height, width in (plane.shape for plane in planes))
        for device in devices:
            for name, memory in (("a quarter", pixels), ("all", 4 * pixels)):
                result = _measure(planes, memory, torch.device(device), options)
                rate = result.steps / result.seconds
                print(
                    f"{device:8}{name:>10}{result.steps:8d}{rate:8.1f}{rate * options.batch:9.0f}"
                    f"{1000 / rate:9.1f}{result.waited / result.seconds:9.2%}"
                    f"{result.exchanged:11d}{_peak_megabytes():>9}",
                    flush=True,
                )


def _measure_drawing(planes: Sequence[Plane], options: argparse.Namespace) -> None:
    """Say how long reading takes, and drawing with nothing beside it."""
    with _pool(planes, 2**40, set()) as pool:
        start = time.perf_counter()
        pool.at(0)
        read = time.perf_counter() - start
        sampler = CropSampler(pool, SIZE, seed=0)
        sampler.draw(0, options.batch)
        start = time.perf_counter()
        for step in range(100):
            sampler.draw(step, options.batch)
        drawn = (time.perf_counter() - start) / 100
    print(f"reading and normalising: {1000 * read / len(planes):.1f} ms per plane")
    print(f"drawing alone: {1000 * drawn:.2f} ms per batch, {options.batch / drawn:.0f} crops/s")


def _measure(
    planes: Sequence[Plane], memory: int, device: torch.device, options: argparse.Namespace
) -> Measurement:
    torch.manual_seed(0)
    optimisation = Optimisation(place(build_unet(ARCHITECTURES[options.model]), device))
    generator = torch.Generator(device).manual_seed(0)
    read: set[int] = set()
    with (
        _pool(planes, memory, read) as pool,
        CropLoader(CropSampler(pool, SIZE, seed=0), options.batch) as loader,
    ):

        def advance(step: int) -> None:
            values = loader.get(step).to(device, non_blocking=True)
            masks = random_conditionals(options.batch, SIZE, generator)
            loss = conditional_loss(optimisation.network, values, masks)
            optimisation.descend(loss, learning_rate=1e-3, average=0.99)

        for step in range(WARM_UP):
            advance(step)
        _synchronise(device)
        waited, before = loader.waited, len(read)
        start = time.perf_counter()
        step = WARM_UP
        while time.perf_counter() - start < options.seconds:
            advance(step)
            step += 1
            if step % 20 == 0:  # a training reads its loss as often
                _synchronise(device)
        _synchronise(device)
        seconds = time.perf_counter() - start
        return Measurement(step - WARM_UP, seconds, loader.waited - waited, len(read) - before)


def _pool(planes: Sequence[Plane], memory: int, read: set[int]) -> PlanePool:
    def prepare(image: np.ndarray) -> np.ndarray:
        read.add(len(read))
        return estimate_normalisation(image).apply(image)

    def skip(skipped: object) -> None:
        print(skipped, file=sys.stderr)

    return PlanePool(planes, prepare, seed=0, memory=memory, on_skip=skip)


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak_megabytes() -> str:
    try:
        import resource
    except ImportError:  # Windows
        return "unknown"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"{peak / (2**20 if sys.platform == 'darwin' else 2**10):.0f}"


def _write_time_lapse(folder: Path, frames: int) -> Path:
    """Write a compressed time-lapse of the simulated nuclei, every frame turned and noisy."""
    image, _ = simulate_dense_nuclei(shape=(512, 512))
    random = np.random.default_rng(0)
    path = folder / "time-lapse.tif"
    with tifffile.TiffWriter(path) as tiff:
        for frame in range(frames):
            noisy = np.rot90(image, frame) + random.normal(0, 10, image.shape)
            pixels = np.clip(noisy, 0, 65535).astype(np.uint16)
            tiff.write(pixels, compression="zlib", contiguous=False, metadata=None)
    return path


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", nargs="+", help="files, folders, patterns")
    parser.add_argument("--channel", type=int, help="of images that have several")
    parser.add_argument("--frames", type=int, default=200, help="of the simulated time-lapse")
    parser.add_argument("--model", choices=ARCHITECTURES, default="small", help="architecture")
    parser.add_argument("--batch", type=int, default=32, help="crops per step")
    parser.add_argument("--seconds", type=float, default=20, help="to measure each for")
    return parser.parse_args()


if __name__ == "__main__":
    main()
