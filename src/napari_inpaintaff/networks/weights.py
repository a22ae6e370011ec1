"""The weights of a network as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_inpaintaff.errors import ModelFileError


def weights_of(network: nn.Module) -> dict[str, NDArray[np.float32]]:
    """Copy the weights of a network.

    Parameters
    ----------
    network : Module
        On any device, in any precision.

    Returns
    -------
    dict of str to ndarray of float32
        Everything that is not a counter, by name.
    """
    return {
        name: value.detach().cpu().float().numpy().copy()
        for name, value in network.state_dict().items()
        if value.is_floating_point()
    }


def fill_weights(
    network: nn.Module, weights: Mapping[str, NDArray[Any]], *, source: str | Path
) -> None:
    """Give a network its weights.

    Parameters
    ----------
    network : Module
        Changed in place.
    weights : mapping of str to ndarray
        As `weights_of` returns them.
    source : str or Path
        The file they come from, for the error message.

    Raises
    ------
    ModelFileError
        If they are not those of such a network.
    """
    tensors = {name: torch.from_numpy(value) for name, value in weights.items()}
    try:
        missing, unexpected = network.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        raise ModelFileError(f"the weights in {str(source)!r} have the wrong shapes") from error
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise ModelFileError(f"the weights in {str(source)!r} do not fit its architecture")


def narrow_weights(
    weights: Mapping[str, NDArray[np.float32]], dtype: type[np.float32 | np.float16]
) -> dict[str, NDArray[Any]]:
    """Return weights in the precision of a file.

    Parameters
    ----------
    weights : mapping of str to ndarray of float32
        As `weights_of` returns them.
    dtype : {numpy.float32, numpy.float16}
        Weights out of its range stay as they are.

    Returns
    -------
    dict of str to ndarray
        Of the same names.
    """
    return {name: _narrow(value, dtype) for name, value in weights.items()}


def _narrow(value: NDArray[np.float32], dtype: type[np.float32 | np.float16]) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        narrow = value.astype(dtype)
    return narrow if np.isfinite(narrow).all() else value
