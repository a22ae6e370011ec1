"""What a training of ReDO reports; torch-free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ReDOLosses:
    """Averages over about the last hundred steps.

    Attributes
    ----------
    discriminator : float
        Hinge loss, from 0 (it knows all redrawn images) to 2 and more (it knows nothing).
    generators : float
        What is lost to the discriminator: minus its mean judgement of redrawn images.
    conservation : float
        Squared distance between codes and those found again, divided by their length: 1 if
        nothing is found, 0 if all of them are.
    """

    discriminator: float
    generators: float
    conservation: float


@dataclass(frozen=True, eq=False)
class ReDOSamples:
    """What the networks make of a few images; arrays of one length N.

    Attributes
    ----------
    images : ndarray of float32, shape (N, C, Y, X)
        Of the training, in [0, 1].
    masks : ndarray of float32, shape (N, regions, Y, X)
        In [0, 1]; they sum to 1.
    redrawn : ndarray of float32, shape (regions, N, C, Y, X)
        The images with one region redrawn, in [0, 1].
    """

    images: NDArray[np.float32]
    masks: NDArray[np.float32]
    redrawn: NDArray[np.float32]

    @property
    def rows(self) -> list[NDArray[np.float32]]:
        """Images, every mask, the images with every region redrawn, for `sample_rows`."""
        return [self.images, *np.swapaxes(self.masks[:, :, None], 0, 1), *self.redrawn]


@dataclass(frozen=True, eq=False)
class ReDOUpdate:
    """Where a training of ReDO stands.

    Attributes
    ----------
    step : int
        Steps taken by the present run.
    run : int
        From 0; one more after every restart.
    losses : ReDOLosses
        Averages.
    coverage : tuple of float
        Of every region: the part of all pixels in which it is the most probable one, over the
        images of the samples; empty before the first look.
    collapsed : bool
        Whether a region is empty or full in these images.
    restarted : bool
        Whether a collapsed run has just been given up, and a new one begins.
    progress : float
        Fraction of the budget that is spent, 0 to 1.
    seconds : float
        Spent on the training so far, on given up runs, too.
    seconds_left : float
        Estimate; infinite before the first step.
    samples : ReDOSamples or None
        The newest ones; None before the first look.
    """

    step: int
    run: int
    losses: ReDOLosses
    coverage: tuple[float, ...]
    collapsed: bool
    restarted: bool
    progress: float
    seconds: float
    seconds_left: float
    samples: ReDOSamples | None = None
