"""Time and memory of planes of growing size, in tiles.

    python benchmarks/measure_tiles.py [--sides 2048 4096 8192 16384] [--model nuclei-student]
        [--mode draft] [--tile 2048] [--crowd 0.25]

Every size runs in a process of its own, on a simulated image of uint16 that is made block by
block when it is read. Peak memory is that of the process. Times are also given per million
pixels: they should not grow with the image.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from functools import lru_cache
from pathlib import Path

import dask.array as da
import numpy as np

from machine import describe_machine
from napari_inpaintaff.images import simulate_dense_nuclei
from napari_inpaintaff.pipeline.tiled import ImageArray, Recipe, segment_tiled
from napari_inpaintaff.separation import SEPARATION_MODES

_BLOCK = 1024
#: Different blocks; others repeat them, turned.
_BLOCKS = 4


def main() -> None:
    options = _parse()
    if options.one:
        print(json.dumps(measure(options, options.one)))
        return
    print(describe_machine())
    print("| side | time, s | per million pixels, s | peak memory, GiB | cells |")
    print("| --- | --- | --- | --- | --- |")
    for side in options.sides:
        command = [sys.executable, __file__, *sys.argv[1:], "--one", str(side)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        per = found["seconds"] / (side**2 / 1e6)
        print(
            f"| {side} | {found['seconds']:.0f} | {per:.2f} | {found['gib']:.2f} | "
            f"{found['cells']} |",
            flush=True,
        )


def measure(options: argparse.Namespace, side: int) -> dict[str, float]:
    """Segment one simulated plane."""
    image = lazy_plane(side, options.coverage)
    recipe = Recipe(
        model=options.model, separation=SEPARATION_MODES[options.mode] if options.mode else None
    )
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        output = Path(folder) / "cells.zarr"
        result = segment_tiled(ImageArray(image), output, recipe=recipe, tile=options.tile)
        seconds = time.perf_counter() - start
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "gib": kib / 2**20, "cells": sum(result.cells)}


def lazy_plane(side: int, coverage: float) -> da.Array:
    """Return a plane of simulated nuclei that is never in memory as a whole."""

    def block(block_info: dict | None = None) -> np.ndarray:
        assert block_info is not None
        y, x = block_info[None]["chunk-location"]
        shape = block_info[None]["chunk-shape"]
        whole = _block((3 * y + x) % _BLOCKS, coverage)
        return np.rot90(whole, (y + x) % 4)[: shape[0], : shape[1]]

    chunks = tuple((min(_BLOCK, side - start)) for start in range(0, side, _BLOCK))
    return da.map_blocks(block, chunks=(chunks, chunks), dtype=np.uint16)


@lru_cache(_BLOCKS)
def _block(seed: int, coverage: float) -> np.ndarray:
    return simulate_dense_nuclei(shape=(_BLOCK, _BLOCK), seed=seed, coverage=coverage)[0]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[2048, 4096, 8192, 16384])
    parser.add_argument("--model", default="nuclei-student")
    parser.add_argument("--mode", choices=SEPARATION_MODES)
    parser.add_argument("--tile", type=int, default=2048)
    parser.add_argument("--coverage", type=float, default=0.25)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
