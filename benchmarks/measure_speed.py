"""Speed of the separation as ratios within one run, since seconds depend on the machine.

    python benchmarks/measure_speed.py [--size 128] [--model nuclei-small]

Compared on the built-in sample: the engine with its default batch, with a batch of one
patch, and the slow reference of the tests; bfloat16 and float32. Repeat it with
ONEDNN_MAX_CPU_ISA=AVX2 to see a CPU that has no instructions for bfloat16.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.inpainting import DEFAULT_INPAINTER, Inpainter
from napari_inpaintaff.separation import SeparationParameters, compute_affinities


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default=DEFAULT_INPAINTER, help="name or file")
    parser.add_argument("--size", type=int, default=128, help="side of the image")
    parser.add_argument("--repeat", type=int, default=2, help="the fastest run counts")
    parser.add_argument("--no-reference", action="store_true", help="it takes minutes")
    options = parser.parse_args()
    image, truth = simulate_dense_nuclei(shape=(options.size, options.size))
    wanted = truth > 0
    networks = {
        dtype: Inpainter.load(options.model, device="cpu", dtype=dtype)
        for dtype in (torch.bfloat16, torch.float32)
    }
    chosen = Inpainter.load(options.model, device="cpu").dtype
    batched = SeparationParameters()
    single = replace(batched, batch=1)

    def engine(dtype: torch.dtype, parameters: SeparationParameters) -> Callable[[], object]:
        return lambda: compute_affinities(image, networks[dtype], parameters, wanted=wanted)

    runs = {
        (name, dtype): engine(dtype, parameters)
        for dtype in networks
        for name, parameters in (("batched", batched), ("batch of one patch", single))
    }
    if not options.no_reference:
        runs["reference", torch.float32] = _reference(image, networks[torch.float32], wanted)
    print(f"{options.size} x {options.size} pixels, {torch.get_num_threads()} threads, CPU")
    print(f"chosen by the probe: {chosen}")
    seconds = {key: _seconds(run, options.repeat) for key, run in runs.items()}
    for (name, dtype), duration in seconds.items():
        print(f"{name:24}{dtype!s:18}{duration:8.1f} s")
    fast, slow = seconds["batched", torch.bfloat16], seconds["batched", torch.float32]
    print(f"bfloat16 over float32, batched:             {slow / fast:6.2f} times faster")
    for (name, dtype), duration in seconds.items():
        if name != "batched":
            ratio = duration / seconds["batched", dtype]
            print(f"batched over {name}, {dtype}: {ratio:6.2f} times faster")


def _reference(image: np.ndarray, inpainter: Inpainter, wanted: np.ndarray) -> Callable[[], object]:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "separation"))
    import reference

    values = inpainter.normalise(image).astype(float)
    return lambda: reference.affinities(values, inpainter, SeparationParameters(), wanted)


def _seconds(run: Callable[[], object], repeat: int) -> float:
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
