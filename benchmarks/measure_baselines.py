"""SEG of components and distance-transform watershed on the true foreground.

    python benchmarks/measure_baselines.py

The true foreground is the mask of the ground truth with one-pixel gaps between
different objects closed. The watershed is shown for the best of its parameters on
each data set, which flatters it: a user does not know them.
"""

from __future__ import annotations

from itertools import product

from development_data import DATA_SETS, frames
from napari_inpaintaff.evaluation import close_gaps, evaluate
from napari_inpaintaff.partition import distance_watershed, foreground_components

SIGMAS = (1.0, 1.5, 2.0)
MINIMUM_DISTANCES = (3, 4, 5, 6, 7)


def main() -> None:
    print(f"{'data':16}{'components':>12}{'watershed':>12}{'sigma':>8}{'distance':>10}")
    for data_set in DATA_SETS:
        pairs = [(close_gaps(f.ground_truth), f.ground_truth) for f in frames(data_set)]
        components = evaluate((foreground_components(mask), truth) for mask, truth in pairs)
        scores = {
            (sigma, distance): evaluate(
                (distance_watershed(mask, sigma=sigma, minimum_distance=distance), truth)
                for mask, truth in pairs
            ).seg
            for sigma, distance in product(SIGMAS, MINIMUM_DISTANCES)
        }
        sigma, distance = max(scores, key=lambda parameters: scores[parameters])
        print(
            f"{data_set:16}{components.seg:12.3f}{scores[sigma, distance]:12.3f}"
            f"{sigma:8.1f}{distance:10d}"
        )


if __name__ == "__main__":
    main()
