"""The training of a PerturbGAN: generator and critic, then the encoder."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from napari_inpaintaff.errors import ParameterError
from napari_inpaintaff.foreground.perturbgan.checkpoint import read_checkpoint
from napari_inpaintaff.foreground.perturbgan.model import PerturbGAN
from napari_inpaintaff.foreground.perturbgan.parameters import PerturbGANTraining, PerturbGANUpdate
from napari_inpaintaff.foreground.perturbgan.pictures import Pictures
from napari_inpaintaff.foreground.perturbgan.training_run import TrainingRun
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.networks.devices import pick_device


def train_perturbgan(
    images: Sequence[ArrayLike],
    training: PerturbGANTraining | None = None,
    *,
    names: Sequence[str] | None = None,
    name: str = "perturbgan",
    notes: Mapping[str, Any] | None = None,
    device: str = "auto",
    checkpoint: Path | None = None,
    resume: bool = False,
    save_every: float = 60.0,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Progress | PerturbGANUpdate, None, PerturbGAN | None]:
    """Learn from images alone to tell foreground from background (Bielski and Favaro 2019).

    A generator learns to make images out of a background and a masked foreground that was
    shifted at random, which a critic cannot tell from real ones; then an encoder learns to
    find the layers of real images.

    Parameters
    ----------
    images : sequence of array, shape (Y, X) or (C, Y, X)
        Raw intensities, 1 or 3 channels, any sizes; hundreds at least, of one kind of scene.
    training : PerturbGANTraining, optional
        How long, and with which perturbations and losses.
    names : sequence of str, optional
        Of the images, for messages.
    name : str, optional
        Of the model.
    notes : mapping, optional
        Data and licence, for the model file.
    device : str, optional
        Where to train: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    checkpoint : Path, optional
        Where the state is kept from time to time, and when the training is stopped.
    resume : bool, optional
        Whether to go on from there.
    save_every : float, optional
        Seconds between two checkpoints.
    stop : callable, optional
        Asked before every step; True ends the training.

    Yields
    ------
    Progress or PerturbGANUpdate
        The first while images are prepared, the second every twenty steps or second. Not
        asking for the next one cancels the training.

    Returns
    -------
    PerturbGAN or None
        None if it was stopped before there was an encoder. ``metadata.training["collapse"]``
        says whether its masks are empty or full.

    Raises
    ------
    ImageError
        If there are too few images, or one of them cannot be used.
    ParameterError
        If the checkpoint is of another training, or the training diverges.
    ModelFileError
        If the checkpoint cannot be read.
    DeviceError
        If the device is not available.
    """
    training = PerturbGANTraining() if training is None else training
    if resume and checkpoint is None:
        raise ParameterError("a training goes on from a checkpoint: give its file")
    where = pick_device(device)
    yield Progress(0, len(images), "Preparing the images…")
    pictures = Pictures(images, training.side, random_crops=training.random_crops, names=names)
    run = TrainingRun(pictures, training, where, checkpoint, save_every, stop)
    if resume and checkpoint is not None:
        run.restore(read_checkpoint(checkpoint, run.fingerprint))
    finished = yield from run.train_generator()
    if not finished:
        return None
    yield from run.train_encoder()
    return run.model(name, {**(notes or {}), "images": len(images)}, device)
