"""Training a network on the best masks of IEM (Savarese et al. 2021, section 3.3).

IEM knows single pictures. A network that learns from many of its masks finds what they have in
common, and is wrong less often. Where the publication is silent: pictures are mirrored at
random along both axes, and the weights are those after the last step.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.nn import functional

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.foreground.iem import iterate_iem
from napari_inpaintaff.foreground.iem_images import checked_images, standardised
from napari_inpaintaff.foreground.iem_network import IEMNetwork
from napari_inpaintaff.foreground.iem_network_checkpoint import (
    IEMNetworkProgress,
    fingerprint,
    read_progress,
    write_progress,
)
from napari_inpaintaff.foreground.iem_network_layers import IEMSegmenter
from napari_inpaintaff.foreground.iem_network_parameters import (
    IEMNetworkMetadata,
    IEMNetworkTraining,
    IEMNetworkUpdate,
)
from napari_inpaintaff.foreground.iem_parameters import IEMParameters
from napari_inpaintaff.jobs import Job
from napari_inpaintaff.networks.devices import pick_device
from napari_inpaintaff.networks.training import Optimisation

#: Pictures that IEM works on between two updates.
_GROUP = 16
#: Of how many pictures updates show what the network says.
_SHOWN = 6
#: Fewest masks that can be learned from.
_FEWEST = 2


def train_iem_network(
    pictures: ArrayLike,
    training: IEMNetworkTraining | None = None,
    *,
    name: str = "iem-network",
    notes: Mapping[str, Any] | None = None,
    checkpoint: Path | None = None,
    seconds_between: float = 20.0,
    device: str = "auto",
    stop: Callable[[], bool] = lambda: False,
) -> Generator[IEMNetworkUpdate, None, IEMNetwork]:
    """Find masks by IEM, and train a network on the best of them.

    Parameters
    ----------
    pictures : array of numbers, shape (N, C, Y, X)
        Intensities; Y and X are the training's side, C is 1 or 3.
    training : IEMNetworkTraining, optional
        How.
    name : str, optional
        Of the network.
    notes : mapping, optional
        On the data, for the model file.
    checkpoint : Path, optional
        Where the state is kept; if there is one already, the training goes on from it, with the
        result of an uninterrupted one. It is not removed at the end.
    seconds_between : float, optional
        Between two checkpoints.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    stop : callable, optional
        Asked before every group of pictures and every epoch; True ends the training, and keeps
        what the network has learned.

    Yields
    ------
    IEMNetworkUpdate
        After every group of pictures and every epoch. Not asking for the next one cancels.

    Returns
    -------
    IEMNetwork

    Raises
    ------
    ImageError
        If the pictures have another shape, one cannot be searched, or too few masks have two
        sides.
    ParameterError
        If a checkpoint is of another training, or it ends before the network has learned.
    ModelFileError
        If the checkpoint is damaged.
    DeviceError
        If the device is not available.
    """
    training = IEMNetworkTraining() if training is None else training
    given = np.asarray(pictures)
    values = _standardised(given, training)
    state = IEMNetworkProgress.none(len(values), (training.side, training.side))
    mark = "" if checkpoint is None else fingerprint(values, training)
    if checkpoint is not None and checkpoint.exists():
        state = read_progress(checkpoint, state.masks.shape, mark)
    written = time.monotonic()

    def keep(*, now: bool = False) -> None:
        nonlocal written
        if checkpoint is not None and (now or time.monotonic() - written >= seconds_between):
            write_progress(checkpoint, state, mark)
            written = time.monotonic()

    while state.found < len(values):
        if stop():
            keep(now=True)
            raise ParameterError("the training ended before the network had learned anything")
        part = slice(state.found, state.found + _GROUP)
        result = Job(iterate_iem(given[part], device=device)).run()
        state.masks[part], state.errors[part] = result.masks, result.errors
        state.found = min(part.stop, len(values))
        keep(now=state.found == len(values))
        yield IEMNetworkUpdate("masks", state.found, len(values))
    best = training.best(state.errors)
    if len(best) < _FEWEST:
        raise ImageError(
            f"IEM found two sides in {len(best)} of {len(values)} pictures only, which is too "
            "little to learn from"
        )
    network = yield from _learned(values[best], state, best, training, keep, device, stop)
    record = {
        **(notes or {}),
        "pictures": len(values),
        "masks": len(best),
        "epochs": state.epochs,
        "seed": training.seed,
    }
    metadata = IEMNetworkMetadata(
        name, training.side, values.shape[1], training.width, training.refine, record
    )
    return IEMNetwork(network, metadata, device=device)


def _standardised(pictures: NDArray[Any], training: IEMNetworkTraining) -> NDArray[np.float32]:
    """Return what the network sees, group by group: there may be many pictures."""
    shape = pictures.shape
    if len(shape) != 4 or shape[1] not in (1, 3) or shape[2:] != (training.side, training.side):
        raise ImageError(
            f"the pictures must have 1 or 3 channels of {training.side} x {training.side} pixels, "
            f"got the shape {shape}"
        )
    values = np.empty(shape, np.float32)
    for first in range(0, len(pictures), _GROUP):
        group = pictures[first : first + _GROUP]
        try:
            values[first : first + _GROUP] = standardised(checked_images(group, IEMParameters()))[0]
        except ImageError as error:
            raise ImageError(f"of the pictures from {first} on, {error}") from None
    return values


def _learned(
    pictures: NDArray[np.float32],
    state: IEMNetworkProgress,
    best: NDArray[np.intp],
    training: IEMNetworkTraining,
    keep: Callable[..., None],
    device: str,
    stop: Callable[[], bool],
) -> Generator[IEMNetworkUpdate, None, IEMSegmenter]:
    """Train on pictures and their masks, epoch by epoch."""
    where = pick_device(device)
    masks = state.masks[best]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        network = IEMSegmenter(pictures.shape[1], training.width)
    optimisation = Optimisation(network.to(where))
    if state.optimisation:
        optimisation.restore(state.optimisation)
    seen = torch.from_numpy(pictures).to(where)
    wanted = torch.from_numpy(masks).to(where, torch.float32)[:, None]
    if state.epochs >= training.epochs:
        return network
    while state.epochs < training.epochs and not stop():
        # What is drawn depends on the epoch alone, so that a resumed training repeats nothing.
        rng = np.random.default_rng((training.seed, state.epochs))
        order = rng.permutation(len(pictures))
        losses = []
        for first in range(0, len(order), training.batch):
            chosen = torch.from_numpy(order[first : first + training.batch]).to(where)
            axes = [axis for axis in (-2, -1) if rng.random() < 0.5]
            logits = network(seen[chosen].flip(axes))
            loss = functional.binary_cross_entropy_with_logits(logits, wanted[chosen].flip(axes))
            optimisation.descend(loss, learning_rate=training.learning_rate, average=0.0)
            losses.append(float(loss.detach()))
        state.epochs += 1
        state.optimisation = dict(optimisation.arrays())
        keep(now=state.epochs == training.epochs)
        with torch.no_grad():
            probabilities = network(seen[:_SHOWN]).sigmoid()[:, 0].cpu().numpy()
        yield IEMNetworkUpdate(
            "network",
            state.epochs,
            training.epochs,
            float(np.mean(losses)),
            pictures[:_SHOWN],
            masks[:_SHOWN],
            probabilities,
        )
    if state.epochs == 0:
        raise ParameterError("the training ended before the network had learned anything")
    keep(now=True)
    return network
