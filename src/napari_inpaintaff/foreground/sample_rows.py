"""The picture of a training: images in columns, what became of them below; torch-free."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Images side by side, and the least side of one of them in the picture.
_COLUMNS, _SIDE = 12, 64


def sample_rows(rows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Lay images out in rows, small ones enlarged.

    Parameters
    ----------
    rows : sequence of ndarray of float32, shape (N, C, side, side)
        In [0, 1]; C is 1 or 3, and another one in every row if need be. The first twelve of
        a row are shown.

    Returns
    -------
    ndarray of float32, shape (3, Y, X)
    """
    shown = [row[:_COLUMNS] for row in rows]
    colour = [np.broadcast_to(row, (len(row), 3, *row.shape[2:])) for row in shown]
    laid = np.concatenate([np.concatenate(list(row), axis=2) for row in colour], axis=1)
    factor = max(1, -(-_SIDE // rows[0].shape[-1]))
    return laid.repeat(factor, 1).repeat(factor, 2)
