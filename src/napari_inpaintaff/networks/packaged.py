"""The network of a BioImage.IO package, as programs that run such packages build it."""

from __future__ import annotations

from typing import Any

from torch import nn

from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.unet import build_unet


def packaged_unet(**architecture: Any) -> nn.Module:
    """Build a freshly initialised network from JSON values.

    Parameters
    ----------
    **architecture
        Fields of `UNetArchitecture`.

    Returns
    -------
    Module
        See `build_unet`.

    Raises
    ------
    ParameterError
        If a value cannot be.
    """
    return build_unet(UNetArchitecture.from_json(architecture))
