"""FGNet: a network that predicts the foreground of an image."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.transform import resize
from torch import Tensor, nn

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.foreground.fgnet_metadata import FGNetMetadata
from napari_inpaintaff.foreground.otsu import LEVEL, REFERENCE_DIAMETER
from napari_inpaintaff.foreground.specks import SMALLEST_OBJECT, lower_specks
from napari_inpaintaff.inpainting.trained_model import TrainedModel
from napari_inpaintaff.jobs import Job, Progress
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.tiles import Tiling

#: Axes of (B, 1, Y, X) along which copies of an image are flipped.
_FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))


class FGNet(TrainedModel[FGNetMetadata]):
    """A network that predicts what is foreground; see `TrainedModel` for loading and saving.

    It has learned from labels (see `train_fgnet`), and sees an image once, or four times in
    different orientations. Its level is 0.5: learned from 52 gold instances, on HeLa frames 079
    and 091 cells have 0.97 to 1.03 of their silver area there (quartiles), 1.02 to 1.10 at 0.3.
    """

    metadata_type = FGNetMetadata

    def probability(
        self, image: NDArray[np.generic], *, diameter: float | None = None, flips: bool = True
    ) -> NDArray[np.float32]:
        """Predict the foreground of an image.

        Large images go through the network in tiles, which leave no seams.

        Parameters
        ----------
        image : ndarray, shape (Y, X)
            Raw intensities; pixels that are not finite are unknown.
        diameter : float, optional
            Typical diameter of the cells in this image, in pixels; by default that of the
            images that the network has learned from.
        flips : bool, optional
            Whether the probability is the average over the image and its three mirror images.

        Returns
        -------
        ndarray of float32, shape (Y, X)
            In [0, 1]; 0 where the image is unknown. Specks and faint blots that would be
            above 0.5 are below it, see `lower_specks`.

        Raises
        ------
        ImageError
            If the image is not a plane or has no finite pixel.
        ParameterError
            If the diameter is too far from the network's.
        """
        return Job(self.iterate_probability(image, diameter=diameter, flips=flips)).run()

    def iterate_probability(
        self, image: NDArray[np.generic], *, diameter: float | None = None, flips: bool = True
    ) -> Generator[Progress, None, NDArray[np.float32]]:
        """Predict the foreground of an image, tile by tile; see `probability`.

        Yields
        ------
        Progress
            Before every tile. Not asking for the next one ends the work.

        Returns
        -------
        ndarray of float32, shape (Y, X)
            In [0, 1].
        """
        if image.ndim != 2 or image.size == 0:
            raise ImageError(f"the image must be a plane (Y, X), got the shape {image.shape}")
        zoom = self.metadata.zoom(diameter)
        values = zoom.shrink(self.normalise(image))
        architecture = self.metadata.architecture
        probability = yield from iterate_tiles(
            self._network, values, architecture, device=self.device, dtype=self.dtype, flips=flips
        )
        probability = enlarge(probability, (image.shape[0], image.shape[1]))
        probability = np.where(np.isfinite(image), probability, np.float32(0))
        smallest = (
            SMALLEST_OBJECT * (zoom.factor * self.metadata.diameter / REFERENCE_DIAMETER) ** 2
        )
        return lower_specks(probability, level=LEVEL, smallest=smallest)


def enlarge(probability: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Resample a map at the scale of a network to the pixels of the image."""
    if probability.shape == shape:
        return probability
    resized = resize(probability, shape, order=1, mode="edge", anti_aliasing=False)
    return np.asarray(resized, np.float32)


@torch.inference_mode()
def iterate_tiles(
    network: nn.Module,
    values: NDArray[np.float32],
    architecture: UNetArchitecture,
    *,
    device: torch.device,
    dtype: torch.dtype,
    flips: bool,
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Predict the foreground at the network's own scale, tile by tile.

    Parameters
    ----------
    network : Module
        In evaluation mode, with one output.
    values : ndarray of float32, shape (Y, X)
        Normalised; NaN where unknown.
    architecture : UNetArchitecture
        Of the network.
    device : torch.device
        Where the network is.
    dtype : torch.dtype
        Of its weights.
    flips : bool
        Whether to average over mirror images.

    Yields
    ------
    Progress
        Before every tile.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        In [0, 1].
    """
    shape = (values.shape[0], values.shape[1])
    tiling = Tiling.of(architecture, shape)
    padded = np.pad(values, tiling.padding, constant_values=np.nan)
    result = np.zeros(shape, np.float32)
    orientations = _FLIPS if flips else _FLIPS[:1]
    tiles = list(tiling.tiles())
    for done, tile in enumerate(tiles):
        yield Progress(done, len(tiles), "Finding the foreground…")
        image = torch.from_numpy(padded[tile.seen]).to(device)[None, None]
        total: Tensor | None = None
        for axes in orientations:
            turned = image.flip(axes)
            known = turned.isfinite()
            seen = torch.where(known, turned, 0).to(dtype)
            logits: Tensor = network(seen, known.to(dtype))
            probability = logits.float().sigmoid().flip(axes)
            total = probability if total is None else total + probability
        assert total is not None
        averaged = (total / len(orientations))[0, 0].cpu().numpy()
        result[tile.core] = tile.cut(averaged)
    return result
