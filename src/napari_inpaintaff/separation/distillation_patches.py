"""The patches that a student learns from: where they lie, and what the inpainter finds there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.images import Plane
from napari_inpaintaff.images.zoom import ScalarT, Zoom
from napari_inpaintaff.inpainting.inpainter import Inpainter
from napari_inpaintaff.jobs import Progress
from napari_inpaintaff.separation.distillation_parameters import Distillation
from napari_inpaintaff.separation.stream import PatchLeaves, split_patches
from napari_inpaintaff.separation.training_patches import Patches, drawn_origins, shares

#: Part of the patches that is drawn around the user's labels, where there are any.
_LABELLED_SHARE = 0.25

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StudyImage:
    """An image that a student learns from.

    Attributes
    ----------
    plane : Plane
        Its pixels.
    foreground : ndarray of bool, shape (Y, X), or None
        Where the cells are; None means everywhere.
    labels : ndarray of int, shape (Y, X), or None
        Cells that the user has labelled; 0 is unlabelled.
    """

    plane: Plane
    foreground: NDArray[np.bool_] | None = None
    labels: NDArray[np.integer] | None = None

    def __post_init__(self) -> None:
        for name in ("foreground", "labels"):
            array = getattr(self, name)
            if array is not None and array.shape != self.plane.shape:
                raise ImageError(
                    f"the {name} {array.shape} must have the shape of {self.plane.name}, "
                    f"{self.plane.shape}"
                )

    @property
    def foreground_pixels(self) -> int:
        """How many pixels patches are drawn around."""
        if self.foreground is None:
            return self.plane.shape[0] * self.plane.shape[1]
        return int(np.count_nonzero(self.foreground))

    @property
    def labelled_pixels(self) -> int:
        """How many pixels the user has labelled."""
        return 0 if self.labels is None else int(np.count_nonzero(self.labels))


def sample_patches(
    images: Sequence[StudyImage],
    inpainter: Inpainter,
    distillation: Distillation,
    *,
    diameter: float | None = None,
) -> Generator[Progress, None, Patches]:
    """Cut patches out of images, at random places with foreground.

    Parameters
    ----------
    images : sequence of StudyImage
        Each gets patches in proportion to its foreground. A quarter of all lies around the
        user's labels, if there are any.
    inpainter : Inpainter
        Normalises the images.
    distillation : Distillation
        How many patches, their side and the seed.
    diameter : float, optional
        Of the cells in these images, in pixels; see `Zoom`.

    Yields
    ------
    Progress
        Before every image is read.

    Returns
    -------
    Patches
        In random order, not taken apart yet. Fewer than asked for where images are small.

    Raises
    ------
    ImageError
        If there is no foreground, or no image can be read.
    ParameterError
        If the diameter is too far from the inpainter's.
    """
    zoom = inpainter.metadata.zoom(diameter)
    labelled = [image.labelled_pixels for image in images]
    around_labels = round(_LABELLED_SHARE * distillation.patches) if any(labelled) else 0
    anywhere = [image.foreground_pixels for image in images]
    counts = np.stack(
        [shares(anywhere, distillation.patches - around_labels), shares(labelled, around_labels)],
        axis=1,
    )
    chosen = np.flatnonzero(counts.any(1))
    if not len(chosen):
        raise ImageError("the images have no foreground: there is nothing to learn from")
    found: list[Patches] = []
    problem = ""
    for done, index in enumerate(chosen.tolist()):
        yield Progress(done, len(chosen), "Reading the images…")
        random = np.random.default_rng([distillation.seed, index])
        try:
            values = zoom.shrink(inpainter.normalise(images[index].plane.read()))
        except ImageError as error:
            problem = f"{images[index].plane.name}: {error}"
            _logger.warning("skipped %s", problem)
            continue
        side = distillation.separation.patch
        numbers = counts[index].tolist()
        found.append(_patches_of(images[index], index, values, zoom, numbers, side, random))
    if not sum(map(len, found)):
        raise ImageError(f"no image can be learned from ({problem or 'no pixel is known'})")
    joined = Patches(
        *(
            np.concatenate([getattr(patches, field.name) for patches in found])
            for field in fields(Patches)
        )
    )
    return joined[np.random.default_rng(distillation.seed).permutation(len(joined))]


def _patches_of(
    image: StudyImage,
    index: int,
    values: NDArray[np.float32],
    zoom: Zoom,
    counts: Sequence[int],
    side: int,
    random: np.random.Generator,
) -> Patches:
    """Cut patches out of an image: some around foreground, some around labels."""
    known = np.isfinite(values)
    labels = np.zeros(values.shape, np.int32)
    if image.labels is not None:
        labels = np.where(known, zoom.shrink_labels(image.labels), 0).astype(np.int32)
    foreground = known
    if image.foreground is not None:
        foreground = known & zoom.shrink_labels(image.foreground)
    origins = {
        origin: None
        for mask, count in zip((foreground, labels > 0), counts, strict=True)
        for origin in drawn_origins(mask, count, side, random)
    }

    def cut(plane: NDArray[ScalarT], fill: float) -> NDArray[ScalarT]:
        padded = np.pad(plane, side, constant_values=fill)
        parts = [padded[y + side : y + 2 * side, x + side : x + 2 * side] for y, x in origins]
        return np.array(parts, plane.dtype).reshape(-1, side, side)

    return Patches(
        image=np.full(len(origins), index),
        origin=np.array(list(origins), np.int64).reshape(-1, 2),
        values=cut(values, np.nan),
        wanted=cut(foreground | (labels > 0), False),
        labels=cut(labels, 0),
        leaves=np.zeros((len(origins), side, side), np.int16),
    )


def take_apart(
    patches: Patches,
    inpainter: Inpainter,
    distillation: Distillation,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Progress, None, Patches]:
    """Have the inpainter take patches apart.

    They lie below each other in one image, whatever images they are of: a patch's leaves
    depend on nothing around it, and batches are full until the end.

    Parameters
    ----------
    patches : Patches
        Each with a wanted pixel.
    inpainter : Inpainter
        Predicts hidden pixels.
    distillation : Distillation
        How to split.
    stop : callable, optional
        Asked after every network batch; True leaves it at the patches that are finished.

    Yields
    ------
    Progress
        After every network batch.

    Returns
    -------
    Patches
        With leaves.
    """
    side = patches.side
    stacked = (len(patches) * side, side)
    leaves: dict[int, NDArray[np.int16]] = {}
    updates = split_patches(
        patches.values.reshape(stacked),
        [(index * side, 0) for index in range(len(patches))],
        inpainter,
        distillation.separation,
        wanted=patches.wanted.reshape(stacked),
    )
    for update in updates:
        if isinstance(update, PatchLeaves):
            leaves[update.origin[0] // side] = update.leaves
            continue
        yield Progress(len(leaves), len(patches), "IGM labels of patches")
        if stop():
            break
    finished = sorted(leaves)
    taken = patches[np.array(finished, np.int64)]
    for place, index in enumerate(finished):
        taken.leaves[place] = leaves[index]
    return taken
