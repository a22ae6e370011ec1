"""How many splits evolve together, by the device and the memory that is free."""

from __future__ import annotations

import torch

from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.devices import free_memory

#: On a CPU the feature maps of a batch should stay in the caches: measured best (see
#: docs/performance.md).
_ON_CPU = 8
#: On a GPU more than this gains nothing, and the user waits longer for the first split.
_ON_GPU = 256


def suitable_batch(inpainter: Inpainter, patch: int) -> int:
    """Return how many splits of whole patches should evolve together.

    Parameters
    ----------
    inpainter : Inpainter
        Whose device, network and precision count.
    patch : int
        Side of a patch, in pixels.

    Returns
    -------
    int
        A power of two; on a GPU as many as fit into half of the memory that is free, at
        most 256.
    """
    if inpainter.device.type == "cpu":
        return _ON_CPU
    size = torch.empty((), dtype=inpainter.dtype).element_size()
    bytes_per_split = 2 * patch**2 * values_per_pixel(inpainter.metadata.architecture) * size
    fitting = int(free_memory(inpainter.device) / 2 / bytes_per_split)
    return 1 << max(0, min(fitting, _ON_GPU).bit_length() - 1)


def values_per_pixel(architecture: UNetArchitecture) -> float:
    """Estimate the size of all feature maps of a network while it predicts.

    Parameters
    ----------
    architecture : UNetArchitecture
        Of a plain or a partial U-Net.

    Returns
    -------
    float
        Values per pixel of the input, if nothing was freed before the end: on every level
        the outputs of both halves of the network, their input and a mask of each (which
        only partial networks have).
    """
    copies = 6 if architecture.kind == "plain" else 12
    values = 0.0
    for level, width in enumerate(architecture.widths):
        values += copies * width / (architecture.stem << level) ** 2
    return values
