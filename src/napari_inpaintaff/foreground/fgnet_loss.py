"""The risks that a foreground network minimises."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def labelled_risk(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the binary cross-entropy of labelled pixels.

    Parameters
    ----------
    logits : Tensor of float32
        Of the foreground.
    targets : Tensor of float32
        Same shape: 1 foreground, 0 background, -1 unlabelled, which does not count.

    Returns
    -------
    Tensor
        Scalar, nats per labelled pixel; 0 without any.
    """
    labelled = (targets >= 0).float()
    losses = functional.binary_cross_entropy_with_logits(
        logits, targets.clamp(min=0), labelled, reduction="sum"
    )
    risk: Tensor = losses / labelled.sum().clamp(min=1)
    return risk


def positive_unlabelled_risk(positive: Tensor, unlabelled: Tensor, prior: float) -> Tensor:
    """Return the non-negative risk where only foreground is labelled.

    Kiryo et al. 2017, "Positive-unlabeled learning with non-negative risk estimator",
    equation 6, with the logistic loss: unlabelled pixels count as background, corrected for
    the foreground among them, and what is left of their risk must not fall below zero, as it
    does when a network overfits. Below zero the gradient is reversed, as their algorithm 1
    does with gamma 1.

    Parameters
    ----------
    positive : Tensor of float32, shape (P,)
        Logits of pixels that are labelled as foreground.
    unlabelled : Tensor of float32, shape (U,)
        Logits of pixels from anywhere.
    prior : float
        Part of the pixels that is foreground, in (0, 1).

    Returns
    -------
    Tensor
        Scalar, in nats per pixel.
    """
    # softplus(-x) is the logistic loss of calling x foreground, softplus(x) background.
    as_positive = functional.softplus(-positive).mean() if len(positive) else unlabelled.sum() * 0
    wrongly_negative = functional.softplus(positive).mean() if len(positive) else as_positive
    negative = functional.softplus(unlabelled).mean() - prior * wrongly_negative
    if float(negative) < 0:
        return prior * as_positive.detach() - negative
    return prior * as_positive + negative
