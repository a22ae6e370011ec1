"""A trained ReDO: a network that divides images into foreground and background."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.transform import resize
from torch import nn

from napari_inpaintaff.errors import ImageError, ParameterError
from napari_inpaintaff.foreground.border import border_share
from napari_inpaintaff.foreground.otsu import warn_constant
from napari_inpaintaff.foreground.redo.images import at_side, in_range
from napari_inpaintaff.foreground.redo.mask_network import MaskNetwork
from napari_inpaintaff.foreground.redo.metadata import REDO_KIND, ReDOMetadata
from napari_inpaintaff.networks.devices import pick_device, place
from napari_inpaintaff.networks.model_file import ModelFile, read_model_file, write_model_file
from napari_inpaintaff.networks.weights import fill_weights, weights_of

#: Sides of what enters the mask network are multiples of this.
_STRIDE = 4

_logger = logging.getLogger(__name__)


class ReDO:
    """The mask network of a training on a device.

    Parameters
    ----------
    network : Module
        Built for ``metadata.architecture``. It now belongs to the model, which moves it.
    metadata : ReDOMetadata
        Description.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """

    def __init__(self, network: nn.Module, metadata: ReDOMetadata, *, device: str = "auto") -> None:
        self.metadata = metadata
        self.device = pick_device(device)
        self._network = place(network.eval(), self.device)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> Self:
        """Load a model file.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, of another version or of another kind.
        DeviceError
            If the device is not available.
        """
        file = read_model_file(path, REDO_KIND)
        metadata = ReDOMetadata.from_json(file.metadata, source=path)
        network = MaskNetwork(metadata.architecture)
        fill_weights(network, file.weights, source=path)
        if metadata.collapsed:
            _logger.warning("the training of %s has collapsed: its masks are empty or full", path)
        return cls(network, metadata, device=device)

    def save(self, path: str | Path) -> Path:
        """Write the model to a file, atomically; its name becomes the file's.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        metadata = replace(self.metadata, name=Path(path).stem)
        file = ModelFile(REDO_KIND, metadata.to_json(), weights_of(self._network))
        return write_model_file(path, file)

    @torch.inference_mode()
    def regions(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Divide images at the scale of the network.

        Parameters
        ----------
        images : ndarray of float32, shape (N, C, Y, X)
            In [0, 1]; Y and X are multiples of 4 and 8 or more.

        Returns
        -------
        ndarray of float32, shape (N, regions, Y, X)
            In [0, 1]; they sum to 1.
        """
        values = torch.from_numpy(2 * images - 1).to(self.device)
        # One at a time: a folder of them may be larger than the memory.
        masks = [self._network(value[None]).cpu().numpy() for value in values]
        return np.concatenate(masks)

    @property
    def channels(self) -> int:
        """Channels of the images that it has learned from: 1, or 3 for colour."""
        return self.metadata.architecture.channels

    def probability(
        self, image: NDArray[np.generic], *, diameter: float | None = None
    ) -> NDArray[np.float32]:
        """Predict the foreground of an image.

        Its shorter side is resampled to the side of the images of the training.

        Parameters
        ----------
        image : ndarray, shape (Y, X) or (C, Y, X)
            Raw intensities; pixels that are not finite are unknown. Grey images count as colour
            ones of equal channels, and the other way round as their mean, if the network is for
            such.
        diameter : float, optional
            Ignored: the network knows objects by the size of the image.

        Returns
        -------
        ndarray of float32, shape (Y, X)
            In [0, 1]: what is not background, see `ReDOMetadata`. 0 where the image is unknown,
            and everywhere, with a `ConstantImageWarning`, if nothing varies in it.

        Raises
        ------
        ImageError
            If the image has other axes or no finite pixel.
        """
        del diameter
        given = self._channels(image)
        known = np.isfinite(given).all(axis=0)
        finite = given[np.isfinite(given)]
        if finite.size and finite.min() == finite.max():
            warn_constant()
            return np.zeros(image.shape[-2:], np.float32)
        values = at_side(in_range(given), self.metadata.architecture.side)
        height, width = values.shape[1:]
        padding = [(0, 0), (0, -height % _STRIDE), (0, -width % _STRIDE)]
        masks = self.regions(np.pad(values, padding, mode="edge")[None])[0]
        small = 1 - masks[self.metadata.background, :height, :width]
        shape = image.shape[-2:]
        if small.shape != shape:
            small = resize(small, shape, order=1, mode="edge", anti_aliasing=False)
        return np.where(known, np.clip(small, 0, 1), 0).astype(np.float32)

    def _channels(self, image: NDArray[np.generic]) -> NDArray[np.generic]:
        given = image[None] if image.ndim == 2 else image
        if given.ndim != 3 or given.shape[0] not in (1, 3) or given.size == 0:
            raise ImageError(
                f"the image has the axes (Y, X) or (C, Y, X) with 1 or 3 channels, got the shape "
                f"{image.shape}"
            )
        if len(given) == self.channels:
            return given
        if len(given) == 1:
            return np.repeat(given, self.channels, axis=0)
        grey: NDArray[np.float64] = np.asarray(given, np.float64).mean(axis=0, keepdims=True)
        return grey


def background_region(masks: NDArray[np.float32]) -> int:
    """Return the region that covers most of the border of images.

    Parameters
    ----------
    masks : ndarray of float32, shape (N, regions, Y, X)
        In [0, 1].
    """
    if masks.ndim != 4:
        raise ParameterError(f"masks have the axes (N, regions, Y, X), got {masks.shape}")
    return int(border_share(masks).mean(axis=0).argmax())
