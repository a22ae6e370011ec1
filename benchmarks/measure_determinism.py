"""What changes with the number of threads, the precision, the batch and the tiles.

    python benchmarks/measure_determinism.py [--threads 1 2 4]

Every run is a process of its own, on a simulated image of 600 x 700 pixels, with the same seed.
Each is compared with the first: the largest difference of an affinity, the part of affinities
that differ at all, and how far the labels are apart (variation of information, in bits; 0 for
identical partitions).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from skimage.metrics import variation_of_information

from machine import describe_machine
from napari_inpaintaff.images import (
    read_affinities,
    read_labels,
    simulate_dense_nuclei,
    write_affinities,
    write_labels,
)
from napari_inpaintaff.pipeline import segment
from napari_inpaintaff.pipeline.tiled import ImageArray, Recipe, segment_tiled
from napari_inpaintaff.separation import SEPARATION_MODES, load_model

_SHAPE = (600, 700)
_PRECISIONS = {"bfloat16": torch.bfloat16, "float32": torch.float32}


def main() -> None:
    options = _parse()
    if options.run:
        run(Path(options.run[0]), *options.run[1:])
        return
    print(describe_machine())
    print("| engine | run | largest difference | affinities that differ | labels apart, bits |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for engine in ("student", "igm"):
            runs = {f"{count} threads": (count, "usual", "whole") for count in options.threads}
            first = options.threads[0]
            runs["the same again"] = (first, "usual", "whole")
            runs |= {f"in {name}": (first, name, "whole") for name in _PRECISIONS}
            if engine == "student":
                runs["in tiles of 512"] = (first, "usual", "tiles")
            compare(engine, runs, Path(folder))


def compare(engine: str, runs: dict[str, tuple[int, str, str]], folder: Path) -> None:
    """Run all, each in a process, and print how they differ from the first."""
    usual = None
    for number, (name, (threads, precision, how)) in enumerate(runs.items()):
        place = folder / f"{engine}-{number}"
        place.mkdir()
        command = [sys.executable, __file__, "--run", str(place), engine, str(threads), precision]
        subprocess.run([*command, how], check=True, stdout=subprocess.DEVNULL)
        labels = read_labels(place / "labels.tif")
        path = place / "affinities.npz"
        values = read_affinities(path).values if path.exists() else None
        if usual is None:
            usual = (values, labels)
            continue
        apart = sum(variation_of_information(usual[1], labels))
        most, share = "", ""
        if values is not None and usual[0] is not None:
            difference = np.abs(values - usual[0])
            most, share = f"{difference.max():.2g}", f"{(difference > 0).mean():.2%}"
        print(f"| {engine} | {name} | {most} | {share} | {apart:.4f} |", flush=True)


def run(folder: Path, engine: str, threads: str, precision: str, how: str) -> None:
    """Do one of the runs."""
    torch.set_num_threads(int(threads))
    image = simulate_dense_nuclei(shape=_SHAPE, seed=5)[0]
    name = "nuclei-student" if engine == "student" else "nuclei-small"
    if how == "tiles":
        segment_tiled(ImageArray(image), folder / "labels.tif", recipe=Recipe(model=name), tile=512)
        return
    model = load_model(name, device="cpu", dtype=_PRECISIONS.get(precision))
    found = segment(image, model=model, separation=SEPARATION_MODES["draft"])
    write_labels(folder / "labels.tif", found.labels)
    write_affinities(folder / "affinities.npz", found.affinities)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--run", nargs=5, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
