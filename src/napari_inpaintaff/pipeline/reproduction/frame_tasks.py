"""Units of work on frames: their foreground, and their affinities."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.evaluation import close_gaps
from napari_inpaintaff.foreground import (
    FGNet,
    foreground_probability,
    threshold,
)
from napari_inpaintaff.images import (
    SavedAffinities,
    read_affinity_file,
    write_affinities,
)
from napari_inpaintaff.inpainting import (
    Inpainter,
)
from napari_inpaintaff.pipeline.reproduction.layout import Frame
from napari_inpaintaff.pipeline.reproduction.mask_files import read_mask_of, write_masks
from napari_inpaintaff.pipeline.tasks import Task, make_folder, read_record
from napari_inpaintaff.separation import (
    SeparationParameters,
    compute_affinities,
)


@dataclass(frozen=True)
class MasksTask(Task):
    """Predict the foreground of frames with a trained FGNet."""

    training: Path
    frames: tuple[Frame, ...]
    output: Path
    diameter: float
    device: str

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"foreground of {len(self.frames)} frames"

    def is_done(self) -> bool:
        """Whether the masks are there, or never will be."""
        return self.output.is_file() or bool((read_record(self.training) or {}).get("failed"))

    def run(self) -> None:
        """Predict."""
        if self.is_done():
            return
        network = FGNet.load(self.training.with_suffix(".safetensors"), device=self.device)
        masks = {
            frame.name: threshold(network.probability(frame.read()[0], diameter=self.diameter))
            for frame in self.frames
        }
        write_masks(self.output, masks)


@dataclass(frozen=True)
class Foreground:
    """A source of the foreground of frames.

    Attributes
    ----------
    kind : {"true", "fgnet", "global_otsu"}
        TRUEFG, the masks that a `MasksTask` wrote, or a threshold.
    masks : Path or None
        Those of an FGNet.
    """

    kind: Literal["true", "fgnet", "global_otsu"]
    masks: Path | None = None

    def is_there(self) -> bool:
        """Whether it can be read: a training may have been impossible."""
        return self.masks is None or self.masks.is_file()

    def of(
        self, frame: Frame, image: NDArray[Any], truth: NDArray[np.integer]
    ) -> NDArray[np.bool_]:
        """Return the mask of a frame, in the part of it that is looked at."""
        if self.kind == "true":
            return close_gaps(truth)
        if self.masks is not None:
            mask = read_mask_of(self.masks, frame.name)
        else:
            mask = threshold(foreground_probability(image, self.kind))
        inside = np.zeros_like(mask)
        window = frame.window()
        inside[window] = mask[window]
        return inside


@dataclass(frozen=True)
class AffinitiesTask(Task):
    """Take a frame apart with an inpainter, where some foregrounds need it.

    What an earlier run has computed of this frame is kept: affinities do not depend on what
    else is wanted.
    """

    frame: Frame
    model: Path
    separation: SeparationParameters
    diameter: float
    foregrounds: tuple[Foreground, ...]
    output: Path
    device: str

    @property
    def title(self) -> str:
        """What is done, for people."""
        return f"affinities of {self.frame.name}"

    def is_done(self) -> bool:
        """Whether nothing is missing; looks into the file."""
        before = self._before()
        if before is None or before.foreground is None:
            return False
        return not (self._wanted(*self.frame.read()) & ~before.foreground).any()

    def run(self) -> None:
        """Compute what is missing."""
        image, truth = self.frame.read()
        wanted, before = self._wanted(image, truth), self._before()
        affinities = compute_affinities(
            image,
            Inpainter.load(self.model, device=self.device),
            self.separation,
            wanted=wanted,
            previous=None if before is None else before.affinities,
            diameter=self.diameter,
        )
        if before is not None and before.foreground is not None:
            wanted |= before.foreground
        make_folder(self.output.parent)
        # The foreground says what was computed: not every pixel of it has a weight.
        write_affinities(self.output, affinities, foreground=wanted)

    def _wanted(self, image: NDArray[Any], truth: NDArray[np.integer]) -> NDArray[np.bool_]:
        wanted = np.zeros(image.shape, bool)
        for foreground in self.foregrounds:
            if foreground.is_there():
                wanted |= foreground.of(self.frame, image, truth)
        return wanted

    def _before(self) -> SavedAffinities | None:
        if not self.output.is_file():
            return None
        try:
            return read_affinity_file(self.output)
        except ImageError:  # damaged: it is computed again
            return None
