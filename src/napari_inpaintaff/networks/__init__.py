"""What all networks share: blocks, U-Nets, the model file, the training loop, devices.

Names are imported on demand: the architectures and model files are read without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.schedule import Schedule

if TYPE_CHECKING:
    from napari_inpaintaff.networks.compute import DEVICES
    from napari_inpaintaff.networks.devices import (
        bfloat16_speedup,
        inference_dtype,
        pick_device,
    )
    from napari_inpaintaff.networks.training import Optimisation, OptimiserStep, optimise
    from napari_inpaintaff.networks.unet import build_unet

__all__ = [
    "DEVICES",
    "Optimisation",
    "OptimiserStep",
    "Schedule",
    "UNetArchitecture",
    "bfloat16_speedup",
    "build_unet",
    "inference_dtype",
    "optimise",
    "pick_device",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "compute": ["DEVICES"],
        "devices": ["bfloat16_speedup", "inference_dtype", "pick_device"],
        "training": ["Optimisation", "OptimiserStep", "optimise"],
        "unet": ["build_unet"],
    },
)
