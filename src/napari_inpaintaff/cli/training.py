"""The command that trains an inpainter on a user's own images: train-inpainter."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_inpaintaff.cli.console import Reading, follow, log_as_lines
from napari_inpaintaff.cli.model_making import (
    add_images_and_model,
    add_resume,
    check_checkpoint,
    check_model_file,
    counted,
    duration,
    finish,
    gather,
    read_preparation,
    save_model,
)
from napari_inpaintaff.cli.options import (
    Commands,
    add_command,
    add_device,
    add_diameter,
    add_seed,
    check_output,
)
from napari_inpaintaff.cli.stopping import hint_at, stop_on_signals
from napari_inpaintaff.errors import ParameterError

if TYPE_CHECKING:
    from napari_inpaintaff.inpainting import (
        Inpainter,
        InpainterTraining,
        InpaintingExamples,
        LossName,
        TrainingPoint,
        TrainingUpdate,
    )
    from napari_inpaintaff.jobs import Progress
    from napari_inpaintaff.networks import UNetArchitecture

CONFIGURATIONS = ("small", "pconv", "paper")
LOSSES = ("laplace", "l1", "liu2018")
NORMALISATIONS = ("fluorescence", "linear")
_MINUTES = 20.0
_DIAMETER = 25.0


def add_commands(commands: Commands) -> None:
    """Add train-inpainter."""
    command = add_command(
        commands,
        "train-inpainter",
        run_train_inpainter,
        "train an inpainter on your own images, without labels",
        "Give images like those to be segmented: tens of them, or a few large ones. Ctrl-C stops "
        "and keeps the best so far; --resume goes on.",
    )
    add_images_and_model(command)
    command.add_argument(
        "--report",
        metavar="FILE",
        type=Path,
        help="PNG or HTML with curves and examples (default MODEL-report.png beside the model)",
    )
    _add_length(command)
    _add_network(command)
    _add_images(command)
    add_device(command)
    add_seed(command)


def _add_length(command: argparse.ArgumentParser) -> None:
    length = command.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes", metavar="M", type=float, help=f"how long (default {_MINUTES:g})"
    )
    length.add_argument(
        "--steps", metavar="N", type=int, help="how many steps instead; reproducible on one machine"
    )
    add_resume(command)


def _add_network(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--from",
        metavar="NAME|FILE",
        dest="model",
        help="fine-tune this model, see `inpaintaff models`, instead of a new network",
    )
    command.add_argument(
        "--config",
        choices=CONFIGURATIONS,
        help="network: small (fast, the default), pconv (narrow, partial convolutions), or paper",
    )
    command.add_argument(
        "--loss",
        choices=LOSSES,
        help="laplace predicts a mean and a scale (the default), l1 a mean only, liu2018 is that "
        "of the paper",
    )
    command.add_argument(
        "--vgg",
        metavar="FILE",
        type=Path,
        help="VGG16 weights (.pth or .safetensors) for the perceptual and style terms of liu2018",
    )
    command.add_argument(
        "--denoise",
        action="store_true",
        help="for noisy images: train a denoiser first, which becomes a part of the model",
    )


def _add_images(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--normalisation",
        choices=NORMALISATIONS,
        help="fluorescence: logarithm above the background (the default); linear: everything "
        "else, for example phase contrast",
    )
    add_diameter(command, f"typical diameter of a cell in these images (default {_DIAMETER:g})")


def run_train_inpainter(options: argparse.Namespace) -> None:
    """Train on all planes of the given images, write the model file and a report."""
    from napari_inpaintaff.inpainting import checkpoint_path

    report = options.report or options.output.with_name(f"{options.output.stem}-report.png")
    checkpoint = checkpoint_path(options.output)
    _check_files(options, report, checkpoint)
    start = _load_start(options)
    training = _training(options, start)
    # A report of an earlier training may lie among the images.
    collection = gather(options, ignore=report.name)
    from napari_inpaintaff.inpainting import train_inpainter

    with stop_on_signals() as stop, log_as_lines(), hint_at(checkpoint, stop):
        metadata = start.metadata if start else None
        updates = train_inpainter(
            collection.planes,
            training,
            name=options.output.stem,
            diameter=options.diameter or (metadata.diameter if metadata else _DIAMETER),
            normalisation=options.normalisation
            or (metadata.normalisation if metadata else "fluorescence"),
            notes={"data": f"{counted(collection.planes, 'image')} of the user"},
            device=options.device,
            start_from=start,
            checkpoint=checkpoint,
            resume=options.resume,
            stop=stop,
        )
        display = _Display()
        inpainter = display.follow(updates)
        save_model(inpainter, options.output)
    _tell(inpainter, options.output)
    _report(report, inpainter, display)
    finish(checkpoint, stopped=inpainter.metadata.training["stopped"])


def _check_files(options: argparse.Namespace, report: Path, checkpoint: Path) -> None:
    """Raise whatever is wrong with the files, before anything is loaded."""
    from napari_inpaintaff.inpainting import find_inpainter
    from napari_inpaintaff.pipeline.training_report import REPORT_SUFFIXES

    inputs = [Path(image) for image in options.images]
    inputs += [find_inpainter(options.model)] if options.model else []
    inputs += [options.vgg] if options.vgg else []
    check_model_file(options.output, *inputs)
    check_output(checkpoint, *inputs, suffixes=(".safetensors",))
    check_output(report, *inputs, suffixes=REPORT_SUFFIXES)
    if options.vgg and options.loss != "liu2018":
        raise ParameterError("--vgg is for --loss liu2018 only")
    if options.vgg and not options.vgg.is_file():
        raise ParameterError(f"there is no file {options.vgg} with VGG16 weights")
    check_checkpoint(checkpoint, resume=options.resume)


def _load_start(options: argparse.Namespace) -> Inpainter | None:
    if options.model is None:
        return None
    from napari_inpaintaff.inpainting import Inpainter

    return Inpainter.load(options.model, device=options.device)


def _training(options: argparse.Namespace, start: Inpainter | None) -> InpainterTraining:
    """Make the parameters of the training; raise what cannot be."""
    from napari_inpaintaff.inpainting import ARCHITECTURES, InpainterTraining, budget, outputs_of

    loss: LossName
    if start is None:
        loss = options.loss or "laplace"
        architecture = ARCHITECTURES[options.config or "small"]
        architecture = replace(architecture, outputs=outputs_of(loss))
    else:
        architecture = start.metadata.architecture
        loss = options.loss or _loss_of(start)
        _check_start(options, architecture, loss)
    minutes = _MINUTES if options.minutes is None and options.steps is None else options.minutes
    training = InpainterTraining(
        architecture,
        budget(steps=options.steps, minutes=minutes, fine_tuning=start is not None),
        seed=options.seed,
        loss=loss,
        vgg=options.vgg,
        denoise=options.denoise,
    )
    if training.vgg is not None:
        from napari_inpaintaff.inpainting.perceptual import load_vgg16

        load_vgg16(training.vgg)  # only to see that it can be loaded
    return training


def _loss_of(start: Inpainter) -> LossName:
    """Return the loss that a model was trained with, as far as it can be known."""
    if start.metadata.architecture.outputs == 2:
        return "laplace"
    return "liu2018" if start.metadata.training.get("loss") == "liu2018" else "l1"


def _check_start(
    options: argparse.Namespace, architecture: UNetArchitecture, loss: LossName
) -> None:
    from napari_inpaintaff.inpainting import ARCHITECTURES, outputs_of

    if options.config:
        wanted = replace(ARCHITECTURES[options.config], outputs=architecture.outputs)
        if wanted != architecture:
            raise ParameterError(
                f"{options.model} is no network of --config {options.config}; leave --config out: "
                f"--from keeps the network of the model"
            )
    if outputs_of(loss) != architecture.outputs:
        has, fitting = ("a mean only", "l1 or liu2018")
        if architecture.outputs == 2:
            has, fitting = ("a mean and a scale", "laplace")
        raise ParameterError(
            f"{options.model} predicts {has}: --loss {loss} does not fit it, {fitting} does"
        )


class _Display:
    """Shows the updates of a training and remembers what the report needs."""

    def __init__(self) -> None:
        self.history: tuple[TrainingPoint, ...] = ()
        self.examples: InpaintingExamples | None = None

    def follow(self, updates: Generator[Progress | TrainingUpdate, None, Inpainter]) -> Inpainter:
        """Drain the updates and return the trained inpainter."""
        return follow(updates, "train", self._read, estimate=False)

    def _read(self, update: Progress | TrainingUpdate) -> Reading:
        from napari_inpaintaff.jobs import Progress

        if isinstance(update, Progress):
            return read_preparation(update)
        self.history, self.examples = update.history, update.examples
        notes = [f"step {update.step}", f"loss {update.loss:.3f}"]
        if update.phase != "inpainter":
            notes.insert(0, update.phase)
        if update.history:
            notes.append(f"error {100 * update.history[-1].quality.ratio:.0f} % of constant")
        notes.append(f"{duration(update.seconds_left)} left")
        return update.progress, 1.0, ", ".join(notes)


def _tell(inpainter: Inpainter, path: Path) -> None:
    from napari_inpaintaff.inpainting import NearHoleError, judge

    record = inpainter.metadata.training
    print(
        f"{path}: trained on {counted(record['images'], 'image')}, "
        f"{record['steps']} steps in {duration(60 * record['minutes'])}"
    )
    print(judge(NearHoleError.from_record(record)).text)


def _report(path: Path, inpainter: Inpainter, display: _Display) -> None:
    from napari_inpaintaff.inpainting import NearHoleError, judge
    from napari_inpaintaff.pipeline.training_report import write_training_report

    write_training_report(
        path,
        metadata=inpainter.metadata,
        history=display.history,
        examples=display.examples,
        verdict=judge(NearHoleError.from_record(inpainter.metadata.training)),
    )
    print(f"report: {path}")
