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
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.unet import build_unet


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
        If they are not those of such a network, or no finite numbers.
    """
    if any(value.dtype.kind != "f" or not np.isfinite(value).all() for value in weights.values()):
        raise ModelFileError(
            f"the weights in {str(source)!r} are not all finite numbers; copy or train it again"
        )
    tensors = {name: torch.from_numpy(value) for name, value in weights.items()}
    try:
        missing, unexpected = network.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        raise ModelFileError(f"the weights in {str(source)!r} have the wrong shapes") from error
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise ModelFileError(f"the weights in {str(source)!r} do not fit its architecture")


def build_filled_unet(
    architecture: UNetArchitecture, weights: Mapping[str, NDArray[Any]], *, source: str | Path
) -> nn.Module:
    """Build a network with weights from a file, if they fit.

    Parameters
    ----------
    architecture : UNetArchitecture
        What to build.
    weights : mapping of str to ndarray
        As `weights_of` returns them.
    source : str or Path
        The file they come from, for the error message.

    Raises
    ------
    ModelFileError
        If they are not those of such a network; found before memory is taken for it.
    """
    with torch.device("meta"):
        outline = build_unet(architecture).state_dict()
    given = {name: value.shape for name, value in weights.items()}
    if any(name in given and given[name] != value.shape for name, value in outline.items()):
        raise ModelFileError(f"the weights in {str(source)!r} have the wrong shapes")
    wanted = {name for name in outline if not name.endswith("num_batches_tracked")}
    if not wanted <= given.keys() <= outline.keys():
        raise ModelFileError(f"the weights in {str(source)!r} do not fit its architecture")
    network = build_unet(architecture)
    fill_weights(network, weights, source=source)
    return network


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
