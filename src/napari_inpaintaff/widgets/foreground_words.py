"""What the dock widget "Foreground" says of results, and of why there are none."""

from __future__ import annotations

from pathlib import Path

from napari_inpaintaff.widgets.foreground_engine import TrainedForeground
from napari_inpaintaff.widgets.model_names import model_path

NO_IMAGE = "Open an image and choose it first."
NOT_TRAINED = "Train first: nothing was learned from this image yet."
NO_MASK = "Press Find, or train: no foreground of this image was found yet."
BUSY = "Wait until what goes on is finished, or cancel it."
KNOWN = "The foreground of this plane is shown already."


def describe_found(by: str, part: float) -> str:
    """Put what a method or network has found into sentences.

    Parameters
    ----------
    by : str
        What the user reads for it.
    part : float
        Of the pixels that are foreground.

    Returns
    -------
    str
    """
    if part in (0, 1):
        what = "no foreground" if part == 0 else "nothing but foreground"
        return f"{by}: {what}. Choose another way, or paint over a few cells and press Train."
    return (
        f"{by}: {100 * part:.0f} % of the plane is foreground. Choose the mask as foreground in "
        '"Separate cells", or try another way.'
    )


def describe_trained(trained: TrainedForeground, path: Path) -> str:
    """Put the end of a training into sentences: what it is, and what comes next.

    Parameters
    ----------
    trained : TrainedForeground
        What was saved.
    path : Path
        Where.

    Returns
    -------
    str
    """
    learned = f"Learned from {trained.learned_from}."
    if trained.only_cells:
        learned += " The background was guessed: where that is wrong, paint some of it."
    if path == model_path(path.stem):
        use = f'Saved: choose {path.stem} as foreground in "Separate cells".'
    else:
        use = f"Saved as {path}."
    return f"{learned} {use} Not right yet? Paint where it is wrong, and train further."
