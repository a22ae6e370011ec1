"""What the foreground network learns from few labels, and what that is worth.

    python benchmarks/measure_fgnet.py hela [--frames 079 091] [--instances 52 12] [--config small]
    python benchmarks/measure_fgnet.py strokes [--seeds 0 1 2]
    python benchmarks/measure_fgnet.py sets [--sets BBBC039 DSB2018] [--seeds 0 1 2]

``hela``: trained on frame 052 of sequence 01 (gold truth), scored on dense frames (silver truth):
IoU of the foreground, and SEG of nuclei-student (one pass) from the image, and from image and
outline, of connected components and the best of a grid of distance-transform watersheds (chosen on
the same frames) on that same foreground; what image and outline close of the way from components
to 1.
``strokes``: simulated strokes on 10 cells in the left half of a crop, scored on the right half:
when the map of a running training first beats Otsu's (of an image, or of its raw intensities,
whichever is better), and what strokes on cells only lose.
``sets``: trained on half of the labelled images, scored on the other half.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray

from arena.methods import WATERSHEDS
from development_data import Frame, data_folder, frames
from napari_inpaintaff.evaluation import evaluate
from napari_inpaintaff.foreground import (
    FGNet,
    FGNetTraining,
    FGNetUpdate,
    foreground_probability,
    foreground_targets,
    threshold,
    train_fgnet,
)
from napari_inpaintaff.inpainting import Inpainter
from napari_inpaintaff.partition import (
    PartitionParameters,
    distance_watershed,
    foreground_components,
    partition,
)
from napari_inpaintaff.pipeline import segment
from napari_inpaintaff.separation import DEFAULT_STUDENT, load_model
from simulated_strokes import paint_strokes

DENSE = tuple(f"{frame:03}" for frame in range(75, 92))

_COLUMNS = "IoU | image | image and outline | components | watershed | closed"

Mask = NDArray[np.bool_]
Labels = NDArray[np.integer]


def main() -> None:
    options = _parse()
    torch.set_num_threads(options.threads)
    print(f"{torch.get_num_threads()} threads, {options.config}, start {options.start}")
    {"hela": hela, "strokes": strokes, "sets": sets}[options.part](options)


def hela(options: argparse.Namespace) -> None:
    folder = data_folder() / "Fluo-N2DL-HeLa"
    image = tifffile.imread(folder / "01" / "t052.tif")
    gold = tifffile.imread(folder / "01_GT" / "SEG" / "man_seg052.tif")
    scored = list(_dense_frames(options.frames))
    print(f"| instances | seed | CPU s | steps | {_COLUMNS} |")
    print("| --- " * 10 + "|")
    for wanted in options.instances:
        targets, count = _targets_of(gold, wanted)
        for seed in options.seeds:
            net, seconds = _train([image], [targets], options, seed=seed, instances=count)
            masks = [threshold(net.probability(frame.image)) for frame in scored]
            found = _separated(scored, masks)
            print(
                f"| {count} | {seed} | {seconds:.0f} | {net.metadata.training['steps']} | "
                + " | ".join(f"{value:.3f}" for value in found)
                + " |",
                flush=True,
            )


def _dense_frames(names: Iterable[str]) -> Iterable[Frame]:
    folder = data_folder() / "Fluo-N2DL-HeLa"
    for name in names:
        truth = folder / "01_ST" / "SEG" / f"man_seg{name}.tif"
        if truth.exists():
            image = tifffile.imread(folder / "01" / f"t{name}.tif")
            yield Frame(name, image, tifffile.imread(truth))


def _targets_of(gold: Labels, instances: int) -> tuple[NDArray[np.int8], int]:
    """Label columns 0 to 369, or the middle of them with so many instances at most."""
    targets = foreground_targets(gold)
    height, width = gold.shape[0], 370
    for part in np.linspace(1, 0, 200):
        rows = slice(round(height / 2 * (1 - part)), round(height / 2 * (1 + part)))
        columns = slice(round(width / 2 * (1 - part)), round(width / 2 * (1 + part)))
        count = len(np.setdiff1d(gold[rows, columns], [0]))
        if count <= instances:
            break
    given = np.full_like(targets, -1)
    given[rows, columns] = targets[rows, columns]
    return given, count


def _separated(scored: Sequence[Frame], masks: Sequence[Mask]) -> tuple[float, ...]:
    """Return the values of `_COLUMNS`."""
    student = load_model(DEFAULT_STUDENT)
    truths = [frame.ground_truth for frame in scored]
    overlap = float(np.mean([iou(mask, t > 0) for mask, t in zip(masks, truths, strict=True)]))
    results = [
        segment(frame.image, model=student, foreground=mask)
        for frame, mask in zip(scored, masks, strict=True)
    ]
    image = mean_seg([result.labels for result in results], truths)
    parameters = PartitionParameters("outline_mutex_watershed")
    both = mean_seg(
        [
            partition(result.affinities, foreground=mask, parameters=parameters)
            for result, mask in zip(results, masks, strict=True)
        ],
        truths,
    )
    components = mean_seg([foreground_components(mask) for mask in masks], truths)
    watershed = max(
        mean_seg(
            [distance_watershed(m, sigma=sigma, minimum_distance=apart) for m in masks], truths
        )
        for sigma, apart in WATERSHEDS
    )
    closed = (both - components) / (1 - components)
    return overlap, image, both, components, watershed, closed


def strokes(options: argparse.Namespace) -> None:
    print("| crop | seed | strokes | CPU s | Otsu | first above Otsu | maps | at the end |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, image, truth, given in _crops():
        held_out = np.s_[:, image.shape[1] // 2 :]
        true = truth[held_out] > 0
        marks = max(
            iou(threshold(_otsu(image, method, given))[held_out], true)
            for method in ("otsu", "global_otsu")
        )
        for seed in options.seeds:
            for background in (True, False):
                painted = np.zeros(truth.shape, np.uint16)
                half = np.s_[:, : image.shape[1] // 2]
                painted[half] = paint_strokes(
                    truth[half], cells=10, seed=seed, background=background
                )
                targets = foreground_targets(painted, sparse=True)
                maps: list[tuple[float, float]] = []
                net, seconds = _train(
                    [image], [targets], options, seed=seed, watch=(maps, held_out, true), **given
                )
                end = iou(threshold(net.probability(image))[held_out], true)
                above = next((f"{at:.1f} s" for at, value in maps if value > marks), "never")
                said = ", ".join(f"{value:.2f} at {at:.0f} s" for at, value in maps[:6])
                what = "cells and background" if background else "cells only"
                print(
                    f"| {name} | {seed} | {what} | {seconds:.0f} | {marks:.3f} | {above} | "
                    f"{said} | {end:.3f} |",
                    flush=True,
                )


def _otsu(image: NDArray[Any], method: str, given: dict[str, Any]) -> NDArray[np.float32]:
    return foreground_probability(image, method, diameter=given.get("diameter", 25.0))


def _crops() -> Iterable[tuple[str, NDArray[Any], Labels, dict[str, Any]]]:
    folder = data_folder()
    hela = folder / "Fluo-N2DL-HeLa"
    crop = np.s_[100:612, 300:812]
    yield (
        "HeLa 091",
        tifffile.imread(hela / "01" / "t091.tif")[crop],
        tifffile.imread(hela / "01_ST" / "SEG" / "man_seg091.tif")[crop],
        {},
    )
    psc = folder / "PhC-C2DL-PSC"
    crop = np.s_[30:542, 100:612]
    yield (
        "PSC 180",
        tifffile.imread(psc / "01" / "t180.tif")[crop],
        tifffile.imread(psc / "01_ST_recovered" / "SEG" / "man_seg180.tif")[crop],
        {"diameter": 13.0, "normalisation": "linear"},
    )


def sets(options: argparse.Namespace) -> None:
    print(f"| set | seed | CPU s | Otsu IoU | {_COLUMNS} |")
    print("| --- " * 10 + "|")
    for name in options.sets:
        found = list(frames(name))
        results = []
        for seed in options.seeds:
            order = np.random.default_rng(seed).permutation(len(found))
            half = len(found) // 2
            learned, scored = ([found[index] for index in part] for part in np.split(order, [half]))
            net, seconds = _train(
                [frame.image for frame in learned],
                [foreground_targets(frame.ground_truth) for frame in learned],
                options,
                seed=seed,
            )
            masks = [threshold(net.probability(frame.image)) for frame in scored]
            otsu = [threshold(foreground_probability(frame.image, "otsu")) for frame in scored]
            otsu_iou = np.mean(
                [iou(m, f.ground_truth > 0) for m, f in zip(otsu, scored, strict=True)]
            )
            values = _separated(scored, masks)
            values = (float(otsu_iou), *values)
            results.append(values)
            print(f"| {name} | {seed} | {seconds:.0f} | {_row(values)} |", flush=True)
        print(f"| {name} | mean | | {_row(np.mean(results, axis=0))} |")
        print(f"| {name} | spread | | {_row(np.ptp(results, axis=0))} |")


def _row(values: Iterable[float]) -> str:
    return " | ".join(f"{value:.3f}" for value in values)


def _train(
    images: Sequence[NDArray[Any]],
    targets: Sequence[NDArray[np.int8]],
    options: argparse.Namespace,
    *,
    seed: int,
    watch: tuple[list[tuple[float, float]], tuple[slice, slice], Mask] | None = None,
    **given: Any,
) -> tuple[FGNet, float]:
    """Train, and return the network and the seconds of the processor that it took.

    ``watch`` gets the seconds since the start, of the processor, and the IoU of every map that
    the training shows: with one thread the time it takes on a core of its own.
    """
    start = None if options.start == "none" else Inpainter.load(options.start)
    training = FGNetTraining(
        steps=options.steps, minutes=options.minutes, seed=seed, config=options.config
    )
    began, shown = time.process_time(), None
    updates = train_fgnet(images, targets, training, start=start, **given)
    while True:
        try:
            update = next(updates)
        except StopIteration as end:
            net: FGNet = end.value
            return net, time.process_time() - began
        if watch is None or not isinstance(update, FGNetUpdate):
            continue
        maps, part, truth = watch
        if update.probability is not None and update.probability is not shown:
            shown = update.probability
            maps.append((time.process_time() - began, iou(threshold(shown)[part], truth)))


def iou(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def mean_seg(labels: Iterable[Labels], truths: Iterable[Labels]) -> float:
    """Return the mean over images of SEG."""
    return float(np.mean([evaluate([pair]).seg for pair in zip(labels, truths, strict=True)]))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("part", choices=("hela", "strokes", "sets"))
    parser.add_argument("--frames", nargs="+", default=list(DENSE), help="of the dense HeLa frames")
    parser.add_argument("--instances", nargs="+", type=int, default=[52, 12])
    parser.add_argument("--sets", nargs="+", default=["BBBC039", "DSB2018"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--config", choices=("small", "paper"), default="small")
    parser.add_argument("--start", default="nuclei-small", help="an inpainter, or none")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
