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
from napari_inpaintaff.images import Normalisation, PlaneReader, Region, within
from napari_inpaintaff.inpainting.trained_model import TrainedModel
from napari_inpaintaff.jobs import Job, Progress
from napari_inpaintaff.networks.architecture import UNetArchitecture
from napari_inpaintaff.networks.tile_prediction import predict_tile
from napari_inpaintaff.networks.tiles import Tile, Tiling

#: Axes of (B, 1, Y, X) along which copies of an image are flipped.
_FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))


class FGNet(TrainedModel[FGNetMetadata]):
    """A network that predicts what is foreground; see `TrainedModel` for loading and saving.

    It has learned from labels (see `train_fgnet`), and sees an image once, or four times in
    different orientations. Its level is 0.5: learned from 52 gold instances, on HeLa frames 079
    and 091 cells have 0.97 to 1.03 of their silver area there (quartiles), 1.02 to 1.10 at 0.3.
    """

    metadata_type = FGNetMetadata

    @property
    def channels(self) -> int:
        """Channels of the images that it takes: 1."""
        return 1

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
        probability = yield from self._iterate_tiles(values, flips=flips)
        probability = zoom.enlarge_map(probability, (image.shape[0], image.shape[1]))
        probability = np.where(np.isfinite(image), probability, np.float32(0))
        return lower_specks(probability, level=LEVEL, smallest=self.smallest_object(diameter))

    def iterate_window(
        self,
        plane: PlaneReader,
        core: Region,
        normalisation: Normalisation,
        *,
        diameter: float | None = None,
    ) -> Generator[Progress, None, NDArray[np.float32]]:
        """Predict the foreground of a part of a plane just as `probability` does, with specks.

        Parameters
        ----------
        plane : PlaneReader
            Raw intensities. What is read reaches beyond the core.
        core : tuple of two slices
            Rows and columns, with start and stop.
        normalisation : Normalisation
            Of the plane, see `normalisation_of`.
        diameter : float, optional
            See `probability`.

        Yields
        ------
        Progress
            Before every tile.

        Returns
        -------
        ndarray of float32
            Of the core's shape, in [0, 1]; 0 where the image is unknown.
        """
        zoom = self.metadata.zoom(diameter)
        tiling = Tiling.of(self.metadata.architecture, plane.shape)
        window = zoom.window(
            plane.shape, core, halo=tiling.margin + tiling.stride, multiple=tiling.stride
        )
        values = window.shrink(self.normalise_window(plane, window.image, normalisation))
        box = zoom.window(plane.shape, core, halo=2).working
        found = yield from self._iterate_tiles(values, box=within(box, window.working))
        probability = window.enlarge_map(found, core)
        return np.where(np.isfinite(plane.read_region(core)), probability, np.float32(0))

    def smallest_object(self, diameter: float | None = None) -> float:
        """Return how many image pixels a component has at least, to count as cells."""
        cell = self.metadata.zoom(diameter).factor * self.metadata.diameter
        return SMALLEST_OBJECT * (cell / REFERENCE_DIAMETER) ** 2

    def _iterate_tiles(
        self, values: NDArray[np.float32], *, flips: bool = True, box: Region | None = None
    ) -> Generator[Progress, None, NDArray[np.float32]]:
        return iterate_tiles(
            self._network,
            values,
            self.metadata.architecture,
            device=self.device,
            dtype=self.dtype,
            flips=flips,
            box=box,
        )


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
    box: Region | None = None,
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
    box : tuple of two slices, optional
        Rows and columns that are needed, by default all; the others remain 0.

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

    def predict(tile: Tile) -> NDArray[np.float32]:
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
        averaged: NDArray[np.float32] = (total / len(orientations))[0, 0].cpu().numpy()
        return averaged

    tiles = list(tiling.tiles(box))
    for done, tile in enumerate(tiles):
        yield Progress(done, len(tiles), "Finding the foreground…")
        for part, probability in predict_tile(tiling, tile, predict):
            result[part.core] = probability
    return result
