"""IoU of IEM with annotated cells, beside Otsu's threshold, and the time that it takes.

    python benchmarks/measure_iem.py [--frames 3]

Takes so many frames of every data set, evenly spread. The truth of HeLa is silver, that of the
phase contrast images (PSC) is approximate: recovered from a damaged copy.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator, Sequence

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

from development_data import DATA_SETS, Frame, data_folder, frames
from napari_inpaintaff.foreground import FOREGROUND_METHODS, foreground_probability, threshold
from napari_inpaintaff.foreground.iem_cells import above_background

#: The last is what IEM begins with beside ``otsu``: what it would give without any search.
METHODS = ("otsu", "global_otsu", "iem", "iem's threshold")
PSC = "PhC-C2DL-PSC"
DIAMETERS = {PSC: 13.0}


def phase_contrast_frames() -> Iterator[Frame]:
    folder = data_folder() / PSC
    for path in sorted((folder / "01_ST_recovered" / "SEG").glob("*.tif")):
        (number,) = re.findall(r"\d+", path.stem)
        image = tifffile.imread(folder / "01" / f"t{number}.tif")
        yield Frame(number, image, tifffile.imread(path))


def mask(image: NDArray[np.integer], method: str, diameter: float) -> NDArray[np.bool_]:
    if method in FOREGROUND_METHODS:
        return threshold(foreground_probability(image, method, diameter=diameter))
    values = above_background(image.astype(np.float64), diameter)
    return values > threshold_otsu(values)


def spread(given: Sequence[Frame], count: int) -> list[Frame]:
    chosen = np.linspace(0, len(given) - 1, min(count, len(given))).round().astype(int)
    return [given[index] for index in chosen]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'data':16}{'method':17}{'frames':>7}{'mean IoU':>10}{'lowest':>9}{'CPU s/Mpx':>11}")
    for data_set in (*DATA_SETS, PSC):
        source = phase_contrast_frames() if data_set == PSC else frames(data_set)
        chosen = spread(list(source), options.frames)
        for method in METHODS:
            overlaps, begin = [], time.process_time()
            for frame in chosen:
                found = mask(frame.image, method, DIAMETERS.get(data_set, 25.0))
                truth = frame.ground_truth > 0
                overlaps.append((found & truth).sum() / (found | truth).sum())
            seconds = (time.process_time() - begin) / sum(f.image.size for f in chosen) * 1e6
            print(
                f"{data_set:16}{method:17}{len(chosen):7}{np.mean(overlaps):10.3f}"
                f"{min(overlaps):9.3f}{seconds:11.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
