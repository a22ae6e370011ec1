"""DET of the Cell Tracking Challenge: how far the detections are from the markers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from napari_inpaintaff.errors import ImageError
from napari_inpaintaff.evaluation.overlap import overlap

#: What it costs to correct a detection by hand (Matula et al. 2015): to split one object
#: into two, to add a missing one, and to delete a wrong one.
_SPLIT, _ADD, _DELETE = 5, 10, 1


def det_score(frames: Iterable[tuple[ArrayLike, ArrayLike]]) -> float:
    """Return DET, as the Cell Tracking Challenge defines it.

    A marker is detected by the object that covers more than half of it. DET is 1 minus the
    cost of correcting the detections divided by that of adding all of them by hand, at
    least 0 (Matula et al. 2015; Maška et al. 2023).

    Parameters
    ----------
    frames : iterable of (labels, markers)
        Integer label images, 0 is background, both of one shape. The markers are those of
        the tracking truth (``TRA/man_track*.tif``): every object of a frame has one.

    Returns
    -------
    float in [0, 1]

    Raises
    ------
    ImageError
        When the shapes of a pair differ, one is not a label image, or there is no marker.
    """
    cost = markers = 0
    for labels, truth in frames:
        table = overlap(labels, truth)
        covers = 2 * table.shared > table.reference_sizes[table.references]
        detected = np.bincount(table.objects[covers], minlength=table.object_sizes.size)
        markers += table.reference_sizes.size
        cost += _SPLIT * int(np.maximum(detected - 1, 0).sum())
        cost += _ADD * (table.reference_sizes.size - int(np.count_nonzero(covers)))
        cost += _DELETE * int(np.count_nonzero(detected == 0))
    if not markers:
        raise ImageError("there are no markers, so there is nothing to compare with")
    return 1 - min(cost, _ADD * markers) / (_ADD * markers)
