"""IoU of the foreground methods with annotated nuclei, and the SEG they allow.

    python benchmarks/measure_foreground.py

"best SEG" is what a perfect separation would reach on that foreground: every
foreground pixel gets the label of the nearest annotated nucleus.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from development_data import DATA_SETS, frames
from napari_inpaintaff.evaluation import evaluate
from napari_inpaintaff.foreground import FOREGROUND_METHODS, foreground_probability, threshold


def nearest_labels(mask: NDArray[np.bool_], truth: NDArray[np.integer]) -> NDArray[np.integer]:
    """Label each pixel of a mask like the nearest object of the truth."""
    nearest = ndimage.distance_transform_edt(
        truth == 0, return_distances=False, return_indices=True
    )
    return np.where(mask, truth[tuple(nearest)], 0)


def main() -> None:
    print(f"{'method':10}{'data':16}{'mean IoU':>10}{'lowest':>10}{'best SEG':>10}")
    for method in FOREGROUND_METHODS:
        for data_set in DATA_SETS:
            pairs = [
                (threshold(foreground_probability(frame.image, method)), frame.ground_truth)
                for frame in frames(data_set)
            ]
            overlaps = [(mask & (t > 0)).sum() / (mask | (t > 0)).sum() for mask, t in pairs]
            best = evaluate((nearest_labels(mask, truth), truth) for mask, truth in pairs).seg
            print(
                f"{method:10}{data_set:16}{np.mean(overlaps):10.3f}{min(overlaps):10.3f}{best:10.3f}"
            )


if __name__ == "__main__":
    main()
