"""The command that learns a foreground from images alone, with PerturbGAN: train-perturbgan."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari_inpaintaff.cli.console import Reading, follow, log_as_lines, print_line
from napari_inpaintaff.cli.model_making import (
    add_images_and_model,
    add_resume,
    add_samples,
    check_checkpoint,
    check_model_file,
    checked_samples,
    counted,
    duration,
    finish,
    read_preparation,
    save_model,
    tell_skipped,
    tell_use,
)
from napari_inpaintaff.cli.options import (
    Commands,
    add_command,
    add_device,
    add_seed,
    check_output,
    given,
)
from napari_inpaintaff.cli.stopping import hint_at, stop_on_signals

if TYPE_CHECKING:
    from napari_inpaintaff.foreground.perturbgan import (
        LayeredSamples,
        PerturbGAN,
        PerturbGANTraining,
        PerturbGANUpdate,
    )
    from napari_inpaintaff.images import SkippedImage
    from napari_inpaintaff.jobs import Progress

# Kept here, not imported: --help must be fast.
ROWS = ("a", "b", "c", "d", "e", "f", "g")
LAYERS = ("auto", "front", "back")
SIDE, MINIMUM_SIZE, ROW, STEPS, ENCODER_STEPS = 32, 0.15, "d", 20_000, 2000
_SECONDS_BETWEEN_PICTURES = 30.0


def add_commands(commands: Commands) -> None:
    """Add train-perturbgan."""
    command = add_command(
        commands,
        "train-perturbgan",
        run_train_perturbgan,
        "train a PerturbGAN, which finds the foreground, on images without any label",
        "Give hundreds of images of one kind of scene: one object each, before some "
        "background. Ctrl-C stops; --resume goes on.",
    )
    add_images_and_model(command)
    _add_length(command)
    _add_method(command)
    add_samples(command, "generated scenes and their layers")
    add_device(command)
    add_seed(command)


def _add_length(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--side",
        metavar="PIXELS",
        type=int,
        help=f"images are scaled to squares of this side, 8, 16 ... 256 (default {SIDE})",
    )
    length = command.add_mutually_exclusive_group()
    length.add_argument("--minutes", metavar="M", type=float, help="how long")
    length.add_argument(
        "--steps",
        metavar="N",
        type=int,
        help=f"steps of the generator instead; reproducible on one machine (default {STEPS})",
    )
    command.add_argument(
        "--encoder-steps",
        metavar="N",
        type=int,
        help=f"of the encoder, at most (default {ENCODER_STEPS})",
    )
    add_resume(command)


def _add_method(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--minimum-size",
        metavar="PART",
        type=float,
        help="part of the image that the object covers on the average, at least (default "
        f"{MINIMUM_SIZE})",
    )
    command.add_argument(
        "--row",
        choices=ROWS,
        default=ROW,
        help="settings of a row of Table 1 of the publication: a, the basic ones; b, no shift; c, "
        "twice the shift; d, contrast jitter of the background (default); e, no random crops; f, a "
        "larger weight of the size; g, a single generator",
    )
    command.add_argument(
        "--no-shift",
        action="store_true",
        help="never shift the foreground, to see what the shift is good for",
    )
    command.add_argument(
        "--foreground-layer",
        choices=LAYERS,
        help="which layer is foreground: the one that covers less of the border (auto, the "
        "default), the front one or the back one",
    )


def run_train_perturbgan(options: argparse.Namespace) -> None:
    """Train on images, and write the model file."""
    from napari_inpaintaff.inpainting import checkpoint_path

    picture = checked_samples(options)
    checkpoint = checkpoint_path(options.output)
    check_model_file(options.output)
    check_output(checkpoint, suffixes=(".safetensors",))
    check_checkpoint(checkpoint, resume=options.resume)
    training = _training(options)
    named = _read(options)
    from napari_inpaintaff.foreground.perturbgan import train_perturbgan

    with stop_on_signals() as stop, log_as_lines(), hint_at(checkpoint, stop):
        updates = train_perturbgan(
            list(named.values()),
            training,
            names=list(named),
            name=options.output.stem,
            notes={"data": f"{counted(named, 'image')} of the user"},
            device=options.device,
            checkpoint=checkpoint,
            resume=options.resume,
            stop=stop,
        )
        model = _Display(picture).follow(updates)
        if model is not None:
            save_model(model, options.output)
    if model is None:
        print("stopped before the encoder was trained: there is no model yet")
    else:
        _tell(model, options.output)
    finish(checkpoint, stopped=model is None or model.metadata.training["stopped"])


def _training(options: argparse.Namespace) -> PerturbGANTraining:
    from napari_inpaintaff.foreground.perturbgan import TABLE_ROWS, PerturbGANTraining

    settings = {"contrast_jitter": 0.0, **TABLE_ROWS[options.row]}
    if options.no_shift:
        settings["shift"] = 0.0
    chosen = given(
        options,
        side="side",
        steps="steps",
        minutes="minutes",
        encoder_steps="encoder_steps",
        minimum_size="minimum_size",
        foreground_layer="foreground_layer",
    )
    return PerturbGANTraining(**settings, **chosen, seed=options.seed)


def _read(options: argparse.Namespace) -> dict[str, NDArray[Any]]:
    """Read all pictures by name, in colour where no channel is chosen."""
    from napari_inpaintaff.images import iterate_pictures

    skipped: list[SkippedImage] = []
    pictures = iterate_pictures(options.images, channel=options.channel, skip=skipped.append)
    named = {picture.name: picture.pixels for picture in pictures}
    tell_skipped(skipped)
    return named


class _Display:
    """Shows the updates of a training, and draws its samples into a file now and then."""

    def __init__(self, picture: Path) -> None:
        self._picture = picture
        self._drawn = -math.inf

    def follow(
        self, updates: Generator[Progress | PerturbGANUpdate, None, PerturbGAN | None]
    ) -> PerturbGAN | None:
        """Drain the updates and return the trained model, if there is one."""
        return follow(updates, "train", self._read, estimate=False)

    def _read(self, update: Progress | PerturbGANUpdate) -> Reading:
        from napari_inpaintaff.jobs import Progress

        if isinstance(update, Progress):
            return read_preparation(update)
        if update.samples is not None:
            self._draw(update.samples, last=update.progress >= 1)
        notes = [update.phase, f"step {update.step}"]
        if update.phase == "generator":
            notes.append(f"side {update.side}")
        notes.append(f"loss {update.loss:.3f}")
        notes.append(f"masks cover {update.mask_share:.0%}")
        if update.collapse:
            notes.append(f"COLLAPSED: masks are {update.collapse}")
        if math.isfinite(update.seconds_left):
            notes.append(f"{duration(update.seconds_left)} left")
        return update.progress, 1.0, ", ".join(notes)

    def _draw(self, samples: LayeredSamples, *, last: bool) -> None:
        from napari_inpaintaff.foreground.sample_rows import sample_rows
        from napari_inpaintaff.images import write_png

        now = time.monotonic()
        if last or now - self._drawn > _SECONDS_BETWEEN_PICTURES:
            write_png(self._picture, sample_rows(samples.rows))
            self._drawn = now


def _tell(model: PerturbGAN, path: Path) -> None:
    record = model.metadata.training
    print(
        f"{path}: learned from {counted(record['images'], 'image')}, {record['steps']} steps of "
        f"the generator and {record['encoder_steps']} of the encoder in "
        f"{duration(60 * record['minutes'])}; masks cover {record['mask_share']:.0%} of "
        f"generated scenes, the foreground is the {model.metadata.foreground_layer} layer"
    )
    if record["collapse"]:
        print_line(
            f"warning: the training has collapsed, its masks are {record['collapse']}: this model "
            "finds no foreground. Train longer, with another --seed or another --minimum-size"
        )
    tell_use(path)
