"""What the trainings of networks that predict affinities report; without torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AgreementPoint:
    """One measurement of a network that learns affinities.

    Attributes
    ----------
    step : int
        Steps taken.
    seconds : float
        Spent on the whole run so far.
    loss : float
        Average over about the last hundred steps, in the units of the update.
    agreement : float
        With the teacher - what the inpainter found, or the labels - in held-out parts of the
        images, 0 to 1; see `held_out_pairs.HeldOutPairs`.
    """

    step: int
    seconds: float
    loss: float
    agreement: float


@dataclass(frozen=True)
class AffinityTrainingUpdate:
    """Where the training of a network that learns affinities stands.

    Attributes
    ----------
    step : int
        Steps taken.
    loss : float
        Average over about the last hundred steps.
    progress : float
        Fraction of the training that is done, 0 to 1.
    seconds : float
        Spent on the whole run so far.
    seconds_left : float
        Estimate.
    agreement : float or None
        The newest one, see `AgreementPoint`; None before the first, and where all held-out
        pixels belong together.
    history : tuple of AgreementPoint
        All measurements so far, the newest last.
    """

    step: int
    loss: float
    progress: float
    seconds: float
    seconds_left: float
    agreement: float | None = None
    history: tuple[AgreementPoint, ...] = ()


@dataclass(frozen=True)
class DistillationUpdate(AffinityTrainingUpdate):
    """Where the training of a student stands; the loss is in nats per pair of pixels."""


@dataclass(frozen=True)
class AffNetUpdate(AffinityTrainingUpdate):
    """Where the training of an AffNet stands.

    The loss is 1 - Dice (0 is perfect, 1 is worst), or in nats per pair of pixels if the training
    minimises the cross-entropy.
    """
