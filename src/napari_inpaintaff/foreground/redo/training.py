"""The training of ReDO as a stream of updates."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.foreground.redo.checkpoint import (
    fingerprint,
    read_checkpoint,
    write_checkpoint,
)
from napari_inpaintaff.foreground.redo.images import checked_squares
from napari_inpaintaff.foreground.redo.metadata import ReDOMetadata
from napari_inpaintaff.foreground.redo.model import ReDO, background_region
from napari_inpaintaff.foreground.redo.parameters import ReDOTraining
from napari_inpaintaff.foreground.redo.run import ReDORun
from napari_inpaintaff.foreground.redo.updates import ReDOUpdate
from napari_inpaintaff.networks.devices import pick_device
from napari_inpaintaff.networks.training import REPORT_EVERY

_SECONDS_BETWEEN_CHECKPOINTS = 60.0


def train_redo(
    images: Sequence[NDArray[np.float32]] | NDArray[np.float32],
    training: ReDOTraining,
    *,
    name: str = "redo",
    background: int | None = None,
    watched: NDArray[np.float32] | None = None,
    notes: Mapping[str, Any] | None = None,
    device: str = "auto",
    checkpoint: Path | None = None,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[ReDOUpdate, None, ReDO]:
    """Learn to divide images into foreground and background, without labels.

    A region of an image is replaced by a drawn one. If a discriminator cannot tell, the region
    was that of an object (Chen et al. 2019).

    Parameters
    ----------
    images : array of float, shape (N, C, Y, X), or a sequence of arrays (C, Y, X)
        In [0, 1], squares of the side of the networks, see `training_square`.
    training : ReDOTraining
        Which networks, and how long.
    name : str, optional
        Of the model.
    background : int, optional
        Which region is the background; by default the one that covers most of the border.
    watched : array of float, shape (M, C, Y, X), optional
        Images like those of the training, which samples show and the coverage is of; by default
        the first 64 of the training.
    notes : mapping, optional
        Data and licence, for the model file.
    device : str, optional
        Where to train: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    checkpoint : Path, optional
        Where the state is stored now and then, and when the training is stopped.
    resume : bool, optional
        Whether to go on from the checkpoint.
    stop : callable, optional
        Asked before every step; True ends the training and keeps the weights so far.

    Yields
    ------
    ReDOUpdate
        Every twenty steps or second, after every look at the masks, and at the end. Not asking
        for the next one cancels the training.

    Returns
    -------
    ReDO
        The averaged mask network. If the last run has collapsed, the metadata say so: its
        masks are empty or full.

    Raises
    ------
    ImageError
        If the images cannot be trained on.
    ParameterError
        If the networks are for other images, or the training diverges.
    ModelFileError
        If the checkpoint cannot be read.
    OutputError
        If it cannot be written.
    DeviceError
        If the device is not available.
    """
    squares = checked_squares(images)
    _check(squares, training, background)
    seen = None if watched is None else checked_squares(watched)
    if seen is not None:
        _check(seen, training, background)
    state = ReDORun(squares, training, pick_device(device), seen)
    mark = "" if checkpoint is None else fingerprint(squares, training)
    if resume:
        if checkpoint is None:
            raise ParameterError("to resume a training, name its checkpoint")
        state.restore(read_checkpoint(checkpoint, mark))

    def save() -> None:
        if checkpoint is not None:
            write_checkpoint(checkpoint, state.checkpoint(), mark)

    yield from _train(state, save, stop)
    stopped = state.progress < 1
    if stopped:
        save()
    state.look()
    yield state.update()
    record = {**(notes or {}), **_record(state, squares), "stopped": stopped}
    assert state.samples is not None
    region = background_region(state.samples.masks) if background is None else background
    metadata = ReDOMetadata(name, training.architecture, region, record)
    return ReDO(state.networks.averaged, metadata, device=device)


def _check(squares: NDArray[np.float32], training: ReDOTraining, background: int | None) -> None:
    shape = training.architecture
    if squares.shape[1:] != (shape.channels, shape.side, shape.side):
        raise ImageError(
            f"the networks are for images of the shape "
            f"{(shape.channels, shape.side, shape.side)}, got {squares.shape[1:]}"
        )
    if background is not None and not 0 <= background < shape.regions:
        raise ParameterError(
            f"the background is one of the regions 0 to {shape.regions - 1}, got {background}"
        )


def _train(
    state: ReDORun, save: Callable[[], None], stop: Callable[[], bool]
) -> Generator[ReDOUpdate, None, None]:
    reported = saved = time.monotonic()
    while state.progress < 1 and not stop():
        state.advance()
        looked = state.step % state.training.check_every == 0
        restarted = False
        if looked:
            state.look()
            restarted = state.restart_if_collapsed()
        now = time.monotonic()
        if now - saved > _SECONDS_BETWEEN_CHECKPOINTS:
            save()
            saved = now
        if looked or state.step % REPORT_EVERY == 0 or now - reported > 1.0:
            yield state.update(restarted=restarted)
            reported = time.monotonic()


def _record(state: ReDORun, squares: NDArray[np.float32]) -> dict[str, Any]:
    """Return what the model file says about the training."""
    training = state.training
    return {
        "images": len(squares),
        "steps": state.step,
        "restarts": state.run,
        "minutes": round(state.seconds / 60, 2),
        "batch": training.batch,
        "seed": training.seed,
        "conservation": training.conservation,
        "coverage": [round(part, 4) for part in state.covered],
        "collapsed": state.collapsed,
    }
