"""SEG of the separation on whole frames with the true foreground.

    python benchmarks/measure_separation.py [--set BBBC039] [--limit 3] [--alpha 0.9 1 1.1]

The true foreground is the mask of the ground truth with one-pixel gaps between different
objects closed. Affinities are computed once per image, and partitioned for every alpha.
Components and distance-transform watershed of the same foreground stand beside it. Means
are over all annotated objects of a set, as SEG is defined for several frames.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from development_data import DATA_SETS, Frame, frames
from engine_runs import Evaluations, take_apart
from napari_inpaintaff.evaluation import close_gaps, evaluate, seg_score
from napari_inpaintaff.inpainting import DEFAULT_INPAINTER, Inpainter
from napari_inpaintaff.partition import (
    PartitionParameters,
    distance_watershed,
    foreground_components,
    partition,
)
from napari_inpaintaff.separation import SeparationParameters

Pair = tuple[NDArray[np.integer], NDArray[np.integer]]


def main() -> None:
    options = _parse()
    inpainter = Inpainter.load(options.model, device=options.device)
    parameters = _parameters(options)
    counter = Evaluations(inpainter, parameters.patch)
    print(f"model {inpainter.metadata.name}, {inpainter.device}, {inpainter.dtype}")
    print(parameters)
    alphas = [f"alpha {alpha:g}" for alpha in options.alpha]
    columns = ["components", "watershed", *alphas]
    print(f"{'image':32}{'seconds':>9}{'batches':>9}{'patches':>9}", _cells(columns), sep="")
    for data_set in options.set:
        pairs: dict[str, list[Pair]] = {column: [] for column in columns}
        seconds = 0.0
        for frame in islice(frames(data_set), options.skip, options.skip + options.limit):
            seconds += _measure(frame, inpainter, parameters, options, counter, pairs)
        if pairs[columns[0]]:
            means = [f"{evaluate(pairs[column]).seg:.3f}" for column in columns]
            print(f"{'= ' + data_set:32}{seconds:9.1f}{'':18}", _cells(means), sep="", flush=True)


def _measure(
    frame: Frame,
    inpainter: Inpainter,
    parameters: SeparationParameters,
    options: argparse.Namespace,
    counter: Evaluations,
    pairs: dict[str, list[Pair]],
) -> float:
    truth = frame.ground_truth
    mask = close_gaps(truth)
    before = counter.batches
    affinities, patches, seconds = take_apart(
        frame.image, inpainter, parameters, mask, diameter=options.diameter
    )
    found = [foreground_components(mask), distance_watershed(mask)]
    for alpha in options.alpha:
        chosen = PartitionParameters(alpha=alpha, minimum_size=options.minimum_size)
        found.append(partition(affinities, foreground=mask, parameters=chosen))
    for labels, kept in zip(found, pairs.values(), strict=True):
        kept.append((labels, truth))
    scores = [f"{seg_score(labels, truth):.3f}" for labels in found]
    batches = counter.batches - before
    print(
        f"{frame.name[:31]:32}{seconds:9.1f}{batches:9d}{patches:9d}",
        _cells(scores),
        sep="",
        flush=True,
    )
    return seconds


def _cells(words: Sequence[str]) -> str:
    return "".join(f"{word:>12}" for word in words)


def _parameters(options: argparse.Namespace) -> SeparationParameters:
    given = {
        name: getattr(options, name)
        for name in ("patch", "stride", "iterations", "distance", "minimum_gain", "seed", "batch")
        if getattr(options, name) is not None
    }
    return SeparationParameters(**given)


def _parse() -> argparse.Namespace:
    default = PartitionParameters()
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--set", nargs="+", choices=DATA_SETS, default=list(DATA_SETS))
    parser.add_argument("--limit", type=int, default=10**6, help="images per set")
    parser.add_argument("--skip", type=int, default=0, help="images of each set to pass over")
    parser.add_argument("--model", default=DEFAULT_INPAINTER, help="name or file")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--diameter", type=float, help="of the cells, by default the model's")
    parser.add_argument("--alpha", type=float, nargs="+", default=[default.alpha])
    parser.add_argument("--minimum-size", type=int, default=default.minimum_size)
    for name in ("patch", "stride", "iterations", "distance", "seed", "batch"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--minimum-gain", type=float)
    return parser.parse_args()


if __name__ == "__main__":
    main()
