"""Train ReDO on simulated scenes and measure its masks on others while it learns.

    python benchmarks/measure_redo.py OUT [--minutes 120 | --steps N] [--side 32] [--seed 0]
        [--placement whole|cropped] [--hues own|opposite] [--kind layered|digits]
        [--ablate conservation] [--as-published] [--config small|paper] [--device auto]

Writes OUT.log (one line for each measurement), OUT.png (images, masks, redrawn images) and
OUT.safetensors. The same command goes on where it was interrupted. Scenes of the training and of
the measurement differ. IoU is a mean over scenes: of the foreground as the model has it (what
covers less of the border), and of whichever of the two regions fits better, as the publication
counts; of three regions, the mean over regions under the best permutation.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from machine import describe_machine
from napari_inpaintaff.evaluation import mean_mask_scores, region_scores
from napari_inpaintaff.foreground import foreground_probability, threshold
from napari_inpaintaff.foreground.redo import (
    ReDOTraining,
    ReDOUpdate,
    paper_training,
    small_training,
    train_redo,
)
from napari_inpaintaff.foreground.redo.images import in_range
from napari_inpaintaff.foreground.redo.model import background_region
from napari_inpaintaff.foreground.sample_rows import sample_rows
from napari_inpaintaff.images import layered_scenes, two_digit_scenes, write_png
from napari_inpaintaff.jobs import Job

TRAINING_SCENES, TEST_SCENES = 3000, 128
SECONDS_BETWEEN_MEASUREMENTS = 120.0


def scenes(options: argparse.Namespace, count: int, seed: int) -> tuple[NDArray, NDArray]:
    """Return images (N, 3, Y, X) and the region of every pixel (N, Y, X)."""
    if options.kind == "digits":
        digits = two_digit_scenes(count, options.side, seed=seed)
        return digits.images, digits.regions
    layered = layered_scenes(
        count, options.side, seed=seed, placement=options.placement, hues=options.hues
    )
    return layered.images, layered.masks.astype(np.uint8)


def measure(found: NDArray[np.float32], background: int, truth: NDArray) -> str:
    """Score regions (N, regions, Y, X) against the true ones (N, Y, X)."""
    regions = found.argmax(1)
    count = found.shape[1]
    foreground = regions != background
    own = mean_mask_scores(zip(foreground, truth, strict=True)).iou
    covered = " ".join(f"{np.mean(regions == region):.3f}" for region in range(count))
    if count == 2:
        other = mean_mask_scores(zip(~foreground, truth, strict=True)).iou
        best = max(own, other)
    else:
        best = region_scores(regions, truth, count).mean_iou
    return f"IoU {own:.3f}, of the best permutation {best:.3f}, regions cover {covered}"


def trivial(images: NDArray[np.float32], truth: NDArray) -> str:
    """Score what anybody would try first."""
    everything = mean_mask_scores((np.ones_like(one), one) for one in truth).iou
    grey = images.mean(1)
    otsu = [threshold(foreground_probability(image, "global_otsu")) for image in grey]
    bright = mean_mask_scores(zip(otsu, truth, strict=True)).iou
    dark = mean_mask_scores(((~a, b) for a, b in zip(otsu, truth, strict=True))).iou
    return f"whole image {everything:.3f}, Otsu's bright side {bright:.3f}, dark side {dark:.3f}"


def settings(options: argparse.Namespace) -> ReDOTraining:
    make = paper_training if options.config == "paper" else small_training
    training = make(
        side=options.side,
        regions=3 if options.kind == "digits" else 2,
        steps=options.steps,
        minutes=options.minutes,
        seed=options.seed,
    )
    # What is to be seen is that it collapses, not how often.
    if options.as_published:
        training = replace(training, contrast=0.0, wait=0, restarts=0)
    return replace(training, conservation=0.0, restarts=0) if options.ablate else training


class Display:
    """Measures and draws what updates show, every other minute."""

    def __init__(self, picture: Path, truth: NDArray, tell: Callable[[str], None]) -> None:
        self.picture, self.truth, self.tell = picture, truth, tell
        self.due, self.shown = 0.0, None

    def show(self, update: ReDOUpdate) -> None:
        """Take an update."""
        if update.restarted:
            self.tell(f"run {update.run} begins: the one before has collapsed")
        samples = update.samples
        if samples is None or samples is self.shown or time.monotonic() < self.due:
            return
        line = measure(samples.masks, background_region(samples.masks), self.truth)
        losses = update.losses
        self.tell(
            f"step {update.step}, {update.seconds / 60:.1f} min: {line}; "
            f"D {losses.discriminator:.2f}, G {losses.generators:.2f}, "
            f"codes {losses.conservation:.2f}" + (", collapsed" if update.collapsed else "")
        )
        write_png(self.picture, sample_rows(samples.rows))
        self.shown, self.due = samples, time.monotonic() + SECONDS_BETWEEN_MEASUREMENTS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=("layered", "digits"), default="layered")
    parser.add_argument("--placement", choices=("whole", "cropped"), default="whole")
    parser.add_argument("--hues", choices=("own", "opposite"), default="own")
    parser.add_argument("--ablate", choices=("conservation",))
    parser.add_argument(
        "--as-published",
        action="store_true",
        help="masks begin as random weights have them, and are learned from the first step",
    )
    parser.add_argument("--config", choices=("small", "paper"), default="small")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    if options.minutes is None and options.steps is None:
        options.minutes = 120.0
    torch.set_num_threads(1)

    images, _ = scenes(options, TRAINING_SCENES, options.seed)
    tests, truth = scenes(options, TEST_SCENES, options.seed + 1000)
    squares = np.stack([in_range(image) for image in images])
    seen = np.stack([in_range(image) for image in tests])
    training = settings(options)
    log, checkpoint = options.out.with_suffix(".log"), options.out.with_suffix(".checkpoint")
    resume = checkpoint.exists()

    def tell(line: str) -> None:
        print(line, flush=True)
        with log.open("a") as file:
            file.write(line + "\n")

    if not resume:
        tell(f"{vars(options)}")
        tell(describe_machine())
        tell(f"IoU without any learning: {trivial(tests, truth)}")
    display = Display(options.out.with_suffix(".png"), truth, tell)
    cpu = time.process_time()
    updates = train_redo(
        squares,
        training,
        watched=seen,
        device=options.device,
        checkpoint=checkpoint,
        resume=resume,
    )
    redo = Job(updates, on_update=display.show).run()
    found = redo.regions(seen)
    record = redo.metadata.training
    tell(
        f"end: {record['steps']} steps, {record['minutes']} min, {record['restarts']} restarts, "
        f"CPU {(time.process_time() - cpu) / 60:.1f} min since the last start; "
        f"{measure(found, redo.metadata.background, truth)}"
        + (", collapsed" if redo.metadata.collapsed else "")
    )
    redo.save(options.out.with_suffix(".safetensors"))
    if not record["stopped"]:
        checkpoint.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
