"""Colours for what napari's style sheets do not reach: plots and verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari.utils.theme import get_theme


@dataclass(frozen=True)
class ThemeColours:
    """Colours as Qt and matplotlib take them, ``#rrggbb``.

    Attributes
    ----------
    background, text, quiet : str
        Behind everything, of words, of lines that do not matter.
    curve, loss : str
        Of the two curves.
    success, warning : str
        Good, and not good yet; napari's themes have no colour for the first.
    """

    background: str
    text: str
    quiet: str
    curve: str
    loss: str
    success: str
    warning: str


def theme_colours(theme: str) -> ThemeColours:
    """Return the colours that suit a theme of napari.

    Parameters
    ----------
    theme : str
        Its name, as ``viewer.theme`` says.

    Returns
    -------
    ThemeColours
    """
    colours = get_theme(theme)
    dark = _lightness(colours.background) < 0.5
    return ThemeColours(
        background=_hex(colours.background),
        text=_hex(colours.text),
        quiet="#9aa1a8" if dark else "#666a70",
        curve="#5cb3ff" if dark else "#1f5fbf",
        loss="#9aa1a8" if dark else "#666a70",
        success="#3fb950" if dark else "#1a7f37",
        warning="#e3b617" if dark else "#9a6700",
    )


def _rgb(colour: Any) -> tuple[int, int, int]:
    red, green, blue = colour.as_rgb_tuple(alpha=False)
    return red, green, blue


def _hex(colour: Any) -> str:
    return "#{:02x}{:02x}{:02x}".format(*_rgb(colour))


def _lightness(colour: Any) -> float:
    return sum(_rgb(colour)) / (3 * 255)
