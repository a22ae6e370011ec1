"""The choices of the paper's appendix A, one at a time."""

from __future__ import annotations

from dataclasses import replace

from napari_inpaintaff.separation import SeparationParameters


def variants(published: SeparationParameters) -> dict[str, SeparationParameters]:
    """Return the choices of appendix A, one changed at a time.

    Parameters
    ----------
    published : SeparationParameters
        With all of them as in the paper.

    Returns
    -------
    dict of str to SeparationParameters
        By what is different.
    """
    changed = {
        "d constant": replace(published, steady=1.0),
        "d decreases from the start": replace(published, steady=0.0),
        "no interleaved d = 1": replace(published, interleaved=False),
    }
    for sigma in published.sigmas:
        others = tuple(other for other in published.sigmas if other != sigma)
        changed[f"without sigma {sigma:g}"] = replace(published, sigmas=others)
    return {
        **changed,
        "no smoothing": replace(published, sigmas=()),
        "N: every second pixel along y and x": replace(published, spacing=2),
        "N: every third pixel along y and x": replace(published, spacing=3),
    }
