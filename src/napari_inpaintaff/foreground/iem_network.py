"""A network that has learned from masks of inpainting error maximisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.foreground.iem import maximise_inpainting_error
from napari_inpaintaff.foreground.iem_images import standardised
from napari_inpaintaff.foreground.iem_network_layers import IEMSegmenter
from napari_inpaintaff.foreground.iem_network_parameters import (
    IEM_NETWORK_KIND,
    IEMNetworkMetadata,
)
from napari_inpaintaff.foreground.otsu import LEVEL
from napari_inpaintaff.foreground.pictures import enlarged_map, reduced_picture
from napari_inpaintaff.networks.devices import pick_device
from napari_inpaintaff.networks.model_file import ModelFile, read_model_file, write_model_file
from napari_inpaintaff.networks.weights import fill_weights, weights_of


class IEMNetwork:
    """From a picture to the probability of foreground.

    Parameters
    ----------
    network : IEMSegmenter
        Trained.
    metadata : IEMNetworkMetadata
        Its description.
    device : str, optional
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises
    ------
    DeviceError
        If the device is not available.
    """

    def __init__(
        self, network: IEMSegmenter, metadata: IEMNetworkMetadata, *, device: str = "auto"
    ) -> None:
        self.metadata = metadata
        self.device = pick_device(device)
        self.weights = weights_of(network)
        self._network = network.eval().to(self.device)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> IEMNetwork:
        """Load a model file.

        Raises
        ------
        ModelFileError
            If it is missing, damaged, or of another kind.
        DeviceError
            If the device is not available.
        """
        file = read_model_file(path, IEM_NETWORK_KIND)
        metadata = IEMNetworkMetadata.from_json(file.metadata, source=path)
        return cls(built_segmenter(metadata, file.weights, source=path), metadata, device=device)

    def save(self, path: str | Path) -> Path:
        """Write the model to a file, atomically; its name becomes the file's.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        metadata = replace(self.metadata, name=Path(path).stem)
        return write_model_file(path, ModelFile(IEM_NETWORK_KIND, metadata.to_json(), self.weights))

    @property
    def channels(self) -> int:
        """Channels of the pictures that it has learned from."""
        return self.metadata.channels

    def probability(
        self, image: NDArray[np.generic], *, diameter: float | None = None
    ) -> NDArray[np.float32]:
        """Predict the foreground of a picture.

        It is reduced so that its shorter side is that of the pictures learned from, and seen in
        squares that overlap. A smaller one is mirrored at its borders.

        Parameters
        ----------
        image : ndarray, shape (Y, X) or (3, Y, X)
            Intensities; pixels that are not finite are unknown.
        diameter : float, optional
            Ignored: the network knows no cells.

        Returns
        -------
        ndarray of float32, shape (Y, X)
            In [0, 1]; 0 where unknown, and where all known pixels are equal. If the masks are
            refined by IEM, 0 and 1.

        Raises
        ------
        ImageError
            If the image has another shape or no known pixel.
        """
        del diameter
        values = self._colours(np.asarray(image, np.float64))
        known = np.isfinite(values).all(axis=0)
        if not known.any():
            raise ImageError(
                "no pixel of the image has a known intensity (all are NaN or infinite)"
            )
        if np.ptp(values[:, known]) == 0:
            return np.zeros(known.shape, np.float32)
        reduced = reduced_picture(values, self.metadata.side)
        found = self._of_reduced(reduced)
        if self.metadata.refine:
            found = _refined(reduced, found, str(self.device.type))
        return np.where(known, enlarged_map(found, known.shape), np.float32(0))

    def _colours(self, image: NDArray[np.float64]) -> NDArray[np.float64]:
        if image.ndim == 2:
            image = np.broadcast_to(image, (self.channels, *image.shape))
        if image.ndim != 3 or len(image) != self.channels or image.size == 0:
            raise ImageError(
                f"the network takes images (Y, X) or ({self.channels}, Y, X), got {image.shape}"
            )
        return image

    @torch.inference_mode()
    def _of_reduced(self, picture: NDArray[np.float64]) -> NDArray[np.float32]:
        """Predict in squares that cover the picture evenly, and average where they overlap."""
        side = self.metadata.side
        seen = standardised(picture[None])[0][0]
        shape = seen.shape[-2:]
        missing = [max(0, side - length) for length in shape]
        seen = np.pad(seen, ((0, 0), (0, missing[0]), (0, missing[1])), "symmetric")
        total = np.zeros(seen.shape[-2:], np.float32)
        count = np.zeros_like(total)
        for top in _starts(seen.shape[-2], side):
            for left in _starts(seen.shape[-1], side):
                part = np.s_[top : top + side, left : left + side]
                square = torch.from_numpy(seen[(slice(None), *part)].copy()).to(self.device)
                total[part] += self._network(square[None])[0, 0].sigmoid().cpu().numpy()
                count[part] += 1
        return np.asarray((total / count)[: shape[0], : shape[1]])


def _starts(length: int, side: int) -> list[int]:
    """Return where squares begin that overlap by half or a little more."""
    steps = int(np.ceil((length - side) / (side / 2)))
    return [round(step) for step in np.linspace(0, length - side, steps + 1)]


def _refined(
    picture: NDArray[np.float64], found: NDArray[np.float32], device: str
) -> NDArray[np.float32]:
    """Let IEM begin with the mask of the network."""
    start = found > LEVEL
    if not start.any() or start.all():
        return found
    result = maximise_inpainting_error(picture[None], start[None], device=device)
    return np.asarray(result.masks[0], np.float32)


def built_segmenter(
    metadata: IEMNetworkMetadata, weights: Mapping[str, NDArray[Any]], *, source: str | Path
) -> IEMSegmenter:
    """Build a network with weights from a file.

    Raises
    ------
    ModelFileError
        If they do not fit.
    """
    network = IEMSegmenter(metadata.channels, metadata.width)
    fill_weights(network, weights, source=source)
    return network
