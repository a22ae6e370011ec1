"""PerturbGAN on simulated scenes: IoU of its masks beside the full image and Otsu's threshold.

    python benchmarks/measure_perturbgan.py OUT [--minutes 120] [--no-shift] [--row d]

Trains in the folder OUT, on one thread unless told otherwise. The same command goes on with what
was interrupted. OUT/log.txt says how the training goes and ends with the figures:

- real scenes that were not trained on: IoU of the encoder's masks with the true ones, and of the
  masks after the encoder was fitted to these scenes, as in the publication;
- generated scenes (Table 1): IoU of the generated masks with the objects that a segmenter finds
  which has learned from the true masks, on the images where it finds one.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from napari_inpaintaff.foreground import foreground_probability, threshold
from napari_inpaintaff.foreground.perturbgan import (
    TABLE_ROWS,
    LayeredSamples,
    PerturbGAN,
    PerturbGANTraining,
    PerturbGANUpdate,
    train_perturbgan,
)
from napari_inpaintaff.foreground.perturbgan.pictures import CROP_MARGIN, as_picture
from napari_inpaintaff.foreground.sample_rows import sample_rows
from napari_inpaintaff.images import layered_scenes, write_png
from perturbgan_reference import DETECTED, ReferenceSegmenter, find_objects, train_reference

TRAINED, TESTED, GENERATED = 4000, 200, 1000
TRAINING_SEED, TEST_SEED = 1, 2
SECONDS_BETWEEN_LINES = 60.0
#: Part of the scenes whose objects cover a pixel of the best mask for all.
FIXED_LEVEL = 0.4


class Log:
    """Writes lines to a file and to the screen."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, text: str) -> None:
        """Write one line."""
        line = f"{time.strftime('%H:%M:%S')} cpu {time.process_time():6.0f} s  {text}"
        print(line, flush=True)
        with self.path.open("a", encoding="utf8") as file:
            file.write(f"{line}\n")


def overlaps(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    both, either = (found & truth).sum((1, 2)), (found | truth).sum((1, 2))
    return np.asarray(both / np.maximum(either, 1))


def table_1(samples: LayeredSamples, reference: ReferenceSegmenter, side: int) -> str:
    objects = find_objects(reference, 2 * samples.images - 1, side)
    scale = side // samples.masks.shape[-1]
    masks = samples.masks.repeat(scale, 1).repeat(scale, 2) > 0.5
    seen = objects.mean((1, 2)) > DETECTED
    if not seen.any():
        return "no object detected"
    own = overlaps(masks, objects)[seen].mean()
    other = overlaps(~masks, objects)[seen].mean()
    return (
        f"mIoU {own:.3f}, reference mIoU {objects[seen].mean():.3f}, detected {seen.mean():.2f}, "
        f"mIoU of the layer behind {other:.3f}"
    )


def test_scenes(side: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    scenes = layered_scenes(TESTED, side, seed=TEST_SEED, placement="whole")
    return scenes.images, scenes.masks


def resized(masks: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.bool_]:
    enlarged = torch.nn.functional.interpolate(
        torch.from_numpy(masks)[:, None], shape, mode="bilinear"
    )
    return (enlarged[:, 0] > 0.5).numpy()


def measure(model: PerturbGAN, trained: NDArray[np.bool_], fit_steps: int, log: Log) -> None:
    side = model.metadata.architecture.side
    images, truth = test_scenes(round(CROP_MARGIN * side))
    shape = (truth.shape[1], truth.shape[2])
    otsu = np.stack([threshold(foreground_probability(i.mean(0), "global_otsu")) for i in images])
    log(f"full image: mean IoU {truth.mean((1, 2)).mean():.3f}")
    log(f"Otsu: mean IoU {overlaps(otsu, truth).mean():.3f}")
    # Objects lie near the middle: one mask for all scenes, which knows the truth, is not bad.
    fixed = np.broadcast_to(trained.mean(0) > FIXED_LEVEL, truth.shape)
    log(f"one mask for all: mean IoU {overlaps(fixed, truth).mean():.3f}")
    found = model.masks(list(images))
    log(f"encoder: mean IoU {overlaps(resized(found, shape), truth).mean():.3f}")
    if fit_steps:
        fitted = model.fitted_masks(list(images), steps=fit_steps)
        score = overlaps(resized(fitted, shape), truth).mean()
        log(f"encoder fitted for {fit_steps} steps: mean IoU {score:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--encoder-steps", type=int, default=2000)
    parser.add_argument("--fit-steps", type=int, default=200)
    parser.add_argument("--row", choices=TABLE_ROWS, default="d")
    parser.add_argument("--no-shift", action="store_true", help="row d without its shift")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    log, checkpoint = Log(options.out / "log.txt"), options.out / "checkpoint.safetensors"
    settings = {"contrast_jitter": 0.0, **TABLE_ROWS[options.row]}
    settings |= {"shift": 0.0} if options.no_shift else {}
    minutes = 120.0 if options.minutes is None and options.steps is None else options.minutes
    training = PerturbGANTraining(
        side=options.side,
        steps=options.steps,
        minutes=minutes,
        encoder_steps=options.encoder_steps,
        seed=options.seed,
        **settings,
    )
    log(f"{training}")
    larger = round(CROP_MARGIN * options.side)
    scenes = layered_scenes(TRAINED, larger, seed=TRAINING_SEED, placement="whole")
    pictures = np.stack([as_picture(image, larger) for image in scenes.images])
    reference = train_reference(pictures[:-TESTED], scenes.masks[:-TESTED], options.side)
    part = np.s_[..., : options.side, : options.side]
    objects = find_objects(reference, pictures[-TESTED:][part], options.side)
    score = overlaps(objects, scenes.masks[-TESTED:][part]).mean()
    log(f"reference segmenter: mean IoU {score:.3f} on real scenes")
    updates = train_perturbgan(
        list(scenes.images),
        training,
        device=options.device,
        checkpoint=checkpoint,
        resume=checkpoint.exists(),
    )
    told = 0.0
    while True:
        try:
            update = next(updates)
        except StopIteration as end:
            model: PerturbGAN = end.value
            break
        if isinstance(update, PerturbGANUpdate) and update.samples is not None:
            if time.monotonic() - told < SECONDS_BETWEEN_LINES:
                continue
            told = time.monotonic()
            write_png(options.out / "samples.png", sample_rows(update.samples.rows))
            log(
                f"{update.phase} step {update.step}, side {update.side}, loss {update.loss:.2f}, "
                f"masks cover {update.mask_share:.2f}, collapse {update.collapse}: "
                + table_1(update.samples, reference, options.side)
            )
    model.save(options.out / "model.safetensors")
    samples = model.generate(GENERATED, seed=1)
    write_png(options.out / "samples.png", sample_rows(samples.rows))
    log(f"trained: {model.metadata.training}, foreground {model.metadata.foreground_layer}")
    log(f"generated scenes: {table_1(samples, reference, options.side)}")
    measure(model, scenes.masks, options.fit_steps, log)


if __name__ == "__main__":
    main()
