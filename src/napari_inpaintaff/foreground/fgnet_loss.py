"""The risk that a foreground network minimises."""

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
