"""What the commands that write a label image say in the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TIFF = (".tif", ".tiff")


def report_labels(path: Path, labels: NDArray[np.integer[Any]]) -> None:
    """Print how many objects there are.

    Parameters
    ----------
    path : Path
        The file.
    labels : ndarray of int, shape (..., Y, X)
        0 is background; objects count anew in every plane.
    """
    planes = labels.reshape(-1, *labels.shape[-2:])
    counts = [int(np.count_nonzero(np.unique(plane))) for plane in planes]
    where = f" in {len(planes)} planes" if len(planes) > 1 else ""
    print(f"{path}: {sum(counts)} objects{where}")
