"""The measurements behind `performance.py`, a function for each of its tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

import reference_engine
from dense_crops import dense_crops
from development_data import Frame, frames
from engine_runs import Evaluations, take_apart
from machine import evaluation_gflop, peak_gflops, peak_memory
from napari_inpaintaff.datatypes import Affinities
from napari_inpaintaff.evaluation import close_gaps, seg_score
from napari_inpaintaff.inpainting import DEFAULT_INPAINTER, Inpainter
from napari_inpaintaff.partition import PartitionParameters, foreground_components, partition
from napari_inpaintaff.separation import (
    SEPARATION_MODES,
    AffinityDraft,
    SeparationParameters,
    compute_affinities,
    iterate_affinities,
)

Rows = list[dict[str, str]]

#: Sides of the square images of the size curve, in pixels.
SIDES = (256, 512, 1024, 2048, 4096)
_CROP = 128


def timed(run: Callable[[], Affinities]) -> tuple[Affinities, float]:
    """Return what a call returns, and its seconds."""
    start = time.perf_counter()
    result = run()
    return result, time.perf_counter() - start


def devices() -> list[str]:
    """Name the CPU, and CUDA where there is one."""
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def hela() -> Frame:
    """Read the 700 x 1100 frame 091 of Fluo-N2DL-HeLa 01."""
    return list(frames("Fluo-N2DL-HeLa"))[-1]


def densest() -> Frame:
    """Read the image of BBBC039 with the most objects."""
    return max(frames("BBBC039"), key=lambda frame: len(np.unique(frame.ground_truth)))


def engine() -> Rows:
    """Compare the reference, patch by patch, with the engine: same network, whole frame."""
    frame = hela()
    mask = close_gaps(frame.ground_truth)
    runs = [("reference", "cpu", torch.float32), ("engine", "cpu", torch.float32)]
    runs += [("engine", "cpu", torch.bfloat16)]
    if torch.cuda.is_available():
        runs += [("reference", "cuda", torch.float32), ("engine", "cuda", torch.bfloat16)]
    return _engine_rows(runs, frame.image, mask, frame.ground_truth)


def avx2() -> Rows:
    """Compare them on a part of the frame, without instructions for bfloat16."""
    crop = dense_crops(1, ["Fluo-N2DL-HeLa"])[0]
    runs = [("reference", "cpu", torch.float32), ("engine", "cpu", torch.float32)]
    return _engine_rows(runs, crop.frame.image, crop.foreground, crop.ground_truth)


def _engine_rows(
    runs: Sequence[tuple[str, str, torch.dtype]],
    image: NDArray[np.generic],
    mask: NDArray[np.bool_],
    truth: NDArray[np.integer],
) -> Rows:
    parameters = SeparationParameters()
    rows, slowest = [], 0.0
    for name, device, dtype in runs:
        inpainter = Inpainter.load(DEFAULT_INPAINTER, device=device, dtype=dtype)
        gflop = evaluation_gflop(inpainter, parameters.patch)
        asked = Evaluations(inpainter, parameters.patch)
        if name == "reference":
            values = inpainter.normalise(image)
            run = partial(reference_engine.affinities, values, inpainter, parameters, mask)
        else:
            run = partial(compute_affinities, image, inpainter, parameters, wanted=mask)
        affinities, seconds = timed(run)
        slowest = seconds if name == "reference" else slowest
        floor = asked.count * gflop / peak_gflops(dtype, inpainter.device)
        rows.append(
            {
                "": f"{name}, {device}, {dtype}".replace("torch.", ""),
                "seconds": f"{seconds:.1f}",
                "times faster": f"{slowest / seconds:.1f}",
                "evaluations": f"{asked.count:.0f}",
                "GFLOP each": f"{gflop:.3f}",
                "floor, seconds": f"{floor:.1f}",
                "SEG": f"{seg_score(partition(affinities, foreground=mask), truth):.3f}",
            }
        )
    return rows


def modes() -> Rows:
    """Time draft, balanced and paper on whole frames with the true foreground."""
    rows = []
    for device in devices():
        for frame in (hela(), densest()):
            mask = close_gaps(frame.ground_truth)
            components = seg_score(foreground_components(mask), frame.ground_truth)
            for mode, parameters in SEPARATION_MODES.items():
                if mode == "paper" and (device == "cpu" or frame.name != hela().name):
                    continue  # ten minutes; see docs/performance.md
                inpainter = Inpainter.load(DEFAULT_INPAINTER, device=device)
                asked = Evaluations(inpainter, parameters.patch)
                affinities, patches, seconds = take_apart(frame.image, inpainter, parameters, mask)
                scores = [
                    seg_score(
                        partition(
                            affinities, foreground=mask, parameters=PartitionParameters(alpha=alpha)
                        ),
                        frame.ground_truth,
                    )
                    for alpha in (1.0, 1.5, 2.0)
                ]
                rows.append(
                    {
                        "image": f"{frame.name[:12]}, {device}",
                        "mode": mode,
                        "stride": str(parameters.stride),
                        "T": str(parameters.iterations),
                        "seconds": f"{seconds:.1f}",
                        "patches": str(patches),
                        "evaluations per patch": f"{asked.count / patches:.1f}",
                        "SEG (alpha 1, 1.5, 2)": ", ".join(f"{score:.3f}" for score in scores),
                        "components": f"{components:.3f}",
                    }
                )
    return rows


def first() -> Rows:
    """Time a small region from Run to its first split, its first draft labels, and the end."""
    frame = hela()
    crop = dense_crops(1, ["Fluo-N2DL-HeLa"], side=_CROP)[0]
    rows = []
    for mode in ("draft", "balanced"):
        start = time.perf_counter()
        inpainter = Inpainter.load(DEFAULT_INPAINTER)
        loaded = time.perf_counter() - start
        seconds: dict[str, float] = {}
        updates = iterate_affinities(
            frame.image, inpainter, SEPARATION_MODES[mode], wanted=crop.foreground
        )
        for update in updates:
            seconds.setdefault("split", time.perf_counter() - start)
            if isinstance(update, AffinityDraft) and "draft" not in seconds:
                partition(update.affinities(), foreground=crop.foreground)
                seconds["draft"] = time.perf_counter() - start
        rows.append(
            {
                "region of 128 x 128": mode,
                "network loaded": f"{loaded:.2f} s",
                "first split": f"{seconds['split']:.2f} s",
                "draft labels": f"{seconds['draft']:.2f} s",
                "all patches": f"{time.perf_counter() - start:.1f} s",
            }
        )
    return rows


def batch() -> Rows:
    """Time the engine by the number of splits that evolve together."""
    crop = dense_crops(1, ["Fluo-N2DL-HeLa"], side=_CROP)[0]
    rows = []
    for device in devices():
        inpainter = Inpainter.load(DEFAULT_INPAINTER, device=device)
        sizes = (1, 2, 4, 8, 16, 32, 64) if device == "cpu" else (8, 32, 128, 256, 512)
        for size in sizes:
            parameters = replace(SeparationParameters(), batch=size)
            _, seconds = timed(
                partial(
                    compute_affinities,
                    crop.frame.image,
                    inpainter,
                    parameters,
                    wanted=crop.foreground,
                )
            )
            rows.append({"device": device, "batch": str(size), "seconds": f"{seconds:.1f}"})
    return rows


def size() -> Rows:
    """Measure all sizes in one process; `performance.py` gives each its own."""
    return [row for side in SIDES for row in one_size(side)]


def one_size(side: int) -> Rows:
    """Measure the draft mode on a square image made of mirrored HeLa frames.

    A quarter of its patches, side by side: the memory is the same, and so is the cost of each.
    """
    frame = hela()
    image, truth = (_tiled(plane, side) for plane in (frame.image, frame.ground_truth))
    mask = close_gaps(truth)
    inpainter = Inpainter.load(DEFAULT_INPAINTER)
    parameters = replace(SEPARATION_MODES["draft"], stride=64)
    affinities, patches, seconds = take_apart(image, inpainter, parameters, mask)
    start = time.perf_counter()
    labels = partition(affinities, foreground=mask)
    return [
        {
            "image": f"{side} x {side}",
            "patches": str(patches),
            "affinities": f"{seconds:.1f} s",
            "per 1000 patches": f"{1000 * seconds / patches:.1f} s",
            "mutex watershed": f"{time.perf_counter() - start:.2f} s",
            "objects": str(labels.max()),
            "peak memory": f"{peak_memory():.2f} GiB",
        }
    ]


def _tiled(plane: NDArray[np.generic], side: int) -> NDArray[np.generic]:
    """Mirror an image until it is large enough; the densest part first."""
    rows, columns = plane.shape
    plane = plane[rows // 4 :, columns // 4 :]
    reach = [(0, max(0, side - length)) for length in plane.shape]
    return np.pad(plane, reach, mode="symmetric")[:side, :side]


def student() -> Rows:
    """Time the included student on whole frames: image to labels."""
    from napari_inpaintaff.separation import (
        DEFAULT_STUDENT,
        Student,
        compute_student_affinities,
    )

    rows = []
    for device in devices():
        loaded = Student.load(DEFAULT_STUDENT, device=device)
        for frame in (hela(), densest()):
            mask = close_gaps(frame.ground_truth)
            run = partial(compute_student_affinities, frame.image, loaded, wanted=mask)
            run()
            affinities, seconds = timed(run)
            start = time.perf_counter()
            parameters = PartitionParameters(alpha=loaded.metadata.alpha)
            labels = partition(affinities, foreground=mask, parameters=parameters)
            components = foreground_components(mask)
            rows.append(
                {
                    "image": f"{frame.name[:12]}, {device}",
                    "pixels": " x ".join(map(str, mask.shape)),
                    "affinities": f"{seconds:.2f} s",
                    "mutex watershed": f"{time.perf_counter() - start:.2f} s",
                    "alpha": f"{loaded.metadata.alpha:g}",
                    "SEG": f"{seg_score(labels, frame.ground_truth):.3f}",
                    "components": f"{seg_score(components, frame.ground_truth):.3f}",
                }
            )
    return rows
